"""Dollars of runs: a limit for each, which no number of spenders can exceed."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from pathlib import Path
from secrets import token_hex
from typing import Final

from msgspec import Struct

from stopper.core.budget import Budget, Unit
from stopper.core.hold import Account, Denial, Need
from stopper.core.scope import GLOBAL, Scope, ScopeKind
from stopper.core.usage import Quality, Usage
from stopper.errors import SettingsError, UsageError
from stopper.stores import open_ledger
from stopper.stores.ledger import Hold, Ledger, Run, Settle, UsageRow

__all__ = ["BudgetExceeded", "BudgetNotFound", "BudgetStatus", "BudgetTracker"]

DEFAULT_LIMIT: Final = 10
"""The dollars of a run for which nobody says a limit."""

_DEFAULT_VARIABLE: Final = "DEFAULT_RUN_BUDGET"
_MAX_VARIABLE: Final = "MAX_RUN_BUDGET"
_MAX_SHOWN: Final = 40
_MICROS: Final = 10**6
_MAX_DOLLARS: Final = 10**9
_MAX_NAME: Final = 200
_ID_BYTES: Final = 12
_OTHER: Final = "other"


class BudgetNotFound(UsageError, ValueError):  # noqa: N818  as it is documented
    """The run has no budget yet."""


class BudgetExceeded(UsageError, ValueError):  # noqa: N818  as it is documented
    """The budget does not pay for this any more, so nothing was recorded."""


class BudgetStatus(Struct, frozen=True):
    """A run's budget, in dollars.

    `exceeded` is only true where the limit was set below what had been spent already.
    """

    run_id: str
    spent: float
    limit: float
    remaining: float
    exceeded: bool


class BudgetTracker:
    """Keeps the dollars of runs in a ledger, to the millionth; threads and tasks may share it.

    `place` is a file, `sqlite:PATH` or `memory:`, which is the default and meant for short runs. A
    file may be shared by any number of processes, by bottles too. An open ledger serves as well,
    on the threads that it may be used from. Every method may wait for the disk. StoreError where
    the ledger cannot answer.

    `default_limit` is for a budget without a limit of its own, and `max_limit` bounds all. Where
    they are not given, `DEFAULT_RUN_BUDGET` and `MAX_RUN_BUDGET` of the environment hold, and
    without these 10 dollars and no bound. SettingsError for a variable that does not read, and for
    a default above the bound.
    """

    def __init__(
        self,
        place: Ledger | str | Path = "memory:",
        *,
        default_limit: float | None = None,
        max_limit: float | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._max = _limit(max_limit, "max_limit", _MAX_VARIABLE, environ)
        self._default = _default(default_limit, self._max, environ)
        self._place: str | Path = ""
        self._shared: Ledger | None = None
        if place == "memory:":
            self._shared = open_ledger("memory:")
        elif isinstance(place, str | Path):
            self._place = place
        elif hasattr(place, "apply"):
            self._shared = place
        else:
            raise SettingsError(
                f"place: a {type(place).__name__} is no ledger; give a file, or what "
                "stopper.stores.open_ledger() opened"
            )
        self._own = threading.local()
        self._lock = threading.Lock()
        with self._ledger():  # a place that cannot be opened is told now
            pass

    async def create_budget(self, run_id: str, limit: float | None = None) -> BudgetStatus:
        """Give the run a budget, or the one it has a new limit; what was spent stays spent.

        ValueError for a limit that is not above 0, or above `max_limit`.
        """
        micros = self._default if limit is None else _micros(limit, "limit", ROUND_FLOOR)
        if not micros or (self._max is not None and micros > self._max):
            most = _MAX_DOLLARS if self._max is None else self._max / _MICROS
            raise ValueError(f"limit: choose more than 0 and at most {most:g} dollars")
        run = _run(run_id)
        with self._ledger() as ledger:
            known = ledger.find_run(run_id)
            if known is None or known.id != run_id:
                ledger.add_run(Run(run_id, run_id, _OTHER, (run, GLOBAL), _now()))
            ledger.set_budget(Budget(run, Unit.MICROS, micros), _now())
            return _status(run_id, _account(ledger, run_id))

    async def check_can_spend(self, run_id: str, amount: float) -> bool:
        """Whether `amount` would fit now; false for a run without a budget.

        Only `spend` makes sure of it, as others may spend in between.
        """
        micros = _micros(amount, "amount", ROUND_CEILING)
        with self._ledger() as ledger:
            try:
                return _account(ledger, run_id).room >= micros
            except BudgetNotFound:
                return False

    async def spend(self, run_id: str, amount: float) -> BudgetStatus:
        """Record `amount` dollars, all of it or nothing; BudgetExceeded where it does not fit."""
        micros = _micros(amount, "amount", ROUND_CEILING)
        hold = f"{run_id[:_MAX_NAME]}:{token_hex(_ID_BYTES)}"
        with self._ledger() as ledger:
            _account(ledger, run_id)
            held = Hold(hold, run_id, _OTHER, "", Need(0, micros, 0, 0), 0)
            if isinstance(ledger.apply([held], _now())[0], Denial):
                raise BudgetExceeded(
                    f"Budget exceeded for run_id: {run_id}: nothing was recorded; "
                    "raise the limit with create_budget()"
                )
            usage = Usage(quality=Quality.MEASURED)
            row = UsageRow(hold, run_id, _OTHER, "", usage, micros, _now())
            ledger.apply([Settle(row)], _now())
            return _status(run_id, _account(ledger, run_id))

    async def get_status(self, run_id: str) -> BudgetStatus:
        """The budget as it stands; BudgetNotFound for a run without one."""
        with self._ledger() as ledger:
            return _status(run_id, _account(ledger, run_id))

    async def delete_budget(self, run_id: str) -> bool:
        """Remove the run's budget; whether it had one. What was spent counts for a later one."""
        with self._ledger() as ledger:
            return ledger.drop_budget(Budget(_run(run_id), Unit.MICROS, 0).key, _now())

    @contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        """The ledger that is shared, for this thread alone; or this thread's own of a file."""
        if self._shared is not None:
            with self._lock:
                yield self._shared
            return
        own: Ledger | None = getattr(self._own, "ledger", None)
        if own is None:
            own = self._own.ledger = open_ledger(self._place)
        yield own


def _default(given: float | None, most: int | None, environ: Mapping[str, str]) -> int:
    """What is said, within the bound; what nobody said is lowered to it."""
    said = _limit(given, "default_limit", _DEFAULT_VARIABLE, environ)
    if said is None:
        packaged = DEFAULT_LIMIT * _MICROS
        return packaged if most is None else min(packaged, most)
    if most is not None and said > most:
        raise SettingsError(
            f"default_limit ({_DEFAULT_VARIABLE}): {said / _MICROS:g} dollars are more than "
            f"max_limit ({_MAX_VARIABLE}) allows, {most / _MICROS:g}"
        )
    return said


def _limit(given: float | None, name: str, variable: str, environ: Mapping[str, str]) -> int | None:
    """A limit as it is given, or else as the environment has it."""
    if given is not None:
        return _micros(given, name, ROUND_FLOOR)
    text = environ.get(variable, "").strip()
    if not text:
        return None
    try:
        micros = _micros(text, variable, ROUND_FLOOR)
    except ValueError:
        micros = 0
    if not micros:
        raise SettingsError(
            f"{variable}={text[:_MAX_SHOWN]}: write the dollars of a run, such as 10.0, at most "
            f"{_MAX_DOLLARS}"
        )
    return micros


def _account(ledger: Ledger, run_id: str) -> Account:
    run = _run(run_id)
    key = Budget(run, Unit.MICROS, 0).key
    for account in ledger.accounts((run,), _now()):
        if account.budget.key == key:
            return account
    raise BudgetNotFound(
        f"Budget not found for run_id: {run_id[:_MAX_NAME]}: make one with create_budget()"
    )


def _status(run_id: str, account: Account) -> BudgetStatus:
    """What is held for a moment, while it is recorded, counts as spent."""
    limit = account.budget.limit
    spent = account.spent + account.held
    return BudgetStatus(
        run_id, spent / _MICROS, limit / _MICROS, max(0, limit - spent) / _MICROS, spent > limit
    )


def _run(run_id: str) -> Scope:
    if not run_id or len(run_id) > _MAX_NAME:
        raise ValueError(f"run_id: give 1 to {_MAX_NAME} characters")
    return Scope(ScopeKind.RUN, run_id)


def _micros(dollars: float | str, name: str, rounding: str) -> int:
    """Dollars as they are written, in micro-dollars; ValueError for what is no amount."""
    try:
        exact = Decimal(str(dollars))
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or not 0 <= exact <= _MAX_DOLLARS:
        raise ValueError(f"{name}: give dollars from 0 to {_MAX_DOLLARS}")
    return int((exact * _MICROS).to_integral_value(rounding))


def _now() -> datetime:
    return datetime.now(UTC)
