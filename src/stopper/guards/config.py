"""Configurations of guards: frozen values that refuse what does not read."""

from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.inspect import (
    BoolType,
    DictType,
    EnumType,
    FloatType,
    IntType,
    ListType,
    NoneType,
    SetType,
    StrType,
    Type,
    UnionType,
    type_info,
)
from msgspec.structs import FieldInfo, fields, force_setattr, replace

from stopper.errors import SettingsError

__all__ = ["Config", "Count", "Some", "allowed_values", "configure"]

Count = Annotated[int, Meta(ge=0)]
Some = Annotated[int, Meta(ge=1)]

_MAX_SHOWN = 60

_C = TypeVar("_C", bound="Config")


class Config(Struct, frozen=True, kw_only=True):
    """The fields of a guard, each checked against its type when the value is made.

    SettingsError names the field and what is allowed. A field for several values has the type
    `Set` or `Sequence` of `collections.abc`, takes any, and keeps a frozen set or a tuple.
    """

    unshown: ClassVar[frozenset[str]] = frozenset()
    """Fields that may hold secrets, whose values no error and no list shows."""

    def __post_init__(self) -> None:
        for field in fields(self):
            force_setattr(self, field.encode_name, self._read(field))

    def _read(self, field: FieldInfo) -> Any:
        value = getattr(self, field.name)
        try:
            return _frozen(msgspec.convert(value, field.type))
        except msgspec.ValidationError:
            read = _shown(value) if field.name not in self.unshown else _unshown(value)
            raise SettingsError(
                f"{type(self).__name__}.{field.name}: read {read}; {allowed_values(field.type)}"
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


def allowed_values(kind: Any, *, is_entry: bool = False) -> str:
    """What a value of this type may be, as in `use one of: off, warn, block`.

    With `is_entry`, what one entry of a list or a map of this type may be.
    """
    info = _without_none(type_info(kind))
    return f"use {_said(_entry(info) or info if is_entry else info)}"


def _said(info: Type) -> str:
    entry = _entry(info)
    match info:
        case EnumType(cls=words):
            return f"one of: {', '.join(str(member.value) for member in words)}"
        case BoolType():
            return "true or false"
        case IntType() | FloatType():
            number = "a whole number" if isinstance(info, IntType) else "a number"
            if info.ge is None:
                return number
            return f"{number} from {info.ge} {'on' if info.le is None else f'to {info.le}'}"
        case StrType():
            return "a text"
        case _ if isinstance(entry, EnumType):
            return _said(entry)
        case DictType():
            return f"a map from names, each to {_said(info.value_type)}"
        case ListType() | SetType():
            return f"a list, each of it {_said(info.item_type)}"
        case _:
            return "another value"


def _entry(info: Type) -> Type | None:
    match info:
        case DictType():
            return info.value_type
        case ListType() | SetType():
            return info.item_type
        case _:
            return None


def _without_none(info: Type) -> Type:
    if isinstance(info, UnionType):
        return next(one for one in info.types if not isinstance(one, NoneType))
    return info


def _frozen(value: Any) -> Any:
    if isinstance(value, set):
        return frozenset(value)
    return tuple(value) if isinstance(value, list) else value


def _unshown(value: Any) -> str:
    return f"a {type(value).__name__} (not shown, since it may hold a secret)"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]} and more"
