import pytest

from stopper.detect.commands import is_dangerous, judge_command

FILES = {
    # what is encrypted                  command, and whether it is dangerous
    "many, in place":             ('for f in *; do openssl enc -aes256 -k k -in "$f" -out "$f"; done', True),
    "many, and moved back":       ('for f in a/*; do age -r k -o "$f.e" "$f" && mv "$f.e" "$f"; done', True),
    "many, and deleted":          ('for f in a/*; do gpg --symmetric "$f"; rm "$f"; done', True),
    "what find finds":            ("find . -type f -exec gpg -c {} ';' -exec rm {} ';'", True),
    "many, by a program that replaces":  ("find ~/a -type f -exec ccrypt -e -K k {} +", True),
    "a folder, by such a program":  ("ccrypt -e -r -K k ~/Documents", True),
    "many, by one that unlinks":  ('for f in ~/a/*; do mcrypt -k k -u "$f"; done', True),
    "one, by such a program":  ("ccrypt -e -K k a.tar", False),
    "many, and kept":             ('for f in a/*; do gpg -c "$f"; done', False),
    "one, and deleted":           ("openssl enc -aes256 -k k -in a.tar -out a.e && rm a.tar", False),
    "many, decrypted":            ('for f in *.gpg; do gpg -d "$f" > "${f%.gpg}"; rm "$f"; done', False),
    "a digest of many":           ('for f in a/*; do openssl dgst "$f"; rm "$f"; done', False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), FILES.values(), ids=FILES)
def test_ciphers(command: str, dangerous: bool) -> None:
    """Many files whose plain text goes are as good as lost."""
    assert is_dangerous(judge_command(command)) == dangerous
