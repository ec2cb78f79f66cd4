"""TOML as values that know their lines, like those of `read_yaml`."""

import re
import tomllib
from typing import Any, Final

from stopper.core.located import MAX_BYTES, Located
from stopper.errors import SettingsError

__all__ = ["read_toml"]

_HEADER: Final = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(
    r"\s*((?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+))*)\s*="
)
_PART: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")
_FAULT: Final = re.compile(r"(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)")


def read_toml(text: str, source: str) -> Located:
    """Read one TOML document; what does not read is a SettingsError.

    Nothing is converted: a number is the text that Python writes for it. A value stands where its
    key, or else its table, begins.
    """
    if len(text) > MAX_BYTES:
        raise SettingsError(f"{source}: longer than {MAX_BYTES} characters; make it shorter")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_unreadable(str(error), source)) from None
    except RecursionError:
        raise SettingsError(f"{source}: nested too deep, as no setting is") from None
    return _locate(table, source, (), _lines(text))


def _locate(
    value: Any, source: str, path: tuple[str, ...], lines: dict[tuple[str, ...], str]
) -> Located:
    near = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), "")
    place, name = f"{source}:{near}" if near else source, ".".join(path)
    if isinstance(value, dict):
        fields = {key: _locate(item, source, (*path, key), lines) for key, item in value.items()}
        return Located(place, name, fields, place)
    if isinstance(value, list):
        items = tuple(_locate(item, source, path, lines) for item in value)
        return Located(place, name, items, place)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Located(place, name, text, place)


def _lines(text: str) -> dict[tuple[str, ...], str]:
    """`LINE:COLUMN` of every key and table, by the way to it."""
    lines: dict[tuple[str, ...], str] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        header = _HEADER.fullmatch(line.rstrip("\r"))
        found = header or _KEY.match(line)
        if found is None:
            continue
        parts = tuple(next(filter(None, part), "") for part in _PART.findall(found[1]))
        path = parts if header else table + parts
        table = parts if header else table
        lines.setdefault(path, f"{number}:{found.start(1) + 1}")
    return lines


def _unreadable(told: str, source: str) -> str:
    found = _FAULT.fullmatch(told)
    what, line, column = found.groups() if found else (told, None, None)
    place = f"{source}:{line}:{column}" if line else source
    return f"{place}: not readable as TOML ({what}); mend this line"
