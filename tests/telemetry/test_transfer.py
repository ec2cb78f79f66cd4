"""Entries go to the ledger of bottles and come from it, each once."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from stopper.core.budget import Budget, Unit, Window
from stopper.core.scope import GLOBAL
from stopper.core.usage import Quality, Usage
from stopper.stores import open_ledger
from stopper.telemetry import TokenLedger
from stopper.testing.clock import NOON, Clock
from stopper.testing.past import Past

Opened = Callable[..., TokenLedger]


@pytest.fixture(params=["memory", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory" else f"sqlite:{tmp_path / 's.db'}"


def test_export(opened: Opened, clock: Clock, place: str) -> None:
    ledger = opened()
    for day in range(3):
        clock.now = NOON + timedelta(days=day)
        for _ in range(4):
            ledger.record_usage("Claude", "claude-x", 100, 10, cache_read_tokens=5, micros=7)
    store = open_ledger(place)
    assert ledger.export_to(store) == 12
    assert ledger.export_to(store) == 0
    ledger.record_usage("anthropic", "claude-x", 1, 1, quality="estimated")
    assert ledger.export_to(store) == 1
    totals = {total.group: total for total in store.totals(("provider", "day"))}
    first = totals["anthropic", "2026-03-31"]
    assert (first.requests, first.usage.total, first.micros) == (4, 460, 28)
    assert totals["anthropic", "2026-04-02"].by_quality == {"measured": 4, "estimated": 1}
    store.set_budget(Budget(GLOBAL, Unit.TOKENS, 10_000, Window.DAY), NOON)
    assert store.accounts(None, NOON)[0].spent == 460
    store.close()


def test_import(opened: Opened, place: str) -> None:
    """What was corrected comes as it is now, and what came from here does not come back."""
    ledger = opened()
    ledger.record_usage("openai", "m", 1, 1)
    store = open_ledger(place)
    ledger.export_to(store)
    past = Past(store, NOON)
    run = past.run("b")
    past.call(run, usage=Usage(input=100, output=20, quality=Quality.MEASURED), millis=12)
    lost = past.lose(run, tokens=500)
    store.correct(lost, 300, None, NOON)
    assert ledger.import_from(store) == 2
    assert ledger.import_from(store) == 0
    assert ledger.check_burn_rate("anthropic").requests == 2
    found = {entry.id: entry for entry in ledger.entries()}
    assert (found[lost].total_tokens, found[lost].quality) == (300, Quality.ESTIMATED)
    assert ledger.export_to(store) == 2
    store.close()


def test_lines_without_an_id_are_carried_once(opened: Opened) -> None:
    ledger = opened()
    ledger.path.parent.mkdir()
    line = '{"timestamp": "2026-03-31T10:30:00", "provider": "X", "model": "m", "input_tokens": 5, "output_tokens": 6}\n'
    ledger.path.write_text(line * 3)
    store = open_ledger("memory:")
    assert ledger.export_to(store) == 3
    assert ledger.export_to(store) == 0
    assert store.totals(("provider",))[0].group == ("x",)
