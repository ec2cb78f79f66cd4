"""How many calls, tokens and dollars a turn and a run may take."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Protocol

from msgspec import Struct

from stopper.core.budget import MAX_AMOUNT, MICROS_PER_DOLLAR, Unit, format_amount
from stopper.core.usage import Usage, Weights
from stopper.errors import SettingsError
from stopper.guards.config import Config, configure
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    Unavailable,
    asked,
    block,
    enforced,
    warn,
)
from stopper.guards.world import lock

__all__ = ["BudgetConfig", "BudgetGuard", "Spending", "Spent", "UsageSum"]

_MAX_DOLLARS: Final = MAX_AMOUNT // MICROS_PER_DOLLAR


class UsageSum(Protocol):
    """A group of a ledger's totals; `stopper.stores.ledger.Total` is one."""

    @property
    def usage(self) -> Usage:
        """All tokens of the group."""

    @property
    def micros(self) -> int:
        """All micro-dollars of the group."""

    @property
    def unpriced(self) -> int:
        """How many of its rows have no price."""


class Spending(Protocol):
    """What tells how much model calls have cost; every `stopper.stores.ledger.Ledger` does."""

    def totals(self, by: Sequence[str], *, run: str | None = None) -> Sequence[UsageSum]:
        """The usage of a run; grouped by nothing, it is one sum or none."""


class BudgetConfig(Config, frozen=True, kw_only=True):
    """The limits, each None for no limit; from `soft_ratio` of one on, calls are warned about.

    Dollars may have six digits behind the point.
    """

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    max_calls_per_turn: int | None = None
    max_calls_per_run: int | None = None
    max_tokens_per_turn: int | None = None
    max_tokens_per_run: int | None = None
    max_dollars_per_turn: float | None = None
    max_dollars_per_run: float | None = None
    soft_ratio: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in self.__struct_fields__:
            limit = getattr(self, field)
            if field.startswith("max_") and limit is not None and not 0 <= limit <= MAX_AMOUNT:
                raise SettingsError(f"BudgetConfig.{field}: read {limit}; use a number from 0 on")
        for field in ("max_dollars_per_turn", "max_dollars_per_run"):
            dollars = getattr(self, field)
            if dollars is not None and dollars > _MAX_DOLLARS:
                raise SettingsError(
                    f"BudgetConfig.{field}: read {dollars}; use at most {_MAX_DOLLARS}"
                )
        if not 0 <= self.soft_ratio <= 1:
            raise SettingsError(f"BudgetConfig.soft_ratio: read {self.soft_ratio}; use 0 to 1")


class Spent(Struct, frozen=True):
    """What was used: calls, tokens and micro-dollars, and replies whose price nobody knows."""

    calls: int = 0
    tokens: int = 0
    micros: int = 0
    unpriced: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.calls + other.calls,
            self.tokens + other.tokens,
            self.micros + other.micros,
            self.unpriced + other.unpriced,
        )

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(
            self.calls - other.calls,
            self.tokens - other.tokens,
            self.micros - other.micros,
            self.unpriced - other.unpriced,
        )


class BudgetGuard:
    """Blocks calls once a limit of the turn or of the run is reached.

    Calls are counted here, in the memory of this process alone: a ledger knows of model calls and
    of no tools, so each process has `max_calls_per_run` of its own, and a new one begins at 0.
    Tokens and dollars are those that `spending`, a ledger, has for `run`, with what `record` was
    told of besides; so several processes see the same sum. A ledger that cannot be read blocks, and
    so does a price that is not known, where dollars are limited. Without limits on tokens and
    dollars the ledger is never asked. `check` counts the call; `judge` does not; a guard that is
    `OFF` counts nothing and asks nobody. Holding amounts before they are spent is the egress's
    business; this guard looks at what is spent already. Threads may share it as far as they may
    share the ledger.
    """

    def __init__(
        self,
        config: BudgetConfig | None = None,
        *,
        spending: Spending | None = None,
        run: str | None = None,
        weights: Weights | None = None,
        **given: Any,
    ) -> None:
        self.config = configure(BudgetConfig, config, given)
        if (spending is None) != (run is None):
            raise SettingsError("BudgetGuard: give a ledger and the run whose usage counts")
        self._spending = spending
        self._run = run
        self._weights = weights or Weights()
        self._limits = _limits(self.config)
        self._costs = any(unit != "calls" for _, unit, _ in self._limits)
        self._lock = lock()
        self._recorded = self._turn = Spent()

    def start_turn(self) -> None:
        """Begin a turn: its limits start again, those of the run go on."""
        if self._is_off:
            return
        try:
            spent = self.spent()
        except Unavailable as lost:
            if lost.result.blocked:
                raise
            return  # so the turn goes on, and each call of it is warned about
        with self._lock:
            self._turn = spent

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Whether one more call fits; it counts unless it is blocked."""
        return self.admit(tool, args)

    def judge(self, tool: str, args: dict[str, Any]) -> GuardResult:  # noqa: ARG002  any call
        """The same as `check`, without counting the call."""
        if self._is_off:
            return ALLOWED
        try:
            cost = self._cost()
        except Unavailable as lost:
            return lost.result
        with self._lock:
            return self._judged(cost)

    def admit(self, tool: str, args: dict[str, Any]) -> GuardResult:  # noqa: ARG002  any call
        """Judge the call and count it, as one step, so that no two calls take the last place."""
        if self._is_off:
            return ALLOWED
        cost: Spent | Unavailable
        try:
            cost = self._cost()
        except Unavailable as lost:
            cost = lost
        with self._lock:
            result = cost.result if isinstance(cost, Unavailable) else self._judged(cost)
            if not result.blocked:
                self._recorded += Spent(1)
            return result

    def revoke(self, tool: str, args: dict[str, Any]) -> None:  # noqa: ARG002  any call
        """The call was not made after all."""
        if self._is_off:
            return
        with self._lock:
            self._recorded -= Spent(1)

    def record(self, *, tokens: int = 0, micros: int = 0) -> None:
        """Count what a call cost that no ledger knows of: tokens, and micro-dollars."""
        for amount in (tokens, micros):
            if not isinstance(amount, int) or not 0 <= amount <= MAX_AMOUNT:
                raise ValueError("what a call cost is a whole number from 0 on")
        with self._lock:
            self._recorded += Spent(0, tokens, micros)

    def spent(self) -> Spent:
        """What the run has used."""
        cost = self._cost()
        with self._lock:
            return self._recorded + cost

    def spent_in_turn(self) -> Spent:
        """What the turn has used."""
        cost = self._cost()
        with self._lock:
            return self._recorded + cost - self._turn

    def reset(self) -> None:
        """The same as `start_turn`, for a chain."""
        self.start_turn()

    def start_run(self) -> None:
        """Forget the calls and costs that were counted here; what a ledger has stays spent."""
        with self._lock:
            self._turn -= self._recorded
            self._recorded = Spent()
        self.start_turn()

    @property
    def _is_off(self) -> bool:
        return self.config.mode is OFF

    def _cost(self) -> Spent:
        if self._spending is None or not self._costs:
            return Spent()
        totals = partial(self._spending.totals, run=self._run)
        sums = asked(self.config.mode, "The ledger", totals, ())
        tokens = sum(self._weights.tokens(one.usage) for one in sums)
        micros, unpriced = sum(one.micros for one in sums), sum(one.unpriced for one in sums)
        return Spent(0, tokens, micros, unpriced)

    def _judged(self, cost: Spent) -> GuardResult:
        run = self._recorded + cost
        spent = {"turn": run - self._turn, "run": run}
        near = None
        for span, unit, limit in self._limits:
            used = getattr(spent[span], unit)
            if used >= limit:
                return enforced(self.config.mode, _exhausted(span, unit, used, limit))
            if unit == "micros" and spent[span].unpriced:
                reason = f"Replies of this {span} have no price, so its dollars cannot be told"
                return enforced(self.config.mode, block("budget.unpriced", reason))
            if near is None and used >= limit * self.config.soft_ratio and used:
                near = warn(
                    "budget.soft_limit",
                    f"Most of the {unit} of this {span} are used: {_of(unit, used, limit)}",
                    used=used,
                    limit=limit,
                )
        return near or ALLOWED


def _limits(config: BudgetConfig) -> list[tuple[str, str, int]]:
    rows = [
        ("turn", "calls", config.max_calls_per_turn),
        ("run", "calls", config.max_calls_per_run),
        ("turn", "tokens", config.max_tokens_per_turn),
        ("run", "tokens", config.max_tokens_per_run),
        ("turn", "micros", _micros(config.max_dollars_per_turn)),
        ("run", "micros", _micros(config.max_dollars_per_run)),
    ]
    return [(span, unit, limit) for span, unit, limit in rows if limit is not None]


def _micros(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * MICROS_PER_DOLLAR)


def _exhausted(span: str, unit: str, used: int, limit: int) -> GuardResult:
    return block(
        f"budget.{unit}_per_{span}",
        f"The {'dollars' if unit == 'micros' else unit} of this {span} are used up: "
        f"{_of(unit, used, limit)}",
        used=used,
        limit=limit,
    )


def _of(unit: str, used: int, limit: int) -> str:
    kind = Unit.MICROS if unit == "micros" else Unit.TOKENS
    return f"{format_amount(kind, used)} of {format_amount(kind, limit)}"
