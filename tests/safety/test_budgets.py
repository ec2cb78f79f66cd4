"""Dollars of runs: exact, never above the limit, whoever spends at once, and kept."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.errors import SettingsError, StoreError
from stopper.safety.budgets import BudgetExceeded, BudgetNotFound, BudgetStatus, BudgetTracker
from stopper.stores import open_ledger

RUN = "run-1"


def created(limit: float, place: str | Path = "memory:") -> BudgetTracker:
    tracker = BudgetTracker(place)
    asyncio.run(tracker.create_budget(RUN, limit))
    return tracker


def spend(tracker: BudgetTracker, amount: float) -> bool:
    """Whether it was recorded."""
    try:
        asyncio.run(tracker.spend(RUN, amount))
    except BudgetExceeded:
        return False
    return True


def spent(tracker: BudgetTracker) -> float:
    return asyncio.run(tracker.get_status(RUN)).spent


SPENDER = """
import asyncio, sys
from stopper.safety.budgets import BudgetExceeded, BudgetTracker
tracker, done = BudgetTracker(sys.argv[1]), 0
for _ in range(20):
    try:
        asyncio.run(tracker.spend("run-1", 0.1))
        done += 1
    except BudgetExceeded:
        pass
print(done)
"""


def test_a_budget_is_spent_to_the_last_cent() -> None:
    tracker = created(0.3)
    assert [spend(tracker, 0.1) for _ in range(4)] == [True, True, True, False]
    assert asyncio.run(tracker.get_status(RUN)) == BudgetStatus(RUN, 0.3, 0.3, 0.0, False)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 400_000), max_size=8), st.integers(1, 1_000_000))
def test_what_is_recorded_never_passes_the_limit(amounts: list[int], limit: int) -> None:
    tracker, total = created(limit / 1e6), 0
    for amount in amounts:
        fits = total + amount <= limit
        assert asyncio.run(tracker.check_can_spend(RUN, amount / 1e6)) is fits
        assert spend(tracker, amount / 1e6) is fits
        total += amount if fits else 0
    assert spent(tracker) == total / 1e6


def test_less_than_a_millionth_counts_as_one() -> None:
    tracker = created(0.000_002)
    assert [spend(tracker, 1e-9) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("place", ["memory:", "file"])
def test_threads_never_pass_the_limit(place: str, tmp_path: Path) -> None:
    tracker = created(1.0, place if place == "memory:" else tmp_path / "ledger.db")
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: spend(tracker, 0.1), range(50)))
    assert sum(done) == 10
    assert spent(tracker) == 1.0


def test_tasks_never_pass_the_limit() -> None:
    async def all_at_once() -> BudgetStatus:
        tracker = BudgetTracker()
        await tracker.create_budget(RUN, 1.0)
        await asyncio.gather(*(tracker.spend(RUN, 0.1) for _ in range(50)), return_exceptions=True)
        return await tracker.get_status(RUN)

    assert asyncio.run(all_at_once()).spent == 1.0


def test_processes_never_pass_the_limit_and_a_restart_keeps_the_sum(tmp_path: Path) -> None:
    place = f"sqlite:{tmp_path / 'ledger.db'}"
    created(2.5, place)
    words = [sys.executable, "-c", SPENDER, place]
    spenders = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(one.communicate(timeout=60)[0]) for one in spenders) == 25
    assert spent(BudgetTracker(place)) == 2.5


def test_a_new_limit_keeps_what_was_spent() -> None:
    tracker = created(1.0)
    spend(tracker, 0.6)
    again = asyncio.run(tracker.create_budget(RUN, 0.5))
    assert again == BudgetStatus(RUN, 0.6, 0.5, 0.0, True)
    assert not spend(tracker, 0.01)


def test_a_budget_that_was_removed_is_none_and_comes_back_as_it_was() -> None:
    tracker = created(1.0)
    spend(tracker, 0.4)
    assert asyncio.run(tracker.delete_budget(RUN))
    assert not asyncio.run(tracker.delete_budget(RUN))
    assert not asyncio.run(tracker.check_can_spend(RUN, 0))
    assert asyncio.run(tracker.create_budget(RUN, 1.0)).spent == 0.4


def test_runs_have_budgets_of_their_own() -> None:
    tracker = created(1.0)
    asyncio.run(tracker.create_budget("run-2", 5))
    asyncio.run(tracker.spend("run-2", 3))
    assert spent(tracker) == 0


Ask = Callable[[BudgetTracker], Coroutine[Any, Any, Any]]

UNKNOWN: dict[str, Ask] = {
    "its status": lambda tracker: tracker.get_status("xyz"),
    "spending":   lambda tracker: tracker.spend("xyz", 1),
}  # fmt: skip
WRONG: dict[str, Ask] = {
    "a limit of nothing":     lambda tracker: tracker.create_budget(RUN, 0),
    "a limit of next to nothing": lambda tracker: tracker.create_budget(RUN, 1e-9),
    "a limit below nothing":  lambda tracker: tracker.create_budget(RUN, -1),
    "a limit that is none":   lambda tracker: tracker.create_budget(RUN, nan),
    "a limit without end":    lambda tracker: tracker.create_budget(RUN, inf),
    "a limit above the most": lambda tracker: tracker.create_budget(RUN, 100.01),
    "a limit in words":       lambda tracker: tracker.create_budget(RUN, "much"),  # type: ignore[arg-type]
    "a negative amount":      lambda tracker: tracker.spend(RUN, -1),
    "an amount that is none": lambda tracker: tracker.spend(RUN, nan),
    "an endless amount":      lambda tracker: tracker.check_can_spend(RUN, inf),
    "a run without a name":   lambda tracker: tracker.create_budget("", 1),
    "a run with a long name": lambda tracker: tracker.create_budget("x" * 201, 1),
}  # fmt: skip


@pytest.mark.parametrize("ask", UNKNOWN.values(), ids=UNKNOWN)
def test_a_run_without_a_budget_is_told(ask: Ask) -> None:
    with pytest.raises(BudgetNotFound, match=r"Budget not found for run_id: xyz.*create_budget"):
        asyncio.run(ask(BudgetTracker()))


@pytest.mark.parametrize("ask", WRONG.values(), ids=WRONG)
def test_what_is_no_amount_is_refused(ask: Ask) -> None:
    tracker = BudgetTracker(max_limit=100)
    asyncio.run(tracker.create_budget(RUN, 100))
    with pytest.raises(ValueError, match=r"^(limit|amount|run_id): "):
        asyncio.run(ask(tracker))
    assert spent(tracker) == 0


def test_an_open_ledger_serves_too() -> None:
    ledger = open_ledger("memory:")
    tracker = BudgetTracker(ledger)
    asyncio.run(tracker.create_budget(RUN, 1))
    asyncio.run(tracker.spend(RUN, 0.25))
    assert [total.micros for total in ledger.totals([], run=RUN)] == [250_000]
    assert ledger.open_holds() == 0


def test_a_place_that_cannot_be_opened_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no ledger", encoding="utf-8")
    for place in (tmp_path / "file", "redis://localhost"):
        with pytest.raises(StoreError):
            BudgetTracker(place)
    with pytest.raises(SettingsError, match="give a file"):
        BudgetTracker(object())  # type: ignore[arg-type]


# what the environment says

LIMITS: dict[str, tuple[dict[str, str], dict[str, Any], float]] = {
    # who says it             environment                          arguments               limit of a run
    "nobody":                ({},                                  {},                      10.0),
    "empty variables":       ({"DEFAULT_RUN_BUDGET": " "},         {},                      10.0),
    "a variable":            ({"DEFAULT_RUN_BUDGET": "2.5"},       {},                      2.5),
    "the caller first":      ({"DEFAULT_RUN_BUDGET": "2.5"},       {"default_limit": 3},    3.0),
    "a bound":               ({"MAX_RUN_BUDGET": "4"},             {},                      4.0),
    "the caller's bound":    ({"MAX_RUN_BUDGET": "4"},             {"max_limit": 6},        6.0),
    "both":                  ({"MAX_RUN_BUDGET": "100.0", "DEFAULT_RUN_BUDGET": "10.0"}, {}, 10.0),
}  # fmt: skip


@pytest.mark.parametrize(("environ", "given_", "limit"), LIMITS.values(), ids=LIMITS)
def test_a_budget_without_a_limit(
    environ: dict[str, str], given_: dict[str, Any], limit: float
) -> None:
    tracker = BudgetTracker(environ=environ, **given_)
    assert asyncio.run(tracker.create_budget(RUN)).limit == limit


def test_no_budget_passes_the_bound_of_the_environment() -> None:
    tracker = BudgetTracker(environ={"MAX_RUN_BUDGET": "100.0"})
    assert asyncio.run(tracker.create_budget(RUN, 100)).limit == 100
    with pytest.raises(ValueError, match="at most 100 dollars"):
        asyncio.run(tracker.create_budget(RUN, 100.01))


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_RUN_BUDGET", "1")
    with pytest.raises(ValueError, match="at most 1 dollars"):
        asyncio.run(BudgetTracker().create_budget(RUN, 2))


@pytest.mark.parametrize("name", ["MAX_RUN_BUDGET", "DEFAULT_RUN_BUDGET"])
@pytest.mark.parametrize("text", ["ten", "-1", "0", "inf", "nan", "1e30", "10 dollars"])
def test_a_variable_that_does_not_read(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}={text}: write the dollars"):
        BudgetTracker(environ={name: text})


def test_a_default_above_the_bound_is_refused() -> None:
    environ = {"DEFAULT_RUN_BUDGET": "20", "MAX_RUN_BUDGET": "10"}
    with pytest.raises(SettingsError, match="20 dollars are more than"):
        BudgetTracker(environ=environ)
