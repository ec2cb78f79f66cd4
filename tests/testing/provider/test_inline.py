from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.testing.provider import Encoding, Fault, Script, ScriptError, Tool, read_inline

TURNS: dict[str, tuple[str, list[Script]]] = {
    # what is written: (prompt, turns)
    "nothing": ("say hi", []),
    "an empty script": ("[[mock:]]", [Script()]),
    "numbers": ("[[mock: tokens=400 delay_ms=2.5]]", [Script(tokens=400, delay_ms=2.5)]),
    "words around it": ("do [[mock: tokens=4]] please", [Script(tokens=4)]),
    "the last of two": ("[[mock: tokens=1]] [[mock: tokens=2]]", [Script(tokens=2)]),
    "a text with brackets": ('[[mock: text="a ]] \\"b\\""]]', [Script(text='a ]] "b"')]),
    "a text of digits": ("[[mock: text=42]]", [Script(text="42")]),
    "an empty text": ('[[mock: text=""]]', [Script(text="")]),
    "switches": ("[[mock: ignore_limit omit_usage]]", [Script(ignore_limit=True, omit_usage=True)]),
    "a tool": ('[[mock: tool=sh:{"a": ["]]"]}]]', [Script(tools=(Tool("sh", '{"a": ["]]"]}'),))]),
    "two tools": ("[[mock: tool=a:{} tool=b:{}]]", [Script(tools=(Tool("a"), Tool("b")))]),
    "a tool of free text": (
        '[[mock: tool=exec:"text(1)"]]',
        [Script(tools=(Tool("exec", '"text(1)"'),))],
    ),
    "two turns": (
        '[[mock: tool=a:{} then text="b c"]]',
        [Script(tools=(Tool("a"),)), Script(text="b c")],
    ),
    "an error": ("[[mock: error=429]]", [Script(fault=Fault(429))]),
    "an error in mid-stream": (
        "[[mock: error_after=9 tokens=50]]",
        [Script(tokens=50, fault=Fault(after=9))],
    ),
    "a coding": (
        "[[mock: encoding=br force_encoding]]",
        [Script(encoding=Encoding.BR, force_encoding=True)],
    ),
    "a redirect": ("[[mock: redirect=http://h/p?a=b]]", [Script(redirect="http://h/p?a=b")]),
    "lines": ("[[mock:\n tokens=1\n then\n tokens=2 ]]", [Script(tokens=1), Script(tokens=2)]),
}

MISTAKES = {
    # what is wrong          prompt                                 what the error names
    "no end":                ("[[mock: tokens=4",                   "no closing"),
    "no such setting":       ("[[mock: tokns=4]]",                  "tokns"),
    "no number":             ("[[mock: tokens=many]]",              "tokens"),
    "no value":              ("[[mock: tokens]]",                   "`tokens` needs a value"),
    "no name":               ("[[mock: =4]]",                       "found '=4]]'"),
    "no JSON":               ("[[mock: tool=sh:{a:1}]]",            "arguments of tool 'sh'"),
    "no arguments":          ("[[mock: tool=sh]]",                  "tool=NAME:"),
    "a list":                ("[[mock: tool=sh:[1]]]",              "tool 'sh'"),
    "an open text":          ('[[mock: text="a]]',                  "a text is no JSON"),
    "not an error":          ("[[mock: error=200]]",                "status"),
    "words twice":           ("[[mock: text=a tokens=3]]",          "not both"),
}  # fmt: skip


@pytest.mark.parametrize(("prompt", "turns"), TURNS.values(), ids=TURNS)
def test_read_inline(prompt: str, turns: list[Script]) -> None:
    """Each prompt gives the turns in its last column."""
    assert read_inline(prompt) == turns


@pytest.mark.parametrize(("prompt", "named"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(prompt: str, named: str) -> None:
    """A script that does not read says what is wrong."""
    with pytest.raises(ScriptError, match=named):
        read_inline(prompt)


@given(st.text(alphabet='[]mock: =then"{}\\a1_', max_size=60))
def test_anything_reads_or_is_refused(text: str) -> None:
    """No prompt breaks the reader in any other way."""
    with suppress(ScriptError):
        assert read_inline(f"[[mock:{text}")
