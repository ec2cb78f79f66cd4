"""The values of a body's fields, read in whatever pieces the body comes."""

import re
from collections.abc import Generator, Iterator
from typing import Final, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

__all__ = ["EDGE", "Field", "Reader", "edges", "fields"]

EDGE: Final = 128
"""Of a long value only so much of both ends counts: what is longer is seen in the value itself."""

MAX_NAME: Final = 128
_BROAD: Final = 8
"""So many bytes of a body may stand for one that counts."""

_JSON = re.compile(rb"[\[{]|(?:data|event|id|retry)?:")
_MAY_BE_JSON: Final = b":deir"
_MAX_MARK: Final = 6
# A string as far as it goes, whether it ends here, and whether it is a name as far as that shows.
_STRING = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:(")\s*+(:)?+)?+', re.DOTALL)
_INSIDE = re.compile(rb"[^\"\\]*+(?:\\.[^\"\\]*+)*+", re.DOTALL)
_BEHIND = re.compile(rb"\s*+(:)?+")
_ESCAPE = re.compile(rb"\\(?:u00([0-7][0-9A-Fa-f])|u[0-9A-Fa-f]{4}|(.))", re.DOTALL)
_HALF_ESCAPE = re.compile(rb"\\(?:u[0-9A-Fa-f]{0,3})?\Z")
_INVISIBLE: Final = frozenset({b"b", b"f", b"n", b"r", b"t"})
_ITSELF: Final = frozenset({b'"', b"\\", b"/"})
_PLAIN: Final = (
    (b"\\\\", b"\0"),  # a byte that strings do not hold stands for it until the others are undone
    *((b"\\" + char, b"") for char in sorted(_INVISIBLE)),
    (b'\\"', b'"'),
    (b"\\/", b"/"),
    (b"\0", b"\\"),
)

_NAME_END = re.compile(rb"=|\r\n--")
_FIELD = re.compile(rb"[^=\r]*+=([^?&;\r]{0,%d}+)[?&;]" % EDGE)
_VALUE_END = re.compile(rb"[?&;]|\r\n--")
_PART_END = re.compile(rb"\r\n--")
_HEADERS_END = re.compile(rb"\r\n\r\n")
_MAX_HALF: Final = 3
_HALF_MARK = re.compile(rb"(?:%[0-9A-Fa-f]?|\r(?:\n(?:-|\r)?)?)\Z")


def edges(value: bytes) -> bytes:
    """What counts of a value that is there as a whole: all of a short one, of a long both ends."""
    return value if len(value) <= 2 * EDGE else value[:EDGE] + value[-EDGE:]


class Field(NamedTuple):
    """One end of a value, or all of it: what it says, and where in the body that stands.

    Both ends of a value have the same `number`.
    """

    name: bytes
    text: bytes
    start: int
    end: int
    number: int


def fields(data: bytes) -> Iterator[Field]:
    """The values of JSON, also in lines or events; of a form, a query, or a multipart body."""
    text = data.lstrip()
    lexer = _lexer(text, len(data) - len(text))
    yield from lexer.feed(text)
    yield from lexer.finish()


class _Lexer(Protocol):
    def feed(self, data: bytes) -> Iterator[Field]:
        """What these bytes complete of values."""

    def finish(self) -> Iterator[Field]:
        """What is left."""


def _lexer(text: bytes, at: int) -> _Lexer:
    return _Strings(at) if _JSON.match(text) else _Text(at)


class Reader:
    """Finds out what a body that comes in pieces is by how it begins, and reads its fields."""

    def __init__(self) -> None:
        self._lexer: _Lexer | None = None
        self._begin = b""
        self._at = 0

    def feed(self, data: bytes) -> Iterator[Field]:
        """What these bytes complete of values."""
        if self._lexer is None:
            text = (self._begin + data).lstrip()
            self._at += len(self._begin) + len(data) - len(text)
            self._begin = data = text
            if text[:1] in _MAY_BE_JSON and len(text) < _MAX_MARK:
                return
            self._lexer = _lexer(text, self._at)
        yield from self._lexer.feed(data)

    def finish(self) -> Iterator[Field]:
        """What is left."""
        if self._lexer is None:
            self._lexer = _lexer(self._begin, self._at)
            yield from self._lexer.feed(self._begin)
        yield from self._lexer.finish()


class _Value:
    """One value while it is read, from `begin` on: its first `EDGE` bytes, and its last."""

    def __init__(self, name: bytes, number: int, begin: int) -> None:
        self._name = name
        self._number = number
        self._begin = begin
        self._text = b""
        self._is_long = False

    def add(self, text: bytes, end: int) -> Iterator[Field]:
        """More of what it says, as far as `end` in the body."""
        text = self._text + text
        if not self._is_long and len(text) > EDGE:
            self._is_long = True
            yield Field(self._name, text[:EDGE], self._begin, end, self._number)
            text = text[EDGE:]
        self._text = text[-EDGE:] if self._is_long else text

    def end(self, end: int) -> Field:
        """All of it was there."""
        begin = max(self._begin, end - _BROAD * EDGE) if self._is_long else self._begin
        return Field(self._name, self._text, begin, end, self._number)


class _Strings:
    """The strings of JSON that are no names, whatever stands around them."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._number = 0
        self._name = b""
        self._half = b""  # an escape that the last bytes ended in
        self._inside: _Value | None = None
        self._closed: Field | None = None  # a name or a value: what comes behind it will tell

    def feed(self, data: bytes) -> Iterator[Field]:
        start, data = self._at - len(self._half), self._half + data
        self._half = _half_escape(data)
        data = data[: len(data) - len(self._half)]
        self._at = start + len(data) + len(self._half)
        at = 0
        if self._inside is not None:
            at = _matched(_INSIDE, data, 0)
            yield from self._inside.add(_unescaped(data[:at]), start + at)
            if at == len(data):
                return
            self._closed, self._inside = self._inside.end(start + at), None
            at += 1
        if self._closed is not None:
            behind = _BEHIND.match(data, at)
            at = behind.end() if behind else at
            if at == len(data) and not (behind and behind[1]):
                return
            yield from self._decide(is_name=bool(behind and behind[1]))
        yield from self._strings(data, at, start)

    def finish(self) -> Iterator[Field]:
        if self._inside is not None:
            yield self._inside.end(self._at)
        yield from self._decide(is_name=False)

    def _strings(self, data: bytes, at: int, start: int) -> Iterator[Field]:
        for found in _STRING.finditer(data, at):
            text, closes, is_name = found.groups()
            if is_name:
                self._name = text[:MAX_NAME]
                continue
            self._number += 1
            text = _unescaped(text)
            begin, end = start + found.start(), start + found.end(1)
            if closes and len(text) <= EDGE and found.end() < len(data):
                yield Field(self._name, text, begin, end, self._number)
                continue
            value = _Value(self._name, self._number, begin)
            yield from value.add(text, end)
            if not closes:
                self._inside = value
            elif found.end() == len(data):
                self._closed = value.end(end)
            else:
                yield value.end(end)

    def _decide(self, *, is_name: bool) -> Iterator[Field]:
        closed, self._closed = self._closed, None
        if closed is None:
            return
        if is_name:
            self._name = closed.text[:MAX_NAME]
        else:
            yield closed


class _Text:
    """The fields of a form or a query, and the parts of a multipart body once one begins."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._number = 0
        self._half = b""  # what the last bytes ended in that may be more than it seems
        self._until = _NAME_END
        self._value: _Value | None = None

    def feed(self, data: bytes) -> Iterator[Field]:
        yield from self._read(data)

    def finish(self) -> Iterator[Field]:
        yield from self._read(b"", last=True)
        if self._value is not None:
            yield self._value.end(self._at)

    def _read(self, data: bytes, *, last: bool = False) -> Iterator[Field]:
        start, data = self._at - len(self._half), self._half + data
        self._at, self._half = start + len(data), b""
        at = yield from self._plain(data, 0, start)
        while found := self._until.search(data, at):
            yield from self._add(data[at : found.start()], start + found.start())
            at = found.end()
            if self._value is not None:
                yield self._value.end(start + found.start())
            self._go_on(found[0], start + at)
            at = yield from self._plain(data, at, start)
        half = None if last else _HALF_MARK.search(data, max(at, len(data) - _MAX_HALF))
        end = half.start() if half else len(data)
        self._half = data[end:]
        yield from self._add(data[at:end], start + end)

    def _plain(self, data: bytes, at: int, start: int) -> Generator[Field, None, int]:
        """Short fields of a form that are there as a whole; gives where they end."""
        while self._until is _NAME_END and (found := _FIELD.match(data, at)):
            at = found.end()
            if found[1]:
                self._number += 1
                text = unquote_to_bytes(found[1])
                yield Field(b"", text, start + found.start(1), start + at, self._number)
        return at

    def _add(self, text: bytes, end: int) -> Iterator[Field]:
        if self._value is not None and text:
            is_coded = self._until is _VALUE_END
            yield from self._value.add(unquote_to_bytes(text) if is_coded else text, end)

    def _go_on(self, mark: bytes, at: int) -> None:
        if mark == b"\r\n--":
            self._until = _HEADERS_END
        elif mark == b"\r\n\r\n":
            self._until = _PART_END
        else:
            self._until = _VALUE_END if mark == b"=" else _NAME_END
        self._value = None
        if self._until in (_PART_END, _VALUE_END):
            self._number += 1
            self._value = _Value(b"", self._number, at)


def _matched(regex: re.Pattern[bytes], data: bytes, at: int) -> int:
    found = regex.match(data, at)
    return found.end() if found else at


def _half_escape(data: bytes) -> bytes:
    """What `data` ends in of an escape that goes on."""
    half = _HALF_ESCAPE.search(data, max(0, len(data) - 5))
    if half is None:
        return b""
    before = data[: half.start()]
    is_escaped = (len(before) - len(before.rstrip(b"\\"))) % 2
    return b"" if is_escaped else half[0]


def _unescaped(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    if b"\\u" in text or b"\0" in text:
        return _ESCAPE.sub(_plain, text)
    for escape, plain in _PLAIN:
        text = text.replace(escape, plain)
    return text


def _plain(found: re.Match[bytes]) -> bytes:
    code, char = found.groups()
    if code:
        return bytes([int(code, 16)])
    if char is None or char in _INVISIBLE:
        return b""
    return char if char in _ITSELF else found[0]
