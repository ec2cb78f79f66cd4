"""Types converted where a schema asks for it and nothing is lost; nothing is invented."""

import copy
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

__all__ = ["coerced"]

MAX_STEPS: Final = 1000
"""The most conversions that are tried on one call."""
MAX_NESTED: Final = 4
MAX_TEXT: Final = 100_000

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,4299})")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,15})\.[0-9]{1,15}")
_EXACT_DIGITS: Final = 15
_BOOLEANS: Final = {"true": True, "false": False}

Path = tuple[Any, ...]


def coerced(validator: Any, args: dict[str, Any]) -> dict[str, Any]:
    """`args` with every value converted that the schema refuses as it is, where one fits.

    The very same object where nothing could be converted. What still does not fit is left to the
    validator: this only ever changes a value into another writing of itself.
    """
    current, steps = args, 0
    for _ in range(MAX_NESTED):
        wanted = list(_wanted(validator.iter_errors(current)))
        before = current
        for path, types, options in wanted:
            value = _at(current, path)
            for candidate in _candidates(value, types, options):
                steps += 1
                if steps > MAX_STEPS:
                    return current
                trial = _with(current, path, candidate)
                if _is_better(validator, trial, path):
                    current = trial
                    break
        if current is before:
            break
    return current


def _wanted(errors: Any, depth: int = 0) -> Iterator[tuple[Path, tuple[str, ...], list[Any]]]:
    """Where another type, or one of some values, is wanted; through every alternative."""
    for error in errors:
        kind = error.kind.name
        if kind == "type":
            yield tuple(error.instance_path), tuple(error.kind.types), []
        elif kind == "enum":
            yield tuple(error.instance_path), (), list(error.kind.options)
        elif kind == "const":
            yield tuple(error.instance_path), (), [error.kind.expected_value]
        elif kind in {"anyOf", "oneOf"} and depth < MAX_NESTED:
            for alternative in error.kind.context:
                yield from _wanted(alternative, depth + 1)


def _candidates(value: Any, types: tuple[str, ...], options: list[Any]) -> Iterator[Any]:
    """Other writings of `value`, the surest first."""
    if options:
        for writing in _writings(value, _ALL):
            if any(type(writing) is type(one) and writing == one for one in options):
                yield writing
        return
    yield from _writings(value, types)


_ALL: Final = ("integer", "number", "boolean", "string")


def _writings(value: Any, types: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(value, str):
        yield from _read(value.strip(" "), types)
    elif isinstance(value, int) and not isinstance(value, bool) and "string" in types:
        yield str(value)


def _read(text: str, types: tuple[str, ...]) -> Iterator[Any]:
    if _INTEGER.fullmatch(text) and {"integer", "number"} & {*types}:
        yield int(text)
    elif "number" in types and _NUMBER.fullmatch(text) and len(text) <= _EXACT_DIGITS:
        yield float(text)
    if "boolean" in types and text.lower() in _BOOLEANS:
        yield _BOOLEANS[text.lower()]
    opening = text[:1]
    if (opening == "{" and "object" in types) or (opening == "[" and "array" in types):
        try:
            yield msgspec.json.decode(text[: MAX_TEXT + 1])
        except (msgspec.DecodeError, RecursionError):
            return


def _is_better(validator: Any, trial: dict[str, Any], path: Path) -> bool:
    """Whether no error is left that is about the value at `path` itself."""
    return not any(
        tuple(error.instance_path) == path and error.kind.name != "required"
        for error in validator.iter_errors(trial)
    )


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(value: Any, path: Path, new: Any) -> Any:
    """A copy of `value` along `path`, with `new` at its end."""
    if not path:
        return new
    own = copy.copy(value)
    own[path[0]] = _with(value[path[0]], path[1:], new)
    return own
