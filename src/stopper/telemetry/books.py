"""Adds up entries: by day for limits, by minute for forecasts, by span for what is usual."""

from datetime import date, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from stopper.core.usage import Usage
from stopper.data.tables import provider_named
from stopper.telemetry.entry import UsageEntry

__all__ = ["MINUTES", "SPAN_MINUTES", "Account", "Books", "DayTotal", "minute_of", "span_of"]

MINUTES: Final = 60
"""How many minutes a forecast looks back."""

SPAN_MINUTES: Final = 5
SPANS: Final = 7 * 24 * 60 // SPAN_MINUTES
"""What is usual is what was used in spans of five minutes of the last seven days."""

DAYS: Final = 32
"""How many days are kept."""

MAX_PROVIDERS: Final = 64
"""Of more providers, those with the oldest entries are forgotten."""


class DayTotal(Struct, array_like=True):
    """What one provider was used for in a day (UTC)."""

    requests: int = 0
    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0

    @property
    def total(self) -> int:
        """All tokens, each counted once."""
        return Usage(self.input, self.output, self.cache_write, self.cache_read).total


class Account(Struct):
    """One provider's sums: by day, by minute of the epoch, by span of the epoch."""

    days: dict[date, DayTotal] = {}
    minutes: dict[int, int] = {}
    spans: dict[int, int] = {}

    def add(self, entry: UsageEntry) -> None:
        """Count an entry."""
        at, tokens = entry.at, entry.total_tokens
        day = self.days.setdefault(at.date(), DayTotal())
        day.requests += 1
        day.input += entry.input_tokens
        day.output += entry.output_tokens
        day.cache_write += entry.cache_write_tokens
        day.cache_read += entry.cache_read_tokens
        minute = minute_of(at)
        self.minutes[minute] = self.minutes.get(minute, 0) + tokens
        span = minute // SPAN_MINUTES
        self.spans[span] = self.spans.get(span, 0) + tokens
        if len(self.minutes) > 2 * MINUTES:
            _forget(self.minutes, MINUTES)
        if len(self.spans) > 2 * SPANS:
            _forget(self.spans, SPANS)
        if len(self.days) > DAYS:
            del self.days[min(self.days)]

    def used_on(self, day: date) -> int:
        """All tokens of a day."""
        total = self.days.get(day)
        return 0 if total is None else total.total

    def since(self, minute: int) -> int:
        """All tokens of this minute and those after it."""
        return sum(tokens for at, tokens in self.minutes.items() if at >= minute)

    @property
    def newest(self) -> int:
        """The minute of the last entry."""
        return max(self.minutes, default=0)


class _Carry(Struct):
    carry: dict[str, Account]


_CARRY = msgspec.json.Decoder(_Carry)


class Books:
    """All accounts by provider. It can be written as a line, and begun again from that."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}

    def add(self, entry: UsageEntry) -> Account:
        """Count an entry for its provider, whatever the case of its name."""
        name = provider_named(entry.provider)
        account = self.accounts.get(name)
        if account is None:
            if len(self.accounts) >= MAX_PROVIDERS:
                oldest = min(self.accounts, key=lambda name: self.accounts[name].newest)
                del self.accounts[oldest]
            account = self.accounts[name] = Account()
        account.add(entry)
        return account

    def account(self, provider: str) -> Account:
        """The sums of a provider, empty where nothing was counted."""
        return self.accounts.get(provider_named(provider)) or Account()

    def carried(self) -> bytes:
        """All sums as a line, for the head of the next file; it takes 40 KB a provider."""
        for account in self.accounts.values():
            _forget(account.minutes, MINUTES)
            _forget(account.spans, SPANS)
        return msgspec.json.encode(_Carry(self.accounts)) + b"\n"

    def carry_on(self, line: bytes) -> None:
        """Begin with the sums of such a line; ValueError where it is none."""
        self.accounts = _CARRY.decode(line).carry


def minute_of(at: datetime) -> int:
    """The minutes from the epoch to an aware time."""
    return int(at.timestamp() // 60)


def span_of(at: datetime) -> int:
    """The spans from the epoch to an aware time."""
    return minute_of(at) // SPAN_MINUTES


def midnight_after(at: datetime) -> datetime:
    """When the day (UTC) of `at` ends."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _forget(sums: dict[int, int], kept: int) -> None:
    oldest = max(sums, default=0) - kept
    for key in [key for key in sums if key < oldest]:
        del sums[key]
