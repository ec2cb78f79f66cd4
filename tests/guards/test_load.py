"""Chains from files, and complaints that name the line, the field and what is allowed."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from stopper.errors import SettingsError
from stopper.guards.chain import GuardChain
from stopper.guards.concurrency import ConcurrencyGuard
from stopper.guards.kinds import KINDS
from stopper.guards.load import read_guards
from stopper.guards.models import EnforcementLevel
from stopper.guards.network_policy import NetworkPolicyGuard
from stopper.guards.output_size import OutputSizeGuard, TruncationMode
from stopper.guards.schema import SchemaStrictnessGuard

YAML = """\
guards:
  schema_strictness:
    coerce_types: true
    mode: warn
  network_policy:
    allowed_domains: [api.example.com, cdn.example.com]
  slots:
    guard: concurrency
    global_max: 7
    per_tool_max: {heavy: 2}
  output_size:
    truncation_mode: truncate
    shadow: true
  timeout_budget:
"""
TOML = """\
[guards.schema_strictness]
coerce_types = true
mode = "warn"

[guards.network_policy]
allowed_domains = ["api.example.com", "cdn.example.com"]

[guards.slots]
guard = "concurrency"
global_max = 7
per_tool_max.heavy = 2

[guards.output_size]
truncation_mode = "truncate"
shadow = true

[guards.timeout_budget]
"""


def no_schema(_: str) -> None:
    return None


@pytest.mark.parametrize(("name", "text"), [("g.yml", YAML), ("g.toml", TOML)])
def test_a_chain_from_a_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    chain = GuardChain.from_file(tmp_path / name, get_schema=no_schema)
    schema, network, slots, timeout, size = (guard for _, guard in chain)
    assert [n for n, _ in chain] == [
        "schema_strictness", "network_policy", "slots", "timeout_budget", "output_size",
    ]  # fmt: skip
    assert isinstance(schema, SchemaStrictnessGuard)
    assert (schema.config.coerce_types, schema.config.mode) == (True, EnforcementLevel.WARN)
    assert isinstance(network, NetworkPolicyGuard)
    assert network.config.allowed_domains == {"api.example.com", "cdn.example.com"}
    assert isinstance(slots, ConcurrencyGuard)
    assert (slots.config.global_max, slots.config.per_tool_max) == (7, {"heavy": 2})
    assert isinstance(size, OutputSizeGuard)
    assert size.config.truncation_mode is TruncationMode.TRUNCATE
    assert timeout
    assert chain.check_output("t", {}, "x" * 200_000).allowed, "a shadow only looks"


FAULTS: dict[str, tuple[str, str]] = {
    # what we try            text                                                          complaint
    "an unknown level":    ("guards:\n  network_policy:\n    mode: on\n",                  "g.yml:3:11: guards.network_policy.mode: read 'on'; use one of: off, warn, block"),
    "an unknown field":    ("guards:\n  network_policy:\n    block_privat_ips: true\n",    "g.yml:3:5: read 'block_privat_ips', which is no field of this guard; did you mean 'block_private_ips'?; allowed: "),
    "an unknown guard":    ("guards:\n  netwrok_policy:\n",                                "g.yml:2:3: read 'netwrok_policy', which is no guard; another name needs guard: KIND below it; did you mean 'network_policy'?; allowed: budget, "),
    "an unknown kind":     ("guards:\n  x:\n    guard: y\n",                               "g.yml:3:12: guards.x.guard: read 'y'; use one of: schema_strictness, "),
    "a negative number":   ("guards:\n  concurrency:\n    global_max: -1\n",               "g.yml:3:17: guards.concurrency.global_max: read '-1'; use a whole number from 0 on"),
    "a chain below none":  ("guards:\n  plan_shape:\n    max_chain_length: -1\n",          "g.yml:3:23: guards.plan_shape.max_chain_length: read '-1'; use a whole number from 0 on"),
    "too deep":            ("guards:\n  output_size:\n    max_depth: 65\n",                 "g.yml:3:16: guards.output_size.max_depth: read '65'; use a whole number from 0 to 64"),
    "a threshold of none": ("guards:\n  saturation:\n    z_threshold: nan\n",               "g.yml:3:18: guards.saturation.z_threshold: read 'nan'; use a number from 0"),
    "a grouped word":      ("guards:\n  output_size:\n    max_bytes: 100_\n",               "g.yml:3:16: guards.output_size.max_bytes: read '100_'; use a whole number from 0 on"),
    "a word for a number": ("guards:\n  concurrency:\n    global_max: many\n",             "g.yml:3:17: guards.concurrency.global_max: read 'many'; use a whole number from 0 on"),
    "a map for a text":    ("guards:\n  concurrency:\n    mode: {a: b}\n",                 "g.yml:3:11: guards.concurrency.mode: read a map; use one of: off, warn, block"),
    "a bad shadow":        ("guards:\n  concurrency:\n    shadow: maybe\n",                "g.yml:3:13: guards.concurrency.shadow: read 'maybe'; use true or false"),
    "a guard as a text":   ("guards:\n  concurrency: yes\n",                               "g.yml:2:16: guards.concurrency: read 'yes'; write its fields below it"),
    "another root":        ("guard:\n  concurrency:\n",                                    "g.yml:1:1: read 'guard', which is no part of such a file; did you mean 'guards'?; allowed: guards"),
    "no guards":           ("",                                                            "g.yml: no guards: in it"),
    "a list":              ("- concurrency\n",                                             "g.yml:1:1: read a list; write guards:"),
    "a key is needed":     ("guards:\n  side_effect:\n    require_capability_token: true\n", "g.yml:3:31: guards.side_effect.require_capability_token: read 'true'; require_capability_token needs capability_key"),
    "a schema is needed":  ("guards:\n  schema_strictness:\n",                             "needs get_schema=..., given in Python"),
    "a broken pattern":    ("guards:\n  sensitive_data:\n    custom_patterns: {mine: '(('}\n", "g.yml:3:29: guards.sensitive_data.custom_patterns.mine: read '(('; "),
    "an empty field":      ("guards:\n  network_policy:\n    allowed_domains:\n",          "g.yml:3:21: guards.network_policy.allowed_domains: read nothing; use a list, each of it a text, or leave allowed_domains out"),
    "null":                ("guards:\n  network_policy: {allowed_domains: null}\n",        "g.yml:2:37: guards.network_policy.allowed_domains: read nothing; use a list"),
    "an empty entry":      ("guards:\n  network_policy:\n    allowed_domains: [a.com, ]\n    blocked_domains:\n      - b.com\n      -\n", "g.yml:6:8: guards.network_policy.blocked_domains: read nothing; use a text"),
    "an empty guard":      ("guards:\n  budget:\n    shadow:\n",                          "g.yml:3:12: guards.budget.shadow: read nothing; use true or false"),
    "guards, and none":    ("guards:\n",                                                  "g.yml:1:1: guards: no guard below it; write each guard by its name"),
    "an empty map":        ("guards: {}\n",                                               "g.yml:1:1: guards: no guard below it"),
    "a word for a switch": ("guards:\n  sensitive_data:\n    check_args: yes\n",          "g.yml:3:17: guards.sensitive_data.check_args: read 'yes'; use true or false"),
    "a broken number":     ("guards:\n  concurrency:\n    global_max: 1.5\n",             "g.yml:3:17: guards.concurrency.global_max: read '1.5'; use a whole number from 0 on"),
    "a text for a list":   ("guards:\n  network_policy:\n    allowed_domains: a.com\n",   "g.yml:3:22: guards.network_policy.allowed_domains: read 'a.com'; use a list, each of it a text"),
    "a bad entry below":   ("guards:\n  network_policy:\n    mode: warn\n    allowed_domains:\n      - a.com\n      # more\n      - exa mple\n", "g.yml:7:9: guards.network_policy.allowed_domains: read 'exa mple'; 'exa mple' is no rule of an allowlist"),
    "a rule nobody knows": ("guards:\n  network_policy:\n    allowed_domains:\n      - a.com\n      - b.com:99999\n", "g.yml:5:9: guards.network_policy.allowed_domains: read 'b.com:99999'; "),
    "a bad pattern below": ("guards:\n  sensitive_data:\n    custom_patterns:\n      good: a+b\n      bad: '('\n", "g.yml:5:12: guards.sensitive_data.custom_patterns.bad: read '('; "),
    "a bad count below":   ("guards:\n  concurrency:\n    per_tool_max:\n      heavy: 1\n      light: two\n", "g.yml:5:14: guards.concurrency.per_tool_max.light: read 'two'; use a whole number from 0 on"),
    "a bad word below":    ("guards:\n  timeout_budget:\n    degrade_actions:\n      - disable_retries\n      - sleep\n", "g.yml:5:9: guards.timeout_budget.degrade_actions: read 'sleep'; use one of: disable_retries, "),
    "a ratio":             ("guards:\n  budget:\n    max_calls_per_run: 3\n    soft_ratio: 2\n", "g.yml:4:17: guards.budget.soft_ratio: read '2'; use 0 to 1"),
    "two that do not fit": ("guards:\n  runaway:\n    mode: warn\n    max_loop_length: 99\n    max_loop_rounds: 99\n", "g.yml:4:22: guards.runaway.max_loop_length: read '99'; max_same_call is at most 1024, and so is max_loop_length times max_loop_rounds"),
    "two bad fields":      ("guards:\n  network_policy:\n    mode: warn\n    allowed_domains: ['a b']\n    blocked_domains: ['c d']\n", "g.yml:4:23: guards.network_policy.allowed_domains: read 'a b'; 'a b' is no rule of an allowlist"),
    "no YAML":             ("guards: [\n",                                                 "g.yml:2:1: not readable as YAML"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "complaint"), FAULTS.values(), ids=FAULTS)
def test_complaints(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_guards(text, "g.yml", {})
    assert complaint in str(caught.value)


TOML_FAULTS: dict[str, tuple[str, str]] = {
    # what we try         text                                                               complaint
    "a level":          ('[guards.network_policy]\n\nmode = "on"\n',                        "g.toml:3:1: guards.network_policy.mode: read 'on'; use one of: off, warn, block"),
    "a count below":    ("[guards.concurrency]\nglobal_max = 3\n\n[guards.concurrency.per_tool_max]\nheavy = 1\nlight = 'two'\n", "g.toml:6:1: guards.concurrency.per_tool_max.light: read 'two'; use a whole number from 0 on"),
    "a count inline":   ("[guards.concurrency]\nper_tool_max = { heavy = 1, light = 'two' }\n", "g.toml:2:1: guards.concurrency.per_tool_max.light: read 'two'; use a whole number from 0 on"),
    "a domain":         ('[guards.network_policy]\nallowed_domains = [\n  "a.com", # "exa mple"\n  "exa mple",\n]\n', "g.toml:4:3: guards.network_policy.allowed_domains: read 'exa mple'; 'exa mple' is no rule of an allowlist"),
    "a pattern":        ('[guards.sensitive_data]\ncheck_args = true\n[guards.sensitive_data.custom_patterns]\nbad = "("\n', "g.toml:4:1: guards.sensitive_data.custom_patterns.bad: read '('; "),
    "a switch":         ("[guards.sensitive_data]\ncheck_args = 'yes'\n",                   "g.toml:2:1: guards.sensitive_data.check_args: read 'yes'; use true or false"),
    "guards, and none": ("[guards]\n",                                                       "g.toml:1:2: guards: no guard below it"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "complaint"), TOML_FAULTS.values(), ids=TOML_FAULTS)
def test_complaints_about_toml(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_guards(text, "g.toml", {})
    assert complaint in str(caught.value)


@pytest.mark.parametrize("file", ["g.yml", "g.toml"])
def test_numbers_may_be_written_as_in_python(file: str) -> None:
    text = {
        "g.yml": "guards:\n  output_size: {max_bytes: 50_000}\n  budget: {max_dollars_per_run: 1_000.5}\n"
        "  concurrency: {per_tool_max: {a_1: 1_000}}\n  taint: {secret_tools: [1_000]}\n",
        "g.toml": "[guards]\noutput_size.max_bytes = 50_000\nbudget.max_dollars_per_run = 1_000.5\n"
        "concurrency.per_tool_max.a_1 = 1_000\ntaint.secret_tools = ['1_000']\n",
    }[file]
    size, budget, slots, taint = (one.config for _, one in read_guards(text, file, {}).guards)  # type: ignore[attr-defined]
    assert (size.max_bytes, budget.max_dollars_per_run) == (50_000, 1000.5)
    assert slots.per_tool_max == {"a_1": 1000}
    assert taint.secret_tools == {"1_000"}


LIMITS: dict[str, tuple[str, str, Any]] = {
    # what is senseless      guard             field                         value
    "a chain":             ("plan_shape",     "max_chain_length",           -1),
    "tools":               ("plan_shape",     "max_unique_tools",           -1),
    "a fan":               ("plan_shape",     "max_fan_out",                -1),
    "a batch":             ("plan_shape",     "max_batch_size",             -1),
    "a spread":            ("plan_shape",     "fan_out_threshold",          0),
    "a turn":              ("timeout_budget", "per_turn_budget_ms",         -1),
    "a plan":              ("timeout_budget", "per_plan_budget_ms",         -1),
    "a ratio of time":     ("timeout_budget", "soft_budget_ratio",          float("nan")),
    "a score":             ("saturation",     "z_threshold",                float("nan")),
    "a score below none":  ("saturation",     "z_threshold",                -1),
    "a tolerance":         ("saturation",     "tolerance",                  -1),
    "no tolerance":        ("saturation",     "tolerance",                  float("nan")),
    "results":             ("saturation",     "max_consecutive_degenerate", 0),
    "bytes":               ("output_size",    "max_bytes",                  -1),
    "tokens":              ("output_size",    "max_tokens",                 -1),
    "depth":               ("output_size",    "max_depth",                  65),
    "no characters":       ("output_size",    "chars_per_token",            0),
    "repetitions":         ("runaway",        "max_same_call",              0),
    "loops":               ("runaway",        "max_loop_length",            -1),
    "dollars":             ("budget",         "max_dollars_per_run",        1e12),
    "calls":               ("budget",         "max_calls_per_run",          -1),
    "a ratio":             ("budget",         "soft_ratio",                 float("nan")),
    "tries":               ("retry_safety",   "max_same_signature_retries", 0),
    "a multiplier":        ("retry_safety",   "backoff_multiplier",         float("nan")),
    "slots":               ("concurrency",    "global_max",                 -1),
    "outputs":             ("provenance",     "max_history_size",           0),
}  # fmt: skip


@pytest.mark.parametrize(("name", "field", "value"), LIMITS.values(), ids=LIMITS)
def test_senseless_limits_are_refused_by_their_names(name: str, field: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=rf"\.{field}: read .*; use "):
        KINDS[name].guard(**{field: value})
    with pytest.raises(SettingsError, match=rf"g\.yml:.*\.{field}: read .*; use "):
        read_guards(f"guards: {{{name}: {{{field}: {value}}}}}\n", "g.yml", {})


def test_what_no_guard_takes_is_refused() -> None:
    with pytest.raises(SettingsError, match="no guard takes get_shema; did you mean 'get_schema'"):
        read_guards("guards:\n  concurrency:\n", "g.yml", {"get_shema": no_schema})


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        GuardChain.from_file(tmp_path / "none.yml")
    (tmp_path / "g.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="write it in UTF-8"):
        GuardChain.from_file(tmp_path / "g.yml")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_guard_loads_with_its_defaults(name: str) -> None:
    given: dict[str, Any] = {"get_schema": no_schema} if name == "schema_strictness" else {}
    ((named, guard),) = read_guards(f"guards:\n  {name}:\n", "g.yml", given).guards
    assert named == name
    assert ((named, guard),) == tuple(GuardChain([guard]))
    assert {field.name for field in fields(KINDS[name].config)} >= {"enforcement_level"} or any(
        field.name == "mode" for field in fields(KINDS[name].config)
    )
