"""The way to the ledger: what one turn of the event loop asks for becomes one transaction."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from stopper.core.budget import Unit, Window, format_amount
from stopper.core.hold import Account, Denial
from stopper.core.reason import Refusal, refuse
from stopper.core.scope import ScopeKind
from stopper.errors import StoreError
from stopper.stores.ledger import Grant, Grow, Hold, Ledger, Op, Outcome, Release, Settle, UsageRow

__all__ = ["MAX_UNSETTLED", "MAX_WAITING", "Gate", "utc_now"]

MAX_WAITING: Final = 1024
MAX_UNSETTLED: Final = 4096
TICK: Final = 0.25
RENEWALS_A_LIFETIME: Final = 4
LAST_ROUNDS: Final = 3
"""What is answered at the end may ask once more: to give back what it was granted too late."""

Answer = Callable[[Grant | Refusal], None]


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


class _Asked:
    __slots__ = ("answer", "deadline", "op")

    def __init__(self, op: Op, answer: Answer | None) -> None:
        self.op, self.answer = op, answer
        self.deadline: float | None = None


class Gate:
    """Holds, growth and settlements of one egress, and the lifetimes of its open holds.

    A hold that only other holds stand in the way of waits up to `hold_wait` for them to settle.
    When the store fails, new holds are refused; settlements are kept (at most `MAX_UNSETTLED`)
    and tried again, and beyond that the hold's own upper bound stands in the ledger.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        lifetime: timedelta,
        hold_wait: timedelta = timedelta(seconds=30),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._ledger = ledger
        self._lifetime = lifetime
        self._hold_wait = hold_wait.total_seconds()
        self.now = now
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Asked] = []
        self._waiting: list[_Asked] = []
        self._unsettled: deque[Op] = deque()
        self._open: set[str] = set()
        self._scheduled = False
        self._tick: asyncio.TimerHandle | None = None
        self._renew_at = 0.0
        self._on_tick()

    def hold(self, hold: Hold, answer: Answer) -> None:
        """Ask for a hold; `answer` is called in a later turn of the loop."""
        if self._unsettled:
            self._loop.call_soon(answer, refuse("store.unavailable", "settlements are waiting"))
        elif len(self._waiting) >= MAX_WAITING:
            self._loop.call_soon(answer, refuse("egress.busy", f"{MAX_WAITING} holds are waiting"))
        else:
            self._put(hold, answer)

    def grow(self, grow: Grow, answer: Answer) -> None:
        """Ask for a larger hold; a denial leaves the hold as it was."""
        self._put(grow, answer)

    def settle(self, row: UsageRow) -> None:
        """Record what a reply really cost, in the transaction of this turn."""
        self._open.discard(row.hold)
        self._put(Settle(row), None)

    def release(self, hold: str) -> None:
        """Give a hold back whose request was never sent."""
        self._open.discard(hold)
        self._put(Release(hold), None)

    def cancel(self, hold: str) -> None:
        """Stop waiting for a hold; one that is granted in the meantime is answered all the same."""
        self._waiting = [
            asked
            for asked in self._waiting
            if not (isinstance(asked.op, Hold) and asked.op.id == hold)
        ]

    def close(self) -> None:
        """Write what is queued; nothing is asked of the ledger afterwards."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        waiting, self._waiting = self._waiting, []
        for asked in waiting:
            self._tell(asked, refuse("bottle.ended"))
        for _ in range(LAST_ROUNDS):
            if self._queue:
                self._flush()

    def _put(self, op: Op, answer: Answer | None) -> None:
        self._queue.append(_Asked(op, answer))
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self, *, again: bool = False) -> None:
        self._scheduled = False
        queue, self._queue = self._queue, []
        if self._waiting and (again or any(asked.answer is None for asked in queue)):
            queue = self._in_turn(queue)
        late = list(self._unsettled)
        if not queue and not late:
            return
        try:
            outcomes = self._ledger.apply([*late, *(asked.op for asked in queue)], self.now())
        except Exception as error:  # noqa: BLE001  no fault of a store may let a request pass
            said = str(error) if isinstance(error, StoreError) else type(error).__name__
            self._keep(queue, refuse("store.unavailable", said))
            return
        self._unsettled.clear()
        for asked, outcome in zip(queue, outcomes[len(late) :], strict=True):
            self._take(asked, outcome)

    def _in_turn(self, queue: list[_Asked]) -> list[_Asked]:
        """What makes room, then what has waited for it, then what is new."""
        waiting, self._waiting = self._waiting, []
        queue.sort(key=lambda asked: asked.answer is not None)
        frees = sum(asked.answer is None for asked in queue)
        return [*queue[:frees], *waiting, *queue[frees:]]

    def _take(self, asked: _Asked, outcome: Outcome) -> None:
        if isinstance(outcome, Grant):
            if isinstance(asked.op, Hold):  # a hold that grew may be settled by now
                self._open.add(outcome.id)
            self._tell(asked, outcome)
        elif isinstance(outcome, Denial):
            if not self._may_wait(asked, outcome):
                self._tell(asked, _denied(asked.op, outcome))
        elif isinstance(asked.op, Grow):
            self._tell(asked, refuse("store.unavailable", "its hold had expired"))

    def _tell(self, asked: _Asked, answer: Grant | Refusal) -> None:
        if asked.answer is None:
            return
        try:
            asked.answer(answer)
        except Exception as error:  # noqa: BLE001  who asked is at fault; the others are answered
            fault = {"message": "the answer to a hold was not taken", "exception": error}
            self._loop.call_exception_handler(fault)

    def _may_wait(self, asked: _Asked, denial: Denial) -> bool:
        if not denial.waiting or not isinstance(asked.op, Hold):
            return False
        now = self._loop.time()
        if asked.deadline is None:
            asked.deadline = now + self._hold_wait
        if now >= asked.deadline:
            return False
        self._waiting.append(asked)
        return True

    def _keep(self, queue: list[_Asked], refusal: Refusal) -> None:
        for asked in queue:
            if asked.answer is not None:
                self._tell(asked, refusal)
            elif len(self._unsettled) < MAX_UNSETTLED:
                self._unsettled.append(asked.op)

    def _on_tick(self) -> None:
        self._tick = self._loop.call_later(TICK, self._on_tick)
        if self._queue or self._waiting or self._unsettled:
            self._flush(again=True)
        if self._loop.time() >= self._renew_at:
            self._renew()

    def _renew(self) -> None:
        pause = self._lifetime.total_seconds() / RENEWALS_A_LIFETIME
        now = self.now()
        try:
            if self._open:
                self._ledger.renew(self._open, now + self._lifetime)
            self._ledger.expire(now)
        except Exception:  # noqa: BLE001  tried again soon; new holds find out by themselves
            pause = min(pause, 1.0)
        self._renew_at = self._loop.time() + pause


def _denied(op: Op, denial: Denial) -> Refusal:
    budget = denial.account.budget
    least = 0
    if isinstance(op, Hold):
        if not op.need.bounded:
            return refuse("meter.unbounded")
        if not op.need.fits(budget.unit):
            return refuse("budget.unpriced", f"{op.provider} {op.model[:80]!r}")
        least = op.need.amount(budget.unit, min(op.asked, op.least))
    if denial.waiting:
        code = "budget.held"
    elif least > budget.limit:
        code = "budget.too_small"
    elif budget.window is Window.MINUTE and denial.account.spent:
        code = "budget.paced"
    else:
        code = "budget.exhausted"
    return refuse(code, _describe(denial.account, least))


def _describe(account: Account, least: int) -> str:
    budget = account.budget
    whose = "this run" if budget.scope.kind is ScopeKind.RUN else str(budget.scope)
    window = "" if budget.window is Window.LIFETIME else f" a {budget.window}"
    noun = " tokens" if budget.unit is Unit.TOKENS else ""
    amounts = {"used": account.spent, "held": account.held, "needed": least}
    shown = [
        f"{format_amount(budget.unit, amount)} {word}" for word, amount in amounts.items() if amount
    ]
    limit = f"{format_amount(budget.unit, budget.limit)}{noun}{window}"
    return f"{whose}: {', '.join(shown) or 'none used'} of {limit}"
