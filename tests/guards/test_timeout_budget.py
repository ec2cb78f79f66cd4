"""Time budgets, by a clock that stands still until it is moved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.errors import SettingsError
from stopper.guards.models import EnforcementLevel, Outcome
from stopper.guards.timeout_budget import DegradeAction, TimeoutBudgetConfig, TimeoutBudgetGuard


class Clock:
    def __init__(self) -> None:
        self.now = 5_000_000_000

    def __call__(self) -> int:
        return self.now

    def move(self, ms: float) -> None:
        self.now += int(ms * 1_000_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Clock, **fields: object) -> TimeoutBudgetGuard:
    return TimeoutBudgetGuard(TimeoutBudgetConfig(per_turn_budget_ms=1000), clock=clock, **fields)


TURNS = {
    # passed in the turn  ms    code
    "nothing":           (0,    ""),
    "some":              (799,  ""),
    "the soft limit":    (800,  "timeout.soft_limit"),
    "nearly all":        (999,  "timeout.soft_limit"),
    "all":               (1000, "timeout.turn_exceeded"),
    "more":              (9000, "timeout.turn_exceeded"),
}  # fmt: skip


@pytest.mark.parametrize(("ms", "code"), TURNS.values(), ids=TURNS)
def test_a_turn(clock: Clock, ms: int, code: str) -> None:
    guard = make(clock)
    guard.start_turn()
    clock.move(ms)
    result = guard.check("tool", {})
    assert result.code == code
    assert result.blocked == code.endswith("exceeded")
    assert result.warned == code.endswith("soft_limit")
    assert guard.get_turn_elapsed_ms() == ms
    assert guard.get_remaining_budget_ms() == max(0, 1000 - ms)


@pytest.mark.parametrize(("ms", "code"), TURNS.values(), ids=TURNS)
def test_recorded_executions_alone(clock: Clock, ms: int, code: str) -> None:
    guard = make(clock)
    guard.record_execution(ms)
    assert guard.check("tool", {}).code == code
    guard.end_turn()
    assert guard.check("tool", {}).code == ""


@pytest.mark.parametrize(("ms", "code"), TURNS.values(), ids=TURNS)
def test_a_plan(clock: Clock, ms: int, code: str) -> None:
    guard = TimeoutBudgetGuard(clock=clock, per_plan_budget_ms=1000)
    guard.start_plan()
    clock.move(ms)
    assert guard.check("tool", {}).code == code.replace("turn", "plan")
    assert guard.get_remaining_budget_ms() == max(0, min(1000, 30_000) - ms)
    guard.end_plan()
    assert guard.check("tool", {}).code == ""


STRETCHES: dict[str, tuple[list[tuple[int, int]], int]] = {
    # calls                    start and end, by their ends                 counted
    "after each other":      ([(0, 100), (100, 300)],                       300),
    "apart":                 ([(0, 100), (500, 600)],                       200),
    "beside each other":     ([(0, 300), (0, 400), (0, 400)],               400),
    "one around others":     ([(10, 20), (30, 40), (50, 60), (0, 100)],     100),
    "one across the last":   ([(0, 50), (80, 90), (40, 100)],               100),
    "no time":               ([(5, 5), (5, 5)],                             0),
}  # fmt: skip


@pytest.mark.parametrize(("stretches", "counted"), STRETCHES.values(), ids=STRETCHES)
def test_calls_of_a_chain(clock: Clock, stretches: list[tuple[int, int]], counted: int) -> None:
    guard, begin = make(clock), clock.now
    for start, end in stretches:
        clock.now = begin + end * 1_000_000
        guard.settle("t", {}, Outcome(end - start))
    clock.move(5000)
    assert guard.get_turn_elapsed_ms() == counted
    state = guard.get_state()
    assert state.executions == len(stretches)
    assert state.total_execution_ms == sum(end - start for start, end in stretches)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=60))
def test_what_ran_in_parallel_counts_once(pairs: list[tuple[int, int]]) -> None:
    clock = Clock()
    guard, begin = make(clock), clock.now
    stretches = sorted((sorted(pair) for pair in pairs), key=lambda one: one[1])
    for start, end in stretches:
        clock.now = begin + end * 1_000_000
        guard.settle("t", {}, Outcome(end - start))
    covered = {at for start, end in stretches for at in range(start, end)}
    assert guard.get_turn_elapsed_ms() == len(covered)


def test_what_is_kept_is_bounded(clock: Clock) -> None:
    guard = make(clock)
    for _ in range(500):
        clock.move(10)
        guard.settle("t", {}, Outcome(1))
    assert len(guard._turn.busy) == 64
    assert guard.get_turn_elapsed_ms() == 500


def test_a_turn_that_starts_during_a_call(clock: Clock) -> None:
    guard = make(clock)
    clock.move(900)
    guard.start_turn()
    clock.move(100)
    guard.settle("a", {}, Outcome(1000))
    assert guard.get_turn_elapsed_ms() == 100
    guard.reset()
    assert guard.get_turn_elapsed_ms() == 0


def test_a_turn_that_is_forgotten_leaves_the_plan_running(clock: Clock) -> None:
    guard = make(clock, per_plan_budget_ms=1500)
    guard.start_plan()
    guard.record_execution(900)
    guard.reset()
    clock.move(1500)
    assert guard.check("t", {}).code == "timeout.plan_exceeded"
    guard.start_run()
    assert guard.check("t", {}).code == ""


def test_what_to_do_without(clock: Clock) -> None:
    guard = make(clock, degrade_actions=["disable_retries"])
    guard.start_turn()
    assert not guard.should_disable_retries()
    clock.move(800)
    assert guard.is_degraded()
    assert guard.should_disable_retries()
    assert not guard.should_reduce_parallelism()
    assert guard.get_state().active_degrade_actions == (DegradeAction.DISABLE_RETRIES,)
    assert guard.check("tool", {}).details["degrade_actions"] == ["disable_retries"]


@pytest.mark.parametrize("mode", [EnforcementLevel.OFF, EnforcementLevel.WARN])
def test_off_and_warn_never_block(clock: Clock, mode: EnforcementLevel) -> None:
    guard = make(clock, mode=mode)
    guard.start_turn()
    clock.move(9999)
    result = guard.check("tool", {})
    assert not result.blocked
    assert result.warned == (mode is EnforcementLevel.WARN)


def test_what_does_not_read(clock: Clock) -> None:
    for ms in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="milliseconds from 0 on"):
            make(clock).record_execution(ms)
    for ratio in (float("nan"), 1.5):
        with pytest.raises(SettingsError, match="soft_budget_ratio"):
            make(clock, soft_budget_ratio=ratio)
    with pytest.raises(SettingsError, match="degrade_actions"):
        make(clock, degrade_actions=["give_up"])
    guard = make(clock)
    guard.record_execution(float("inf"))
    assert guard.check("tool", {}).blocked
