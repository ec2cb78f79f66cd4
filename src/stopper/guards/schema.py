"""Arguments against a tool's JSON Schema, with lossless coercion on request."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, ClassVar, Final

import jsonschema_rs
import msgspec
from msgspec import Struct

from stopper.guards.coerce import coerced
from stopper.guards.config import Config, configure
from stopper.guards.flow import Flow, drive, drive_async
from stopper.guards.memo import Memo
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    block,
    enforced,
    repair,
)
from stopper.guards.shape import PATTERNS, Shape

__all__ = ["GetSchema", "SchemaStrictnessConfig", "SchemaStrictnessGuard"]

Schema = Mapping[str, Any]

GetSchema = Callable[[str], Schema | Awaitable[Schema | None] | None]
"""Gives the schema of a tool's arguments, at once or to be awaited; None for an unknown tool.

A schema that changes has to be another object.
"""

MAX_SCHEMA_BYTES: Final = 1_000_000
MAX_COMPILED: Final = 1024
MAX_VIOLATIONS: Final = 20

_MAX_SHOWN: Final = 100
_TOO_MUCH: Final = "The arguments nest too deep or are too many to look at"
_KINDS: Final = {
    "required": "missing_required",
    "additionalProperties": "unknown_field",
    "unevaluatedProperties": "unknown_field",
    "type": "type_mismatch",
    "enum": "enum_invalid",
    "const": "enum_invalid",
}


class SchemaStrictnessConfig(Config, frozen=True, kw_only=True):
    """How strict to be.

    `coerce_types` changes a value only where the schema asks for another type and nothing is lost:
    `"18"` to 18, never `"18.5"` to 18. With `allow_extra_fields` false, a field that no part of a
    schema names is refused, at any depth, unless the schema itself allows for more. A field in
    `control_fields` is for other guards. `unknown_tools` is what becomes of a tool without a
    schema, as far as `mode` lets it.
    """

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    coerce_types: bool = False
    allow_extra_fields: bool = False
    require_all_required: bool = True
    reject_empty_strings: bool = True
    control_fields: AbstractSet[str] = frozenset(
        {"_idempotency_key", "_capability_token", "_ref", "_reference", "_provenance", "_source"}
    )
    unknown_tools: EnforcementLevel = EnforcementLevel.OFF


_NOT_JSON: Final = block("schema.not_json", "The arguments are no JSON values")


class Violation(Struct, frozen=True):
    """One thing that does not fit: what kind, where, and in words that quote no value."""

    kind: str
    field: str
    says: str


class _Compiled(Struct, frozen=True):
    """A schema that was read once."""

    given: Schema
    source: bytes
    validator: jsonschema_rs.Validator
    shape: Shape


class SchemaStrictnessGuard:
    """Refuses arguments that do not fit the schema of their tool.

    Takes JSON Schema of any draft from 4 to 2020-12. A schema that cannot be had or read blocks,
    and so does one with a reference to another document, since nothing is fetched.
    """

    name: ClassVar[str] = "schema_strictness"

    shares: ClassVar = frozenset({"check"})

    def __init__(
        self,
        config: SchemaStrictnessConfig | None = None,
        get_schema: GetSchema | None = None,
        **fields: Any,
    ) -> None:
        self.config = configure(SchemaStrictnessConfig, config, fields)
        self._get_schema = get_schema
        self._compiled: OrderedDict[str, _Compiled] = OrderedDict()

    def check(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:
        """Whether `args` fit; where `get_schema` has to wait, see `check_async`."""
        if self.config.mode is OFF or self._get_schema is None:
            return ALLOWED
        schema = self._asked(tool)
        if type(schema) is dict:
            return self._checked(tool, args, schema, memo)
        return drive(self._waited(tool, args, schema))

    async def check_async(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """The same, awaiting `get_schema` where that is needed."""
        if self.config.mode is OFF or self._get_schema is None:
            return ALLOWED
        return await drive_async(self._waited(tool, args, self._asked(tool)))

    def clear_cache(self) -> None:
        """Read every schema anew."""
        self._compiled.clear()

    def _asked(self, tool: str) -> Any:
        """The schema, None, something to await, or the refusal where there is a fault."""
        assert self._get_schema is not None  # noqa: S101  else the guard is off
        try:
            return self._get_schema(tool)
        except Exception as error:  # noqa: BLE001  a schema that cannot be had is a refusal
            return _not_had(tool, error)

    def _waited(self, tool: str, args: dict[str, Any], schema: Any) -> Flow[GuardResult]:
        try:
            if isinstance(schema, Awaitable):
                schema = yield schema
        except Exception as error:  # noqa: BLE001  as above
            schema = _not_had(tool, error)
        if isinstance(schema, GuardResult):
            return self._enforced(schema)
        if schema is None:
            missing = block("schema.unknown_tool", f"No schema for tool: {tool[:_MAX_SHOWN]}")
            return self._enforced(enforced(self.config.unknown_tools, missing))
        return self._checked(tool, args, schema, None)

    def _checked(
        self, tool: str, args: dict[str, Any], schema: Any, memo: Memo | None
    ) -> GuardResult:
        try:
            compiled = self._compile(tool, schema)
        except _UNREADABLE as error:
            return self._enforced(_unavailable(tool, f"it does not read ({type(error).__name__})"))
        texts = (memo or Memo()).of(args).texts
        if not texts.is_whole:
            return self._enforced(block("guard.too_much", _TOO_MUCH))
        try:
            judged = self._judge(compiled, args) if texts.is_plain else _NOT_JSON
        except (TypeError, ValueError, RecursionError):
            judged = _NOT_JSON
        return judged if judged is ALLOWED else self._enforced(judged)

    def _enforced(self, result: GuardResult) -> GuardResult:
        return enforced(self.config.mode, result)

    def _compile(self, tool: str, schema: Schema) -> _Compiled:
        """The compiled form of `schema`, kept until it is another one."""
        known = self._compiled.get(tool)
        if known and known.given is schema:
            return known
        if not isinstance(schema, Mapping):
            raise TypeError("a schema is a map")
        source = msgspec.json.encode(schema)
        if known and known.source == source:
            return known
        if len(source) > MAX_SCHEMA_BYTES:
            raise ValueError("schema too large")
        own = msgspec.json.decode(source)
        validator = jsonschema_rs.validator_for(
            own,
            offline=True,
            pattern_options=PATTERNS,
        )
        self._compiled[tool] = compiled = _Compiled(schema, source, validator, Shape(own))
        while len(self._compiled) > MAX_COMPILED:
            self._compiled.popitem(last=False)
        return compiled

    def _judge(self, compiled: _Compiled, args: dict[str, Any]) -> GuardResult:
        own = args
        if not self.config.control_fields.isdisjoint(args):
            control = self.config.control_fields - compiled.shape.names
            own = {name: value for name, value in args.items() if name not in control}
        violations = self._violations(compiled, own)
        if not violations:
            return ALLOWED
        if self.config.coerce_types:
            better = coerced(compiled.validator, own)
            if better is not own and not self._violations(compiled, better):
                return repair(
                    args | better,
                    "schema.coerced",
                    "Types converted to those of the schema",
                    violations=[msgspec.to_builtins(one) for one in violations],
                )
        first = violations[0]
        return block(
            f"schema.{first.kind}",
            first.says,
            violations=[msgspec.to_builtins(one) for one in violations],
        )

    def _violations(self, compiled: _Compiled, args: dict[str, Any]) -> list[Violation]:
        found: list[Violation] = []
        if not compiled.validator.is_valid(args):
            for error in compiled.validator.iter_errors(args):
                found += self._of(error, args)
                if len(found) >= MAX_VIOLATIONS:
                    return found
        unknown, empty = compiled.shape.faults(args)
        if unknown and not self.config.allow_extra_fields:
            found += [
                Violation("unknown_field", field, f"Unknown field: {field}") for field in unknown
            ]
        if empty and self.config.reject_empty_strings:
            found += [
                Violation("empty_required", field, f"Empty value for required field: {field}")
                for field in empty
            ]
        return found[:MAX_VIOLATIONS]

    def _of(self, error: Any, args: dict[str, Any]) -> list[Violation]:
        kind, path = error.kind.name, tuple(error.instance_path)
        if kind == "required":
            if not self.config.require_all_required:
                return []
            field = _field((*path, error.kind.property))
            return [Violation("missing_required", field, f"Missing required field: {field}")]
        if kind in {"additionalProperties", "unevaluatedProperties"}:
            return _unknown(path, error.kind.unexpected)
        if kind == "falseSchema" and _names_none(tuple(error.schema_path)):
            return _unknown(path, _at(args, path))
        field = _field(path) or "the arguments"
        return [Violation(_KINDS.get(kind, "constraint_violated"), field, _says(error, field))]


def _unknown(path: tuple[Any, ...], names: Iterable[str]) -> list[Violation]:
    fields = [_field((*path, name)) for name in islice(names, MAX_VIOLATIONS)]
    return [Violation("unknown_field", one, f"Unknown field: {one}") for one in fields]


def _names_none(path: tuple[Any, ...]) -> bool:
    """Whether what a schema forbids is every field, because it names none and allows no more."""
    return path[-1:] == ("additionalProperties",) and path[-2:-1] != ("properties",)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


_UNREADABLE: Final = (
    jsonschema_rs.ValidationError,
    jsonschema_rs.ReferencingError,
    msgspec.MsgspecError,
    TypeError,
    ValueError,
    RecursionError,
)


def _says(error: Any, field: str) -> str:
    """What is wrong, from the schema's side alone: a value may be a secret."""
    kind = error.kind.name
    if kind == "type":
        return f"Type mismatch for {field}: expected {' or '.join(error.kind.types)}"
    if kind == "enum":
        return f"Invalid value for {field}: expected one of {_shown(error.kind.options)}"
    if kind == "const":
        return f"Invalid value for {field}: expected {_shown(error.kind.expected_value)}"
    return f"Constraint violated for {field}: {kind}"


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]} and more"


def _field(path: tuple[Any, ...]) -> str:
    """`user.tags[2]`; a name that an agent made up is shown in part."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")[:_MAX_SHOWN]


def _not_had(tool: str, error: Exception) -> GuardResult:
    return _unavailable(tool, f"get_schema failed ({type(error).__name__})")


def _unavailable(tool: str, why: str) -> GuardResult:
    return block("schema.unavailable", f"Schema of {tool[:_MAX_SHOWN]} cannot be used: {why}")
