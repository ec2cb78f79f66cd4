"""Frames become messages whatever their cuts, and what could hide something is an error."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.egress.websocket import (
    MAX_MESSAGE_BYTES,
    Message,
    Messages,
    WebSocketError,
    closing,
    framed,
)


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True, mask: bytes | None = None) -> bytes:
    """A frame as a client (with a mask) or a server would write it."""
    size = len(payload)
    masked = 0x80 if mask is not None else 0
    head = bytes([0x80 * fin | opcode])
    if size < 126:
        head += bytes([masked | size])
    elif size < 2**16:
        head += bytes([masked | 126]) + size.to_bytes(2)
    else:
        head += bytes([masked | 127]) + size.to_bytes(8)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def said(messages: list[Message]) -> list[bytes]:
    return [message.payload for message in messages]


MASK = os.urandom(4)

READ = {
    "one frame":                        ([(b"hello", 1, True)], [b"hello"]),
    "two frames":                       ([(b"a", 1, True), (b"b", 2, True)], [b"a", b"b"]),
    "a message in parts":               ([(b"a", 1, False), (b"b", 0, False), (b"c", 0, True)], [b"abc"]),
    "a ping between the parts":         ([(b"a", 1, False), (b"?", 9, True), (b"b", 0, True)], [b"?", b"ab"]),
    "nothing in it":                    ([(b"", 1, True)], [b""]),
    "a length in two bytes":            ([(b"x" * 126, 2, True)], [b"x" * 126]),
    "a length in eight bytes":          ([(b"x" * 70_000, 2, True)], [b"x" * 70_000]),
    "a close":                          ([(b"\x03\xe8bye", 8, True)], [b"\x03\xe8bye"]),
}  # fmt: skip


@pytest.mark.parametrize("masked", [True, False], ids=["client", "server"])
@pytest.mark.parametrize(("frames", "payloads"), READ.values(), ids=READ)
def test_messages(
    frames: list[tuple[bytes, int, bool]], payloads: list[bytes], masked: bool
) -> None:
    """Payloads come out unmasked, and what is passed on says the same, in one frame each."""
    mask = MASK if masked else None
    data = b"".join(frame(payload, op, fin=fin, mask=mask) for payload, op, fin in frames)
    messages = Messages(masked=masked).feed(data)
    assert said(messages) == payloads
    sent = b"".join(framed(message, MASK) for message in messages)
    assert Messages(masked=True).feed(sent) == messages


REFUSED = {
    "a reserved bit":                   frame(b"a", 1 | 0x40, mask=MASK),
    "an unknown opcode":                frame(b"a", 3, mask=MASK),
    "no mask":                          frame(b"a"),
    "a ping in parts":                  frame(b"a", 9, fin=False, mask=MASK),
    "a long ping":                      frame(b"a" * 126, 9, mask=MASK),
    "a part of nothing":                frame(b"a", 0, mask=MASK),
    "a message inside another":         frame(b"a", 1, fin=False, mask=MASK) + frame(b"a", 1, mask=MASK),
    "a frame that claims too much":     b"\x82\xff" + (2**62).to_bytes(8) + MASK,
    "parts that are too much together": frame(b"a" * 600_000, 1, fin=False, mask=MASK) * 1
                                        + frame(b"a" * 600_000, 0, fin=False, mask=MASK),
}  # fmt: skip


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_looked_into(data: bytes) -> None:
    """Each row is an error, with no message let through after it."""
    with pytest.raises(WebSocketError):
        Messages(masked=True).feed(data)


def test_a_server_that_masks_is_refused() -> None:
    with pytest.raises(WebSocketError):
        Messages(masked=False).feed(frame(b"a", mask=MASK))


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=6),
    st.lists(st.integers(1, 40), min_size=1, max_size=50),
)
def test_cuts_change_nothing(parts: list[tuple[bytes, bool]], cuts: list[int]) -> None:
    """Any way of cutting the bytes gives the same messages."""
    data, is_open = b"", False
    for payload, fin in parts:
        data += frame(payload, 0 if is_open else 2, fin=fin, mask=MASK)
        is_open = not fin
    whole = Messages(masked=True).feed(data)
    cut, at = Messages(masked=True), 0
    pieces: list[Message] = []
    for step in cuts:
        pieces += cut.feed(data[at : at + step])
        at += step
    pieces += cut.feed(data[at:])
    assert pieces == whole


@pytest.mark.parametrize("masked", [True, False], ids=["client", "server"])
def test_a_close_says_why(masked: bool) -> None:
    """It is one frame of the right direction, and its reason fits whatever is given."""
    [message] = Messages(masked=masked).feed(closing("é" * 200, masked=masked))
    assert message.payload[:2] == (1008).to_bytes(2)
    assert message.payload[2:].decode() == "é" * 61


def test_many_small_parts_are_bounded() -> None:
    """A message in parts of one byte each ends at the same bound, in time that grows with it."""
    reader = Messages(masked=True)
    part = frame(b"a", 0, fin=False, mask=MASK)
    reader.feed(frame(b"a", 1, fin=False, mask=MASK))
    with pytest.raises(WebSocketError):
        reader.feed(part * (MAX_MESSAGE_BYTES // len(part) + 2))
