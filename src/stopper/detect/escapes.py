"""Escapes undone: backslashes, percents, entities of HTML, and characters that look like ASCII."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from html.entities import html5
from itertools import pairwise
from typing import Final, NamedTuple

from stopper.detect.fold import FOREIGN, folded
from stopper.detect.gate import (
    LEFT_BY_BACKSLASHES,
    LEFT_BY_ENTITIES,
    LEFT_BY_FOLDING,
    LEFT_BY_PERCENTS,
    Decoder,
)
from stopper.detect.lazy import lazy
from stopper.detect.origin import Back, Span
from stopper.detect.passes import unescaped as json_unescaped
from stopper.detect.rewrite import Changed, by_turns, rewritten

__all__ = ["Unescaped", "bytes_of_literal", "unescaped"]

_MAX_UNICODE: Final = 0x10FFFF
# Behind a letter stands no ASCII, so that a variable of Windows may keep its name. A plus is a
# blank of a form where it stands behind a sign of JSON, YAML or an assignment.
_PERCENT = (
    rb"%(?![A-Fa-f][A-Za-z0-9_]{2,64}%(?![0-9A-Fa-f]{2}))(?:25)*"
    rb"(?:(?:3[AaDd]|22|0[Aa]|2[Cc]|7[Bb])\++|[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})"
)
# A run of backslashes is taken as one, however deeply the strings nest, and is never left half
# read, which keeps a megabyte of them cheap.
_NUMBERED = (
    rb"0000[0-9a-fA-F]{2}|u[dD][89abAB][0-9a-fA-F]{2}\\++u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}"
    rb"|u\{[0-9a-fA-F]{1,8}\}|U[0-9a-fA-F]{8}|x\{[0-9a-fA-F]{1,8}\}|x[0-9a-fA-F]{2}|0[01][0-7]{2}|[0-7]{1,3}"
    rb"|\r?\n[ \t]{0,16}"
)
_BACKSLASH = rb"\\++(?:" + _NUMBERED + rb"|[nrtbfav\"'`/$:=#!])?"
_ENTITY = rb"&(?:amp;)*(?:#[xX]0*[0-9a-fA-F]{1,6};?|#0*[0-9]{1,7};?|[A-Za-z][A-Za-z0-9]{1,31};)"
_KINDS = {"backslash": _BACKSLASH, "unicode": FOREIGN, "percent": _PERCENT, "html": _ENTITY}
_REGEXES = {
    names: lazy(b"|".join(_KINDS[name] for name in names))
    for number in range(1, 1 << len(_KINDS))
    for names in [tuple(name for bit, name in enumerate(_KINDS) if number >> bit & 1)]
}
_BOTH: Final = ("backslash", "unicode")
_WHOLE: Final = frozenset(_BOTH)
_SIGN: Final = {"backslash": b"\\", "percent": b"%", "html": b"&"}
_SIMPLE = {
    b"n": b"\n", b'"': b'"', b"t": b"\t", b"r": b"\r", b"/": b"/", b"'": b"'", b"`": b"`",
    b"$": b"$", b":": b":", b"=": b"=", b"#": b"#", b"!": b"!", b"b": b"\b", b"f": b"\f",
    b"a": b"\a", b"v": b"\v",
}  # fmt: skip
_IS_NUMBERED = lazy(rb"\\(?:" + _NUMBERED + rb")")
_IS_ESCAPED = lazy(rb"\\(?:[\\nrtbfav\"'`/$:=#!]|" + _NUMBERED + rb")")
_SURROGATES = lazy(
    rb"\\++u[dD][89abAB][0-9a-fA-F]{2}\\++u[dD][c-fC-F][0-9a-fA-F]{2}"
)  # fmt: skip
_IN_LITERAL = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)
_MAX_BYTE: Final = 255
_IS_SECOND = re.compile(rb"\\++u[dD][c-fC-F]")
_CODE = re.compile(rb"[0-9a-fA-F]{4}")
_LINE_ENDS: Final = frozenset({b"\r", b"\n"})
_ASCII: Final = bytes(range(128))
_folded = lru_cache(maxsize=4096)(folded)

# What PostgreSQL shows of bytes, and is no escape of the first of them.
_BYTES = re.compile(rb"(?<![A-Za-z0-9])\\x[0-9A-Fa-f]{8}")
_OF_HEX: Final = Decoder.LETTERS | Decoder.LINES
# Where a text uses variables of Windows, or sets one that looks like a byte where it is used.
_BATCH = re.compile(
    rb"%(?![0-9A-Fa-f]{2}%)[A-Za-z_][A-Za-z0-9_]{0,63}%"
    rb"|(?i:set)[ \t]{1,4}\"?[A-Fa-f][0-9A-Fa-f]="
)
_DENSE: Final = 256
_SPARSE: Final = 100
_MAX_DISTINCT: Final = 48
_MAX_KEPT: Final = 4096
_BLOCK: Final = 4096
_STRETCH: Final = 65_536
_REACH: Final = 20
"""No escape goes on for longer behind its last backslash."""


class Unescaped(NamedTuple):
    """What came out, and the way back.

    `left` has the decoders that may find in the text what they do not find in `data`.
    """

    name: str
    data: bytes
    back: Back
    left: int


def unescaped(data: bytes, *, whole: bool = False) -> Unescaped | None:
    r"""One pass over all escapes, or over backslashes and odd characters first; None for none.

    `%252541` and `\\\u0041` are undone at once, however often they were escaped. Of a text of many
    lines with few escapes only the lines are given that have one, but with `whole` all. What an
    escape stands for may be an odd character itself: it is left as it is, because words have them,
    for a pass of its own.
    """
    if b"\\" in data and b"\n" not in data:
        plain = json_unescaped(data)  # as nearly all are that go to models
        if plain is not None:
            return _without(data, plain, "backslash", LEFT_BY_BACKSLASHES)
    names = _escapes(data)
    if not names:
        return None
    if names[0] in _WHOLE and (whole or _is_for_all(data)):
        if names[:2] == _BOTH and b"\n" in data and data.count(b"\\") * _DENSE <= len(data):
            names = ("unicode", "backslash", *names[2:])  # the few go by lines, in what comes out
        plain = _undone(data, names[0])
        if plain != data:
            return _without(data, plain, names[0], _left(data, names[:1]))
        names = names[1:]
    if not names:
        return None
    name, regex, plain_of = "+".join(names), _REGEXES[names], _Plain().of
    if sum(data.count(_SIGN[one]) for one in names if one in _SIGN) * _DENSE <= len(data):
        lines = rewritten(name, data, regex, plain_of)
        if lines is None or len(lines[1]) * 2 < len(data):
            return lines and Unescaped(*lines, Decoder.ALL)
    found = rewritten(name, data, regex, plain_of, whole=True)
    return found and Unescaped(*found, _left(data, names))


def bytes_of_literal(text: bytes) -> bytes:
    """What a literal of bytes says, in C, Python and their like: each escape stands for one."""
    return _IN_LITERAL.sub(_byte, text)


def _byte(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    if escape[:1] == b"x":
        return bytes.fromhex(escape[1:].decode())
    if escape.isdigit():
        return bytes([int(escape, 8) & _MAX_BYTE])
    return _SIMPLE.get(escape, escape)


def _without(data: bytes, plain: bytes, name: str, left: int) -> Unescaped:
    return Unescaped(name, plain, _Blocks(data, name, len(plain)), left)


def _left(data: bytes, names: tuple[str, ...]) -> int:
    """See `Unescaped`, where escapes of these kinds were undone in all of the text."""
    if names == ("unicode",):
        return LEFT_BY_FOLDING
    left = LEFT_BY_BACKSLASHES if _WHOLE.issuperset(names) else LEFT_BY_ENTITIES
    if "percent" in names and _BATCH.search(data):
        left |= LEFT_BY_PERCENTS
    return left | (_OF_HEX if _BYTES.search(data) else 0)


def _escapes(data: bytes) -> tuple[str, ...]:
    """The kinds of escapes that stand in `data`, in the order in which they are undone."""
    names = ["backslash"] if b"\\" in data and _IS_ESCAPED.search(data) else []
    if not data.isascii():
        names.append("unicode")
    if b"%" in data and _REGEXES["percent",].search(data):
        names.append("percent")
    if b"&" in data and _REGEXES["html",].search(data):
        names.append("html")
    return tuple(names)


def _is_for_all(data: bytes) -> bool:
    """Whether all of the text is worth giving again, and not only its lines that change."""
    if b"\n" not in data:
        return True
    odd = 0 if data.isascii() else len(data.translate(None, _ASCII))
    return (data.count(b"\\") + odd) * _DENSE > len(data)


def _undone(data: bytes, name: str) -> bytes:
    """What the regex of backslashes or odd characters gives, in a few steps where that can be."""
    if name == "unicode":
        return _made_ascii(data)
    as_json = json_unescaped(data)
    if as_json is not None:
        return as_json
    plain, size = data.replace(b"\\\\", b"\\"), len(data)
    while len(plain) < size:
        plain, size = plain.replace(b"\\\\", b"\\"), len(plain)
    plain = plain.replace(b"\\n", b"\n").replace(b'\\"', b'"')  # nearly all there are
    letters = {part[:1] for part in plain.split(b"\\")[1:]}
    if b"t" in letters and not letters.isdisjoint(_LINE_ENDS):
        return _one_by_one(_REGEXES[name,], plain)  # or a tab would go as what indents a line
    for letter in letters & _SIMPLE.keys():
        plain = plain.replace(b"\\" + letter, _SIMPLE[letter])
    if letters and _IS_NUMBERED.search(plain):
        return _one_by_one(_REGEXES[name,], plain)
    return plain


def _one_by_one(regex: re.Pattern[bytes], data: bytes) -> bytes:
    """What the regex gives, which has no groups, with few steps of Python for each stretch."""
    return b"".join(
        [_replaced(regex, data[start:end]) for start, end in pairwise(_cuts(data, _STRETCH))]
    )


def _replaced(regex: re.Pattern[bytes], data: bytes) -> bytes:
    parts = by_turns(data, regex)
    escapes = parts[1::2]
    plain = {escape: _plain(escape) for escape in set(escapes)}
    parts[1::2] = map(plain.__getitem__, escapes)
    return b"".join(parts)


def _made_ascii(data: bytes) -> bytes:
    odd = b"" if data.isascii() else data.translate(None, _ASCII)
    if len(odd) * _SPARSE < len(data):
        return _one_by_one(_REGEXES["unicode",], data) if odd else data
    try:
        chars = set(odd.decode("utf-8", "surrogatepass"))
        if len(chars) <= _MAX_DISTINCT:
            for char in chars:
                data = data.replace(char.encode("utf-8", "surrogatepass"), _folded(char))
            return data
        text = data.decode("utf-8", "surrogatepass")
        return text.translate({ord(char): _folded(char).decode() for char in chars}).encode()
    except UnicodeDecodeError:
        return _one_by_one(_REGEXES["unicode",], data)


class _Blocks:
    """The way back out of a text that was given again as a whole, worked out where it is asked.

    `size` is how much came out. Blocks are measured from the last one on, since streams ask there.
    """

    def __init__(self, data: bytes, name: str, size: int) -> None:
        self._data = data
        self._name = name
        self._size = size
        self._spans: list[Span] = []
        self._starts: list[int] = []  # in what came out, of the blocks from `_first` on, and an end
        self._first = 0
        self._made: dict[int, Changed] = {}

    def __call__(self, start: int, end: int) -> Span:
        self._prepare()
        count = len(self._spans)
        while self._first == count or (self._first and self._starts[self._first] > start):
            self._measure()
        first = max(self._first, bisect_right(self._starts, start, self._first, count) - 1)
        last = max(first, bisect_left(self._starts, end, self._first, count) - 1)
        begin = self._block(first).begin(start - self._starts[first])
        return begin, max(begin, self._block(last).finish(end - self._starts[last]))

    def forth(self, spans: Sequence[Span]) -> Iterator[Span]:
        """See `Back`."""
        self._prepare()
        begins = [begin for begin, _ in self._spans]
        for start, end in spans:
            first = max(0, bisect_left(begins, start) - 1)
            for number in range(first, bisect_right(begins, end)):
                while self._first > number:
                    self._measure()
                at = self._starts[number]
                for one in self._block(number).forth(start, end):
                    yield at + one[0], at + one[1]

    def _prepare(self) -> None:
        if not self._spans:
            self._spans = list(pairwise(_cuts(self._data, _BLOCK)))
            self._first = len(self._spans)
            self._starts = [0] * self._first + [self._size]

    def _measure(self) -> None:
        self._first -= 1
        block = self._data[slice(*self._spans[self._first])]
        size = len(_undone(block, self._name))
        self._starts[self._first] = self._starts[self._first + 1] - size

    def _block(self, number: int) -> Changed:
        made = self._made.get(number)
        if made is None:
            regex, replace = _REGEXES[self._name,], _Plain().of
            made = self._made[number] = Changed(self._data, self._spans[number], regex, replace)
        return made


def _cuts(data: bytes, size: int) -> Iterable[int]:
    """Places about so far apart, none of which is inside of an escape."""
    yield 0
    last = 0
    for near in range(size, len(data), size):
        place = _cut(data, near)
        if place > last:
            yield place
            last = place
    yield len(data)


def _cut(data: bytes, near: int) -> int:
    """A place before `near`, no more than a block, that is inside of no escape; 0 for none."""
    floor, place = max(0, near - _BLOCK), near
    while place > floor:
        slash = data.rfind(b"\\", max(floor, place - _REACH), place)
        if slash < 0 and data[place] & 0xC0 != 0x80:  # noqa: PLR2004  it continues no character
            return place
        if slash >= 0:
            slash = floor + len(data[floor : slash + 1].rstrip(b"\\"))
            if slash > floor and not _IS_SECOND.match(data, slash):
                return slash
        place = slash if slash >= 0 else place - 1
    return 0


class _Plain:
    """What escapes stand for, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}

    def of(self, found: re.Match[bytes]) -> bytes:
        escape = found[0]
        plain = self._known.get(escape)
        if plain is None:
            plain = _plain(escape)
            if len(self._known) < _MAX_KEPT:
                self._known[escape] = plain
        return plain


def _plain(escape: bytes) -> bytes:
    match escape[:1]:
        case b"%":
            if b"u" in escape:
                return _char(int(escape[-4:], 16))
            code = escape.rstrip(b"+")
            return bytes.fromhex(code[-2:].decode()) + b" " * (len(escape) - len(code))
        case b"\\":
            return _unslashed(escape)
        case b"&":
            return _entity(escape)
        case _:
            return _foreign(escape)


def _foreign(escape: bytes) -> bytes:
    try:
        return _folded(escape.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return escape  # longer than it need be, or past the last character


def _unslashed(escape: bytes) -> bytes:
    """What an escape that begins with backslashes stands for."""
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
    if len(rest) == 6:  # noqa: PLR2004  as style sheets write it
        return _char(int(rest, 16))
    if rest.isdigit():
        return _char(int(rest, 8), latin=True)
    return _SIMPLE.get(rest, rest)


def _entity(escape: bytes) -> bytes:
    name = escape.rpartition(b"&amp;")[2].rpartition(b"amp;")[2] or b"amp;"
    name = name.removeprefix(b"&").removesuffix(b";")
    if name.startswith((b"#x", b"#X")):
        return _char(int(b"0" + name[1:], 16))
    if name.startswith(b"#"):
        return _char(int(name[1:].lstrip(b"0") or b"0"))
    text = html5.get(name.decode() + ";")
    return escape if text is None else b"".join(_char(ord(char)) for char in text)


def _char(code: int, *, latin: bool = False) -> bytes:
    """A character in UTF-8; with `latin`, what is below 256 is a byte."""
    if latin and code <= 0xFF:  # noqa: PLR2004  one byte
        return bytes([code])
    return chr(code).encode("utf-8", "surrogatepass") if code <= _MAX_UNICODE else b""
