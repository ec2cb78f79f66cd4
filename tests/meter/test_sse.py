import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.errors import MeterError
from stopper.meter.sse import SseSplitter
from stopper.meter.wire import MAX_EVENT_BYTES

BOM = b"\xef\xbb\xbf"

X, Y, NONE = (b"", b"x"), (b"", b"y"), (b"", b"")

CASES = {
    # what arrives                  bytes                                expected (name, data) pairs
    "a bare data line":             (b"data: x\n\n",                     [X]),
    "a named event":                (b"event: e\ndata: x\n\n",           [(b"e", b"x")]),
    "fields the other way round":   (b"data: x\nevent: e\n\n",           [(b"e", b"x")]),
    "no space after the colon":     (b"event:e\ndata:x\n\n",             [(b"e", b"x")]),
    "only one space is stripped":   (b"data:  x \n\n",                   [(b"", b" x ")]),
    "several data lines":           (b"data: a\ndata: b\ndata\n\n",      [(b"", b"a\nb\n")]),
    "CRLF":                         (b"event: e\r\ndata: x\r\n\r\n",     [(b"e", b"x")]),
    "CR, then another event":       (b"data: x\r\rdata: y\n\n",          [X, Y]),
    "CR at the very end":           (b"data: x\r\r",                     [X]),
    "mixed line ends":              (b"event:\rdata: x\r\n\ndata: y\n\r\n", [X, Y]),
    "a byte order mark":            (BOM + b"data: x\n\n",               [X]),
    "a second mark is text":        (b"data: x\n\n" + BOM + b"data: y\n\n", [X, NONE]),
    "comments":                     (b": hello\n\n:\ndata: x\n\n",       [NONE, X]),
    "id and retry are ignored":     (b"id: 1\nretry: 5\ndata: x\n\n",    [X]),
    "more blank lines than needed": (b"\n\n\ndata: x\n\n\n",             [NONE, X, NONE]),
    "the last event unfinished":    (b"data: x\n\nevent: e\ndata: y\n",  [X, (b"e", b"y")]),
    "unfinished after two lines":   (b": c\n\ndata: a\ndata: b\nx",      [NONE, (b"", b"a\nb")]),
    "a field name alone":           (b"event\ndata\n\n",                 [NONE]),
    "other line separators stay":   (b"data: \x0b\xc2\x85\n\n",          [(b"", b"\x0b\xc2\x85")]),
    "nothing":                      (b"",                                []),
}  # fmt: skip


def read(*pieces: bytes) -> tuple[list[tuple[bytes, bytes]], list[bytes]]:
    """What all events mean and their raw bytes, the one that `end` gives included."""
    splitter = SseSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)]
    tail = splitter.tail
    last = splitter.end()
    assert (last.raw if last else b"") == tail
    events += [last] if last else []
    return [(e.name, e.data) for e in events], [e.raw for e in events]


def specified(data: bytes) -> list[tuple[bytes, bytes]]:
    """The specification, word for word and slow: a second opinion."""
    meant: list[tuple[bytes, bytes]] = []
    name = b""
    lines: list[bytes] = []
    for line in re.split(rb"\r\n|\n|\r", data.removeprefix(BOM)):
        if not line:
            if lines:
                meant.append((name, b"\n".join(lines)))
            name, lines = b"", []
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value
        elif field == b"data":
            lines.append(value)
    return meant


STREAMS = st.lists(
    st.sampled_from(
        [
            b"data: x",
            b"data:",
            b"event: e",
            b": c",
            b"id: 1",
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            BOM,
            b" ",
        ]
    ),
    max_size=12,
).map(b"".join)


@pytest.mark.parametrize(("data", "meant"), CASES.values(), ids=CASES)
def test_meaning(data: bytes, meant: list[tuple[bytes, bytes]]) -> None:
    """Each row means the events in its last column, in one piece and byte by byte."""
    assert read(data)[0] == meant
    assert read(*(data[i : i + 1] for i in range(len(data))))[0] == meant


@pytest.mark.parametrize(("data", "meant"), CASES.values(), ids=CASES)
def test_every_split(data: bytes, meant: list[tuple[bytes, bytes]]) -> None:
    """Where the bytes are split changes neither the events nor the bytes of each."""
    whole = read(data)
    for at in range(len(data) + 1):
        assert read(data[:at], data[at:]) == whole


@given(STREAMS, st.lists(st.integers(0, 60), max_size=6))
def test_any_stream(data: bytes, cuts: list[int]) -> None:
    """Events follow the specification, and together they are exactly the bytes that came."""
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    meant, raw = read(*(data[a:b] for a, b in pairwise(places)))
    assert b"".join(raw) == data
    assert (meant, raw) == read(data)
    assert [pair for pair in meant if pair[1]] == [
        pair for pair in specified(data + b"\n\n") if pair[1]
    ]


def test_whole_events_come_at_once() -> None:
    """An event is given with the byte that ends it, not with the next one."""
    splitter = SseSplitter()
    assert splitter.feed(b"data: x\r\n\r") == []
    assert [e.raw for e in splitter.feed(b"\n")] == [b"data: x\r\n\r\n"]
    assert [e.raw for e in splitter.feed(b"data: y\n\ndata")] == [b"data: y\n\n"]
    assert splitter.tail == b"data"


BOUNDS = {
    # what arrives                       pieces
    "one event in one piece":            [b"data: " + b"x" * MAX_EVENT_BYTES + b"\n\n"],
    "an event that never ends":          [b"data: ", b"x" * MAX_EVENT_BYTES],
    "after a whole event":               [b"data: x\n\n" + b"y" * (MAX_EVENT_BYTES + 1)],
    "with carriage returns":             [b"data: \r\n", b"x" * MAX_EVENT_BYTES],
}  # fmt: skip


@pytest.mark.parametrize("pieces", BOUNDS.values(), ids=BOUNDS)
def test_bound(pieces: list[bytes]) -> None:
    """Larger than MAX_EVENT_BYTES is refused."""
    with pytest.raises(MeterError):
        read(*pieces)
