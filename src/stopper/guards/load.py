"""Chains from files: YAML or TOML with the names that Python uses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from stopper.core.located import MAX_BYTES, Located, meant, read_yaml
from stopper.core.located_toml import read_toml
from stopper.errors import SettingsError
from stopper.guards.config import Config, allowed_values
from stopper.guards.kinds import KINDS, Kind
from stopper.guards.models import Guard

__all__ = ["Loaded", "load_guards", "read_guards"]

_FLAGS: Final = {"true": True, "false": False}
_NEEDED: Final = {"schema_strictness": "get_schema"}


class Loaded(Struct, frozen=True):
    """The guards of a file in its order, and those that are only watched."""

    guards: list[tuple[str, Guard]]
    shadows: list[tuple[str, Guard]]


def load_guards(path: str | Path, given: Mapping[str, Any]) -> Loaded:
    """Read the guards of a file: `.toml` is TOML, and any other name YAML."""
    source = str(path)
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(MAX_BYTES + 1)
    except UnicodeDecodeError:
        raise SettingsError(f"{source}: not UTF-8; write it in UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{source}: cannot be read ({error.strerror}); give a file") from None
    return read_guards(text, source, given)


def read_guards(text: str, source: str, given: Mapping[str, Any]) -> Loaded:
    """Read guards from a text; `given` holds functions and keys by the names of parameters."""
    read = read_toml if source.endswith(".toml") else read_yaml
    root = read(text, source).fields("write guards:, and below it each guard by its name")
    for name, value in root.items():
        if name != "guards":
            raise value.unknown_key(["guards"], "part of such a file")
    if "guards" not in root:
        raise SettingsError(f"{source}: no guards: in it; write guards:, and below it each guard")
    _check_given(given)
    loaded = Loaded([], [])
    for name, value in root["guards"].fields("write each guard by its name").items():
        rows = value.fields("write its fields below it")
        kind = _kind(name, value, rows)
        guard = _guard(kind, value, rows, given)
        (loaded.shadows if _flag(rows.get("shadow")) else loaded.guards).append((name, guard))
    return loaded


def _check_given(given: Mapping[str, Any]) -> None:
    known = sorted(frozenset[str]().union(*(kind.takes for kind in KINDS.values())))
    for name in given:
        if name not in known:
            raise SettingsError(
                f"no guard takes {name}{meant(name, known)}; allowed: {', '.join(known)}"
            )


def _kind(name: str, value: Located, rows: Mapping[str, Located]) -> Kind:
    """A guard is of the kind it says, or else of the one it is named by."""
    if "guard" in rows:
        said = rows["guard"].text(f"use one of: {', '.join(KINDS)}")
        if said not in KINDS:
            raise rows["guard"].fault(f"use one of: {', '.join(KINDS)}")
        return KINDS[said]
    if name not in KINDS:
        raise value.unknown_key(KINDS, "guard; another name needs guard: KIND below it")
    return KINDS[name]


def _guard(
    kind: Kind, value: Located, rows: Mapping[str, Located], given: Mapping[str, Any]
) -> Guard:
    known = {field.name: field for field in fields(kind.config)}
    own = {name: one for name, one in rows.items() if name not in {"guard", "shadow"}}
    for name, one in own.items():
        if name not in known:
            raise one.unknown_key([*known, "guard", "shadow"], "field of this guard")
    written = {name: one for name, one in own.items() if one.content is not None}
    config = kind.config(**{n: _field(kind.config, known[n], one) for n, one in written.items()})
    for name, needed in _NEEDED.items():
        if kind is KINDS[name] and needed not in given:
            raise SettingsError(f"{value.place}: {value.name}: needs {needed}=..., given in Python")
    taken = {name: one for name, one in given.items() if name in kind.takes}
    try:
        guard: Guard = kind.guard(config=config, **taken)
    except SettingsError as error:
        raise SettingsError(f"{value.place}: {value.name}: {error}") from None
    return guard


def _field(config: type[Config], field: FieldInfo, value: Located) -> Any:
    """The value of a field, converted to its type; the complaint names the line."""
    try:
        read = msgspec.convert(_plain(value), field.type, strict=False)
        config(**{field.name: read})
    except (msgspec.ValidationError, SettingsError) as error:
        raise value.fault(allowed_values(field.type) or str(error)) from None
    return read


def _plain(value: Located) -> Any:
    match value.content:
        case tuple():
            return [_plain(item) for item in value.content]
        case dict():
            return {name: _plain(item) for name, item in value.content.items()}
        case _:
            return value.content


def _flag(value: Located | None) -> bool:
    if value is None:
        return False
    text = value.text("use true or false")
    if text not in _FLAGS:
        raise value.fault("use true or false")
    return _FLAGS[text]
