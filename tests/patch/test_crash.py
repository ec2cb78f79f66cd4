"""Killed at any moment, a writer leaves the file whole, and every backup that it spoke of."""

import random
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from stopper.patch import backups as module
from stopper.patch import list_backups, prune_backups, safe_write_file
from stopper.testing.writers import told_by_killed

LINES = 3000
WRITERS = 2


def content(name: str, number: int) -> str:
    """Tells by itself whether it is whole."""
    body = f"{name}.{number}\n" * (LINES + number % 7)
    return body + sha256(body.encode()).hexdigest()


def number_of(text: str) -> str:
    body, _, check = text.rpartition("\n")
    assert sha256(f"{body}\n".encode()).hexdigest() == check
    return body.partition("\n")[0]


@pytest.mark.parametrize(
    "rounds", [4, pytest.param(200, marks=pytest.mark.soak)], ids=["short", "soak"]
)
def test_killed_writers(tmp_path: Path, rounds: int) -> None:
    """Two at once on one file. What a writer acknowledged is the file, or a backup of it."""
    chance = random.Random(rounds)  # noqa: S311  moments of a test
    file, backups = tmp_path / "f.txt", tmp_path / "kept"
    file.write_text(content("first", 0))
    for turn in range(rounds):
        told = told_by_killed(
            [
                (sys.executable, __file__, str(file), str(backups), f"{turn}-{one}")
                for one in range(WRITERS)
            ],
            chance,
            12,
        )
        kept = list_backups(file, backups)
        there = {number_of(one.file.read_text()) for one in kept} | {number_of(file.read_text())}
        assert {*told} <= there
        assert all(sha256(one.file.read_bytes()).hexdigest() == one.sha256 for one in kept)
        prune_backups(backups, keep=5)
    assert safe_write_file(file, content("last", 0), backups)
    assert not [one.name for one in tmp_path.iterdir() if one.name.startswith(".")]


def _write(file: str, backups: str, name: str) -> None:
    vars(module)["MAX_BACKUPS"] = 10_000  # none is to make room for another
    number = 0
    while True:
        assert safe_write_file(file, content(name, number), backups)
        sys.stdout.write(f"{name}.{number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    _write(*sys.argv[1:4])
