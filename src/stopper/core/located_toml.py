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
_TOKEN: Final = re.compile(
    r"""\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}.*?'{3}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#[^\n]*"""
    r"""|[\[\]{},]|[^\s\[\]{},\#"']+""",
    re.DOTALL,
)
_FAULT: Final = re.compile(r"(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)")


def read_toml(text: str, source: str) -> Located:
    """Read one TOML document; what does not read is a SettingsError.

    Nothing is converted: a number is the text that Python writes for it. A value stands where its
    key, or else its table, begins, and an item of a list where it begins itself.
    """
    if len(text) > MAX_BYTES:
        raise SettingsError(f"{source}: longer than {MAX_BYTES} characters; make it shorter")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_unreadable(str(error), source)) from None
    except RecursionError:
        raise SettingsError(f"{source}: nested too deep, as no setting is") from None
    return _Reader(text, source).located(table, "", ())


class _Reader:
    """Finds where the values of a text that reads well were written."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._keys = _keys(text)

    def located(self, value: Any, place: str, path: tuple[str, ...]) -> Located:
        """A value with all that is in it; no `place` is where its key begins."""
        place, name = place or self._near(path), ".".join(path)
        if isinstance(value, dict):
            fields = {key: self.located(item, "", (*path, key)) for key, item in value.items()}
            return Located(place, name, fields, place)
        if isinstance(value, list):
            starts = _starts(self._text, self._keys[path][1]) if path in self._keys else []
            places = map(self._place, starts) if len(starts) == len(value) else [place] * len(value)
            items = (self.located(*one, path) for one in zip(value, places, strict=True))
            return Located(place, name, tuple(items), place)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return Located(place, name, text, place)

    def _near(self, path: tuple[str, ...]) -> str:
        """Where the key or the nearest table above it begins."""
        known = (path[:n] for n in range(len(path), 0, -1) if path[:n] in self._keys)
        near = next(known, None)
        return self._source if near is None else self._place(self._keys[near][0])

    def _place(self, at: int) -> str:
        line, column = self._text.count("\n", 0, at) + 1, at - self._text.rfind("\n", 0, at)
        return f"{self._source}:{line}:{column}"


def _keys(text: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Where every key and table begins, and where what it holds does, by the way to it."""
    keys: dict[tuple[str, ...], tuple[int, int]] = {}
    table: tuple[str, ...] = ()
    start = 0
    for line in text.split("\n"):
        header = _HEADER.fullmatch(line.rstrip("\r"))
        found = header or _KEY.match(line)
        if found:
            parts = tuple(next(filter(None, part), "") for part in _PART.findall(found[1]))
            path = parts if header else table + parts
            table = parts if header else table
            keys.setdefault(path, (start + found.start(1), start + found.end()))
        start += len(line) + 1
    return keys


def _starts(text: str, at: int) -> list[int]:
    """Where the items of the list begin that begins at `at`; none where there is no such list."""
    starts: list[int] = []
    depth, is_next = 0, False
    for token in _TOKEN.finditer(text, at):
        sign = token[0]
        if sign.startswith("#"):
            continue
        if is_next and sign != "]":
            starts.append(token.start())
        is_next = (depth, sign) in {(0, "["), (1, ",")}
        depth += (sign in {"[", "{"}) - (sign in {"]", "}"})
        if depth == 0:
            break
    return starts


def _unreadable(told: str, source: str) -> str:
    found = _FAULT.fullmatch(told)
    what, line, column = found.groups() if found else (told, None, None)
    place = f"{source}:{line}:{column}" if line else source
    return f"{place}: not readable as TOML ({what}); mend this line"
