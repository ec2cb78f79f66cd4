"""Killed at any moment, a ledger loses nothing that it acknowledged and leaks no hold."""

import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stopper.core.budget import Budget, Enforce, Unit, Window
from stopper.core.hold import Need
from stopper.core.scope import GLOBAL, Scope, ScopeKind, path_of
from stopper.core.usage import Quality, Usage
from stopper.stores.ledger import Grant, Hold, Op, Run, Settle, UsageRow
from stopper.stores.sqlite import SqliteLedger

NOON = datetime(2026, 3, 31, 12, 0, 0, tzinfo=UTC)
LIFETIME = timedelta(minutes=1)
LIMIT = 10**9
WORKERS = 2
MOST_LINES = 400
"""How many acknowledgements a worker lives for, at most."""

BUDGETS = (
    Budget(GLOBAL, Unit.TOKENS, LIMIT),
    Budget(GLOBAL, Unit.TOKENS, LIMIT, Window.MINUTE),
    Budget(Scope(ScopeKind.AGENT, "a0"), Unit.MICROS, LIMIT, provider="openai"),
)


@pytest.mark.parametrize(
    "rounds", [10, pytest.param(100, marks=pytest.mark.soak)], ids=["short", "soak"]
)
def test_a_ledger_survives_being_killed(tmp_path: Path, rounds: int) -> None:
    path = tmp_path / "stopper.db"
    ledger = SqliteLedger(path)
    for budget in BUDGETS:
        ledger.set_budget(budget, NOON)
    ledger.close()
    chance = random.Random(rounds)  # noqa: S311  moments of a test, no secret
    acknowledged: dict[str, int] = {}
    for number in range(rounds):
        acknowledged |= _round(
            path, number, [chance.randint(1, MOST_LINES) for _ in range(WORKERS)]
        )
        _check(path, NOON + number * timedelta(hours=1), acknowledged)
    assert len(acknowledged) > rounds


def _round(path: Path, number: int, lives: list[int]) -> dict[str, int]:
    """Let workers run until each has acknowledged so many settlements, then kill them."""
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, str(path), str(number), str(worker)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for worker in range(WORKERS)
    ]
    told: list[str] = []
    for worker, life in zip(workers, lives, strict=True):
        assert worker.stdout is not None
        told += [worker.stdout.readline() for _ in range(life)]
        worker.kill()
    for worker in workers:
        assert worker.stdout is not None
        told += worker.stdout.readlines()
        worker.stdout.close()
        assert worker.wait(timeout=60) == -signal.SIGKILL
    whole = [line.split() for line in told if line.endswith("\n")]
    return {hold: int(used) for hold, used in whole}


def _check(path: Path, now: datetime, acknowledged: dict[str, int]) -> None:
    ledger = SqliteLedger(path, lifetime=LIFETIME)
    assert ledger.verify_audit() is None
    expired = ledger.expire(now + timedelta(minutes=30))
    assert ledger.open_holds() == 0
    rows = [row for _, row in ledger.rows(limit=10**7)]
    used = {row.hold: row.usage.output for row in rows}
    assert len(used) == len(rows)
    assert {hold: used[hold] for hold in acknowledged} == acknowledged
    assert {pending.hold for pending in expired} <= {
        row.hold for row in rows if row.usage.quality is Quality.UNKNOWN
    }
    lifetime, minute, dollars = (
        next(a for a in ledger.accounts(None, now) if a.budget.key == budget.key)
        for budget in BUDGETS
    )
    assert (lifetime.spent, lifetime.held) == (sum(used.values()), 0)
    this_round = [row for row in rows if row.run.startswith(f"{now.isoformat()} ")]
    assert this_round
    assert (minute.spent, minute.held) == (sum(r.usage.output for r in this_round), 0)
    theirs = [row for row in rows if row.run.endswith(" 0") and row.provider == "openai"]
    assert (dollars.spent, dollars.held) == (sum(row.micros or 0 for row in theirs), 0)
    ledger.close()


def _work(path: Path, number: int, worker: int) -> None:
    """Hold and settle in batches until killed; a line for each settlement that was committed."""
    now = NOON + number * timedelta(hours=1)
    chance = random.Random(number * WORKERS + worker)  # noqa: S311  a load, no secret
    ledger = SqliteLedger(
        path, enforce=Enforce.ALL, lifetime=LIFETIME, patience=timedelta(seconds=60)
    )
    run, agent = f"{now.isoformat()} {worker}", f"a{worker}"
    ledger.add_run(Run(run, "b", agent, path_of(run, agent, "b"), now))
    count = 0
    held: list[str] = []
    while True:
        ops: list[Op] = []
        for _ in range(chance.randint(1, 16)):
            if held and chance.random() < 0.5:
                ops.append(_settle(held.pop(chance.randrange(len(held))), run, chance, now))
            else:
                count += 1
                id_ = f"{number}-{worker}-{count}"
                need = Need(50, 70, 1000, 10**6)
                ops.append(Hold(id_, run, _provider(id_), "claude", need, 100))
        outcomes = ledger.apply(ops, now)
        held += [outcome.id for outcome in outcomes if isinstance(outcome, Grant)]
        lines = [f"{o.row.hold} {o.row.usage.output}\n" for o in ops if isinstance(o, Settle)]
        sys.stdout.write("".join(lines))
        sys.stdout.flush()


def _settle(id_: str, run: str, chance: random.Random, now: datetime) -> Settle:
    usage = Usage(output=chance.randint(1, 150), quality=Quality.MEASURED)
    micros = chance.randint(1, 170)
    return Settle(UsageRow(id_, run, _provider(id_), "claude", usage, micros, now))


def _provider(id_: str) -> str:
    return "openai" if id_.endswith(("1", "3", "5")) else "anthropic"


if __name__ == "__main__":
    _work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
