"""Times as people read them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from stopper.cli.times import age_cell, local, minute_cell, span

SPANS = {
    # seconds        expected
    -5:              "0s",
    0:               "0s",
    59.9:            "59s",
    60:              "1m 0s",
    125:             "2m 5s",
    3_600:           "1h 0m",
    90_061:          "1d 1h",
    40 * 86_400:     "40d 0h",
}  # fmt: skip


@pytest.mark.parametrize(("seconds", "expected"), SPANS.items(), ids=str)
def test_a_span_has_its_two_largest_units(seconds: float, expected: str) -> None:
    assert span(timedelta(seconds=seconds)) == expected


def test_an_age_has_one_unit_where_there_is_no_room() -> None:
    cell = age_cell(timedelta(hours=3, minutes=4))
    assert (cell.text, cell.short) == ("3h 4m", "3h")


@pytest.fixture
def in_india(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock at +05:30."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "IST-5:30")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_india")
def test_a_time_is_this_machines_own() -> None:
    at = datetime(2026, 1, 31, 20, 5, 9, tzinfo=UTC)
    assert local(at) == "2026-02-01 01:35:09"
    cell = minute_cell(at)
    assert (cell.text, cell.short) == ("2026-02-01 01:35", "02-01 01:35")
