"""Shapes of plans: the limits themselves, and what must not be taken for them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.guards.models import EnforcementLevel, Outcome
from stopper.guards.plan_shape import PlanShapeConfig, PlanShapeGuard, ToolCallSpec


def calls(count: int, tools: int = 1) -> list[dict[str, Any]]:
    return [{"tool": f"t{number % tools}", "args": {"n": number}} for number in range(count)]


BATCHES = {
    # calls                       batch             reason
    "a few":                     (calls(15, 15),    ""),
    "as many as may fan out":    (calls(100),       ""),
    "one too many at once":      (calls(101),       "fan_out_too_large: 101 > 100"),
    "too many tools":            (calls(16, 16),    "too_many_unique_tools: 16 > 15"),
    "too many of all":           (calls(600, 600),  "batch_too_large: 600 > 500"),
    "pairs":                     ([("a", {})] * 150, "fan_out_too_large: 150 > 100"),
    "no call":                   ([{"args": {}}],   "malformed"),
    "nothing like a call":       ([None],           "malformed"),
    "a dependency as text":      ([{"tool": "a", "depends_on": "0"}], "malformed"),
    "none":                      ([],               ""),
    "twice the same id":         ([{"tool": "a", "id": "x"}] * 2, "duplicate_id"),
    "an id that is a place":     ([{"tool": "a"}, {"tool": "b", "id": 0}], ""),
    "no list":                   (None,             "malformed"),
    "a number":                  (7,                "malformed"),
    "a text":                    ("ab",             "malformed"),
    "a map":                     ({"tool": "a"},    "malformed"),
    "what can be read once":     (iter([]),         "malformed"),
}  # fmt: skip


@pytest.mark.parametrize(("batch", "reason"), BATCHES.values(), ids=BATCHES)
def test_batches(batch: Any, reason: str) -> None:
    result = PlanShapeGuard().check_batch(batch)
    assert result.blocked == bool(reason)
    assert result.reason.startswith(reason)
    if reason == "malformed":
        assert PlanShapeGuard().check_plan(batch) == result


def line(length: int) -> list[dict[str, Any]]:
    return [
        {"tool": "t", "id": f"n{at}", "depends_on": [f"n{at - 1}"] if at else []}
        for at in range(length)
    ]


def spread(width: int, *, meet: bool) -> list[dict[str, Any]]:
    first = {"tool": "t", "id": "first"}
    middle = [{"tool": "t", "id": f"m{at}", "depends_on": ["first"]} for at in range(width)]
    last = [{"tool": "t", "depends_on": [f"m{at}" for at in range(width)]}] if meet else []
    return [first, *middle, *last]


def gathered(width: int) -> list[dict[str, Any]]:
    roots = [{"tool": "t", "id": f"r{at}"} for at in range(width)]
    return [*roots, {"tool": "t", "depends_on": [f"r{at}" for at in range(width)]}]


PLANS = {
    # shape                          plan                        reason
    "a line that fits":             (line(20),                   ""),
    "a line that is too long":      (line(21),                   "chain_too_long: 21 > 20"),
    "a hundred steps":              (line(100),                  "chain_too_long: 100 > 20"),
    "the same, last first":         (line(100)[::-1],            "chain_too_long: 100 > 20"),
    "a node with thirty inputs":    (gathered(30),               ""),
    "a node with sixty inputs":     (gathered(60),               ""),
    "a wide one":                   (spread(100, meet=False),    ""),
    "too wide a one":               (spread(101, meet=False),    "fan_out_too_large: 101 > 100"),
    "spread and meet":              (spread(50, meet=True),      ""),
    "explode and meet":             (spread(51, meet=True),      "fan_out_fan_in_detected: 51 > 50"),
    "a circle":                     ([{"tool": "a", "depends_on": ["1"]}, {"tool": "b", "depends_on": ["0"]}], "cycle_detected"),
    "itself":                       ([{"tool": "a", "depends_on": ["0"]}], "cycle_detected"),
    "nobody":                       ([{"tool": "a", "depends_on": ["9"]}], "unknown_dependency"),
    "twice the same id":            ([{"tool": "a", "id": "x"}] * 2, "duplicate_id"),
    "an id that is a place":        ([{"tool": "a"}, {"tool": "b", "id": "0", "depends_on": ["2"]}, {"tool": "c"}], ""),
    "a place that is an id":        ([{"tool": "a"}, {"tool": "b", "id": "0", "depends_on": ["0"]}], "cycle_detected"),
    "too large":                    (line(501),                  "batch_too_large: 501 > 500"),
}  # fmt: skip


@pytest.mark.parametrize(("plan", "reason"), PLANS.values(), ids=PLANS)
def test_plans(plan: list[dict[str, Any]], reason: str) -> None:
    guard = PlanShapeGuard()
    result = guard.check_plan(plan)
    assert result.blocked == bool(reason)
    assert result.reason.startswith(reason)
    if any(call.get("depends_on") for call in plan):
        assert guard.check_batch(plan) == result


def test_a_plan_of_values() -> None:
    plan = [ToolCallSpec(tool_name="a", depends_on=[str(at - 1)] if at else []) for at in range(30)]
    assert PlanShapeGuard().check_plan(plan).reason == "chain_too_long: 30 > 20"
    assert PlanShapeGuard(detect_fan_out_fan_in=False).check_plan(spread(51, meet=True)).allowed


@given(st.lists(st.lists(st.integers(0, 12), max_size=3), max_size=12))
def test_every_plan_has_an_answer_that_order_does_not_change(before: list[list[int]]) -> None:
    """Names instead of places, so that a shuffled plan is the same plan."""
    plan = [
        {"tool": "t", "id": str(at), "depends_on": [str(one) for one in ones]}
        for at, ones in enumerate(before)
    ]
    guard = PlanShapeGuard(max_chain_length=3)
    assert guard.check_plan(plan).code == guard.check_plan(plan[::-1]).code


RECORDED = {
    # recorded before  tools  code
    "few":            (19, 1, ""),
    "as many as may be": (20, 1, "chain_too_long: 21 > 20"),
    "more":           (25, 1, "chain_too_long: 25 > 20"),
    "many tools":     (15, 15, "too_many_unique_tools: 16 > 15"),
    "fewer tools":    (14, 14, ""),
}  # fmt: skip


@pytest.mark.parametrize(("count", "tools", "reason"), RECORDED.values(), ids=RECORDED)
def test_calls_as_they_come(count: int, tools: int, reason: str) -> None:
    guard = PlanShapeGuard()
    for number in range(count):
        guard.record_call(f"step_{number % tools}")
    for _ in range(2):
        assert guard.check("next_step", {}).reason == reason
    guard.reset()
    assert guard.check("next_step", {}).allowed


def test_a_chain_of_guarded_calls() -> None:
    guard = PlanShapeGuard(max_chain_length=5)
    for _ in range(5):
        assert guard.admit("t", {}).allowed
        guard.settle("t", {}, Outcome(1))
    assert guard.admit("t", {}).code == "plan.chain_too_long"


def test_parallel_calls_are_no_chain() -> None:
    guard = PlanShapeGuard(max_chain_length=5, max_fan_out=10)
    for _ in range(10):
        assert guard.admit("t", {}).allowed
    assert guard.admit("t", {}).code == "plan.fan_out_too_large"
    for _ in range(10):
        guard.settle("t", {}, Outcome(1))
    assert guard.get_state().chain_length == 1
    assert guard.admit("t", {}).allowed


def test_a_moving_window_of_parallel_calls() -> None:
    guard = PlanShapeGuard(max_chain_length=20)
    for _ in range(10):
        guard.admit("t", {})
    for _ in range(90):
        assert guard.admit("t", {}).allowed
        guard.settle("t", {}, Outcome(1))
    assert guard.get_state().chain_length <= 10


def test_a_revoked_call_leaves_nothing() -> None:
    guard = PlanShapeGuard(max_unique_tools=1)
    guard.admit("a", {})
    guard.revoke("a", {})
    state = guard.get_state()
    assert (state.total_calls, state.in_flight, state.tools_seen) == (0, 0, frozenset())
    assert guard.check("b", {}).allowed


@pytest.mark.parametrize("mode", [EnforcementLevel.OFF, EnforcementLevel.WARN])
def test_off_and_warn_never_block(mode: EnforcementLevel) -> None:
    guard = PlanShapeGuard(PlanShapeConfig(mode=mode, max_chain_length=1))
    for number in range(3):
        assert not guard.admit(f"t{number}", {}).blocked
        guard.settle(f"t{number}", {}, Outcome(1))
    assert not guard.check_batch(calls(600)).blocked
    assert not guard.check_plan(line(100)).blocked
    assert guard.check("t", {}).warned == (mode is EnforcementLevel.WARN)
