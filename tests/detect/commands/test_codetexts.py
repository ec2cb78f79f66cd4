import pytest

from stopper.detect.commands.codetexts import (
    blank_patterns,
    call_plainly,
    is_made,
    mute,
    name_attributes,
    unalias,
)

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
TAKEN = {
    # what is tried            code                                       with its attributes named
    "a sum of texts":          ("getattr(a.b(), 'c' + 'd')(1)",            "getattr(a.b()).cd(1)"),
    "one text":                ('getattr(a, "b")()',                       "getattr(a).b()"),
    "one that a name holds":   ("m = 'b'\ngetattr(a, m)()",                  "m = 'b'\ngetattr(a).b()"),
    "a caller of methods":     ("methodcaller('b')(a)",                    ".b()(a)"),
    "one that is kept":  ("f = getattr(a, 'b')", "f = a.b("),
    "other calls":             ("getattr; a(b, 'c')",                      "getattr; a(b, 'c')"),
    "one by its own name":     ("getattr; a.__getattribute__('b')()",      "getattr; a.b()"),
    "one with a default":      ("getattr(a, 'b', 'c')",                    "getattr(a, 'b', 'c')"),
}  # fmt: skip
MADE = {
    # what is tried            code                                       whether it is
    "run as it is decoded":    ("eval(base64_decode($a))",                 True),
    "called as it is joined":  ("$f = implode('', $a); $f('x');",          True),
    "called by a variable":    ("&{$f}('x')",                              True),
    "printed as it is joined": ("print join(',', @a)",                     False),
    "run as it is written":    ("system('ls')",                            False),
}  # fmt: skip

RENAMED = {
    # what is tried              code                                                 under its own name
    "taken apart":              ('const {execSync: a} = b; a("c")',                   'const {execSync: a} = b; execSync("c")'),
    "imported":                 ('import {exec as a} from "b"; a("c")',               'import {exec as a} from "b"; exec("c")'),
    "assigned":                 ('const a = b.spawn; a("c")',                         'const a = b.spawn; spawn("c")'),
    "held as a method":         ("a = method(:system); a.call('c')",                  "a = method(:system); system('c')"),
    "wrapped":                  ("const a = b => b.exec(b); a('c')",                  "const a = b => b.exec(b); exec('c')"),
    "an alias":                 ("alias a system; a 'c'",                             "alias a system; system 'c'"),
    "another method":           ("b.a('c')",                                          "b.a('c')"),
    "nothing that runs":        ("const {parse: a} = b; a('c')",                      "const {parse: a} = b; a('c')"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "plain"), RENAMED.values(), ids=RENAMED)
def test_other_names(code: str, plain: str) -> None:
    assert unalias(code) == plain


def test_what_is_only_sought_is_no_code() -> None:
    assert blank_patterns("re.findall(r'curl a', b)") == "re.findall('', b)"
    assert blank_patterns("re.compile('a').pattern") == "re.compile('a').pattern"


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


@pytest.mark.parametrize(("code", "named"), TAKEN.values(), ids=TAKEN)
def test_attributes_are_named(code: str, named: str) -> None:
    assert name_attributes(code) == named
