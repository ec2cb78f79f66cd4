"""Which of many simple patterns stand in a text: one pass, compiled where that could be built."""

import re
from collections.abc import Iterable, Mapping
from mmap import mmap
from struct import pack
from typing import Final, NamedTuple

from stopper.detect.database import HAS_HYPERSCAN, Database
from stopper.detect.passes import sift
from stopper.detect.pattern import Chars, parse

__all__ = ["Sieve"]

# As in _compiled.c, where eight words are two halves.
_WORDS: Final = 8
_WORD: Final = 64
_LANES: Final = 8
_MIN_RUN: Final = 8
_RUN_STEPS: Final = 2
_ITEM = re.compile(
    r"(\[(?:\\.|[^\]\\])+\]|\\x[0-9a-f]{2}|\\.|[^.^$*+?{}()|\[\]\\])(?:\{(\d+)\}|(\*))?"
)


class Sieve:
    """Patterns that are looked for at once, each with a number that is a single bit.

    A pattern is a row of sets of bytes in the syntax of `re`: a set with `{n}` stands n times, and
    one with `*` any number of times, behind another. A set that stands eight times or more, with at
    most one other behind it, is a run. There is room for eight runs, and for rows of 512 sets in
    all. Whether a pattern stands in a text is told, and not where.

    Rows are advanced as bits of machine words ("shift-and", Baeza-Yates and Gonnet, CACM 35.10,
    1992). Where the scan is not compiled Hyperscan looks, and without that everything may be there.
    """

    def __init__(self, patterns: Mapping[int, Iterable[str]]) -> None:
        listed = [(text, number) for number, texts in patterns.items() for text in texts]
        self._all = sum(patterns)
        table = _Table()
        for steps, number in sorted(
            ((_read(text), number) for text, number in listed), key=_size, reverse=True
        ):
            table.add(steps, number)
        self._table = _aligned(table.packed())
        self._database = None
        if sift is None and HAS_HYPERSCAN:
            self._numbers = [number for _, number in listed]
            self._database = Database.compile((), [text for text, _ in listed])

    def scan(self, data: bytes) -> int:
        """The numbers of all patterns that stand in `data`, as one."""
        if sift:
            return sift(self._table, data)
        if self._database is None:
            return self._all
        found = 0
        for _, place in self._database.scan(data):
            found |= self._numbers[place]
        return found


class _Step(NamedTuple):
    """A byte of a set, so many times, and then as many as there are of others.

    Sets are masks: bit n stands for byte n.
    """

    members: int
    times: int
    others: int = 0


def _read(text: str) -> list[_Step]:
    """The steps of a pattern; ValueError where it has something else."""
    steps: list[_Step] = []
    at = 0
    while at < len(text):
        item = _ITEM.match(text, at)
        if item is None or (item[3] and not steps):
            raise ValueError(f"neither a set nor a set repeated, at character {at} of a pattern")
        members = _mask(item[1])
        if item[3]:
            steps[-1] = steps[-1]._replace(others=members)
        else:
            steps.append(_Step(members, int(item[2] or 1)))
        at = item.end()
    return steps


def _mask(text: str) -> int:
    node = parse(text).node
    assert isinstance(node, Chars)  # noqa: S101  _ITEM matches nothing else
    return node.mask


def _size(pattern: tuple[list[_Step], int]) -> int:
    return sum(step.times for step in pattern[0])


class _Table:
    """What the compiled scan goes by; rows and runs are bits, the places that they have in it."""

    def __init__(self) -> None:
        self._enters, self._stays = [0] * 256, [0] * 256
        self._members, self._ends = [0] * 256, [0] * 256
        self._firsts = self._lasts = 0
        self._lengths: list[int] = []
        self._room = [_WORD] * _WORDS
        self._means: dict[int, int] = {}

    def add(self, steps: list[_Step], number: int) -> None:
        """Look for a pattern too; ValueError where it is one too many."""
        if len(steps) <= _RUN_STEPS and steps[0].times >= _MIN_RUN:
            self._run(steps, number)
        else:
            self._row(steps, number)

    def _run(self, steps: list[_Step], number: int) -> None:
        lane = len(self._lengths)
        if lane == _LANES:
            raise ValueError("one run too many for a sieve")
        self._means[_WORD * _WORDS + lane] = number
        self._lengths.append(steps[0].times - (len(steps) == 1))
        _mark(self._members, steps[0].members, lane)
        _mark(self._ends, steps[-1].members, lane)

    def _row(self, steps: list[_Step], number: int) -> None:
        size = sum(step.times for step in steps)
        word = next((word for word, room in enumerate(self._room) if room >= size), None)
        if word is None:
            raise ValueError("one row too many for a sieve")
        place = _WORD * (word + 1) - self._room[word]
        self._room[word] -= size
        self._firsts |= 1 << place
        for step in steps:
            for _ in range(step.times):
                _mark(self._enters, step.members, place)
                place += 1
            _mark(self._stays, step.others, place - 1)
        self._lasts |= 1 << (place - 1)
        self._means[place - 1] = number

    def packed(self) -> bytes:
        """The table as it lies in memory."""
        lengths = self._lengths + [0] * (_LANES - len(self._lengths))
        means = [self._means.get(place, 0) for place in range(_WORD * _WORDS + _LANES)]
        each = zip(self._enters, self._stays, self._members, self._ends, strict=True)
        parts = [
            _words(enters) + _words(stays | self._lasts) + _lanes(members) + _lanes(ends)
            for enters, stays, members, ends in each
        ]
        parts += [_words(self._firsts), _words(self._lasts)]
        parts += [pack(f"={_LANES}i", *lengths), pack(f"={len(means)}I", *means)]
        return b"".join(parts)


def _aligned(table: bytes) -> mmap:
    """The table where a page begins: across lines of the cache a scan takes a fifth longer."""
    memory = mmap(-1, len(table))
    memory.write(table)
    return memory


def _mark(bits: list[int], members: int, place: int) -> None:
    for byte in range(256):
        bits[byte] |= (members >> byte & 1) << place


def _words(bits: int) -> bytes:
    return pack(f"={_WORDS}Q", *(bits >> _WORD * word & (1 << _WORD) - 1 for word in range(_WORDS)))


def _lanes(bits: int) -> bytes:
    return pack(f"={_LANES}i", *(-(bits >> lane & 1) for lane in range(_LANES)))
