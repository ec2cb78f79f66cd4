"""The values of fields in a row: a secret may be cut over them, with names in between."""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

__all__ = ["in_a_row", "spread"]

_EDGE: Final = 128
"""Of a long value only both ends count: what is longer is seen in the value itself."""

_MAX_NAME: Final = 128
_JSON = re.compile(rb"\s*[\[{]")
# Every branch matches what it began with, so that a text without quotes that close stays cheap.
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)(?:"(\s*+:)?+)?+', re.DOTALL)
_FIELD_END = re.compile(rb"[?&;]")
_PART: Final = b"\r\n--"


def spread(data: bytes) -> bytes:
    """The values of a JSON, multipart or form body, or of a query, one behind the other.

    The values of JSON come twice: all of them, and those of each name by themselves.
    """
    if _JSON.match(data):
        return in_a_row(_json(data))
    if _PART in data:
        return in_a_row(part.partition(b"\r\n\r\n")[2] for part in data.split(_PART))
    if b"=" in data:
        fields = _FIELD_END.split(data)
        return in_a_row(unquote_to_bytes(field.partition(b"=")[2]) for field in fields)
    return b""


def in_a_row(values: Iterable[bytes]) -> bytes:
    """What a value may be put together from that is cut over these."""
    return b"".join(
        value if len(value) <= 2 * _EDGE else value[:_EDGE] + value[-_EDGE:] for value in values
    )


def _json(data: bytes) -> Iterator[bytes]:
    named: dict[bytes, list[bytes]] = {}
    name = b""
    for found in _STRING.finditer(data):
        if found[2]:
            name = found[1][:_MAX_NAME]
            continue
        named.setdefault(name, []).append(found[1])
        yield found[1]
    if len(named) > 1:
        for values in named.values():
            if len(values) > 1:
                yield from values
