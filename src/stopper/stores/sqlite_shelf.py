"""What a batch reads from SQLite, and how a finished book is written back."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from stopper.core.audit import AuditRow
from stopper.core.budget import Budget, Enforce, Unit, Window
from stopper.core.scope import Path, Scope
from stopper.core.usage import Quality, Usage
from stopper.errors import StoreError
from stopper.stores.book import Book
from stopper.stores.ledger import UsageRow
from stopper.stores.shelf import (
    Entry,
    Line,
    Note,
    OpenHold,
    Place,
    chained,
    from_ms,
    lines_of,
    to_ms,
)

__all__ = ["ENTRIES", "SqliteShelf", "entry_of"]

_K = TypeVar("_K")
_V = TypeVar("_V")

_RUNS_CACHED = 4096
_LINES_CACHED = 4096
_TALLIES_CACHED = 4096
_HOLDS_CACHED = 4096

_FIELDS = """
    SELECT u.id, u.created, u.tokens, u.corrects, u.hold, r.id, u.provider, u.model, u.micros,
        u.at, u.wire, u.ending, u.code, u.status, u.text_bytes, u.chars, u.millis, u.input,
        u.output, u.cache_write, u.cache_read, u.reasoning, u.cache_write_1h, u.quality, u.cost
"""

ENTRIES = _FIELDS + "FROM usage u JOIN runs r ON r.seq = u.run "
"""The start of a query for rows that `entry_of` reads."""

_NEWEST = ENTRIES + "WHERE u.hold = ? ORDER BY u.id DESC LIMIT 1"

_HOLDS = """
    SELECT h.id, r.id, h.provider, h.model, h.output, h.tokens, h.micros, h.created, h.expires
    FROM holds h JOIN runs r ON r.seq = h.run
"""
_ONE_HOLD = _HOLDS + "WHERE h.id = ?"
_MANY_HOLDS = """
    SELECT asked.value, EXISTS (SELECT 1 FROM usage u WHERE u.hold = asked.value),
        h.id, r.id, h.provider, h.model, h.output, h.tokens, h.micros, h.created, h.expires
    FROM json_each(?) asked
        LEFT JOIN holds h ON h.id = asked.value LEFT JOIN runs r ON r.seq = h.run
"""
_EXPIRED = _HOLDS + "WHERE h.expires <= ? ORDER BY h.created, h.id"

_SPENT_EVER = """
    SELECT sum(tokens), sum(micros) FROM standing
    WHERE run IN (SELECT run FROM run_scopes WHERE scope = :scope)
        AND (:provider IS NULL OR provider = :provider)
"""
_SPENT_WITHIN = """
    SELECT sum(tokens), sum(micros) FROM standing
    WHERE created >= :start AND created < :end
        AND +run IN (SELECT run FROM run_scopes WHERE scope = :scope)
        AND (:provider IS NULL OR provider = :provider)
"""
_HELD = """
    SELECT sum(tokens), sum(micros) FROM holds
    WHERE created >= :start AND (:end IS NULL OR created < :end)
        AND run IN (SELECT run FROM run_scopes WHERE scope = :scope)
        AND (:provider IS NULL OR provider = :provider)
"""

_PUT_HOLD = "INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_TALLY = "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?)"
_APPEND_AUDIT = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)"
_APPEND_USAGE = """
    INSERT INTO usage (
        id, created, tokens, corrects, hold, run, provider, model, micros, at, wire, ending, code,
        status, text_bytes, chars, millis, input, output, cache_write, cache_read, reasoning,
        cache_write_1h, quality, cost
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class SqliteShelf:
    """One connection's view of the ledger; holds good inside a transaction, after `begin`.

    What never changes (runs) is kept between transactions, and all else until another connection
    writes: SQLite tells that by its `data_version`. Whoever writes by `db` itself must `forget`.
    """

    def __init__(self, db: sqlite3.Connection, enforce: Enforce) -> None:
        self.db = db
        self.budgets: tuple[Budget, ...] = ()
        self._enforce = enforce
        self._schema = 0
        self._version: int | None = None
        self._last_entry: int | None = None
        self._holds: dict[str, OpenHold] = {}
        self._tallies: dict[tuple[str, int], tuple[int, int]] = {}
        self._asked: dict[str, OpenHold | None] = {}
        self._rowless: set[str] = set()
        self._runs: dict[str, tuple[int, Place]] = {}
        self._lines: dict[tuple[str, str], tuple[Line, ...]] = {}

    def begin(self) -> None:
        """Find out what may have changed since the last transaction."""
        self._asked.clear()
        self._rowless.clear()
        (version,) = self.db.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self.forget()
            self._read_state()
            self._version = version

    def forget(self) -> None:
        """Something was written past this shelf: keep nothing that can change."""
        self._version = self._last_entry = None
        self._holds.clear()
        self._tallies.clear()
        self._lines.clear()

    @property
    def audit_end(self) -> tuple[int, str]:
        """How many audit rows there are, and the hash of the last."""
        count, head = self.db.execute("SELECT audit_count, audit_head FROM state").fetchone()
        return count, head

    def place(self, run: str) -> Place | None:
        """The run, if it is recorded."""
        found = self._run(run)
        return None if found is None else found[1]

    def lines(self, run: str, provider: str) -> tuple[Line, ...]:
        """The budgets that the usage of a recorded run rolls up to, nearest first."""
        lines = self._lines.get((run, provider))
        if lines is None:
            place = self.place(run)
            path = () if place is None else place.path
            lines = lines_of(self.budgets, path, provider, self._enforce)
            _keep(self._lines, (run, provider), lines, _LINES_CACHED)
        return lines

    def look_up(self, holds: Iterable[str]) -> None:
        """Read at once what `hold` and `entry` will be asked about these holds."""
        unknown = [hold for hold in holds if hold not in self._holds]
        for found in self.db.execute(_MANY_HOLDS, (_json(unknown),)):
            id_ = found[0]
            self._asked[id_] = OpenHold(*found[2:]) if found[2] is not None else None
            if not found[1]:
                self._rowless.add(id_)

    def hold(self, hold: str) -> OpenHold | None:
        """The hold, if it is open."""
        known = self._holds.get(hold)
        if known is not None:
            return known
        if hold in self._asked:
            return self._asked[hold]
        found = self.db.execute(_ONE_HOLD, (hold,)).fetchone()
        return None if found is None else OpenHold(*found)

    def expired(self, now: int) -> list[OpenHold]:
        """All open holds whose lifetime is over, oldest first."""
        return [OpenHold(*found) for found in self.db.execute(_EXPIRED, (now,))]

    def entry(self, hold: str) -> Entry | None:
        """The newest row of a hold."""
        if hold in self._rowless:
            return None
        found = self.db.execute(_NEWEST, (hold,)).fetchone()
        return None if found is None else entry_of(found)

    def last_entry(self) -> int:
        """The highest id of a row, 0 before the first."""
        if self._last_entry is not None:
            return self._last_entry
        (last,) = self.db.execute("SELECT max(id) FROM usage").fetchone()
        return int(last or 0)

    def tally(self, key: str, start: int) -> tuple[int, int] | None:
        """Spent and held of a budget in the window that began at `start`, where that is kept."""
        known = self._tallies.get((key, start))
        if known is not None:
            return known
        found: tuple[int, int] | None = self.db.execute(
            "SELECT spent, held FROM accounts WHERE budget = ? AND start = ?", (key, start)
        ).fetchone()
        return found

    def sums(self, budget: Budget, start: int, end: int | None) -> tuple[int, int]:
        """What current rows and open holds created in [start, end) add up to."""
        scope, provider = str(budget.scope), budget.provider
        values = {"scope": scope, "provider": provider, "start": start, "end": end}
        spent = self.db.execute(_SPENT_EVER if end is None else _SPENT_WITHIN, values).fetchone()
        held = self.db.execute(_HELD, values).fetchone()
        column = 0 if budget.unit is Unit.TOKENS else 1
        return spent[column] or 0, held[column] or 0

    def keep(self, book: Book, now: int) -> None:
        """Write what a book gathered."""
        changed = [(*of, t.spent, t.held) for of, t in book.tallies.items() if t.changed]
        self.db.executemany(_PUT_TALLY, changed)
        self.db.executemany("DELETE FROM holds WHERE id = ?", [(id_,) for id_ in book.closed])
        self.db.executemany(_PUT_HOLD, [self._hold_values(h) for h in book.opened.values()])
        self.db.executemany(_APPEND_USAGE, [self._entry_values(e) for e in book.entries])
        self.chain(book.notes, now)

    def remember(self, book: Book) -> None:
        """What was kept is committed, so it need not be read again."""
        for id_ in book.closed:
            self._holds.pop(id_, None)
        self._holds.update(book.opened)
        for of, tally in book.tallies.items():
            self._tallies[of] = tally.spent, tally.held
        if book.entries:
            self._last_entry = book.entries[-1].id
        if len(self._holds) > _HOLDS_CACHED:
            self._holds.clear()
        if len(self._tallies) > _TALLIES_CACHED:
            self._tallies.clear()

    def chain(self, notes: Sequence[Note], now: int) -> None:
        """Append notes to the audit, and move its kept end."""
        if not notes:
            return
        rows = chained(notes, now, *self.audit_end)
        self.db.executemany(_APPEND_AUDIT, [_audit_values(row) for row in rows])
        end = (rows[-1].id, rows[-1].hash)
        self.db.execute("UPDATE state SET audit_count = ?, audit_head = ?", end)

    def _read_state(self) -> None:
        found = self.db.execute("SELECT schema_version FROM state").fetchone()
        if found is None:
            raise StoreError("the ledger has lost its state: put a backup in its place")
        (schema,) = found
        if schema != (self._schema or schema):
            raise StoreError("a newer Stopper has changed the ledger's schema: restart this one")
        self._schema = schema
        self.budgets = tuple(_budgets(self.db))

    def _run(self, run: str) -> tuple[int, Place] | None:
        known = self._runs.get(run)
        if known is None:
            found = self.db.execute(
                "SELECT seq, bottle, path FROM runs WHERE id = ?", (run,)
            ).fetchone()
            if found is None:
                return None
            seq, bottle, path = found
            known = seq, Place(bottle, msgspec.json.decode(path, type=Path))
            _keep(self._runs, run, known, _RUNS_CACHED)
        return known

    def _seq(self, run: str) -> int:
        found = self._run(run)
        if found is None:
            raise StoreError(f"run {run!r} is not in this ledger: record it before it asks")
        return found[0]

    def _hold_values(self, hold: OpenHold) -> tuple[object, ...]:
        return (
            hold.id,
            self._seq(hold.run),
            hold.provider,
            hold.model,
            hold.output,
            hold.tokens,
            hold.micros,
            hold.created,
            hold.expires,
        )

    def _entry_values(self, entry: Entry) -> tuple[object, ...]:
        row = entry.row
        usage = row.usage
        return (
            entry.id,
            entry.created,
            entry.tokens,
            entry.corrects,
            row.hold,
            self._seq(row.run),
            row.provider,
            row.model,
            row.micros,
            to_ms(row.at),
            row.wire,
            row.ending,
            row.code,
            row.status,
            row.text_bytes,
            row.chars,
            row.millis,
            usage.input,
            usage.output,
            usage.cache_write,
            usage.cache_read,
            usage.reasoning,
            usage.cache_write_1h,
            usage.quality,
            usage.cost,
        )


def entry_of(found: Sequence[Any]) -> Entry:
    """A row of a query that starts with `ENTRIES`."""
    id_, created, tokens, corrects, hold, run, provider, model, micros, at, wire = found[:11]
    ending, code, status, text_bytes, chars, millis = found[11:17]
    fresh, output, written, read, reasoning, hourly, quality, cost = found[17:]
    row = UsageRow(
        hold,
        run,
        provider,
        model,
        Usage(fresh, output, written, read, reasoning, hourly, Quality(quality), cost),
        micros,
        from_ms(at),
        wire,
        ending,
        code,
        status,
        text_bytes,
        chars,
        millis,
    )
    return Entry(id_, row, created, tokens, corrects)


def _budgets(db: sqlite3.Connection) -> Iterable[Budget]:
    for scope, unit, most, period, provider in db.execute(
        "SELECT scope, unit, most, period, provider FROM budgets ORDER BY key"
    ):
        yield Budget(Scope.parse(scope), Unit(unit), most, Window(period), provider)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _audit_values(row: AuditRow) -> tuple[object, ...]:
    return (row.id, row.at, row.run, row.act, row.code, _json(row.fact), row.hash)


def _keep(cache: dict[_K, _V], key: _K, value: _V, most: int) -> None:
    if len(cache) >= most:
        cache.clear()
    cache[key] = value
