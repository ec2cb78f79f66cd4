"""Configurations of guards: frozen values that refuse what does not read."""

from enum import Enum
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields, force_setattr, replace

from stopper.errors import SettingsError

__all__ = ["Config", "allowed_values", "configure"]

_MAX_SHOWN = 60

_C = TypeVar("_C", bound="Config")


class Config(Struct, frozen=True, kw_only=True):
    """The fields of a guard, each checked against its type when the value is made.

    SettingsError names the field and what is allowed. A field for several values has the type
    `Set` or `Sequence` of `collections.abc`, takes any, and keeps a frozen set or a tuple.
    """

    def __post_init__(self) -> None:
        for field in fields(self):
            force_setattr(self, field.encode_name, self._read(field))

    def _read(self, field: FieldInfo) -> Any:
        value = getattr(self, field.name)
        try:
            return _frozen(msgspec.convert(value, field.type))
        except msgspec.ValidationError as error:
            raise SettingsError(
                f"{type(self).__name__}.{field.name}: read {_shown(value)}; "
                f"{allowed_values(field.type) or error}"
            ) from None


def configure(kind: type[_C], config: _C | None, given: dict[str, Any]) -> _C:
    """`config`, or the defaults of `kind`, with the fields that were given by name instead."""
    if config is not None and not isinstance(config, kind):
        raise SettingsError(
            f"config is a {type(config).__name__}; give a {kind.__name__} or nothing"
        )
    unknown = given.keys() - set(kind.__struct_fields__)
    if unknown:
        raise SettingsError(
            f"{kind.__name__} has no field {min(unknown)!r}; "
            f"allowed: {', '.join(kind.__struct_fields__)}"
        )
    if config is None:
        return kind(**given)
    return replace(config, **given) if given else config


def allowed_values(kind: Any) -> str:
    """`use one of: off, warn, block` where `kind` is or holds an enumeration; else nothing."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"use one of: {', '.join(str(member.value) for member in kind)}"
    return next(filter(None, map(allowed_values, get_args(kind))), "")


def _frozen(value: Any) -> Any:
    if isinstance(value, set):
        return frozenset(value)
    return tuple(value) if isinstance(value, list) else value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]} and more"
