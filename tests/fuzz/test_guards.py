"""Whatever agents, tools and files say, guards answer; nothing but a complaint is raised."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopper.core.reason import Refusal
from stopper.core.verdict import Verdict
from stopper.errors import SettingsError
from stopper.guards import GuardChain, SchemaStrictnessGuard, create_default_guard_chain
from stopper.guards.capability import read_capability
from stopper.guards.classify import by_arguments, by_name
from stopper.guards.load import read_guards
from stopper.guards.provenance import ProvenanceGuard

QUICK = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
ODD = SCALARS | st.binary(max_size=20) | st.dates() | st.sets(st.integers(), max_size=3)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4), max_leaves=12
)  # fmt: skip
ANY = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=4) | st.tuples(inner) | st.dictionaries((SCALARS | st.binary(max_size=9)), inner, max_size=4), max_leaves=12
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "url",
        "sql",
        "command",
        "code",
        "_ref",
        "ref",
        "_idempotency_key",
        "_capability_token",
        "text",
    ]
)
ARGS = st.dictionaries(NAMES | st.text(max_size=9), ANY, max_size=5)
WORDS = ("properties", "items", "required", "anyOf", "allOf", "$ref", "type", "enum", "pattern", "patternProperties", "additionalProperties", "prefixItems", "$defs", "#", "#/$defs/a", "object", "string", "integer", "a")  # fmt: skip
SCHEMAS = st.recursive(
    st.sampled_from(WORDS) | SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@pytest.fixture(scope="module")
def chain() -> GuardChain:
    return create_default_guard_chain(
        get_schema=lambda _: {"properties": {"url": {"type": "string"}}}
    )


@given(tool=st.text(max_size=30), args=ARGS, output=ANY)
@QUICK
def test_every_call_has_a_verdict(
    chain: GuardChain, tool: str, args: dict[str, Any], output: Any
) -> None:
    chain.reset()
    said = (chain.check_all(tool, args), chain.check_output(tool, args, output))
    for result in said:
        assert result.code != "guard.error", result.reason
        assert (result.final_verdict is Verdict.REPAIR) is result.repaired


@given(
    schema=st.dictionaries(st.sampled_from(WORDS), SCHEMAS, max_size=5),
    args=st.dictionaries(st.sampled_from(WORDS), JSON, max_size=4),
)
@QUICK
def test_every_schema_has_an_answer(schema: dict[str, Any], args: dict[str, Any]) -> None:
    for coerce in (False, True):
        result = SchemaStrictnessGuard(get_schema=lambda _: schema, coerce_types=coerce).check(
            "t", args
        )
        assert result.code.startswith("schema.") or result.allowed


@given(
    text=st.text(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                "guards",
                ":",
                "\n",
                "  ",
                "concurrency",
                "global_max",
                "1",
                "{",
                "}",
                "[",
                "]",
                "=",
                '"',
                "-",
            ]
        ),
        max_size=25,
    ).map("".join),
    kind=st.sampled_from(["g.yml", "g.toml"]),
)
@QUICK
def test_a_file_loads_or_is_complained_about(text: str, kind: str) -> None:
    with suppress(SettingsError):
        read_guards(text, kind, {})


@given(
    token=st.text(max_size=200)
    | st.sampled_from(["cap-h1.", "cap-h1..", "cap-h1.e30.AA", "cap-e1.W10.AA"])
)
@QUICK
def test_no_text_is_a_token_or_a_reference(token: str) -> None:
    assert isinstance(read_capability(bytes(32), token, "t", {}, 0, requester="an agent"), Refusal)
    assert not ProvenanceGuard().is_genuine(token)


@given(tool=st.text(max_size=60), args=ARGS)
@QUICK
def test_names_and_arguments_have_classes(tool: str, args: dict[str, Any]) -> None:
    by_name(tool)
    by_arguments("run_sql", args)
    by_arguments("bash_python", args)
