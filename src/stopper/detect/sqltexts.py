"""Texts inside SQL: those that are spelled by functions are written out, and where rows go."""

import base64
import binascii
import re
from typing import Final

from stopper.detect.lazy import lazy

__all__ = ["is_abroad", "resolve"]

_ROUNDS: Final = 4
"""How deep functions may stand in each other."""
_MAX_TEXT: Final = 32_768
_MAX_CODE: Final = 0x10FFFF
_BLANK = r"\s{0,9}"
_QUOTED = r"N?'(?:[^']|'')*'"
_HEX: Final = lazy(
    rf"(?:\b(?:unhex|from_hex|hextoraw)\({_BLANK}'((?:[0-9a-f]{{2}})+)'{_BLANK}\)|\bx'((?:[0-9a-f]{{2}})+)'"
    rf"|\bdecode\({_BLANK}'((?:[0-9a-f]{{2}})+)'{_BLANK},{_BLANK}'hex'{_BLANK}\)|\b0x((?:[0-9a-f]{{2}}){{4,}})\b)",
    re.IGNORECASE,
)
_BASE64: Final = lazy(
    rf"\b(?:from_base64|base64_decode|base64decode)\({_BLANK}'([A-Za-z0-9+/=]+)'{_BLANK}\)"
    rf"|\bdecode\({_BLANK}'([A-Za-z0-9+/=]+)'{_BLANK},{_BLANK}'base64'{_BLANK}\)",
    re.IGNORECASE,
)
_CHARS: Final = lazy(
    rf"\bn?cha?r\({_BLANK}(\d{{1,7}}(?:{_BLANK},{_BLANK}\d{{1,7}}){{0,400}}){_BLANK}\)",
    re.IGNORECASE,
)
_CAST: Final = lazy(
    rf"\b(?:try_)?cast\({_BLANK}({_QUOTED}){_BLANK}as\s[\w ]{{1,40}}(?:\([\w, ]{{1,9}}\))?"
    rf"{_BLANK}\)|\b(?:try_)?convert\({_BLANK}"
    rf"n?(?:var)?char{_BLANK}(?:\(\w{{1,9}}\))?{_BLANK},{_BLANK}({_QUOTED})(?:{_BLANK},{_BLANK}\d)?"
    rf"{_BLANK}\)|\bconvert\({_BLANK}({_QUOTED})\s{{1,9}}using\s{{1,9}}\w{{1,20}}{_BLANK}\)|\bconvert_from\({_BLANK}"
    rf"({_QUOTED}){_BLANK},{_BLANK}'[\w-]{{1,20}}'{_BLANK}\)|\b(?:utl_raw\.cast_to_varchar2|to_char){_BLANK}"
    rf"\({_BLANK}({_QUOTED}){_BLANK}\)",
    re.IGNORECASE,
)
_REVERSED: Final = lazy(rf"\breverse\({_BLANK}({_QUOTED}){_BLANK}\)", re.IGNORECASE)
_REPLACED: Final = lazy(
    rf"\breplace\({_BLANK}({_QUOTED}){_BLANK},{_BLANK}({_QUOTED}){_BLANK},{_BLANK}({_QUOTED}){_BLANK}\)",
    re.IGNORECASE,
)
_CONCAT: Final = lazy(
    rf"\bconcat\({_BLANK}({_QUOTED}(?:{_BLANK},{_BLANK}{_QUOTED}){{0,99}}){_BLANK}\)", re.IGNORECASE
)
_JOINED: Final = lazy(rf"(?<=[^'])'{_BLANK}(?:\+|\|\|){_BLANK}N?'(?!')")
_LITERAL: Final = lazy(r"N?'((?:[^']|'')*)'")
_ABROAD: Final = lazy(
    r"\b(?:https?|ftp)://(?!(?:localhost|127\.0\.0\.1)\b)"
    r"|\b(?:s3a?|gs|gcs|abfss?|wasbs?|azure|az|oss|cos|b2|r2|swift)://(?:[^/'\s]*\.(?:com|net|org|io|dev)\b"
    r"|[^/'\s]*(?<![a-z])(?:outside|external|foreign|stranger\w*|unknown|untrusted|drop\w*"
    r"|intake|exfil\w*|loot|attacker|evil|anon\w*|sink|leak\w*|dump\w*|rogue)(?![a-z]))",
    re.IGNORECASE,
)


def resolve(text: str) -> str:
    """The text with constant calls that spell a string replaced by that string."""
    if "(" not in text and "+" not in text and "|" not in text:
        return text
    for _ in range(_ROUNDS):
        before = text
        text = _HEX.sub(_from_hex, text)
        text = _BASE64.sub(_from_base64, text)
        text = _CHARS.sub(_from_codes, text)
        text = _CAST.sub(lambda m: next(group for group in m.groups() if group), text)
        text = _REVERSED.sub(lambda m: _quote(_texts(m[1])[0][::-1]), text)
        text = _REPLACED.sub(_replaced, text)
        text = _CONCAT.sub(lambda m: _quote("".join(_texts(m[1]))), text)
        text = _JOINED.sub("", text)
        if text == before or len(text) > _MAX_TEXT:
            break
    return text[:_MAX_TEXT]


def is_abroad(place: str) -> bool:
    """Whether an address is on the open net, or a store whose name says that it is another's."""
    return _ABROAD.search(place) is not None


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _texts(listed: str) -> list[str]:
    return [found[1].replace("''", "'") for found in _LITERAL.finditer(listed)]


def _from_hex(match: re.Match[str]) -> str:
    digits = next(group for group in match.groups() if group)
    return _plain(bytes.fromhex(digits), match[0])


def _from_base64(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    try:
        return _plain(base64.b64decode(digits), match[0])
    except binascii.Error:
        return match[0]


def _plain(data: bytes, written: str) -> str:
    """Bytes as the text that they are in one of two codings; as they were written where in none."""
    text = data.replace(b"\x00", b"").decode("utf-8", "replace")
    return _quote(text) if text.isprintable() else written


def _from_codes(match: re.Match[str]) -> str:
    codes = [int(code) for code in re.findall(r"\d+", match[1])]
    text = "".join(chr(code) for code in codes if 0 < code <= _MAX_CODE)
    return _quote(text) if text.isprintable() else match[0]


def _replaced(match: re.Match[str]) -> str:
    text, old, new = (_texts(match[number])[0] for number in (1, 2, 3))
    return _quote(text.replace(old, new)[:_MAX_TEXT] if old else text)
