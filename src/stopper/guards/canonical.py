"""One spelling for equal arguments, whatever the order of their keys."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Any, Final

import msgspec
from msgspec.msgpack import Ext

from stopper.guards.opened import Odd
from stopper.guards.texts import is_bounded, is_within, measure

__all__ = ["NO_SPELLING", "canonical", "digest", "loosely", "signature", "signed"]

NO_SPELLING: Final = (TypeError, ValueError, OverflowError, RecursionError)
"""What `canonical` raises for values that are no plain data, or nest without end."""

_OTHER: Final = 1
_NUMBER: Final = 2
_TEXT: Final = 3
_MAP: Final = 4
_SET: Final = 5
_AS_THEY_ARE: Final = (float, bytes, bytearray, memoryview, Ext)
_LEAST: Final = -(2**63)
_MOST: Final = 2**64 - 1
_SIGNATURE_BYTES: Final = 16
_MAX_NAME: Final = 256
"""A longer name of a tool is not remembered."""


def canonical(args: Any) -> bytes:
    """The bytes of `args`; one of `NO_SPELLING` where it is no plain data or has no end."""
    shape = measure(args)
    if not (is_within(shape) and shape.is_plain):
        raise ValueError("a value that nests too deep, or shows others than it holds")
    try:
        return _STRICT.encode(args)
    except OverflowError:
        return _STRICT.encode(_widened(args))


def digest(args: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical bytes, for what has to be compared elsewhere too."""
    return sha256(canonical(args)).hexdigest()


def loosely(args: Any) -> bytes | None:
    """The bytes of what `is_bounded`, in which odd objects count by their types and texts.

    None where an object's own code does not let it be opened again.
    """
    try:
        try:
            return _LOOSE.encode(args)
        except Exception:  # noqa: BLE001  halves of characters, large numbers, odd keys
            return _LOOSE.encode(_spelled(args))
    except Exception:  # noqa: BLE001  an object's own faults
        return None


def signature(tool: str, args: Any, key: bytes) -> bytes:
    """Sixteen bytes that are equal for equal calls, and from which nobody without `key` can guess.

    Values that are no plain data count by their types and what their `str` says, and those that
    have no `str` are different objects. What nests without end, is too much to look at or can be
    looked at only once counts by the tool alone: such calls are taken for equal.
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


def _widened(value: Any) -> Any:
    """The same with each number of more than 64 bits in a form of its own."""
    if isinstance(value, dict):
        return {name: _widened(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_widened(item) for item in value]
    return _number(value) if isinstance(value, int) else value


def _spelled(value: Any) -> Any:
    """The same for a value of any kind, with every key and every text that msgpack has none for."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, dict):
        return _joined(_MAP, ([key, item] for key, item in value.items()))
    if isinstance(value, set | frozenset):
        return _joined(_SET, value)
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    if value is None or isinstance(value, _AS_THEY_ARE):
        return value
    return _spelled(_odd(value))


def _joined(kind: int, items: Iterable[Any]) -> Ext:
    return Ext(kind, b"".join(sorted(_LOOSE.encode(_spelled(item)) for item in items)))


def _number(value: int) -> int | Ext:
    return value if _LEAST <= value <= _MOST else Ext(_NUMBER, b"%x" % value)


def _text(value: str) -> str | Ext:
    return value if value.isascii() else Ext(_TEXT, str.encode(value, "utf-8", "surrogatepass"))


def _odd(value: Any) -> Any:
    """What is no plain data: its type, with what it holds or what its `str` says."""
    name = type(value).__qualname__
    inside = Odd(value)
    if inside.holds is not None:
        return [Ext(_OTHER, name.encode()), inside.holds]
    try:
        text = str(value)
    except Exception:  # noqa: BLE001  nobody can tell what it is, but which one
        text = f"at {id(value)}"
    return Ext(_OTHER, f"{name}:{text}".encode("utf-8", "surrogatepass"))


_LOOSE: Final = msgspec.msgpack.Encoder(order="deterministic", enc_hook=_odd)
_STRICT: Final = msgspec.msgpack.Encoder(order="deterministic")
