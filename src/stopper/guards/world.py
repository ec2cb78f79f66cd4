"""What guards ask the world for: time, keys, locks and tasks; the only file here that may."""

import asyncio
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

__all__ = ["NS_PER_MS", "Clock", "Waiter", "finish", "fresh_key", "lock", "monotonic_ns", "wall_ms"]

Clock = Callable[[], int]
"""Asked for the time: nanoseconds of no particular beginning, or milliseconds since 1970."""

monotonic_ns: Final[Clock] = time.monotonic_ns
"""Nanoseconds that only ever grow; for durations."""

NS_PER_MS: Final = 1_000_000
"""Clocks count the first, limits and records the second."""

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
    coroutine = _awaited(wanted)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    return _at_once(coroutine)


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
