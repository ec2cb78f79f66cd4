"""When a limit will be gone, and how sure that is."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.telemetry.forecast import CONFIDENCE, forecast

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def test_an_even_rate_is_certain() -> None:
    found = forecast([100] * 10, 6_000, NOON)
    assert found is not None
    assert found.tokens_per_minute == 100
    assert found.expected == found.earliest == found.latest == NOON + timedelta(hours=1)


def test_too_little_is_known() -> None:
    assert forecast([100] * 4, 1_000, NOON) is None


def test_nothing_is_left() -> None:
    found = forecast([100] * 5, 0, NOON)
    assert found is not None
    assert found.expected == found.earliest == found.latest == NOON


def test_nothing_is_used() -> None:
    found = forecast([0] * 5, 100, NOON)
    assert found is not None
    assert (found.tokens_per_minute, found.expected) == (0, None)


def test_one_burst_may_have_been_the_last() -> None:
    found = forecast([0] * 20 + [5_000] + [0] * 20, 1_000_000, NOON)
    assert found is not None
    assert found.expected is not None
    assert found.earliest is not None
    assert found.latest is None


@given(
    minutes=st.lists(st.integers(0, 10**7), min_size=5, max_size=60),
    left=st.integers(1, 10**9),
)
def test_the_interval_holds_the_expectation(minutes: list[int], left: int) -> None:
    found = forecast(minutes, left, NOON)
    assert found is not None
    far = datetime(9000, 1, 1, tzinfo=UTC)
    earliest, expected = found.earliest or far, found.expected or far
    assert earliest <= expected + timedelta(milliseconds=1)
    assert expected <= (found.latest or far) + timedelta(milliseconds=1)


SPENDERS: dict[str, Callable[[random.Random], int]] = {
    # how it spends a minute
    "evenly": lambda chance: chance.randint(50, 150),
    "in bursts": lambda chance: chance.choice([0, 0, 0, 400]),
    "with a long tail": lambda chance: int(chance.lognormvariate(4, 1)),
}


@pytest.mark.parametrize("spend", SPENDERS.values(), ids=SPENDERS)
def test_the_interval_holds_what_it_promises(spend: Callable[[random.Random], int]) -> None:
    """Of 400 agents about nine in ten use up what is left within the interval."""
    chance = random.Random(7)  # noqa: S311  the moments of a test
    left, inside = 20_000, 0
    for _ in range(400):
        found = forecast([spend(chance) for _ in range(60)], left, NOON)
        assert found is not None
        used = minutes = 0
        while used < left:
            used += spend(chance)
            minutes += 1
        end = NOON + timedelta(minutes=minutes)
        late = found.latest or datetime.max.replace(tzinfo=UTC)
        assert found.earliest is not None
        inside += found.earliest - timedelta(minutes=1) <= end <= late + timedelta(minutes=1)
    assert CONFIDENCE - 0.07 < inside / 400 < 0.97
