"""The fields that a schema names, through references and combinations; made once a schema."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import jsonschema_rs

__all__ = ["MAX_DEPTH", "PATTERNS", "Faults", "Shape"]

MAX_DEPTH: Final = 32
"""How deep arguments are looked at; what nests deeper is the validator's alone."""
MAX_PARTS: Final = 200
MAX_SHAPES: Final = 10_000
MAX_FOUND: Final = 20
MAX_BACKTRACKS: Final = 10_000

PATTERNS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=MAX_BACKTRACKS)
"""How patterns of schemas are matched: a schema comes from a tool, which may wish to stall us."""

_CONTAINERS: Final = (dict, list)
_LEAVES: Final = frozenset({str, int, float, bool, type(None)})
_JOINED: Final = ("allOf", "anyOf", "oneOf")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_SINGLE: Final = ("if", "then", "else")
_OPEN: Final = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_SPEAKING: Final = frozenset(
    {"properties", "patternProperties", "additionalProperties", "required", "items", "prefixItems"}
)
"""Without any of these, nothing can be unknown or empty here or below."""


class Faults(NamedTuple):
    """Fields that no part of the schema names, and required ones with a text that is empty.

    A place whose schema names no field, or says itself what becomes of others, takes any. An empty
    text may be all space. Of either kind, those found first are there.
    """

    unknown: list[str]
    empty: list[str]


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
        self._below: dict[str | int, Shape] = {}
        self.names = frozenset(name for part in self._parts for name in _map(part, "properties"))
        """The fields that are named."""
        self.required = frozenset(
            name for part in self._parts for name in part.get("required", ()) if type(name) is str
        )
        """The fields that are required by any part."""
        self._patterns = [p for part in self._parts for p in _map(part, "patternProperties")]
        self._is_closed = bool(self.names) and not any(
            key in part for part in self._parts for key in _OPEN
        )
        self._prefix = max(map(_prefix, self._parts), default=0)
        self.says_nothing = not any(_SPEAKING & part.keys() for part in self._parts)

    def faults(self, value: Any) -> Faults:
        """What the fields of `value`, at any depth, have against them, by the schema's names."""
        found = Faults([], [])
        if isinstance(value, _CONTAINERS):
            self.walk(value, "", 0, found)
        return found

    def unnamed(self, value: Mapping[str, Any]) -> Iterator[str]:
        """The fields of this one map that the schema neither names nor allows for."""
        if self._is_closed and not value.keys() <= self.names:
            for name in value:
                if name not in self.names and not any(_hits(p, name) for p in self._patterns):
                    yield name

    def walk(self, value: Any, path: str, depth: int, found: Faults) -> None:
        """Add to `found` what is against `value`, a map or a list that stands at `path`."""
        if isinstance(value, dict):
            self._note(value, path, found)
        if depth >= MAX_DEPTH or self.says_nothing:
            return
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if type(item) not in _LEAVES and isinstance(item, _CONTAINERS):
                below = self._child(key)
                if not (below.says_nothing or _is_flat(item)):
                    below.walk(item, _step(path, key), depth + 1, found)

    def _note(self, value: dict[str, Any], path: str, found: Faults) -> None:
        if self._is_closed and len(found.unknown) < MAX_FOUND and not value.keys() <= self.names:
            found.unknown.extend(f"{path}{name}" for name in self.unnamed(value))
        for name in self.required:
            text = value.get(name)
            if isinstance(text, str) and not text.strip() and len(found.empty) < MAX_FOUND:
                found.empty.append(f"{path}{name}")

    def _child(self, key: str | int) -> "Shape":
        known = self._below.get(key)
        if known is None:
            if isinstance(key, int):
                key = min(key, self._prefix)
            known = self._other(self._under(key))
            if key in self.names or isinstance(key, int):
                self._below[key] = known
        return known

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

    def _under(self, key: str | int) -> Iterator[Any]:
        for part in self._parts:
            if isinstance(key, int):
                yield _item(part, key)
                continue
            properties, patterns = _map(part, "properties"), _map(part, "patternProperties")
            found = [schema for pattern, schema in patterns.items() if _hits(pattern, key)]
            found += [properties[key]] if key in properties else []
            yield from found or [part.get("additionalProperties")]


def _prefix(part: Mapping[str, Any]) -> int:
    """How many items have schemas of their own."""
    own = part["items"] if isinstance(part.get("items"), list) else part.get("prefixItems")
    return len(own) if isinstance(own, list) else 0


def _item(part: Mapping[str, Any], at: int) -> Any:
    """The schema of one item: before 2020-12 a list of `items` was what `prefixItems` is."""
    items, prefix, rest = part.get("items"), part.get("prefixItems"), part.get("items")
    if isinstance(items, list):
        prefix, rest = items, part.get("additionalItems")
    return prefix[at] if isinstance(prefix, list) and at < len(prefix) else rest


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


def _is_flat(value: Any) -> bool:
    """Whether a list has nothing below it that a schema could name."""
    return isinstance(value, list) and _LEAVES.issuperset(map(type, value))


def _step(path: str, key: str | int) -> str:
    return f"{path.removesuffix('.')}[{key}]." if isinstance(key, int) else f"{path}{key}."
