"""Rows of SQLite as values, for all that is not on the way of a request."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from stopper.core.audit import AuditRow, Fact
from stopper.core.scope import Path
from stopper.core.usage import Quality, Usage, weakest
from stopper.stores.ledger import Order, Run, Total
from stopper.stores.shelf import from_ms, to_ms

__all__ = ["add_run", "audit_page", "orders", "runs", "totals"]

_AUDIT_PAGE = 1000

_AUDIT = "SELECT id, at, run, act, code, fact, hash FROM audit "

_GROUPS = {
    "provider": "provider",
    "model": "model",
    "bottle": "bottle",
    "agent": "agent",
    "run": "runs.id",
    "day": "strftime('%Y-%m-%d', created / 1000, 'unixepoch')",
}
_SUMS = """
    count(*), sum(quality = 'measured'), sum(quality = 'estimated'), sum(quality = 'unknown'),
    coalesce(sum(micros), 0), sum(micros IS NULL), sum(input), sum(output), sum(cache_write),
    sum(cache_read), sum(reasoning), sum(cache_write_1h), sum(cost)
"""


def runs(db: sqlite3.Connection, which: str, *values: object) -> list[Run]:
    """The runs that the end of a query names."""
    query = "SELECT id, bottle, agent, path, started, status, ended, exit_code, fact FROM runs "
    return [
        Run(
            id=id_,
            bottle=bottle,
            agent=agent,
            path=msgspec.json.decode(path, type=Path),
            started=from_ms(started),
            status=status,
            ended=None if ended is None else from_ms(ended),
            exit_code=exit_code,
            fact=msgspec.json.decode(fact, type=Fact),
        )
        for id_, bottle, agent, path, started, status, ended, exit_code, fact in db.execute(
            query + which, values
        )
    ]


def add_run(db: sqlite3.Connection, run: Run) -> None:
    """Record a run, and under which scopes its usage is found."""
    added = db.execute(
        """
        INSERT INTO runs (id, bottle, agent, path, started, status, ended, exit_code, fact)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            run.id,
            run.bottle,
            run.agent,
            msgspec.json.encode(run.path).decode(),
            to_ms(run.started),
            run.status,
            None if run.ended is None else to_ms(run.ended),
            run.exit_code,
            msgspec.json.encode(run.fact).decode(),
        ),
    )
    scopes = {(str(scope), added.lastrowid) for scope in run.path}
    db.executemany("INSERT INTO run_scopes VALUES (?, ?)", scopes)


def totals(
    db: sqlite3.Connection, by: Sequence[str], run: str | None, since: datetime | None
) -> list[Total]:
    """Usage grouped by words that are keys of `_GROUPS`, and nothing else."""
    groups = [_GROUPS[word] for word in by]
    within = ["TRUE"]
    if run is not None:
        within.append("runs.id = :run")
    if since is not None:
        within.append("created >= :since")
    query = f"""
        SELECT {", ".join([*groups, _SUMS])}
        FROM standing JOIN runs ON runs.seq = standing.run WHERE {" AND ".join(within)}
    """  # noqa: S608  every part is a constant of this file
    if groups:
        query += f"GROUP BY {', '.join(groups)} ORDER BY {', '.join(groups)}"
    values = {"run": run, "since": None if since is None else to_ms(since)}
    found = db.execute(query, values)
    return [_total(row[: len(by)], row[len(by) :]) for row in found if row[len(by)]]


def audit_page(db: sqlite3.Connection, run: str | None, after: int) -> list[AuditRow]:
    """The next rows of the audit, as many as fit one page."""
    which = "WHERE id > :after ORDER BY id LIMIT :limit"
    if run is not None:
        which = "WHERE run = :run AND id > :after ORDER BY id LIMIT :limit"
    found = db.execute(_AUDIT + which, {"run": run, "after": after, "limit": _AUDIT_PAGE})
    return [
        AuditRow(id_, at, run_, act, code, msgspec.json.decode(fact, type=Fact), hash_)
        for id_, at, run_, act, code, fact, hash_ in found
    ]


def orders(db: sqlite3.Connection, run: str, after: int) -> list[Order]:
    """Orders to a run, oldest first."""
    found = db.execute(
        "SELECT id, run, act, code, at FROM orders WHERE run = ? AND id > ? ORDER BY id",
        (run, after),
    )
    return [Order(id_, run_, act, code, from_ms(at)) for id_, run_, act, code, at in found]


def _total(group: Sequence[str], sums: Sequence[Any]) -> Total:
    requests, measured, estimated, unknown, micros, unpriced = sums[:6]
    fresh, output, written, read, reasoning, hourly, cost = sums[6:]
    qualities = {
        Quality.MEASURED: measured,
        Quality.ESTIMATED: estimated,
        Quality.UNKNOWN: unknown,
    }
    by_quality = {str(quality): count for quality, count in qualities.items() if count}
    quality = weakest(by_quality)
    usage = Usage(fresh, output, written, read, reasoning, hourly, quality, cost)
    return Total(tuple(group), requests, usage, micros, unpriced, by_quality)
