"""Killed at any moment, writers tear nothing and lose nothing that they acknowledged."""

import random
import sys
from pathlib import Path

import pytest

from stopper.telemetry import TokenLedger
from stopper.telemetry import journal as module
from stopper.testing.writers import told_by_killed

WRITERS = 3
FILE_BYTES = 6000


@pytest.mark.parametrize(
    "rounds", [4, pytest.param(200, marks=pytest.mark.soak)], ids=["short", "soak"]
)
def test_killed_writers(tmp_path: Path, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three at once on one file that rotates all the time; the totals hold what is acknowledged."""
    monkeypatch.setattr(module, "MAX_FILE_BYTES", FILE_BYTES)
    chance = random.Random(rounds)  # noqa: S311  moments of a test
    path = tmp_path / "usage.jsonl"
    acknowledged = unsure = 0
    last: dict[str, int] = {}
    for turn in range(rounds):
        commands = [
            (sys.executable, __file__, str(path), f"{turn}-{one}") for one in range(WRITERS)
        ]
        whole = told_by_killed(commands, chance, 80)
        acknowledged += len(whole)
        last |= dict(map(_split, whole))
        unsure += WRITERS
        ledger = TokenLedger(path, environ={})
        ledger.check_burn_rate("test")
        days = ledger._sums.books.account("test").days
        assert acknowledged <= sum(day.total for day in days.values()) <= acknowledged + unsure
        kept: dict[str, list[int]] = {}
        for entry in ledger.entries():
            name, number = _split(entry.model)
            kept.setdefault(name, []).append(number)
        assert kept
        for name, numbers in kept.items():
            assert numbers == [*range(numbers[0], numbers[-1] + 1)], "only the oldest go"
            assert last[name] <= numbers[-1]
        ledger.close()


def _split(model: str) -> tuple[str, int]:
    name, _, number = model.rpartition(".")
    return name, int(number)


def _write(path: str, name: str) -> None:
    vars(module)["MAX_FILE_BYTES"] = FILE_BYTES
    ledger = TokenLedger(path, environ={})
    number = 0
    while True:
        ledger.record_usage("test", f"{name}.{number}", 1, 0)
        sys.stdout.write(f"{name}.{number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    _write(*sys.argv[1:3])
