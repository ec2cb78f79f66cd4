"""Cuts a stream of server-sent events into whole events, each with its exact bytes."""

import re

from msgspec import Struct

from stopper.errors import MeterError
from stopper.meter.wire import MAX_EVENT_BYTES

__all__ = ["SseEvent", "SseSplitter"]

_BOM = b"\xef\xbb\xbf"
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_LONGEST_BLANK = len(b"\r\n\r\n")
_SHORT_LINES = 4  # event, data, and what the two line feeds after them leave


class SseEvent(Struct, frozen=True, gc=False):
    """One event as https://html.spec.whatwg.org/multipage/server-sent-events.html reads it.

    `name` is its event field, empty when absent; `data` its data lines joined by line feeds; `raw`
    all its bytes with the blank line that ends it. A block of comments is an event without data.
    """

    name: bytes
    data: bytes
    raw: bytes


class SseSplitter:
    """Takes bytes in any split; the `raw` of all events and the `tail` are exactly those bytes.

    A lone CR as the last byte waits for the next one, because an LF would belong to it.
    """

    __slots__ = ("_held", "_returns", "_started")

    def __init__(self) -> None:
        self._held = bytearray()
        self._returns = False
        self._started = False

    @property
    def tail(self) -> bytes:
        """The bytes of an event that is not whole yet."""
        return bytes(self._held)

    def feed(self, data: bytes) -> list[SseEvent]:
        """The events that `data` completes; MeterError on one larger than MAX_EVENT_BYTES."""
        held = self._held
        if b"\r" in data:
            self._returns = True
        scan = 0
        if held:
            scan = max(0, len(held) - _LONGEST_BLANK + 1)
            held += data
            if self._event_end(held, scan) < 0:
                self._check(len(held))
                return []
            data = bytes(held)
            held.clear()
        return self._split(data, scan)

    def end(self) -> SseEvent | None:
        """The stream is over: what is left as a last event, because some clients read it so."""
        if not self._held:
            return None
        raw = self.tail
        self._held.clear()
        return _any(raw if self._started else raw.removeprefix(_BOM), raw)

    def _split(self, data: bytes, scan: int) -> list[SseEvent]:
        events = []
        start = 0
        while (end := self._event_end(data, scan)) > 0:
            if end - start > MAX_EVENT_BYTES:
                self._check(end - start)
            events.append(self._event(data[start:end]))
            start = scan = end
        if start < len(data):
            self._check(len(data) - start)
            self._held += data[start:]
        return events

    def _event_end(self, data: bytes | bytearray, scan: int) -> int:
        """Where the first event that ends after `scan` ends, -1 where none surely does."""
        if not self._returns:
            found = data.find(b"\n\n", scan)
            return found + 2 if found >= 0 else -1
        match = _BLANK_LINE.search(data, scan)
        if match is None or (match.end() == len(data) and data.endswith(b"\r")):
            return -1
        return match.end()

    def _event(self, raw: bytes) -> SseEvent:
        """Reads a whole event; the two shapes that nearly all have go without a walk of lines."""
        if not self._started:
            self._started = True
            return _any(raw.removeprefix(_BOM), raw)
        if self._returns:
            return _any(raw, raw)
        lines = raw.split(b"\n", _SHORT_LINES)
        if len(lines) == _SHORT_LINES and lines[1].startswith(b"data: "):
            if lines[0].startswith(b"event: "):
                return SseEvent(lines[0][7:], lines[1][6:], raw)
        elif len(lines) == _SHORT_LINES - 1 and lines[0].startswith(b"data: "):
            return SseEvent(b"", lines[0][6:], raw)
        return _any(raw, raw)

    @staticmethod
    def _check(size: int) -> None:
        if size > MAX_EVENT_BYTES:
            raise MeterError(f"an event of the stream is larger than {MAX_EVENT_BYTES} bytes")


def _any(text: bytes, raw: bytes) -> SseEvent:
    name = b""
    data = []
    for line in text.splitlines():
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return SseEvent(name, b"\n".join(data), raw)
