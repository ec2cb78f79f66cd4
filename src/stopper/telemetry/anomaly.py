"""Whether spending is far outside of what is usual for this provider."""

import math
from collections.abc import Iterable
from statistics import median
from typing import Final

from msgspec import Struct

__all__ = ["LEAST_SPANS", "Anomaly", "Usual", "anomaly", "usual"]

LEAST_SPANS: Final = 12
"""An hour of use has to be known before anything is unusual."""

FAR: Final = 4.0
"""How many deviations above the median of its history is far outside of it."""

TIMES: Final = 3
"""And how many times the median it has to be at least."""

LEAST_SPREAD: Final = 0.25
"""A history of equal amounts has no spread; usage has always some (a quarter, by its logarithm)."""

_TO_DEVIATION: Final = 1.4826


class Usual(Struct, frozen=True):
    """What spans with any use had: the median and the spread of their logarithms."""

    middle: float
    spread: float
    spans: int


class Anomaly(Struct, frozen=True):
    """A rate that is far outside of its history, and the reason in words."""

    tokens: int
    usual_tokens: int
    deviations: float
    reason: str


def usual(spans: Iterable[int]) -> Usual | None:
    """What is usual by spans of the past; None where too few of them had any use."""
    logs = [math.log(tokens) for tokens in spans if tokens > 0]
    if len(logs) < LEAST_SPANS:
        return None
    middle = median(logs)
    spread = _TO_DEVIATION * median(abs(log - middle) for log in logs)
    return Usual(middle, max(spread, LEAST_SPREAD), len(logs))


def anomaly(tokens: int, known: Usual | None, span_minutes: int) -> Anomaly | None:
    """What is wrong with so many tokens in the last span; None where nothing is."""
    if known is None or tokens <= 0:
        return None
    deviations = (math.log(tokens) - known.middle) / known.spread
    ordinary = round(math.exp(known.middle))
    if deviations <= FAR or tokens < TIMES * ordinary:
        return None
    return Anomaly(
        tokens,
        ordinary,
        deviations,
        f"{tokens:,} tokens in {span_minutes} minutes, {tokens / max(1, ordinary):.1f} times the "
        f"usual {ordinary:,} ({deviations:.1f} deviations above {known.spans} spans of use)",
    )
