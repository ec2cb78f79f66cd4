"""The examples that the safety module's documentation has always shown, and what they say."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from io import StringIO
from typing import Any, ParamSpec

import pytest

from stopper.safety import (
    ActionType,
    BudgetStatus,
    BudgetTracker,
    PolicyDecision,
    PolicyGate,
    Redactor,
    SecretPattern,
)

_P = ParamSpec("_P")

KEY = "sk-" + "1234567890abcdef"


def awaited(function: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """A test that awaits."""

    @wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        asyncio.run(function(*args, **kwargs))

    del run.__wrapped__
    return run


# the module's page


def test_check_an_action() -> None:
    gate = PolicyGate(
        enable_code_execution=True,
        enable_network_access=True,
        enable_deployments=False,
        enable_billing=False,
    )

    decision = gate.check_action(ActionType.EXECUTE_CODE, {"command": "npm install"})

    if not decision.allowed:
        raise Exception(f"Action blocked: {decision.reason}")  # noqa: TRY002  as it is documented

    assert not decision.requires_approval
    assert gate.check_action(ActionType.DEPLOY, {}) == PolicyDecision(
        False, "Deployment is disabled by policy", code="policy.disabled"
    )
    assert not gate.check_action(ActionType.CREATE_BILLING, {}).allowed


def test_who_only_looks_at_allowed_lets_nothing_through_that_needs_approval() -> None:
    """The example passes where an approval is required, so `allowed` has to be false then."""
    gate = PolicyGate(enable_deployments=True, enable_billing=True)
    for action in (ActionType.DEPLOY, ActionType.CREATE_BILLING, ActionType.DELETE_FILES):
        decision = gate.check_action(action, {"path": "build"})
        assert decision.requires_approval
        assert not decision.allowed


@awaited
async def test_track_a_budget() -> None:
    tracker = BudgetTracker()

    status = await tracker.create_budget(run_id="run-123", limit=10.0)
    assert status == BudgetStatus("run-123", 0.0, 10.0, 10.0, False)

    can_spend = await tracker.check_can_spend(run_id="run-123", amount=0.05)
    assert can_spend

    status = await tracker.spend(run_id="run-123", amount=0.05)
    assert f"Spent: ${status.spent}, Remaining: ${status.remaining}" == (
        "Spent: $0.05, Remaining: $9.95"
    )
    assert (status.limit, status.exceeded) == (10.0, False)


def test_redact_secrets() -> None:
    redactor = Redactor()
    text = f"export OPENAI_API_KEY={KEY}"
    assert redactor.redact(text) == "export OPENAI_API_KEY=[REDACTED:OPENAI_API_KEY]"

    text = "DATABASE_URL=postgres://a SECRET_KEY='two words' PORT=80"
    assert redactor.redact_env_vars(text, ["DATABASE_URL", "SECRET_KEY"]) == (
        "DATABASE_URL=[REDACTED:ENV_VAR] SECRET_KEY=[REDACTED:ENV_VAR] PORT=80"
    )


def test_the_answer_of_the_api() -> None:
    decision = PolicyGate().check_action("execute_code", {"command": "npm install express"})
    assert decision.allowed
    assert decision.reason == "Action allowed by policy"
    assert not decision.requires_approval


def test_destructive_command_blocked() -> None:
    gate = PolicyGate()
    decision = gate.check_action(ActionType.EXECUTE_CODE, {"command": "rm -rf /"})
    assert not decision.allowed
    assert "destructive" in decision.reason.lower()


def test_a_database_is_not_dropped_unasked() -> None:
    decision = PolicyGate().check_action(ActionType.EXECUTE_CODE, {"command": "DROP TABLE users"})
    assert not decision.allowed
    assert "destructive" in decision.reason.lower()


# the quick reference


def test_check_policy() -> None:
    gate = PolicyGate(enable_code_execution=True)
    decision = gate.check_action(ActionType.EXECUTE_CODE, {"command": "npm install"})

    if not decision.allowed:
        raise Exception(decision.reason)  # noqa: TRY002  as it is documented


@awaited
async def test_a_budget_from_beginning_to_end() -> None:
    tracker = BudgetTracker()

    await tracker.create_budget("run-123", 10.0)
    can_spend = await tracker.check_can_spend("run-123", 0.05)
    assert can_spend
    status = await tracker.spend("run-123", 0.05)
    assert status == await tracker.get_status("run-123")
    assert status.spent == 0.05


def test_redact_all_known_patterns() -> None:
    redactor = Redactor()

    text = f"API key: {KEY}"
    assert redactor.redact(text) == "API key: [REDACTED:OPENAI_API_KEY]"

    env_text = "DATABASE_URL=postgresql://user:pass@host/db"
    clean = redactor.redact_env_vars(env_text, ["DATABASE_URL"])
    assert clean == "DATABASE_URL=[REDACTED:ENV_VAR]"


def test_a_pattern_of_ones_own_is_this_redactors_alone() -> None:
    redactor = Redactor()
    redactor.add_pattern(SecretPattern("TICKET", r"TK-\d{4}"))
    assert redactor.redact("see TK-1234") == "see [REDACTED:TICKET]"
    assert Redactor().redact("see TK-1234") == "see TK-1234"


def test_the_kinds_of_action() -> None:
    assert [
        ActionType.EXECUTE_CODE,
        ActionType.DEPLOY,
        ActionType.CREATE_BILLING,
        ActionType.DELETE_FILES,
        ActionType.NETWORK_ACCESS,
    ] == ["execute_code", "deploy", "create_billing", "delete_files", "network_access"]


@awaited
async def test_batch_execution_with_budget() -> None:
    tracker = BudgetTracker()
    executed: list[str] = []

    async def execute_with_budget(run_id: str, commands: list[str]) -> BudgetStatus:
        for cmd in commands:
            if not await tracker.check_can_spend(run_id, 0.01):
                raise Exception("Budget exceeded")  # noqa: TRY002  as it is documented

            executed.append(cmd)

            await tracker.spend(run_id, 0.01)

        return await tracker.get_status(run_id)

    await tracker.create_budget("run-123", 0.03)
    status = await execute_with_budget("run-123", ["a", "b"])
    assert (status.spent, status.remaining) == (0.02, 0.01)
    with pytest.raises(Exception, match="Budget exceeded"):
        await execute_with_budget("run-123", ["c", "d"])
    assert executed == ["a", "b", "c"]


def test_secure_logging() -> None:
    redactor = Redactor()
    out = StringIO()
    logger = logging.Logger("safe")  # noqa: LOG001  nobody else's
    logger.addHandler(logging.StreamHandler(out))

    def safe_log(message: str, **context: Any) -> None:
        safe_context = {k: redactor.redact(str(v)) for k, v in context.items()}
        logger.info(redactor.redact(message), extra=safe_context)
        logger.info("%s", safe_context)

    safe_log(f"key is {KEY}", header=f"x-api-key: {KEY}", count=3)
    assert KEY not in out.getvalue()
    assert "key is [REDACTED:" in out.getvalue()
    assert "'count': '3'" in out.getvalue()


# troubleshooting


@awaited
async def test_budget_not_found() -> None:
    with pytest.raises(ValueError, match="Budget not found for run_id: xyz"):
        await BudgetTracker().get_status("xyz")


def test_the_imports_of_the_quick_reference() -> None:
    module = sys.modules["stopper.safety"]
    for documented in (
        PolicyGate, ActionType, PolicyDecision, BudgetTracker, BudgetStatus, Redactor, SecretPattern,
    ):  # fmt: skip
        assert getattr(module, documented.__name__) is documented
