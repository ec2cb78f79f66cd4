"""Places are given out in turn, and none is lost."""

import asyncio
from collections.abc import Awaitable

import pytest

from stopper.errors import GuardError
from stopper.guards.slots import Limits, LocalSlots

ALL, HEAVY, LIGHT = ("all", 2), ("heavy", 1), ("light", 2)
LONG = 60_000


def taken(slots: LocalSlots, limits: Limits) -> str | None:
    found = slots.take(limits)
    assert found is None or isinstance(found, str)
    return found


async def later(slots: LocalSlots, limits: Limits) -> "asyncio.Task[str | None]":
    """A task that waits in the queue."""
    found = slots.take(limits, LONG)
    assert isinstance(found, Awaitable)
    task = asyncio.ensure_future(found)
    await asyncio.sleep(0)
    return task


async def settle() -> None:
    """Let whoever was woken go on."""
    for _ in range(4):
        await asyncio.sleep(0)


def test_a_place_counts_against_every_limit_or_none() -> None:
    slots = LocalSlots()
    assert taken(slots, (ALL, HEAVY)) is None
    assert taken(slots, (ALL, HEAVY)) == "heavy"
    assert slots.in_flight == {"all": 1, "heavy": 1}, "the refused one took nothing"
    assert taken(slots, (ALL, LIGHT)) is None
    assert taken(slots, (ALL, LIGHT)) == "all"
    slots.give((ALL, HEAVY))
    slots.give((ALL, LIGHT))
    assert slots.in_flight == {}, "and nothing is remembered"


def test_what_was_not_taken_cannot_be_given() -> None:
    with pytest.raises(GuardError, match="no slot of all"):
        LocalSlots().give((ALL,))


def test_who_waits_is_served_in_turn() -> None:
    async def run() -> None:
        slots = LocalSlots()
        assert taken(slots, (HEAVY,)) is None
        first, second = await later(slots, (HEAVY,)), await later(slots, (HEAVY,))
        slots.give((HEAVY,))
        assert taken(slots, (HEAVY,)) == "heavy", "nobody overtakes"
        await settle()
        assert (first.done(), second.done()) == (True, False)
        slots.give((HEAVY,))
        assert await second is None
        assert slots.waiting == 0

    asyncio.run(run())


def test_who_needs_less_cannot_starve_who_needs_more() -> None:
    async def run() -> None:
        slots = LocalSlots()
        assert taken(slots, (ALL, HEAVY)) is None
        assert taken(slots, (ALL, LIGHT)) is None
        both = await later(slots, (ALL, HEAVY))
        slots.give((ALL, LIGHT))
        assert taken(slots, (ALL, LIGHT)) == "all", "one place is kept for who waits longest"
        slots.give((ALL, HEAVY))
        assert await both is None
        assert taken(slots, (ALL, LIGHT)) is None

    asyncio.run(run())


def test_who_waits_for_another_limit_is_no_obstacle() -> None:
    async def run() -> None:
        slots = LocalSlots()
        assert taken(slots, (("x", 9), HEAVY)) is None
        waiting = await later(slots, (("x", 9), HEAVY))
        assert taken(slots, (("x", 9), LIGHT)) is None
        waiting.cancel()
        await settle()

    asyncio.run(run())


def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    async def run() -> None:
        slots = LocalSlots()
        assert taken(slots, (HEAVY,)) is None
        first, second = await later(slots, (HEAVY,)), await later(slots, (HEAVY,))
        first.cancel()
        await settle()
        assert slots.waiting == 1
        slots.give((HEAVY,))
        assert await second is None
        slots.give((HEAVY,))
        assert slots.in_flight == {}

    asyncio.run(run())


def test_a_place_granted_to_who_is_cancelled_at_once_goes_to_the_next() -> None:
    async def run() -> None:
        slots = LocalSlots()
        assert taken(slots, (HEAVY,)) is None
        first, second = await later(slots, (HEAVY,)), await later(slots, (HEAVY,))
        slots.give((HEAVY,))
        first.cancel()
        assert await second is None
        assert first.cancelled()
        assert slots.in_flight == {"heavy": 1}

    asyncio.run(run())


def test_a_wait_has_an_end() -> None:
    async def run() -> None:
        slots = LocalSlots()
        assert taken(slots, (HEAVY,)) is None
        found = slots.take((HEAVY,), 1)
        assert isinstance(found, Awaitable)
        assert await found == "heavy"
        assert slots.waiting == 0

    asyncio.run(run())


def test_a_loop_that_ended_gets_no_place() -> None:
    slots = LocalSlots()
    assert taken(slots, (HEAVY,)) is None
    loop = asyncio.new_event_loop()
    task = loop.create_task(later(slots, (HEAVY,)))
    waiting = loop.run_until_complete(task)
    loop.run_until_complete(settle())
    loop.close()
    slots.give((HEAVY,))
    assert slots.in_flight == {}
    assert taken(slots, (HEAVY,)) is None
    coroutine = waiting.get_coro()
    assert coroutine is not None
    coroutine.close()
    assert slots.in_flight == {"heavy": 1}
    waiting._log_destroy_pending = False  # type: ignore[attr-defined]
