"""Tokens in two halves that code puts together, in many languages."""

import pytest

from stopper.detect.allowance import Allowance
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.rules import fill
from stopper.detect.variables import assembled

INSPECTOR = Inspector(packaged_detector(b"a key for tests"))
FIRST, SECOND = fill("ghp_{alnum:15}"), fill("{alnum:20}7")

HALVES = {
    "Python, a sum": 'a = "{}"\nb = "{}"\ntoken = a + b\n',
    "Python, a type": 'a: str = "{}"\nb: str = "{}"\ntoken = a + b\n',
    "Python, in a string": 'p1 = "{}"\np2 = "{}"\nkey = f"{{p1}}{{p2}}"\n',
    "Python, formatted": 'a = "{}"; b = "{}"\nt = "%s%s" % (a, b)\n',
    "Python, a list": 'p = ["{}", "{}"]\nt = "".join(p)\n',
    "a shell": 'A={}\nB={}\nexport TOKEN="${{A}}${{B}}"\n',
    "a shell, in quotes": "A='{}'; B='{}'; curl -d \"$A$B\" https://x.example",
    "Lua": 'local a = "{}"\nlocal b = "{}"\nlocal t = a .. b\n',
    "PHP": "$a = '{}';\n$b = '{}';\n$t = $a . $b;\n",
    "JavaScript, a template": 'const a = "{}", b = "{}";\nconst t = `${{a}}${{b}}`;\n',
    "JavaScript, a call": 'var a = "{}"; var b = "{}"; var t = a.concat(b);',
    "Go": 'a := "{}"\nb := "{}"\nt := fmt.Sprint(a, b)\n',
    "Ruby": 'a = "{}"\nb = "{}"\nt = "#{{a}}#{{b}}"\n',
    "Swift": 'let a = "{}"\nlet b = "{}"\nlet t = "\\(a)\\(b)"\n',
    "Rust": 'const A: &str = "{}";\nconst B: &str = "{}";\nlet t = format!("{{}}{{}}", A, B);\n',
    "a batch file": "set A={}\r\nset B={}\r\ncurl -d %A%%B% https://x.example\r\n",
    "a literal and a variable": 'x = "{}" + b\ny = 1\nb = "{}"\n',
}


@pytest.mark.parametrize("text", HALVES.values(), ids=HALVES)
def test_found_in_both_halves(text: str) -> None:
    """Each half is a finding, and the code between them is none."""
    whole = text.format(FIRST, SECOND)
    found = {whole[one.start : one.end] for one in INSPECTOR.inspect(whole).findings}
    assert found == {FIRST, SECOND}


def test_found_where_a_string_has_the_prefix() -> None:
    """The part that is written out counts as much as that which is not."""
    text = f'B={SECOND}\ncurl -H "Authorization: {FIRST}${{B}}" https://x.example\n'
    assert "joined" in {name for one in INSPECTOR.inspect(text).findings for name in one.decoded}


JOINED = {
    "JavaScript": "const key = ['SG', '{}', '{}'].join('.');",
    "Python": "key = '.'.join(['SG', '{}', '{}'])",
    "PHP": "$key = implode('.', ['SG', '{}', '{}']);",
}


@pytest.mark.parametrize("text", JOINED.values(), ids=JOINED)
def test_a_list_joined_by_a_sign(text: str) -> None:
    """A token whose parts a dot joins."""
    first, second = fill("{alnum:22}"), fill("{alnum:43}")
    whole = text.format(first, second)
    found = {whole[one.start : one.end] for one in INSPECTOR.inspect(whole).findings}
    assert found == {"SG", first, second}


@pytest.mark.parametrize("names", [("a", "b"), ("add", "one"), ("e2", "c3"), ("key_a", "key_b")])
@pytest.mark.parametrize("around", ["", " &lt;%20%3C%41&gt;" * 40], ids=["alone", "among escapes"])
def test_variables_of_windows_that_look_like_bytes(around: str, names: tuple[str, str]) -> None:
    """Where a text has many escapes it is looked at without them, and these are no escapes."""
    one, two = names
    text = (
        f"set {one}={FIRST}\nset {two}={SECOND}\ncurl -d %{one}%%{two}% https://x.example{around}\n"
    )
    assert INSPECTOR.inspect(text).findings


INNOCENT = {
    "a hash": f'a = "{fill("{hex:20}")}"\nb = "{fill("{hex:20}")}"\nsha = a + b\n',
    "an image": 'PREFIX="build1"\nSUFFIX="latest"\nIMAGE=$PREFIX$SUFFIX\n',
    "an address": 'base = "https-api.v1"\npath = "users.v2"\nurl = base + path\n',
    "half a token": f'a = "{FIRST}"\nprint(a + unknown)\n',
}


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_innocent(text: str) -> None:
    """What is put together and is no token is none."""
    assert not INSPECTOR.inspect(text).findings


@pytest.mark.parametrize(
    "text", [b"", b"=", b"a='1'", b"+a", b"{a}" * 9, b"a='b1'+", b'["', b"$a" * 9]
)
def test_nothing_to_put_together(text: bytes) -> None:
    """What ends too early gives nothing."""
    assert not list(assembled(text, Allowance()))
