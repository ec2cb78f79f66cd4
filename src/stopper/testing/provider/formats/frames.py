"""How events are laid on the wire: server-sent events, JSON lines, Amazon's event stream."""

from base64 import b64encode
from struct import pack
from typing import Any
from zlib import crc32

import msgspec

__all__ = ["EVENT_STREAM", "JSON", "SSE", "chunk_frame", "event", "frame", "json_bytes", "named"]

EVENT_STREAM = "application/vnd.amazon.eventstream"
JSON = "application/json"
SSE = "text/event-stream; charset=utf-8"

_STRING_HEADER = 7
_PADDING = "abcdefghijklmnopqrstuvwxyz"

json_bytes = msgspec.json.Encoder().encode


def event(data: Any) -> bytes:
    """A server-sent event without a name."""
    return b"data: %b\n\n" % json_bytes(data)


def named(data: dict[str, Any]) -> bytes:
    """A server-sent event that is named by the `type` of its data."""
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), json_bytes(data))


def frame(kind: str, payload: dict[str, Any], message: str = "event") -> bytes:
    """A frame of Amazon's event stream; `message` is `event` or `exception`.

    Padding hides the length of the payload, as the service does it.
    """
    return _frame(kind, json_bytes(payload | {"p": _padding(payload)}), message)


def chunk_frame(data: dict[str, Any]) -> bytes:
    """A frame that carries a model's own event, as base64 inside JSON."""
    inner = b64encode(json_bytes(data)).decode()
    return _frame("chunk", json_bytes({"bytes": inner, "p": _padding(data)}), "event")


def _frame(kind: str, payload: bytes, message: str) -> bytes:
    headers = (
        _header(f":{message}-type", kind)
        + _header(":content-type", JSON)
        + _header(":message-type", message)
    )
    prelude = pack(">II", 16 + len(headers) + len(payload), len(headers))
    start = prelude + pack(">I", crc32(prelude)) + headers + payload
    return start + pack(">I", crc32(start))


def _header(name: str, value: str) -> bytes:
    name_bytes, value_bytes = name.encode(), value.encode()
    return (
        bytes((len(name_bytes),))
        + name_bytes
        + pack(">BH", _STRING_HEADER, len(value_bytes))
        + value_bytes
    )


def _padding(data: dict[str, Any]) -> str:
    return _PADDING[: 1 + len(data) * 7 % len(_PADDING)]
