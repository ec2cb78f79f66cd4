"""Every text in a value, and how large values are."""

from collections import OrderedDict, UserList, deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.guards import texts as module
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


LEAVES = (
    st.none() | st.booleans() | st.floats() | st.text(max_size=3)
    | st.integers(-3, 3) | st.integers(10_000_000 - 1, 10_000_001) | st.integers(2**128 - 1, 2**128)
)  # fmt: skip
ODD = st.binary(max_size=2) | st.sets(st.integers(0, 3), max_size=2) | st.complex_numbers()
KEYS = st.text(max_size=2) | st.integers(0, 2)
ANYTHING = st.recursive(
    LEAVES | ODD,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(st.text(max_size=2), max_size=3)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@settings(max_examples=600)
@given(ANYTHING, st.integers(0, 4), st.integers(0, 12))
def test_plain_data_is_measured_as_all_else(value: Any, max_depth: int, max_items: int) -> None:
    """One walk is compiled and knows plain data alone; the other knows everything."""
    assert measure(value) == module._measured(value, MAX_DEPTH, MAX_NODES)
    assert measure(value, max_depth, max_items) == module._measured(value, max_depth, max_items)


@settings(max_examples=600)
@given(ANYTHING, st.text(max_size=2))
def test_texts_of_plain_data_are_those_of_all_else(value: Any, key: str) -> None:
    found, slow = Texts(value, key), Texts("")
    slow._find(key, value)
    assert [(name, [*some]) for name, some in found.groups] == [
        (name, [*some]) for name, some in slow.groups
    ]
    assert (found.numbers, found.is_plain, found.is_whole) == (
        slow.numbers, slow.is_plain, slow.is_whole,
    )  # fmt: skip


def test_both_walks_end_where_there_is_too_much() -> None:
    circle: list[Any] = []
    circle.append(circle)
    deep: Any = []
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    for value in (circle, deep, [deep], [[0] * MAX_NODES], [[0] * (MAX_NODES + 1)]):
        assert measure(value) == module._measured(value, MAX_DEPTH, MAX_NODES)
        slow = Texts("")
        slow._find("", value)
        assert Texts(value).is_whole == slow.is_whole


def test_a_plain_install_is_compiled() -> None:
    assert vars(module)["_walk"]
