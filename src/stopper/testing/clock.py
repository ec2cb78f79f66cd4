"""A clock that stands where it is put, and goes when somebody waits for it."""

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["NOON", "Clock"]

NOON: Final = datetime(2026, 3, 31, 12, tzinfo=UTC)


class Clock:
    """Tells the time that it was set to; calling it gives an aware time.

    `waits` are the seconds that somebody has waited for, in their order.
    """

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.waits: list[float] = []

    def __call__(self) -> datetime:
        """What it is now."""
        return self.now

    def go(self, *, seconds: float = 0, minutes: float = 0, days: float = 0) -> None:
        """Move on, or back."""
        self.now += timedelta(seconds=seconds, minutes=minutes, days=days)

    def monotonic(self) -> float:
        """Seconds since some time long ago."""
        return (self.now - NOON).total_seconds() + 1_000_000

    def sleep(self, seconds: float) -> None:
        """Wait, which takes no time at all."""
        self.waits.append(seconds)
        self.go(seconds=seconds)

    async def sleep_async(self, seconds: float) -> None:
        """The same in an event loop."""
        self.sleep(seconds)
