"""Requests that wait for a person, who may not come."""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Struct

__all__ = ["MAX_WAITING", "WAIT_SECONDS", "Approvals"]

WAIT_SECONDS: Final = 300.0
MAX_WAITING: Final = 64
"""More at once than a person can look at; what comes on top is not asked about."""

Answer = Callable[[bool | None], None]


class _Waiting(Struct):
    answer: Answer
    timer: asyncio.TimerHandle


class Approvals:
    """Numbered questions; each is answered once: True, False, or None when nobody came in time.

    Answers come in later turns of the loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, _Waiting] = {}
        self._last = 0

    @property
    def open(self) -> int:
        """How many questions wait."""
        return len(self._waiting)

    def ask(self, answer: Answer) -> int:
        """Wait for `decide`, at most `WAIT_SECONDS`; the number is what it will be told by."""
        self._last += 1
        number = self._last
        seconds = 0.0 if len(self._waiting) >= MAX_WAITING else WAIT_SECONDS
        timer = self._loop.call_later(seconds, self._answer, number, None)
        self._waiting[number] = _Waiting(answer, timer)
        return number

    def decide(self, number: int, *, allowed: bool) -> bool:
        """Answer a question; False where it is not open."""
        return self._answer(number, allowed)

    def cancel(self, number: int) -> None:
        """Who asked does not want to know any more."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            waiting.timer.cancel()

    def close(self) -> None:
        """Answer what is open: nobody comes any more."""
        for number in [*self._waiting]:
            self._answer(number, None)

    def _answer(self, number: int, allowed: bool | None) -> bool:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return False
        waiting.timer.cancel()
        waiting.answer(allowed)
        return True
