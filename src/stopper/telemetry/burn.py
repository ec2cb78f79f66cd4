"""How fast a provider's daily limit is being used: level, rate, forecast, and what is unusual."""

from datetime import datetime

from msgspec import Struct

from stopper.telemetry.anomaly import Anomaly, Usual, anomaly
from stopper.telemetry.books import (
    MINUTES,
    SPAN_MINUTES,
    Account,
    midnight_after,
    minute_of,
    span_of,
)
from stopper.telemetry.forecast import Forecast, forecast
from stopper.telemetry.levels import AlertLevel, level_at

__all__ = ["BurnRate", "burn_rate", "odd", "past_spans"]


class BurnRate(Struct, frozen=True):
    """One provider's day (UTC) so far. `resets` is when the next one begins.

    `forecast` is None where too little is known; its times may lie beyond `resets`.
    """

    provider: str
    at: datetime
    requests: int
    used_tokens: int
    daily_limit: int
    alert_level: AlertLevel
    resets: datetime
    forecast: Forecast | None
    anomaly: Anomaly | None

    @property
    def share(self) -> float:
        """The part of the limit that is used; 1 is all of it."""
        return self.used_tokens / self.daily_limit

    @property
    def remaining_tokens(self) -> int:
        """What is left today, never below 0."""
        return max(0, self.daily_limit - self.used_tokens)

    @property
    def action(self) -> str:
        """What an agent should do."""
        return self.alert_level.action

    @property
    def runs_out(self) -> bool:
        """Whether the limit is expected to be used up before it begins anew."""
        expected = self.forecast.expected if self.forecast else None
        return expected is not None and expected < self.resets


def burn_rate(
    provider: str, account: Account, limit: int, now: datetime, known: Usual | None
) -> BurnRate:
    """The state of an account at an aware time."""
    day = account.days.get(now.date())
    used = account.used_on(now.date())
    return BurnRate(
        provider=provider,
        at=now,
        requests=0 if day is None else day.requests,
        used_tokens=used,
        daily_limit=limit,
        alert_level=level_at(used, limit),
        resets=midnight_after(now),
        forecast=forecast(_recent(account, now), limit - used, now),
        anomaly=odd(account, now, known),
    )


def odd(account: Account, now: datetime, known: Usual | None) -> Anomaly | None:
    """What is unusual about the last five minutes."""
    recent = account.since(minute_of(now) - SPAN_MINUTES + 1)
    return anomaly(recent, known, SPAN_MINUTES)


def past_spans(account: Account, now: datetime) -> list[int]:
    """What was used in each span before those that the last five minutes touch."""
    current = span_of(now)
    return [tokens for span, tokens in account.spans.items() if span < current - 1]


def _recent(account: Account, now: datetime) -> list[int]:
    """The last whole minutes, from the first that had any use."""
    current = minute_of(now)
    window = range(current - MINUTES, current)
    used = [account.minutes.get(minute, 0) for minute in window]
    first = next((place for place, tokens in enumerate(used) if tokens), len(used))
    return used[first:]
