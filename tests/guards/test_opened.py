"""What objects hold is looked at, and what would be used up by looking is not."""

from collections import OrderedDict, deque
from enum import Enum, IntEnum, StrEnum
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest

from stopper.guards.opened import MAX_NODES, Odd, TooMuch, spelled


class Both(dict[str, Any]):
    """A dict that shows others than it holds."""

    def items(self) -> Any:
        return {"shown": 1}.items()


class Pair(NamedTuple):
    one: int
    two: int


class Row(msgspec.Struct):
    url: str


class Colour(Enum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "one"


class Fails:
    """A sequence that cannot be read."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, at: int) -> Any:
        raise RuntimeError(at)


class Endless:
    """A sequence that says it is short."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, at: int) -> Any:
        return at


HELD: dict[str, tuple[Any, Any, bool]] = {
    # an object              itself                          holds                           is honest
    "an ordered dict":       (OrderedDict(a=1),              {"a": 1},                       True),
    "a named tuple":         (Pair(1, 2),                    [1, 2],                         True),
    "a dict that lies":      (Both(held=2),                  [{"held": 2}, {"shown": 1}],    False),
    "a deque":               (deque([1]),                    [1],                            True),
    "a range":               (range(2),                      [0, 1],                         True),
    "a record":              (Row("x"),                      {"url": "x"},                   True),
    "a namespace":           (SimpleNamespace(a=1),          {"a": 1},                       True),
    "an enum":               (Colour.RED,                    ["red"],                        True),
    "a number of an enum":   (Number.ONE,                    None,                           True),
    "a word of an enum":     (Word.ONE,                      None,                           True),
    "a class":               (dict,                          None,                           True),
    "a text":                ("x",                           None,                           True),
    "bytes":                 (memoryview(b"x"),              None,                           True),
}  # fmt: skip


@pytest.mark.parametrize(("value", "holds", "is_honest"), HELD.values(), ids=HELD)
def test_what_an_object_holds(value: Any, holds: Any, is_honest: bool) -> None:
    odd = Odd(value)
    assert (odd.holds, odd.is_honest) == (holds, is_honest)


ONCE: dict[str, Any] = {
    "an iterator": iter([1]),
    "a generator": (one for one in [1]),
    "one that fails": Fails(),
    "one without end": Endless(),
    "one that is too long": range(MAX_NODES + 1),
}


@pytest.mark.parametrize("value", ONCE.values(), ids=ONCE)
def test_what_cannot_be_looked_at(value: Any) -> None:
    with pytest.raises(TooMuch):
        Odd(value)


def test_an_iterator_is_not_used_up() -> None:
    value = iter([1, 2])
    with pytest.raises(TooMuch):
        Odd(value)
    assert list(value) == [1, 2]


def test_what_is_told_by_its_text() -> None:
    class Silent:
        def __str__(self) -> str:
            raise RuntimeError

    assert spelled(b"\xff") == ("\xff",)
    assert spelled(Word.ONE) == ("one",)
    assert spelled(1.5) == ("1.5",)
    assert spelled(Silent())[0].endswith("Silent")
