"""Where a decoded byte came from: spans of a text mapped back through one decoding."""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

__all__ = [
    "CONTINUATIONS",
    "Back",
    "Characters",
    "Piece",
    "Pieces",
    "Span",
    "united",
    "whole",
]

CONTINUATIONS: Final = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that begin no character: without them there are as many as characters."""

_BLOCK: Final = 4096
Span = tuple[int, int]


class Back(Protocol):
    """The way back through one decoding."""

    def __call__(self, start: int, end: int) -> Span:
        """The span before the decoding that holds what became `start` to `end`."""

    def forth(self, spans: Sequence[Span]) -> Iterator[Span]:
        """What came out of these spans, in order: all of it, and perhaps more, but never less.

        Both kinds of spans hold their ends, so that what only touches one counts.
        """


_ENDLESS: Final = sys.maxsize


class Piece(NamedTuple):
    """Decoded bytes from `at` on came from `start` to `end`, `num` characters for `den` bytes.

    `num` 0 says that every byte came from all of it.
    """

    at: int
    start: int
    end: int
    num: int = 1
    den: int = 1


class Pieces:
    """The map of one decoding. `make` is asked once, and only when a span is wanted."""

    def __init__(self, make: Callable[[], Iterable[Piece]]) -> None:
        self._make = make
        self._pieces: list[Piece] = []
        self._starts: list[int] = []

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        """The smallest span before the decoding that holds what became `start` to `end`."""
        self._work_out()
        first = max(0, bisect_right(self._starts, start) - 1)
        last = max(first, bisect_left(self._starts, end) - 1)
        begin, finish = _begin(self._pieces[first], start), _finish(self._pieces[last], end)
        if first < last:  # alignments of one text follow each other without being in order
            between = self._pieces[first : last + 1]
            begin = min(begin, *(piece.start for piece in between[1:]))
            finish = max(finish, *(piece.end for piece in between[:-1]))
        return begin, max(begin, finish)

    def forth(self, spans: Sequence[Span]) -> Iterator[Span]:
        """All pieces that touch one of the spans."""
        self._work_out()
        if not spans:
            return
        lowest, highest = spans[0][0], spans[-1][1]
        ends = [end for _, end in spans]
        after = [*self._starts[1:], _ENDLESS]
        for number, (_, start, end, _, _) in enumerate(self._pieces):
            if end >= lowest and start <= highest and spans[bisect_left(ends, start)][0] <= end:
                yield self._starts[number], after[number]

    def _work_out(self) -> None:
        if not self._pieces:
            self._pieces = list(self._make())
            self._starts = [piece.at for piece in self._pieces]


def united(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch each other as one."""
    found: list[Span] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def whole(length: int) -> Pieces:
    """A map that sends every span to all of `length` bytes."""
    return Pieces(lambda: [Piece(0, 0, length, 0)])


class Characters:
    """How many characters the first bytes of some UTF-8 hold; it is gone through once at most."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._counts = [0]  # before each block

    def before(self, offset: int) -> int:
        """Of so many bytes, which may be more than there are."""
        data, counts = self._data, self._counts
        block = min(max(0, offset), len(data)) // _BLOCK
        while len(counts) <= block:
            start = (len(counts) - 1) * _BLOCK
            counts.append(counts[-1] + _characters(data[start : start + _BLOCK]))
        return counts[block] + _characters(data[block * _BLOCK : max(0, offset)])


def _characters(data: bytes) -> int:
    return len(data.translate(None, CONTINUATIONS))


def _begin(piece: Piece, position: int) -> int:
    return min(piece.end, piece.start + max(0, position - piece.at) * piece.num // piece.den)


def _finish(piece: Piece, position: int) -> int:
    if not piece.num:
        return piece.end
    return min(piece.end, piece.start - (piece.at - position) * piece.num // piece.den)
