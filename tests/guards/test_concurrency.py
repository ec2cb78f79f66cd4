"""Limits hold whatever happens to the calls, and no slot is lost."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from stopper.errors import SettingsError
from stopper.guards.chain import GuardChain
from stopper.guards.concurrency import ConcurrencyConfig, ConcurrencyGuard
from stopper.guards.models import EnforcementLevel, GuardBlocked, GuardResult, allow, block
from stopper.guards.slots import Limits, LocalSlots

LIMITS: dict[str, tuple[dict[str, Any], list[tuple[str, str | None]], str]] = {
    # what is full              configuration                                        calls in flight                             code
    "everything":             ({"global_max": 2},                                   [("a", None), ("b", None), ("c", None)],    "concurrency.global"),
    "a tool":                 ({"per_tool_max": {"a": 1}},                          [("a", None), ("b", None), ("a", None)],    "concurrency.tool"),
    "a tool by default":      ({"default_tool_max": 1},                             [("a", None), ("b", None), ("b", None)],    "concurrency.tool"),
    "a namespace":            ({"per_namespace_max": {"x": 1}},                     [("x.a", None), ("y.a", None), ("x.b", None)], "concurrency.namespace"),
    "a server's tools":       ({"per_namespace_max": {"git": 1}},                   [("mcp__git__a", None), ("mcp__git__b", None)], "concurrency.namespace"),
    "a session":              ({"per_session_max": 1},                              [("a", "s"), ("a", "t"), ("a", None), ("b", "s")], "concurrency.session"),
    "a tool that is closed":  ({"per_tool_max": {"a": 0}},                          [("a", None)],                              "concurrency.tool"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "calls", "code"), LIMITS.values(), ids=LIMITS)
def test_limits(fields: dict[str, Any], calls: list[tuple[str, str | None]], code: str) -> None:
    async def run() -> None:
        guard = ConcurrencyGuard(**fields)
        *before, (tool, session) = calls
        for name, one in before:
            assert (await guard.acquire(name, session_id=one)).allowed
        assert (await guard.acquire(tool, session_id=session)).code == code
        for name, one in before:
            await guard.release(name, session_id=one)
        assert isinstance(guard.slots, LocalSlots)
        assert guard.slots.in_flight == {}

    asyncio.run(run())


def test_a_check_tells_and_takes_nothing() -> None:
    async def run() -> None:
        guard = ConcurrencyGuard(global_max=1)
        assert guard.check("a", {}) == guard.check("a", {})
        async with guard.slot("a"):
            full = guard.check("a", {})
            assert isinstance(full, GuardResult)
            assert full.blocked
            with pytest.raises(GuardBlocked, match="Too many calls in flight for all calls"):
                async with guard.slot("b"):
                    pytest.fail("two at once")
        async with guard.slot("b"):
            pass

    asyncio.run(run())


@pytest.mark.parametrize(
    ("mode", "verdict"), [(EnforcementLevel.OFF, "allow"), (EnforcementLevel.WARN, "warn")]
)
def test_levels(mode: EnforcementLevel, verdict: str) -> None:
    guard = ConcurrencyGuard(ConcurrencyConfig(mode=mode, global_max=1))
    chain = GuardChain([guard])
    with chain.guarded("a") as first, chain.guarded("a") as second:
        assert second.result.final_verdict.value == verdict
        first.finish(1)
        second.finish(2)
    assert isinstance(guard.slots, LocalSlots)
    assert guard.slots.in_flight == {}


def test_a_configuration_with_a_negative_limit_is_refused() -> None:
    with pytest.raises(SettingsError, match="global_max: read -1"):
        ConcurrencyGuard(global_max=-1)


class Shared:
    """A store that answers later, as one behind a network does."""

    def __init__(self) -> None:
        self.slots = LocalSlots()

    async def take(self, limits: Limits, wait_ms: int) -> str | None:
        await asyncio.sleep(0)
        found = self.slots.take(limits, wait_ms)
        return found if found is None or isinstance(found, str) else await found

    async def full(self, limits: Limits) -> str | None:
        await asyncio.sleep(0)
        return self.slots.full(limits)

    async def give(self, limits: Limits) -> None:
        await asyncio.sleep(0)
        self.slots.give(limits)


def test_a_shared_store() -> None:
    shared = Shared()
    chain = GuardChain([ConcurrencyGuard(slots=shared, global_max=1)])

    async def run() -> None:
        async with chain.guarded("a") as call:
            assert (await chain.check_all_async("a")).code == "concurrency.global"
            await call.finish(None)
        assert (await chain.check_all_async("a")).allowed

    asyncio.run(run())
    with chain.guarded("a") as call:
        call.finish(None)
    assert shared.slots.in_flight == {}


class Slow(Shared):
    """Gives nothing back until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    async def give(self, limits: Limits) -> None:
        self.asked.set()
        await self.may.wait()
        self.slots.give(limits)


class Late:
    """Says yes, and no when it comes to it."""

    def check(self, _tool: str, _args: dict[str, Any]) -> GuardResult:
        return allow()

    def admit(self, _tool: str, _args: dict[str, Any]) -> GuardResult:
        return block("test.late", "someone was faster")


async def by_chain(guard: ConcurrencyGuard) -> None:
    async with GuardChain([guard]).guarded("a") as call:
        await call.finish(1)


async def refused(guard: ConcurrencyGuard) -> None:
    async with GuardChain([guard, Late()]).guarded("a"):
        pytest.fail("it began")


async def by_slot(guard: ConcurrencyGuard) -> None:
    async with guard.slot("a"):
        pass


async def by_hand(guard: ConcurrencyGuard) -> None:
    assert (await guard.acquire("a")).allowed
    await guard.release("a")


@pytest.mark.parametrize("use", [by_chain, refused, by_slot, by_hand])
@pytest.mark.parametrize("cancellations", [1, 3])
def test_a_slot_that_is_being_given_back_is_not_lost_by_cancellation(
    use: Callable[[ConcurrencyGuard], Coroutine[Any, Any, None]], cancellations: int
) -> None:
    async def run() -> None:
        slow = Slow()
        task = asyncio.create_task(use(ConcurrencyGuard(slots=slow)))
        await slow.asked.wait()
        for _ in range(cancellations):
            task.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
        assert not task.done()
        slow.may.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert slow.slots.in_flight == {}

    asyncio.run(run())


class Watch:
    """The most that ever ran at once, and of each tool."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.lock = threading.Lock()

    def __call__(self, tool: str, step: int) -> None:
        with self.lock:
            for name in ("all", tool):
                self.now[name] += step
                self.most[name] = max(self.most[name], self.now[name])


@pytest.mark.parametrize("wait_ms", [0, 60_000], ids=["refused when full", "waiting in turn"])
def test_ten_thousand_tasks_with_cancellations(wait_ms: int) -> None:
    """Limits are never exceeded and every slot comes back."""
    guard = ConcurrencyGuard(
        global_max=40, per_tool_max={"heavy": 3}, default_tool_max=30, max_wait_ms=wait_ms
    )
    chain = GuardChain([guard])
    rng = random.Random(7)  # noqa: S311  a sample
    watch, done = Watch(), Counter[str]()

    async def work(number: int, steps: int) -> None:
        tool = ("heavy", "light", "ns.tool")[number % 3]
        async with chain.guarded(tool, {"n": number}) as call:
            watch(tool, 1)
            try:
                for _ in range(steps):
                    await asyncio.sleep(0)
                if number % 11 == 0:
                    raise ValueError(number)
                await call.finish(number)
            finally:
                watch(tool, -1)
        done["finished"] += 1

    async def run() -> None:
        tasks = []
        for number in range(10_000):
            tasks.append(asyncio.ensure_future(work(number, rng.randrange(4))))
            if number % 20 == 0:
                await asyncio.sleep(0)
            if rng.random() < 0.3:
                rng.choice(tasks[-200:]).cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, GuardBlocked, ValueError):
                await task

    asyncio.run(run())
    assert watch.most["all"] <= 40
    assert watch.most["heavy"] <= 3
    assert done["finished"] > (6000 if wait_ms else 500)
    assert isinstance(guard.slots, LocalSlots)
    assert (guard.slots.in_flight, guard.slots.waiting) == ({}, 0)


def test_threads_share_the_limits_and_wait_in_turn() -> None:
    guard = ConcurrencyGuard(global_max=3, max_wait_ms=60_000)
    chain = GuardChain([guard])
    watch = Watch()

    def work(number: int) -> int:
        with chain.guarded("a", {"n": number}) as call:
            watch("a", 1)
            watch("a", -1)
            found: int = call.finish(number)
            return found

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(200))) == sum(range(200))
    assert watch.most["all"] <= 3
    assert isinstance(guard.slots, LocalSlots)
    assert (guard.slots.in_flight, guard.slots.waiting) == ({}, 0)
