"""Pieces of one way out, decided one after the other, now or later, and passed on in order."""

from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from stopper.core.reason import Refusal, refuse

__all__ = ["InOrder", "Sink"]

_T = TypeVar("_T")


class Sink(Protocol):
    """Who passes on what may leave."""

    def write_out(self, data: bytes) -> None:
        """These bytes may leave."""

    def pause_out(self, pause: bool) -> None:
        """A decision takes its time: bring no more for now, or go on."""

    def refuse_out(self, refusal: Refusal) -> None:
        """Nothing more may leave."""


class InOrder(Generic[_T]):
    """A queue in front of `decide`, which answers with bytes for the sink, or with a refusal.

    While a decision is awaited the sink is told to bring no more; what it brings all the same
    waits.
    """

    def __init__(
        self, decide: Callable[[_T, Callable[[bytes | Refusal], None]], None], sink: Sink
    ) -> None:
        self._decide = decide
        self._sink = sink
        self._queue: deque[_T] = deque()
        self._deciding = False
        self._running = False
        self._paused = False
        self._stopped = False
        self._done: Callable[[], None] | None = None

    def put(self, item: _T) -> None:
        """The next piece."""
        if not self._stopped:
            self._queue.append(item)
            self._run()

    def end(self, done: Callable[[], None]) -> None:
        """No more pieces; `done` is called when the last of them has left, and not otherwise."""
        self._done = done
        self._run()

    def stop(self, refusal: Refusal) -> None:
        """Nothing more leaves."""
        if not self._stopped:
            self._stopped = True
            self._queue.clear()
            self._sink.refuse_out(refusal)

    def _run(self) -> None:
        if self._running:  # an answer that came at once is taken by the loop below
            return
        self._running = True
        while self._queue and not (self._deciding or self._stopped):
            self._deciding = True
            try:
                self._decide(self._queue.popleft(), self._answered)
            except Exception as error:  # noqa: BLE001  what could not be looked at stays here
                self.stop(refuse("egress.fault", f"{type(error).__name__} while looking"))
        self._running = False
        if self._deciding is not self._paused and not self._stopped:
            self._paused = self._deciding
            self._sink.pause_out(self._paused)
        if self._done is not None and not (self._deciding or self._stopped):
            done, self._done = self._done, None
            done()

    def _answered(self, answer: bytes | Refusal) -> None:
        self._deciding = False
        if isinstance(answer, Refusal):
            self.stop(answer)
            return
        if answer and not self._stopped:
            self._sink.write_out(answer)
        self._run()
