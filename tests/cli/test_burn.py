"""`stopper burn` and `stopper usage --ledger`: what agents recorded themselves."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from stopper.telemetry import TokenLedger
from stopper.testing.clock import Clock

Typed = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in ("STOPPER_TELEMETRY_PATH", "STOPPER_DAILY_LIMIT"):
        monkeypatch.delenv(name, raising=False)
    return place


def test_nothing_yet(typed: Typed, folder: Path) -> None:
    done = typed("burn")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Nothing is recorded in .stopper/usage.jsonl." in done.stderr
    assert not (folder / ".stopper").exists()


def test_burn(typed: Typed) -> None:
    TokenLedger().record_usage("Cerebras", "m", 21_500_000, 100_000)
    lines = typed("burn").stdout.splitlines()
    assert lines[2].split()[:5] == ["cerebras", "21,600,000", "24,000,000", "90%", "critical"]
    (said,) = json.loads(typed("burn", "CEREBRAS", "--json").stdout)
    assert (said["alert_level"], said["remaining_tokens"]) == ("CRITICAL", 2_400_000)
    assert said["action"] == "Minimal context only"


def test_a_forecast_is_shown(typed: Typed) -> None:
    now = datetime.now(UTC)
    for minutes in range(30, 0, -1):
        clock = Clock(now - timedelta(minutes=minutes))
        TokenLedger(clock=clock).record_usage("openai", "m", 1_000, 0)
    shown = typed("burn").stdout
    assert "1,000" in shown
    (said,) = json.loads(typed("burn", "--json").stdout)
    assert said["forecast"]["tokens_per_minute"] == 1_000


def test_lines_that_cannot_be_read_are_told(typed: Typed, folder: Path) -> None:
    path = folder / "kept.jsonl"
    TokenLedger(path).record_usage("openai", "m", 1, 1)
    with path.open("a") as file:
        file.write("torn\n")
    assert "1 lines of kept.jsonl cannot be read" in typed("burn", "--ledger", "kept.jsonl").stderr


def test_a_name_that_is_none(typed: Typed) -> None:
    assert typed("burn", " ").exit_code == 2


def test_usage_of_the_ledger(typed: Typed) -> None:
    ledger = TokenLedger()
    ledger.record_usage("Claude", "opus", 10, 5, cache_read_tokens=100, micros=2_500_000)
    ledger.record_usage("anthropic", "haiku", 1, 1, quality="estimated", micros=1)
    ledger.record_usage("openai", "gpt", 7, 3)
    lines = typed("usage", "--ledger").stdout.splitlines()
    assert lines[2].split()[:6] == ["anthropic", "2", "11", "0", "100", "6"]
    assert lines[-1].split()[:2] == ["total", "3"]
    said = json.loads(typed("usage", "--ledger", "--by", "model", "--json").stdout)
    assert [group["model"] for group in said["groups"]] == ["gpt", "haiku", "opus"]
    assert "Nothing was used" in typed("usage", "--ledger", "none.jsonl").stderr
    recent = typed("usage", "--ledger", "--since", "2100-01-01", "--json").stdout
    assert json.loads(recent)["groups"] == []


@pytest.mark.parametrize("words", [("--by", "bottle"), ("--bottle", "amber-fox")])
def test_the_ledger_knows_no_bottles(typed: Typed, words: tuple[str, ...]) -> None:
    assert typed("usage", "--ledger", *words).exit_code == 2


def test_its_variables_are_no_wrong_settings(
    typed: Typed, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOPPER_TELEMETRY_PATH", "kept.jsonl")
    monkeypatch.setenv("STOPPER_DAILY_LIMIT", "5M")
    monkeypatch.setenv("STOPPER_BUDGET_SOFT_THRESHOLD", "0.7")
    monkeypatch.setenv("STOPPER_BUDGET_HARD_THRESHOLD", "0.95")
    assert typed("ps").exit_code == 0
    TokenLedger().record_usage("openai", "m", 1, 1)
    assert (folder / "kept.jsonl").exists()
    (said,) = json.loads(typed("burn", "--json").stdout)
    assert said["daily_limit"] == 5_000_000
    assert typed("usage", "--ledger").stdout.splitlines()[-1].startswith("openai")
