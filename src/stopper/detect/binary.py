"""Text among bytes that are none: what `strings` shows, a few odd bytes, UTF-16 and UTF-32."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from stopper.detect.fold import FOREIGN
from stopper.detect.legible import legible
from stopper.detect.opened import GAP
from stopper.detect.origin import Piece, Pieces, Span, united, whole
from stopper.detect.rewrite import Rewritten, lines_around

__all__ = ["STRINGS", "mended", "strings", "wide"]

STRINGS: Final = "strings"
_NO_CHARACTER = re.compile("([\udc80-\udcff]+)")
_SPARSE: Final = 16
"""Of so many bytes one may belong to no character, in what is text for all that."""

_MAX_BETWEEN: Final = 64
_SHOWN: Final = bytes(range(0x20, 0x7F))
_MIXED = re.compile(
    rb"(?:%b)(?:[ -~]{0,%d}+(?:%b)){9,}+[ -~]{0,%d}"
    % (FOREIGN, _MAX_BETWEEN, FOREIGN, _MAX_BETWEEN)
)
_BOMS: Final = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_MARKS: Final = tuple(mark for mark, _ in _BOMS)


def wide(data: bytes) -> Rewritten | None:
    """UTF-16 and UTF-32 that say so by their byte order mark."""
    for mark, coding in _BOMS if data.startswith(_MARKS) else ():
        if data.startswith(mark):
            text = data[len(mark) :].decode(coding, "replace")
            return coding[:6], text.encode("utf-8", "replace"), whole(len(data))
    return None


def mended(data: bytes) -> Rewritten | None:
    """The lines in which a few bytes belong to no character, without these."""
    characters = data.decode(errors="ignore").encode()
    if (len(data) - len(characters)) * _SPARSE > len(data):
        return None
    windows = list(lines_around(data, _of_no_character(data)))
    kept = [data[start:end].decode(errors="ignore").encode() for start, end in windows]
    return "joined", GAP.join(kept), Pieces(lambda: _kept(data, windows))


def _of_no_character(data: bytes) -> Iterator[Span]:
    at = 0
    parts = _NO_CHARACTER.split(data.decode(errors="surrogateescape"))
    for text, odd in zip(parts[::2], parts[1::2], strict=False):
        start = at + len(text.encode())
        at = start + len(odd)
        yield start, at


def _kept(data: bytes, windows: Iterable[Span]) -> Iterator[Piece]:
    """What stands before, between and behind the bytes of no character of each window."""
    at = 0
    for first, last in windows:
        start, length = first, last - first
        for odd, after in (*_of_no_character(data[first:last]), (length, length)):
            yield Piece(at, start, first + odd)
            at += first + odd - start
            start = first + after
        at += len(GAP)


def strings(data: bytes) -> Rewritten:
    """The text in binary, as `strings` shows it."""
    spans = united(sorted([*legible(data), *_mixed(data)]))
    parts: list[bytes] = []
    pieces: list[Piece] = []
    at = 0
    for start, end in spans:
        pieces.append(Piece(at, start, end))
        parts += (data[start:end], GAP)
        at += end - start + len(GAP)
    return STRINGS, b"".join(parts), Pieces(lambda: pieces)


def _mixed(data: bytes) -> Iterator[Span]:
    """Where characters outside ASCII stand close together, with the signs next to them."""
    for found in _MIXED.finditer(data):
        before = data[max(0, found.start() - _MAX_BETWEEN) : found.start()]
        yield found.start() - len(before) + len(before.rstrip(_SHOWN)), found.end()
