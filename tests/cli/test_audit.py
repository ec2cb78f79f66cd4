"""`stopper audit verify`: says that the record holds, or where it breaks."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from stopper.stores.ledger import Ledger
from stopper.testing.past import Past

Typed = Callable[..., Result]


@pytest.fixture
def rows(past: Past, ledger: Ledger) -> list[str]:
    """The hashes of a few rows."""
    run = past.run("fox")
    for _ in range(3):
        ledger.note(run.id, "refuse", "network.metadata", {"count": 1}, past.now)
    return [row.hash for row in ledger.audit()]


def tamper(home: Path, statement: str) -> None:
    """What somebody with a text editor for databases would do."""
    with closing(sqlite3.connect(home / "stopper.db")) as db, db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            db.execute(f"DROP TRIGGER {name}")
        assert db.execute(statement).rowcount == 1


def test_a_record_that_holds(typed: Typed, rows: list[str]) -> None:
    shown = typed("audit", "verify")
    assert shown.exit_code == 0
    assert shown.stdout == f"All 4 rows hold. The newest row's hash is {rows[-1]}.\n"
    assert json.loads(typed("audit", "verify", "--json").stdout) == {
        "rows": 4,
        "head": rows[-1],
        "broken": None,
    }


def test_no_record_yet(typed: Typed) -> None:
    shown = typed("audit", "verify")
    assert (shown.exit_code, shown.stdout) == (0, "There is no row yet.\n")


BROKEN = {
    # what was done         how                                                                     row
    "a row was changed":    ("UPDATE audit SET code = 'network.private_address' WHERE id = 3",      3),
    "a row was dropped":    ("DELETE FROM audit WHERE id = 2",                                      3),
    "the end was dropped":  ("DELETE FROM audit WHERE id = 4",                                      4),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "row"), BROKEN.values(), ids=BROKEN)
def test_a_record_that_breaks(
    typed: Typed, rows: list[str], home: Path, statement: str, row: int
) -> None:
    tamper(home, statement)
    shown = typed("audit", "verify")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert f"The audit breaks at row {row} of " in shown.stderr
    told = typed("audit", "verify", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["broken"]["id"] == row
