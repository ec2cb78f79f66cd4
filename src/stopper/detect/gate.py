"""One pass over a text that tells which decoders would change it at all."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from stopper.detect.database import HAS_HYPERSCAN, Database

__all__ = ["PATTERNS", "Decoder", "needed"]


class Decoder:
    """The decoders that can be ruled out, as bits: flags of an enum cost more than the decoders."""

    QUOTED: Final = 1
    NULS: Final = 2
    LINES: Final = 4
    LABELS: Final = 8
    LITERALS: Final = 16
    GROUPS: Final = 32
    LETTERS: Final = 64
    ASCII85: Final = 128
    BASE85: Final = 256
    PACKED: Final = 512
    ALL: Final = 1023


_LETTER: Final = "[A-Za-z0-9+/_=-]"
_WORD: Final = "[A-Za-z0-9_]"
_SEPARATOR: Final = r"[ \t\r\n.,:;|/+-]"
_BASE85: Final = r"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]"

PATTERNS: Final[Mapping[int, tuple[str, ...]]] = {
    Decoder.QUOTED: (r"=[0-9A-Fa-f]{2}=[0-9A-Fa-f]{2}", r"=[ \t]*\r?\n"),
    Decoder.NULS: (r"\x00",),
    Decoder.LINES: (rf"{_LETTER}{{12}}\\?\r?\n",),
    Decoder.LABELS: (r"[A-Za-z0-9_-]{24}\.",),
    Decoder.LITERALS: (rf"{_LETTER}[\"'`][ \t\r\n\\+.&|<>]*[\"'`]{_LETTER}",),
    Decoder.GROUPS: (
        rf"(?:{_WORD}{_SEPARATOR}){{12}}", rf"(?:{_WORD}{{2}}{_SEPARATOR}){{6}}",
        rf"(?:{_WORD}{{4}}{_SEPARATOR}){{4}}", rf"0x(?:{_WORD}{{2}}{_SEPARATOR}{{2}}0x){{3}}",
    ),
    Decoder.LETTERS: (r"[A-Za-z0-9+/_-]{20}",),
    Decoder.ASCII85: (r"[!-u]{25}",),
    Decoder.BASE85: (_BASE85 + "{25}",),
    Decoder.PACKED: (r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]", r"^x\^"),
}  # fmt: skip
"""One of them stands in every text that the decoder would change."""

_ASCII85: Final = r"(?:[+-I][!-u]{4}){4}[+-I]"
"""This as well; it costs five times as much as a run of one set of characters."""


def needed(data: bytes, among: int = Decoder.ALL) -> int:
    """Those decoders that may find something in `data`; all of them without Hyperscan."""
    if not HAS_HYPERSCAN:
        return among
    found = _seen(data, among & ~Decoder.GROUPS)
    if among & Decoder.GROUPS:  # faster by themselves
        found |= _seen(data, Decoder.GROUPS)
    if found & Decoder.ASCII85 and not _ascii85().scan(data):
        found &= ~Decoder.ASCII85
    return found


def _seen(data: bytes, among: int) -> int:
    database, of = _database(among)
    found = 0
    for _, number in database.scan(data):
        found |= of[number]
    return found


@lru_cache(maxsize=8)
def _database(among: int) -> tuple[Database, tuple[int, ...]]:
    numbered = [(text, one) for one, texts in PATTERNS.items() if one & among for text in texts]
    texts, of = zip(*numbered, strict=True)
    return Database.compile((), texts), of


@lru_cache(maxsize=1)
def _ascii85() -> Database:
    return Database.compile((), [_ASCII85])
