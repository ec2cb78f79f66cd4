import struct
from zlib import crc32

import pytest

from stopper.errors import MeterError
from stopper.meter.eventstream import FrameSplitter, encode_frame
from stopper.meter.wire import MAX_EVENT_BYTES


def frame(headers: bytes, payload: bytes) -> bytes:
    """A frame with any headers, put together apart from the code under test."""
    sizes = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    start = sizes + struct.pack(">I", crc32(sizes)) + headers + payload
    return start + struct.pack(">I", crc32(start))


def prelude(size: int, headers: int) -> bytes:
    sizes = struct.pack(">II", size, headers)
    return sizes + struct.pack(">I", crc32(sizes))


# The example of the format's own documentation has these bytes: a payload and no headers.
DOCUMENTED = bytes.fromhex("0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936")

EVENT = b"\x0b:event-type\x07\x00\x05chunk"
OTHERS = (
    b"\x01a\x00" b"\x01b\x01" b"\x01c\x02x" b"\x01d\x03xx" b"\x01e\x04xxxx" b"\x01f\x05xxxxxxxx"
    b"\x01g\x06\x00\x03\xff\xff\xff" b"\x01h\x08xxxxxxxx" b"\x01i\x09xxxxxxxxxxxxxxxx"
)  # fmt: skip

FRAMES = {
    # what comes               bytes                            headers, payload
    "the documented one":     (DOCUMENTED,                      {}, b"{'foo':'bar'}"),
    "an event":               (frame(EVENT, b"{}"),             {":event-type": "chunk"}, b"{}"),
    "headers of all types":   (frame(OTHERS + EVENT, b"{}"),    {":event-type": "chunk"}, b"{}"),
    "nothing inside":         (frame(b"", b""),                 {}, b""),
}  # fmt: skip


@pytest.mark.parametrize(("data", "headers", "payload"), FRAMES.values(), ids=FRAMES)
def test_frame(data: bytes, headers: dict[str, str], payload: bytes) -> None:
    """Each row reads as one frame, at once and byte by byte, with its exact bytes."""
    splitter, slow = FrameSplitter(), FrameSplitter()
    (read,) = splitter.feed(data)
    assert (read.headers, read.payload, read.raw) == (headers, payload, data)
    assert [found for byte in data * 2 for found in slow.feed(bytes([byte]))] == [read, read]
    assert splitter.end() is slow.end() is None


def test_encode() -> None:
    """What is written reads back, and is what another writer makes of it."""
    data = encode_frame({":event-type": "chunk"}, b"{}")
    assert data == frame(EVENT, b"{}")
    (read,) = FrameSplitter().feed(encode_frame({"a": "é", "b": ""}, b"x"))
    assert (read.headers, read.payload) == ({"a": "é", "b": ""}, b"x")


GOOD = frame(EVENT, b"{}")
FAULTS = {
    "a bit of the sizes":              bytes([GOOD[0] ^ 1]) + GOOD[1:],
    "a bit of their checksum":         GOOD[:8] + bytes([GOOD[8] ^ 1]) + GOOD[9:],
    "a bit of the headers":            GOOD[:14] + bytes([GOOD[14] ^ 1]) + GOOD[15:],
    "a bit of the payload":            GOOD[:-5] + bytes([GOOD[-5] ^ 1]) + GOOD[-4:],
    "a bit of the last checksum":      GOOD[:-1] + bytes([GOOD[-1] ^ 1]),
    "a size above the bound":          prelude(MAX_EVENT_BYTES + 1, 0),
    "the largest size there is":       prelude(2**32 - 1, 0),
    "a size below the least":          prelude(15, 0),
    "no size":                         prelude(0, 0),
    "more headers than bytes":         prelude(20, 5),
    "a header type that is unknown":   frame(b"\x01a\x0a", b""),
    "a header that is cut short":      frame(b"\x01a\x07\x00\x09x", b""),
    "a name that is cut short":        frame(b"\x09a", b""),
    "a number that is cut short":      frame(b"\x01a\x08x", b""),
    "a length that is cut short":      frame(b"\x01a\x07\x00", b""),
    "a header that is no text":        frame(b"\x01a\x07\x00\x01\xff", b""),
    "words":                           b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("data", FAULTS.values(), ids=FAULTS)
def test_fault(data: bytes) -> None:
    """A frame that is not sound is refused as soon as it shows, never waited for."""
    with pytest.raises(MeterError):
        FrameSplitter().feed(data)


@pytest.mark.parametrize("count", [1, 11, 12, len(GOOD) - 1])
def test_a_frame_that_never_ends(count: int) -> None:
    """A stream must not end within a frame."""
    splitter = FrameSplitter()
    assert splitter.feed(GOOD[:count]) == []
    with pytest.raises(MeterError):
        splitter.end()
