"""Equal arguments have one spelling, and no others share it."""

from collections.abc import Callable
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


def test_a_number_without_end_is_not_spelled() -> None:
    huge = 1 << 10_000_000
    with pytest.raises(NO_SPELLING):
        canonical({"n": huge})
    assert len(signature("t", {"n": huge}, KEY)) == 16


def test_an_odd_object_is_not_the_text_that_names_it() -> None:
    class Odd:
        pass

    names = (Odd.__qualname__, Odd.__qualname__.encode())
    assert all(signature("t", name, KEY) != signature("t", Odd(), KEY) for name in names)
    assert signature("t", Odd(), KEY) == signature("t", Odd(), KEY)


def test_what_is_no_plain_data_has_a_signature_and_no_digest() -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    for odd in ({"a": object()}, circle, {"a": "\ud800"}, {"a": 2**70}):
        assert len(signature("t", odd, KEY)) == 16
        with pytest.raises((TypeError, ValueError, OverflowError, RecursionError)):
            digest(odd)
