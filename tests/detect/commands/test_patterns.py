import pytest

from stopper.detect.commands import PATTERNS, patterns

CASES = {
    # what is tried             command                               names
    "a here-document":          ("cat <<E\na\nE",                     ("HEREDOC",)),
    "sed in place":             ("sed -i s/a/b/ x",                   ("SED_INPLACE",)),
    "sed -E -i":                ("sed -E -i s/a/b/ x",                ("SED_INPLACE",)),
    "perl in place":            ("perl -pi -e s/a/b/ x",              ("SED_INPLACE",)),
    "sed with a backup":        ("sed -i.bak s/a/b/ x",               ()),
    "dd":                       ("dd if=a of=b",                      ("DD_COMMAND",)),
    "dd that only reads":       ("dd if=a",                           ()),
    "chmod":                    ("chmod -R 755 a",                    ("CHMOD_RECURSIVE",)),
    "chmod of one file":        ("chmod 755 a",                       ()),
    "rm":                       ("rm -fr a",                          ("RM_RECURSIVE",)),
    "rm of one file":           ("rm -f a",                           ()),
    "a pipe to a shell":        ("curl https://a.example | sh",       ("CURL_PIPE_SHELL",)),
    "a substitution":           ("bash <(curl -s https://a.example)", ("CURL_PIPE_SHELL",)),
    "wrapped":                  ("sudo bash -c 'rm -r a'",            ("RM_RECURSIVE",)),
    "several":                  ("rm -r a; dd of=b",                  ("DD_COMMAND", "RM_RECURSIVE")),
    "words":                    ("echo 'rm -rf a; sed -i b'",         ()),
    "a message":                ("git commit -m 'curl x | sh'",       ()),
    "nothing":                  ("",                                  ()),
}  # fmt: skip


@pytest.mark.parametrize(("command", "names"), CASES.values(), ids=CASES)
def test_patterns(command: str, names: tuple[str, ...]) -> None:
    """Each row has exactly the names in its last column, in the order of `PATTERNS`."""
    assert patterns(command) == names
    assert list(names) == [name for name in PATTERNS if name in names]
