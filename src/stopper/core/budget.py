"""Limits in tokens or micro-dollars: how they are written, which one governs, when they restart."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from stopper.core.scope import Path, Scope

__all__ = [
    "EPOCH",
    "MAX_AMOUNT",
    "MICROS_PER_DOLLAR",
    "Amount",
    "Budget",
    "Enforce",
    "Unit",
    "Window",
    "applicable",
    "format_amount",
    "governing",
    "parse_amount",
    "window_end",
    "window_start",
]

EPOCH = datetime.fromtimestamp(0, UTC)
"""When lifetimes began, and from when on stored times count."""

MICROS_PER_DOLLAR = 10**6
"""Money is an integer of micro-dollars."""

MAX_AMOUNT = 10**15
"""The most tokens or micro-dollars that are counted at once; no budget is larger."""

_SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
_AMOUNT = re.compile(
    r"(?P<dollar>\$)?(?P<number>\d{1,16}(?:_\d{3}){0,5}(?:\.\d{1,6})?)(?P<suffix>[kKmMbB]?)"
    r"(?:/(?P<window>[a-z]{1,16}))?",
    re.ASCII,
)


class Unit(StrEnum):
    """What a budget counts; dollars are kept as integer micro-dollars."""

    TOKENS = "tokens"
    MICROS = "micros"


class Window(StrEnum):
    """When a budget starts again; minutes, days and months are those of UTC."""

    LIFETIME = "lifetime"
    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"


class Enforce(StrEnum):
    """Which budgets on the path bind: those of the nearest scope that has any, or all."""

    NEAREST = "nearest"
    ALL = "all"


class Amount(Struct, frozen=True):
    """A limit without its scope, as `5M/day` or `$2.50` writes it."""

    unit: Unit
    limit: int
    window: Window = Window.LIFETIME


class Budget(Struct, frozen=True):
    """A limit on a scope. All but `limit` is its identity, so a new limit keeps what was spent.

    `provider` None counts every provider.
    """

    scope: Scope
    unit: Unit
    limit: int
    window: Window = Window.LIFETIME
    provider: str | None = None

    @property
    def key(self) -> str:
        """A stable text of the identity, such as `global/anthropic/tokens/day`."""
        return f"{self.scope}/{self.provider or '*'}/{self.unit}/{self.window}"


def parse_amount(text: str) -> Amount:
    """Read `200k`, `5M/day`, `$2.50`, `$10/month`; raises ValueError saying what is allowed."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or (match["window"] or Window.LIFETIME) not in set(Window):
        raise ValueError(
            f"{text!r} is no amount: write tokens as 200000, 200k or 5M, dollars as $2.50, "
            f"and a window as /minute, /day or /month"
        )
    unit = Unit.MICROS if match["dollar"] else Unit.TOKENS
    limit = _scaled(match["number"], _SUFFIXES[match["suffix"].lower()], unit)
    if not 0 <= limit <= MAX_AMOUNT:
        raise ValueError(f"{text!r} is out of range: at most {MAX_AMOUNT} {unit}")
    return Amount(unit, limit, Window(match["window"] or Window.LIFETIME))


def format_amount(unit: Unit, amount: int) -> str:
    """`1234` tokens as `1,234`, micro-dollars as `$0.001234` without idle zeros past cents."""
    if unit is Unit.TOKENS:
        return f"{amount:,}"
    whole, micros = divmod(abs(amount), MICROS_PER_DOLLAR)
    digits = f"{micros:06d}"
    while len(digits) > 2 and digits.endswith("0"):  # noqa: PLR2004  cents stay
        digits = digits[:-1]
    return f"{'-' if amount < 0 else ''}${whole:,}.{digits}"


def applicable(budgets: Iterable[Budget], path: Path, provider: str) -> tuple[Budget, ...]:
    """The budgets that this provider's usage on this path rolls up to, nearest first."""
    rank = {scope: place for place, scope in enumerate(path)}
    found = [b for b in budgets if b.scope in rank and b.provider in (None, provider)]
    return tuple(sorted(found, key=lambda b: (rank[b.scope], b.key)))


def governing(
    budgets: Iterable[Budget], path: Path, provider: str, enforce: Enforce = Enforce.NEAREST
) -> tuple[Budget, ...]:
    """The budgets that bind: all that apply at the nearest scope with any, or all on the path."""
    found = applicable(budgets, path, provider)
    if enforce is Enforce.ALL or not found:
        return found
    return tuple(b for b in found if b.scope == found[0].scope)


def window_start(window: Window, now: datetime) -> datetime:
    """When the window that holds `now` (aware) began, in UTC; the epoch for a lifetime."""
    now = now.astimezone(UTC)
    match window:
        case Window.LIFETIME:
            return EPOCH
        case Window.MINUTE:
            return now.replace(second=0, microsecond=0)
        case Window.DAY:
            return now.replace(hour=0, minute=0, second=0, microsecond=0)
        case Window.MONTH:
            return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def window_end(window: Window, now: datetime) -> datetime | None:
    """When the window that holds `now` (aware) ends and the next starts; None for a lifetime."""
    if window is Window.LIFETIME:
        return None
    return window_start(window, window_start(window, now) + _INTO_NEXT[window])


_INTO_NEXT = {
    Window.MINUTE: timedelta(minutes=1),
    Window.DAY: timedelta(days=1),
    Window.MONTH: timedelta(days=32),
}


def _scaled(number: str, factor: int, unit: Unit) -> int:
    whole, _, fraction = number.replace("_", "").partition(".")
    scale = factor * (MICROS_PER_DOLLAR if unit is Unit.MICROS else 1)
    parts: int = 10 ** len(fraction)
    quotient, rest = divmod(int(whole + fraction) * scale, parts)
    if rest:
        raise ValueError(
            f"{number!r} is finer than one {'micro-dollar' if unit is Unit.MICROS else 'token'}"
        )
    return quotient
