"""Parameter expansion: `${x:-y}`, `${x%y}`, `${x/y/z}` and their kin."""

import re
from collections.abc import Callable
from fnmatch import translate
from typing import Protocol

from stopper.data.commands import load_commands
from stopper.detect.commands.taint import UNKNOWN, is_literal

__all__ = ["Variables", "expand_parameter"]

_WORDS = load_commands().words
_BUILD = _WORDS["build_names"]
_BESIDE = _WORDS["build_beside"]
_MAX_PATTERN = 64
_MAX_SUBJECT = 4096

_SHAPE = re.compile(
    r"(?P<sign>[!#]?)(?P<name>[A-Za-z_]\w*|[0-9]+|[@*?$!#-])(?P<index>\[[^\]]*\])?(?P<rest>.*)",
    re.DOTALL,
)


class Variables(Protocol):
    """Where the values are."""

    def look_up(self, name: str) -> str | None:
        """A variable's value, or None where it is known to be unset."""

    def look_up_all(self, name: str) -> list[str] | None:
        """An array's values, or all positional parameters for `@`."""

    def assign(self, name: str, value: str) -> None:
        """Set a variable."""


def expand_parameter(
    inside: str, world: Variables, expand: Callable[[str], str]
) -> tuple[str, str]:
    """The value of `${inside}`, and `@` where it is several words with a mark between."""
    shape = _SHAPE.fullmatch(inside)
    if shape is None:
        return UNKNOWN, ""
    name, index, rest = shape["name"], shape["index"], shape["rest"]
    if shape["sign"] == "#":
        return _length(world.look_up(name)), ""
    if name in "@*" or (index or "")[1:-1] in {"@", "*"}:
        values = world.look_up_all("@" if name in "@*" else name)
        if values is None:
            return UNKNOWN, ""
        if shape["sign"] == "!" and index:
            return "\x04".join(map(str, range(len(values)))), "@"
        return "\x04".join(_apply(v, rest, name, world, expand) for v in _cut(values, rest)), "@"
    if index:
        values = world.look_up_all(name) or []
        key = expand(index[1:-1])
        known = key.lstrip("-").isdigit() and -len(values) <= int(key) < len(values)
        value: str | None = values[int(key)] if known else world.look_up(f"{name}[{key}]")
    else:
        value = world.look_up(name)
    if shape["sign"] == "!" and value is not None:
        value = world.look_up(value) if is_literal(value) else UNKNOWN
    return _apply(value, rest, name, world, expand), ""


def _length(value: str | None) -> str:
    return str(len(value)) if value is not None and is_literal(value) else UNKNOWN


def _cut(values: list[str], rest: str) -> list[str]:
    """`${@:2}` leaves the first ones out."""
    start = re.fullmatch(r":(\d+)(?::(\d+))?", rest)
    if start is None:
        return values
    first = max(int(start[1]) - 1, 0)
    return values[first : first + int(start[2])] if start[2] else values[first:]


def _apply(  # noqa: C901  one branch an operator
    value: str | None,
    rest: str,
    name: str,
    world: Variables,
    expand: Callable[[str], str],
) -> str:
    if not rest:
        return value or ""
    operator, word = rest[0], rest[1:]
    if operator == ":" and word[:1] in {"-", "=", "+", "?"}:
        operator, word = word[0], word[1:]
        value = value or None
    if operator in "-=":
        if value is None or value == UNKNOWN:
            value = _default(value, expand(word))
            if operator == "=":
                world.assign(name, value)
        return value
    if operator == "+":
        return expand(word) if value is not None else ""
    if operator == "?" or value is None:
        return _present(value, name, world, full=rest[:1] == ":")
    if not is_literal(value) or len(value) > _MAX_SUBJECT:
        return value
    if operator == ":":
        return _substring(value, word)
    if operator in "#%":
        longest = word[:1] == operator
        return _trim(value, expand(word[1:] if longest else word), operator, longest=longest)
    if operator == "/":
        return _replace(value, word, expand)
    if operator in "^,":
        change = str.upper if operator == "^" else str.lower
        return change(value) if word[:1] == operator else change(value[:1]) + value[1:]
    return value


def _present(value: str | None, name: str, world: Variables, *, full: bool) -> str:
    """A value without which nothing runs: where it may not be empty, build output lies below it."""
    if full and value == UNKNOWN and _is_build(name):
        value = f"{UNKNOWN}/build"
        world.assign(name, value)
    return value or ""


def _is_build(name: str) -> bool:
    """Whether a variable of this name holds a folder of build output."""
    parts = set(name.upper().split("_"))
    return not parts.isdisjoint(_BUILD) and parts <= _BUILD | _BESIDE


def _default(value: str | None, default: str) -> str:
    """A variable that the text does not set may be set elsewhere: its default is the best guess."""
    return default if value is None or default else value


def _substring(value: str, word: str) -> str:
    parts = re.fullmatch(r"\s*(-?\d{1,6})\s*(?::\s*(-?\d{1,6})\s*)?", word)
    if parts is None:
        return UNKNOWN
    start = int(parts[1])
    tail = value[start:]
    if parts[2] is None:
        return tail
    return tail[: int(parts[2])]


def _trim(value: str, pattern: str, side: str, *, longest: bool) -> str:
    if len(pattern) > _MAX_PATTERN or not is_literal(pattern):
        return UNKNOWN
    shape = re.compile(translate(pattern))
    if side == "#":
        sizes = range(len(value) + 1)
        for size in reversed(sizes) if longest else sizes:
            if shape.match(value[:size]):
                return value[size:]
        return value
    starts = range(len(value) + 1)
    for start in starts if longest else reversed(starts):
        if shape.match(value[start:]):
            return value[:start]
    return value


def _replace(value: str, word: str, expand: Callable[[str], str]) -> str:
    every = word[:1] == "/"
    pattern, _, new = (word[1:] if every else word).partition("/")
    pattern, new = expand(pattern), expand(new)
    if not pattern or len(pattern) > _MAX_PATTERN or not is_literal(pattern):
        return UNKNOWN
    if any(sign in pattern for sign in "*?["):
        return (
            UNKNOWN
            if "*" in pattern
            else re.sub(
                translate(pattern).removeprefix("(?s:").removesuffix(")\\Z"),
                lambda _: new,
                value,
                count=0 if every else 1,
            )
        )
    return value.replace(pattern, new) if every else value.replace(pattern, new, 1)
