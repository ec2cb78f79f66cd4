"""Values of any shape written as JSON, and given back with what was changed there."""

import json
import re
from collections.abc import Hashable, Iterable, Iterator
from math import isfinite
from typing import Any, Final

__all__ = ["MAX_DEPTH", "distinct", "is_number", "of_kind", "restored", "written"]

MAX_DEPTH: Final = 64
"""What nests deeper is not looked into, which ends circles too."""

_MAX_WHOLE: Final = 10**40
_NOTHING: Final = "null"
_HALF = re.compile("[\ud800-\udfff]")
_HALVES: Final = {half: half - 0xD800 + 0x10F000 for half in range(0xD800, 0xE000)}
"""Half a character, which JSON does not have, is one that nobody uses."""

_BACK: Final = {stand: half for half, stand in _HALVES.items()}


def written(value: Any, depth: int = 0) -> str:
    """`value` as JSON in one line: tuples and sets as lists, bytes as their latin-1 text.

    What JSON has no word for is null, and a key that is no text is an empty one.
    """
    if isinstance(value, str | bytes):
        return json.dumps(_text(value))
    if isinstance(value, dict | list | tuple | set | frozenset):
        if depth >= MAX_DEPTH:
            return _NOTHING
        if isinstance(value, dict):
            pairs = (f"{_key(key)}: {written(item, depth + 1)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        return f"[{', '.join(written(item, depth + 1) for item in value)}]"
    return json.dumps(value) if value is True or value is False or is_number(value) else _NOTHING


def restored(value: Any, text: str) -> Any:
    """`value` with the texts of `text`, which was `written` of it and may be changed since.

    A number that became a text is that text. All else is what it was.
    """
    return _restored(value, _leaves(json.loads(text, object_pairs_hook=tuple)), 0)


def distinct(pairs: Iterable[tuple[Hashable, Any]]) -> dict[Any, Any]:
    """A dict of `pairs`, in which a name that is there already gets a number."""
    named: dict[Any, Any] = {}
    for key, item in pairs:
        name, number = key, 2
        while name in named:  # two secrets of one kind are two keys still
            name = key + b"-%d" % number if isinstance(key, bytes) else f"{key}-{number}"
            number += 1
        named[name] = item
    return named


def of_kind(value: Any, items: list[Any]) -> Any:
    """`items` as a list, tuple, named tuple, set or frozenset, whichever `value` is."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*items)
    return next(kind(items) for kind in (list, tuple, set, frozenset) if isinstance(value, kind))


def is_number(value: Any) -> bool:
    """Whether it is a number that JSON has, and no longer than any secret of digits."""
    if type(value) is int:
        return -_MAX_WHOLE <= value < _MAX_WHOLE
    return type(value) is float and isfinite(value)


def _text(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value.translate(_HALVES) if _HALF.search(value) else value


def _key(key: Any) -> str:
    return json.dumps(_text(key) if isinstance(key, str | bytes) else "")


def _leaves(parsed: Any) -> Iterator[Any]:
    """Keys and values that hold no others, in their order; the pairs of an object are a tuple."""
    if isinstance(parsed, tuple):
        for key, item in parsed:
            yield key
            yield from _leaves(item)
    elif isinstance(parsed, list):
        for item in parsed:
            yield from _leaves(item)
    else:
        yield parsed


def _restored(value: Any, leaves: Iterator[Any], depth: int) -> Any:
    if depth >= MAX_DEPTH or not isinstance(value, dict | list | tuple | set | frozenset):
        return _leaf(value, next(leaves))
    if isinstance(value, dict):
        pairs = []
        for key, item in value.items():
            name = next(leaves)
            name = _leaf(key, name) if isinstance(key, str | bytes) else key
            pairs.append((name, _restored(item, leaves, depth + 1)))
        return distinct(pairs)
    return of_kind(value, [_restored(item, leaves, depth + 1) for item in value])


def _leaf(value: Any, after: Any) -> Any:
    if isinstance(value, str | bytes):
        if after == _text(value):
            return value
        return after.encode("latin-1") if isinstance(value, bytes) else after.translate(_BACK)
    return after if is_number(value) and isinstance(after, str) else value
