"""The ledger in the memory of one process: for tests, and to read what a ledger means."""

# ruff: noqa: D102  what each method does stands in the Protocols

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from stopper.core.audit import GENESIS, AuditRow, Break, Fact, verify
from stopper.core.budget import Budget, Enforce
from stopper.core.hold import Account
from stopper.core.scope import Path
from stopper.core.usage import Quality, Usage, Weights, weakest
from stopper.errors import StoreError
from stopper.stores.book import Book
from stopper.stores.ledger import Calibration, Op, Order, Outcome, Pending, Run, Total, UsageRow
from stopper.stores.shelf import (
    CALIBRATION_ROWS,
    DEFAULT_LIFETIME,
    Entry,
    Line,
    Note,
    OpenHold,
    Place,
    Terms,
    amount_of,
    budgets_on,
    calibrate,
    chained,
    check_groups,
    from_ms,
    lines_of,
    pending_of,
    to_ms,
)

__all__ = ["MemoryLedger"]


class MemoryLedger:
    """A Ledger that forgets everything when it goes; its accounts are summed anew every time."""

    def __init__(
        self,
        *,
        enforce: Enforce = Enforce.NEAREST,
        weights: Weights | None = None,
        lifetime: timedelta = DEFAULT_LIFETIME,
    ) -> None:
        self._terms = Terms(enforce, weights or Weights(), lifetime)
        self._runs: dict[str, Run] = {}
        self._budgets: dict[str, Budget] = {}
        self._holds: dict[str, OpenHold] = {}
        self._entries: list[Entry] = []
        self._audit: list[AuditRow] = []
        self._orders: list[Order] = []
        self._closed = False

    def apply(self, ops: Sequence[Op], now: datetime) -> list[Outcome]:
        book = self._book(now)
        outcomes = book.apply(ops)
        self._keep(book, now)
        return outcomes

    def renew(self, holds: Iterable[str], until: datetime) -> None:
        self._check_open()
        end = to_ms(until)
        for hold in holds:
            if hold in self._holds and self._holds[hold].expires < end:
                self._holds[hold] = replace(self._holds[hold], expires=end)

    def expire(self, now: datetime) -> list[Pending]:
        book = self._book(now)
        over = [hold for hold in self._holds.values() if hold.expires <= to_ms(now)]
        over.sort(key=lambda hold: (hold.created, hold.id))
        pending = [book.expire(hold) for hold in over]
        self._keep(book, now)
        return pending

    def open_holds(self) -> int:
        self._check_open()
        return len(self._holds)

    def add_run(self, run: Run) -> None:
        self._check_open()
        known = self._runs.get(run.id)
        if known is None:
            self._runs[run.id] = run
            self.note(
                run.id, "run.start", "", {"bottle": run.bottle, "agent": run.agent}, run.started
            )
        elif (known.bottle, known.agent, known.path) != (run.bottle, run.agent, run.path):
            raise StoreError(f"another run has the id {run.id!r}: give every run its own id")

    def end_run(self, run: str, status: str, exit_code: int | None, at: datetime) -> None:
        self._check_open()
        if run not in self._runs:
            raise StoreError(f"run {run!r} is not in this ledger")
        self._runs[run] = replace(self._runs[run], status=status, ended=at, exit_code=exit_code)
        self.note(run, "run.end", "", {"status": status, "exit_code": exit_code}, at)

    def runs(self, *, live: bool = False) -> list[Run]:
        self._check_open()
        return [run for run in reversed(self._runs.values()) if not live or run.ended is None]

    def find_run(self, name: str) -> Run | None:
        return next((run for run in self.runs() if name in (run.id, run.bottle)), None)

    def set_budget(self, budget: Budget, at: datetime) -> None:
        self._check_open()
        old = self._budgets.get(budget.key)
        if old == budget:
            return
        self._budgets[budget.key] = budget
        fact: Fact = {
            "budget": budget.key,
            "limit": budget.limit,
            "was": None if old is None else old.limit,
        }
        self.note("", "budget.set", "", fact, at)

    def drop_budget(self, key: str, at: datetime) -> bool:
        self._check_open()
        old = self._budgets.pop(key, None)
        if old is not None:
            self.note("", "budget.drop", "", {"budget": key, "was": old.limit}, at)
        return old is not None

    def budgets(self) -> list[Budget]:
        self._check_open()
        return budgets_on(self._budgets.values(), None)

    def accounts(self, path: Path | None, now: datetime) -> list[Account]:
        book = self._book(now)
        return [book.account(budget) for budget in budgets_on(self._budgets.values(), path)]

    def totals(
        self, by: Sequence[str], *, run: str | None = None, since: datetime | None = None
    ) -> list[Total]:
        self._check_open()
        check_groups(by)
        start = 0 if since is None else to_ms(since)
        groups: defaultdict[tuple[str, ...], list[UsageRow]] = defaultdict(list)
        for entry in self._standing():
            if run in (None, entry.row.run) and entry.created >= start:
                groups[tuple(self._group(entry, word) for word in by)].append(entry.row)
        return [_total(group, rows) for group, rows in sorted(groups.items())]

    def rows(
        self, *, run: str | None = None, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, UsageRow]]:
        self._check_open()
        found = [(e.id, e.row) for e in self._entries[after:] if run in (None, e.row.run)]
        return found[:limit]

    def pending(self) -> list[Pending]:
        self._check_open()
        return [
            pending_of(entry, self._runs[entry.row.run].bottle)
            for entry in self._standing()
            if entry.row.usage.quality is Quality.UNKNOWN
        ]

    def correct(self, hold: str, tokens: int, micros: int | None, at: datetime) -> bool:
        book = self._book(at)
        corrected = book.correct(hold, tokens, micros)
        self._keep(book, at)
        return corrected

    def calibration(self, provider: str, model: str) -> Calibration:
        self._check_open()
        rows = [
            (row.usage.total - row.usage.output, row.text_bytes, row.usage.output, row.chars)
            for row in (entry.row for entry in self._entries)
            if (row.provider, row.model, row.ending) == (provider, model, "complete")
            and row.usage.quality is Quality.MEASURED
        ]
        return calibrate(rows[-CALIBRATION_ROWS:])

    def note(self, run: str, act: str, code: str, fact: Fact, at: datetime) -> None:
        self._check_open()
        self._chain([Note(run, act, code, fact)], at)

    def audit(self, *, run: str | None = None, after: int = 0) -> Iterator[AuditRow]:
        self._check_open()
        return (row for row in self._audit[after:] if run in (None, row.run))

    def verify_audit(self) -> Break | None:
        return verify(self.audit())

    def give_order(self, run: str, act: str, code: str, at: datetime) -> Order:
        self._check_open()
        order = Order(len(self._orders) + 1, run, act, code, at)
        self._orders.append(order)
        self.note(run, "order", code, {"order": act}, at)
        return order

    def orders(self, run: str, after: int = 0) -> list[Order]:
        self._check_open()
        return [order for order in self._orders[after:] if order.run == run]

    def close(self) -> None:
        self._closed = True

    def place(self, run: str) -> Place | None:
        known = self._runs.get(run)
        return None if known is None else Place(known.bottle, known.path)

    def lines(self, run: str, provider: str) -> tuple[Line, ...]:
        budgets = list(self._budgets.values())
        return lines_of(budgets, self._runs[run].path, provider, self._terms.enforce)

    def hold(self, hold: str) -> OpenHold | None:
        return self._holds.get(hold)

    def entry(self, hold: str) -> Entry | None:
        return next((e for e in reversed(self._entries) if e.row.hold == hold), None)

    def last_entry(self) -> int:
        return len(self._entries)

    def tally(self, key: str, start: int) -> tuple[int, int] | None:  # noqa: ARG002  keeps none
        return None

    def sums(self, budget: Budget, start: int, end: int | None) -> tuple[int, int]:
        def counts(run: str, provider: str, created: int) -> bool:
            within = start <= created and (end is None or created < end)
            counted = budget.provider in (None, provider)
            return within and counted and budget.scope in self._runs[run].path

        spent = sum(
            amount_of(entry, budget.unit)
            for entry in self._standing()
            if counts(entry.row.run, entry.row.provider, entry.created)
        )
        held = sum(
            amount_of(hold, budget.unit)
            for hold in self._holds.values()
            if counts(hold.run, hold.provider, hold.created)
        )
        return spent, held

    def _book(self, now: datetime) -> Book:
        self._check_open()
        return Book(self, self._terms, to_ms(now))

    def _keep(self, book: Book, now: datetime) -> None:
        for hold in book.closed:
            del self._holds[hold]
        self._holds.update(book.opened)
        self._entries.extend(book.entries)
        self._chain(book.notes, now)

    def _chain(self, notes: Iterable[Note], at: datetime) -> None:
        head = self._audit[-1].hash if self._audit else GENESIS
        self._audit.extend(chained(notes, to_ms(at), len(self._audit), head))

    def _standing(self) -> list[Entry]:
        corrected = {entry.corrects for entry in self._entries}
        return [entry for entry in self._entries if entry.id not in corrected]

    def _group(self, entry: Entry, word: str) -> str:
        run = self._runs[entry.row.run]
        words = {
            "provider": entry.row.provider,
            "model": entry.row.model,
            "bottle": run.bottle,
            "agent": run.agent,
            "run": run.id,
            "day": from_ms(entry.created).date().isoformat(),
        }
        return words[word]

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("this ledger is closed")


def _total(group: tuple[str, ...], rows: Sequence[UsageRow]) -> Total:
    usages = [row.usage for row in rows]
    costs = [usage.cost for usage in usages if usage.cost is not None]
    qualities = [str(usage.quality) for usage in usages]
    return Total(
        group,
        len(rows),
        Usage(
            input=sum(usage.input for usage in usages),
            output=sum(usage.output for usage in usages),
            cache_write=sum(usage.cache_write for usage in usages),
            cache_read=sum(usage.cache_read for usage in usages),
            reasoning=sum(usage.reasoning for usage in usages),
            cache_write_1h=sum(usage.cache_write_1h for usage in usages),
            quality=weakest(qualities),
            cost=sum(costs) if costs else None,
        ),
        sum(row.micros or 0 for row in rows),
        sum(row.micros is None for row in rows),
        {quality: qualities.count(quality) for quality in sorted(set(qualities))},
    )
