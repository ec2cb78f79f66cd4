"""Equal arguments have one spelling, and no others share it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.guards.canonical import NO_SPELLING, canonical, digest, signature

KEY = bytes(range(32))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=9,
)  # fmt: skip


def turned(value: Any) -> Any:
    """The same with every order of keys turned round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def spelled(value: Any) -> str:
    """A spelling that tells types apart, as `1` and `True`."""
    if isinstance(value, dict):
        return f"map {sorted((key, spelled(item)) for key, item in value.items())!r}"
    return repr([spelled(item) for item in value]) if isinstance(value, list) else repr(value)


@given(PLAIN)
def test_the_order_of_keys_does_not_count(value: Any) -> None:
    assert canonical(value) == canonical(turned(value))
    assert digest({"a": value}) == digest({"a": turned(value)})
    assert signature("t", value, KEY) == signature("t", turned(value), KEY)


@given(PLAIN, PLAIN)
def test_what_differs_is_spelled_otherwise(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) is (spelled(one) == spelled(other))


def test_tool_and_key_count() -> None:
    assert signature("a", {}, KEY) != signature("b", {}, KEY)
    assert signature("a", {}, KEY) != signature("a", {}, KEY[::-1])


def bomb() -> list[Any]:
    """Sixty lists that would be 2**60 if they were written out."""
    value: list[Any] = ["x"]
    for _ in range(60):
        value = [value, value]
    return value


def deep() -> list[Any]:
    """More lists inside each other than any reader's stack has room for."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def circle() -> list[Any]:
    """A list that holds itself, twice."""
    value: list[Any] = []
    value += [value, value]
    return value


@pytest.mark.parametrize("make", [bomb, deep, circle])
def test_what_has_no_end_is_not_spelled(make: Callable[[], Any]) -> None:
    for value in ({"a": make()}, make()):
        with pytest.raises(ValueError, match="nests too deep"):
            canonical(value)
        with pytest.raises(ValueError, match="nests too deep"):
            digest(value)
        assert signature("t", value, KEY) == signature("t", {"other": make()}, KEY)
        assert signature("t", value, KEY) != signature("u", value, KEY)


class Shy:
    """Has no text."""

    def __str__(self) -> str:
        raise OSError


@dataclass
class Holds:
    """Is what it holds."""

    a: Any


ONE, OTHER = Shy(), Shy()
HUGE = 1 << 10_000_000
DIFFERENT: dict[str, tuple[Any, Any]] = {
    # what they are             one                     another
    "paths":                   (Path("/a"),             Path("/b")),
    "a path and a text":       (Path("/a"),             "/a"),
    "exceptions":              (ValueError("a"),        ValueError("b")),
    "types of one text":       (ValueError("a"),        KeyError("a")),
    "objects without a text":  (ONE,                    OTHER),
    "large numbers":           (10**30,                 10**30 + 1),
    "of another sign":         (10**30,                 -(10**30)),
    "a number and its text":   (10**30,                 str(10**30)),
    "numbers without end":     (HUGE,                   HUGE + 1),
    "in sets":                 ({10**30},               {10**31}),
    "in records":              (Holds(10**30),          Holds(10**31)),
    "in objects":              (deque([Path("/a")]),    deque([Path("/b")])),
    "halves of characters":    ("\ud800",              "\ud801"),
    "keys that are numbers":   ({1: 2},                 {"1": 2}),
    "keys of several types":   ({1: 2, "a": 3},         {1: 3, "a": 2}),
    "large keys":              ({10**30: 1},            {10**31: 1}),
    "complex numbers":         (1 + 2j,                 1 - 2j),
    "beside a large number":   ([10**30, Path("/a")],   [10**30, Path("/b")]),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_values_that_differ_have_signatures_that_do(one: Any, other: Any) -> None:
    assert signature("t", one, KEY) == signature("t", one, KEY)
    assert signature("t", {"a": one, "b": 1}, KEY) == signature("t", {"b": 1, "a": one}, KEY)
    assert signature("t", {"a": one}, KEY) != signature("t", {"a": other}, KEY)
    assert signature("t", {"a": one}, KEY) != signature("t", circle(), KEY)


def test_large_numbers_are_plain_data() -> None:
    for one, other in ((10**30, 10**30 + 1), (-(2**63) - 1, 2**64), (HUGE, -HUGE)):
        assert digest({"a": [one], "b": 1}) == digest({"b": 1, "a": [one]})
        assert digest({"a": [one]}) != digest({"a": [other]})


def test_an_odd_object_is_not_the_text_that_names_it() -> None:
    names = (Shy.__qualname__, Shy.__qualname__.encode())
    assert all(signature("t", name, KEY) != signature("t", ONE, KEY) for name in names)
    assert signature("t", ONE, KEY) == signature("t", ONE, KEY)


def test_what_is_no_plain_data_has_a_signature_and_no_digest() -> None:
    for odd in ({"a": object()}, {"a": circle()}, {"a": "\ud800"}):
        assert len(signature("t", odd, KEY)) == 16
        with pytest.raises(NO_SPELLING):
            digest(odd)
