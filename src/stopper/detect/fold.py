"""Characters that look like ASCII, made ASCII: compatibility forms, homoglyphs, invisible ones."""

# ruff: noqa: RUF001  letters that look like others are what this table is about

import re
import unicodedata

__all__ = ["FOREIGN", "SUBSTITUTE", "folded"]

FOREIGN = rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
"""One character outside ASCII in UTF-8, as a regex; half a surrogate pair counts."""

SUBSTITUTE = b"\x1a"
"""Stands for a character that looks like none of ASCII; it belongs to no alphabet."""

_MAX_FOLD = 8
_TAGS = range(0xE0020, 0xE007F)
_HANGUL_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_BRAILLE_BLANK = "\u2800"
_INVISIBLE = frozenset({"Cf", "Cs", "Mn", "Me"})
_SPACES = frozenset({"Zs", "Zl", "Zp"})
_VISIBLE = re.compile(r"[^\x20-\x7e]")

# What looks like a Latin letter or digit and has no compatibility form that says so.
_ALIKE = {
    # Cyrillic
    "АВЕЅІЈКМНОРСТУХЗԌԛԝҮѴ": "ABESIJKMHOPCTYX3GqwYV",
    "авеѕіјкмнорстухһԁԚԜӏүѵгп": "abesijkmhopctyxhdQWlyvrn",
    # Greek
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳ": "ABEZHIKMNOPTYXCj",
    "αγικνορτυχωϲε": "ayikvoptuxwce",
    # Armenian, Cherokee, Lisu and others
    "ՍՏՕԼհոսցօզ": "USOLhnugoq",
    "ᎠᎡᎢᎪᎬᎳᎷᎻᎽᏀᏂᏃᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏭᏮᏴ": "DRTAEWMHYGhZ4bRWSVSLCPKG6B",
    "ꓐꓑꓒꓓꓔꓖꓗꓙꓚꓜꓝꓞꓟꓠꓡꓢꓣꓤꓥꓦꓧꓨꓪꓫꓬꓮꓰꓲꓳꓴ": "BPdDTGKJCZFfMNLSRRVAHHWXYAEIOU",
    # Latin letters of their own, and small capitals
    "ıȷɑɡɩɪʏᴀʙᴄᴅᴇɢʜᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡᴢꜰ": "ijagiIYABCDEGHJKLMNOPRSTUVWZF",
    "øØłŁđĐħĦŧŦƀɓƁɗƊɠƓƙƘƥƤƭƬⱯ": "oOlLdDhHtTbbBdDgGkKpPtTA",
    # punctuation that tokens have
    "‐‑‒–—―−⁃˗﹘ー一": "------------",
    "․‧∙⋅᛫": ".....",
    "∕⁄⧸╱": "////",
    "ߺ＿ˍ": "___",
    "∶ː꞉׃܃": ":::::",
    "ǃ": "!",
    "‘’ʼ′`": "'''''",
    "“”″": '"""',
}  # fmt: skip
_LETTERS = {ord(a): b for alike, plain in _ALIKE.items() for a, b in zip(alike, plain, strict=True)}


def folded(char: str) -> bytes:
    """The ASCII that one character outside ASCII stands for; nothing for an invisible one.

    At most eight characters: some ligatures decompose into whole sentences.
    """
    code = ord(char)
    if code in _TAGS:
        return bytes([code - _TAGS.start + 0x20])
    if code in _LETTERS:
        return _LETTERS[code].encode()
    if char in _HANGUL_FILLERS or char == _BRAILLE_BLANK:
        return b""
    category = unicodedata.category(char)
    if category in _INVISIBLE:
        return b""
    if category in _SPACES:
        return b" "
    plain = unicodedata.normalize("NFKD", char).translate(_LETTERS)[:_MAX_FOLD]
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return b"%d" % digit
    return _VISIBLE.sub("", plain).encode() or SUBSTITUTE
