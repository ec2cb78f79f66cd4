"""How much time a turn or a plan may take, over all its calls."""

from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar, Final

from msgspec import Struct

from stopper.errors import SettingsError
from stopper.guards.config import Config, Count, configure
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    Outcome,
    Unavailable,
    asked,
    block,
    enforced,
    warn,
)
from stopper.guards.world import NS_PER_MS, Clock, lock, monotonic_ns

__all__ = ["DegradeAction", "TimeoutBudgetConfig", "TimeoutBudgetGuard", "TimeoutBudgetState"]

_MAX_STRETCHES: Final = 64


class DegradeAction(StrEnum):
    """What a caller should do without once time runs short."""

    DISABLE_RETRIES = "disable_retries"
    REDUCE_PARALLELISM = "reduce_parallelism"
    SKIP_OPTIONAL = "skip_optional"
    REDUCE_TIMEOUT = "reduce_timeout"


class TimeoutBudgetConfig(Config, frozen=True, kw_only=True):
    """Budgets in milliseconds; from `soft_budget_ratio` of one on, calls are warned about."""

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    per_turn_budget_ms: Count = 30_000
    per_plan_budget_ms: Count | None = None
    soft_budget_ratio: float = 0.8
    degrade_actions: Sequence[DegradeAction] = (
        DegradeAction.DISABLE_RETRIES,
        DegradeAction.REDUCE_PARALLELISM,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.soft_budget_ratio <= 1:
            raise SettingsError(
                f"TimeoutBudgetConfig.soft_budget_ratio: read {self.soft_budget_ratio}; use 0 to 1"
            )


class TimeoutBudgetState(Struct, frozen=True, kw_only=True):
    """What was used so far, in milliseconds."""

    turn_elapsed_ms: int
    plan_elapsed_ms: int
    executions: int
    total_execution_ms: int
    degraded: bool
    active_degrade_actions: tuple[DegradeAction, ...]


class _Span:
    """A turn or a plan: the time since its start, or the time that calls took if that is more."""

    __slots__ = ("busy", "busy_ns", "started")

    def __init__(self, started: int | None) -> None:
        self.started = started
        self.busy_ns = 0
        self.busy: deque[tuple[int, int]] = deque(maxlen=_MAX_STRETCHES)

    def elapsed_ns(self, now: int) -> int:
        return self.busy_ns if self.started is None else max(now - self.started, self.busy_ns)

    def ran(self, start: int, end: int) -> None:
        """Count a stretch that ends after all others, but for what was counted already."""
        if self.started is not None:
            start = max(start, self.started)
        self.busy_ns += max(0, end - start)
        while self.busy and self.busy[-1][1] > start:
            first, last = self.busy.pop()
            self.busy_ns -= last - max(first, start)
            start = min(first, start)
        self.busy.append((start, end))


class TimeoutBudgetGuard:
    """Warns when a turn or a plan has used most of its time, and blocks when it has used it up.

    From `start_turn` on the clock runs. Before it, or without it, only the time counts that calls
    took once they are over: a guarded chain tells it, and what ran in parallel counts once; others
    say `record_execution`. `clock` gives nanoseconds that only grow. Threads may share a guard; it
    keeps at most 64 stretches of time.
    """

    shares: ClassVar = frozenset[str]()

    def __init__(
        self,
        config: TimeoutBudgetConfig | None = None,
        *,
        clock: Clock = monotonic_ns,
        **given: Any,
    ) -> None:
        self.config = configure(TimeoutBudgetConfig, config, given)
        self._clock = clock
        self._lock = lock()
        self.start_run()

    def start_turn(self) -> None:
        """Begin a turn, with all of its budget."""
        with self._lock:
            self._turn = _Span(self._clock())
            self._executions = self._total_ns = 0

    def end_turn(self) -> None:
        """End the turn: its clock stops, and nothing of it counts for the next."""
        with self._lock:
            self._turn = _Span(None)

    def start_plan(self) -> None:
        """Begin a plan, which may span turns."""
        with self._lock:
            self._plan = _Span(self._clock())

    def end_plan(self) -> None:
        """End the plan."""
        with self._lock:
            self._plan = _Span(None)

    def record_execution(self, elapsed_ms: float) -> None:
        """Count a call that took so long, after those before it."""
        with self._lock:
            taken = self._counted(elapsed_ms)
            self._turn.busy_ns += taken
            self._plan.busy_ns += taken

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:  # noqa: ARG002  any call
        """Whether there is time left for one more call."""
        config = self.config
        if config.mode is OFF:
            return ALLOWED
        try:
            now = self._now()
        except Unavailable as lost:
            return lost.result
        turn = self._turn.elapsed_ns(now) // NS_PER_MS
        plan = self._plan.elapsed_ns(now) // NS_PER_MS
        if turn >= config.per_turn_budget_ms:
            return enforced(config.mode, _exceeded("Turn", turn, config.per_turn_budget_ms))
        if config.per_plan_budget_ms is not None and plan >= config.per_plan_budget_ms:
            return enforced(config.mode, _exceeded("Plan", plan, config.per_plan_budget_ms))
        return (self._soft(turn, plan) if turn or plan else None) or ALLOWED

    def settle(self, tool: str, args: dict[str, Any], outcome: Outcome) -> None:  # noqa: ARG002
        """Count a call that ended just now, once for all that ran beside it."""
        if self.config.mode is OFF:
            return
        now = self._now()
        with self._lock:
            start = now - self._counted(outcome.elapsed_ms)
            self._turn.ran(start, now)
            self._plan.ran(start, now)

    def get_turn_elapsed_ms(self) -> int:
        """What the turn has used."""
        return self._turn.elapsed_ns(self._clock()) // NS_PER_MS

    def get_plan_elapsed_ms(self) -> int:
        """What the plan has used."""
        return self._plan.elapsed_ns(self._clock()) // NS_PER_MS

    def get_remaining_budget_ms(self) -> int:
        """What is left, of the turn or of the plan, whichever is less; never below 0."""
        left = self.config.per_turn_budget_ms - self.get_turn_elapsed_ms()
        if self.config.per_plan_budget_ms is not None:
            left = min(left, self.config.per_plan_budget_ms - self.get_plan_elapsed_ms())
        return max(0, left)

    def get_state(self) -> TimeoutBudgetState:
        """What was used so far, and what a caller should do without now."""
        degraded = self.is_degraded()
        return TimeoutBudgetState(
            turn_elapsed_ms=self.get_turn_elapsed_ms(),
            plan_elapsed_ms=self.get_plan_elapsed_ms(),
            executions=self._executions,
            total_execution_ms=self._total_ns // NS_PER_MS,
            degraded=degraded,
            active_degrade_actions=tuple(self.config.degrade_actions) if degraded else (),
        )

    def is_degraded(self) -> bool:
        """Whether time runs short: the soft limit of the turn or of the plan is reached."""
        turn, plan = self.get_turn_elapsed_ms(), self.get_plan_elapsed_ms()
        return self._soft(turn, plan) is not None

    def should_disable_retries(self) -> bool:
        """Whether time runs short and retries are what to do without."""
        return self._should(DegradeAction.DISABLE_RETRIES)

    def should_reduce_parallelism(self) -> bool:
        """Whether time runs short and parallel calls are what to do without."""
        return self._should(DegradeAction.REDUCE_PARALLELISM)

    def reset(self) -> None:
        """Forget the turn and its calls; a plan goes on until `end_plan`."""
        with self._lock:
            self._turn = _Span(None)
            self._executions = self._total_ns = 0

    def start_run(self) -> None:
        """Forget turn, plan and calls."""
        with self._lock:
            self._turn, self._plan = _Span(None), _Span(None)
            self._executions = self._total_ns = 0

    def _now(self) -> int:
        return asked(self.config.mode, "The clock", self._clock)

    def _should(self, action: DegradeAction) -> bool:
        return action in self.config.degrade_actions and self.is_degraded()

    def _soft(self, turn: int, plan: int) -> GuardResult | None:
        config = self.config
        for used, budget in ((turn, config.per_turn_budget_ms), (plan, config.per_plan_budget_ms)):
            if budget is None or not used:
                continue
            soft = int(budget * config.soft_budget_ratio)
            if used >= soft:
                return warn(
                    "timeout.soft_limit",
                    f"Soft time budget exceeded ({used}ms >= {soft}ms), entering degraded mode",
                    elapsed_ms=used,
                    soft_limit_ms=soft,
                    degrade_actions=[str(action) for action in config.degrade_actions],
                )
        return None

    def _counted(self, elapsed_ms: float) -> int:
        if not elapsed_ms >= 0:
            raise ValueError("an execution takes no time or some: give milliseconds from 0 on")
        taken = int(min(elapsed_ms, _MAX_MS) * NS_PER_MS)
        self._executions += 1
        self._total_ns += taken
        return taken


_MAX_MS: Final = 10**12
"""Thirty years, in place of infinity."""


def _exceeded(what: str, used: int, budget: int) -> GuardResult:
    return block(
        f"timeout.{what.lower()}_exceeded",
        f"{what} time budget exceeded: {used}ms >= {budget}ms",
        elapsed_ms=used,
        budget_ms=budget,
    )
