"""Amazon's event stream: binary frames with typed headers and two checksums.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

import struct
from zlib import crc32

from msgspec import Struct

from stopper.errors import MeterError
from stopper.meter.wire import MAX_EVENT_BYTES

__all__ = ["Frame", "FrameSplitter", "encode_frame"]

_PRELUDE = struct.Struct(">III")  # all bytes, bytes of headers, checksum of these two
_CHECKSUM = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_LEAST_BYTES = _PRELUDE.size + _CHECKSUM.size

_STRING = 7
_BYTES = 6
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # header types whose size is fixed


class Frame(Struct, frozen=True, gc=False):
    """One frame: its text headers by name, its payload, and `raw`, all its bytes."""

    headers: dict[str, str]
    payload: bytes
    raw: bytes


class FrameSplitter:
    """Takes bytes in any split; the `raw` of all frames are exactly those bytes.

    Nothing is believed before its checksum: not even how long a frame is.
    """

    __slots__ = ("_held", "_size")

    def __init__(self) -> None:
        self._held = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes; MeterError on a bad one, or above MAX_EVENT_BYTES."""
        self._held += data
        frames = []
        while self._whole():
            frames.append(_read(bytes(self._held[: self._size])))
            del self._held[: self._size]
            self._size = 0
        return frames

    def end(self) -> Frame | None:
        """Never a frame; MeterError where the last one is not whole."""
        if self._held:
            raise MeterError("the event stream ends within a frame")
        return None

    def _whole(self) -> bool:
        if not self._size and len(self._held) >= _PRELUDE.size:
            self._size = _checked_size(bytes(self._held[: _PRELUDE.size]))
        return 0 < self._size <= len(self._held)


def encode_frame(headers: dict[str, str], payload: bytes) -> bytes:
    """A frame with text headers."""
    head = b"".join(
        bytes([len(name)]) + name.encode() + bytes([_STRING]) + _LENGTH.pack(len(value)) + value
        for name, value in ((name, text.encode()) for name, text in headers.items())
    )
    sizes = _PRELUDE.pack(_LEAST_BYTES + len(head) + len(payload), len(head), 0)[:8]
    start = sizes + _CHECKSUM.pack(crc32(sizes)) + head + payload
    return start + _CHECKSUM.pack(crc32(start))


def _checked_size(prelude: bytes) -> int:
    size, head, checksum = _PRELUDE.unpack(prelude)
    if crc32(prelude[:8]) != checksum:
        raise MeterError("the prelude of a frame does not match its checksum")
    if not _LEAST_BYTES + head <= size <= MAX_EVENT_BYTES:
        raise MeterError(f"a frame states {size} bytes, {head} of them headers")
    return int(size)


def _read(raw: bytes) -> Frame:
    if crc32(raw[: -_CHECKSUM.size]) != _CHECKSUM.unpack(raw[-_CHECKSUM.size :])[0]:
        raise MeterError("a frame does not match its checksum")
    _, head, _ = _PRELUDE.unpack_from(raw)
    end = _PRELUDE.size + head
    try:
        headers = _headers(raw[_PRELUDE.size : end])
    except (struct.error, IndexError, KeyError, UnicodeDecodeError):
        raise MeterError("the headers of a frame do not read") from None
    return Frame(headers, raw[end : -_CHECKSUM.size], raw)


def _headers(data: bytes) -> dict[str, str]:
    headers = {}
    place = 0
    while place < len(data):
        start = place + 1
        place = start + data[place]
        name, kind = data[start:place].decode(), data[place]
        place += 1
        if kind in (_STRING, _BYTES):
            (size,) = _LENGTH.unpack_from(data, place)
            place += _LENGTH.size
        else:
            size = _SIZES[kind]
        if place + size > len(data):
            raise IndexError(place)
        if kind == _STRING:
            headers[name] = data[place : place + size].decode()
        place += size
    return headers
