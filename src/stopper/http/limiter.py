"""One for each provider: whoever is told to slow down, all of this process do."""

import threading
from collections import deque
from functools import lru_cache
from typing import Final

from msgspec import Struct

from stopper.http.policy import RetryPolicy

__all__ = ["Health", "Limiter", "limiter_for"]

WINDOW_SECONDS: Final = 300.0
"""How long a reply counts for a provider's health."""

MINUTE_SECONDS: Final = 60.0
MAX_NOTES: Final = 1000
_LIMITED: Final = 429
_FAULT: Final = 500


class Health(Struct, frozen=True):
    """The last five minutes of a provider: replies, faults and refusals for going too fast.

    `blocked_seconds` is for how long nobody asks it, 0 where nobody waits.
    """

    requests: int = 0
    errors: int = 0
    limits: int = 0
    blocked_seconds: float = 0.0

    @property
    def failing(self) -> float:
        """The share of requests that failed."""
        return (self.errors + self.limits) / self.requests if self.requests else 0.0


class Limiter:
    """Times are monotonic seconds. Usable from threads and from event loops."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._until = 0.0
        self._struck = 0.0
        self._strikes = 0
        self._turns: deque[float] = deque()
        self._notes: deque[tuple[float, int]] = deque(maxlen=MAX_NOTES)

    def wait(self, now: float, policy: RetryPolicy, chance: float) -> float:
        """The seconds until a request may be sent; spread, so that not all come back at once."""
        with self._mutex:
            left = self._until - now
        if left <= 0:
            return 0.0
        return left + policy.jitter * chance * max(policy.initial, min(left, policy.longest))

    def turn(self, now: float, policy: RetryPolicy) -> float:
        """The seconds until it is a request's turn by the provider's pace; the turn is taken."""
        pace = policy.requests_per_minute
        if pace is None:
            return 0.0
        with self._mutex:
            while len(self._turns) > pace:
                self._turns.popleft()
            at = now
            if len(self._turns) == pace:
                at = max(now, self._turns.popleft() + MINUTE_SECONDS)
            self._turns.append(at)
            return at - now

    def note(self, status: int, now: float) -> None:
        """A reply came; 0 is none at all."""
        with self._mutex:
            self._notes.append((now, status))
            if 0 < status < _LIMITED:
                self._strikes = 0

    def strike(self, sent: float, now: float, said: float | None, policy: RetryPolicy) -> None:
        """The provider asked for a pause; `sent` is when the request was that it refused.

        Requests that were under way together count as one.
        """
        with self._mutex:
            if sent >= self._struck:
                self._struck = now
                self._strikes += 1
            pause = policy.backoff(self._strikes - 1) if said is None else said
            self._until = max(self._until, now + min(pause, policy.deadline))

    def health(self, now: float) -> Health:
        """How the provider does."""
        with self._mutex:
            while self._notes and self._notes[0][0] < now - WINDOW_SECONDS:
                self._notes.popleft()
            statuses = [status for _, status in self._notes]
            limits = statuses.count(_LIMITED)
            errors = sum(1 for status in statuses if status == 0 or status >= _FAULT)
            return Health(len(statuses), errors, limits, max(0.0, self._until - now))


@lru_cache(maxsize=256)
def limiter_for(provider: str) -> Limiter:  # noqa: ARG001  the cache looks at it
    """The limiter that all clients of a provider in this process share."""
    return Limiter()
