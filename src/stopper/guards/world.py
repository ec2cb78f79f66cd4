"""What guards ask the world for: time, keys, locks and tasks; the only file here that may."""

import asyncio
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager, suppress
from typing import Any, Final, Generic, TypeVar

__all__ = [
    "NS_PER_MS", "Clock", "Unbroken", "Waiter", "finish", "fresh_key", "lock", "monotonic_ns",
    "wall_ms",
]  # fmt: skip

Clock = Callable[[], int]
"""Asked for the time: nanoseconds of no particular beginning, or milliseconds since 1970."""

monotonic_ns: Final[Clock] = time.monotonic_ns
"""Nanoseconds that only ever grow; for durations."""

NS_PER_MS: Final = 1_000_000
"""Clocks count the first, limits and records the second."""

MAX_UNBROKEN_S: Final = 30
"""So long a cancellation waits for what is not to be broken off."""

_KEY_BYTES = 32
_MS = 1000

_T = TypeVar("_T")


def wall_ms() -> int:
    """Milliseconds since 1970, UTC; for what has a date."""
    return time.time_ns() // NS_PER_MS


def fresh_key() -> bytes:
    """Thirty-two bytes that nobody can guess."""
    return secrets.token_bytes(_KEY_BYTES)


def lock() -> AbstractContextManager[bool]:
    """A lock for the state of one guard, for threads; its holder may take it again."""
    return threading.RLock()


def finish(wanted: Awaitable[_T]) -> _T:
    """What `wanted` gives, for a caller that cannot await.

    Without a running loop it gets one of its own. Inside a running loop, which must not stand
    still, it may do all but wait; RuntimeError where it would.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_awaited(wanted))
    at_once: Awaitable[_T] = wanted.wanted if isinstance(wanted, Unbroken) else wanted
    return _at_once(_awaited(at_once))


def _at_once(coroutine: Coroutine[Any, Any, _T]) -> _T:
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    coroutine.close()
    raise RuntimeError("this guard has to wait: use check_all_async, or another thread")


async def _awaited(wanted: Awaitable[_T]) -> _T:
    return await wanted


class Unbroken(Generic[_T]):
    """What `wanted` gives, to be awaited once: a cancellation goes on when that is done.

    It waits no longer than `max_s` for that; `wanted` is not cancelled even then.
    """

    def __init__(self, wanted: Awaitable[_T], *, max_s: float = MAX_UNBROKEN_S) -> None:
        self.wanted = wanted
        self._max_s = max_s

    def __await__(self) -> Generator[Any, Any, _T]:
        return self._whole().__await__()

    async def _whole(self) -> _T:
        task = asyncio.ensure_future(_awaited(self.wanted))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await self._ended(task)
            raise

    async def _ended(self, task: asyncio.Task[_T]) -> None:
        """Wait on, however often that is cancelled too."""
        now = asyncio.get_running_loop().time
        until = now() + self._max_s
        while not task.done() and (left := until - now()) > 0:
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task}, timeout=left)
        if task.done() and not task.cancelled():
            task.exception()  # it was looked at: the cancellation is what goes on


class Waiter:
    """Somebody who waits in a task to be woken, once, from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()

    def wake(self) -> bool:
        """Let it go on; whether anybody is there still, since its loop may have ended."""
        try:
            self._loop.call_soon_threadsafe(self._woken.set)
        except RuntimeError:
            return False
        return True

    async def wait(self, timeout_ms: int) -> None:
        """Return when woken; TimeoutError when nobody did in time."""
        async with asyncio.timeout(timeout_ms / _MS):
            await self._woken.wait()
