"""Cuts a stream of JSON values, one a line, into lines with their exact bytes."""

from msgspec import Struct

from stopper.errors import MeterError
from stopper.meter.wire import MAX_EVENT_BYTES

__all__ = ["Line", "LineSplitter"]


class Line(Struct, frozen=True, gc=False):
    """One line: `data` without the blanks around it, empty for a blank line; `raw` all its bytes.

    See https://github.com/ndjson/ndjson-spec.
    """

    data: bytes
    raw: bytes


class LineSplitter:
    """Takes bytes in any split; the `raw` of all lines are exactly those bytes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Line]:
        """The lines that `data` completes; MeterError on one larger than MAX_EVENT_BYTES."""
        head, end, tail = data.rpartition(b"\n")
        if not end:
            self._hold(tail)
            return []
        whole = bytes(self._held) + head
        self._held.clear()
        lines = [_line(raw + end) for raw in whole.split(end)]
        self._hold(tail)
        return lines

    def end(self) -> Line | None:
        """The last line, where no line feed ends it."""
        raw = bytes(self._held)
        self._held.clear()
        return _line(raw) if raw else None

    def _hold(self, tail: bytes) -> None:
        _check(len(self._held) + len(tail))
        self._held += tail


def _line(raw: bytes) -> Line:
    _check(len(raw))
    return Line(raw.strip(), raw)


def _check(size: int) -> None:
    if size > MAX_EVENT_BYTES:
        raise MeterError(f"a line of the stream is larger than {MAX_EVENT_BYTES} bytes")
