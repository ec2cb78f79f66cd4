"""Writes a past into a ledger: runs, calls and what became of them, for whatever shows it."""

import os
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from stopper.control.process import identity
from stopper.core.hold import Need
from stopper.core.scope import path_of
from stopper.core.usage import Quality, Usage
from stopper.stores.ledger import Hold, Ledger, Run, Settle, UsageRow

__all__ = ["Past"]

_LONG_AGO: Final = timedelta(days=1)
_AT_ONCE: Final = timedelta()


class Past:
    """Records into `ledger` as a real run would, in terms of a `now` that tests choose.

    Its runs belong to the calling process, or, where `gone`, to one that has ended.
    """

    def __init__(self, ledger: Ledger, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)
        self._ledger = ledger
        self._numbers = count(1)

    def run(
        self,
        bottle: str,
        agent: str = "claude",
        *,
        status: str = "running",
        exit_code: int | None = 0,
        ago: timedelta = _AT_ONCE,
        parents: tuple[str, ...] = (),
        resumes: str = "",
        gone: bool = False,
    ) -> Run:
        """A run that began some time ago, and ended now unless its status is running."""
        id_ = f"{next(self._numbers):012x}"
        path = path_of(resumes or id_, agent, bottle, parents)
        fact = {**identity(os.getpid()), **({"pid_started": -1} if gone else {})}
        run = Run(id_, bottle, agent, path, self.now - ago, fact=fact)
        self._ledger.add_run(run)
        if status != run.status:
            self._ledger.end_run(id_, status, exit_code, self.now)
        return run

    def call(
        self,
        run: Run,
        model: str = "claude-sonnet-5",
        *,
        provider: str = "anthropic",
        usage: Usage | None = None,
        micros: int | None = 1_000,
        ending: str = "complete",
        code: str = "",
        millis: int = 0,
        ago: timedelta = _AT_ONCE,
    ) -> str:
        """A model call that is settled; gives its hold."""
        usage = usage or Usage(input=100, output=20, quality=Quality.MEASURED)
        hold, at = self.hold(run, model, provider=provider, ago=ago), self.now - ago
        row = UsageRow(
            hold,
            run.id,
            provider,
            model,
            usage,
            micros,
            at,
            ending=ending,
            code=code,
            status=200,
            millis=millis,
        )
        self._ledger.apply([Settle(row)], at)
        return hold

    def hold(
        self,
        run: Run,
        model: str = "claude-sonnet-5",
        *,
        provider: str = "anthropic",
        tokens: int = 500,
        micros: int = 2_000,
        ago: timedelta = _AT_ONCE,
    ) -> str:
        """A request in flight, held at this upper bound; gives its hold."""
        id_ = f"{run.id}-{next(self._numbers):x}"
        need = Need(tokens - 1, micros, 1_000, 0)
        self._ledger.apply([Hold(id_, run.id, provider, model, need, 1)], self.now - ago)
        return id_

    def lose(
        self,
        run: Run,
        model: str = "claude-sonnet-5",
        *,
        provider: str = "anthropic",
        tokens: int = 500,
    ) -> str:
        """A request whose sender died a day ago: it is charged at its upper bound, as unknown."""
        hold = self.hold(run, model, provider=provider, tokens=tokens, ago=_LONG_AGO)
        self._ledger.expire(self.now)
        return hold
