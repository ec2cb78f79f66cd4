"""The texts in a value of any shape, and how large it is."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "TooMuch",
    "contents",
    "measure",
    "shown_name",
    "walk",
]

MAX_DEPTH: Final = 64
"""No value is looked at that has more containers inside each other; that ends circles too."""

MAX_NODES: Final = 100_000
"""No value is looked at that has more items."""

_CONTAINERS = (dict, list, tuple, set, frozenset)
_LEAVES = frozenset({str, int, float, bool, type(None)})
_MAX_NAME: Final = 40
_PLAIN_NAME = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)*")


class TooMuch(Exception):  # noqa: N818  it is an answer, not an error
    """A value nests deeper than `MAX_DEPTH` or has more items than `MAX_NODES`."""


def walk(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in `value` with the name it has there: its key, or that of the list it is in.

    Keys themselves come without a name, bytes as latin-1, and numbers not at all. Raises TooMuch
    for what it cannot look through, so that nothing hides behind its size.
    """
    stack = [(key, value, 0)]
    left = MAX_NODES
    while stack:
        name, item, depth = stack.pop()
        if type(item) is str:
            yield name, item
        elif isinstance(item, _CONTAINERS):
            left -= len(item)
            if depth >= MAX_DEPTH or left < 0:
                raise TooMuch
            if isinstance(item, dict):
                for own, inner in item.items():
                    if type(own) is str:
                        yield "", own
                        stack.append((own, inner, depth + 1))
                    else:
                        stack.append((name, (own, inner), depth + 1))
            else:
                stack.extend([(name, inner, depth + 1) for inner in item])
        elif isinstance(item, str):
            yield name, str.__str__(item)
        elif isinstance(item, bytes | bytearray):
            yield name, item.decode("latin-1")


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


def contents(value: Any) -> Iterable[Any]:
    """What a container holds, without keys; nothing for what is none."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, _CONTAINERS) else ()


def shown_name(name: str) -> str:
    """The name of an argument as a reason may show it: a plain word, never what may be a secret."""
    plain = len(name) <= _MAX_NAME and _PLAIN_NAME.fullmatch(name)
    return f"argument '{name}'" if plain else "an argument"
