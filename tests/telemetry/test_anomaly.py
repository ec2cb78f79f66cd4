"""Spending that is far outside of its own history."""

import random

import pytest

from stopper.telemetry.anomaly import LEAST_SPANS, anomaly, usual

STEADY = [1_000] * 50
WILD = [int(random.Random(n).lognormvariate(7, 1)) for n in range(200)]  # noqa: S311

CASES = {
    # what it is                      history                      now        odd
    "as ever":                       (STEADY,                      1_000,     False),
    "twice":                         (STEADY,                      2_000,     False),
    "ten times":                     (STEADY,                      10_000,    True),
    "less":                          (STEADY,                      1,         False),
    "nothing":                       (STEADY,                      0,         False),
    "a wild one, ten times":         (WILD,                        11_000,    False),
    "a wild one, a thousand times":  (WILD,                        1_100_000, True),
    "too short a history":           ([1_000] * (LEAST_SPANS - 1), 10**6,     False),
    "pauses are no history":         ([0] * 500,                   10**6,     False),
    "pauses do not count":           ([0] * 500 + STEADY,          1_500,     False),
}  # fmt: skip


@pytest.mark.parametrize(("history", "now", "odd"), CASES.values(), ids=CASES)
def test_cases(history: list[int], now: int, odd: bool) -> None:
    assert (anomaly(now, usual(history), 5) is not None) is odd


def test_the_reason_is_in_words() -> None:
    found = anomaly(10_000, usual(STEADY), 5)
    assert found is not None
    assert found.usual_tokens == 1_000
    assert found.reason.startswith("10,000 tokens in 5 minutes, 10.0 times the usual 1,000")
