"""Secrets and destinations in every shape that arguments and outputs can have: nothing hides one."""

import asyncio
import base64
import json
import random
import string
from array import array
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest

from stopper.guards import GuardChain, create_default_guard_chain

RANDOM = random.Random(5)  # noqa: S311  samples
SECRET = "AKIA" + "".join(RANDOM.choices(string.ascii_uppercase + "234567", k=16))
INSIDE = "http://169.254.169.254/latest"


class Shown:
    """An object that only its `str` tells about."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


class Silent:
    """An object that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@dataclass
class Data:
    url: str


class Fields(msgspec.Struct):
    url: str


class Pair(NamedTuple):
    url: str
    n: int = 1


class Lies(dict[str, Any]):
    """A dict that shows others than it holds."""

    def items(self) -> Any:
        return {}.items()

    values = items

    def __iter__(self) -> Iterator[str]:
        return iter(())


class Speaks(dict[str, Any]):
    """A dict that holds others than it shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def items(self) -> Any:
        return {"url": self.text}.items()


class LyingList(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(())


class LyingText(str):  # noqa: SLOT000  it has a text of its own
    """A text that says another when it is asked."""

    text: str

    def __str__(self) -> str:
        return self.text


def lying_text(text: str) -> LyingText:
    made = LyingText("https://example.com/")
    made.text = text
    return made


class Rows:
    """As arrays are: they show their ends only, and give their items in turn."""

    def __init__(self, text: str) -> None:
        self._rows = ["x"] * 500 + [text] + ["x"] * 500

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: int) -> str:
        return self._rows[at]

    def __repr__(self) -> str:
        return "[x, x, ..., x, x]"


class MoreRows(Rows):
    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)


def nested(value: Any, depth: int = 30) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def enumerated(text: str) -> Any:
    return StrEnum("Place", {"URL": text}).URL  # type: ignore[attr-defined]


def plainly_enumerated(text: str) -> Any:
    kind: Any = Enum
    return kind("Place", {"URL": text})["URL"]


def coroutine(text: str) -> Any:
    async def later() -> str:
        return text

    made = later()
    made.close()
    return made


SHAPES: dict[str, Callable[[str], Any]] = {
    "a text":                 lambda x: x,
    "a text in spaces":       lambda x: f"\n  {x}\t",
    "bytes":                  lambda x: x.encode(),
    "a bytearray":            lambda x: bytearray(x.encode()),
    "a view of memory":       lambda x: memoryview(x.encode()),
    "a tuple":                lambda x: (x,),
    "a set":                  lambda x: {x},
    "a frozen set in a list": lambda x: [frozenset({x})],
    "a key in a list":        lambda x: [{x: 1}],
    "a key that is a tuple":  lambda x: [{(x, 1): 2}],
    "a key that is bytes":    lambda x: {x.encode(): 1},
    "deep in lists":          nested,
    "JSON in a text":         lambda x: json.dumps({"url": x}),
    "JSON twice":             lambda x: json.dumps(json.dumps({"url": x})),
    "a named tuple":          Pair,
    "a dataclass":            Data,
    "a struct":               Fields,
    "an object":              Shown,
    "objects in a list":      lambda x: [Shown("x"), Shown(x)],
    "an object's fields":     lambda x: SimpleNamespace(url=x),
    "a path":                 PurePosixPath,
    "an enum":                plainly_enumerated,
    "a text of an enum":      enumerated,
    "an ordered dict":        lambda x: OrderedDict(url=x),
    "a default dict":         lambda x: defaultdict(str, url=x),
    "a counter":              lambda x: Counter({x: 1}),
    "a user's dict":          lambda x: UserDict(url=x),
    "a user's list":          lambda x: UserList([x]),
    "a view of a dict":       lambda x: MappingProxyType({"url": x}),
    "a chain of maps":        lambda x: ChainMap({}, {"url": x}),
    "the values of a dict":   lambda x: {"url": x}.values(),
    "a deque":                lambda x: deque([x]),
    "a dict that hides":      lambda x: Lies(url=x),
    "a dict that shows more": Speaks,
    "a list that hides":      lambda x: LyingList([x]),
    "a text that says another": lying_text,
    "rows that show little":  Rows,
    "an iterable of them":    MoreRows,
    "a generator":            lambda x: (y for y in [x]),
    "an iterator":            lambda x: iter([x]),
    "a map":                  lambda x: map(str, [x]),
    "a coroutine":            coroutine,
    "beside half a character": lambda x: [x, "\ud800"],
    "beside what cannot be shown": lambda x: [Silent(), x],
    "beside no number":       lambda x: [float("nan"), float("inf"), Decimal("sNaN"), x],
    "beside a huge number":   lambda x: [1 << 1_000_000, -(1 << 70), x],
    "beside an odd key":      lambda x: {None: 1, 2.5: 2, Fraction(1, 2): x},
    "behind nine thousand":   lambda x: ["a"] * 9000 + [x],
}  # fmt: skip
# What is read in several ways by those who get it: as text, it is no destination by itself.
NO_DESTINATION = {"JSON in a text", "JSON twice", "a path"}


def said(chain: GuardChain, args: dict[str, Any]) -> list[str]:
    """The code that stops a call, and that of the same call when it may wait."""
    now = chain.check_all("fetch", args)
    chain.reset()
    later = asyncio.run(chain.check_all_async("fetch", args))
    chain.reset()
    assert (now.code, now.reason, now.stopped_at) == (later.code, later.reason, later.stopped_at)
    return [now.code] if now.blocked else []


CHAIN = create_default_guard_chain()


@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES)
def test_no_shape_hides_a_secret(make: Callable[[str], Any]) -> None:
    for name in ("url", "note"):
        assert said(CHAIN, {name: make(SECRET)})
    assert CHAIN.check_output("read", {}, make(SECRET)).blocked
    assert CHAIN.check_output("read", {}, {"note": make(SECRET)}).blocked


@pytest.mark.parametrize(
    ("make"), [m for n, m in SHAPES.items() if n not in NO_DESTINATION],
    ids=[n for n in SHAPES if n not in NO_DESTINATION],
)  # fmt: skip
def test_no_shape_hides_a_destination(make: Callable[[str], Any]) -> None:
    for name in ("url", "note"):
        assert said(CHAIN, {name: make(INSIDE)})


@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES)
def test_no_shape_is_refused_for_itself(make: Callable[[str], Any]) -> None:
    """What says nothing bad may go, as long as all of it can be looked at."""
    shape = make("https://example.com/")
    once = hasattr(shape, "__next__") or hasattr(shape, "__await__")
    assert bool(said(CHAIN, {"note": shape})) is once


NUMBERS = {"loopback": 2130706433, "metadata": 2852039166, "of more bits": 2852039166 + 2**32}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_no_number_hides_a_host(number: int) -> None:
    assert said(CHAIN, {"host": number})
    assert said(CHAIN, {"url": [number]})
    assert not said(CHAIN, {"id": number, "url": 80, "host": True})


def test_keys_of_arguments_are_looked_at() -> None:
    assert said(CHAIN, {SECRET: 1}) == ["sensitive.found"]
    assert said(CHAIN, {INSIDE: 1}) == ["network.metadata"]


def test_bytes_that_are_encoded_are_looked_at() -> None:
    for text in (base64.b64encode(SECRET.encode()), SECRET.encode("utf-16"), array("b", SECRET.encode()).tobytes()):  # fmt: skip
        assert said(CHAIN, {"note": text})
