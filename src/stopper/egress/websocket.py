"""WebSocket frames (RFC 6455, section 5), unmasked into whole messages before they may pass."""

from enum import IntEnum
from typing import Final

from msgspec import Struct

__all__ = ["MAX_MESSAGE_BYTES", "Message", "Messages", "WebSocketError", "closing", "framed"]

MAX_MESSAGE_BYTES: Final = 2**20
"""What is held back of one message until all of it has been looked at."""

_POLICY_VIOLATION: Final = 1008
_MAX_CONTROL: Final = 125
_FIN: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4


class WebSocketError(ValueError):
    """What was sent follows no frame that could be looked into."""


class _Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


_OPCODES: Final = frozenset(_Opcode)


class Message(Struct, frozen=True):
    """One message: what it says, and the opcode of its first frame."""

    payload: bytes
    opcode: int

    @property
    def is_control(self) -> bool:
        """Whether it is about the connection: a close, a ping or a pong."""
        return self.opcode >= _Opcode.CLOSE


class Messages:
    """Cuts one direction of a connection into messages; control frames are messages of their own.

    `masked` tells whose direction it is: callers mask what they send, servers never do. An
    extension could hide what is said, so none may be negotiated and reserved bits are an error.
    """

    def __init__(self, *, masked: bool) -> None:
        self._masked = masked
        self._data = bytearray()
        self._payload = bytearray()
        self._taken = 0
        self._opcode = _Opcode.TEXT
        self._open = False

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes; give the messages that they complete. Raises WebSocketError."""
        self._data += data
        messages = []
        while (frame := self._frame()) is not None:
            message = self._take(*frame)
            if message is not None:
                messages.append(message)
        if len(self._data) + self._taken > MAX_MESSAGE_BYTES:
            raise WebSocketError(f"a message of more than {MAX_MESSAGE_BYTES} bytes")
        return messages

    def _frame(self) -> tuple[_Opcode, bool, bytes, int] | None:
        """The next frame, if all of it is there: opcode, whether it is final, payload, size."""
        data = self._data
        if len(data) < 2:  # noqa: PLR2004  the shortest frame
            return None
        self._check(data[0], data[1])
        size, at = data[1] & 0x7F, 2
        if size > _MAX_CONTROL:
            wide = 2 if size == 126 else 8  # noqa: PLR2004  as the RFC numbers them
            if len(data) < at + wide:
                return None
            size, at = int.from_bytes(data[at : at + wide]), at + wide
        if size > MAX_MESSAGE_BYTES:
            raise WebSocketError(f"a frame of {size} bytes")
        begin = at + _MASK_BYTES * self._masked
        if len(data) < begin + size:
            return None
        raw = bytes(data[: begin + size])
        payload = raw[begin:]
        if self._masked:
            payload = _unmasked(payload, raw[at:begin])
        del data[: begin + size]
        return _Opcode(raw[0] & 0x0F), bool(raw[0] & _FIN), payload, len(raw)

    def _check(self, first: int, second: int) -> None:
        opcode = first & 0x0F
        if first & _RESERVED:
            raise WebSocketError("a reserved bit is set")
        if opcode not in _OPCODES:
            raise WebSocketError("an unknown opcode")
        if bool(second & _MASKED) != self._masked:
            raise WebSocketError("a frame is masked that must not be, or not where it must")
        if opcode >= _Opcode.CLOSE and (not first & _FIN or second & 0x7F > _MAX_CONTROL):
            raise WebSocketError("a control frame is long or in parts")

    def _take(self, opcode: _Opcode, final: bool, payload: bytes, size: int) -> Message | None:
        if opcode >= _Opcode.CLOSE:
            return Message(payload, opcode)
        if (opcode is _Opcode.CONTINUATION) is not self._open:
            raise WebSocketError("a message begins in another, or goes on that never began")
        if not self._open:
            self._opcode = opcode
        self._payload += payload
        self._taken += size
        self._open = not final
        if not final:
            return None
        message = Message(bytes(self._payload), self._opcode)
        self._payload, self._taken = bytearray(), 0
        return message


def framed(message: Message, mask: bytes) -> bytes:
    """A message as one frame of a caller, under a mask of our own.

    A mask that the caller chose could spell out what its payload hides.
    """
    size = len(message.payload)
    head = bytes([_FIN | message.opcode])
    if size <= _MAX_CONTROL:
        head += bytes([_MASKED | size])
    elif size < 2**16:
        head += bytes([_MASKED | 126]) + size.to_bytes(2)
    else:
        head += bytes([_MASKED | 127]) + size.to_bytes(8)
    return head + mask + _unmasked(message.payload, mask)


def closing(reason: str, *, masked: bool = False) -> bytes:
    """A close frame that says why: status 1008 and as much of `reason` as fits."""
    said = reason.encode()[: _MAX_CONTROL - 2].decode(errors="ignore").encode()
    payload = _POLICY_VIOLATION.to_bytes(2) + said
    mask = bytes(_MASK_BYTES) if masked else b""  # masking with zeros changes nothing
    return bytes([_FIN | _Opcode.CLOSE, len(payload) | _MASKED * masked]) + mask + payload


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    """The payload under its mask, as one large number: a loop over bytes takes 50 times as long."""
    size = len(payload)
    stretched = (mask * (size // _MASK_BYTES + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(stretched)).to_bytes(size)
