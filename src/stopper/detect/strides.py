"""Tokens with one and the same sign behind every character, or every two or four."""

from collections.abc import Iterator
from typing import Final

from stopper.detect.allowance import STEP, Allowance
from stopper.detect.opened import Gathered, Opened
from stopper.detect.rewrite import shapes, shown_shapes

__all__ = ["strided"]

_MAX_TOKEN: Final = 1024
_PLAIN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
_SEPARATORS: Final = b" \t\r\n.,:;|/+-^~*>&="
_BEFORE: Final = b"\"'` \t\r\n:=([{<>"
_SIGNS: Final = bytes(range(0x21, 0x7F))
_SHAPES: Final = shapes(_SEPARATORS, _PLAIN)
# So many groups in a row, each of so many characters, show that somebody has parted a token.
_GROUPS: Final = tuple(
    (size, (b"A" * size + b" ") * least) for size, least in ((1, 8), (2, 6), (4, 3))
)


def strided(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What is left without the signs, where it has others than letters, digits and `_`.

    Tokens that have none are put together by `rewrite.regrouped`, whatever separates their groups.
    """
    gathered = Gathered()
    seen = shown_shapes(data, _SHAPES)
    for size, shape in _GROUPS:
        at = seen.find(shape)
        while at >= 0 and not allowance.is_late(STEP):
            signs = data[at + size : at + len(shape) : size + 1]
            end = at + 1
            if not signs.strip(signs[:1]):
                start, end = _run(data, at, size)
                text = _without(data[start:end], size)
                if text.translate(None, _PLAIN):
                    gathered.add(text, start, end)
            at = seen.find(shape, end)
    yield from gathered.opened("grouped")


def _run(data: bytes, at: int, size: int) -> tuple[int, int]:
    """How far the sign behind the group at `at` stands again at the same distance, both ways."""
    sign, step = data[at + size : at + size + 1], size + 1
    behind = data[at + size : at + _MAX_TOKEN : step]
    last = at + size + (len(behind) - len(behind.lstrip(sign)) - 1) * step
    before = data[max(0, at - _MAX_TOKEN) : at][::-1][::step]
    start = max(0, at - (len(before) - len(before.lstrip(sign))) * step)
    if start < at and not _is_first(data, start, size):
        start += step
    tail = data[last + 1 : last + 1 + size]
    return start, last + 1 + len(tail) - len(tail.lstrip(_SIGNS))


def _is_first(data: bytes, start: int, size: int) -> bool:
    """Whether a group begins there, and is not the end of a word."""
    group, before = data[start : start + size], data[max(0, start - 1) : start]
    return not group.translate(None, _SIGNS) and not before.strip(_BEFORE)


def _without(text: bytes, size: int) -> bytes:
    bare = bytearray(text)
    del bare[size :: size + 1]
    return bytes(bare)
