"""Places under several limits at once, given out in turn."""

from collections import deque
from collections.abc import Awaitable
from typing import Final, Protocol

from stopper.errors import GuardError
from stopper.guards.shown import shown
from stopper.guards.world import Waiter, lock

__all__ = ["MAX_WAITING", "Limits", "LocalSlots", "SlotStore"]

Limits = tuple[tuple[str, int], ...]
"""What a call counts against: the name of each limit, and how many may be there at once."""

MAX_WAITING: Final = 100_000


class SlotStore(Protocol):
    """Who counts the calls in flight. One in a shared back end holds many processes to a limit.

    Each method answers at once or with something to await.
    """

    def take(self, limits: Limits, wait_ms: int) -> str | Awaitable[str | None] | None:
        """Take a place under every limit, or under none and name the one that is full.

        May wait up to `wait_ms` for a place. Where that is cancelled, nothing is taken.
        """

    def full(self, limits: Limits) -> str | Awaitable[str | None] | None:
        """The limit that is full now, if any; takes nothing."""

    def give(self, limits: Limits) -> Awaitable[None] | None:
        """Give back a place under every limit; whoever awaits that is not cancelled meanwhile."""


class _Place:
    """Somebody's place in the queue."""

    def __init__(self, number: int, limits: Limits) -> None:
        self.number = number
        self.limits = limits
        self.waiter = Waiter()
        self.is_waiting = True
        self.is_granted = False


class LocalSlots:
    """Counts the calls of this process, whatever their threads and event loops.

    Who waits is served in turn. What the one who waits longest needs is kept for it, so that
    calls with fewer needs cannot starve it.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._queues: dict[Limits, deque[_Place]] = {}
        self._oldest: _Place | None = None
        self._number = 0
        self._waiting = 0
        self._lock = lock()

    @property
    def in_flight(self) -> dict[str, int]:
        """How many are there now, by the names of the limits."""
        with self._lock:
            return dict(self._counts)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._waiting

    def take(self, limits: Limits, wait_ms: int = 0) -> str | Awaitable[str | None] | None:
        """See `SlotStore`; answers at once where there is a place or no time to wait."""
        with self._lock:
            full = self._full(limits)
            if full is None:
                self._count(limits)
                return None
            if wait_ms <= 0 or self._waiting >= MAX_WAITING:
                return full
        return self._wait(limits, wait_ms, full)

    def full(self, limits: Limits) -> str | None:
        """See `SlotStore`."""
        with self._lock:
            return self._full(limits)

    def give(self, limits: Limits) -> None:
        """See `SlotStore`; GuardError where no such place is taken."""
        with self._lock:
            for name, _ in limits:
                count = self._counts.get(name, 0) - 1
                if count < 0:
                    raise GuardError(
                        f"no slot of {shown(name)} is taken: release what was acquired, once"
                    )
                if count:
                    self._counts[name] = count
                else:
                    del self._counts[name]
            if self._waiting:
                self._grant()

    async def _wait(self, limits: Limits, wait_ms: int, full: str) -> str | None:
        place = self._enqueue(limits)
        try:
            await place.waiter.wait(wait_ms)
        except TimeoutError:
            return None if self._withdraw(place) else full
        except BaseException:
            if self._withdraw(place):
                self.give(limits)
            raise
        return None

    def _enqueue(self, limits: Limits) -> _Place:
        with self._lock:
            self._number += 1
            self._waiting += 1
            place = _Place(self._number, limits)
            self._queues.setdefault(limits, deque()).append(place)
            self._oldest = self._oldest or place
            self._grant()  # a place may have come free since it was looked for
        return place

    def _withdraw(self, place: _Place) -> bool:
        """Stop waiting; whether the place had just been granted."""
        with self._lock:
            if place.is_waiting:
                self._leave(place)
                self._grant()
            return place.is_granted

    def _grant(self) -> None:
        """Let go all who can, the one who waits longest first."""
        while self._queues:
            heads = sorted((queue[0] for queue in self._queues.values()), key=_number)
            granted = next((place for place in heads if self._fits(place)), None)
            if granted is None:
                return
            self._leave(granted)
            if granted.waiter.wake():
                granted.is_granted = True
                self._count(granted.limits)

    def _fits(self, place: _Place) -> bool:
        return self._full(place.limits, place) is None

    def _leave(self, place: _Place) -> None:
        queue = self._queues[place.limits]
        queue.remove(place)
        if not queue:
            del self._queues[place.limits]
        self._waiting -= 1
        place.is_waiting = False
        if place is self._oldest:
            heads = (queue[0] for queue in self._queues.values())
            self._oldest = min(heads, key=_number, default=None)

    def _full(self, limits: Limits, place: _Place | None = None) -> str | None:
        if self._oldest is None:
            for name, limit in limits:
                if self._counts.get(name, 0) >= limit:
                    return name
            return None
        kept = {} if self._oldest is place else dict(self._oldest.limits)
        for name, limit in limits:
            if self._counts.get(name, 0) + (name in kept) >= limit:
                return name
        return None

    def _count(self, limits: Limits) -> None:
        for name, _ in limits:
            self._counts[name] = self._counts.get(name, 0) + 1


def _number(place: _Place) -> int:
    return place.number
