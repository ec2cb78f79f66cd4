"""Every text in a value, and one spelling for equal values."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.guards.texts import MAX_DEPTH, MAX_NODES, TooMuch, canonical, shown_name, walk

VALUES: dict[str, tuple[Any, set[tuple[str, str]]]] = {
    "a text":            ("x",                              {("", "x")}),
    "a dict":            ({"a": "x", "n": 1},               {("", "a"), ("", "n"), ("a", "x")}),
    "a list in a dict":  ({"a": ["x", ("y",)]},             {("", "a"), ("a", "x"), ("a", "y")}),
    "sets":              ({"a": {"x"}, "b": frozenset("y")}, {("", "a"), ("", "b"), ("a", "x"), ("b", "y")}),
    "bytes":             ({"a": b"x\xff"},                  {("", "a"), ("a", "x\xff")}),
    "a key that is odd": ({(1, "k"): "x"},                  {("", "k"), ("", "x")}),
    "numbers":           ([1, 2.5, None, True],             set()),
}  # fmt: skip


@pytest.mark.parametrize(("value", "texts"), VALUES.values(), ids=VALUES)
def test_walk(value: Any, texts: set[tuple[str, str]]) -> None:
    assert set(walk(value)) == texts


def test_nothing_hides_behind_depth_or_size() -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    circle: dict[str, Any] = {}
    circle["self"] = circle
    for value in (deep, circle, ["x"] * (MAX_NODES + 1)):
        with pytest.raises(TooMuch):
            list(walk(value))


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=8))
def test_the_order_of_keys_never_matters(value: dict[str, Any]) -> None:
    again = dict(reversed(value.items()))
    assert canonical({"a": [value]}) == canonical({"a": [again]})


class Faulty:
    def __repr__(self) -> str:
        raise RuntimeError


def test_every_value_has_a_spelling() -> None:
    circle: list[Any] = []
    circle.append(circle)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    values = [Faulty(), {(1, 2): "x"}, {"a": at}, "\ud800", {1, "a"}, object, 10**400]
    assert len({canonical(value) for value in values}) == len(values)
    assert canonical(circle) == canonical([0] * (MAX_NODES + 1)) == canonical(Faulty())
    assert canonical({"n": 1}) != canonical({"n": 1.5})


NAMES = {
    "a word":      ("url",              "argument 'url'"),
    "two words":   ("webhook_url",      "argument 'webhook_url'"),
    "camel case":  ("webhookUrl",       "argument 'webhookUrl'"),
    "digits":      ("k1" * 8,           "an argument"),
    "empty":       ("",                 "an argument"),
    "long":        ("a" * 90,           "an argument"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES)
def test_names_in_reasons(name: str, shown: str) -> None:
    assert shown_name(name) == shown
