"""What waiting stands on: clocks, sleeps and chance, so that tests can have their own."""

import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

__all__ = ["SYSTEM", "Timing"]


async def _sleep(seconds: float) -> None:
    from anyio import sleep  # noqa: PLC0415  asyncio takes 7 MB

    await sleep(seconds)


class Timing(Struct, frozen=True):
    """`monotonic` is in seconds, `wall` an aware time, `chance` a number from 0 up to 1."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    sleep_async: Callable[[float], Awaitable[None]] = _sleep
    chance: Callable[[], float] = random.random


SYSTEM: Final = Timing()
