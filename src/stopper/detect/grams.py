"""Stretches of known texts found in other text by hashes alone, at any place and across cuts."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from struct import Struct as Layout
from typing import Final, NamedTuple

from msgspec import Struct

from stopper.detect.allowance import BYTES_PER_KNOWN, Allowance

__all__ = ["MIN_SHOWN", "Match", "Plane", "Track", "Variant", "by_letters", "by_visible"]

MIN_SHOWN: Final = 8
"""Nothing shorter is looked for."""

_MAX_REPEATS: Final = 8
_GRAM: Final = 6
_MIN_PART: Final = 12
_MAX_PART: Final = 64
_MAX_KEY: Final = 64
_BLOCK: Final = 1024
_ROW: Final = 32

_ALNUM = b"abcdefghijklmnopqrstuvwxyz0123456789"
_NOT_ALNUM = bytes(byte for byte in range(256) if byte not in _ALNUM + _ALNUM.upper())
_VISIBLE = range(0x21, 0x7F)
_NOT_VISIBLE = bytes(byte for byte in range(256) if byte not in _VISIBLE)


class Variant(Struct, frozen=True, eq=False):
    """One spelling of one value, as the hashes of all its grams; equal to itself alone."""

    name: str
    spelling: str
    grams: tuple[int, ...]
    least: int


class Match(NamedTuple):
    """A part of a value in projected text."""

    start: int
    end: int
    variant: Variant

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the value."""
        return self.end - self.start == len(self.variant.grams) + _GRAM - 1


class Plane:
    """One way of looking at a text: what is left of it, and the hashes to look for there.

    Grams are taken at every place of a value and at every `stride` bytes of a text, so that the
    cost is the same for one value as for a thousand.
    """

    def __init__(self, dropped: bytes, table: bytes) -> None:
        self._dropped = dropped
        self._table = table
        self._index: dict[int, list[tuple[Variant, int]]] = {}
        self.longest = 0
        self._stride = 0

    def add(self, name: str, spelling: str, shown: bytes) -> None:
        """Look for this projected text, of which half is enough."""
        if len(shown) < MIN_SHOWN:
            return
        grams = tuple(_hashes(shown))
        half = (len(shown) + 1) // 2
        least = min(len(shown), max(_MIN_PART, half), _MAX_PART)
        variant = Variant(name, spelling, grams, least)
        for place, gram in enumerate(grams):
            places = self._index.setdefault(gram, [])
            if len(places) < _MAX_REPEATS:
                places.append((variant, place))
        stride = least - _GRAM + 1
        self._stride = min(self._stride or stride, stride)
        self.longest = max(self.longest, len(shown))

    def project(self, data: bytes) -> bytes:
        """What is left of `data` here."""
        return data.translate(self._table, self._dropped)

    def keeps(self, data: bytes) -> bytes:
        """The bytes of `data` that are left, unchanged."""
        return data.translate(None, self._dropped)

    def matches(self, shown: bytes, agreed: "Agreed", allowance: Allowance) -> Iterator[Match]:
        """Every part of a value that is long enough, in projected text; one may come twice.

        No more places are looked at than the `allowance` has for known values.
        """
        if allowance.known < 0:
            return
        known: dict[Variant, int] = {}
        looked: dict[tuple[Variant, int], int] = {}  # how far both agree, by how they lie
        for at, places in self._hits(shown):
            for variant, place in places:
                lie = variant, at - place
                if at < known.get(variant, 0) or at < looked.get(lie, 0):
                    continue
                allowance.known -= 1
                if allowance.known < 0:
                    return
                match = agreed.around(shown, at, variant, place)
                allowance.known -= (match.end - match.start) // BYTES_PER_KNOWN
                looked[lie] = match.end - _GRAM + 1
                if match.end - match.start >= variant.least:
                    known[variant] = match.end - _GRAM + 1
                    yield match

    def _hits(self, shown: bytes) -> Iterator[tuple[int, list[tuple[Variant, int]]]]:
        """The places, a stride apart, of grams that values have, and where these have them.

        A row of grams is asked for at once.
        """
        index, stride = self._index, self._stride
        size = _ROW * stride
        padded = shown + bytes(size)  # no gram of a value has a NUL
        for start in range(0, len(shown) - _GRAM + 1, size):
            hashes = [*map(hash, _grams(padded, start, stride))]
            if not index.keys().isdisjoint(hashes):
                for number, gram in enumerate(hashes):
                    if gram in index:
                        yield start + number * stride, index[gram]

    def open_since(self, shown: bytes, agreed: "Agreed") -> int | None:
        """Where the part of a value starts that the text ends in; None when it ends in none."""
        at = len(shown) - _GRAM
        if at < 0:
            return None
        starts = [
            agreed.around(shown, at, variant, place).start
            for variant, place in self._index.get(hash(shown[at:]), ())
            if place + 1 < len(variant.grams)
        ]
        return min(starts, default=None)

    def begun(self, data: bytes) -> int:
        """Where in `data` the part of a value starts that it ends in; its length for none."""
        start = self.open_since(self.project(data), Agreed())
        return len(data) if start is None else _Places(self, [], data, 0)[start]

    def may_go_on(self, shown: bytes) -> int:
        """Where the last gram starts; where it comes too often to be told apart, the text."""
        at = max(0, len(shown) - _GRAM)
        return 0 if len(self._index.get(hash(shown[at:]), ())) >= _MAX_REPEATS else at


class Agreed:
    """How far a text and values agree, by how they lie; kept while the text moves on."""

    def __init__(self) -> None:
        self._start = 0  # where in the stream the text begins
        self._runs: dict[tuple[Variant, int], tuple[int, int]] = {}  # first and last grams

    def around(self, shown: bytes, at: int, variant: Variant, place: int) -> Match:
        """As far as both agree to both sides of one common gram."""
        grams, lie = variant.grams, at - place
        key = variant, self._start + lie
        first = last = at
        if (run := self._runs.get(key)) and run[0] <= self._start + at <= run[1]:
            first, last = max(0, run[0] - self._start), run[1] - self._start
        least, most = max(0, lie), min(len(shown) - _GRAM, lie + len(grams) - 1)
        for step in (_GRAM, 1):  # what lies between two grams that agree does, too
            while first - step >= least and (
                hash(shown[first - step : first - step + _GRAM]) == grams[first - step - lie]
            ):
                first -= step
            while last + step <= most and (
                hash(shown[last + step : last + step + _GRAM]) == grams[last + step - lie]
            ):
                last += step
        self._runs[key] = self._start + first, self._start + last
        return Match(first, last + _GRAM, variant)

    def drop(self, count: int) -> None:
        """Forget the first `count` bytes of the text."""
        self._start += count
        self._runs = {key: run for key, run in self._runs.items() if run[1] >= self._start}


def by_letters(key: bytes) -> Plane:
    """Letters and digits alone, without their case, substituted as `key` decides."""
    return Plane(_NOT_ALNUM, _keyed(key))


def by_visible() -> Plane:
    """All visible ASCII, without its case."""
    return Plane(_NOT_VISIBLE, bytes(range(256)).lower())


class Track:
    """What one plane remembers of a stream."""

    def __init__(self, plane: Plane, allowance: Allowance) -> None:
        self._plane = plane
        self._allowance = allowance
        self._kept = plane.longest + _GRAM
        self._agreed = Agreed()
        self._tail = b""
        self._places: list[int] = []  # in the stream, of each byte of the tail
        self._offset = 0
        self._told: dict[str, int] = {}  # up to where matches of a name were told
        self.since: int | None = None

    def feed(self, chunk: bytes, *, last: bool = False) -> list[tuple[Match, int, int]]:
        """The matches that this chunk settles, with their places in the stream."""
        shown = self._tail + self._plane.project(chunk)
        matches = [*self._plane.matches(shown, self._agreed, self._allowance)]
        if last and not matches:
            self.since = None
            return []
        places = _Places(self._plane, self._places, chunk, self._offset)
        found = []
        needed = self._plane.may_go_on(shown)
        for match in _longest(matches):
            start, end = places[match.start], places[match.end - 1] + 1
            name = match.variant.name
            if match.end == len(shown) and not match.is_whole and not last:
                needed = min(needed, match.start)
            elif start >= self._told.get(name, 0):
                self._told[name] = end
                found.append((match, start, end))
        if last:
            self.since = None
            return found
        since = self._plane.open_since(shown, self._agreed)
        self.since = None
        if since is not None:
            self.since = places[since]
            needed = min(needed, since)
        needed = max(needed, len(shown) - self._kept)
        self._places = places.last(len(shown) - needed)
        self._tail = shown[needed:]
        self._agreed.drop(needed)
        self._offset += len(chunk)
        return found


class _Places:
    """Where in the stream each projected byte stands; worked out by blocks, where it is asked."""

    def __init__(self, plane: Plane, before: list[int], chunk: bytes, offset: int) -> None:
        self._plane = plane
        self._before = before
        self._chunk = chunk
        self._offset = offset
        self._totals: list[int] = []
        self._number = -1
        self._cached: list[int] = []

    def __getitem__(self, index: int) -> int:
        if index < len(self._before):
            return self._before[index]
        index -= len(self._before)
        if not self._totals:
            self._totals = list(accumulate(map(len, map(self._plane.keeps, self._blocks()))))
        number = bisect_right(self._totals, index)
        before = self._totals[number - 1] if number else 0
        return self._in_block(number)[index - before]

    def last(self, count: int) -> list[int]:
        """The places of the last `count` bytes, or of all if there are fewer."""
        found: list[int] = []
        for number in reversed(range(-(-len(self._chunk) // _BLOCK))):
            if len(found) >= count:
                break
            found = self._in_block(number) + found
        return (self._before + found)[-count:]

    def _blocks(self) -> Iterator[bytes]:
        return (self._chunk[at : at + _BLOCK] for at in range(0, len(self._chunk), _BLOCK))

    def _in_block(self, number: int) -> list[int]:
        if number != self._number:
            start = number * _BLOCK
            block = self._chunk[start : start + _BLOCK]
            kept = frozenset(self._plane.keeps(block))
            start += self._offset
            self._number = number
            self._cached = [start + at for at, byte in enumerate(block) if byte in kept]
        return self._cached


def _keyed(key: bytes) -> bytes:
    """A table that drops case, and substitutes letters and digits as `key` decides."""
    order = sorted(_ALNUM, key=lambda byte: blake2b(bytes([byte]), key=key[:_MAX_KEY]).digest())
    return bytes.maketrans(_ALNUM + _ALNUM.upper(), bytes(order) * 2)


def _grams(padded: bytes, start: int, stride: int) -> Sequence[bytes]:
    """A row of grams a stride apart."""
    if stride < _GRAM:
        return [padded[at : at + _GRAM] for at in range(start, start + _ROW * stride, stride)]
    return _layout(stride).unpack_from(padded, start)


@lru_cache(maxsize=_MAX_PART)
def _layout(stride: int) -> Layout:
    return Layout(f"{_GRAM}s{stride - _GRAM}x" * _ROW)


def _hashes(shown: bytes) -> Iterator[int]:
    return (hash(shown[at : at + _GRAM]) for at in range(len(shown) - _GRAM + 1))


def _longest(matches: Iterable[Match]) -> list[Match]:
    """Of matches of one name that overlap, the longest; in the order of their starts."""
    kept: list[Match] = []
    rivals: dict[str, int] = {}
    for match in sorted(set(matches), key=lambda one: (one.start, -one.end)):
        place = rivals.get(match.variant.name, -1)
        rival = kept[place] if place >= 0 else None
        if rival is None or match.start >= rival.end:
            rivals[match.variant.name] = len(kept)
            kept.append(match)
        elif match.end - match.start > rival.end - rival.start:
            kept[place] = match
    return sorted(kept, key=lambda one: one.start)
