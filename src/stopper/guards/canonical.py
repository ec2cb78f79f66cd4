"""One spelling for equal arguments, whatever the order of their keys."""

from collections.abc import Mapping
from hashlib import blake2b, sha256
from typing import Any, Final

import msgspec

__all__ = ["canonical", "digest", "signature"]

_LOOSE: Final = msgspec.msgpack.Encoder(
    order="deterministic", enc_hook=lambda value: type(value).__qualname__
)
_STRICT: Final = msgspec.msgpack.Encoder(order="deterministic")
_SIGNATURE_BYTES: Final = 16


def canonical(args: Any) -> bytes:
    """The bytes of `args`; TypeError, ValueError or RecursionError where it is no plain data."""
    return _STRICT.encode(args)


def digest(args: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical bytes, for what has to be compared elsewhere too."""
    return sha256(canonical(args)).hexdigest()


def signature(tool: str, args: Any, key: bytes) -> bytes:
    """Sixteen bytes that are equal for equal calls, and from which nobody without `key` can guess.

    Values that are no plain data count by their types alone, and what nests without end by the
    tool alone: such calls are taken for equal.
    """
    try:
        body = _LOOSE.encode([tool, args])
    except (TypeError, ValueError, OverflowError, RecursionError):
        body = tool.encode("utf-8", "surrogatepass")
    return blake2b(body, key=key, digest_size=_SIGNATURE_BYTES).digest()
