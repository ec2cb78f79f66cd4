"""What streams need and what takes seconds to make: made once, beside the loop."""

import asyncio
from collections.abc import Callable

from stopper.core.reason import Refusal, refuse

__all__ = ["Prepared"]

Answer = Callable[[Refusal | None], None]


class Prepared:
    """Work that is done in a thread; the process ends no sooner, since libraries must outlive it.

    `on_wait` is called when somebody has to wait for it who is the first to.
    """

    def __init__(
        self, work: Callable[[], None], on_wait: Callable[[], None], *, is_done: bool
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._on_wait = on_wait
        self._waiting: list[Answer] = []
        self._running: asyncio.Future[None] | None = None
        self._is_done = is_done

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def begin(self) -> None:
        """Start where it was not done yet; what failed is tried again."""
        if not self._is_done and self._running is None:
            self._running = self._loop.run_in_executor(None, self._work)
            self._running.add_done_callback(self._ended)

    def wait(self, answer: Answer) -> None:
        """`answer` gets None once it is done, at once where it is; a refusal where it failed."""
        if self._is_done:
            answer(None)
            return
        if not self._waiting:
            self._on_wait()
        self._waiting.append(answer)
        self.begin()

    def _ended(self, work: "asyncio.Future[None]") -> None:
        self._running = None
        error = None if work.cancelled() else work.exception()
        self._is_done = not work.cancelled() and error is None
        refusal = None
        if not self._is_done:
            refusal = refuse("egress.fault", f"{type(error).__name__} while preparing")
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            answer(refusal)
