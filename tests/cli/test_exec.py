"""`stopper exec`: one governed command, whose exit status is Stopper's own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Typed = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


ENDS = {
    # what is typed                   words                                          status  stdout
    "a program":                      (["--", "echo", "$HOME"],                      0,      "$HOME\n"),
    "a shell text":                   (["--", "echo a | tr a b; exit 3"],            3,      "b\n"),
    "a signal":                       (["--policy", "warn", "--", "kill -TERM $$"], 143,    ""),
    "what is not there":              (["--", "no-such-program"],                    127,    ""),
    "what takes too long":            (["--timeout", "0.2", "--", "sleep", "99"],    124,    ""),
    "what is dangerous":              (["--", "rm", "-rf", "/"],                     126,    ""),
    "few lines":                      (["--lines", "1", "--show", "tail", "--", "seq 9"], 0, "[... 8 lines omitted ...]\n9\n"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "status", "stdout"), ENDS.values(), ids=ENDS)
def test_ends(typed: Typed, words: list[str], status: int, stdout: str) -> None:
    result = typed("exec", *words)
    assert (result.exit_code, result.stdout) == (status, stdout)


def test_a_refusal_explains_itself(typed: Typed, folder: Path) -> None:
    said = " ".join(typed("exec", "--", "rm -rf /").stderr.split())
    assert "[stopper shell.dangerous]" in said
    assert "command.deletes_tree: /" in said
    assert '"refusal":"shell.dangerous"' in (folder / ".stopper/command_history.jsonl").read_text()


def test_asking_needs_somebody_at_a_terminal(folder: Path) -> None:
    """Nobody is there, and a `y` in the pipe is not an answer."""
    command = [sys.executable, "-m", "stopper", "exec", "--policy", "ask", "--", "rm -rf /"]
    done = subprocess.run(
        command, input="y\n", capture_output=True, text=True, start_new_session=True, check=False
    )
    assert done.returncode == 126
    assert "shell.not_approved" in done.stderr


def test_stdin_is_the_commands(folder: Path) -> None:
    command = [sys.executable, "-m", "stopper", "exec", "--", "tr", "a-z", "A-Z"]
    assert subprocess.check_output(command, input=b"hello") == b"HELLO"


def test_json(typed: Typed) -> None:
    said = json.loads(typed("exec", "--json", "--", "echo x; exit 4").stdout)
    assert (said["exit_code"], said["stdout"], said["truncation"]) == (4, "x\n", "none")


MISUSES: dict[str, list[str]] = {
    "no dashes": ["ls"],
    "a word before them": ["ls", "--", "ls"],
    "nothing behind them": ["--"],
    "no such policy": ["--policy", "allow", "--", "ls"],
}


@pytest.mark.parametrize("words", MISUSES.values(), ids=MISUSES)
def test_misuse(typed: Typed, words: list[str]) -> None:
    assert typed("exec", *words).exit_code == 2


def test_what_cannot_be_tried(typed: Typed) -> None:
    assert typed("exec", "--timeout", "0", "--", "ls").exit_code == 125
