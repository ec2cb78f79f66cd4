"""Holds of one turn are one transaction; what waits, what fails, what is kept."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stopper.core.budget import Budget, Unit, Window
from stopper.core.hold import Need
from stopper.core.reason import Refusal
from stopper.core.scope import GLOBAL, path_of
from stopper.core.usage import Quality, Usage
from stopper.egress.gate import MAX_WAITING, Gate
from stopper.errors import StoreError
from stopper.stores.ledger import Grant, Grow, Hold, Op, Outcome, Run, UsageRow
from stopper.stores.memory import MemoryLedger

NOW = datetime.now(UTC)


class Counting(MemoryLedger):
    """Counts transactions, and fails while `down`."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.down = False

    def apply(self, ops: Sequence[Op], now: datetime) -> list[Outcome]:
        if self.down:
            raise StoreError("the disk is full")
        self.batches.append(len(ops))
        return super().apply(ops, now)


def _hold(name: str, asked: int = 10, tokens: int = 0, *, priced: bool = True) -> Hold:
    return Hold(name, "run", "openai", "m", Need(tokens, 0, 1000, 0, priced=priced), asked)


def _row(name: str, output: int) -> UsageRow:
    usage = Usage(output=output, quality=Quality.MEASURED)
    return UsageRow(name, "run", "openai", "m", usage, None, NOW)


def gated(
    *budgets: Budget, wait: float = 0.0
) -> Callable[[Callable[[Gate, Counting], Coroutine[Any, Any, None]]], None]:
    """Run a test with a gate on a counting ledger."""

    def run(test: Callable[[Gate, Counting], Coroutine[Any, Any, None]]) -> None:
        async def go() -> None:
            ledger = Counting()
            ledger.add_run(Run("run", "b", "a", path_of("run", "a", "b"), NOW))
            for budget in budgets:
                ledger.set_budget(budget, NOW)
            gate = Gate(ledger, lifetime=timedelta(minutes=1), hold_wait=timedelta(seconds=wait))
            ledger.batches.clear()
            try:
                await test(gate, ledger)
            finally:
                gate.close()

        asyncio.run(go())

    return run


async def ask(gate: Gate, op: Hold | Grow) -> Grant | Refusal:
    """The answer to a hold or a growth."""
    answer: asyncio.Future[Grant | Refusal] = asyncio.get_running_loop().create_future()
    (gate.hold if isinstance(op, Hold) else gate.grow)(op, answer.set_result)  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        return await answer


def code(answer: Grant | Refusal) -> str | None:
    return answer.code if isinstance(answer, Refusal) else None


def tokens(limit: int, window: Window = Window.LIFETIME) -> Budget:
    return Budget(GLOBAL, Unit.TOKENS, limit, window)


def test_one_turn_is_one_transaction() -> None:
    @gated()
    async def _(gate: Gate, ledger: Counting) -> None:
        answers = await asyncio.gather(*(ask(gate, _hold(f"h{n}")) for n in range(20)))
        assert not any(map(code, answers))
        assert ledger.batches == [20]


DENIED = {
    # what is asked of 100 tokens            budget                              hold                              code
    "more than is left":                    (tokens(100),                        _hold("h", 50, 60),               "budget.exhausted"),
    "more than there ever was":             (tokens(100),                        _hold("h", 50, 200),              "budget.too_small"),
    "more than this minute has":            (tokens(100, Window.MINUTE),         _hold("h", 50, 60),               "budget.paced"),
    "dollars for what has no price":        (Budget(GLOBAL, Unit.MICROS, 100),   _hold("h", priced=False),         "budget.unpriced"),
}  # fmt: skip


@pytest.mark.parametrize(("budget", "hold", "expected"), DENIED.values(), ids=DENIED)
def test_denied(budget: Budget, hold: Hold, expected: str) -> None:
    @gated(budget)
    async def _(gate: Gate, ledger: Counting) -> None:
        if budget.unit is Unit.TOKENS:
            await ask(gate, _hold("before", 50))
            gate.settle(_row("before", 50))
        assert code(await ask(gate, hold)) == expected


def test_a_hold_waits_for_room_that_comes_back() -> None:
    @gated(tokens(100), wait=5)
    async def _(gate: Gate, ledger: Counting) -> None:
        await ask(gate, _hold("one", 90))
        waiting = asyncio.ensure_future(ask(gate, _hold("two", 50, 20)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.settle(_row("one", 10))
        assert code(await waiting) is None


def test_a_hold_that_waits_too_long_is_told_so() -> None:
    @gated(tokens(100), wait=0.05)
    async def _(gate: Gate, ledger: Counting) -> None:
        await ask(gate, _hold("one", 90))
        assert code(await ask(gate, _hold("two", 50, 20))) == "budget.held"


def test_those_that_wait_are_bounded() -> None:
    @gated(tokens(100), wait=5)
    async def _(gate: Gate, ledger: Counting) -> None:
        await ask(gate, _hold("one", 90))
        waiting = [
            asyncio.ensure_future(ask(gate, _hold(f"w{n}", 50, 20))) for n in range(MAX_WAITING)
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert code(await ask(gate, _hold("late", 50, 20))) == "egress.busy"
        gate.close()
        assert {code(answer) for answer in await asyncio.gather(*waiting)} == {"bottle.ended"}


def test_a_store_that_fails_refuses_and_loses_nothing() -> None:
    @gated(tokens(1000))
    async def _(gate: Gate, ledger: Counting) -> None:
        await ask(gate, _hold("one"))
        ledger.down = True
        gate.settle(_row("one", 7))
        assert code(await ask(gate, _hold("two"))) == "store.unavailable"
        assert code(await ask(gate, _hold("three"))) == "store.unavailable"
        ledger.down = False
        async with asyncio.timeout(10):
            while code(await ask(gate, _hold("four"))) is not None:  # noqa: ASYNC110  it has no bell
                await asyncio.sleep(0.01)
        ((_, row),) = ledger.rows()
        assert (row.hold, row.usage.output) == ("one", 7)


def test_a_hold_that_had_expired_cannot_grow() -> None:
    @gated(tokens(1000))
    async def _(gate: Gate, ledger: Counting) -> None:
        await ask(gate, _hold("one"))
        ledger.expire(datetime.now(UTC) + timedelta(days=1))
        assert code(await ask(gate, Grow("one", 500, 0))) == "store.unavailable"


def test_open_holds_are_renewed() -> None:
    async def go() -> None:
        ledger = Counting()
        ledger.add_run(Run("run", "b", "a", path_of("run", "a", "b"), NOW))
        clock = [NOW]
        gate = Gate(ledger, lifetime=timedelta(seconds=0.4), now=lambda: clock[0])
        await ask(gate, _hold("one"))
        for step in range(1, 9):
            clock[0] = NOW + timedelta(seconds=0.1 * step)
            gate._renew()
            assert ledger.open_holds() == 1
        gate.close()

    asyncio.run(go())
