"""Every text in a value, and how large values are."""

from collections import OrderedDict, UserList, deque
from typing import Any

import pytest

from stopper.guards.texts import (
    MAX_DEPTH,
    MAX_NODES,
    Texts,
    TooMuch,
    is_bounded,
    measure,
    shown_name,
    walk,
)

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


SHAPES: dict[str, tuple[Any, tuple[int, int, int]]] = {
    # value                       depth, items, longest list
    "a text":             ("x" * 99,                        (0, 0, 0)),
    "a number":           (1,                               (0, 0, 0)),
    "an empty list":      ([],                              (1, 0, 0)),
    "lists in a dict":    ({"a": [1, 2], "b": (1, 2, 3)},   (2, 7, 3)),
    "dicts in a list":    ([{"a": 1, "b": 2, "c": 3}],      (2, 4, 1)),
    "a set":              ({1, 2},                          (1, 2, 2)),
    "other kinds":        (OrderedDict(a=deque([1])),       (2, 2, 1)),
}  # fmt: skip


@pytest.mark.parametrize(("value", "shape"), SHAPES.values(), ids=SHAPES)
def test_shapes(value: Any, shape: tuple[int, int, int]) -> None:
    assert measure(value)[:3] == shape


def test_what_is_huge_is_not_counted_to_its_end() -> None:
    bomb: Any = "x"
    for _ in range(40):
        bomb = [bomb] * 40
    assert measure(bomb).items > MAX_NODES
    circle: list[Any] = []
    circle.append(circle)
    assert measure(circle).depth == MAX_DEPTH + 1


def test_objects_in_many_places_are_not_opened_again_and_again() -> None:
    part = UserList(["x"] * 50_000)
    for value in ([part] * 90_000, UserList([part] * 90_000), {"a": (part,) * 90_000}):
        assert measure(value).items > MAX_NODES
        assert not is_bounded(value)
        assert not Texts(value).is_whole


def test_what_shows_others_than_it_holds_is_not_plain() -> None:
    class Shows(dict[str, str]):
        def items(self) -> Any:
            return {"shown": "y"}.items()

    value = {"a": [Shows(held="x")]}
    assert not measure(value).is_plain
    assert not Texts(value).is_plain
    assert set(walk(value)) == {
        ("", "a"),
        ("", "held"),
        ("", "shown"),
        ("held", "x"),
        ("shown", "y"),
    }


def test_numbers_that_may_be_addresses_have_their_names() -> None:
    value = {"host": 2130706433, "n": 5, "many": [1 << 31, True, 1 << 200]}
    assert sorted(Texts(value).numbers) == [("host", 2130706433), ("many", 1 << 31)]
    assert not list(walk([1 << 31]))


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
