"""Edits of a text that keep the JSON in it valid, without writing it anew."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

import msgspec
from msgspec import Struct

__all__ = ["Cut", "Edit", "has_end", "literals", "marked", "merged"]

_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*+"|-?[0-9][0-9.eE+-]*+|true|false|null')
_EVENT = re.compile(r"(?:data:)?[ \t]*+")
_END = re.compile(r'(?<!\\)(?:\\\\)*"')
_BYTES_END = re.compile(_END.pattern.encode())
_MAX_ESCAPE: Final = 5
_QUOTED: Final = ('\\"', "\\\\")
_JSON_STARTS: Final = frozenset('{["-0123456789tfn')


class Cut(Protocol):
    """What to replace, and by what."""

    @property
    def start(self) -> int:
        """Where it starts."""

    @property
    def end(self) -> int:
        """Where it ends."""

    @property
    def mark(self) -> str:
        """What stands there instead."""


class Edit(Struct, frozen=True):
    """A cut; of those that overlap, the mark of the greatest `weight` stands."""

    start: int
    end: int
    mark: str
    weight: tuple[int, int] = (0, 0)


def merged(edits: Iterable[Edit]) -> list[Edit]:
    """One edit for all that overlap, of edits in the order in which they start."""
    done: list[Edit] = []
    for edit in edits:
        if done and edit.start < done[-1].end:
            last = done[-1]
            best = max(last, edit, key=lambda one: one.weight)
            done[-1] = Edit(last.start, max(last.end, edit.end), best.mark, best.weight)
        else:
            done.append(edit)
    return done


def marked(text: str, cuts: Sequence[Cut]) -> str:
    """`text` with marks in place of `cuts`, which are in order and disjoint; JSON stays JSON."""
    parts: list[str] = []
    at = 0
    for start, end, mark in literals(text, cuts):
        parts += (text[at:start], mark)
        at = end
    return "".join((*parts, text[at:]))


def has_end(text: str | bytes, start: int, end: int) -> bool:
    """Whether a text in JSON ends within the span: at a quote that no backslash escapes."""
    if isinstance(text, bytes):
        return _BYTES_END.search(text, start, end) is not None
    return _END.search(text, start, end) is not None


def literals(text: str, cuts: Sequence[Cut]) -> Iterator[tuple[int, int, str]]:
    """`cuts` in their order, disjoint, as they can be made in `text` without breaking its JSON.

    Where the text or a line of it (behind `data:` too) is JSON, a cut is made inside each string
    literal that it meets, around whole escapes; a number that it meets becomes a string.
    """
    regions = _Regions(text)
    done = 0
    for cut in cuts:
        for start, end, mark in regions.split(cut):
            if end > done:
                yield max(start, done), end, mark
                done = end


class _Regions:
    """Where JSON stands in a text; each line is looked at once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._whole = _Region(text, 0, len(text)) if _is_json(text) else None
        self._lines: dict[int, _Region | None] = {}

    def split(self, cut: Cut) -> Iterator[tuple[int, int, str]]:
        if self._whole:
            yield from self._whole.inside(cut.start, cut.end, cut.mark)
            return
        lines = list(self._within(cut.start, cut.end))
        if not any(region for _, _, region in lines):
            yield cut.start, cut.end, cut.mark
            return
        for start, end, region in lines:
            if region:
                yield from region.inside(start, end, cut.mark)
            elif start < end:
                yield start, end, cut.mark

    def _within(self, start: int, end: int) -> Iterator[tuple[int, int, "_Region | None"]]:
        while start < end:
            begin = self._text.rfind("\n", 0, start) + 1
            after = self._text.find("\n", start)
            after = len(self._text) if after < 0 else after
            if begin not in self._lines:
                self._lines[begin] = self._line(begin, after)
            yield start, min(end, after), self._lines[begin]
            start = after + 1

    def _line(self, start: int, end: int) -> "_Region | None":
        event = _EVENT.match(self._text, start, end)
        start = event.end() if event else start
        return _Region(self._text, start, end) if _is_json(self._text[start:end]) else None


class _Region:
    """One JSON text and its literals."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text = text
        self._spans = [found.span() for found in _LITERAL.finditer(text, start, end)]
        self._starts = [start for start, _ in self._spans]

    def inside(self, start: int, end: int, mark: str) -> Iterator[tuple[int, int, str]]:
        for first, last in self._spans[max(0, bisect_right(self._starts, start) - 1) :]:
            if first >= end:
                return
            if self._text[first] != '"':
                if last > start:
                    yield first, last, f'"{mark}"'
                continue
            begin, finish = max(start, first + 1), min(end, last - 1)
            if begin == first + 1 and self._text.startswith(_QUOTED, finish):
                finish = last - 1  # a rule took the escaped quote for the end of the value
            if begin < finish:
                yield self._before(first + 1, begin), self._after(first + 1, finish), mark

    def _before(self, floor: int, place: int) -> int:
        """Where the escape begins that `place` is inside of; else `place`."""
        for at in range(place - 1, max(floor, place - _MAX_ESCAPE) - 1, -1):
            if self._text[at] == "\\" and self._is_active(floor, at):
                return at if place < at + self._length(at) else place
        return place

    def _after(self, floor: int, place: int) -> int:
        """Where the escape ends that `place` is inside of; else `place`."""
        start = self._before(floor, place)
        return place if start == place else start + self._length(start)

    def _length(self, at: int) -> int:
        return 6 if self._text[at + 1] == "u" else 2

    def _is_active(self, floor: int, at: int) -> bool:
        """Whether this backslash begins an escape, instead of being escaped itself."""
        first = at
        while first > floor and self._text[first - 1] == "\\":
            first -= 1
        return (at - first) % 2 == 0


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in _JSON_STARTS:
        return False
    try:
        msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True
