"""Arguments that fit, that nearly fit and that do not, against schemas of every shape."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from stopper.errors import SettingsError
from stopper.guards.models import EnforcementLevel
from stopper.guards.schema import SchemaStrictnessConfig, SchemaStrictnessGuard

Args = dict[str, Any]
USER = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0},
        "role": {"enum": ["admin", "user"]},
        "level": {"enum": [1, 2]},
        "height": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "home": {"$ref": "#/$defs/address"},
        "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "union": {"type": ["integer", "boolean"]},
        "free": {"type": "object"},
        "pairs": {"type": "array", "items": {"$ref": "#/$defs/pair"}},
        "flag": {"type": "boolean"},
    },
    "required": ["name", "age"],
    "$defs": {
        "address": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "zip": {"type": "integer"}},
            "required": ["city"],
        },
        "pair": {"type": "object", "properties": {"n": {"type": "integer"}}},
    },
}
ALICE = {"name": "Alice", "age": 30}


def guard(schema: Any = USER, **fields: Any) -> SchemaStrictnessGuard:
    return SchemaStrictnessGuard(get_schema=lambda _: schema, **fields)


STRICT: dict[str, tuple[Args, str]] = {
    # what we try                 arguments                                       code
    "all that is needed":        (ALICE,                                          ""),
    "a missing field":           ({"name": "A"},                                  "schema.missing_required"),
    "a text for a number":       (ALICE | {"age": "30"},                          "schema.type_mismatch"),
    "a bool for a number":       (ALICE | {"age": True},                          "schema.type_mismatch"),
    "an integer for a number":   (ALICE | {"height": 2},                          ""),
    "a member of an enum":       (ALICE | {"role": "user"},                       ""),
    "no member of an enum":      (ALICE | {"role": "root"},                       "schema.enum_invalid"),
    "below the minimum":         (ALICE | {"age": -1},                            "schema.constraint_violated"),
    "too long":                  (ALICE | {"name": "x" * 21},                     "schema.constraint_violated"),
    "an item of another type":   (ALICE | {"tags": ["a", 1]},                     "schema.type_mismatch"),
    "one of a union":            (ALICE | {"union": False},                       ""),
    "none of a union":           (ALICE | {"union": "x"},                         "schema.type_mismatch"),
    "null where allowed":        (ALICE | {"either": None},                       ""),
    "none of the alternatives":  (ALICE | {"either": "x"},                        "schema.constraint_violated"),
    "an unknown field":          (ALICE | {"x": 1},                               "schema.unknown_field"),
    "an unknown field below":    (ALICE | {"home": {"city": "B", "x": 1}},        "schema.unknown_field"),
    "an unknown field in a list": (ALICE | {"pairs": [{"n": 1}, {"m": 1}]},       "schema.unknown_field"),
    "any field of a free map":   (ALICE | {"free": {"x": 1}},                     ""),
    "a missing field below":     (ALICE | {"home": {"zip": 1}},                   "schema.missing_required"),
    "an empty required field":   (ALICE | {"name": ""},                           "schema.empty_required"),
    "only space":                (ALICE | {"name": " \n"},                        "schema.empty_required"),
    "an empty field below":      (ALICE | {"home": {"city": " "}},                "schema.empty_required"),
    "a field of another guard":  (ALICE | {"_idempotency_key": "k"},              ""),
    "no JSON":                   (ALICE | {"name": object()},                     "schema.not_json"),
}  # fmt: skip


@pytest.mark.parametrize(("args", "code"), STRICT.values(), ids=STRICT)
def test_strictness(args: Args, code: str) -> None:
    result = guard().check("t", args)
    assert (result.code, result.blocked) == (code, bool(code))
    assert asyncio.run(guard().check_async("t", args)) == result


COERCED: dict[str, tuple[Args, Args | None]] = {
    # what we try                 given                                  what becomes of it
    "an integer":                ({"age": "25"},                         {"age": 25}),
    "a negative one fails":      ({"age": "-1"},                         None),
    "a fraction is no integer":  ({"age": "25.5"},                       None),
    "a word is no integer":      ({"age": "many"},                       None),
    "an empty text is nothing":  ({"age": ""},                           None),
    "a leading zero is a code":  ({"age": "007"},                        None),
    "an exponent":               ({"age": "1e3"},                        None),
    "other digits":              ({"age": "٣"},                          None),
    "a number":                  ({"height": "1.75"},                    {"height": 1.75}),
    "more digits than a float":  ({"height": "0.12345678901234567890"},  None),
    "infinity":                  ({"height": "Infinity"},                None),
    "a flag":                    ({"flag": "TRUE"},                      {"flag": True}),
    "one is no flag":            ({"flag": 1},                           None),
    "yes is no flag":            ({"flag": "yes"},                       None),
    "a text of a number":        ({"tags": [1]},                         {"tags": ["1"]}),
    "null is no text":           ({"tags": [None]},                      None),
    "through a reference":       ({"home": {"city": "B", "zip": "7"}},   {"home": {"city": "B", "zip": 7}}),
    "through alternatives":      ({"either": "7"},                       {"either": 7}),
    "in a list of references":   ({"pairs": [{"n": 1}, {"n": "2"}]},     {"pairs": [{"n": 1}, {"n": 2}]}),
    "a member of an enum":       ({"level": "2"},                        {"level": 2}),
    "no member of an enum":      ({"level": "3"},                        None),
    "a list written as JSON":    ({"tags": '["a"]'},                     {"tags": ["a"]}),
    "a map written as JSON":     ({"home": '{"city": "B", "zip": "7"}'}, {"home": {"city": "B", "zip": 7}}),
    "broken JSON":               ({"tags": '["a"'},                      None),
    "one value is no list":      ({"tags": "a"},                         None),
}  # fmt: skip


@pytest.mark.parametrize(("args", "expected"), COERCED.values(), ids=COERCED)
def test_coercion_never_invents(args: Args, expected: Args | None) -> None:
    given = ALICE | args
    result = guard(coerce_types=True).check("t", given)
    assert result.repaired_args == (expected and ALICE | expected)
    assert result.blocked is (expected is None)
    assert given == ALICE | args, "what was given is as it was"
    assert guard().check("t", given).blocked, "and without coercion it does not fit"


def test_what_fits_is_never_changed() -> None:
    both = {"properties": {"x": {"type": ["string", "integer"]}}}
    assert guard(both, coerce_types=True).check("t", {"x": "7"}).verdict.value == "allow"


DRAFTS: dict[str, tuple[Any, Args, str]] = {
    "draft 4":       ({"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"n": {"minimum": 1, "exclusiveMinimum": True}}}, {"n": 1}, "schema.constraint_violated"),
    "draft 7":       ({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/definitions/n"}}}, {"n": "x"}, "schema.type_mismatch"),
    "tuple items":   ({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"p": {"items": [{"properties": {"a": {}}}]}}}, {"p": [{"b": 1}]}, "schema.unknown_field"),
    "prefix items":  ({"properties": {"p": {"prefixItems": [{"properties": {"a": {}}}], "items": {"properties": {"b": {}}}}}}, {"p": [{"a": 1}, {"a": 1}]}, "schema.unknown_field"),
    "allOf":         ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 2}, ""),
    "allOf, more":   ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"c": 1}, "schema.unknown_field"),
    "it is open":    ({"properties": {"a": {}}, "additionalProperties": True}, {"c": 1}, ""),
    "it is closed":  ({"properties": {"a": {}}, "additionalProperties": False}, {"c": 1}, "schema.unknown_field"),
    "nothing in it":  ({"type": "object", "additionalProperties": False}, {"c": 1, "d": 2}, "schema.unknown_field"),
    "nothing below":  ({"properties": {"a": {"items": {"additionalProperties": False}}}}, {"a": [{}, {"c": 1}]}, "schema.unknown_field"),
    "a false one of that name": ({"properties": {"additionalProperties": False}}, {"additionalProperties": 1}, "schema.constraint_violated"),
    "by a pattern":  ({"properties": {"a": {}}, "patternProperties": {"^x-": {}}}, {"x-1": 1}, ""),
    "no pattern":    ({"properties": {"a": {}}, "patternProperties": {"^x-": {}}}, {"y-1": 1}, "schema.unknown_field"),
    "an anchor":     ({"$defs": {"n": {"$anchor": "here", "properties": {"a": {}}}}, "properties": {"n": {"$ref": "#here"}}}, {"n": {"b": 1}}, "schema.unknown_field"),
    "itself":        ({"properties": {"left": {"$ref": "#"}, "n": {}}}, {"left": {"left": {"left": {"m": 1}}}}, "schema.unknown_field"),
    "const":         ({"properties": {"v": {"const": 1}}}, {"v": 2}, "schema.enum_invalid"),
    "false":         ({"properties": {"v": False}}, {"v": 2}, "schema.constraint_violated"),
    "a slow pattern": ({"properties": {"v": {"pattern": "^(?=(a+)+$)b"}}}, {"v": "a" * 60 + "!"}, "schema.constraint_violated"),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "args", "code"), DRAFTS.values(), ids=DRAFTS)
def test_schemas_of_every_draft(schema: Any, args: Args, code: str) -> None:
    assert guard(schema).check("t", args).code == code


def test_every_field_is_named_where_none_is_allowed() -> None:
    schema = {"properties": {"a": {"type": "object", "additionalProperties": False}}}
    result = guard(schema).check("t", {"a": {"x": 1, "y": 2}})
    fields = [one["field"] for one in result.details["violations"]]
    assert (result.reason, fields) == ("Unknown field: a.x", ["a.x", "a.y"])


def raises(_: str) -> Mapping[str, Any]:
    raise ConnectionError("https://user:password@registry")


async def later(_: str) -> Mapping[str, Any]:
    await asyncio.sleep(0)
    return USER


UNAVAILABLE: dict[str, Callable[[str], Any]] = {
    "the getter fails": raises,
    "no schema": lambda _: "a text",
    "a type that is none": lambda _: {"type": "nope"},
    "a broken pattern": lambda _: {"properties": {"a": {"pattern": "(("}}},
    "another document": lambda _: {"$ref": "http://127.0.0.1:9/x"},
    "a file": lambda _: {"$ref": "file:///etc/passwd"},
    "too large": lambda _: {"description": "x" * 1_000_001},
    "no JSON": lambda _: {"default": object()},
}


@pytest.mark.parametrize("getter", UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_a_schema_that_cannot_be_used_blocks(getter: Callable[[str], Any]) -> None:
    strict = SchemaStrictnessGuard(get_schema=getter)
    result = strict.check("t", ALICE)
    assert result.code == "schema.unavailable"
    assert "password" not in result.reason
    assert asyncio.run(strict.check_async("t", ALICE)) == result


def test_a_getter_may_be_async() -> None:
    strict = SchemaStrictnessGuard(get_schema=later)
    assert strict.check("t", {}).code == "schema.missing_required", "without a loop"
    assert asyncio.run(strict.check_async("t", {})).code == "schema.missing_required"


def test_a_getter_that_waits_blocks_where_a_loop_would_stand_still() -> None:
    strict = SchemaStrictnessGuard(get_schema=later)

    async def both() -> None:
        assert strict.check("t", ALICE).code == "schema.unavailable"
        assert (await strict.check_async("t", ALICE)).allowed

    asyncio.run(both())


def test_an_unknown_tool_is_as_the_configuration_says() -> None:
    def nothing(_: str) -> None:
        return None

    assert SchemaStrictnessGuard(get_schema=nothing).check("t", {"x": 1}).allowed
    for mode, unknown, verdict in (
        ("block", "block", "block"), ("block", "warn", "warn"), ("block", "off", "allow"),
        ("warn", "block", "warn"), ("warn", "warn", "warn"), ("warn", "off", "allow"),
        ("off", "block", "allow"),
    ):  # fmt: skip
        result = SchemaStrictnessGuard(get_schema=nothing, mode=mode, unknown_tools=unknown).check(
            "t", {"x": 1}
        )
        assert (result.verdict.value, result.code) == (
            verdict,
            "" if verdict == "allow" else "schema.unknown_tool",
        )


def test_a_schema_that_changes_is_read_anew() -> None:
    schemas: list[Any] = [{"required": ["a"]}, {"required": ["b"]}]
    strict = SchemaStrictnessGuard(get_schema=lambda _: schemas[0])
    assert strict.check("t", {"b": 1}).blocked
    schemas.reverse()
    assert strict.check("t", {"b": 1}).allowed


LEVELS: dict[EnforcementLevel, str] = {
    EnforcementLevel.OFF: "allow",
    EnforcementLevel.WARN: "warn",
    EnforcementLevel.BLOCK: "block",
}


@pytest.mark.parametrize(("mode", "verdict"), LEVELS.items(), ids=str)
def test_levels(mode: EnforcementLevel, verdict: str) -> None:
    config = SchemaStrictnessConfig(mode=mode)
    assert SchemaStrictnessGuard(config, lambda _: USER).check("t", {}).verdict.value == verdict


def test_options() -> None:
    assert guard(allow_extra_fields=True).check("t", ALICE | {"x": 1}).allowed
    assert guard(require_all_required=False).check("t", {"name": "A"}).allowed
    assert guard(reject_empty_strings=False).check("t", ALICE | {"name": ""}).allowed
    with pytest.raises(SettingsError, match=r"mode: read 'on'; use one of: off, warn, block"):
        guard(mode="on")
    with pytest.raises(SettingsError, match=r"no field 'strict'; allowed: mode, "):
        guard(strict=True)


def test_reasons_name_no_value() -> None:
    value = "hunter2"
    for args in ({"age": value}, {"role": value}, {"either": value}, {"union": value}):
        result = guard().check("t", ALICE | args)
        assert value not in repr(result)
