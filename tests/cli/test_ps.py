"""`stopper ps`: what runs, what it has used, and what is left to it."""

import json
import os
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result

from stopper.core.budget import Budget, Unit, Window
from stopper.core.scope import GLOBAL
from stopper.stores.ledger import Ledger
from stopper.testing.past import Past

Typed = Callable[..., Result]


@pytest.fixture
def runs(past: Past, ledger: Ledger) -> Past:
    """One that lives, one whose process is gone, one that has ended; a budget for two of them."""
    past.run("ended", status="ended", exit_code=3, ago=timedelta(hours=2))
    past.run("lost", "codex", gone=True, ago=timedelta(minutes=5))
    fox = past.run("fox", ago=timedelta(seconds=90))
    past.call(fox)
    ledger.set_budget(Budget(fox.path[0], Unit.TOKENS, 1_000, Window.DAY, "anthropic"), past.now)
    ledger.set_budget(Budget(GLOBAL, Unit.MICROS, 2_500_000), past.now)
    return past


def cells(text: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in text.splitlines()[2:]]


@pytest.mark.usefixtures("runs")
def test_runs_that_live(typed: Typed) -> None:
    fox, lost = cells(typed("ps").stdout)
    pid = str(os.getpid())
    assert fox[:4] == ["fox", "claude", pid, "running"]
    assert fox[5:] == ["120", "$0.001", "measured", "880 of 1,000/day (anthropic)"]
    assert lost[:4] == ["lost", "codex", pid, "lost"]
    assert lost[5:] == ["0", "$0.00", "-", "$2.499 of $2.50"]


@pytest.mark.usefixtures("runs")
def test_runs_that_are_over(typed: Typed) -> None:
    *_, ended = cells(typed("ps", "--all").stdout)
    assert ended[:4] == ["ended", "claude", "-", "ended 3"]
    assert ended[4].startswith("2h 0m")
    assert ended[-1] == "-"


@pytest.mark.usefixtures("runs")
def test_json(typed: Typed) -> None:
    fox, lost, ended = json.loads(typed("ps", "-a", "--json").stdout)
    assert {name: fox[name] for name in ("bottle", "agent", "pid", "status", "exit_code")} == {
        "bottle": "fox",
        "agent": "claude",
        "pid": os.getpid(),
        "status": "running",
        "exit_code": None,
    }
    assert fox["used"]["total"] == 120
    assert fox["budget"]["left"] == 880
    assert lost["status"] == "lost"
    assert (ended["status"], ended["exit_code"], ended["budget"]) == ("ended", 3, None)
    assert ended["ended"] > ended["started"]


def test_a_run_without_a_budget(typed: Typed, past: Past) -> None:
    past.run("fox")
    assert cells(typed("ps").stdout)[0][-1] == "no budget"


NOTHING = {
    # what is asked    words           what is said
    "what runs":      (("ps",),        "Nothing is running. `stopper ps --all` lists what ran before."),
    "what ran":       (("ps", "-a"),   "Nothing has run yet. Begin with `stopper run -- COMMAND`."),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said"), NOTHING.values(), ids=NOTHING)
def test_nothing(typed: Typed, words: tuple[str, ...], said: str) -> None:
    shown = typed(*words)
    assert (shown.exit_code, shown.stdout, shown.stderr.strip()) == (0, "", said)
    assert json.loads(typed(*words, "--json").stdout) == []
