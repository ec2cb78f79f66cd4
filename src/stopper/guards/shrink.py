"""A smaller value in place of one that is too large: plain JSON, within limits, and it says so."""

import json
import math
from datetime import date, datetime, time
from typing import Any, Final

import msgspec
from msgspec import Struct

from stopper.guards.opened import CONTAINERS, Odd, TooMuch

__all__ = ["Limits", "compact", "cost", "plain", "shrink"]

_STEP: Final = 4
_LEAST_CHARS: Final = 64
_MAX_DIGITS_BITS: Final = 10_000
"""Longer integers are shown by their length: Python itself refuses to write them out."""

_WORDS: Final = "[output truncated]"
_ODD = (date, datetime, time)
_COMPACT: Final = msgspec.json.Encoder(enc_hook=str)


class Limits(Struct, frozen=True):
    """The largest that each part may be. `bytes` is the whole, in its longest usual JSON."""

    bytes: int
    items: int
    depth: int
    chars: int


class _Full(Exception):  # noqa: N818  it is an answer, not an error
    pass


def cost(value: Any) -> int:
    """How many bytes JSON takes at most: ASCII only, with spaces between."""
    return len(json.dumps(value))


def compact(value: Any) -> bytes:
    """`value` as JSON without spaces, what JSON does not know by its `str`.

    Raises what an odd key, a circle, half of a character or an object's own fault raises.
    """
    return _COMPACT.encode(value)


def plain(value: Any, limits: Limits) -> Any:
    """`value` as plain JSON; ValueError where anything would have to be cut for `limits`."""
    try:
        return _Shrinking(limits, limits.bytes, cuts=False).of(value, 1)
    except _Full:
        raise ValueError("the value is larger than its limits") from None


def shrink(value: Any, limits: Limits) -> Any:
    """The largest of several cuts of `value` that fits; at the worst a few words, or no text.

    Texts lose their ends, and lists and objects their last items; what is missing is told where it
    was. What nests too deep is replaced, which ends circles. What JSON does not know becomes text.
    """
    chars, items, keys = limits.chars, limits.items, limits.bytes
    while True:
        tried = Limits(limits.bytes, items, limits.depth, chars)
        try:
            return _Shrinking(tried, keys, cuts=True).of(value, 1)
        except _Full:
            if chars <= _LEAST_CHARS and items <= 1:
                break
        if chars > _LEAST_CHARS:
            chars = max(_LEAST_CHARS, chars // _STEP)
        else:
            items = keys = max(1, items // _STEP)
    fitting = (words for words in (_WORDS, "") if cost(words) <= limits.bytes)
    return next(fitting, "")[: limits.chars]


class _Shrinking:
    """One go through a value, which gives up as soon as its bytes are spent."""

    def __init__(self, limits: Limits, keys: int, *, cuts: bool) -> None:
        self._limits = limits
        self._keys = keys
        self._left = limits.bytes
        self._cuts = cuts

    def of(self, value: Any, depth: int) -> Any:
        if isinstance(value, CONTAINERS):
            if depth > self._limits.depth:
                return self._note("... [too deep]")
            self._take(2)
            return self._dict(value, depth) if isinstance(value, dict) else self._list(value, depth)
        if isinstance(value, str):
            return self._text(value)
        return self._scalar(value, depth)

    def _list(self, value: Any, depth: int) -> list[Any]:
        kept, missing = self._kept(len(value), self._limits.items)
        items: list[Any] = []
        for item in value:
            if len(items) == kept:
                break
            self._take(2)
            items.append(self.of(item, depth + 1))
        if missing and self._limits.items:
            self._take(2)
            items.append(self._note(f"... [{missing} more items]"))
        return items

    def _dict(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        kept, missing = self._kept(len(value), self._keys)
        items: dict[str, Any] = {}
        for key, item in value.items():
            if len(items) == kept:
                break
            name = self._name(key, items)
            items[name] = self.of(item, depth + 1)
        if missing:
            name = self._name("...", items)
            items[name] = self._note(f"[{missing} more keys]")
        return items

    def _name(self, key: Any, items: dict[str, Any]) -> str:
        """The key as text; one that is there already, after a cut, gets a number."""
        name = first = _whole(key if isinstance(key, str) else _written(key))
        if len(name) > max(self._limits.chars, _LEAST_CHARS):
            if not self._cuts:
                raise _Full
            name = first = name[: max(self._limits.chars, _LEAST_CHARS)]
        number = 2
        while name in items:
            name = f"{first}-{number}"
            number += 1
        self._take(4 + cost(name))
        return name

    def _kept(self, size: int, most: int) -> tuple[int, int]:
        """How many of so many items stay, and how many do not; the note on these is one more."""
        if size <= most:
            return size, 0
        if not self._cuts:
            raise _Full
        kept = max(0, most - 1)
        return kept, size - kept

    def _text(self, value: str) -> str:
        if len(value) > self._limits.chars:
            if not self._cuts:
                raise _Full
            note = f"... [{len(value)} characters]"
            keep = max(0, self._limits.chars - len(note))
            value = value[:keep] + note[: self._limits.chars]
        value = _whole(value)
        self._take(cost(value))
        return value

    def _scalar(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            self._take(5)
            return value
        if isinstance(value, float):
            return self._spend(float(value)) if math.isfinite(value) else self._text(str(value))
        if isinstance(value, int):
            if value.bit_length() > _MAX_DIGITS_BITS:
                return self._text(f"[an integer of {value.bit_length()} bits]")
            return self._spend(int(value))
        if isinstance(value, bytes | bytearray):
            return self._text(bytes(value[: self._limits.chars + 1]).decode("utf-8", "replace"))
        if isinstance(value, _ODD):
            return self._text(value.isoformat())
        try:
            inner = Odd(value).holds
        except TooMuch:
            return self._note(f"[{type(value).__name__}]")
        return self._text(_written(value)) if inner is None else self.of(inner, depth)

    def _spend(self, value: Any) -> Any:
        self._take(cost(value))
        return value

    def _note(self, words: str) -> str:
        """What stands in place of something that is left out."""
        if not self._cuts:
            raise _Full
        return str(self._spend(words[: self._limits.chars]))

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _Full


def _whole(text: str) -> str:
    """Without halves of characters, which no UTF-8 holds."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _written(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001  a value whose own code fails is known by its type
        return f"[{type(value).__name__}]"
