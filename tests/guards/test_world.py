"""What is not to be broken off is not, as long as that may take."""

import asyncio

import pytest

from stopper.guards.world import Unbroken, finish


async def answer() -> int:
    return 7


async def fault() -> int:
    raise OSError


def test_what_is_not_cancelled_comes_out_as_it_is() -> None:
    async def run() -> None:
        assert await Unbroken(answer()) == 7
        with pytest.raises(OSError):  # noqa: PT011
            await Unbroken(fault())
        assert finish(Unbroken(answer())) == 7, "also where a loop must not stand still"

    asyncio.run(run())
    assert finish(Unbroken(answer())) == 7


@pytest.mark.parametrize("is_faulty", [False, True])
def test_a_cancellation_goes_on_after_it(is_faulty: bool) -> None:
    async def run() -> None:
        may, done = asyncio.Event(), list[int]()

        async def work() -> None:
            await may.wait()
            done.append(1)
            if is_faulty:
                raise OSError

        async def awaits() -> None:
            await Unbroken(work())

        task = asyncio.create_task(awaits())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        may.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == [1]

    asyncio.run(run())


def test_a_cancellation_does_not_wait_for_ever() -> None:
    async def run() -> None:
        may, done = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            await may.wait()
            done.set()

        async def awaits() -> None:
            await Unbroken(work(), max_s=0)

        task = asyncio.create_task(awaits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not done.is_set()
        may.set()
        await done.wait()

    asyncio.run(run())
