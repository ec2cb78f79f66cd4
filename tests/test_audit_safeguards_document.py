"""The safeguards document's examples as written, and what its original got wrong.

Budgets of context, retries, telemetry and routing; the shell and safe writes have theirs beside them.
"""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stopper.http import (
    INITIAL_BACKOFF,
    MAX_RETRIES,
    RETRY_CODES,
    RetryingAsyncClient,
    policy_for,
)
from stopper.io_budget import (
    PROVIDER_BUDGETS,
    BudgetViolation,
    NarrowingMode,
    ProviderBudget,
    estimate_tokens,
    file_read_policy,
    narrow,
)
from stopper.routing import DEFAULT_MODEL_POOL, ModelCapability, ModelConfig
from stopper.telemetry import CEREBRAS_DAILY_LIMIT, DEFAULT_DAILY_LIMIT, AlertLevel


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("BUDGET_SOFT_THRESHOLD", "BUDGET_HARD_THRESHOLD", "TELEMETRY_PATH", "DAILY_LIMIT"):
        monkeypatch.delenv(f"STOPPER_{name}", raising=False)
    return tmp_path


# Part D


def test_provider_budgets() -> None:
    documented = {
        "cerebras": ProviderBudget(
            max_input_tokens=50_000,
            max_output_tokens=8_000,
            requests_per_minute=50,
            daily_token_limit=24_000_000,
        ),
        "anthropic": ProviderBudget(max_input_tokens=180_000, max_output_tokens=8_000),
        "openai": ProviderBudget(max_input_tokens=120_000, max_output_tokens=8_000),
        "gemini": ProviderBudget(max_input_tokens=1_000_000, max_output_tokens=8_000),
    }
    assert documented.items() <= PROVIDER_BUDGETS.items()


def test_io_budget_usage() -> None:
    context = "the parser of dates"
    from stopper.io_budget import (  # noqa: PLC0415  as written
        check_budget,
        get_narrowing_instructions,
    )

    result = check_budget(
        current_input_tokens=45000,
        current_output_tokens=3000,
        provider="cerebras",
    )

    assert result.violation == BudgetViolation.SOFT
    if result.violation == BudgetViolation.SOFT:
        instructions = get_narrowing_instructions(result, context)
        # Apply compaction strategy
        assert context in instructions


def test_names_and_thresholds() -> None:
    assert {mode.name for mode in NarrowingMode} == {
        "SUMMARIZE",
        "TRUNCATE_HEAD",
        "TRUNCATE_TAIL",
        "SEMANTIC_FILTER",
    }
    from stopper.io_budget import check_budget  # noqa: PLC0415  as elsewhere

    assert file_read_policy().max_lines == 400
    assert file_read_policy(check_budget(36_000, 0, "cerebras")).max_lines == 100
    assert estimate_tokens("tiktoken is great!") == 6


# Part F


def test_rate_limits() -> None:
    assert policy_for("cerebras").initial == 3.0
    assert policy_for("openai").initial == INITIAL_BACKOFF == 1.0
    assert MAX_RETRIES == policy_for("cerebras").tries == 5
    assert {429, 503} <= RETRY_CODES
    assert RetryingAsyncClient.__name__ == "RetryingAsyncClient"


# Part G


def test_the_token_ledger() -> None:
    from stopper.telemetry import TokenLedger  # noqa: PLC0415  as written

    ledger = TokenLedger(ledger_path=".stopper/usage.jsonl")

    # Record usage
    ledger.record_usage(
        provider="cerebras",
        model="llama-4-scout-17b-16e-instruct",
        input_tokens=5000,
        output_tokens=1200,
        latency_ms=340.5,
        operation="code_generation",
    )

    # Check burn rate
    burn_info = ledger.check_burn_rate("cerebras")
    assert not burn_info.alert_level >= AlertLevel.WARNING
    assert burn_info.used_tokens == 6200
    line = json.loads(Path(".stopper/usage.jsonl").read_text())
    assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC
    assert (line["provider"], line["input_tokens"], line["output_tokens"]) == (
        "cerebras",
        5000,
        1200,
    )


def test_daily_limits() -> None:
    assert CEREBRAS_DAILY_LIMIT == 24_000_000
    assert DEFAULT_DAILY_LIMIT == 100_000_000
    assert PROVIDER_BUDGETS["cerebras"].daily_token_limit == CEREBRAS_DAILY_LIMIT


ALERTS = {
    # share used    level                  action
    50:            (AlertLevel.INFO,      "Normal operation"),
    70:            (AlertLevel.WARNING,   "Reduce context, prefer cached"),
    75:            (AlertLevel.WARNING,   "Reduce context, prefer cached"),
    90:            (AlertLevel.CRITICAL,  "Minimal context only"),
    92:            (AlertLevel.CRITICAL,  "Minimal context only"),
    95:            (AlertLevel.FALLBACK,  "Review-only mode, no generation"),
    96:            (AlertLevel.FALLBACK,  "Review-only mode, no generation"),
}  # fmt: skip


@pytest.mark.parametrize(("percent", "level"), [(p, row[0]) for p, row in ALERTS.items()])
def test_alert_levels(percent: int, level: AlertLevel) -> None:
    from stopper.telemetry import TokenLedger  # noqa: PLC0415  as elsewhere

    ledger = TokenLedger()
    ledger.record_usage("Cerebras", "m", CEREBRAS_DAILY_LIMIT * percent // 100, 0)
    burn = ledger.check_burn_rate("cerebras")
    assert (burn.alert_level, burn.action) == (level, ALERTS[percent][1])


# Part I


def test_the_default_model_pool() -> None:
    documented = {
        "cerebras": ModelConfig(
            model_id="llama-4-scout-17b-16e-instruct",
            provider="cerebras",
            priority=80,
            capabilities=(ModelCapability.FAST_INFERENCE, ModelCapability.CODE_SPECIALIZED),
            max_context=50000,
            cost_per_1k_tokens=0.0,
        ),
        "claude": ModelConfig(
            model_id="claude-sonnet-4-20250514",
            provider="anthropic",
            priority=70,
            capabilities=(
                ModelCapability.STRONG_REASONING,
                ModelCapability.LONG_CONTEXT,
                ModelCapability.TOOL_USE,
            ),
            max_context=180000,
            cost_per_1k_tokens=0.003,
        ),
        "gpt-4o": ModelConfig(
            model_id="gpt-4o",
            provider="openai",
            priority=60,
            capabilities=(ModelCapability.STRONG_REASONING, ModelCapability.TOOL_USE),
            max_context=120000,
            cost_per_1k_tokens=0.005,
        ),
    }
    assert DEFAULT_MODEL_POOL.models == documented


def test_routing_hints() -> None:
    from stopper.routing import RoutingHint, TaskClass  # noqa: PLC0415  as written

    hint = RoutingHint(
        task_class=TaskClass.CODE_GENERATION,
        estimated_tokens=30000,
        requires_tool_use=True,
        prefer_fast=True,
    )

    recommended = hint.get_recommended_models(DEFAULT_MODEL_POOL)
    # Returns models sorted by suitability
    assert [one.model_id for one in recommended] == ["claude-sonnet-4-20250514", "gpt-4o"]
    assert {task.name for task in TaskClass} == {
        *("CODE_GENERATION", "COMPLEX_REASONING", "SIMPLE_QA", "CODE_REVIEW"),
        *("REFACTORING", "DOCUMENTATION", "TESTING", "DEBUGGING"),
    }


# Integration points


class BudgetExceededError(Exception):
    """As the document's agents have it."""


def test_the_agents_base_class() -> None:
    from stopper.io_budget import check_budget  # noqa: PLC0415  as written

    sent: list[list[dict[str, Any]]] = []

    def apply_compaction(
        messages: list[dict[str, Any]], mode: NarrowingMode | None
    ) -> list[dict[str, Any]]:
        assert mode is not None
        return narrow(messages, mode, 30_000, summarize=lambda gone: f"{len(gone)} are gone")

    async def send_message(messages: list[dict[str, Any]], provider: str) -> None:
        result = check_budget(estimate_tokens(messages), 0, provider)
        if result.violation == BudgetViolation.HARD:
            raise BudgetExceededError(result.message)
        if result.violation == BudgetViolation.SOFT:
            messages = apply_compaction(messages, result.narrowing_mode)
        sent.append(messages)

    turns = [{"role": "user", "content": "word " * 1000} for _ in range(60)]
    asyncio.run(send_message(turns[:40], "Cerebras"))
    assert estimate_tokens(sent[0]) <= 30_000
    with pytest.raises(BudgetExceededError, match="Over budget"):
        asyncio.run(send_message(turns, "Cerebras"))


def test_the_llm_client() -> None:
    from stopper.telemetry import TokenLedger  # noqa: PLC0415  as written

    ledger = TokenLedger()

    class Client:
        provider, model = "anthropic", "claude-sonnet-5"

        async def ask(self, messages: list[str]) -> SimpleNamespace:
            usage = SimpleNamespace(input_tokens=len(messages), output_tokens=7)
            return SimpleNamespace(usage=usage)

        async def complete(self, messages: list[str]) -> SimpleNamespace:
            response = await self.ask(messages)
            ledger.record_usage(
                provider=self.provider,
                model=self.model,
                input_tokens=response.usage.input_tokens,
                output_tokens=response.usage.output_tokens,
            )
            return response

    asyncio.run(Client().complete(["Hi."]))
    assert ledger.check_burn_rate("Anthropic").used_tokens == 8


# Configuration


def test_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOPPER_BUDGET_SOFT_THRESHOLD", "0.70")
    monkeypatch.setenv("STOPPER_BUDGET_HARD_THRESHOLD", "0.95")
    monkeypatch.setenv("STOPPER_TELEMETRY_PATH", ".stopper/usage.jsonl")
    monkeypatch.setenv("STOPPER_DAILY_LIMIT", "24000000")
    from stopper.io_budget import check_budget  # noqa: PLC0415  as elsewhere
    from stopper.telemetry import TokenLedger  # noqa: PLC0415  as elsewhere

    assert check_budget(35_000, 0, "cerebras").violation == BudgetViolation.SOFT
    ledger = TokenLedger()
    assert ledger.check_burn_rate("openai").daily_limit == 24_000_000
    ledger.record_usage("openai", "m", 1, 1)
    assert (project / ".stopper" / "usage.jsonl").exists()


# What the original got wrong, where no other test of these modules says so


def test_output_is_checked_too() -> None:
    from stopper.io_budget import check_budget  # noqa: PLC0415  as elsewhere

    assert check_budget(0, 7_900, "openai").violation == BudgetViolation.HARD


def test_an_estimate_is_no_three_times_too_high() -> None:
    """A hundred characters of prose were 70 tokens."""
    text = "The quick brown fox jumps over the lazy dog, and then it does so again, because nobody minds. So."
    assert 20 <= estimate_tokens(text) <= 27
