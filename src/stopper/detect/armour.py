"""Bytes written as text: base64, base32 and hex, at any alignment."""

import re
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from math import lcm
from typing import Final

from msgspec import Struct

from stopper.detect.allowance import Allowance
from stopper.detect.framed import NAME
from stopper.detect.inflate import is_packed
from stopper.detect.lazy import lazy
from stopper.detect.legible import LEGIBLE, MIN_LEGIBLE, PRINTABLE, legible, table_of
from stopper.detect.opened import Gathered, Opened
from stopper.detect.origin import Span
from stopper.detect.passes import runs
from stopper.detect.sieve import Sieve
from stopper.detect.spelling import ROT13
from stopper.detect.turning import ROTATED, rotated

__all__ = ["MIN_BASE64", "SPELLED", "lettered"]

MIN_BASE64: Final = 20
MIN_HEX: Final = 24
MIN_BASE32: Final = 24
_MIN_BLOB: Final = 21
"""Fewer bytes hold no secret that is compressed or spelled with letters that look alike."""

_MAX_ASKED: Final = 36
"""To decode a longer run takes no more time than to find out whether it is worth it."""

_BATCH: Final = 2048
"""So many runs are decoded at once: with the shortest a look at the clock is due by then."""

_STRAIGHT: Final = 1
_BACKWARDS: Final = 2
_ROTATED: Final = 4
_MIN_TURNED: Final = 24
_MAX_TURNED: Final = 2048
_MIN_DIGITS: Final = 3
_MIN_SURE: Final = 16
_HEADED = re.compile(rb"[A-Za-z0-9]{2,10}[_-]")
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-")

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
_HEXDIGITS = _DIGITS + b"abcdefABCDEF"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


_LETTERS64 = _LETTERS + _LETTERS.lower() + _DIGITS
_BASE64 = table_of(_LETTERS64 + b"+/_-")
_HEX = table_of(_HEXDIGITS)
_UPPER32 = table_of(_LETTERS + b"234567")
_LOWER32 = table_of(_LETTERS.lower() + b"234567")
_UPPER32HEX = table_of(_DIGITS + _LETTERS[:22])
_LOWER32HEX = table_of(_DIGITS + _LETTERS[:22].lower())
_VALUES32 = bytes.maketrans(
    _LETTERS + _LETTERS.lower() + b"234567",
    (_DIGITS + _LETTERS)[:26] * 2 + b"QRSTUV",
)  # fmt: skip
_NARROW: Final = (
    f"[0-9a-fA-F]{{{MIN_HEX}}}",
    *(f"{one}{{{MIN_BASE32}}}" for one in ("[A-Z2-7]", "[a-z2-7]", "[0-9A-V]", "[0-9a-v]")),
)
_IS_NARROW = lazy("|".join(_NARROW).encode())

_FIRST_SHOWN: Final = 0x20
_LAST_SHOWN: Final = 0x7E
# Of addresses that are secrets, in rot13: `/services/`, `/api/webhooks/`.
_ROTATED_PATH: Final = b"/freivprf/"
_ROTATED_API: Final = b"/ncv/jroubbxf/"
# How base64 of zlib, gzip, zstd, bzip2 and xz begins.
_PACKED_SEGMENT = re.compile(rb"/(?=eJ|eN|eA|H4sI|KLUv|Qlpo|/Td6)")


_Place = tuple[int, int, int]
"""Where the bytes of a run begin once it is decoded, and where it stands in the text."""


class _Kind(Struct, frozen=True):
    """`chars` characters make `size` bytes; `fill` is a zero, `gap` what never decodes to text.

    `spells` matches in every run that holds something legible. `is_mixed` says that bytes which
    are not take capitals, small letters and others.
    """

    name: str
    chars: int
    size: int
    fill: bytes
    gap: bytes
    decode: Callable[[bytes], bytes]
    spells: re.Pattern[bytes]
    is_mixed: bool = False


def lettered(data: bytes, allowance: Allowance) -> Iterator[Opened]:
    """What base64, hex and base32 hold, as far as it is legible or compressed.

    What looks like a token, or like one of these, from its end is given turned round; what looks
    like a token, in rot13. Once it is late by the `allowance` there is no more.
    """
    names = runs(_BASE64, MIN_BASE64, data)
    found = [data[start:end] for start, end in names]
    together = b" %b " % b" ".join(found)
    if _ROTATED_PATH in together or _ROTATED_API in together:
        yield from rotated(data)
    asked = _asking().scan(together)
    if any(map(bytes.isdigit, found)):
        gathered = Gathered()
        for plain, start, end in _padded(names, found):
            gathered.add(plain, start, end, 3)
        yield from gathered.opened("numbers")
    if asked & _BACKWARDS:
        yield from _turned(data, names, allowance)
    if asked & _ROTATED:
        yield from _as_rotated(names, found)
    if allowance.is_late(len(data)):
        return
    if not asked & _STRAIGHT and not any(map(_is_worth_asking, found)):
        return
    yield from _opened(
        _KIND64, data, [*_wider(data, names), *_behind_slashes(data, names)], allowance
    )
    narrow = [
        (start, end)
        for start, end in names
        if end - start > _MAX_ASKED or _IS_NARROW.search(data, start, end)
    ]
    if narrow and not allowance.is_late(len(data)):
        yield from _opened(_KIND16, data, _within(data, narrow, _HEX, MIN_HEX), allowance)
        yield from _opened(_KIND32, data, _within(data, narrow, _UPPER32, MIN_BASE32), allowance)
        yield from _opened(_KIND32, data, _within(data, narrow, _LOWER32, MIN_BASE32), allowance)
        for table in (_UPPER32HEX, _LOWER32HEX):
            found32 = _within(data, narrow, table, MIN_BASE32)
            yield from _opened(_KIND32HEX, data, _wider(data, found32), allowance)


def _wider(data: bytes, spans: Iterable[Span]) -> list[Span]:
    """Those that are not only hex: base64 and base32 that hold text have other digits, too."""
    return [span for span in spans if data[slice(*span)].translate(None, _HEXDIGITS)]


def _padded(names: Iterable[Span], found: Iterable[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """What decimal numbers of three digits hold that stand without a break."""
    for (start, end), run in zip(names, found, strict=True):
        if run.isdigit() and len(run) % 3 == 0:
            codes = [int(run[at : at + 3]) for at in range(0, len(run), 3)]
            if min(codes) >= _FIRST_SHOWN and max(codes) <= _LAST_SHOWN:
                yield bytes(codes), start, end


def _behind_slashes(data: bytes, names: Sequence[Span]) -> Iterator[Span]:
    """Compressed bytes in the path of a URL, of which the segments before it are no part."""
    for found in _PACKED_SEGMENT.finditer(data):
        start = found.end()
        at = bisect_right(names, (start, len(data))) - 1
        if at >= 0 and start < names[at][1]:
            yield start, names[at][1]


def _is_worth_asking(run: bytes) -> bool:
    return len(run) > _MAX_ASKED or _may_be_blob(_KIND64, run)


@lru_cache(maxsize=1)
def _asking() -> Sieve:
    """All runs are asked at once, since nearly all are but names."""
    return Sieve({_STRAIGHT: (*SPELLED, *_NARROW), _BACKWARDS: _BACKWARD, _ROTATED: (_FORWARD,)})


def _batches(spans: Sequence[Span], allowance: Allowance) -> Iterator[Sequence[Span]]:
    """Not all at once, and no more once it is late."""
    for at in range(0, len(spans), _BATCH):
        if at and allowance.is_late():
            return
        yield spans[at : at + _BATCH]


def _turned(data: bytes, names: Sequence[Span], allowance: Allowance) -> Iterator[Opened]:
    """Each run that is a token with a prefix, or holds text that chance does not make, turned."""
    texts, tokens = Gathered(), Gathered()
    sized = [span for span in names if _MIN_TURNED <= span[1] - span[0] <= _MAX_TURNED]
    for few in _batches(sized, allowance):
        is_text = _text_from_its_end(data, few)
        for start, end in few:
            run = data[start:end]
            if start in is_text and not _is_text_straight(run):
                texts.add(run[::-1], start, end)
            elif _is_headed(run[::-1]):
                tokens.add(run[::-1], start, end)
    yield from texts.opened("reversed")
    yield from tokens.opened("reversed", is_plain=True)


def _is_text_straight(run: bytes) -> bool:
    """Whether it is base64 or hex of text as it stands: then what its end spells is chance."""
    kind = _KIND64 if run.translate(None, _HEXDIGITS) else _KIND16
    plain = kind.decode(run[: len(run) // kind.chars * kind.chars])
    return not plain.translate(None, PRINTABLE)


def _text_from_its_end(data: bytes, spans: Sequence[Span]) -> frozenset[int]:
    """Where runs begin that are base64 or hex of text, written from its end."""
    size = spans[-1][1]
    back = data[spans[0][0] : size][::-1]
    kinds: dict[bool, list[Span]] = {True: [], False: []}
    for start, end in spans:
        is_hex = not data[start:end].translate(None, _HEXDIGITS)
        kinds[is_hex].append((size - end, size - start))
    starts = set()
    for kind, turned in ((_KIND64, kinds[False]), (_KIND16, kinds[True])):
        text, places = _aligned(kind, back, turned)
        begins = [at for at, _, _ in places]
        for shift in range(kind.chars if places else 0):
            plain = kind.decode(text[shift:] + kind.fill * shift)
            for at, _ in runs(LEGIBLE, _MIN_SURE, plain):  # it never spans two runs
                starts.add(size - places[bisect_right(begins, at) - 1][2])
    return frozenset(starts)


def _as_rotated(names: Sequence[Span], found: Sequence[bytes]) -> Iterator[Opened]:
    """Each run that is a token with a prefix, once rot13 is undone."""
    gathered = Gathered()
    for (start, end), run in zip(names, found, strict=True):
        if _MIN_TURNED <= len(run) <= _MAX_TURNED and _is_headed(run):
            gathered.add(run.translate(ROT13), start, end)
    yield from gathered.opened(ROTATED, is_plain=True)


def _is_headed(run: bytes) -> bool:
    """Whether it looks like a token with a prefix, and is no UUID."""
    if not (b"_" in run or b"-" in run) or not _HEADED.match(run) or _UUID.match(run):
        return False
    return len(run) - len(run.translate(None, _DIGITS)) >= _MIN_DIGITS


def _within(data: bytes, names: list[Span], table: bytes, least: int) -> list[Span]:
    """The runs of a smaller alphabet in these."""
    return [
        (start + first, start + last)
        for start, end in names
        if end - start >= least
        for first, last in runs(table, least, data[start:end])
    ]


def _opened(
    kind: _Kind, data: bytes, found: Sequence[Span], allowance: Allowance
) -> Iterator[Opened]:
    gathered = Gathered()
    blobs: list[tuple[bytes, int, int]] = []
    for few in _batches(found, allowance):
        held = [run for run in few if _may_hold(kind, data, *run)]
        if held:
            blobs += _decoded(kind, data, held, gathered, allowance)
    yield from gathered.opened(kind.name, tuple(blobs))


def _decoded(
    kind: _Kind, data: bytes, held: Iterable[Span], gathered: Gathered, allowance: Allowance
) -> Iterator[tuple[bytes, int, int]]:
    """Gathers what is legible in these runs, and gives what may be compressed."""
    text, places = _aligned(kind, data, held)
    starts = [at for at, _, _ in places]
    num, den = kind.chars, kind.size
    for shift in range(kind.chars):
        if allowance.is_late(len(text)):
            return
        plain = kind.decode(text[shift:] + kind.fill * shift)
        if shift == 0 or is_packed(plain):
            yield from _blobs(kind, data, plain, places)
        shown = legible(plain) if shift else chain(legible(plain), _foreign(kind, plain, places))
        for start, end in allowance.paced(shown):  # it never spans two runs
            at, first, last = places[bisect_right(starts, start) - 1]
            first = min(last, first + shift + (start - at) * num // den)
            gathered.add(plain[start:end], first, last, num, den)
            before = plain[max(0, start - _MAX_NAME) : start]
            if not before.endswith(_BEFORE_RUN) and (name := _NAME_BEFORE.search(before)):
                gathered.add(b"%b=%b" % (name[1], plain[start:end]), first, last)
            if end - start - plain[start] in _LENGTH_AND_TAG:
                gathered.add(plain[start + 1 : end], first, last, num, den)


def _may_hold(kind: _Kind, data: bytes, start: int, end: int) -> bool:
    if end - start > _MAX_ASKED or kind.spells.search(data, start, end):
        return True
    return _may_be_blob(kind, data[start:end])


def _may_be_blob(kind: _Kind, run: bytes) -> bool:
    if len(run) * kind.size < _MIN_BLOB * kind.chars:
        return False
    return not (kind.is_mixed and (run.isalpha() or run.islower() or run.isupper()))


def _aligned(kind: _Kind, data: bytes, runs: Iterable[Span]) -> tuple[bytes, list[_Place]]:
    """All runs in one text, each starting where a group of characters does."""
    parts: list[bytes] = []
    places: list[_Place] = []
    at = 0
    chars, size = kind.chars, kind.size
    gaps = [kind.fill * fill + kind.gap for fill in range(chars)]
    for start, end in runs:
        gap = gaps[(start - end) % chars]
        parts += (data[start:end], gap)
        places.append((at, start, end))
        at += (end - start + len(gap)) // chars * size
    return b"".join(parts), places


def _blobs(
    kind: _Kind, data: bytes, plain: bytes, places: Iterable[_Place]
) -> Iterator[tuple[bytes, int, int]]:
    for at, start, end in places:
        blob = plain[at : at + (end - start) * kind.size // kind.chars]
        if not blob.isascii() and _may_be_blob(kind, data[start:end]):
            yield blob, start, end


def _foreign(kind: _Kind, plain: bytes, places: Iterable[_Place]) -> Iterator[Span]:
    """The runs that are UTF-8 throughout, and not only ASCII."""
    for at, start, end in places:
        blob = plain[at : at + (end - start) * kind.size // kind.chars]
        if not blob.isascii() and _is_utf8(blob):
            yield at, at + len(blob)


def _is_utf8(blob: bytes) -> bool:
    try:
        blob.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unhex(text: bytes) -> bytes:
    return bytes.fromhex(text.decode())


def _unbase32(text: bytes) -> bytes:
    # A power of two as base keeps this linear.
    return int(text.translate(_VALUES32) or b"0", 32).to_bytes(len(text) // 8 * 5)


def _unbase32hex(text: bytes) -> bytes:
    return int(text or b"0", 32).to_bytes(len(text) // 8 * 5)


def _unbase64(text: bytes) -> bytes:
    return a2b_base64(text.translate(_TO_STANDARD))


def _spells(alphabets: tuple[bytes, ...], bits: int) -> re.Pattern[bytes]:
    return lazy(b"|".join(_spelled(alphabets, bits)))


def _spelled(alphabets: tuple[bytes, ...], bits: int, step: int = 1) -> list[bytes]:
    """Ten bytes below 128 in a row, wherever in a group of digits the first begins.

    With -1 for `step` the digits are turned round.
    """
    return [
        b"".join(
            [
                _digit(alphabet, bits, [8 * byte - place for byte in range(first, last)])
                for place in range(8 * first // bits * bits, 8 * last - 7, bits)
            ][::step]
        )
        for alphabet in alphabets
        for first in range(lcm(bits, 8) // 8)
        for last in [first + MIN_LEGIBLE]
    ]


def _digit(alphabet: bytes, bits: int, zeros: list[int]) -> bytes:
    """The digits of which these bits, counted from the highest, are zero."""
    mask = sum(1 << (bits - 1 - zero) for zero in zeros if 0 <= zero < bits)
    return b"[%b]" % re.escape(
        bytes(char for at, char in enumerate(alphabet) if not at % (1 << bits) & mask)
    )


_LETTERS32 = _LETTERS + b"234567"
_DIGITS64 = _LETTERS64 + b"+/" + _LETTERS64 + b"-_"
SPELLED: Final = tuple(way.decode() for way in _spelled((_DIGITS64,), 6))
"""How base64 looks, one of them, where it holds something legible."""

_BACKWARD: Final = (
    *(way.decode() for way in _spelled((_DIGITS64,), 6, -1)),
    "[0-9a-fA-F][2-7]" * MIN_LEGIBLE,
    "[0-9][A-Za-z0-9+/_-]*[_-][A-Za-z0-9]{2}[A-Za-z0-9]*[ ]",
)
"""What is written from its end: base64, hex, and a token with a prefix."""

_FORWARD: Final = "[ ][A-Za-z0-9]{2}[A-Za-z0-9]*[_-][A-Za-z0-9+/_-]*[0-9]"
"""A token with a prefix, which may be one in rot13."""

_KIND64 = _Kind(
    "base64",
    4,
    3,
    b"A",
    b"/" * 8,
    _unbase64,
    _spells((_DIGITS64,), 6),
    is_mixed=True,
)
_KIND16 = _Kind(
    "hex", 2, 1, b"0", b"f" * 4, _unhex, _spells((_DIGITS + b"abcdef" + _DIGITS + b"ABCDEF",), 4)
)
_KIND32 = _Kind(
    "base32", 8, 5, b"A", b"7" * 16, _unbase32, _spells((_LETTERS32, _LETTERS32.lower()), 5)
)
_LETTERS32HEX = _DIGITS + _LETTERS[:22]
_KIND32HEX = _Kind(
    "base32",
    8,
    5,
    b"0",
    b"V" * 16,
    _unbase32hex,
    _spells((_LETTERS32HEX, _LETTERS32HEX.lower()), 5),
)
_NAME_BEFORE = re.compile(rb"(?<![A-Za-z0-9_.-])%b[^ -~]{1,6}\Z" % NAME)
_MAX_NAME: Final = 64
_LENGTH_AND_TAG: Final = (1, 2)
"""What stands beside the text of a field: its length, and the sign that begins the next one."""

_BEFORE_RUN: Final = b"\xff\xff\xff"  # how gaps of base64 and hex decode
