"""The secrets of a bottle, recognised in every usual spelling, also in parts and across cuts."""

import math
from base64 import b32encode, b64encode
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import accumulate, pairwise
from typing import Final, NamedTuple
from urllib.parse import quote

from stopper.detect.decode import View
from stopper.detect.finding import Finding, Severity, Tier
from stopper.detect.origin import characters

__all__ = ["MAX_VALUE", "MIN_BITS", "MIN_VALUE", "Follower", "KnownValues", "encoded_variants"]

MIN_VALUE: Final = 8
"""Shorter values, in characters, would match by chance."""

MIN_BITS: Final = 20.0
"""Values with less estimated entropy are words and numbers that any text may hold."""

MAX_VALUE: Final = 16_384
"""Longer values, in characters, are refused: a follower holds several times as much."""

_WORD_BITS: Final = 1.5
_MAX_REPEATS: Final = 8
_GRAM: Final = 6
_MIN_PART: Final = 12
_MAX_PART: Final = 64
_MAX_KEY: Final = 64
_FINGERPRINT_BYTES: Final = 16
_BLOCK: Final = 1024

_ALNUM = b"abcdefghijklmnopqrstuvwxyz0123456789"
_NOT_ALNUM = bytes(byte for byte in range(256) if byte not in _ALNUM + _ALNUM.upper())
_VISIBLE = range(0x21, 0x7F)
_NOT_VISIBLE = bytes(byte for byte in range(256) if byte not in _VISIBLE)


def encoded_variants(secret: str) -> list[str]:
    """The usual spellings of `secret`, itself first, each once.

    Base64 and its url-safe kind with and without padding, base32, hex and percent in both cases,
    JSON and HTML escapes, and reversed.
    """
    raw = secret.encode("utf-8", "surrogatepass")
    standard, small = b64encode(raw).decode(), b32encode(raw).decode()
    units = secret.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    safe = standard.translate({ord("+"): "-", ord("/"): "_"})
    spelled = [
        secret,
        standard, standard.rstrip("="), safe, safe.rstrip("="),
        quote(raw), quote(raw, safe=""), "".join(f"%{byte:02X}" for byte in raw),
        "".join(f"%{byte:02x}" for byte in raw),
        raw.hex(), raw.hex().upper(),
        small, small.rstrip("="),
        "".join(f"\\u{unit}" for unit in units),
        "".join(f"\\x{byte:02x}" for byte in raw),
        "".join(f"&#{ord(char)};" for char in secret),
        secret[::-1],
    ]  # fmt: skip
    return list(dict.fromkeys(spelled))


class _Variant(NamedTuple):
    """One spelling of one value, as the hashes of all its grams."""

    name: str
    spelling: str
    grams: tuple[int, ...]
    least: int


class _Match(NamedTuple):
    start: int
    end: int
    variant: _Variant

    @property
    def is_whole(self) -> bool:
        return self.end - self.start == len(self.variant.grams) + _GRAM - 1


class _Plane:
    """One way of looking at a text: what is left of it, and the hashes to look for there.

    Grams are taken at every place of a value and at every `stride` bytes of a text, so that the
    cost is the same for one value as for a thousand.
    """

    def __init__(self, dropped: bytes, table: bytes) -> None:
        self._dropped = dropped
        self._table = table
        self._index: dict[int, list[tuple[_Variant, int]]] = {}
        self.longest = 0
        self._stride = 0

    def add(self, name: str, spelling: str, shown: bytes) -> None:
        """Look for this projected text, of which half is enough."""
        if len(shown) < MIN_VALUE:
            return
        grams = tuple(_hashes(shown))
        half = (len(shown) + 1) // 2
        least = min(len(shown), max(_MIN_PART, half), _MAX_PART)
        variant = _Variant(name, spelling, grams, least)
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

    def matches(self, shown: bytes) -> Iterator[_Match]:
        """Every part of a value that is long enough, in projected text; one may come twice."""
        index = self._index
        hits = [
            at
            for at in range(0, len(shown) - _GRAM + 1, self._stride)
            if hash(shown[at : at + _GRAM]) in index
        ]
        known: dict[_Variant, int] = {}
        for at in hits:
            for variant, place in index[hash(shown[at : at + _GRAM])]:
                if at < known.get(variant, 0):
                    continue
                match = _extended(shown, at, variant, place)
                if match.end - match.start >= variant.least:
                    known[variant] = match.end - _GRAM + 1
                    yield match

    def open_since(self, shown: bytes) -> int | None:
        """Where the part of a value starts that the text ends in; None when it ends in none."""
        at = len(shown) - _GRAM
        if at < 0:
            return None
        places = self._index.get(hash(shown[at:]), ())
        starts = [
            _extended(shown, at, variant, place).start
            for variant, place in places
            if place + 1 < len(variant.grams)
        ]
        return min(starts, default=None)


class KnownValues:
    """Finds the given secrets in any spelling, and half of one as well.

    Letters and digits alone are compared, without their case, so separators, quotes, line ends,
    NUL, zero-width and non-ASCII characters put between change nothing. Spellings are raw,
    reversed, base64 and base32 at all alignments (url-safe, unpadded), hex and percent. Everything
    else that a decoder undoes is found in the views of the text.

    Values are not kept. What is kept are SipHash values, under the process's own key, of all
    stretches of six characters after a substitution that `key` decides: enough to recognise, and
    nothing that shows in a log. It does not withstand someone who can read this process's memory
    and has both keys, since six characters can be tried out; matching any half of a value at any
    place allows no slower hash. A value with fewer than eight letters and digits is compared with
    its punctuation, kept in the same way.
    """

    def __init__(self, values: Mapping[str, str], key: bytes, canaries: Iterable[str] = ()) -> None:
        """Take values by name; `canaries` are the names of those that only a thief would send.

        ValueError names a value that is too short, too long or too easily met with, and says why.
        """
        if not key:
            raise ValueError("known values need a key")
        self._canaries = frozenset(canaries)
        self._fingerprints = {
            name: blake2b(
                value.encode("utf-8", "surrogatepass"), key=key[:_MAX_KEY],
                digest_size=_FINGERPRINT_BYTES,
            ).hexdigest()
            for name, value in values.items()
        }  # fmt: skip
        letters = _Plane(_NOT_ALNUM, _keyed(key))
        visible = _Plane(_NOT_VISIBLE, bytes(range(256)).lower())
        for name, value in values.items():
            _check(name, value)
            raw = value.encode("utf-8", "surrogatepass")
            plane = letters if len(letters.project(raw)) >= MIN_VALUE else visible
            spellings = {plane.project(text): spelling for spelling, text in _spellings(raw)}
            for shown, spelling in spellings.items():
                plane.add(name, spelling, shown)
        self.planes = tuple(plane for plane in (letters, visible) if plane.longest)

    def scan(self, text: str | bytes, views: Iterable[View] = ()) -> list[Finding]:
        """All known values in `text`, and in the `views` of the same text, in their order.

        Offsets count characters of a str and bytes of bytes.
        """
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        found = self._whole(data)
        if len(data) != len(text):
            found = [
                _moved(one, characters(data, one.start), characters(data, one.end)) for one in found
            ]
        for view in views:
            for one in self._whole(view.data):
                found.append(_moved(one, *view.origin(one.start, one.end), view.path))
        return _settled(found)

    def follow(self) -> "Follower":
        """A follower for one stream."""
        return Follower(self)

    def finding(self, match: _Match, start: int, end: int) -> Finding:
        """A match as others see it."""
        variant = match.variant
        rule = "canary" if variant.name in self._canaries else "known-value"
        return Finding(
            rule if match.is_whole else f"{rule}-part", variant.name, Severity.CRITICAL,
            Tier.CHECKED, start, end, self._fingerprints[variant.name],
            (variant.spelling,) if variant.spelling else (),
        )  # fmt: skip

    def _whole(self, data: bytes) -> list[Finding]:
        return self.follow().finish(data)


class Follower:
    """Finds known values in a stream, whatever its cuts, in the order in which they end.

    Offsets count bytes from the start of the stream. It keeps as much of the stream as the longest
    spelling of a value has letters.
    """

    def __init__(self, known: KnownValues) -> None:
        self._known = known
        self._tracks = [_Track(plane) for plane in known.planes]

    def feed(self, chunk: bytes) -> list[Finding]:
        """Take the next bytes; values that may still go on are told later."""
        return self._found(track.feed(chunk) for track in self._tracks)

    def finish(self, chunk: bytes = b"") -> list[Finding]:
        """Take the last bytes, and tell the values that the stream ended in as well."""
        return self._found(track.feed(chunk, last=True) for track in self._tracks)

    @property
    def open_since(self) -> int | None:
        """Where what may be a part of a value began that the stream ends in, for now.

        Told from its sixth letter on; None when the stream ends in none.
        """
        starts = [track.since for track in self._tracks if track.since is not None]
        return min(starts, default=None)

    def _found(self, groups: Iterable[list[tuple[_Match, int, int]]]) -> list[Finding]:
        return _settled([self._known.finding(*one) for group in groups for one in group])


class _Track:
    """What one plane remembers of a stream."""

    def __init__(self, plane: _Plane) -> None:
        self._plane = plane
        self._kept = plane.longest + _GRAM
        self._tail = b""
        self._places: list[int] = []  # in the stream, of each byte of the tail
        self._offset = 0
        self._told: dict[str, int] = {}  # up to where matches of a name were told
        self.since: int | None = None

    def feed(self, chunk: bytes, *, last: bool = False) -> list[tuple[_Match, int, int]]:
        shown = self._tail + self._plane.project(chunk)
        places = _Places(self._plane, self._places, chunk, self._offset)
        found = []
        for match in _longest(self._plane.matches(shown)):
            start, end = places[match.start], places[match.end - 1] + 1
            name = match.variant.name
            goes_on = match.end == len(shown) and not match.is_whole and not last
            if not goes_on and start >= self._told.get(name, 0):
                self._told[name] = end
                found.append((match, start, end))
        if last:
            self.since = None
            return found
        since = self._plane.open_since(shown)
        self.since = None if since is None else places[since]
        self._places = places.last(self._kept)
        self._tail = shown[-self._kept :]
        self._offset += len(chunk)
        return found


class _Places:
    """Where in the stream each projected byte stands; worked out by blocks, where it is asked."""

    def __init__(self, plane: _Plane, before: list[int], chunk: bytes, offset: int) -> None:
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


def _spellings(raw: bytes) -> Iterator[tuple[str, bytes]]:
    # Where two look the same the last one gives the name.
    yield "percent", quote(raw).encode()
    yield "reversed", raw[::-1]
    yield "hex", raw.hex().encode()
    for shift in range(3):
        yield "base64", _aligned(b64encode(bytes(shift) + raw), shift, len(raw), 3, 4)
    for shift in range(5):
        yield "base32", _aligned(b32encode(bytes(shift) + raw), shift, len(raw), 5, 8)
    yield "", raw


def _aligned(text: bytes, shift: int, length: int, size: int, chars: int) -> bytes:
    """The part of `text` that depends on the value alone, which `shift` bytes precede."""
    return text[-(-shift * chars // size) : (shift + length) * chars // size]


def _keyed(key: bytes) -> bytes:
    """A table that drops case, and substitutes letters and digits as `key` decides."""
    order = sorted(_ALNUM, key=lambda byte: blake2b(bytes([byte]), key=key[:_MAX_KEY]).digest())
    return bytes.maketrans(_ALNUM + _ALNUM.upper(), bytes(order) * 2)


def _hashes(shown: bytes) -> Iterator[int]:
    return (hash(shown[at : at + _GRAM]) for at in range(len(shown) - _GRAM + 1))


def _extended(shown: bytes, at: int, variant: _Variant, place: int) -> _Match:
    """As far as the text and the value agree to both sides of one common gram."""
    grams = variant.grams
    first, last = at, at
    while first and place - (at - first) and (
        hash(shown[first - 1 : first - 1 + _GRAM]) == grams[place - (at - first) - 1]
    ):  # fmt: skip
        first -= 1
    while (
        place + (last - at) + 1 < len(grams)
        and last + _GRAM < len(shown)
        and hash(shown[last + 1 : last + 1 + _GRAM]) == grams[place + (last - at) + 1]
    ):
        last += 1
    return _Match(first, last + _GRAM, variant)


def _longest(matches: Iterable[_Match]) -> list[_Match]:
    """Of matches of one name that overlap, the longest; in the order of their starts."""
    kept: list[_Match] = []
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


def _settled(findings: Iterable[Finding]) -> list[Finding]:
    """In order, and each place once for each name: raw before decoded, whole before part."""
    kept: dict[str, int] = {}
    found = []
    for one in sorted(findings, key=lambda one: (one.start, -one.end, len(one.decoded), one.rule)):
        if one.end > kept.get(one.name, 0):
            kept[one.name] = one.end
            found.append(one)
    return found


def _moved(one: Finding, start: int, end: int, path: tuple[str, ...] = ()) -> Finding:
    return Finding(
        one.rule, one.name, one.severity, one.tier, start, end, one.fingerprint,
        (*path, *one.decoded),
    )  # fmt: skip


def _check(name: str, value: str) -> None:
    if not MIN_VALUE <= len(value) <= MAX_VALUE:
        raise ValueError(
            f"the value of {name} cannot be watched for: it has {len(value)} characters, and only "
            f"{MIN_VALUE} to {MAX_VALUE} can be told from other text"
        )
    if _bits(value) < MIN_BITS:
        raise ValueError(
            f"the value of {name} cannot be watched for: it is a word or repeats itself, so other "
            "text would hold it too; leave it out or use a random one"
        )


def _bits(value: str) -> float:
    """An estimate of the entropy: of a word by its length, else of its characters."""
    if value.isalpha() and (value.islower() or value.isupper() or value.istitle()):
        most = _WORD_BITS
    else:
        most = math.inf
    counts = Counter(value)
    each = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return min(most, each) * min(len(value), len(set(pairwise(value))) + 1)
