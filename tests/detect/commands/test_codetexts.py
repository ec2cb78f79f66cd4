import pytest

from stopper.detect.commands.codetexts import call_plainly, is_made, mute

CALLED = {
    # what is tried               code                                      as a plain call
    "a name in a variable":       ('$f="system"; $f("a")',                  '$f="system"; system("a")'),
    "a name given twice":         ('$f="a"; $f="b"; $f("c")',               '$f="a"; $f="b"; $f("c")'),
    "a method by its name":       ('Kernel.send("system", "a")',            'Kernel.system("a")'),
    "a method without arguments": ('a.send("clear")',                       "a.clear"),
    "a function by its name":     ('call_user_func("system", "a")',         'system("a")'),
    "a member by its name":       ("fs['rmSync']('a')",                     "fs.rmSync('a')"),
    "a text in brackets":         ("('system')('a')",                       "system('a')"),
    "nothing to call":            ("print(1)",                              "print(1)"),
}  # fmt: skip
MADE = {
    # what is tried            code                                       whether it is
    "run as it is decoded":    ("eval(base64_decode($a))",                 True),
    "called as it is joined":  ("$f = implode('', $a); $f('x');",          True),
    "called by a variable":    ("&{$f}('x')",                              True),
    "printed as it is joined": ("print join(',', @a)",                     False),
    "run as it is written":    ("system('ls')",                            False),
}  # fmt: skip


@pytest.mark.parametrize(("code", "plain"), CALLED.values(), ids=CALLED)
def test_calls_by_texts(code: str, plain: str) -> None:
    """Each row becomes the text in its last column."""
    assert call_plainly(code) == plain


@pytest.mark.parametrize(("code", "made"), MADE.values(), ids=MADE)
def test_what_is_made(code: str, made: bool) -> None:
    assert is_made(code) is made


def test_what_is_only_shown_is_no_code() -> None:
    assert mute('p "FileUtils.rm_rf(a)"') == "p ''"
    assert mute('system "rm a"') == 'system "rm a"'
