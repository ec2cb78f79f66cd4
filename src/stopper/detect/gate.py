"""One pass over a text that tells which decoders would change it at all."""

from collections.abc import Mapping
from enum import IntFlag
from functools import lru_cache
from typing import Final

from stopper.detect.database import HAS_HYPERSCAN, Database

__all__ = ["PATTERNS", "Decoder", "needed"]


class Decoder(IntFlag):
    """The decoders that can be ruled out."""

    QUOTED = 1
    NULS = 2
    LINES = 4
    LABELS = 8
    LITERALS = 16
    GROUPS = 32
    LETTERS = 64
    GROUPS_85 = 128
    PACKED = 256
    ALL = 511


_LETTER: Final = "[A-Za-z0-9+/_=-]"
_WORD: Final = "[A-Za-z0-9_]"
_SEPARATOR: Final = r"[ \t\r\n.,:;|/+-]"
_BASE85: Final = r"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]"

PATTERNS: Final[Mapping[Decoder, tuple[str, ...]]] = {
    Decoder.QUOTED: (r"=[0-9A-Fa-f]{2}=[0-9A-Fa-f]{2}", r"=[ \t]*\r?\n"),
    Decoder.NULS: (r"\x00",),
    Decoder.LINES: (rf"{_LETTER}{{12}}\\?\r?\n",),
    Decoder.LABELS: (r"[A-Za-z0-9_-]{24}\.",),
    Decoder.LITERALS: (rf"{_LETTER}[\"'`][ \t\r\n\\+.&|<>]*[\"'`]{_LETTER}",),
    Decoder.GROUPS: (
        rf"(?:{_WORD}{_SEPARATOR}){{12}}", rf"(?:{_WORD}{{2}}{_SEPARATOR}){{6}}",
        rf"(?:{_WORD}{{4}}{_SEPARATOR}{{1,2}}){{4}}",
    ),
    Decoder.LETTERS: (r"[A-Za-z0-9+/_-]{20}",),
    Decoder.GROUPS_85: (
        r"(?:[+-I][!-u]{4}){4}[+-I]", f"(?:[A-Za-e]{_BASE85}{{4}}){{4}}[A-Za-e]",
    ),
    Decoder.PACKED: (r"\x1f\x8b\x08", r"\x28\xb5\x2f\xfd"),
}  # fmt: skip
"""One of them stands in every text that the decoder would change."""

_OF: Final = tuple(decoder for decoder, patterns in PATTERNS.items() for _ in patterns)


def needed(data: bytes) -> Decoder:
    """The decoders that may find something in `data`; all of them without Hyperscan."""
    if not HAS_HYPERSCAN:
        return Decoder.ALL
    found = 0
    for _, number in _database().scan(data):
        found |= _OF[number]
    return Decoder(found)


@lru_cache(maxsize=1)
def _database() -> Database:
    return Database.compile((), [text for patterns in PATTERNS.values() for text in patterns])
