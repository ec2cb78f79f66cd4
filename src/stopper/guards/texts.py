"""The texts in a value of any shape, and how large it is."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

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

MAX_DEPTH: Final = 64
"""No value is looked at that has more containers inside each other; that ends circles too."""

MAX_NODES: Final = 100_000
"""No value is looked at that has more items."""

_CONTAINERS = (dict, list, tuple, set, frozenset)
_TEXT = frozenset({str})
_LEAVES_BUT_TEXT = frozenset({int, float, bool, type(None)})
_LEAVES = _LEAVES_BUT_TEXT | _TEXT
_MAX_NAME: Final = 40
_PLAIN_NAME = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)*")


class TooMuch(Exception):  # noqa: N818  it is an answer, not an error
    """A value nests deeper than `MAX_DEPTH` or has more items than `MAX_NODES`."""


class Texts:
    """Every text in `value`, in groups that have a name in common; a text alone is a group too.

    The name is the key, or that of the list the texts are in. Keys themselves come without a name,
    bytes as latin-1, and numbers not at all. With `is_whole` false there is more than was looked
    at, so that nothing may hide behind its size.
    """

    __slots__ = ("_left", "groups", "is_whole")

    def __init__(self, value: Any, key: str = "") -> None:
        self.groups: list[tuple[str, Sequence[str]]] = []
        self._left = MAX_NODES
        try:
            self._visit(key, value, 0)
        except TooMuch:
            self.is_whole = False
        else:
            self.is_whole = True

    def _visit(self, name: str, item: Any, depth: int) -> None:
        if isinstance(item, _CONTAINERS):
            self._left -= len(item)
            if depth >= MAX_DEPTH or self._left < 0:
                raise TooMuch
            if isinstance(item, dict):
                self._map(name, item, depth + 1)
            elif _TEXT.issuperset(map(type, item)):
                self.groups.append((name, [*item][::-1]))
            else:
                for inner in [*item][::-1]:
                    if type(inner) not in _LEAVES_BUT_TEXT:
                        self._visit(name, inner, depth + 1)
        elif isinstance(item, str):
            self.groups.append((name, (str.__str__(item),)))
        elif isinstance(item, bytes | bytearray):
            self.groups.append((name, (item.decode("latin-1"),)))

    def _map(self, name: str, item: dict[Any, Any], depth: int) -> None:
        groups = self.groups
        groups.append(("", [own for own in item if type(own) is str]))
        for own, inner in reversed(item.items()):
            if type(own) is not str:
                self._visit(name, (own, inner), depth)
            elif type(inner) is str:
                groups.append((own, (inner,)))
            elif type(inner) not in _LEAVES:
                self._visit(own, inner, depth)


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

    Tuples and sets are lists too.
    """

    depth: int
    items: int
    longest: int


def measure(value: Any, max_depth: int = MAX_DEPTH, max_items: int = MAX_NODES) -> Shape:
    """The shape of `value`, looked at level by level until it is past either maximum.

    So circles end, and parts that stand in many places, which take little memory and have no end
    of a text, are never written out.
    """
    depth = items = longest = 0
    level: list[Any] = [value] if isinstance(value, _CONTAINERS) else []
    while level:
        lists = [item for item in level if not isinstance(item, dict)]
        depth, items = depth + 1, items + sum(map(len, level))
        longest = max(longest, *map(len, lists)) if lists else longest
        if depth > max_depth or items > max_items:
            break
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)
            if type(inner) not in _LEAVES and isinstance(inner, _CONTAINERS)
        ]
    return Shape(depth, items, longest)


def is_within(shape: Shape) -> bool:
    """Whether a shape is one that guards look at and write out."""
    return shape.depth <= MAX_DEPTH and shape.items <= MAX_NODES


def is_bounded(value: Any) -> bool:
    """Whether `value` is: no circle, nothing nested too deep, not too many items."""
    return is_within(measure(value))


def contents(value: Any) -> Iterable[Any]:
    """What a container holds, without keys; nothing for what is none."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, _CONTAINERS) else ()


def shown_name(name: str) -> str:
    """The name of an argument as a reason may show it: a plain word, never what may be a secret."""
    plain = len(name) <= _MAX_NAME and _PLAIN_NAME.fullmatch(name)
    return f"argument '{name}'" if plain else "an argument"
