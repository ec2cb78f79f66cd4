"""A ledger that fails on command, to see that nothing is lost and nothing passes when it does."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from stopper.core.audit import Fact
from stopper.errors import StoreError
from stopper.stores.ledger import Ledger, Op, Outcome, Pending

__all__ = ["FaultyLedger"]


class FaultyLedger:
    """Passes everything on to another ledger; while `fault` is set, the calls of a run raise it.

    With `after`, `apply` does its work first and fails then, as a commit in doubt does. `batches`
    are the operations that were asked for, in their order.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.fault: Exception | None = None
        self.after = False
        self.batches: list[list[Op]] = []
        self._ledger = ledger

    def fail(self, *, after: bool = False, fault: Exception | None = None) -> None:
        """Fail from now on."""
        self.fault = fault or StoreError("the disk is full")
        self.after = after

    def mend(self) -> None:
        """Work again."""
        self.fault = None

    def apply(self, ops: Sequence[Op], now: datetime) -> list[Outcome]:
        """As Ledger.apply."""
        self.batches.append([*ops])
        if self.fault is not None and not self.after:
            raise self.fault
        outcomes = self._ledger.apply(ops, now)
        if self.fault is not None:
            raise self.fault
        return outcomes

    def renew(self, holds: Iterable[str], until: datetime) -> None:
        """As Ledger.renew."""
        if self.fault is not None:
            raise self.fault
        self._ledger.renew(holds, until)

    def expire(self, now: datetime) -> list[Pending]:
        """As Ledger.expire."""
        if self.fault is not None:
            raise self.fault
        return self._ledger.expire(now)

    def note(self, run: str, act: str, code: str, fact: Fact, at: datetime) -> None:
        """As Ledger.note."""
        if self.fault is not None:
            raise self.fault
        self._ledger.note(run, act, code, fact, at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)
