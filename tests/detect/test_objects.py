"""Values of any shape as JSON, and back."""

import json
from collections import OrderedDict
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.detect.objects import MAX_DEPTH, distinct, of_kind, restored, written


class Name(StrEnum):
    A = "a"


class Number(IntEnum):
    ONE = 1


class Pair(NamedTuple):
    left: object
    right: object


TIME = datetime(2026, 1, 1, tzinfo=UTC)
WRITTEN: dict[str, tuple[Any, str]] = {
    # what we try            value                          its JSON
    "a text":               ('a"\n\u00e4',                 '"a\\"\\n\\u00e4"'),
    "bytes":                (b"a\xe4",                     '"a\\u00e4"'),
    "half a character":     ("a\udc80",                    '"a\\udbfd\\udc80"'),
    "a name of one's own":  (Name.A,                       '"a"'),
    "numbers":              ([1, -2.5, 10**39],            f"[1, -2.5, {10**39}]"),
    "numbers JSON has not": ([10**40, float("nan"), Number.ONE], "[null, null, null]"),
    "words":                ((True, False, None),          "[true, false, null]"),
    "what is odd":          ([TIME, 1j, object],           "[null, null, null]"),
    "a pair":               (Pair(1, ()),                  "[1, []]"),
    "a set":                (frozenset({1}),               "[1]"),
    "an object":            ({"a": {"b": 1}},              '{"a": {"b": 1}}'),
    "keys that are equal":  ({1: 1, "": 2, b"": 3, (4,): 5}, '{"": 1, "": 2, "": 3, "": 5}'),
    "an ordered dict":      (OrderedDict(a=1),             '{"a": 1}'),
}  # fmt: skip


@pytest.mark.parametrize(("value", "text"), WRITTEN.values(), ids=WRITTEN)
def test_written(value: Any, text: str) -> None:
    """And what was not changed comes back."""
    assert written(value) == text
    if value == value:  # noqa: PLR0124  what is no number is not
        assert restored(value, text) == value


CHANGED: dict[str, tuple[Any, str, str, Any]] = {
    # what we try           value               from        to              what comes back
    "a text":               (["a", "b"],        '"a"',      '"M"',          ["M", "b"]),
    "bytes":                ((b"a", b"\xff"),   '"a"',      '"M"',          (b"M", b"\xff")),
    "a number":             ([12, 3],           "12",       '"M"',          ["M", 3]),
    "another number":       ([12, 3],           "12",       "13",           [12, 3]),
    "what is odd":          ([TIME, "a"],       "null",     '"M"',          [TIME, "a"]),
    "a word":               ([True, "a"],       "true",     '"M"',          [True, "a"]),
    "a key":                ({"a": 1},          '"a"',      '"M"',          {"M": 1}),
    "two keys":             ({"a": 1, "M": 2},  '"a"',      '"M"',          {"M": 1, "M-2": 2}),
    "a key in bytes":       ({b"a": 1, b"M": 2}, '"a"',     '"M"',          {b"M": 1, b"M-2": 2}),
    "a key that is no text": ({1: "a"},         '""',       '"M"',          {1: "a"}),
    "below a named tuple":  (Pair("a", {"b"}),  '"b"',      '"M"',          Pair("a", {"M"})),
}  # fmt: skip


@pytest.mark.parametrize(("value", "old", "new", "expected"), CHANGED.values(), ids=CHANGED)
def test_restored(value: Any, old: str, new: str, expected: Any) -> None:
    after = restored(value, written(value).replace(old, new))
    assert after == expected
    assert type(after) is type(expected)


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.frozensets(LEAVES, max_size=4)
        | st.dictionaries(LEAVES, inner, max_size=4)
    ),
)


@given(VALUES)
def test_what_is_not_changed_comes_back(value: Any) -> None:
    """And is JSON meanwhile."""
    text = written(value)
    json.loads(text)
    assert restored(value, text) == value


def test_circles_end() -> None:
    value: list[Any] = ["a"]
    value.append(value)
    text = written(value)
    assert text.count("a") == MAX_DEPTH
    assert restored(value, text.replace("a", "b"))[1][0] == "b"


def test_distinct() -> None:
    assert distinct([("a", 1), ("a", 2), ("a-2", 3), (b"a", 4), (b"a", 5)]) == {
        "a": 1, "a-2": 2, "a-2-2": 3, b"a": 4, b"a-2": 5,
    }  # fmt: skip


@pytest.mark.parametrize("value", [[1], (1,), {1}, frozenset({1}), Pair(1, 2)])
def test_of_kind(value: Any) -> None:
    assert of_kind(value, list(value)) == value
    assert type(of_kind(value, list(value))) is type(value)
