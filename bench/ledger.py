"""What holds and settlements cost in the SQLite ledger, for batches as a busy loop makes them."""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final

from bench.harness import Bench, Row
from bench.plane import BUDGETS, MODEL, RUN
from stopper.core.hold import Need
from stopper.core.scope import path_of
from stopper.core.usage import Quality, Usage
from stopper.stores.ledger import Grant, Hold, Op, Run, Settle, UsageRow
from stopper.stores.sqlite import SqliteLedger

__all__ = ["BENCH"]

BATCHES: Final = (1, 16, 64)
OPERATIONS: Final = 2048
"""Holds and as many settlements in a round."""

_NEED: Final = Need(400, 1_200, 1_000, 15_000_000)
_USAGE: Final = Usage(412, 38, quality=Quality.MEASURED)
_US: Final = 1e6


def measure(rounds: int) -> Iterator[Row]:
    """Ours and bare inserts in turns, in files of their own with the same journal."""
    with (
        tempfile.TemporaryDirectory(prefix="stopper-bench-") as folder,
        closing(SqliteLedger(Path(folder, "ours.db"))) as ledger,
        closing(_bare(Path(folder, "bare.db"))) as bare,
    ):
        now = datetime.now(UTC)
        path = path_of(RUN, "bench", "bench")
        ledger.add_run(Run(id=RUN, bottle="bench", agent="bench", path=path, started=now))
        for budget in BUDGETS:
            ledger.set_budget(budget, now)
        serial = count()
        for size in BATCHES:
            turns = [
                (
                    _timed(lambda: _ours(ledger, serial, size, now)),  # noqa: B023  called at once
                    _timed(lambda: _inserts(bare, size)),  # noqa: B023  called at once
                )
                for _ in range(rounds)
            ]
            ours, reference = (median(turn[side] for turn in turns) for side in (0, 1))
            yield Row(f"an operation, {size} in a transaction", "us", ours, reference)


def _ours(ledger: SqliteLedger, serial: Iterator[int], size: int, now: datetime) -> None:
    """As in a steady run, a batch settles what the batch before it has held."""
    half = max(1, size // 2)
    held: list[str] = []
    done = 0
    while done < 2 * OPERATIONS:
        ops: list[Op] = [Settle(_row(id_, now)) for id_ in held] if size > 1 or held else []
        if size > 1 or not held:
            ops += [_hold(f"bench{next(serial):x}") for _ in range(half)]
        outcomes = ledger.apply(ops, now)
        held = [outcome.id for outcome in outcomes if isinstance(outcome, Grant)]
        done += len(ops)
    ledger.apply([Settle(_row(id_, now)) for id_ in held], now)


def _hold(id_: str) -> Hold:
    return Hold(id_, RUN, "anthropic", MODEL, _NEED, asked=1024)


def _row(id_: str, now: datetime) -> UsageRow:
    return UsageRow(
        id_, RUN, "anthropic", MODEL, _USAGE, 1_806, now, "anthropic.messages", text_bytes=1000
    )


def _bare(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(
        "CREATE TABLE usage (id INTEGER PRIMARY KEY, hold TEXT, run INTEGER, model TEXT,"
        " input INTEGER, output INTEGER, micros INTEGER, at INTEGER)"
    )
    return db


def _inserts(db: sqlite3.Connection, size: int) -> None:
    row = (None, "bench0123456789", 1, MODEL, 412, 38, 1_806, 1_790_000_000_000)
    for _ in range(2 * OPERATIONS // size):
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [row] * size)
        db.execute("COMMIT")


def _timed(work: Callable[[], None]) -> float:
    """How many microseconds an operation took, of 2 * OPERATIONS."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * _US / (2 * OPERATIONS)


BENCH = Bench(
    "holds and settlements in SQLite; reference: a bare insert of one row in the same journal mode",
    measure,
    rounds=7,
)
