"""What only the SQLite ledger does: many sessions at once, append-only tables, a kept audit end."""

import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stopper.core.budget import Budget, Unit, Window
from stopper.core.hold import Denial, Need
from stopper.core.scope import GLOBAL, Scope, ScopeKind, path_of
from stopper.core.usage import Quality, Usage
from stopper.stores.ledger import (
    Grant,
    Grow,
    Hold,
    Ledger,
    Op,
    Release,
    Run,
    Settle,
    UsageRow,
)
from stopper.stores.memory import MemoryLedger
from stopper.stores.sqlite import SqliteLedger

NOON = datetime(2026, 3, 31, 12, 0, 0, tzinfo=UTC)
PROCESSES = 4
OPS_A_PROCESS = 2000
LIMIT = 20_000
STEPS = 150


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stopper.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    ledger = SqliteLedger(path)
    ledger.add_run(a_run("r"))
    yield ledger
    ledger.close()


def a_run(id_: str) -> Run:
    return Run(id_, "b", "a", path_of(id_, "a", "b"), NOON)


def a_hold(id_: str, fixed: int = 10, asked: int = 90, run: str = "r") -> Hold:
    return Hold(id_, run, "anthropic", "claude", Need(fixed, 0, 1000, 0), asked)


def settle(id_: str, used: int = 40, run: str = "r") -> Settle:
    usage = Usage(output=used, quality=Quality.MEASURED)
    return Settle(UsageRow(id_, run, "anthropic", "claude", usage, None, NOON))


def tokens(limit: int, window: Window = Window.LIFETIME) -> Budget:
    return Budget(GLOBAL, Unit.TOKENS, limit, window)


def test_what_one_session_sets_governs_the_next_request_of_another(
    ledger: SqliteLedger, path: Path
) -> None:
    operator = SqliteLedger(path)
    assert isinstance(ledger.apply([a_hold("one")], NOON)[0], Grant)
    operator.set_budget(tokens(50), NOON)
    assert isinstance(ledger.apply([a_hold("two")], NOON)[0], Denial)
    operator.set_budget(tokens(150), NOON)
    assert ledger.apply([a_hold("two")], NOON) == [Grant("two", 40, 50, 0)]
    operator.drop_budget(tokens(150).key, NOON)
    assert ledger.apply([a_hold("three")], NOON) == [Grant("three", 90, 100, 0)]
    assert operator.open_holds() == 3
    operator.close()


@pytest.mark.parametrize("seed", range(4))
def test_sessions_in_turn_are_as_one_that_keeps_nothing_in_mind(
    ledger: SqliteLedger, path: Path, seed: int
) -> None:
    """What a session remembers of its own transactions never hides those of another."""
    chance = random.Random(seed)  # noqa: S311  a load, no secret
    sessions = [ledger, SqliteLedger(path)]
    model = MemoryLedger()
    model.add_run(a_run("r"))
    names: list[str] = []
    now = NOON
    for step in range(STEPS):
        now += timedelta(seconds=chance.randint(0, 40))
        act = _act(chance, step, names, now)
        assert act(chance.choice(sessions)) == act(model)
    assert ledger.accounts(None, now) == model.accounts(None, now)
    assert ledger.rows() == model.rows()
    assert [row.fact for row in ledger.audit()] == [row.fact for row in model.audit()]
    sessions[1].close()


def _act(
    chance: random.Random, step: int, names: list[str], now: datetime
) -> Callable[[Ledger], object]:
    """Something that a session does, with the answer it gets."""
    some = chance.choice(names) if names else "nothing"
    budget = tokens(chance.randint(0, 900), chance.choice([Window.LIFETIME, Window.MINUTE]))
    kind = chance.random()
    if kind < 0.4:
        names.append(f"h{step}")
        op: Op = a_hold(f"h{step}", 10, chance.randint(1, 190))
    elif kind < 0.6:
        op = settle(some, chance.randint(1, 60))
    elif kind < 0.7:
        op = Grow(some, chance.randint(1, 300), 0)
    elif kind < 0.75:
        op = Release(some)
    elif kind < 0.8:
        return lambda ledger: ledger.set_budget(budget, now)
    elif kind < 0.83:
        return lambda ledger: ledger.drop_budget(budget.key, now)
    elif kind < 0.9:
        return lambda ledger: ledger.renew([some], now + timedelta(minutes=9))
    elif kind < 0.95:
        return lambda ledger: ledger.expire(now)
    else:
        return lambda ledger: ledger.correct(some, 5, None, now)
    return lambda ledger: ledger.apply([op], now)


def test_a_ledger_that_was_closed_is_as_it_was(ledger: SqliteLedger, path: Path) -> None:
    ledger.set_budget(tokens(1000), NOON)
    ledger.apply([a_hold("one"), a_hold("two"), settle("one")], NOON)
    before = (ledger.rows(), ledger.accounts(None, NOON), ledger.runs(), list(ledger.audit()))
    ledger.close()
    again = SqliteLedger(path)
    assert (again.rows(), again.accounts(None, NOON), again.runs(), list(again.audit())) == before
    assert again.apply([settle("two")], NOON) == [None]
    again.close()


FORBIDDEN = (
    "UPDATE usage SET tokens = 0",
    "DELETE FROM usage",
    "DELETE FROM usage WHERE id = 1",
    "UPDATE audit SET act = 'nothing'",
    "DELETE FROM audit",
    "INSERT INTO usage SELECT * FROM usage",
    "INSERT INTO audit SELECT * FROM audit",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_usage_and_audit_can_only_grow(ledger: SqliteLedger, path: Path, statement: str) -> None:
    ledger.apply([a_hold("one"), settle("one")], NOON)
    session = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError):
        session.execute(statement)
    session.close()


TAMPERED = {
    # what someone with the file does                              the first row that shows it
    "UPDATE audit SET fact = '{}' WHERE id = 2":                   2,
    "UPDATE audit SET at = 0 WHERE id = 1":                        1,
    "DELETE FROM audit WHERE id = 2":                              3,
    "DELETE FROM audit WHERE id = 4":                              4,
    "DELETE FROM audit WHERE id > 1":                              2,
    "DELETE FROM audit":                                           1,
    "UPDATE audit SET id = 9 WHERE id = 4":                        4,
    "UPDATE state SET audit_head = printf('%064d', 0)":            5,
}  # fmt: skip


@pytest.mark.parametrize(("statement", "first"), TAMPERED.items())
def test_an_audit_that_was_tampered_with_shows_where(
    ledger: SqliteLedger, path: Path, statement: str, first: int
) -> None:
    for number in range(3):
        ledger.note("r", "denial", "budget.exhausted", {"number": number}, NOON)
    assert ledger.verify_audit() is None
    session = sqlite3.connect(path)
    with session:
        session.execute("DROP TRIGGER audit_is_never_changed")
        session.execute("DROP TRIGGER audit_is_never_deleted")
        session.execute(statement)
    session.close()
    broken = ledger.verify_audit()
    assert broken is not None
    assert broken.id == first


def test_accounts_of_old_windows_are_let_go_and_computed_again(
    ledger: SqliteLedger, path: Path
) -> None:
    for window in Window:
        ledger.set_budget(tokens(10**6, window), NOON)
    for minute in range(5):
        moment = NOON + timedelta(minutes=minute)
        ledger.apply([a_hold(f"h{minute}"), settle(f"h{minute}", minute)], moment)
    much_later = NOON + timedelta(days=70)
    ledger.expire(much_later)
    session = sqlite3.connect(path)
    kept = session.execute("SELECT budget FROM accounts").fetchall()
    session.close()
    assert kept == [(tokens(1).key,)]
    third = {a.budget.window: a.spent for a in ledger.accounts(None, NOON + timedelta(minutes=3))}
    assert third == {Window.LIFETIME: 10, Window.MINUTE: 3, Window.DAY: 10, Window.MONTH: 10}


def test_caches_are_bounded_and_change_nothing(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stopper.stores.sqlite_shelf._RUNS_CACHED", 3)
    monkeypatch.setattr("stopper.stores.sqlite_shelf._LINES_CACHED", 3)
    monkeypatch.setattr("stopper.stores.sqlite_shelf._TALLIES_CACHED", 3)
    monkeypatch.setattr("stopper.stores.sqlite_shelf._HOLDS_CACHED", 3)
    for number in range(10):
        ledger.add_run(a_run(f"r{number}"))
        scope = Scope(ScopeKind.RUN, f"r{number}")
        ledger.set_budget(Budget(scope, Unit.TOKENS, 100 + number), NOON)
    ledger.apply([a_hold(f"h{number}", run=f"r{number}") for number in range(10)], NOON)
    for number in range(10):
        ledger.apply([a_hold(f"g{number}", 0, run=f"r{number}")], NOON)
    held = [a.held for a in ledger.accounts(None, NOON)]
    assert held == [100 + number for number in range(10)]
    shelf = ledger._shelf
    assert shelf is not None
    assert len(shelf._runs) <= 3
    assert len(shelf._lines) <= 3
    ledger.apply([settle(f"h{number}", run=f"r{number}") for number in range(10)], NOON)
    for number in range(9):
        ledger.apply([Release(f"g{number}")], NOON)
    assert len(shelf._holds) <= 3
    assert len(shelf._tallies) <= 3
    assert ledger.open_holds() == 1
    assert [a.held for a in ledger.accounts(None, NOON)] == [0] * 9 + [9]


def test_processes_at_once_never_pass_a_limit_and_lose_nothing(
    ledger: SqliteLedger, path: Path
) -> None:
    ledger.set_budget(tokens(LIMIT), NOON)
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, str(path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    reports = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
    (account,) = ledger.accounts(None, NOON)
    assert account.spent == sum(report["spent"] for report in reports)
    assert account.held == sum(report["held"] for report in reports)
    assert ledger.open_holds() == sum(report["open"] for report in reports)
    assert account.spent == ledger.totals([])[0].usage.output
    assert account.room >= 0
    assert sum(report["denied"] for report in reports) > 0
    assert [report["over"] for report in reports] == [0] * PROCESSES
    assert ledger.verify_audit() is None


def _work(path: Path, number: int) -> None:
    """Random holds and settlements; reports what they must add up to."""
    chance = random.Random(number)  # noqa: S311  a load, no secret
    ledger = SqliteLedger(path, patience=timedelta(seconds=60))
    run = f"r{number}"
    ledger.add_run(a_run(run))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    held: dict[str, int] = {}
    report = {"spent": 0, "held": 0, "open": 0, "denied": 0, "over": 0}
    done = 0
    while done < OPS_A_PROCESS:
        ops = _ops(chance, run, done, list(held))
        done += len(ops)
        for op, outcome in zip(ops, ledger.apply(ops, NOON), strict=True):
            if isinstance(outcome, Grant):
                held[outcome.id] = outcome.tokens
            elif isinstance(outcome, Denial):
                report["denied"] += 1
            elif isinstance(op, Settle):
                report["spent"] += op.row.usage.output
                del held[op.row.hold]
            elif isinstance(op, Release):
                del held[op.id]
        (account,) = ledger.accounts(None, NOON)
        report["over"] += account.room < 0
    report["held"], report["open"] = sum(held.values()), len(held)
    sys.stdout.write(json.dumps(report))


def _ops(chance: random.Random, run: str, done: int, held: list[str]) -> list[Op]:
    ops: list[Op] = []
    chance.shuffle(held)
    for place in range(chance.randint(1, 8)):
        kind = chance.random()
        if not held or kind < 0.5:
            ops.append(a_hold(f"{run}:{done + place}", 10, chance.randint(1, 190), run))
        elif kind < 0.6:
            ops.append(Grow(held[-1], chance.randint(1, 300), 0))
        elif kind < 0.65:
            ops.append(Release(held.pop()))
        else:
            ops.append(settle(held.pop(), chance.randint(1, 11), run))
    return ops


if __name__ == "__main__":
    _work(Path(sys.argv[1]), int(sys.argv[2]))
