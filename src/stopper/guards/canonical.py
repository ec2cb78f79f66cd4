"""One spelling for equal arguments, whatever the order of their keys."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Any, Final

import msgspec

from stopper.guards.texts import is_bounded, is_within, measure

__all__ = ["NO_SPELLING", "canonical", "digest", "loosely", "signature", "signed"]

NO_SPELLING: Final = (TypeError, ValueError, OverflowError, RecursionError)
"""What `canonical` raises for values that are no plain data, or nest without end."""

_OTHER: Final = 1
_LOOSE: Final = msgspec.msgpack.Encoder(
    order="deterministic",
    enc_hook=lambda value: msgspec.msgpack.Ext(_OTHER, type(value).__qualname__.encode()),
)
_STRICT: Final = msgspec.msgpack.Encoder(order="deterministic")
_SIGNATURE_BYTES: Final = 16
_MAX_NAME: Final = 256
"""A longer name of a tool is not remembered."""


def canonical(args: Any) -> bytes:
    """The bytes of `args`; one of `NO_SPELLING` where it is no plain data or has no end."""
    shape = measure(args)
    if not (is_within(shape) and shape.is_plain):
        raise ValueError("a value that nests too deep, or shows others than it holds")
    return _STRICT.encode(args)


def digest(args: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical bytes, for what has to be compared elsewhere too."""
    return sha256(canonical(args)).hexdigest()


def loosely(args: Any) -> bytes | None:
    """The bytes of what `is_bounded`, in which odd objects count by their types alone.

    None where that does not help: half of a character, or a number of more than 64 bits.
    """
    try:
        return _LOOSE.encode(args)
    except Exception:  # noqa: BLE001  odd keys and values, an object's own faults
        return None


def signature(tool: str, args: Any, key: bytes) -> bytes:
    """Sixteen bytes that are equal for equal calls, and from which nobody without `key` can guess.

    Values that are no plain data count by their types alone, and what has no spelling at all, or
    nests without end, by the tool alone: such calls are taken for equal.
    """
    return signed(tool, loosely(args) if is_bounded(args) else None, key)


def signed(tool: str, body: bytes | None, key: bytes) -> bytes:
    """The signature of a call whose arguments were spelled already."""
    head = _head if len(tool) <= _MAX_NAME else _head.__wrapped__
    text = head(tool, is_alone=body is None) + (body or b"")
    return blake2b(text, key=key, digest_size=_SIGNATURE_BYTES).digest()


@lru_cache(maxsize=1024)
def _head(tool: str, *, is_alone: bool) -> bytes:
    """What tells one tool's arguments from another's, and from a tool that has none to tell."""
    name = tool.encode("utf-8", "surrogatepass")
    return b"%d:%b" % (-1 if is_alone else len(name), name)
