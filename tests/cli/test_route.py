"""`stopper route explain`: which model, and why."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from stopper.cli.route import _TASKS
from stopper.routing import TaskClass
from stopper.telemetry import TokenLedger

Typed = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def test_the_tasks_are_all_tasks() -> None:
    assert set(_TASKS) == set(TaskClass)


def test_a_text(typed: Typed) -> None:
    done = typed("route", "explain", "Fix the crash on startup")
    assert "The task is debugging (by fix*, crash*)." in done.stderr
    assert "Try in this order: " in done.stderr
    assert "+20 code_specialized for debugging" in done.stdout


def test_what_is_left_out_says_why(typed: Typed) -> None:
    words = ("--task", "code_generation", "--tokens", "60000", "--tools", "--json")
    said = json.loads(typed("route", "explain", *words).stdout)
    out = {one["name"]: one for one in said["models"] if one["score"] is None}
    assert {reason["code"] for reason in out["cerebras"]["reasons"]} >= {
        "routing.no_tools",
        "routing.context",
    }
    assert "cerebras" not in said["fallback_chain"]


def test_it_knows_the_ledger(typed: Typed) -> None:
    TokenLedger().record_usage("cerebras", "m", 23_500_000, 0)
    shown = typed("route", "explain", "--task", "testing").stdout
    assert "cerebras is for reviews only" in shown


def test_nobody_can_do_it(typed: Typed) -> None:
    done = typed("route", "explain", "--task", "testing", "--tokens", "10000000")
    assert "No model can do it: " in done.stderr


@pytest.mark.parametrize("words", [(), ("text", "--task", "testing"), ("--task", "gardening")])
def test_misuse(typed: Typed, words: tuple[str, ...]) -> None:
    assert typed("route", "explain", *words).exit_code == 2


def test_a_pool_that_does_not_read(typed: Typed, folder: Path) -> None:
    (folder / "pool.toml").write_text("[")
    done = typed("route", "explain", "x", "--pool", "pool.toml")
    assert done.exit_code == 2
    assert "pool.toml: is no table of models" in done.stderr
