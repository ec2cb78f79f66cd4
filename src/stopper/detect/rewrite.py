"""Text to text: escapes undone, and what was split joined again."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from html.entities import html5
from typing import Final

from stopper.detect.fold import FOREIGN, folded
from stopper.detect.origin import Piece, Pieces

__all__ = [
    "Rewritten",
    "is_one_line",
    "joined",
    "quoted_printable",
    "regrouped",
    "unescaped",
    "unnulled",
    "unslashed",
]

Rewritten = tuple[str, bytes, Pieces]
"""The name of a decoding, what came out, and the way back."""

_Replace = Callable[[re.Match[bytes]], bytes]
_PAST: Final = b"\n\n\n"
_MAX_CONTEXT: Final = 8192
_MAX_UNICODE: Final = 0x10FFFF
_MAX_GROUP: Final = 8

_PERCENT = rb"%(?:25)*[0-9A-Fa-f]{2}"
_HIGH = rb"\\++u[dD][89abAB][0-9a-fA-F]{2}\\++u[dD][c-fC-F][0-9a-fA-F]{2}"
# A run of backslashes is taken as one, however deeply the strings nest, and is never left half
# read, which keeps a megabyte of them cheap.
_BACKSLASH = (
    rb"\\++(?:u[dD][89abAB][0-9a-fA-F]{2}\\++u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}"
    rb"|u\{[0-9a-fA-F]{1,8}\}|U[0-9a-fA-F]{8}|x\{[0-9a-fA-F]{1,8}\}|x[0-9a-fA-F]{2}|[0-7]{1,3}"
    rb"|[nrtbfav\"'`/$]|\r?\n)?"
)
_ENTITY = rb"&(?:amp;)*(?:#[xX]0*[0-9a-fA-F]{1,6};?|#0*[0-9]{1,7};?|[A-Za-z][A-Za-z0-9]{1,31};)"
_KINDS = {"percent": _PERCENT, "backslash": _BACKSLASH, "html": _ENTITY, "unicode": FOREIGN}
_MARKS = (
    ("percent", b"%", re.compile(_PERCENT)),
    ("backslash", b"\\", re.compile(rb"\\")),
    ("html", b"&", re.compile(_ENTITY)),
)
_ESCAPES = {
    tuple(name for bit, name in enumerate(_KINDS) if number >> bit & 1): number
    for number in range(1, 1 << len(_KINDS))
}
_REGEXES = {
    names: re.compile(b"|".join(_KINDS[name] for name in names)) for names in _ESCAPES
}  # fmt: skip
_SIMPLE = {
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"a": b"\a", b"v": b"\v",
}  # fmt: skip
_NUMBERED: Final = frozenset({bytes([letter]) for letter in b"uUx01234567\r\n"})
_QUOTES: Final = frozenset({bytes([letter]) for letter in b"\"'`/$"})
_ASCII: Final = bytes(range(128))
_MAX_DISTINCT: Final = 12
_folded = lru_cache(maxsize=4096)(folded)
_SURROGATES = re.compile(_HIGH)
_CODE = re.compile(rb"[0-9a-fA-F]{4}")

_QUOTED = re.compile(rb"=(?:[0-9A-Fa-f]{2}|(?<!==)[ \t]{0,8}\r?\n)")
_IS_QUOTED = re.compile(rb"=(?:[0-9A-Fa-f]{2}=[0-9A-Fa-f]{2}|(?<!==)[ \t]{0,8}\r?\n)")

_TOKEN = rb"[A-Za-z0-9+/_=-]"
# Every branch starts with its own literal, so that the search runs from one to the next.
_MIN_LINE: Final = 12
_SPLIT_LINES = tuple(
    re.compile(
        rb"%s(?<=%s{%d}%s)%s[ \t>#*|]{0,32}(?=%s)" % (mark, _TOKEN, _MIN_LINE, mark, rest, _TOKEN)
    )
    for mark, rest in ((rb"\n", rb""), (rb"\r", rb"\n"), (rb"\\", rb"\r?\n"))
)
# Each begins with its own literal, so that the search runs from one to the next.
_SPLIT_LITERALS = tuple(
    re.compile(
        rb"%s(?<=%s%s)[ \t\r\n\\]{0,16}(?:[+.&]|\.\.|\|\||<>)?[ \t\r\n\\]{0,16}%s(?=%s)"
        % (quote, _TOKEN, quote, quote, _TOKEN)
    )
    for quote in (b'"', b"'", b"`")
)
_TOKEN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-"
_LINES = bytes.maketrans(_TOKEN_BYTES, b"T" * len(_TOKEN_BYTES))
_MIN_LABEL: Final = 24
_SPLIT_LABELS = re.compile(rb"\.(?<=[A-Za-z0-9_-]{%d}\.)(?=[A-Za-z0-9_-])" % _MIN_LABEL)
_LABEL_END = b"T" * _MIN_LABEL + b"."
_LINE_ENDS = tuple(b"T" * _MIN_LINE + end for end in (b"\n", b"\r\n", b"\\\n"))

_SEPARATORS: Final = b" \t\r\n.,:;|/+-"
_GROUPED_BYTES = _TOKEN_BYTES.translate(None, b"+/=-")
_SHAPES = bytes(
    ord(" ") if byte in _SEPARATORS else ord("A") if byte in _GROUPED_BYTES else ord(".")
    for byte in range(256)
)
# What groups look like: how long each is, how far apart, and how many make a token.
_GROUPS = tuple(
    ((b"A" * size + b" " * gap) * least, size, gap, least)
    for size, gap, least in ((1, 1, 12), (2, 1, 6), (4, 1, 4), (4, 2, 4))
)
_REGROUP = {
    (size, gap): re.compile(
        rb"(?<![A-Za-z0-9_])(?:[A-Za-z0-9_]{%d}[%s]{%d}){%d,}[A-Za-z0-9_]{1,%d}(?![A-Za-z0-9_])"
        % (size, re.escape(_SEPARATORS), gap, least, size)
    )
    for _, size, gap, least in _GROUPS
}
_HEX_MARK = re.compile(rb"0x(?=[0-9A-Fa-f]{2})")
_HEX = "0123456789abcdefABCDEF"
_BYTES = {f"={high}{low}".encode(): bytes([int(high + low, 16)]) for high in _HEX for low in _HEX}
_NULS = re.compile(rb"\x00+")


def unescaped(data: bytes) -> Rewritten | None:
    r"""Percent, backslash and HTML escapes and odd characters undone in one pass; None for none.

    `%252541` and `\\\u0041` are undone at once, however often they were escaped.
    """
    names = _escapes(data)
    if not names:
        return None
    regex, plain = _REGEXES[names], _Plain()
    is_simple = is_one_line(data) and "percent" not in names and "html" not in names
    if is_simple and (after := _at_once(data)) is not None:
        if after == data:
            return None
        return (
            "+".join(names),
            after,
            Pieces(lambda: _pieces(data, [(0, len(data))], regex, plain.of)),
        )
    return _rewrite("+".join(names), data, regex, plain.of)


def _escapes(data: bytes) -> tuple[str, ...]:
    """The kinds of escapes that stand in `data`."""
    names = tuple(name for name, mark, regex in _MARKS if mark in data and regex.search(data))
    return names if data.isascii() else (*names, "unicode")


def is_one_line(data: bytes) -> bool:
    """Whether `unescaped` gives all of it, and not only the lines that it changes."""
    return len(data) <= _MAX_CONTEXT and b"\n" not in data


def quoted_printable(data: bytes) -> Rewritten | None:
    """`=41` and soft line breaks undone."""
    if not _IS_QUOTED.search(data):
        return None
    return _rewrite("quoted-printable", data, _QUOTED, _unquoted)


def unnulled(data: bytes) -> Rewritten | None:
    """Without NUL bytes, which makes ASCII of UTF-16 and UTF-32, and of padding with NUL."""
    if b"\0" not in data:
        return None
    return _rewrite("utf-16", data, _NULS, _nothing)


def joined(data: bytes) -> Iterator[Rewritten | None]:
    """Tokens put together that line breaks, dots, or quotes with an operator between, split."""
    lines = data.translate(_LINES)
    if b"\n" in data:
        for end, regex in zip(_LINE_ENDS, _SPLIT_LINES, strict=True):
            if end in lines:
                yield _rewrite("joined", data, regex, _nothing)
    if _LABEL_END in lines:
        yield _rewrite("joined", data, _SPLIT_LABELS, _nothing)
    for regex in _SPLIT_LITERALS:
        yield _rewrite("joined", data, regex, _nothing)


def regrouped(data: bytes) -> Iterator[Rewritten | None]:
    """Tokens put together that are written in groups of one length, such as `41:42:43:44`."""
    shapes = data.translate(_SHAPES)
    for shape, size, gap, _ in _GROUPS:
        if (gap == 1 or b"0x" in data) and shape in shapes:
            regex = _REGROUP[size, gap]
            yield _rewrite("grouped", data, regex, _ungrouped, _near(data, shapes, shape, regex))


def _near(
    data: bytes, shapes: bytes, shape: bytes, regex: re.Pattern[bytes]
) -> Iterator[re.Match[bytes]]:
    """The matches of `regex` where `shape` stands, since all else is not worth a search."""
    at = shapes.find(shape)
    while at >= 0:
        near = regex.search(data, at, at + 2 * len(shape) + _MAX_GROUP)
        found = near and regex.match(data, near.start())
        if found:
            yield found
        at = shapes.find(shape, found.end() if found else at + 1)


def _at_once(data: bytes) -> bytes | None:
    """What single letters behind backslashes and few odd characters stand for, in a few steps.

    None where there are other escapes by backslash, which take a step each; `data` has no percent
    or HTML escapes.
    """
    parts = data.split(b"\\")
    for at in range(1, len(parts)):
        part = parts[at]
        letter = part[:1]
        if letter in _SIMPLE:
            parts[at] = _SIMPLE[letter] + part[1:]
        elif letter in _NUMBERED or not (part or at + 1 < len(parts)):
            return None
        elif letter not in _QUOTES:
            parts[at] = b"\\" + part if part else b""
    plain = b"".join(parts)
    if plain.isascii():
        return plain
    try:
        chars = set(plain.translate(None, _ASCII).decode())
    except UnicodeDecodeError:
        return None
    if len(chars) > _MAX_DISTINCT:
        return None
    for char in chars:
        plain = plain.replace(char.encode(), _folded(char))
    return plain


class _Plain:
    """What escapes stand for, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}

    def of(self, found: re.Match[bytes]) -> bytes:
        escape = found[0]
        plain = self._known.get(escape)
        if plain is None:
            plain = self._known[escape] = _plain(escape)
        return plain


def _plain(escape: bytes) -> bytes:
    match escape[:1]:
        case b"%":
            return bytes.fromhex(escape[-2:].decode())
        case b"\\":
            return unslashed(escape)
        case b"&":
            return _entity(escape)
        case _:
            return _foreign(escape)


def _foreign(escape: bytes) -> bytes:
    try:
        return _folded(escape.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return escape  # longer than it need be, or past the last character


def unslashed(escape: bytes) -> bytes:
    """What an escape that begins with backslashes stands for, as ASCII."""
    rest = escape.lstrip(b"\\")
    if _SURROGATES.fullmatch(escape):
        high, low = (int(code, 16) for code in _CODE.findall(escape))
        return _char(0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF))
    match rest[:1]:
        case b"":
            return b"\\"
        case b"u" | b"U" | b"x":
            return _char(int(rest[1:].strip(b"{}"), 16), latin=rest[:1] == b"x")
        case b"\r" | b"\n":
            return b""
    if rest.isdigit():
        return _char(int(rest, 8), latin=True)
    return _SIMPLE.get(rest, rest)


def _entity(escape: bytes) -> bytes:
    name = escape.rpartition(b"&amp;")[2].rpartition(b"amp;")[2] or b"amp;"
    name = name.removeprefix(b"&").removesuffix(b";")
    if name.startswith((b"#x", b"#X")):
        return _char(int(b"0" + name[1:], 16))
    if name.startswith(b"#"):
        return _char(int(name[1:]))
    text = html5.get(name.decode() + ";")
    return escape if text is None else b"".join(_char(ord(char)) for char in text)


def _char(code: int, *, latin: bool = False) -> bytes:
    """A character as ASCII; with `latin`, what is below 256 is a byte."""
    if code < 0x80 or (latin and code <= 0xFF):  # noqa: PLR2004  ASCII, and one byte
        return bytes([code])
    return folded(chr(code)) if code <= _MAX_UNICODE else b""


def _unquoted(found: re.Match[bytes]) -> bytes:
    return _BYTES.get(found[0], b"")  # a line end that was escaped leaves nothing


def _nothing(_: re.Match[bytes]) -> bytes:
    return b""


def _ungrouped(found: re.Match[bytes]) -> bytes:
    return _HEX_MARK.sub(b"", found[0]).translate(None, _SEPARATORS)


def _rewrite(
    name: str,
    data: bytes,
    regex: re.Pattern[bytes],
    replace: _Replace,
    matches: Iterator[re.Match[bytes]] | None = None,
) -> Rewritten | None:
    """The lines where `regex` changes something, changed; None where it changes nothing."""
    windows: list[tuple[int, int]] = []
    parts: list[bytes] = []
    for start, end in _windows(data, matches or regex.finditer(data)):
        before = data[start:end]
        after = regex.sub(replace, before)
        if after and after != before:
            windows.append((start, end))
            parts += (after, _PAST)
    if not windows:
        return None
    return name, b"".join(parts), Pieces(lambda: _pieces(data, windows, regex, replace))


def _windows(data: bytes, matches: Iterator[re.Match[bytes]]) -> Iterator[tuple[int, int]]:
    """The lines that something matches in, neighbours as one; of a long line the part around it."""
    first = last = 0
    for found in matches:
        start, end = found.span()
        if end <= last:
            continue
        after = data.find(b"\n", end, end + _MAX_CONTEXT)
        until = min(len(data), end + _MAX_CONTEXT) if after < 0 else after
        if start > last:
            before = max(last, start - _MAX_CONTEXT)
            begin = max(before, data.rfind(b"\n", before, start))
            if begin > last:
                if last:
                    yield first, last
                first = begin
        last = until
    if last:
        yield first, last


def _pieces(
    data: bytes, windows: list[tuple[int, int]], regex: re.Pattern[bytes], replace: _Replace
) -> Iterator[Piece]:
    at = 0
    for first, last in windows:
        done = first
        for found in regex.finditer(data[first:last]):
            start, end = first + found.start(), first + found.end()
            if start > done:
                yield Piece(at, done, start)
                at += start - done
            length = len(replace(found))
            if length:
                yield Piece(at, start, end, 0)
                at += length
            done = end
        if done < last:
            yield Piece(at, done, last)
            at += last - done
        at += len(_PAST)
