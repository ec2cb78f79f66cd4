"""One pass over a text that tells which decoders would change it at all."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from stopper.detect.armour import SPELLED
from stopper.detect.opened import PIECE
from stopper.detect.sieve import Sieve

__all__ = [
    "IN_BINARY",
    "LEFT_BY_BACKSLASHES",
    "LEFT_BY_ENTITIES",
    "LEFT_BY_FOLDING",
    "LEFT_BY_PERCENTS",
    "ODD",
    "PATTERNS",
    "Decoder",
    "needed",
]


class Decoder:
    """The decoders that can be ruled out, as bits: flags of an enum cost more than the decoders."""

    QUOTED: Final = 1
    UNSEEN: Final = 2
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
    ESCAPES: Final = 65536
    FOREIGN: Final = 131072
    TABLES: Final = 262144
    VARIABLES: Final = 524288
    WOVEN: Final = 1048576
    BACKSLASHED: Final = 2097152
    PARTS: Final = 4194304
    TURNED: Final = 8388608
    ALL: Final = 16777215


LEFT_BY_FOLDING: Final = Decoder.PACKED | Decoder.HIDDEN | Decoder.BACKSLASHED
"""What a text does not show where odd characters became ASCII: all else is in what came out."""

LEFT_BY_BACKSLASHES: Final = LEFT_BY_FOLDING | Decoder.ASCII85 | Decoder.DUMPS
"""What it does not show without backslashes, which may be letters of these, and names in dumps."""

LEFT_BY_ENTITIES: Final = (
    LEFT_BY_BACKSLASHES
    | Decoder.LETTERS
    | Decoder.BASE85
    | Decoder.UUENCODED
    | Decoder.QUOTED
    | Decoder.LINES
)
"""The same for all escapes, which may stand beside letters, and which the end of a line may cut."""

LEFT_BY_PERCENTS: Final = LEFT_BY_ENTITIES | Decoder.VARIABLES
"""The same for percents, which `%NAME%` of Windows has."""

ODD: Final = Decoder.ESCAPES | Decoder.FOREIGN
"""What the pass over escapes and odd characters would change."""

IN_BINARY: Final = (
    Decoder.LETTERS | Decoder.ASCII85 | Decoder.BASE85 | Decoder.PACKED | Decoder.UNSEEN
)
"""What is worth looking for in bytes that are no text."""

_LETTER: Final = "[A-Za-z0-9+/_=-]"
_SIGN: Final = "[A-Za-z0-9+/_=.-]"
_WORD: Final = "[A-Za-z0-9_]"
_SEPARATOR: Final = r"[ \t\r\n.,:;|/+-]"
_SIGN_BETWEEN: Final = r"[ \t\r\n.,:;|/+^~*>&=-]"
_SPACE: Final = r"[ \t\r\n]"
_HEX: Final = "[0-9A-Fa-f]"
_FIRST85: Final = "[+-I][!-u]{4}"
_DIGIT85: Final = "[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]"
_PIECE: Final = rf"[\"']{PIECE}{PIECE}*[\"'][ \t]*"
_TOKEN: Final = rf"[\"']{PIECE}*[A-Z0-9]{PIECE}*[\"'][ \t]*"  # as no list of words has one
_COMMA: Final = r",[ \t\r\nbBrRuU]*"  # with what Python writes before a string
_LISTED: Final = r"[,; \t\r\n/|:_.-]"
_HEADED: Final = '[A-Za-z0-9 _.*"`\\x80-\\xff-]'
_DRESS: Final = '["`* ]'
# What the names of columns of secrets end in, in letters of either case.
_ENDINGS: Final = (
    "[aAsS][sS][sSeE]", "[oO][rR][dDtT]", "[sSpP][wW][dD]", "[pP][wW]", r"\xb1[aA]",
    "[nN][hH][aA]", "[rRkKoO][eEtT][tTnNpP]", "[iI][aA][lL][sS]*", "[kK][eE][yY]",
)  # fmt: skip

PATTERNS: Final[Mapping[int, tuple[str, ...]]] = {
    Decoder.QUOTED: (f"={_HEX}{{2}}={_HEX}", r"[^=]=[ \t\r]*\n"),
    Decoder.UNSEEN: (r"[\x00-\x06\x0e-\x19\x7f]",),
    Decoder.LINES: (rf"{_LETTER}{{12}}[\\\r\n]",),
    Decoder.LABELS: (r"[A-Za-z0-9_-]{24}\.",),
    Decoder.LITERALS: (
        rf"{PIECE}[\"'`][) \t\r\n\\+.&|<>_]*[\"'`]{PIECE}",
        r"[\"'`][; \t\r\n]*[A-Za-z_$][A-Za-z0-9_.$ \t]*[+.]=",
        r"[\"'`][; \t\r\n]*[A-Za-z_$][A-Za-z0-9_.$ \t]*<<",
    ),
    Decoder.GROUPS: (
        f"{_SIGN}{_SIGN_BETWEEN}[ ]*" * 7, f"{_WORD}{{2}}{_SEPARATOR}" * 4,
        f"{_WORD}{{4}}{_SEPARATOR}" * 4, f"0x{_WORD}{{2}}{_SEPARATOR}{{2}}0x",
    ),
    Decoder.LETTERS: (
        "[A-Za-z0-9+/_-]{24}", "[0-9A-Fa-f]{24}", "[A-Z0-9]{24}", "[a-z0-9]{24}", *SPELLED,
    ),
    Decoder.ASCII85: (_FIRST85 * 3 + "[+-I]",),
    Decoder.BASE85: (rf"[A-Za-e]{_DIGIT85}{{4}}" * 4, rf"c[$%mw-]{_DIGIT85}{{8}}", "ABz", "[zZ]85"),
    Decoder.NUMBERS: (
        f"[0-9]{{2}}[0-9]*{_LISTED}{_LISTED}*" * 6 + "[0-9]{2}", "[01]{8}", f"U\\+00{_HEX}",
        r"[hHaA][rR]\([0-9]", r"[oO][dD][eE]\([0-9]", r"[rR]\][0-9]", "0[oO][0-7]", "0[bB][01][01]",
        r"\)[ ]*0[xX]", f"[hH],[ \t]*{_HEX}{_HEX}*[hH],", r":[ ]*[0-9]{2}[0-9]*\}[, \t\r\n]*\{",
    ),
    Decoder.PIECES: tuple(
        f"{one}{_COMMA}{two}{_COMMA}{three}" for one, two, three in (
            (_TOKEN, _PIECE, _PIECE), (_PIECE, _TOKEN, _PIECE), (_PIECE, _PIECE, _TOKEN)
        )
    ),
    Decoder.UUENCODED: (r"gin [0-7]",),
    Decoder.DUMPS: (
        rf"{_HEX}{{4}}[ \t:][ \t]*" + rf"{_HEX}[ \t\r]*" * 7, "[0-7]   [!-~]  ",
    ),
    Decoder.MARKUP: (
        rf"{_LETTER}<[!/A-Za-z][^<>\n]*>[<A-Za-z0-9+/_=-]", r"\]><!\[C",
        r"\x1b\[[0-9;]*[A-HJKSTfm]",
    ),
    Decoder.HIDDEN: (r"\xf3\xa0[\x80\x81\x84-\x87]", r"\xef\xb8[\x80-\x8f]\xef\xb8"),
    Decoder.ESCAPES: (r"\\[\\nrtbfavuUx0-7\"'`/$:=#!\r\n]", "%[0-9A-Fa-fu]", "&[#A-Za-z]"),
    Decoder.FOREIGN: (r"[\x80-\xff]",),
    Decoder.TABLES: (
        *(rf"{end}{_DRESS}*[,;\t|<]" for end in _ENDINGS),
        *(rf"[ ,;\t|]{_HEADED}*{end}{_DRESS}*[\r\n]" for end in _ENDINGS),
        r"[aAdDeElLnNpPsStTwWyY]  ",
    ),
    Decoder.VARIABLES: (
        rf"=[ \tA-Za-z@]*[\"'`]{PIECE}*[0-9]{PIECE}*[\"'`]", rf"={PIECE}*[0-9]{PIECE}*[;&\s]",
        r"\}[\"'],", r"oin[(: ][ ]*[\"'][\"']", r"[\"']\.j", r"[\]})],[ ]*[\"'][\"']",
        *(
            rf"[\[({{]{_SPACE}*{before}[\"']{PIECE}*[0-9]{PIECE}*[\"']"
            for before in ("", f"{_PIECE}{_COMMA}", f"{_PIECE}{_COMMA}{_PIECE}{_COMMA}")
        ),
    ),
    Decoder.PARTS: (r"[tTynfkge_-][2bB][\"' ]*[:= ]", r"[cC]ond[\"' ]*[:= ]"),
    Decoder.BACKSLASHED: (rf"\\'{_HEX}{{2}}\\", rf"\\{_HEX}{{2}}[ 0-9]*\\", rf"\\00{_HEX}{{2}}"),
    Decoder.WOVEN: (
        "[0-9][A-SU-Z][A-Za-z0-9]", "[0-9][a-wyz][0-9A-Z]", "[A-Z][0-9][A-Za-z]", "[a-z][0-9][A-Z]",
    ),
    Decoder.TURNED: (
        "//:", "[yY][eE][kK]", "[sS][sS][aA][pP]", "[eE][kK][oO]", "[oO][tT]13", "-ZA", r":-1\]",
        r"[.|][ ]*[rR]ev", r"rev\(", r"sed\(", r"[eE][rR][sS][eE]\(",
    ),
    Decoder.PACKED: (r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]",),
}  # fmt: skip
"""One of them stands in every text that the decoder would change; see `Sieve` for what they are."""

_ZLIB: Final = b"x^"
"""What compressed bytes may begin with that look like text."""


def needed(data: bytes, among: int = Decoder.ALL) -> int:
    """Those decoders among these that may find something in `data`."""
    found = _sieve().scan(data)
    if data.startswith(_ZLIB):
        found |= Decoder.PACKED
    return found & among


@lru_cache(maxsize=1)
def _sieve() -> Sieve:
    return Sieve(PATTERNS)
