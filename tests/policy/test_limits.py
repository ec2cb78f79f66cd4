"""Rates: read, and kept within any stretch of time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.policy.decision import ActionType
from stopper.policy.limits import MAX_RATE, Rate, Rates, parse_rate

SECOND = 1_000_000_000
CODE = ActionType.EXECUTE_CODE

READ = {
    "a second": ("5/second", Rate(5, SECOND)),
    "a minute": ("10/minute", Rate(10, 60 * SECOND)),
    "an hour":  ("0/hour",   Rate(0, 3600 * SECOND)),
    "a day":    ("100000/day", Rate(100_000, 86_400 * SECOND)),
}  # fmt: skip
BAD = ["", "10", "10/week", "-1/day", "1.5/day", "10 / minute", f"{MAX_RATE + 1}/day", "\u0661/day"]


@pytest.mark.parametrize(("text", "rate"), READ.values(), ids=READ)
def test_a_rate_is_read(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_rate_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="such as 10/minute"):
        parse_rate(text)


def test_a_kind_without_a_rate_is_not_limited() -> None:
    rates = Rates({CODE: Rate(0, SECOND)})
    assert not rates.admit(CODE, 0)
    assert rates.admit(ActionType.DEPLOY, 0)


@settings(deadline=None)
@given(
    st.integers(0, 5), st.integers(1, 20), st.lists(st.integers(0, 10), max_size=60)
)  # steps between actions
def test_no_stretch_of_time_has_more(most: int, every: int, steps: list[int]) -> None:
    rates, now = Rates({CODE: Rate(most, every)}), 0
    done: list[int] = []
    for step in steps:
        now += step
        within = [at for at in done if at > now - every]
        admitted = rates.admit(CODE, now)
        assert admitted is (len(within) < most)
        if admitted:
            done.append(now)
