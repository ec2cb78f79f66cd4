"""Bytes written as text: base64, base32, hex, base85 and ascii85 in a text, at any alignment."""

import re
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from stopper.detect.inflate import is_packed
from stopper.detect.origin import Piece, Pieces

__all__ = ["Opened", "grouped85", "lettered"]

MIN_BASE64: Final = 20
MIN_HEX: Final = 24
MIN_BASE32: Final = 24
MIN_GROUPS_85: Final = 5
_MIN_LEGIBLE: Final = 10
_MIN_WIDE: Final = 8
_PAST: Final = b"\n\n\n"

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def _class(alphabet: bytes) -> bytes:
    return bytes(ord("T") if byte in alphabet else ord(" ") for byte in range(256))


_ALPHABET64 = _LETTERS + _LETTERS.lower() + _DIGITS + b"+/_-="
_BASE64 = _class(_ALPHABET64[:-1])
_HEX = _class(_DIGITS + b"abcdefABCDEF")
_UPPER32 = _class(_LETTERS + b"234567")
_LOWER32 = _class(_LETTERS.lower() + b"234567")
_VALUES32 = bytes.maketrans(
    _LETTERS + _LETTERS.lower() + b"234567",
    (_DIGITS + _LETTERS)[:26] * 2 + b"QRSTUV",
)  # fmt: skip
_RUN = re.compile(rb"T+")

_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\t\r\n"
_LEGIBLE = bytes(ord("T") if byte in _PRINTABLE else ord(" ") * bool(byte) for byte in range(256))
_WIDE = (b"T\0" * _MIN_WIDE, b"\0T" * _MIN_WIDE)
_WIDE_RUN = re.compile(rb"[T\0]+")

# Groups of five whose first character says that a printable byte comes first.
_ASCII85 = re.compile(rb"(?:[+-I][!-u]{4}){%d,}[!-u]{0,4}" % MIN_GROUPS_85)
_ALPHABET85 = _DIGITS + _LETTERS + _LETTERS.lower() + b"!#$%&()*+-;<=>?@^_`{|}~"
_BASE85 = re.compile(
    rb"(?:[A-Za-e][%s]{4}){%d,}[%s]{0,4}"
    % (re.escape(_ALPHABET85), MIN_GROUPS_85, re.escape(_ALPHABET85))
)
_CLASS85 = _class(bytes(range(0x21, 0x7F)))
_VALUES85 = bytes.maketrans(_ALPHABET85, bytes(range(85)))
_VALUES_A85 = bytes.maketrans(bytes(range(33, 118)), bytes(range(85)))
_MAX_WORD: Final = 0xFFFF_FFFF


class Opened(Struct, frozen=True):
    """What was found under one kind of armour: all that is legible, and each blob as it is.

    `blobs` are bytes with the place in the text that they came from.
    """

    name: str
    text: bytes
    back: Pieces
    blobs: tuple[tuple[bytes, int, int], ...] = ()


class _Kind(Struct, frozen=True):
    """`chars` characters make `size` bytes; `fill` is a zero, `gap` what never decodes to text."""

    name: str
    chars: int
    size: int
    fill: bytes
    gap: bytes
    decode: Callable[[bytes], bytes]


def lettered(data: bytes) -> Iterator[Opened]:
    """What base64, hex and base32 hold, as far as it is legible or compressed."""
    tokens = data.translate(_BASE64)
    if b"T" * MIN_BASE64 in tokens:
        runs = list(_runs(tokens, MIN_BASE64))
        yield from _opened(_KIND64, data, runs)
        yield from _opened(_KIND16, data, _within(data, runs, _HEX, MIN_HEX))
        yield from _opened(_KIND32, data, _within(data, runs, _UPPER32, MIN_BASE32))
        yield from _opened(_KIND32, data, _within(data, runs, _LOWER32, MIN_BASE32))


def grouped85(data: bytes) -> Iterator[Opened]:
    """What ascii85 and base85 hold, as far as it is legible."""
    visible = data.translate(_CLASS85)
    if b"T" * (5 * MIN_GROUPS_85) in visible:
        runs = [
            (start, end)
            for start, end in _runs(visible, 5 * MIN_GROUPS_85)
            if data[start:end].translate(
                None, _ALPHABET64
            )  # else it is base64, which spells ascii85 as well
        ]
        yield from _opened85("ascii85", data, runs, _ASCII85, _VALUES_A85)
        yield from _opened85("base85", data, runs, _BASE85, _VALUES85)


def _runs(classes: bytes, least: int) -> Iterator[tuple[int, int]]:
    needle = b"T" * least
    start = classes.find(needle)
    while start >= 0:
        found = _RUN.match(classes, start)
        end = found.end() if found else start + least
        yield start, end
        start = classes.find(needle, end)


def _within(
    data: bytes, runs: list[tuple[int, int]], table: bytes, least: int
) -> list[tuple[int, int]]:
    """The runs of a smaller alphabet in these runs."""
    return [
        (start + first, start + last)
        for start, end in runs
        if end - start >= least
        for first, last in _runs(data[start:end].translate(table), least)
    ]


def _opened(kind: _Kind, data: bytes, runs: list[tuple[int, int]]) -> Iterator[Opened]:
    if not runs:
        return
    text, places = _aligned(kind, data, runs)
    parts: list[bytes] = []
    pieces: list[Piece] = []
    blobs: list[tuple[bytes, int, int]] = []
    for shift in range(kind.chars):
        plain = kind.decode(text[shift:] + kind.fill * shift)
        if shift == 0 or is_packed(plain):
            blobs += _blobs(plain, places)
        shifted = _Shifted(plain, places, shift)
        for start, end in legible(plain):
            shifted.take(start, end, parts, pieces)
        if shift == 0:
            for start, end in _foreign(plain, places):
                shifted.take(start, end, parts, pieces)
    if parts or blobs:
        yield Opened(kind.name, b"".join(parts), Pieces(lambda: pieces), tuple(blobs))


def _aligned(kind: _Kind, data: bytes, runs: list[tuple[int, int]]) -> tuple[bytes, list[Piece]]:
    """All runs in one text, each starting where a group of characters does."""
    parts: list[bytes] = []
    places: list[Piece] = []
    at = 0
    for start, end in runs:
        fill = -(end - start) % kind.chars
        parts += (data[start:end], kind.fill * fill, kind.gap)
        places.append(Piece(at, start, end, kind.chars, kind.size))
        at += (end - start + fill + len(kind.gap)) // kind.chars * kind.size
    return b"".join(parts), places


class _Shifted:
    """What one alignment decoded to, and how it leads back."""

    def __init__(self, plain: bytes, places: list[Piece], shift: int) -> None:
        self._plain = plain
        self._places = places
        self._starts = [piece.at for piece in places]
        self._shift = shift

    def take(self, start: int, end: int, parts: list[bytes], pieces: list[Piece]) -> None:
        """Move `start` to `end` to what comes out; it never spans two runs."""
        piece = self._places[max(0, bisect_right(self._starts, start) - 1)]
        at = pieces[-1].at + len(parts[-2]) + len(_PAST) if pieces else 0
        first = piece.start + self._shift + (start - piece.at) * piece.num // piece.den
        pieces.append(Piece(at, min(piece.end, first), piece.end, piece.num, piece.den))
        parts += (self._plain[start:end], _PAST)


def _blobs(plain: bytes, places: list[Piece]) -> Iterator[tuple[bytes, int, int]]:
    for piece in places:
        blob = plain[piece.at : piece.at + _size(piece)]
        if not blob.isascii():
            yield blob, piece.start, piece.end


def _size(piece: Piece) -> int:
    return (piece.end - piece.start) * piece.den // piece.num


def legible(plain: bytes) -> Iterator[tuple[int, int]]:
    """Where text stands in binary: ASCII and wide ASCII."""
    classes = plain.translate(_LEGIBLE)
    yield from _runs(classes, _MIN_LEGIBLE)
    if any(wide in classes for wide in _WIDE):
        for found in _WIDE_RUN.finditer(classes):
            if any(wide in found[0] for wide in _WIDE):
                yield found.span()


def _foreign(plain: bytes, places: list[Piece]) -> Iterator[tuple[int, int]]:
    """The runs that are UTF-8 throughout, and not only ASCII."""
    for piece in places:
        blob = plain[piece.at : piece.at + _size(piece)]
        if not blob.isascii() and _is_utf8(blob):
            yield piece.at, piece.at + len(blob)


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


def _unbase64(text: bytes) -> bytes:
    return a2b_base64(text.translate(_TO_STANDARD))


_KIND64 = _Kind("base64", 4, 3, b"A", b"/" * 8, _unbase64)
_KIND16 = _Kind("hex", 2, 1, b"0", b"f" * 4, _unhex)
_KIND32 = _Kind("base32", 8, 5, b"A", b"7" * 16, _unbase32)


def _opened85(
    name: str, data: bytes, runs: list[tuple[int, int]], regex: re.Pattern[bytes], values: bytes
) -> Iterator[Opened]:
    parts: list[bytes] = []
    pieces: list[Piece] = []
    at = 0
    for start, end in runs:
        for found in regex.finditer(data, start, end):
            digits = found[0].translate(values)
            if not _is_legible(_from85(digits[: 5 * MIN_GROUPS_85])):
                continue
            plain = _from85(digits)
            if plain and all(_is_legible(plain[i : i + 512]) for i in range(0, len(plain), 512)):
                parts += (plain, _PAST)
                pieces.append(Piece(at, found.start(), found.end(), 0))
                at += len(plain) + len(_PAST)
    if parts:
        yield Opened(name, b"".join(parts), Pieces(lambda: pieces))


def _is_legible(text: bytes) -> bool:
    return b" " not in text.translate(_LEGIBLE)


def _from85(digits: bytes) -> bytes:
    """The bytes of these base-85 digits; nothing where a group is no 32-bit number."""
    spare = -len(digits) % 5
    digits += bytes([84]) * spare
    words = [
        (((a * 85 + b) * 85 + c) * 85 + d) * 85 + e
        for a, b, c, d, e in zip(*(digits[place::5] for place in range(5)), strict=True)
    ]
    if max(words) > _MAX_WORD:
        return b""
    plain = b"".join([word.to_bytes(4) for word in words])
    return plain[: len(plain) - spare]
