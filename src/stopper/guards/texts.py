"""The texts in a value of any shape, and how large it is."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from stopper.guards.opened import (
    CONTAINERS,
    EXACT,
    MAX_DEPTH,
    MAX_NODES,
    Odd,
    TooMuch,
    spelled,
)

try:
    from stopper.guards import _walk
except ImportError:  # there was no compiler
    _walk = None  # type: ignore[assignment]

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "Shape",
    "Texts",
    "TooMuch",
    "contents",
    "is_bounded",
    "is_within",
    "measure",
    "shown_name",
    "walk",
]

_TEXT = frozenset({str})
_NUMBERS = frozenset({int, float, bool, type(None)})
_LEAVES = _NUMBERS | _TEXT
_MIN_NUMBER: Final = 10_000_000
_MAX_NUMBER: Final = 2**128
_MAX_NAME: Final = 40
_PLAIN_NAME = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)*")


class Texts:
    """Every text in `value`, in groups that have a name in common; a text alone is a group too.

    The name is the key, or that of the list the texts are in. Keys themselves come without a name,
    bytes as latin-1, objects opened or by their `str`. `numbers` are those that could be read as
    addresses. With `is_whole` false there is more than was looked at, so that nothing may hide
    behind its size; with `is_plain` false something shows others than it holds, and both are here.
    """

    __slots__ = ("_left", "groups", "is_plain", "is_whole", "numbers")

    def __init__(self, value: Any, key: str = "") -> None:
        self.is_plain = self.is_whole = True
        self.groups: list[tuple[str, Sequence[str]]]
        self.numbers: list[tuple[str, int]]
        bounds = MAX_NODES, _MIN_NUMBER, _MAX_NUMBER
        plain = _walk.texts(value, key, *bounds) if _walk else None
        if plain is None:
            self._find(key, value)
        else:
            self.groups, self.numbers = plain

    def _find(self, key: str, value: Any) -> None:
        """The same for any value."""
        self.groups, self.numbers, self._left = [], [], MAX_NODES
        try:
            self._visit(key, value, 0)
        except TooMuch:
            self.is_whole = False

    def _visit(self, name: str, item: Any, depth: int) -> None:
        if type(item) not in EXACT:
            odd = Odd(item)
            self.is_plain = self.is_plain and odd.is_honest
            if odd.holds is None:
                self._leaf(name, item)
                return
            item = odd.holds
        self._left -= len(item)
        if depth >= MAX_DEPTH or self._left < 0:
            raise TooMuch
        if type(item) is dict:
            self._map(name, item, depth + 1)
        elif _TEXT.issuperset(map(type, item)):
            self.groups.append((name, [*item][::-1]))
        else:
            self._list(name, [*item][::-1], depth + 1)

    def _list(self, name: str, items: list[Any], depth: int) -> None:
        for inner in items:
            if type(inner) is int:
                self._number(name, inner)
            elif type(inner) not in _NUMBERS:
                self._visit(name, inner, depth)

    def _map(self, name: str, item: dict[Any, Any], depth: int) -> None:
        groups = self.groups
        groups.append(("", [own for own in item if type(own) is str]))
        for own, inner in reversed(item.items()):
            if type(own) is not str:
                if not isinstance(own, str):
                    self._visit(name, (own, inner), depth)
                    continue
                self._visit("", own, depth)
                own = str.__str__(own)  # noqa: PLW2901  its plain form
            if type(inner) is str:
                groups.append((own, (inner,)))
            elif type(inner) is int:
                self._number(own, inner)
            elif type(inner) not in _NUMBERS:
                self._visit(own, inner, depth)

    def _leaf(self, name: str, item: Any) -> None:
        if type(item) is int:
            self._number(name, item)
        elif type(item) not in _NUMBERS:
            self.groups.append((name, spelled(item)))

    def _number(self, name: str, item: int) -> None:
        if _MIN_NUMBER <= item < _MAX_NUMBER:
            self.numbers.append((name, item))


def walk(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in `value` with its name, as `Texts` has them; TooMuch after the last of them."""
    found = Texts(value, key)
    for name, texts in found.groups:
        for text in texts:
            yield name, text
    if not found.is_whole:
        raise TooMuch


class Shape(NamedTuple):
    """How large a value is: containers inside each other, items of all, items of its longest list.

    Tuples and sets are lists too, and objects what they hold. `is_whole` and `is_plain` are as in
    `Texts`, but for size.
    """

    depth: int
    items: int
    longest: int
    is_whole: bool = True
    is_plain: bool = True


def measure(value: Any, max_depth: int = MAX_DEPTH, max_items: int = MAX_NODES) -> Shape:
    """The shape of `value`, looked at until it is past either maximum.

    So circles end, and parts that stand in many places, which take little memory and have no end
    of a text, are never written out.
    """
    plain = _walk.measure(value, max_depth, max_items) if _walk else None
    return _measured(value, max_depth, max_items) if plain is None else Shape(*plain)


def _measured(value: Any, max_depth: int, max_items: int) -> Shape:
    """The same for any value, level by level."""
    depth = items = longest = copied = 0
    is_whole = is_plain = True
    level = [value]
    while True:
        if not EXACT.issuperset(map(type, level)):
            odd = [item for item in level if type(item) not in EXACT]
            level = [item for item in level if type(item) in EXACT]
            for item in odd:
                try:
                    opened = Odd(item)
                except TooMuch:
                    is_whole = False
                    continue
                is_plain = is_plain and opened.is_honest
                if opened.holds is not None:
                    level.append(opened.holds)
                    copied += len(opened.holds)
                    if copied > max_items:
                        return Shape(depth + 1, items + copied, longest, is_whole, is_plain)
        if not level:
            break
        lists = [item for item in level if type(item) is not dict]
        depth, items = depth + 1, items + sum(map(len, level))
        longest = max(longest, *map(len, lists)) if lists else longest
        if depth > max_depth or items > max_items:
            break
        level = [
            inner
            for item in level
            for inner in (item.values() if type(item) is dict else item)
            if type(inner) not in _LEAVES
        ]
    return Shape(depth, items, longest, is_whole, is_plain)


def is_within(shape: Shape) -> bool:
    """Whether a shape is one that guards look at and write out."""
    return shape.depth <= MAX_DEPTH and shape.items <= MAX_NODES and shape.is_whole


def is_bounded(value: Any) -> bool:
    """Whether `value` is: no circle, nothing nested too deep, not too many items."""
    return is_within(measure(value))


def contents(value: Any) -> Iterable[Any]:
    """What a container holds, without keys; nothing for what is none."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, CONTAINERS) else ()


def shown_name(name: str) -> str:
    """The name of an argument as a reason may show it: a plain word, never what may be a secret."""
    plain = len(name) <= _MAX_NAME and _PLAIN_NAME.fullmatch(name)
    return f"argument '{name}'" if plain else "an argument"
