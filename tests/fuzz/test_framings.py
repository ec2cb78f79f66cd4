"""Hostile bytes in every framing: only MeterError comes out, and no split changes what is read."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.errors import MeterError
from stopper.meter.eventstream import FrameSplitter, encode_frame
from stopper.meter.framed import Splitter
from stopper.meter.jsonarray import ArraySplitter
from stopper.meter.ndjson import LineSplitter
from stopper.meter.sse import SseSplitter

EXAMPLES = 300

FRAME = encode_frame({":event-type": "chunk", ":message-type": "event"}, b'{"bytes":"e30="}')
SPLITTERS: dict[str, tuple[Callable[[], Splitter[Any]], bytes]] = {
    # framing   splitter, a sound stream
    "sse":     (SseSplitter, b": hello\r\n\r\nevent: a\ndata: {}\n\ndata: 1\rdata: 2\r\r"),
    "lines":   (LineSplitter, b'{"a":1}\n\r\n{"b":"\\n"}\n{}'),
    "array":   (ArraySplitter, b'[{"a":"]}\\""}\n,\r\n{"b":[{}]},{}]\n'),
    "frames":  (FrameSplitter, FRAME + encode_frame({}, b"") + FRAME),
}  # fmt: skip

names = st.sampled_from(sorted(SPLITTERS))
cuts = st.lists(st.integers(0, 10**6), max_size=6)
edits = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 3), st.binary(max_size=3)), max_size=4
)


def read(name: str, data: bytes, places: list[int]) -> tuple[list[Any], bool]:
    """The events of `data` cut at `places`, and whether it ended in a fault."""
    splitter = SPLITTERS[name][0]()
    events: list[Any] = []
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    try:
        for start, end in pairwise(bounds):
            events += splitter.feed(data[start:end])
        last = splitter.end()
    except MeterError:
        return events, True
    return events + ([] if last is None else [last]), False


def edited(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Put, replace or drop some bytes at some places."""
    for place, drop, put in changes:
        at = place % (len(data) + 1)
        data = data[:at] + put + data[at + drop :]
    return data


def check(name: str, data: bytes, places: list[int]) -> None:
    events, fault = read(name, data, [])
    parted, parted_fault = read(name, data, places)
    assert fault is parted_fault
    assert fault or events == parted
    raw = b"".join(event.raw for event in parted)
    assert data.startswith(raw)
    assert fault or raw == data


@settings(max_examples=EXAMPLES)
@given(names, st.binary(max_size=200), cuts)
def test_any_bytes(name: str, data: bytes, places: list[int]) -> None:
    """Noise is read the same in any split, or is a fault in any split."""
    check(name, data, places)


@settings(max_examples=EXAMPLES)
@given(names, edits, cuts)
def test_damaged_streams(
    name: str, changes: list[tuple[int, int, bytes]], places: list[int]
) -> None:
    """So is a sound stream with a few bytes wrong."""
    check(name, edited(SPLITTERS[name][1], changes), places)


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=40))
def test_absurd_lengths(size: int, headers: int, rest: bytes) -> None:
    """Lengths that nothing vouches for are refused at once, whatever they promise."""
    data = size.to_bytes(4) + headers.to_bytes(4) + rest
    events, fault = read("frames", data, [])
    assert events == []
    assert fault or not data


@pytest.mark.parametrize("place", range(len(FRAME)))
def test_every_bit_of_a_frame_counts(place: int) -> None:
    """No single wrong bit gets past the two checksums."""
    for bit in range(8):
        data = FRAME[:place] + bytes([FRAME[place] ^ (1 << bit)]) + FRAME[place + 1 :]
        assert read("frames", data + FRAME, []) == ([], True)
