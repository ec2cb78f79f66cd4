"""Limits on calls, tokens and dollars, with a real ledger behind them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from stopper.core.scope import path_of
from stopper.core.usage import Quality, Usage, Weights
from stopper.errors import GuardError, SettingsError
from stopper.guards.budget import BudgetConfig, BudgetGuard, Spent
from stopper.guards.models import EnforcementLevel
from stopper.stores import open_ledger
from stopper.stores.ledger import Ledger, Run, Settle, UsageRow

NOON = datetime(2026, 3, 31, 12, 0, 0, tzinfo=UTC)


class Spender:
    """A ledger with the runs `r` and `other`, and model calls that it is told of."""

    def __init__(self) -> None:
        self.ledger: Ledger = open_ledger("memory:")
        self.number = 0
        for run in ("r", "other"):
            self.ledger.add_run(Run(run, run, "a", path_of(run, "a", run), NOON))

    def spend(self, tokens: int, micros: int | None, run: str = "r") -> None:
        self.number += 1
        usage = Usage(input=tokens, quality=Quality.MEASURED)
        row = UsageRow(f"h{self.number}", run, "anthropic", "m", usage, micros, NOON)
        self.ledger.apply([Settle(row)], NOON)


@pytest.fixture
def spender() -> Iterator[Spender]:
    spender = Spender()
    yield spender
    spender.ledger.close()


CALLS: dict[str, tuple[dict[str, Any], int, str]] = {
    # limits                        fields                        calls that go  code of the next
    "none":                       ({},                            50, ""),
    "of the turn":                ({"max_calls_per_turn": 5},     5,  "budget.calls_per_turn"),
    "of the run":                 ({"max_calls_per_run": 7},      7,  "budget.calls_per_run"),
    "of both":                    ({"max_calls_per_turn": 5, "max_calls_per_run": 3}, 3, "budget.calls_per_run"),
    "nothing at all":             ({"max_calls_per_run": 0},      0,  "budget.calls_per_run"),
    "off":                        ({"max_calls_per_run": 0, "mode": "off"}, 50, ""),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "count", "code"), CALLS.values(), ids=CALLS)
def test_calls(fields: dict[str, Any], count: int, code: str) -> None:
    guard = BudgetGuard(**fields)
    assert not any(guard.check("t", {}).blocked for _ in range(count))
    result = guard.judge("t", {})
    assert (result.blocked, result.code) == (bool(code), code)
    assert guard.check("t", {}) == result


@pytest.mark.parametrize("begin", [BudgetGuard.start_turn, BudgetGuard.reset])
def test_a_turn_starts_again_and_a_run_goes_on(begin: Callable[[BudgetGuard], None]) -> None:
    guard = BudgetGuard(max_calls_per_turn=2, max_calls_per_run=3, soft_ratio=1)
    codes = []
    for _ in range(2):
        codes += [guard.check("t", {}).code for _ in range(3)]
        begin(guard)
    assert codes == [
        "",
        "",
        "budget.calls_per_turn",
        "",
        "budget.calls_per_run",
        "budget.calls_per_run",
    ]
    guard.start_run()
    assert guard.check("t", {}).allowed


COSTS: dict[str, tuple[dict[str, Any], str]] = {
    # 1000 tokens and $0.30 spent        limits                                    code
    "enough":                          ({"max_tokens_per_run": 2000},              ""),
    "nearly all tokens":               ({"max_tokens_per_run": 1200},              "budget.soft_limit"),
    "all tokens":                      ({"max_tokens_per_run": 1000},              "budget.tokens_per_run"),
    "the turn's tokens":               ({"max_tokens_per_turn": 900},              "budget.tokens_per_turn"),
    "enough dollars":                  ({"max_dollars_per_run": 0.5},              ""),
    "all dollars":                     ({"max_dollars_per_run": 0.3},              "budget.micros_per_run"),
    "the turn's dollars":              ({"max_dollars_per_turn": 0.1},             "budget.micros_per_turn"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "code"), COSTS.values(), ids=COSTS)
def test_what_a_ledger_has(spender: Spender, fields: dict[str, Any], code: str) -> None:
    guard = BudgetGuard(spending=spender.ledger, run="r", **fields)
    assert guard.check("t", {}).code == ""
    for _ in range(10):
        spender.spend(100, 30_000)
        spender.spend(10**6, 10**9, run="other")
    result = guard.check("t", {})
    assert result.code == code
    assert result.blocked == ("_per_" in code)
    assert guard.spent() == Spent(1 if result.blocked else 2, 1000, 300_000)
    guard.start_turn()
    assert guard.spent_in_turn() == Spent()
    assert guard.judge("t", {}).blocked == ("_per_run" in code)


def test_three_times_ten_cents_are_thirty() -> None:
    guard = BudgetGuard(max_dollars_per_run=0.3, soft_ratio=1)
    for _ in range(3):
        assert guard.check("t", {}).allowed
        guard.record(micros=100_000)
    result = guard.check("t", {})
    assert result.reason == "The dollars of this run are used up: $0.30 of $0.30"


def test_what_has_no_price_fits_no_dollar_limit(spender: Spender) -> None:
    spender.spend(10, None)
    dollars = BudgetGuard(spending=spender.ledger, run="r", max_dollars_per_run=5)
    assert dollars.check("t", {}).code == "budget.unpriced"
    tokens = BudgetGuard(spending=spender.ledger, run="r", max_tokens_per_run=100)
    assert tokens.check("t", {}).code == ""


def test_weights_and_own_records(spender: Spender) -> None:
    spender.spend(100, 0)
    weights = Weights.parse({"input": 0.5})
    guard = BudgetGuard(spending=spender.ledger, run="r", weights=weights, max_tokens_per_run=60)
    guard.record(tokens=5)
    assert guard.spent() == Spent(0, 55, 0)
    assert guard.judge("t", {}).warned


def test_a_ledger_that_does_not_answer(spender: Spender) -> None:
    guard = BudgetGuard(spending=spender.ledger, run="r", max_tokens_per_run=60)
    spender.ledger.close()
    assert guard.check("t", {}).code == "guard.unavailable"
    with pytest.raises(GuardError, match="The ledger failed"):
        guard.start_turn()
    assert (
        BudgetGuard(spending=spender.ledger, run="r", max_calls_per_run=60).check("t", {}).allowed
    )


def test_many_threads_never_pass_the_limit() -> None:
    guard = BudgetGuard(max_calls_per_run=500)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: guard.admit("t", {}).blocked, range(2000)))
    assert results.count(False) == 500


def test_a_revoked_call_was_never_made() -> None:
    guard = BudgetGuard(max_calls_per_run=1)
    for _ in range(5):
        assert guard.admit("t", {}).allowed
        guard.revoke("t", {})
    warns = BudgetGuard(max_calls_per_run=0, mode=EnforcementLevel.WARN)
    assert warns.check("t", {}).warned


def test_what_does_not_read(spender: Spender) -> None:
    rows: list[dict[str, Any]] = [
        {"max_calls_per_run": -1}, {"max_dollars_per_run": float("nan")}, {"soft_ratio": 2},
        {"max_dollars_per_turn": float("inf")}, {"max_dollars_per_run": 10**10}, {"max_calls": 1},
    ]  # fmt: skip
    for row in rows:
        with pytest.raises((SettingsError, TypeError)):
            BudgetConfig(**row)
    with pytest.raises(SettingsError, match="ledger and the run"):
        BudgetGuard(spending=spender.ledger)
    for amount in (-1, 10**16):
        with pytest.raises(ValueError, match="from 0 on"):
            BudgetGuard().record(tokens=amount)
