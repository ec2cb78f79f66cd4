"""One pass over a text that tells which decoders would change it at all."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from stopper.detect.database import HAS_HYPERSCAN, Database

__all__ = ["IN_BINARY", "NOT_IN_PLAIN", "PATTERNS", "Decoder", "needed", "prepare"]


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
    NUMBERS: Final = 1024
    PIECES: Final = 2048
    UUENCODED: Final = 4096
    DUMPS: Final = 8192
    MARKUP: Final = 16384
    HIDDEN: Final = 32768
    ALL: Final = 65535


NOT_IN_PLAIN: Final = Decoder.ASCII85 | Decoder.PACKED | Decoder.HIDDEN
"""What the plain form of a text does not show; a backslash may be a letter of the one."""

IN_BINARY: Final = Decoder.LETTERS | Decoder.ASCII85 | Decoder.BASE85 | Decoder.PACKED
"""What is worth looking for in bytes that are no text."""

_LETTER: Final = "[A-Za-z0-9+/_=-]"
_SIGN: Final = "[A-Za-z0-9+/_=.-]"
_WORD: Final = "[A-Za-z0-9_]"
_SEPARATOR: Final = r"[ \t\r\n.,:;|/+-]"
_BASE85: Final = r"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]"
_BYTES: Final = rf"0x(?:{_WORD}{{2}}{_SEPARATOR}{{2}}0x){{3}}"
_CALLS: Final = r"(?:[cC][hH][rR]|CHAR|[cC]har[cC]ode)\([0-9]"


def _row(word: str, count: int) -> str:
    return f"{word}{_SEPARATOR}" * count


PATTERNS: Final[Mapping[int, tuple[str, ...]]] = {
    Decoder.QUOTED: (r"=[0-9A-Fa-f]{2}=[0-9A-Fa-f]{2}", r"=[ \t]*\r?\n"),
    Decoder.NULS: (r"\x00",),
    Decoder.LINES: (rf"{_LETTER}{{12}}\\?\r?\n",),
    Decoder.LABELS: (r"[A-Za-z0-9_-]{24}\.",),
    Decoder.LITERALS: (
        rf"{_LETTER}[\"'`][ \t\r\n\\+.&|<>_]*[\"'`]{_LETTER}",
        r"[\"'`];?[ \t\r\n]{1,8}[A-Za-z_$][A-Za-z0-9_.$]{0,32}[ \t]{0,4}(?:\+=|\.=|<<)",
    ),
    Decoder.GROUPS: (
        rf"{_SEPARATOR}(?:{_row(_SIGN, 6)}|{_row(_WORD * 2, 4)}|{_row(_WORD * 4, 3)})",
        _BYTES,
    ),
    Decoder.LETTERS: (r"[A-Za-z0-9+/_-]{20}",),
    Decoder.ASCII85: (r"[!-u]{25}",),
    Decoder.BASE85: (_BASE85 + "{25}",),
    Decoder.NUMBERS: (
        r"[0-9,; \t\r\n]{24}", r"U\+00[0-9A-Fa-f]{2}", _CALLS,
    ),
    Decoder.PIECES: (rf"(?:[\"']{_SIGN}{{1,16}}[\"'][ \t]?,[ \t\r\n]{{0,24}}){{3}}",),
    Decoder.UUENCODED: (r"begin [0-7]{3,4} ",),
    Decoder.MARKUP: (
        rf"{_LETTER}<[!/A-Za-z][^<>\n]*>[<A-Za-z0-9+/_=-]", r"\]\]><!\[CDATA\[",
        r"\x1b\[[0-9;]*m",
    ),
    Decoder.HIDDEN: (r"\xf3\xa0[\x80\x81\x84-\x87][\x80-\xbf]", r"(?:\xef\xb8[\x80-\x8f]){8}"),
    Decoder.PACKED: (r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]", r"^x\^"),
}  # fmt: skip
"""One of them stands in every text that the decoder would change."""

_SURER: Final[Mapping[int, tuple[str, ...]]] = {
    Decoder.GROUPS: (
        f"{_row(_SIGN, 12)}|{_row(_WORD * 2, 6)}|{_row(_WORD * 4, 4)}",
        _BYTES,
    ),
    Decoder.ASCII85: (r"(?:[+-I][!-u]{4}){4}[+-I]",),
    Decoder.NUMBERS: (
        r"(?:[0-9]{2,3}[,; \t\r\n]{1,24}){8}", r"(?:[01]{8}[,; \t\r\n]{0,24}){8}",
        r"(?:U\+00[0-9A-Fa-f]{2}[,; \t\r\n]{0,24}){8}", _CALLS,
    ),
    Decoder.DUMPS: (
        r"(?:^|\n)[ \t]{0,8}(?:0x)?[0-9a-fA-F]{4,8}:?[ \t]{1,4}(?:[0-9a-fA-F]{2,4}[ \t\r]{0,2}){4}",
    ),
}  # fmt: skip
"""One of these as well; they cost several times as much as a run of one set of characters."""


_SHORT: Final = 1024
_AT_ONCE: Final = (Decoder.ALL,)
_ONE_BY_ONE: Final = (
    Decoder.ALL & ~Decoder.GROUPS & ~Decoder.LITERALS, Decoder.GROUPS, Decoder.LITERALS,
)  # fmt: skip
"""What is faster by itself, but in a short text, where the calls cost more than the characters."""


def needed(data: bytes, among: int = Decoder.ALL) -> int:
    """Those decoders that may find something in `data`; all of them without Hyperscan."""
    if not HAS_HYPERSCAN:
        return among
    found = 0
    for part in _AT_ONCE if len(data) < _SHORT else _ONE_BY_ONE:
        if among & part:
            found |= _seen(data, among & part)
    if found & (Decoder.GROUPS | Decoder.NUMBERS):
        found |= among & Decoder.DUMPS
    for one in _SURER:
        if found & one and not _surer(one).scan(data):
            found &= ~one
    return found


def prepare() -> None:
    """Compile all patterns at once, a tenth of a second, and not when a text first needs them."""
    if HAS_HYPERSCAN:
        for among in (Decoder.ALL, NOT_IN_PLAIN, IN_BINARY):
            for text in (b"", bytes(_SHORT)):
                needed(text, among)
        for one in _SURER:
            _surer(one)


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


@lru_cache(maxsize=len(_SURER))
def _surer(one: int) -> Database:
    return Database.compile((), _SURER[one])
