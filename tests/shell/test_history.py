"""Every command is recorded in one whole line, without secrets, in files that rotate."""

import json
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stopper.shell import run_governed_command, run_quick
from stopper.shell.history import HISTORY_PATH, MAX_OLD_FILES, Entry, append, entries
from stopper.testing.writers import told_by_killed

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def entry(command: str) -> Entry:
    return Entry(timestamp=NOON, command=command, cwd="/x", exit_code=0)


def test_what_is_recorded(folder: Path, random_token: str) -> None:
    run_quick("exit 3")
    run_quick("rm -rf /")
    run_quick(f"echo {random_token} # {'x' * 9000}")
    first, second, third = map(json.loads, Path(HISTORY_PATH).read_text().splitlines())
    assert (first["command"], first["exit_code"], first["cwd"]) == ("exit 3", 3, str(folder))
    assert second["refusal"] == "shell.dangerous"
    assert "exit_code" not in second
    assert random_token not in third["command"]
    assert len(third["command"]) == 4096
    assert datetime.fromisoformat(first["timestamp"]).tzinfo is not None
    assert (
        Path(HISTORY_PATH).stat().st_mode & 0o777,
        (folder / ".stopper").stat().st_mode & 0o777,
    ) == (0o600, 0o700)
    assert (folder / ".stopper" / ".gitignore").read_text().endswith("*\n")


def test_none_and_another(folder: Path) -> None:
    run_quick("true", history=None)
    assert not (folder / ".stopper").exists()
    run_quick("true", history="elsewhere/h.jsonl")
    assert [one.command for one in entries(folder / "elsewhere" / "h.jsonl")] == ["true"]


def test_a_record_that_cannot_be_kept_is_said(folder: Path) -> None:
    (folder / ".stopper").write_text("a file where the folder should be")
    result = run_governed_command("echo ran")
    assert result.stdout == "ran\n"
    assert "not recorded" in result.warnings[0]


def test_a_link_in_its_place_is_not_followed(folder: Path) -> None:
    run_quick("true")
    Path(HISTORY_PATH).unlink()
    Path(HISTORY_PATH).symlink_to(folder / "elsewhere")
    assert "not recorded" in run_quick("true").warnings[0]
    assert not (folder / "elsewhere").exists()


def test_a_torn_line_is_closed_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    append(path, entry("one"))
    with path.open("ab") as file:
        file.write(b'{"timestamp": "2026-0')
    append(path, entry("two"))
    assert [one.command for one in entries(path)] == ["one", "two"]


def test_files_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopper.shell.history.MAX_FILE_BYTES", 500)
    path = tmp_path / "kept" / "h.jsonl"
    for number in range(40):
        append(path, entry(str(number)))
    files = sorted(path.parent.iterdir())
    assert len(files) == MAX_OLD_FILES + 1
    assert all(file.stat().st_size < 700 for file in files)
    kept = [int(one.command) for one in entries(path)]
    assert kept == list(range(kept[0], 40))


@pytest.mark.parametrize(
    "rounds", [3, pytest.param(200, marks=pytest.mark.soak)], ids=["short", "soak"]
)
def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path: Path, rounds: int) -> None:
    """Three at once, killed at any moment, through many rotations."""
    chance = random.Random(rounds)  # noqa: S311  moments of a test
    for number in range(rounds):
        path = tmp_path / str(number) / "h.jsonl"
        commands = [(sys.executable, __file__, str(path), str(one)) for one in range(3)]
        acknowledged = {*told_by_killed(commands, chance, 60)}
        assert acknowledged <= {one.command for one in entries(path)}
        torn = [line for line in path.read_bytes().split(b"\n") if line and not line.endswith(b"}")]
        assert len(torn) <= len(commands)


def _write(path: Path, name: str) -> None:
    number = 0
    while True:
        append(path, entry(f"{name}.{number}"))
        sys.stdout.write(f"{name}.{number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    _write(Path(sys.argv[1]), sys.argv[2])
