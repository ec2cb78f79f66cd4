"""Chains from files: YAML or TOML with the names that Python uses."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields, replace

from stopper.core.located import MAX_BYTES, Located, meant, read_yaml
from stopper.core.located_toml import read_toml
from stopper.errors import SettingsError
from stopper.guards.config import allowed_values
from stopper.guards.kinds import KINDS, Kind
from stopper.guards.models import Guard

__all__ = ["Loaded", "load_guards", "read_guards"]

_FLAGS: Final = {"true": True, "false": False}
_GROUPED: Final = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)+(?:\.[0-9]+)?")
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
    rows = root["guards"].fields("write each guard by its name")
    if not rows:
        place = root["guards"].key_place
        raise SettingsError(f"{place}: guards: no guard below it; write each guard by its name")
    _check_given(given)
    loaded = Loaded([], [])
    for name, value in rows.items():
        own = value.fields("write its fields below it")
        kind = _kind(name, value, own)
        guard = _guard(kind, value, own, given)
        (loaded.shadows if _flag(own.get("shadow")) else loaded.guards).append((name, guard))
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
    own |= {name: _unshown(own[name]) for name in kind.config.unshown & own.keys()}
    for name, one in own.items():
        if name not in known:
            raise one.unknown_key([*known, "guard", "shadow"], "field of this guard")
        if one.content is None:
            raise one.fault(f"{allowed_values(known[name].type)}, or leave {name} out")
    for name, needed in _NEEDED.items():
        if kind is KINDS[name] and needed not in given:
            raise SettingsError(f"{value.place}: {value.name}: needs {needed}=..., given in Python")
    taken = {name: one for name, one in given.items() if name in kind.takes}
    read = {name: _field(known[name], one) for name, one in own.items()}
    try:
        return _made(kind, read, taken)
    except SettingsError as error:
        raise _Faulty(kind, known, own, read, taken).fault() or SettingsError(
            f"{value.place}: {value.name}: {error}"
        ) from None


def _made(kind: Kind, read: Mapping[str, Any], taken: Mapping[str, Any]) -> Guard:
    guard: Guard = kind.guard(config=kind.config(**read), **taken)
    return guard


def _field(field: FieldInfo, value: Located) -> Any:
    """The value of a field, converted to its type; the complaint names the line of what is not."""
    try:
        return _converted(field, value)
    except msgspec.ValidationError:
        bad = next((e for e, alone in _entries(value) if not _converts(field, alone)), None)
        if bad is None or not _converts(field, _without_entries(value)):
            raise value.fault(allowed_values(field.type)) from None
        raise bad.fault(allowed_values(field.type, is_entry=True)) from None


class _Faulty(NamedTuple):
    """Fields of the right types that a guard refuses all the same."""

    kind: Kind
    known: Mapping[str, FieldInfo]
    own: Mapping[str, Located]
    read: Mapping[str, Any]
    taken: Mapping[str, Any]

    def fault(self) -> SettingsError | None:
        """The complaint about the one field, or the one entry of it, that is to blame.

        That is the field without which the rest is taken, or else the first that is refused alone.
        """
        for name in self.own:
            rest = {other: one for other, one in self.read.items() if other != name}
            if self._why(rest) is None:
                return self._blamed(name, rest)
        alone = (name for name in self.own if self._why({name: self.read[name]}))
        name = next(alone, "")
        return self._blamed(name, {}) if name else None

    def _blamed(self, name: str, rest: Mapping[str, Any]) -> SettingsError:
        value = self.own[name]
        for entry, alone in _entries(value):
            why = self._why({**rest, name: _converted(self.known[name], alone)}, name)
            if why:
                return entry.fault(why)
        return value.fault(self._why({**rest, name: self.read[name]}, name) or "")

    def _why(self, read: Mapping[str, Any], name: str = "") -> str | None:
        """Why these fields are refused, without the name of the field and what it holds."""
        try:
            _made(self.kind, read, self.taken)
        except SettingsError as error:
            prefix = f"{self.kind.config.__name__}.{name}: "
            why = str(error).removeprefix(prefix).removeprefix(f"{self.kind.config.__name__}: ")
            return why.partition("; ")[2] if why.startswith("read ") else why
        return None


def _unshown(value: Located) -> Located:
    """The same for a field that may hold secrets: no complaint shows any of it."""
    match value.content:
        case tuple():
            items = tuple(_unshown(item) for item in value.content)
            return replace(value, content=items, is_secret=True)
        case dict():
            by_name = {name: _unshown(item) for name, item in value.content.items()}
            return replace(value, content=by_name, is_secret=True)
        case _:
            return replace(value, is_secret=True)


def _entries(value: Located) -> Iterator[tuple[Located, Located]]:
    """Each entry of a list or a map, and the list or the map of it alone."""
    match value.content:
        case tuple():
            for item in value.content:
                yield item, replace(value, content=(item,))
        case dict():
            for name, item in value.content.items():
                yield item, replace(value, content={name: item})


def _without_entries(value: Located) -> Located:
    return replace(value, content={} if isinstance(value.content, dict) else ())


def _converts(field: FieldInfo, value: Located) -> bool:
    try:
        _converted(field, value)
    except msgspec.ValidationError:
        return False
    return True


def _converted(field: FieldInfo, value: Located) -> Any:
    """The value in the field's type; a number may be written as in Python, `100_000`."""
    try:
        return msgspec.convert(_plain(value, str), field.type, strict=False)
    except msgspec.ValidationError:
        return msgspec.convert(_plain(value, _ungrouped), field.type, strict=False)


def _plain(value: Located, read: Callable[[str], str]) -> Any:
    match value.content:
        case tuple():
            return [_plain(item, read) for item in value.content]
        case dict():
            return {name: _plain(item, read) for name, item in value.content.items()}
        case str():
            return read(value.content)
        case _:
            return value.content


def _ungrouped(text: str) -> str:
    return text.replace("_", "") if _GROUPED.fullmatch(text) else text


def _flag(value: Located | None) -> bool:
    if value is None:
        return False
    text = value.text("use true or false")
    if text not in _FLAGS:
        raise value.fault("use true or false")
    return _FLAGS[text]
