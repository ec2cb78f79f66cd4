"""Values of named variables: nothing of one is left, and JSON stays JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.detect.assigned import without_values

MARK = "[M]"
GIVEN = {
    # what we try                   text                                        what comes out
    "a shell":                      ("FOO=a b",                                 "FOO=[M] b"),
    "commas in a shell":            ("FOO=a,b,c d",                             "FOO=[M] d"),
    "a list in a sentence":         ("(FOO=a, B=c)",                            "(FOO=[M], B=c)"),
    "quotes":                       ('FOO="a b" c',                             "FOO=[M] c"),
    "quotes over lines":            ("FOO='a\nb' c",                            "FOO=[M] c"),
    "an expansion":                 ("FOO=${X:-a b}$(c d)`e f` g",              "FOO=[M] g"),
    "an array":                     ("FOO=(a b) c",                             "FOO=[M] c"),
    "a line that goes on":          ("FOO=a\\\nb c",                            "FOO=[M] c"),
    "nothing":                      ("FOO=\nB=1",                               "FOO=\nB=1"),
    "words in YAML":                ("FOO: two words here\nB: 1",               "FOO: [M]\nB: 1"),
    "an item in YAML":              ("  - FOO: two, words # c\n  - B: 1",       "  - FOO: [M]\n  - B: 1"),
    "an apostrophe in YAML":        ("FOO: it's two",                           "FOO: [M]"),
    "quotes in YAML":               ('FOO: "a b" # c',                          'FOO: "[M]" # c'),
    "a flow in YAML":               ("{FOO: two words, B: 1}",                  "{FOO: [M], B: 1}"),
    "a colon alone":                ("FOO:a b",                                 "FOO:[M] b"),
    "blanks around":                ("FOO = two words\nB = 1",                  "FOO = [M]\nB = 1"),
    "Python":                       ("{'FOO': 'a b', 'B': 1}",                  "{'FOO': '[M]', 'B': 1}"),
    "a number in Python":           ("{'FOO': 12, 'B': 1}",                     "{'FOO': '[M]', 'B': 1}"),
    "a number in JSON":             ('{"FOO":123,"A":1}',                       '{"FOO":"[M]","A":1}'),
    "words of JSON":                ('[{"FOO": null}, {"FOO": true}]',          '[{"FOO": "[M]"}, {"FOO": "[M]"}]'),
    "what nests in JSON":           ('{"FOO": [1, {"k": "v"}], "x": 1e5}',      '{"FOO": ["[M]", {"k": "[M]"}], "x": 1e5}'),
    "a shell in JSON":              (r'{"env": "FOO=\"a b\" FOO=c d"}',         '{"env": "FOO=[M] FOO=[M] d"}'),
    "YAML in JSON":                 (r'{"env": "FOO: a b\nB: 1"}',              r'{"env": "FOO: [M]\nB: 1"}'),
    "JSON in JSON":                 (json.dumps({"a": '{"FOO": "x y"}'}),       json.dumps({"a": '{"FOO": "[M]"}'})),
    "signs in JSON":                ('{"FOO": "a", "ü": "ü FOO=b", "e": "\\/"}', '{"FOO": "[M]", "ü": "ü FOO=[M]", "e": "\\/"}'),
    "half a character in JSON":     (r'{"a": "\ud800 FOO=b"}',                  r'{"a": "\ud800 FOO=[M]"}'),
    "a line of JSON":               ('FOO="x\ny"\n{"FOO": 1}\nB=1',             'FOO=[M]\n{"FOO": "[M]"}\nB=1'),
    "an event":                     ('data: {"FOO": 1}\n\n',                    'data: {"FOO": "[M]"}\n\n'),
    "JSON behind words":            ('log {"FOO":"a","B":"c"}',                 'log {"FOO":"[M]","B":"c"}'),
    "JSON that is cut":             (r'{"env": "FOO=\"a b\" c',                 '{"env": "FOO=[M] c'),
    "a text in quotes":             (r'"FOO=\"a b\""',                          '"FOO=[M]"'),
    "other names":                  ("MY_FOO=1 FOO_B=2 FOO",                    "MY_FOO=1 FOO_B=2 FOO"),
    "another key":                  ('{"MY_FOO": 1, "a": "FOO"}',               '{"MY_FOO": 1, "a": "FOO"}'),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), GIVEN.values(), ids=GIVEN)
def test_given(text: str, expected: str) -> None:
    """And a second time changes nothing."""
    assert without_values(text, ["FOO"], MARK) == expected
    assert without_values(expected, ["FOO"], MARK) == expected


def test_a_longer_name_comes_before_its_beginning() -> None:
    assert without_values("A.B=x A=y", ["A", "A.B", "A", ""], MARK) == "A.B=[M] A=[M]"
    assert without_values("A=y", [], MARK) == "A=y"


def test_json_in_json_is_read_to_a_depth() -> None:
    text = "FOO=secret"
    for _ in range(12):
        text = json.dumps({"a": text})
    assert "secret" not in without_values(text, ["FOO"], MARK)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["FOO=q", 'FOO="q q"', "FOO: q q", "x"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["FOO", "B", "FOO=q"]), inner, max_size=3)
    | inner.map(json.dumps),
    max_leaves=8,
)  # fmt: skip


@given(VALUES, st.booleans())
def test_json_stays_json(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    after = without_values(text, ["FOO"], MARK)
    json.loads(after)
    assert "q" not in after


HOSTILE = {
    "backslashes": "FOO=" + "\\" * 100_000,
    "quotes behind backslashes": "FOO=" + "\\\"a\\'" * 20_000,
    "names": "FOO=" * 50_000,
    "brackets": "FOO=" + "(`${" * 20_000,
    "blanks": "FOO" + " " * 100_000,
    "lines": "FOO: a\n" * 20_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_take_no_time(text: str) -> None:
    """What backtracks would not come back."""
    assert "FOO" in without_values(text, ["FOO"], MARK)
