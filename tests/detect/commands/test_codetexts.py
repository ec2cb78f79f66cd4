import pytest

from stopper.detect.commands.codetexts import is_made, mute, spell

SPELLED = {
    # what is tried          code                                                  what it says
    "joined":                ("f(['r','m'].join(''))",                             "f('rm')"),
    "joined by commas":      ("f(['r','m'].join())",                               "f('r,m')"),
    "joined words":          ('f(%w[delete all].join("_"))',                       "f('delete_all')"),
    "joined in a table":     ('f(table.concat({"a","b"}, "-"))',                   "f('a-b')"),
    "turned round":          ('f(strrev("metsys"))',                               "f('system')"),
    "turned round in lists": ("f('mr'.split('').reverse().join(''))",              "f('rm')"),
    "hexadecimal":           ("f(Buffer.from('726d','hex').toString())",           "f('rm')"),
    "base64":                ("f(atob('cm0='))",                                   "f('rm')"),
    "by thirteen letters":   ('f(str_rot13("ez"))',                                "f('rm')"),
    "codes":                 ("f(String.fromCharCode(114,109))",                   "f('rm')"),
    "replaced":              ("f('rXm'.replace('X',''))",                          "f('rm')"),
    "a name in a variable":  ('$f="system"; $f("a")',                              '$f="system"; system("a")'),
    "a method by its name":  ('Kernel.send("system", "a")',                        'Kernel.system("a")'),
    "a member by its name":  ("fs['rmSync']('a')",                                 "fs.rmSync('a')"),
    "nothing to spell":      ("print(1)",                                          "print(1)"),
}  # fmt: skip
MADE = {
    # what is tried            code                                       whether it is
    "run as it is decoded":    ("eval(base64_decode($a))",                 True),
    "called as it is joined":  ("$f = implode('', $a); $f('x');",          True),
    "called by a variable":    ("&{$f}('x')",                              True),
    "printed as it is joined": ("print join(',', @a)",                     False),
    "run as it is written":    ("system('ls')",                            False),
}  # fmt: skip


@pytest.mark.parametrize(("code", "spelled"), SPELLED.values(), ids=SPELLED)
def test_spelling(code: str, spelled: str) -> None:
    """Each row becomes the text in its last column."""
    assert spell(code) == spelled


@pytest.mark.parametrize(("code", "made"), MADE.values(), ids=MADE)
def test_what_is_made(code: str, made: bool) -> None:
    assert is_made(code) is made


def test_what_is_only_shown_is_no_code() -> None:
    assert mute('p "FileUtils.rm_rf(a)"') == "p ''"
    assert mute('system "rm a"') == 'system "rm a"'
