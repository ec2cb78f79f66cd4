"""When a limit will be used up, with an interval, from what the last minutes used."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

__all__ = ["CONFIDENCE", "LEAST_MINUTES", "Forecast", "forecast"]

LEAST_MINUTES: Final = 5
"""Of fewer minutes nothing is concluded."""

CONFIDENCE: Final = 0.9
"""How often the limit is reached between the two ends of the interval."""

_Z: Final = 1.6449
_FAR: Final = timedelta(days=366)


class Forecast(Struct, frozen=True):
    """Tokens a minute lately, and when what is left will be gone if that goes on.

    Nine times of ten between `earliest` and `latest`; None is never, or beyond a year.
    """

    tokens_per_minute: float
    expected: datetime | None
    earliest: datetime | None
    latest: datetime | None


def forecast(minutes: Sequence[int], left: int, now: datetime) -> Forecast | None:
    """What the tokens of the last whole minutes, oldest first, say about `left` tokens.

    Minutes are taken as independent draws of one distribution. After t minutes the sum is normal
    with mean m*t and variance s²*t, and the mean of n minutes is itself known up to s²/n only. The
    ends are where `left` lies at the edge of that: (left - m*t)² = z²*s²*(t + t²/n). None where
    there are too few minutes.
    """
    if len(minutes) < LEAST_MINUTES:
        return None
    mean = sum(minutes) / len(minutes)
    if left <= 0:
        return Forecast(mean, now, now, now)
    if mean <= 0:
        return Forecast(0.0, None, None, None)
    spread = sum((tokens - mean) ** 2 for tokens in minutes) / (len(minutes) - 1)
    early, late = _ends(mean, spread, len(minutes), left)
    return Forecast(mean, _after(now, left / mean), _after(now, early), _after(now, late))


def _ends(mean: float, spread: float, count: int, left: int) -> tuple[float, float]:
    """The roots of a*t² - 2*b*t + c; the later one is infinite where the rate may be nothing."""
    noise = _Z * _Z * spread
    a = mean * mean - noise / count
    b = left * mean + noise / 2
    c = float(left) * left
    root = math.sqrt(max(0.0, b * b - a * c))
    early = c / (b + root)
    return early, (b + root) / a if a > 0 else math.inf


def _after(now: datetime, minutes: float) -> datetime | None:
    if minutes > _FAR / timedelta(minutes=1):
        return None
    return now + timedelta(minutes=minutes)
