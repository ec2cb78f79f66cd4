"""The ledger in a SQLite file: any number of processes of one machine may share it."""

# ruff: noqa: D102  what each method does stands in the Protocol

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path as FilePath
from typing import Final

from stopper.core.audit import AuditRow, Break, Fact, verify
from stopper.core.budget import Budget, Enforce
from stopper.core.hold import Account
from stopper.core.scope import Path
from stopper.core.usage import Weights
from stopper.errors import StoreError
from stopper.stores.book import Book
from stopper.stores.ledger import (
    Calibration,
    Op,
    Order,
    Outcome,
    Pending,
    Run,
    Settle,
    Total,
    UsageRow,
)
from stopper.stores.shelf import (
    CALIBRATION_ROWS,
    DEFAULT_LIFETIME,
    Note,
    Terms,
    budgets_on,
    calibrate,
    check_groups,
    pending_of,
    to_ms,
    window_ms,
)
from stopper.stores.sqlite_file import READ, WRITE, LedgerFile
from stopper.stores.sqlite_query import add_run, audit_page, orders, runs, totals
from stopper.stores.sqlite_shelf import ENTRIES, SqliteShelf, entry_of

__all__ = ["PATIENCE", "SqliteLedger"]

PATIENCE: Final = timedelta(seconds=2)
"""How long a call waits for another process that is writing."""

_KEPT: Final = timedelta(days=1)
"""How long the account of a window that is over is kept; it can always be computed again."""


class SqliteLedger:
    """A Ledger in the SQLite file at `path`, which is created where there is none."""

    def __init__(
        self,
        path: FilePath,
        *,
        enforce: Enforce = Enforce.NEAREST,
        weights: Weights | None = None,
        lifetime: timedelta = DEFAULT_LIFETIME,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._terms = Terms(enforce, weights or Weights(), lifetime)
        self._file = LedgerFile(path, patience)
        self._shelf: SqliteShelf | None = None

    def apply(self, ops: Sequence[Op], now: datetime) -> list[Outcome]:
        at = to_ms(now)
        with self._transaction(WRITE) as shelf:
            shelf.look_up([op.row.hold if isinstance(op, Settle) else op.id for op in ops])
            book = Book(shelf, self._terms, at)
            outcomes = book.apply(ops)
            shelf.keep(book, at)
        shelf.remember(book)
        return outcomes

    def renew(self, holds: Iterable[str], until: datetime) -> None:
        end = to_ms(until)
        with self._change() as shelf:
            shelf.db.executemany(
                "UPDATE holds SET expires = ? WHERE id = ? AND expires < ?",
                [(end, hold, end) for hold in holds],
            )

    def expire(self, now: datetime) -> list[Pending]:
        at = to_ms(now)
        with self._change() as shelf:
            book = Book(shelf, self._terms, at)
            pending = [book.expire(hold) for hold in shelf.expired(at)]
            shelf.keep(book, at)
            _prune(shelf, to_ms(now - _KEPT))
        return pending

    def open_holds(self) -> int:
        with self._transaction(READ) as shelf:
            (count,) = shelf.db.execute("SELECT count(*) FROM holds").fetchone()
        return int(count)

    def add_run(self, run: Run) -> None:
        with self._change() as shelf:
            for known in runs(shelf.db, "WHERE id = ?", run.id):
                if (known.bottle, known.agent, known.path) == (run.bottle, run.agent, run.path):
                    return
                raise StoreError(f"another run has the id {run.id!r}: give every run its own id")
            add_run(shelf.db, run)
            fact: Fact = {"bottle": run.bottle, "agent": run.agent}
            shelf.chain([Note(run.id, "run.start", "", fact)], to_ms(run.started))

    def end_run(self, run: str, status: str, exit_code: int | None, at: datetime) -> None:
        with self._change() as shelf:
            changed = shelf.db.execute(
                "UPDATE runs SET status = ?, ended = ?, exit_code = ? WHERE id = ?",
                (status, to_ms(at), exit_code, run),
            )
            if changed.rowcount != 1:
                raise StoreError(f"run {run!r} is not in this ledger")
            fact: Fact = {"status": status, "exit_code": exit_code}
            shelf.chain([Note(run, "run.end", "", fact)], to_ms(at))

    def runs(self, *, live: bool = False) -> list[Run]:
        which = "WHERE ended IS NULL ORDER BY seq DESC" if live else "ORDER BY seq DESC"
        with self._transaction(READ) as shelf:
            return runs(shelf.db, which)

    def find_run(self, name: str) -> Run | None:
        which = "WHERE id = ? OR bottle = ? ORDER BY seq DESC LIMIT 1"
        with self._transaction(READ) as shelf:
            return next(iter(runs(shelf.db, which, name, name)), None)

    def set_budget(self, budget: Budget, at: datetime) -> None:
        with self._change() as shelf:
            old = next((b for b in shelf.budgets if b.key == budget.key), None)
            if old == budget:
                return
            shelf.db.execute(
                "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?, ?, ?)",
                (
                    budget.key,
                    str(budget.scope),
                    budget.unit,
                    budget.limit,
                    budget.window,
                    budget.provider,
                ),
            )
            shelf.db.execute("UPDATE state SET budget_version = budget_version + 1")
            book = Book(shelf, self._terms, to_ms(at))
            book.account(budget)
            shelf.keep(book, to_ms(at))
            was = None if old is None else old.limit
            fact: Fact = {"budget": budget.key, "limit": budget.limit, "was": was}
            shelf.chain([Note("", "budget.set", "", fact)], to_ms(at))

    def drop_budget(self, key: str, at: datetime) -> bool:
        with self._change() as shelf:
            old = next((b for b in shelf.budgets if b.key == key), None)
            if old is None:
                return False
            shelf.db.execute("DELETE FROM budgets WHERE key = ?", (key,))
            shelf.db.execute("DELETE FROM accounts WHERE budget = ?", (key,))
            shelf.db.execute("UPDATE state SET budget_version = budget_version + 1")
            fact: Fact = {"budget": key, "was": old.limit}
            shelf.chain([Note("", "budget.drop", "", fact)], to_ms(at))
        return True

    def budgets(self) -> list[Budget]:
        with self._transaction(READ) as shelf:
            return list(shelf.budgets)

    def accounts(self, path: Path | None, now: datetime) -> list[Account]:
        with self._transaction(READ) as shelf:
            book = Book(shelf, self._terms, to_ms(now))
            return [book.account(budget) for budget in budgets_on(shelf.budgets, path)]

    def totals(
        self, by: Sequence[str], *, run: str | None = None, since: datetime | None = None
    ) -> list[Total]:
        check_groups(by)
        with self._transaction(READ) as shelf:
            return totals(shelf.db, by, run, since)

    def rows(
        self, *, run: str | None = None, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, UsageRow]]:
        which = "WHERE u.id > :after ORDER BY u.id LIMIT :limit"
        if run is not None:
            which = (
                "WHERE u.run = (SELECT seq FROM runs WHERE id = :run) AND u.id > :after "
                "ORDER BY u.id LIMIT :limit"
            )
        with self._transaction(READ) as shelf:
            found = shelf.db.execute(ENTRIES + which, {"run": run, "after": after, "limit": limit})
            return [(entry.id, entry.row) for entry in map(entry_of, found)]

    def pending(self) -> list[Pending]:
        which = """
            WHERE u.quality = 'unknown' AND u.id NOT IN (
                SELECT corrects FROM usage WHERE corrects > 0
            ) ORDER BY u.id
        """
        with self._transaction(READ) as shelf:
            entries = [entry_of(found) for found in shelf.db.execute(ENTRIES + which)]
            places = [shelf.place(entry.row.run) for entry in entries]
        return [
            pending_of(entry, place.bottle if place else "")
            for entry, place in zip(entries, places, strict=True)
        ]

    def correct(self, hold: str, tokens: int, micros: int | None, at: datetime) -> bool:
        with self._change() as shelf:
            book = Book(shelf, self._terms, to_ms(at))
            corrected = book.correct(hold, tokens, micros)
            shelf.keep(book, to_ms(at))
        return corrected

    def calibration(self, provider: str, model: str) -> Calibration:
        query = """
            SELECT input + cache_write + cache_read, text_bytes, output, chars FROM usage
            WHERE provider = ? AND model = ? AND quality = 'measured' AND ending = 'complete'
            ORDER BY id DESC LIMIT ?
        """
        with self._transaction(READ) as shelf:
            found = shelf.db.execute(query, (provider, model, CALIBRATION_ROWS)).fetchall()
        return calibrate(found)

    def note(self, run: str, act: str, code: str, fact: Fact, at: datetime) -> None:
        with self._change() as shelf:
            shelf.chain([Note(run, act, code, fact)], to_ms(at))

    def audit(self, *, run: str | None = None, after: int = 0) -> Iterator[AuditRow]:
        page = self._audit_page(run, after)
        while page:
            yield from page
            page = self._audit_page(run, page[-1].id)

    def verify_audit(self) -> Break | None:
        with self._transaction(READ) as shelf:
            count, head = shelf.audit_end
        return verify(takewhile(lambda row: row.id <= count, self.audit()), head)

    def give_order(self, run: str, act: str, code: str, at: datetime) -> Order:
        with self._change() as shelf:
            id_ = shelf.db.execute(
                "INSERT INTO orders (run, act, code, at) VALUES (?, ?, ?, ?)",
                (run, act, code, to_ms(at)),
            ).lastrowid
            shelf.chain([Note(run, "order", code, {"order": act})], to_ms(at))
        return Order(id_ or 0, run, act, code, at)

    def orders(self, run: str, after: int = 0) -> list[Order]:
        with self._transaction(READ) as shelf:
            return orders(shelf.db, run, after)

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def _change(self) -> Iterator[SqliteShelf]:
        """A transaction that writes what the shelf may have kept in mind."""
        with self._transaction(WRITE) as shelf:
            yield shelf
        shelf.forget()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[SqliteShelf]:
        with self._file.transaction(begin) as db:
            shelf = self._shelf
            if shelf is None or shelf.db is not db:
                shelf = self._shelf = SqliteShelf(db, self._terms.enforce)
            shelf.begin()
            yield shelf

    def _audit_page(self, run: str | None, after: int) -> list[AuditRow]:
        with self._transaction(READ) as shelf:
            return audit_page(shelf.db, run, after)


def _prune(shelf: SqliteShelf, before: int) -> None:
    for budget in shelf.budgets:
        start, _ = window_ms(budget.window, before)
        shelf.db.execute("DELETE FROM accounts WHERE budget = ? AND start < ?", (budget.key, start))
