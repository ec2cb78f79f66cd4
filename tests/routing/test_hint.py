"""Models for a task: sorted, with reasons, without those that cannot do it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.errors import SettingsError
from stopper.http import Health, limiter_for
from stopper.routing import (
    DEFAULT_MODEL_POOL,
    ModelCapability,
    ModelConfig,
    ModelPool,
    RoutingHint,
    Situation,
    TaskClass,
    current_situation,
    fallback_chain,
    load_config,
    packaged_config,
)
from stopper.telemetry import AlertLevel, TokenLedger
from stopper.testing.clock import Clock

CODE, REVIEW, QA = TaskClass.CODE_GENERATION, TaskClass.CODE_REVIEW, TaskClass.SIMPLE_QA
REASONING = TaskClass.COMPLEX_REASONING


def names(hint: RoutingHint, **known: Any) -> list[str]:
    return [one.name for one in hint.get_recommended_models(situation=Situation(**known))]


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    # what is asked               of whom                                                   when                                        who
    "code":                       ({"task_class": CODE},                                     {},                                         ["cerebras", "claude", "gpt-4o"]),
    "reasoning":                  ({"task_class": REASONING},                                {},                                         ["claude", "gpt-4o", "cerebras"]),
    "with tools":                 ({"task_class": CODE, "requires_tool_use": True},          {},                                         ["claude", "gpt-4o"]),
    "too long for one":           ({"task_class": CODE, "estimated_tokens": 60_000},         {},                                         ["claude", "gpt-4o"]),
    "too long for two":           ({"task_class": CODE, "estimated_tokens": 130_000},        {},                                         ["claude"]),
    "too long for all":           ({"task_class": CODE, "estimated_tokens": 10**6},          {},                                         []),
    "fast":                       ({"task_class": REASONING, "prefer_fast": True},           {},                                         ["claude", "cerebras", "gpt-4o"]),
    "a warning":                  ({"task_class": CODE},                                     {"burn": {"cerebras": AlertLevel.WARNING}}, ["cerebras", "claude", "gpt-4o"]),
    "critical":                   ({"task_class": CODE},                                     {"burn": {"cerebras": AlertLevel.CRITICAL}}, ["claude", "cerebras", "gpt-4o"]),
    "reviews only":               ({"task_class": CODE},                                     {"burn": {"cerebras": AlertLevel.FALLBACK}}, ["claude", "gpt-4o"]),
    "a review, then":             ({"task_class": REVIEW},                                   {"burn": {"anthropic": AlertLevel.FALLBACK}}, ["gpt-4o", "cerebras", "claude"]),
    "the day has no room":        ({"task_class": CODE, "estimated_tokens": 900},            {"left": {"cerebras": 899}},                ["claude", "gpt-4o"]),
    "a request has no room":      ({"task_class": CODE, "estimated_tokens": 900},            {"budgets": {"anthropic": 800}},            ["cerebras", "gpt-4o"]),
    "it fails":                   ({"task_class": CODE},                                     {"health": {"cerebras": Health(10, 9, 0)}}, ["claude", "gpt-4o", "cerebras"]),
    "it failed once":             ({"task_class": CODE},                                     {"health": {"cerebras": Health(1, 1, 0)}},  ["cerebras", "claude", "gpt-4o"]),
    "it asked to wait":           ({"task_class": CODE},                                     {"health": {"cerebras": Health(9, 0, 1, 61.0)}}, ["claude", "gpt-4o"]),
    "it is dear":                 ({"task_class": CODE},                                     {"prices": {"claude-sonnet-4-20250514": 0.02}}, ["cerebras", "gpt-4o", "claude"]),
}  # fmt: skip


@pytest.mark.parametrize(("wish", "known", "expected"), CASES.values(), ids=CASES)
def test_cases(wish: dict[str, Any], known: dict[str, Any], expected: list[str]) -> None:
    assert names(RoutingHint(**wish), **known) == expected


def test_what_is_left_out_says_why() -> None:
    hint = RoutingHint(task_class=CODE, estimated_tokens=60_000, requires_tool_use=True)
    last = hint.explain()[-1]
    assert (last.name, last.left_out) == ("cerebras", True)
    assert [reason.code for reason in last.reasons] == ["routing.no_tools", "routing.context"]
    assert last.reasons[1].text == "60,000 tokens do not fit into its 50,000"


def test_every_point_has_its_reason() -> None:
    best = RoutingHint(task_class=CODE).get_recommended_models()[0]
    assert best.score == sum(reason.points for reason in best.reasons) == 80
    assert (best.model_id, best.provider) == ("llama-4-scout-17b-16e-instruct", "cerebras")


@given(
    tokens=st.integers(0, 300_000),
    tools=st.booleans(),
    task=st.sampled_from(TaskClass),
    levels=st.fixed_dictionaries(
        {name: st.sampled_from(AlertLevel) for name in ("cerebras", "anthropic", "openai")}
    ),
)
def test_laws(tokens: int, tools: bool, task: TaskClass, levels: dict[str, AlertLevel]) -> None:
    """Whoever is recommended can do it; all are explained; the order is that of the scores."""
    hint = RoutingHint(task_class=task, estimated_tokens=tokens, requires_tool_use=tools)
    choices = hint.explain(situation=Situation(burn=levels))
    assert len(choices) == len(DEFAULT_MODEL_POOL.models)
    good = [choice for choice in choices if not choice.left_out]
    assert [choice.score for choice in good] == sorted((c.score for c in good), reverse=True)
    for choice in good:
        assert tokens <= choice.model.max_context
        assert not tools or choice.model.can(ModelCapability.TOOL_USE)
        assert levels[choice.provider] < AlertLevel.FALLBACK or task is REVIEW
    assert all(choice.reasons for choice in choices)


def test_a_chain_goes_to_another_provider_next() -> None:
    models = {
        f"{provider}-{number}": ModelConfig(
            model_id=f"m{number}", provider=provider, priority=90 - 10 * (provider == "b") - number
        )
        for provider in "ab"
        for number in range(3)
    }
    choices = RoutingHint(task_class=CODE).explain(ModelPool(models=models))
    assert [one.name for one in fallback_chain(choices)] == [
        *("a-0", "b-0", "a-1", "b-1", "a-2", "b-2")
    ]
    assert len(fallback_chain(choices, most=2)) == 2
    assert fallback_chain([]) == []


def test_the_situation_is_gathered(tmp_path: Path) -> None:
    clock = Clock()
    ledger = TokenLedger(tmp_path / "u.jsonl", clock=clock, environ={})
    ledger.record_usage("Cerebras", "m", 23_000_000, 0)
    limiter = limiter_for("cerebras")
    at = datetime(2026, 3, 31, tzinfo=UTC)
    found = current_situation(DEFAULT_MODEL_POOL, ledger, at=at)
    assert found.burn["cerebras"] is AlertLevel.FALLBACK
    assert found.burn["openai"] is AlertLevel.INFO
    assert found.left["cerebras"] == 1_000_000
    assert found.budgets == {"cerebras": 50_000, "anthropic": 180_000, "openai": 120_000}
    assert found.prices["gpt-4o"] == pytest.approx((3 * 2.5 + 10) / 4 / 1000)
    assert found.health["cerebras"] == limiter.health(0)


TABLE = """
[pool.mine]
model_id = "m-1"
provider = "openai"
priority = 99
capabilities = ["tool_use"]
"""


def test_a_pool_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "pool.toml"
    path.write_text(TABLE)
    config = load_config(path)
    assert [*config.pool] == ["mine"]
    assert config.affinity == packaged_config().affinity
    assert RoutingHint(task_class=CODE).get_recommended_models(config=config)[0].name == "mine"


BAD = {
    "no TOML": "pool = [",
    "no such capability": TABLE.replace("tool_use", "mind_reading"),
    "no such field": TABLE + "colour = 1\n",
    "no such table": "[models.x]\n",
    "a priority beyond all": TABLE.replace("99", "101"),
    "a price below zero": TABLE + "cost_per_1k_tokens = -1\n",
    "a price that is none": TABLE + "cost_per_1k_tokens = nan\n",
    "no such task": "[affinity.gardening]\ntool_use = 1\n",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_tables_that_do_not_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pool.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"pool\.toml: is no table of models"):
        load_config(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_config(tmp_path / "none.toml")


def test_the_packaged_table() -> None:
    config = packaged_config()
    assert set(config.affinity) == set(config.words) == set(TaskClass)
    assert len(ModelCapability) == 6
    with pytest.raises(ValueError, match="at most"):
        ModelPool(models={str(n): config.pool["claude"] for n in range(300)})
