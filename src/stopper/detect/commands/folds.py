"""Constant parts of code in other languages: joined, decoded and put where their names stand."""

import base64
import binascii
import codecs
import re
import zlib
from collections.abc import Callable
from typing import Final

from stopper.detect.lazy import lazy

__all__ = ["fold_code"]

_MAX_CODE: Final = 65_536
_MAX_PASSES: Final = 4
_MAX_NAMES: Final = 32
_MAX_LITERAL: Final = 2000
_GZIP: Final = b"\x1f\x8b"
_GZIP_BITS: Final = 31
_URL_SAFE: Final = str.maketrans("-_", "+/")
_MARKS: Final = lazy(
    r"concat|join|implode|reverse|strrev|char\b|chr\b|fromCharCode|pack\b|hex|atob|base64"
    r"|rot13|\btr\b|expand|replace|sub\(|unpack|%[wW]|\bqw\b"
    r"|format\b|sprintf|split|['\"]\s{0,9}(?:\.\.|\+|\.|\|\||&|<>|~|_)?\s{0,9}['\"]|=\s{0,9}['\"]"
)
"""What code has in which something may be folded."""
_Q: Final = r"""(?:"([^"\\\n]{0,400})"|'([^'\\\n]{0,400})')"""
# Nothing in a list can be read in two ways: else a long one that does not end takes for ever.
_ITEMS: Final = r"""((?:\s{0,9}+(?:"[^"\\\n]{0,400}"|'[^'\\\n]{0,400}')\s{0,9}+,?+){1,60})"""
_NUMBERS: Final = r"((?:\s{0,9}+(?:0x[0-9a-fA-F]{1,4}+|\d{1,5}+)\s{0,9}+,?+){1,200})"
_ITEM: Final = lazy(_Q)
_NUMBER: Final = lazy(r"0x[0-9a-fA-F]+|\d+")
_LITERALS: Final = rf"{_Q}\s{{0,9}}(?:%s)\s{{0,9}}{_Q}"
_PLUS: Final = lazy(_LITERALS % r"\+|\.\.|\|\||&|<>|~|_")
# A point may be a literal itself; and behind a letter a quote ends one.
_POINT: Final = lazy(r"(?<![\w./:-])" + _LITERALS % r"\.")
_BESIDE: Final = lazy(_LITERALS % "")
_ASSIGNED: Final = lazy(
    r"""(?:^|[;{(\n\s])(?:my|our|local|let|const|var|set"
    r"|val)?\s{0,9}(\$?[A-Za-z_]\w{0,40})\s{0,9}"""
    r"""(?:=|:=)\s{0,9}(?:"([^"\\\n$]{1,400})"|'([^'\\\n]{1,400})')\s{0,9}(?=[;,)\n}]|local\b|$)"""
)


def fold_code(code: str, *, beside: bool = False) -> str:
    """The code with what it makes of constants written out, as far as a few passes tell.

    `beside` is for languages that join texts which stand beside each other.
    """
    if len(code) > _MAX_CODE or _MARKS.search(code) is None:
        return code
    for _ in range(_MAX_PASSES):
        before = code
        for shape, made in _FOLDS:
            code = shape.sub(lambda match, made=made: _written(match, made), code)  # type: ignore[misc]
        if beside:
            code = _BESIDE.sub(lambda match: _written(match, _both), code)
        code = _named(code)
        if code == before or len(code) > _MAX_CODE:
            return before if len(code) > _MAX_CODE else code
    return code


def _written(match: re.Match[str], made: Callable[[re.Match[str]], str | None]) -> str:
    """A literal of what a match makes, or the match where that cannot be written as one."""
    text = made(match)
    if text is None or len(text) > _MAX_LITERAL or not text.replace("\n", "").isprintable():
        return match[0]
    sign = '"' if '"' not in text else "'"
    return sign + text.replace("\\", "\\\\").replace(sign, "\\" + sign) + sign


def _named(code: str) -> str:
    """The code with names that are given one constant, once, replaced by it."""
    names: dict[str, list[str]] = {}
    for match in list(_ASSIGNED.finditer(code))[:_MAX_NAMES]:
        names.setdefault(match[1], []).append(match[2] or match[3])
    for name, values in names.items():
        if len(values) > 1 or re.search(rf"{re.escape(name)}\s{{0,9}}(?:\+|\.|\.\.)=", code):
            continue
        value = values[0]
        sign = '"' if '"' not in value else "'"
        if sign in value:
            continue
        used = re.compile(
            rf"(?<![\w$.'\"]){re.escape(name)}(?![\w'\"(\[])(?!\s{{0,9}}(?:=(?!=)|:))"
        )
        code = used.sub(lambda _, text=f"{sign}{value}{sign}": text, code)  # type: ignore[misc]
        if name[:1] == "$":
            inside = re.compile(rf"\{name}(?!\w)|\$\{{{re.escape(name[1:])}\}}")
            code = _interpolated(code, inside, value)
    return code


def _interpolated(code: str, inside: re.Pattern[str], value: str) -> str:
    """A name in a text between double quotes."""

    def one(match: re.Match[str]) -> str:
        return inside.sub(lambda _: value, match[0])

    return re.sub(r'"[^"\\\n]{0,400}"', one, code)


def _items(text: str) -> list[str]:
    return [match[1] if match[1] is not None else match[2] for match in _ITEM.finditer(text)]


def _text(match: re.Match[str], *groups: int) -> str:
    return next((match[group] for group in groups if match[group] is not None), "")


def _both(match: re.Match[str]) -> str:
    return _text(match, 1, 2) + _text(match, 3, 4)


def _glue(match: re.Match[str]) -> str:
    """`table.concat({…}, s)`, `[…].join(s)`: the items with what stands between them."""
    return _text(match, 2, 3).join(_items(match[1]))


def _glue_first(match: re.Match[str]) -> str:
    """`join(s, …)`, `implode(s, […])`: what stands between the items comes first."""
    return _text(match, 1, 2).join(_items(match[3]))


def _chars(match: re.Match[str]) -> str | None:
    numbers = [int(one, 0) for one in _NUMBER.findall(match[1])]
    return "".join(map(chr, numbers)) if all(3 < one < 0x110000 for one in numbers) else None  # noqa: PLR2004  marks and no characters


def _hex(match: re.Match[str]) -> str | None:
    try:
        return bytes.fromhex(re.sub(r"[\s:]|\\x", "", _text(match, 1, 2))).decode()
    except ValueError:
        return None


def _base64(match: re.Match[str]) -> str | None:
    text = _text(match, 1, 2).translate(_URL_SAFE).rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4))
        if data[:2] == _GZIP:
            data = zlib.decompressobj(_GZIP_BITS).decompress(data, _MAX_LITERAL)
        return data.decode()
    except (ValueError, binascii.Error, zlib.error):
        return None


def _words(match: re.Match[str]) -> str:
    """`%w[a b].join(s)`: words without quotes."""
    return _text(match, 2, 3).join(match[1].split())


def _words_first(match: re.Match[str]) -> str:
    """`join(s, qw(a b))`."""
    return _text(match, 1, 2).join(match[3].split())


def _replaced(match: re.Match[str]) -> str:
    old = _text(match, 3, 4)
    text = _text(match, 1, 2)
    return text.replace(old, _text(match, 5, 6)) if old else text


def _replaced_last(match: re.Match[str]) -> str:
    """`str_replace(old, new, text)`."""
    old = _text(match, 1, 2)
    text = _text(match, 5, 6)
    return text.replace(old, _text(match, 3, 4)) if old else text


_FOLDS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...]] = tuple(
    (lazy(shape), made)
    for shape, made in (
        (
            rf"table\.concat\s{{0,9}}\(\s{{0,9}}\{{{_ITEMS}\}}\s{{0,9}}(?:,\s{{0,9}}{_Q}\s{{0,9}})?\)",
            _glue,
        ),
        (
            (
                rf"[\[(]{_ITEMS}[\])]\s{{0,9}}(?:\."
                rf"|->)\s{{0,9}}join\s{{0,9}}\(\s{{0,9}}{_Q}?\s{{0,9}}\)"
            ),
            _glue,
        ),
        (
            rf"\[{_ITEMS}\]\s{{0,9}}\.\s{{0,9}}join\b(?!\s{{0,9}}\()()()",
            lambda m: "".join(_items(m[1])),
        ),
        (
            (
                rf"\b(?:join|implode"
                rf"|String\.join)\s{{0,9}}\(?\s{{0,9}}{_Q}\s{{0,9}},\s{{0,9}}[\[(]?{_ITEMS}[\])]?\s{{0,9}}\)?"
            ),
            _glue_first,
        ),
        (
            rf"(?:string\.char|String\.fromCharCode|\bchr|\bchar|\bCHAR)\s{{0,9}}\({_NUMBERS}\)",
            _chars,
        ),
        (rf"\bpack\s{{0,9}}\(?\s{{0,9}}['\"][CcUW]\*['\"]\s{{0,9}},\s{{0,9}}{_NUMBERS}\)?", _chars),
        (rf"\[{_NUMBERS}\]\s{{0,9}}\.pack\(?\s{{0,9}}['\"][CcU]\*['\"]\)?", _chars),
        (rf"\bpack\s{{0,9}}\(?\s{{0,9}}['\"]H\*['\"]\s{{0,9}},\s{{0,9}}{_Q}\s{{0,9}}\)?", _hex),
        (rf"\[\s{{0,9}}{_Q}\s{{0,9}}\]\.pack\(?\s{{0,9}}['\"]H\*['\"]\)?", _hex),
        (rf"\b(?:hex2bin|unhex|fromhex|decodeHex)\s{{0,9}}\(\s{{0,9}}{_Q}\s{{0,9}}\)", _hex),
        (
            rf"Buffer\.from\(\s{{0,9}}{_Q}\s{{0,9}},\s{{0,9}}['\"]hex['\"]\s{{0,9}}\)(?:\.toString\([^)]{{0,20}}\))?",
            _hex,
        ),
        (
            rf"Buffer\.from\(\s{{0,9}}{_Q}\s{{0,9}},\s{{0,9}}['\"]base64(?:url)?['\"]\s{{0,9}}\)(?:\.toString\([^)]{{0,20}}\))?",
            _base64,
        ),
        (
            (
                rf"\b(?:atob|base64_decode|decode64|decode_base64"
                rf"|strict_decode64)\s{{0,9}}\(?\s{{0,9}}{_Q}\s{{0,9}}\)?"
            ),
            _base64,
        ),
        (
            rf"\b(?:strrev|reverse|string\.reverse)\s{{0,9}}\(?\s{{0,9}}{_Q}\s{{0,9}}\)?",
            lambda m: _text(m, 1, 2)[::-1],
        ),
        (
            rf"(?:\({_Q}\)|{_Q})\s{{0,9}}(?:\.split\(\s{{0,9}}['\"]{{2}}\s{{0,9}}\)\.reverse\(\)\.join\(\s{{0,9}}['\"]{{2}}\s{{0,9}}\)|[.:]reverse\b(?:\(\))?)",
            lambda m: _text(m, 1, 2, 3, 4)[::-1],
        ),
        (
            rf"\bstr_rot13\s{{0,9}}\(\s{{0,9}}{_Q}\s{{0,9}}\)",
            lambda m: codecs.decode(_text(m, 1, 2), "rot13"),
        ),
        (
            rf"{_Q}\s{{0,9}}\.tr\(\s{{0,9}}['\"][Aa]-[Zz][Aa]-[Zz]['\"]\s{{0,9}},\s{{0,9}}['\"][Nn]-[Zz][Aa]-[Mm][Nn]-[Zz][Aa]-[Mm]['\"]\s{{0,9}}\)",
            lambda m: codecs.decode(_text(m, 1, 2), "rot13"),
        ),
        (
            (
                rf"\b(?:expand|expand-file-name"
                rf"|substitute-in-file-name)\s{{0,9}}\(?\s{{0,9}}{_Q}\s{{0,9}}\)?"
            ),
            lambda m: _text(m, 1, 2),
        ),
        (
            rf"(?:File|Path)\.expand(?:_path|user)?\(\s{{0,9}}{_Q}\s{{0,9}}\)",
            lambda m: _text(m, 1, 2),
        ),
        (
            rf"%[wW][\[({{<]([^\])}}>|\"']{{0,300}})[\])}}>]\.join(?:\(\s{{0,9}}{_Q}?\s{{0,9}}\)|\b(?!\s{{0,9}}\())",
            _words,
        ),
        (
            rf"\bjoin\(\s{{0,9}}{_Q}\s{{0,9}},\s{{0,9}}qw[\[({{/]([^\])}}/\"']{{0,300}})[\])}}/]\s{{0,9}}\)",
            _words_first,
        ),
        (
            rf"{_Q}\.(?:replace(?:All)?|gsub|sub)\(\s{{0,9}}{_Q}\s{{0,9}},\s{{0,9}}{_Q}\s{{0,9}}\)",
            _replaced,
        ),
        (
            rf"\bstr_replace\(\s{{0,9}}{_Q}\s{{0,9}},\s{{0,9}}{_Q}\s{{0,9}},\s{{0,9}}{_Q}\s{{0,9}}\)",
            _replaced_last,
        ),
        (
            rf"{_Q}\.unpack1?\(\s{{0,9}}['\"]m0?['\"]\s{{0,9}}\)(?:\[0\]|\.first)?",
            _base64,
        ),
        (
            rf"\[\.\.\.{_Q}\]\.reverse\(\)\.join\(\s{{0,9}}['\"]{{2}}\s{{0,9}}\)",
            lambda m: _text(m, 1, 2)[::-1],
        ),
        (_PLUS.pattern, _both),
        (_POINT.pattern, _both),
    )
)
"""Shapes of constant expressions, and the text that each makes."""
