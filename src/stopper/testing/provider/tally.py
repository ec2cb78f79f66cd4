"""The mock provider's own books: what it generated and would bill, kept apart from any meter."""

import asyncio
import os
from enum import StrEnum
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from stopper.testing.provider.plan import Plan

__all__ = ["Account", "Bill", "Books", "Count", "Outcome", "Tally"]

_MAX_ROWS = 10_000
_OTHERS = "(others)"


class Outcome(StrEnum):
    """How a reply ended."""

    COMPLETED = "completed"
    ABANDONED = "abandoned"
    FAILED = "failed"


class Count(Struct):
    """Tokens of some replies.

    `input`, `output` and the two kinds of the cache are disjoint; `reasoning` is a share of
    `output`.
    """

    requests: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """All tokens, each counted once."""
        return self.input + self.output + self.cache_read + self.cache_write


class Account(Struct):
    """What somebody owes.

    `billed` has every reply that was begun, with what was generated of it, `completed` only those
    whose last event was sent. `refused` requests got an error or a redirect, and no bill.
    """

    billed: Count = msgspec.field(default_factory=Count)
    completed: Count = msgspec.field(default_factory=Count)
    refused: int = 0


class Tally(Struct):
    """The books at one moment; `open` replies are still being sent and not in any sum.

    `callers` are named by the header `x-stopper-bottle`, else by the hash of their credential.
    """

    open: int = 0
    total: Account = msgspec.field(default_factory=Account)
    models: dict[str, Account] = {}
    callers: dict[str, Account] = {}


class Bill(Struct):
    """One reply while it is sent; `generated` grows with each delta handed to the socket."""

    id: int
    model: str
    caller: str
    input: int
    cache_read: int
    cache_write: int
    planned: int
    thinking: int
    bills_abandoned: bool
    generated: int = 0
    closed: bool = False

    @classmethod
    def of(cls, plan: Plan, caller: str) -> Self:
        """What `plan` will cost `caller`, with nothing generated yet."""
        return cls(
            id=plan.number,
            model=plan.model,
            caller=caller,
            input=plan.input,
            cache_read=plan.script.cache_read,
            cache_write=plan.script.cache_write,
            planned=plan.output,
            thinking=plan.reasoning,
            bills_abandoned=plan.script.bills_abandoned or not plan.ask.stream,
        )


class Books:
    """Adds up bills; with a `path`, also appends each as a JSON line as soon as it is known."""

    def __init__(self, path: Path | None = None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = None if path is None else os.open(path, flags, 0o600)
        self._tally = Tally()
        self._settled = asyncio.Event()
        self._settled.set()

    def open(self, plan: Plan, caller: str) -> Bill:
        """A reply begins; from here on it is billed to `caller`."""
        self._tally.open += 1
        self._settled.clear()
        return Bill.of(plan, caller)

    def close(self, bill: Bill, outcome: Outcome) -> None:
        """A reply has ended, and this is what it cost; only the first call for a bill counts."""
        if bill.closed:
            return
        bill.closed = True
        if outcome is Outcome.ABANDONED and bill.bills_abandoned:
            bill.generated = bill.planned
        count = _count(bill)
        for account in self._accounts(bill.model, bill.caller):
            _add(account.billed, count)
            if outcome is Outcome.COMPLETED:
                _add(account.completed, count)
        self._write(bill, outcome, count)
        self._tally.open -= 1
        if not self._tally.open:
            self._settled.set()

    def refuse(self, model: str, caller: str) -> None:
        """A request got an error instead of a reply."""
        for account in self._accounts(model, caller):
            account.refused += 1

    def tally(self) -> Tally:
        """A copy of the sums."""
        return msgspec.convert(msgspec.to_builtins(self._tally), Tally)

    async def settled(self) -> None:
        """Wait until no reply is open."""
        await self._settled.wait()

    def reset(self) -> None:
        """Begin new sums; the file keeps its lines, and open replies will count in the new sums."""
        self._tally = Tally(open=self._tally.open)

    def end(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _accounts(self, model: str, caller: str) -> tuple[Account, Account, Account]:
        tally = self._tally
        return tally.total, _row(tally.models, model), _row(tally.callers, caller)

    def _write(self, bill: Bill, outcome: Outcome, count: Count) -> None:
        if self._file is None:
            return
        row = {"id": bill.id, "model": bill.model, "caller": bill.caller, "outcome": outcome}
        line = msgspec.json.encode(row | msgspec.structs.asdict(count))
        os.write(self._file, line + b"\n")


def _count(bill: Bill) -> Count:
    return Count(
        requests=1,
        input=bill.input,
        output=bill.generated,
        cache_read=bill.cache_read,
        cache_write=bill.cache_write,
        reasoning=min(bill.generated, bill.thinking),
    )


def _add(total: Count, count: Count) -> None:
    total.requests += count.requests
    total.input += count.input
    total.output += count.output
    total.cache_read += count.cache_read
    total.cache_write += count.cache_write
    total.reasoning += count.reasoning


def _row(rows: dict[str, Account], name: str) -> Account:
    if name not in rows and len(rows) >= _MAX_ROWS:
        name = _OTHERS
    account = rows.get(name)
    if account is None:
        account = rows[name] = Account()
    return account
