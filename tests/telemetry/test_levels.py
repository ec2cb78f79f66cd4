"""Levels are ordered, and begin at their thresholds."""

import pytest

from stopper.telemetry import AlertLevel
from stopper.telemetry.levels import crossed, level_at

INFO, WARNING, CRITICAL, FALLBACK = AlertLevel

LEVELS = {
    # used       of     level
    "nothing":  (0,     100,  INFO),
    "half":     (50,    100,  INFO),
    "below":    (69,    100,  INFO),
    "70":       (70,    100,  WARNING),
    "89":       (89,    100,  WARNING),
    "90":       (90,    100,  CRITICAL),
    "95":       (95,    100,  FALLBACK),
    "beyond":   (500,   100,  FALLBACK),
    "exactly":  (949_999, 1_000_000, CRITICAL),
}  # fmt: skip


@pytest.mark.parametrize(("used", "limit", "level"), LEVELS.values(), ids=LEVELS)
def test_levels(used: int, limit: int, level: AlertLevel) -> None:
    assert level_at(used, limit) is level


CROSSINGS = {
    # from, to              level
    "half":               (49, 50, INFO),
    "nothing new":        (50, 69, None),
    "one":                (69, 70, WARNING),
    "several at once":    (10, 96, FALLBACK),
    "beyond all":         (96, 300, None),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "level"), CROSSINGS.values(), ids=CROSSINGS)
def test_crossings(before: int, after: int, level: AlertLevel | None) -> None:
    assert crossed(before, after, 100) is level


def test_they_are_ordered() -> None:
    """The original's could not be compared."""
    assert INFO < WARNING < CRITICAL < FALLBACK
    assert CRITICAL >= WARNING


def test_what_each_asks_for() -> None:
    assert [level.action for level in AlertLevel] == [
        "Normal operation",
        "Reduce context, prefer cached",
        "Minimal context only",
        "Review-only mode, no generation",
    ]
