"""Cuts one JSON array that is still being written into its elements, with their exact bytes."""

import re

from msgspec import Struct

from stopper.errors import MeterError
from stopper.meter.wire import MAX_EVENT_BYTES

__all__ = ["ArraySplitter", "Element"]

_BLANK = b" \t\r\n"
_MARK = re.compile(rb'["\[\]{}]')
_IN_STRING = re.compile(rb'["\\]')


class Element(Struct, frozen=True, gc=False):
    """One object of the array as `data`; `raw` has what stands before it too.

    The end of the array is an element without `data`.
    """

    data: bytes
    raw: bytes


class ArraySplitter:
    """Takes bytes in any split; the `raw` of all elements are exactly those bytes.

    An object in place of the array is taken for its only element.
    """

    __slots__ = (
        "_alone",
        "_closed",
        "_depth",
        "_escaped",
        "_given",
        "_held",
        "_in_string",
        "_seen",
    )

    def __init__(self) -> None:
        self._held = bytearray()
        self._seen = 0
        self._depth = 0
        self._in_string = self._escaped = False
        self._alone = self._given = self._closed = False

    def feed(self, data: bytes) -> list[Element]:
        """The elements that `data` completes; MeterError on all but an array of objects."""
        self._held += data
        elements = []
        while (end := self._scan()) > 0:
            elements.append(self._cut(end))
        if len(self._held) > MAX_EVENT_BYTES:
            raise MeterError(f"an element of the stream is larger than {MAX_EVENT_BYTES} bytes")
        return elements

    def end(self) -> Element | None:
        """Blanks after the array; MeterError where it is not at its end."""
        raw = bytes(self._held)
        self._held.clear()
        if self._depth or raw.strip(_BLANK):
            raise MeterError("the array of the reply has no end")
        return Element(b"", raw) if raw else None

    def closing(self, element: bytes) -> bytes:
        """What makes `element` the last one, after what was given out so far."""
        if self._closed:
            return b""
        if self._alone:
            return element
        return (b"," if self._given else b"[") + element + b"]"

    def _scan(self) -> int:
        """Read on to the end of an object of the array, or of the array; 0 where neither came."""
        while True:
            if self._escaped:
                if self._seen >= len(self._held):
                    return 0
                self._seen += 1
                self._escaped = False
            match = (_IN_STRING if self._in_string else _MARK).search(self._held, self._seen)
            if match is None:
                self._seen = len(self._held)
                return 0
            self._seen = match.end()
            if self._step(match[0]):
                return self._seen

    def _step(self, mark: bytes) -> bool:
        """Take one mark; whether it ends something that can be given out."""
        if self._in_string:
            self._escaped = mark == b"\\"
            self._in_string = self._escaped
            return False
        if mark == b'"':
            self._in_string = True
            return False
        if mark in (b"[", b"{"):
            self._open(mark)
            return False
        self._depth -= 1
        return self._depth == 0 or (self._depth == 1 and not self._alone)

    def _open(self, mark: bytes) -> None:
        if self._closed:
            raise MeterError("something follows the array of the reply")
        if self._depth == 0:
            self._alone = mark == b"{"
        elif self._depth == 1 and not self._alone and mark != b"{":
            raise MeterError("the array of the reply has an element that is no object")
        self._depth += 1

    def _cut(self, end: int) -> Element:
        raw = bytes(self._held[:end])
        del self._held[:end]
        self._seen = 0
        closes = self._depth == 0 and not self._alone
        start = len(raw) if closes else raw.find(b"{")
        before = raw[: start - closes]
        self._closed = self._depth == 0
        if before.strip(b"[," + _BLANK):
            raise MeterError("the array of the reply has an element that is no object")
        self._given = True
        return Element(raw[start:], raw)
