"""The fields that a schema names, through references and combinations; made once a schema."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any, Final
from urllib.parse import unquote

import jsonschema_rs

__all__ = ["MAX_DEPTH", "PATTERNS", "Shape"]

MAX_DEPTH: Final = 32
"""How deep arguments are looked at; what nests deeper is the validator's alone."""
MAX_PARTS: Final = 200
MAX_SHAPES: Final = 10_000
MAX_FOUND: Final = 20
MAX_BACKTRACKS: Final = 10_000

PATTERNS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=MAX_BACKTRACKS)
"""How patterns of schemas are matched: a schema comes from a tool, which may wish to stall us."""

_JOINED: Final = ("allOf", "anyOf", "oneOf")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_SINGLE: Final = ("if", "then", "else")
_OPEN: Final = ("additionalProperties", "unevaluatedProperties", "propertyNames")


class Shape:
    """What a schema says about one place: which fields, which of them required, what is below."""

    def __init__(
        self,
        root: Any,
        parts: tuple[Mapping[str, Any], ...] | None = None,
        shapes: dict[tuple[int, ...], "Shape"] | None = None,
    ) -> None:
        self._root = root
        self._parts = tuple(_resolved(root, (root,))) if parts is None else parts
        self._shapes = {} if shapes is None else shapes

    @cached_property
    def names(self) -> frozenset[str]:
        """The fields that are named."""
        return frozenset(name for part in self._parts for name in _map(part, "properties"))

    @cached_property
    def required(self) -> frozenset[str]:
        """The fields that are required by any part."""
        return frozenset(
            name for part in self._parts for name in part.get("required", ()) if type(name) is str
        )

    @cached_property
    def is_open(self) -> bool:
        """Whether it says itself what becomes of other fields, or names none at all."""
        speaks = any(key in part for part in self._parts for key in _OPEN)
        return speaks or not any("properties" in part for part in self._parts)

    def unknown(self, value: Any) -> list[str]:
        """Fields of `value`, at any depth, that no part of the schema names."""
        return _first(self._unknown(value, "", 0))

    def empty(self, value: Any) -> list[str]:
        """Required fields of `value`, at any depth, with a text that is empty or all space."""
        return _first(self._empty(value, "", 0))

    def _unknown(self, value: Any, path: str, depth: int) -> Iterator[str]:
        if isinstance(value, dict) and not self.is_open:
            for name in value:
                if name not in self.names and not self._is_patterned(name):
                    yield f"{path}{name}"
        for key, child in self._below(value, depth):
            yield from child._unknown(value[key], _step(path, key), depth + 1)  # noqa: SLF001

    def _empty(self, value: Any, path: str, depth: int) -> Iterator[str]:
        if isinstance(value, dict):
            for name in self.required & value.keys():
                if isinstance(value[name], str) and not value[name].strip():
                    yield f"{path}{name}"
        for key, child in self._below(value, depth):
            yield from child._empty(value[key], _step(path, key), depth + 1)  # noqa: SLF001

    def _below(self, value: Any, depth: int) -> Iterator[tuple[Any, "Shape"]]:
        """The places below that hold more places."""
        if depth >= MAX_DEPTH:
            return
        pairs: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
        if isinstance(value, list):
            pairs = enumerate(value)
        for key, item in pairs:
            if isinstance(item, dict | list):
                yield key, self._other(self._under(key))

    def _under(self, key: str | int) -> Iterator[Any]:
        for part in self._parts:
            if isinstance(key, str):
                properties = _map(part, "properties")
                patterns = [s for p, s in _map(part, "patternProperties").items() if _hits(p, key)]
                named = [properties[key]] if key in properties else []
                yield from named + patterns or [part.get("additionalProperties")]
                continue
            items, prefix = part.get("items"), part.get("prefixItems")
            prefix, rest = (
                (items, part.get("additionalItems"))
                if isinstance(items, list)
                else (
                    prefix,
                    items,
                )
            )
            yield prefix[key] if isinstance(prefix, list) and key < len(prefix) else rest

    def _other(self, parts: Iterable[Any]) -> "Shape":
        """The shape of these parts; a schema that refers to itself has few, however deep."""
        resolved = tuple(_resolved(self._root, parts))
        key = tuple(map(id, resolved))
        shape = self._shapes.get(key)
        if shape is None:
            shape = Shape(self._root, resolved, self._shapes)
            if len(self._shapes) < MAX_SHAPES:
                self._shapes[key] = shape
        return shape

    def _is_patterned(self, name: str) -> bool:
        patterns = (p for part in self._parts for p in _map(part, "patternProperties"))
        return any(_hits(pattern, name) for pattern in patterns)


def _resolved(root: Any, parts: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Every map that speaks about the same place, through references and combinations."""
    waiting, seen = list(parts), set[int]()
    while waiting and len(seen) < MAX_PARTS:
        part = waiting.pop(0)
        if not isinstance(part, Mapping) or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        references = (part.get(key) for key in _REFERENCES)
        waiting += [_referred(root, one) for one in references if isinstance(one, str)]
        for key in _JOINED:
            alternatives = part.get(key)
            waiting += alternatives if isinstance(alternatives, list) else ()
        waiting += [part[key] for key in _SINGLE if key in part]
        waiting += _map(part, "dependentSchemas").values()


def _referred(root: Any, reference: str) -> Any:
    """What `#/a/b`, `#`, or `#anchor` names in this document; an open schema where it is not."""
    if not reference.startswith("#"):
        return _named(root, "$id", reference)
    pointer = unquote(reference[1:])
    if not pointer.startswith("/"):
        return _named(root, "$anchor", pointer) if pointer else root
    place = root
    for step in pointer[1:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and name.isdecimal() and int(name) < len(place):
            place = place[int(name)]
        elif isinstance(place, Mapping) and name in place:
            place = place[name]
        else:
            return _ANYTHING
    return place


_ANYTHING: Final = {"additionalProperties": True}


def _named(root: Any, key: str, name: str) -> Any:
    """The definition whose `key` is `name`."""
    for group in ("$defs", "definitions"):
        for part in _map(root, group).values():
            if isinstance(part, Mapping) and name in {part.get(key), part.get("$dynamicAnchor")}:
                return part
    return _ANYTHING


def _map(part: Any, key: str) -> Mapping[str, Any]:
    value = part.get(key) if isinstance(part, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _hits(pattern: str, name: str) -> bool:
    return _matcher(pattern).is_valid(name)


@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=PATTERNS)


def _step(path: str, key: str | int) -> str:
    return f"{path.removesuffix('.')}[{key}]." if isinstance(key, int) else f"{path}{key}."


def _first(found: Iterator[str]) -> list[str]:
    return [field for _, field in zip(range(MAX_FOUND), found, strict=False)]
