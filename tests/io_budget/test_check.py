"""Budgets by provider: thresholds, names, and what to do about them."""

import pytest

from stopper.errors import SettingsError
from stopper.io_budget import (
    PROVIDER_BUDGETS,
    BudgetViolation,
    NarrowingMode,
    budget_of,
    check_budget,
    get_narrowing_instructions,
    track,
)

NONE, SOFT, HARD = BudgetViolation

CASES = {
    # what is used               input    output  provider       expected
    "nothing":                   (0,       0,      "cerebras",    NONE),
    "just below soft":           (34_999,  0,      "cerebras",    NONE),
    "soft":                      (35_000,  0,      "cerebras",    SOFT),
    "just below hard":           (47_499,  0,      "cerebras",    SOFT),
    "hard":                      (47_500,  0,      "cerebras",    HARD),
    "output alone is soft":      (0,       5_600,  "openai",      SOFT),
    "output alone is hard":      (0,       7_600,  "openai",      HARD),
    "the fuller one counts":     (35_000,  7_600,  "cerebras",    HARD),
    "another case":              (47_500,  0,      " Cerebras",   HARD),
    "an agent's name":           (171_000, 0,      "Claude",      HARD),
    "an unknown provider":       (28_500,  0,      "nobody",      HARD),
    "a large context":           (600_000, 0,      "gemini",      NONE),
}  # fmt: skip


@pytest.mark.parametrize(("read", "written", "provider", "expected"), CASES.values(), ids=CASES)
def test_violations(read: int, written: int, provider: str, expected: BudgetViolation) -> None:
    result = check_budget(read, written, provider, environ={})
    assert result.violation is expected
    assert result.allowed is (expected < HARD)
    assert (result.narrowing_mode is None) is (expected is NONE)


def test_violations_are_ordered() -> None:
    assert NONE < SOFT < HARD


def test_hard_fail_can_be_off_and_still_warns() -> None:
    result = check_budget(50_000, 0, "cerebras", hard_fail=False, environ={})
    assert result.violation is SOFT
    assert "100%" in result.message


def test_thresholds_from_the_environment() -> None:
    environ = {"STOPPER_BUDGET_SOFT_THRESHOLD": "0.5", "STOPPER_BUDGET_HARD_THRESHOLD": "0.6"}
    assert check_budget(25_000, 0, "cerebras", environ=environ).violation is SOFT
    assert check_budget(30_000, 0, "cerebras", environ=environ).violation is HARD


BAD_THRESHOLDS = {
    "no number": {"STOPPER_BUDGET_SOFT_THRESHOLD": "much"},
    "not a number": {"STOPPER_BUDGET_HARD_THRESHOLD": "nan"},
    "nothing at all": {"STOPPER_BUDGET_SOFT_THRESHOLD": "0"},
    "more than all": {"STOPPER_BUDGET_HARD_THRESHOLD": "1.5"},
    "soft above hard": {"STOPPER_BUDGET_SOFT_THRESHOLD": "0.99"},
}


@pytest.mark.parametrize("environ", BAD_THRESHOLDS.values(), ids=BAD_THRESHOLDS)
def test_thresholds_that_do_not_read(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="STOPPER_BUDGET_"):
        check_budget(1, 1, "cerebras", environ=environ)


@pytest.mark.parametrize("tokens", [(-1, 0), (0, -1)])
def test_tokens_below_zero(tokens: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="from 0"):
        check_budget(*tokens, "openai")


def test_a_provider_needs_a_name() -> None:
    with pytest.raises(ValueError, match="name"):
        check_budget(1, 1, "  ")


def test_instructions_say_what_to_do() -> None:
    result = check_budget(45_000, 0, "cerebras", environ={})
    said = get_narrowing_instructions(result, "mend the parser")
    assert result.narrowing_mode is NarrowingMode.SUMMARIZE
    assert "45,000 of 50,000 input tokens (90%)" in said
    assert "Summarize" in said
    assert "mend the parser" in said
    assert get_narrowing_instructions(check_budget(0, 0, "cerebras", environ={})) == ""


def test_the_target_is_no_violation() -> None:
    for provider in PROVIDER_BUDGETS:
        full = budget_of(provider).max_input_tokens
        target = check_budget(full, 0, provider, environ={}).target_tokens
        assert check_budget(target, 0, provider, environ={}).violation is NONE
        assert check_budget(target + 1, 0, provider, environ={}).violation is SOFT


def test_iterations_and_their_sum() -> None:
    """An iteration begins anew; the sum does not."""
    loop = track("cerebras", limit=100_000, environ={})
    assert loop.record(30_000, 1_000).violation is NONE
    assert loop.record(10_000, 0).violation is SOFT
    assert loop.next_iteration().input == 40_000
    assert loop.check().violation is NONE
    loop.record(30_000, 0)
    assert loop.check().worst.what == "cumulative"
    assert loop.check().violation is SOFT
    loop.next_iteration()
    assert loop.record(25_000, 0).violation is HARD
    assert (loop.number, loop.cumulative.total) == (3, 96_000)
    with pytest.raises(ValueError, match="from 0"):
        loop.record(-1, 0)


def test_the_daily_limit_bounds_all_iterations() -> None:
    loop = track("cerebras", environ={})
    assert [share.limit for share in loop.check().shares] == [50_000, 8_000, 24_000_000]
    assert len(track("openai", environ={}).check().shares) == 2
