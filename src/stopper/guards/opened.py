"""What objects hold that are no plain data, so that nothing hides in them."""

from enum import Enum
from functools import lru_cache
from itertools import islice
from types import SimpleNamespace
from typing import Any, Final

__all__ = ["CONTAINERS", "EXACT", "MAX_DEPTH", "MAX_NODES", "Odd", "TooMuch", "is_once", "spelled"]

MAX_DEPTH: Final = 64
"""No value is looked at that has more containers inside each other; that ends circles too."""

MAX_NODES: Final = 100_000
"""No value is looked at that has more items."""

CONTAINERS: Final = (dict, list, tuple, set, frozenset)
EXACT: Final = frozenset(CONTAINERS)
"""Containers that hold what they show; a class made of one may show something else."""

_MAX_KINDS: Final = 1024
_BYTES: Final = (bytes, bytearray, memoryview)
_LEAVES: Final = (str, *_BYTES, int, float, complex)
_RECORDS: Final = ("__struct_fields__", "__dataclass_fields__", "__attrs_attrs__")
_ONCE: Final = ("__next__", "__anext__", "__aiter__", "__await__")
_SHOWS: Final = ("__iter__", "__getitem__", "get", "items", "keys", "values")
_OURS: Final = "collections"


class TooMuch(Exception):  # noqa: N818  it is an answer, not an error
    """A value nests too deep, has too many items, or can be looked at only once."""


class Odd:
    """What an object holds that is no exact container; None where its text is all there is.

    A mapping, the fields of a record, the items of what has a length and items: a dict or a list of
    them. An object made of a dict, list, tuple, set or text that shows others than it holds is not
    honest, and what it holds is both. TooMuch where looking would use it up, or has no end.
    """

    __slots__ = ("holds", "is_honest")

    def __init__(self, value: Any) -> None:
        kind: Any = type(value)
        self.is_honest = _is_honest(kind)
        self.holds: dict[Any, Any] | list[Any] | None
        try:
            self.holds = _opened(value, is_honest=self.is_honest)
        except Exception:  # noqa: BLE001  an object's own fault: nobody knows what it holds
            raise TooMuch from None


def spelled(value: Any) -> tuple[str, ...]:
    """The texts that tell a value which holds nothing: one, or two where a text shows another."""
    if isinstance(value, _BYTES):
        return (bytes(value).decode("latin-1"),)
    try:
        text = str(value)
    except Exception:  # noqa: BLE001  a value whose own code fails is known by its type
        text = type(value).__qualname__
    if isinstance(value, str) and str.__str__(value) != text:
        return str.__str__(value), text
    return (text,)


def is_once(value: Any) -> bool:
    """Whether looking at it would use it up: something to await, or to iterate over once."""
    kind: Any = type(value)
    return any(_has(kind, name) for name in _ONCE)


def _opened(value: Any, *, is_honest: bool) -> dict[Any, Any] | list[Any] | None:
    if isinstance(value, CONTAINERS):
        return _stored(value) if is_honest else [_stored(value), _shown(value)]
    return None if isinstance(value, _LEAVES) else _object(value)


def _object(value: Any) -> dict[Any, Any] | list[Any] | None:
    kind: Any = type(value)
    if isinstance(value, Enum):
        return [value.value]
    if isinstance(value, SimpleNamespace):
        return dict(vars(value))
    for name in _RECORDS:
        if _has(kind, name):
            return {name: getattr(value, name, None) for name in map(_name, getattr(kind, name))}
    if is_once(value):
        raise TooMuch
    if _has(kind, "items") and _has(kind, "keys"):
        return dict(_some(value.items()))
    if _has(kind, "__len__") and (_has(kind, "__iter__") or _has(kind, "__getitem__")):
        return _some(value)
    return None


@lru_cache(maxsize=_MAX_KINDS)
def _has(kind: Any, name: str) -> bool:
    """Whether the objects of a class have this, and not only the class itself."""
    return any(name in vars(base) for base in kind.__mro__)


def _name(field: Any) -> str:
    """The name of a field, which some records keep as more than a name."""
    name: str = field if isinstance(field, str) else field.name
    return name


def _stored(value: Any) -> dict[Any, Any] | list[Any]:
    """What an object made of a container holds, whatever it shows."""
    if isinstance(value, dict):
        return dict(dict.items(value))
    base = next(base for base in CONTAINERS if isinstance(value, base))
    return list(base.__iter__(value))


def _shown(value: Any) -> dict[Any, Any] | list[Any]:
    return dict(_some(value.items())) if isinstance(value, dict) else _some(value)


def _some(items: Any) -> list[Any]:
    found = list(islice(iter(items), MAX_NODES + 1))
    if len(found) > MAX_NODES:
        raise TooMuch
    return found


@lru_cache(maxsize=_MAX_KINDS)
def _is_honest(kind: type) -> bool:
    """Whether a class made of a container or a text shows what it holds, as far as anyone knows."""
    if kind.__module__ == _OURS or issubclass(kind, Enum):
        return True
    if issubclass(kind, str):
        return kind.__str__ is str.__str__
    base = next((base for base in CONTAINERS if issubclass(kind, base)), None)
    return base is None or all(
        getattr(kind, name, None) is getattr(base, name, None) for name in _SHOWS
    )
