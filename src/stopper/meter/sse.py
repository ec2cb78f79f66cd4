"""Cuts a stream of server-sent events into whole events, each with its exact bytes."""

import re

from msgspec import Struct

from stopper.errors import MeterError
from stopper.meter.wire import MAX_EVENT_BYTES

__all__ = ["SseEvent", "SseSplitter"]

_BOM = b"\xef\xbb\xbf"
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_LONGEST_BLANK = len(b"\r\n\r\n")


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
        self._returns = self._returns or b"\r" in data
        scan = max(0, len(held) - _LONGEST_BLANK + 1)
        if held:
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
        return self._event(raw)

    def _split(self, data: bytes, scan: int) -> list[SseEvent]:
        events = []
        start = 0
        while (end := self._event_end(data, scan)) > 0:
            self._check(end - start)
            events.append(self._event(data[start:end]))
            start = scan = end
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
        text = raw
        if not self._started:
            self._started = True
            text = raw.removeprefix(_BOM)
        return _short(text, raw) or _any(text, raw)

    @staticmethod
    def _check(size: int) -> None:
        if size > MAX_EVENT_BYTES:
            raise MeterError(f"an event of the stream is larger than {MAX_EVENT_BYTES} bytes")


def _short(text: bytes, raw: bytes) -> SseEvent | None:
    """The two shapes that nearly all events have, without cutting them into lines."""
    start = 0
    name = b""
    if text.startswith(b"event: "):
        start = text.find(b"\n") + 1
        name = text[7 : start - 1]
    if not text.startswith(b"data: ", start) or text.find(b"\n", start) != len(text) - 2:
        return None
    if b"\r" in text:
        return None
    return SseEvent(name, text[start + 6 : -2], raw)


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
