"""PURE: what every ledger back end keeps, and the sums and windows that all of them share."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from stopper.core.audit import AuditRow, Fact, chain_hash
from stopper.core.budget import (
    EPOCH,
    Budget,
    Enforce,
    Unit,
    Window,
    applicable,
    governing,
    window_end,
    window_start,
)
from stopper.core.hold import Account
from stopper.core.scope import Path
from stopper.core.usage import Weights
from stopper.stores.ledger import Calibration, Pending, UsageRow

__all__ = [
    "CALIBRATION_ROWS",
    "DEFAULT_LIFETIME",
    "MS",
    "Entry",
    "Line",
    "Note",
    "OpenHold",
    "Place",
    "Shelf",
    "Tally",
    "Terms",
    "amount_of",
    "budgets_on",
    "calibrate",
    "chained",
    "check_groups",
    "from_ms",
    "lines_of",
    "pending_of",
    "to_ms",
    "window_ms",
]

MS: Final = timedelta(milliseconds=1)
"""The grain of every time that a ledger keeps."""

DEFAULT_LIFETIME: Final = timedelta(minutes=5)
"""How long a hold stands that nobody renews."""

CALIBRATION_ROWS: Final = 256
"""How many of a model's newest finished rows a calibration looks at."""

_GROUPS = ("provider", "model", "bottle", "agent", "run", "day")
_LEAST_CALIBRATION_ROWS = 8
_TOKENS: Final = Unit.TOKENS
_MILLI = 1000
_MINUTE_MS = 60_000
_WINDOWS_CACHED = 512


class Terms(Struct, frozen=True):
    """What every process that shares a store must agree on."""

    enforce: Enforce = Enforce.NEAREST
    weights: Weights = Weights()
    lifetime: timedelta = DEFAULT_LIFETIME


class OpenHold(Struct, frozen=True, gc=False):
    """A hold that stands. Times are in ms; `micros` is None where the model has no known price."""

    id: str
    run: str
    provider: str
    model: str
    output: int
    tokens: int
    micros: int | None
    created: int
    expires: int


class Entry(Struct, frozen=True, gc=False):
    """A usage row as it stands in the ledger, under its growing id.

    `created` (ms) is when its request was held: that decides the windows it is charged to.
    `tokens` is what it takes from token budgets, weighted when it was written.
    `corrects` is the id of the row that it replaces, 0 for a hold's first row.
    """

    id: int
    row: UsageRow
    created: int
    tokens: int
    corrects: int = 0


class Line(Struct, frozen=True, gc=False):
    """A budget that a run's usage rolls up to; `governs` where it binds."""

    key: str
    budget: Budget
    governs: bool


class Tally(Struct, gc=False):
    """A budget's account in one window, as a batch leaves it; `changed` where it is to be kept."""

    budget: Budget
    spent: int
    held: int
    changed: bool

    def account(self) -> Account:
        """The account as a value."""
        return Account(self.budget, self.spent, self.held)


class Note(Struct, frozen=True):
    """An audit row that is not in the chain yet."""

    run: str
    act: str
    code: str
    fact: Fact


class Place(Struct, frozen=True):
    """Where a run stands: its bottle, and the scopes its usage rolls up to."""

    bottle: str
    path: Path


class Shelf(Protocol):
    """What a batch reads: the store as it was when the batch began."""

    def place(self, run: str) -> Place | None:
        """The run, if it is recorded."""

    def lines(self, run: str, provider: str) -> tuple[Line, ...]:
        """The budgets that the usage of a recorded run rolls up to, nearest first."""

    def hold(self, hold: str) -> OpenHold | None:
        """The hold, if it is open."""

    def entry(self, hold: str) -> Entry | None:
        """The newest row of a hold."""

    def last_entry(self) -> int:
        """The highest id of a row, 0 before the first."""

    def tally(self, key: str, start: int) -> tuple[int, int] | None:
        """Spent and held of a budget in the window that began at `start`, where that is kept."""

    def sums(self, budget: Budget, start: int, end: int | None) -> tuple[int, int]:
        """What current rows and open holds created in [start, end) add up to."""


def to_ms(at: datetime) -> int:
    """An aware time as ms since the epoch, rounded down."""
    return (at - EPOCH) // MS


def from_ms(ms: int) -> datetime:
    """Ms since the epoch as a time in UTC."""
    return EPOCH + ms * MS


def window_ms(window: Window, at: int) -> tuple[int, int | None]:
    """Start and end, in ms, of the window that holds `at`; a lifetime has no end."""
    return _window_ms(window, at // _MINUTE_MS)


@lru_cache(maxsize=_WINDOWS_CACHED)
def _window_ms(window: Window, minute: int) -> tuple[int, int | None]:
    now = from_ms(minute * _MINUTE_MS)
    end = window_end(window, now)
    return to_ms(window_start(window, now)), None if end is None else to_ms(end)


def amount_of(kept: Entry | OpenHold, unit: Unit) -> int:
    """What a row or a hold takes from a budget in this unit; no known price takes no dollars."""
    if unit is _TOKENS:
        return kept.tokens
    micros = kept.row.micros if isinstance(kept, Entry) else kept.micros
    return micros or 0


def lines_of(
    budgets: Sequence[Budget], path: Path, provider: str, enforce: Enforce
) -> tuple[Line, ...]:
    """The budgets on a path that count a provider, nearest first, and which of them bind."""
    binding = governing(budgets, path, provider, enforce)
    return tuple(Line(b.key, b, b in binding) for b in applicable(budgets, path, provider))


def budgets_on(budgets: Iterable[Budget], path: Path | None) -> list[Budget]:
    """Budgets on a path, nearest first; all of them, by key, for no path."""
    if path is None:
        return sorted(budgets, key=lambda b: b.key)
    rank = {scope: place for place, scope in enumerate(path)}
    return sorted((b for b in budgets if b.scope in rank), key=lambda b: (rank[b.scope], b.key))


def pending_of(entry: Entry, bottle: str) -> Pending:
    """A row of unknown quality, for those who can find out."""
    row = entry.row
    return Pending(
        hold=row.hold,
        run=row.run,
        bottle=bottle,
        provider=row.provider,
        model=row.model,
        tokens=entry.tokens,
        micros=row.micros or 0,
        at=from_ms(entry.created),
    )


def check_groups(by: Iterable[str]) -> None:
    """Raise ValueError where usage cannot be grouped by one of these words."""
    for word in by:
        if word not in _GROUPS:
            raise ValueError(f"usage is not grouped by {word!r}: say {', '.join(_GROUPS)}")


def calibrate(rows: Iterable[tuple[int, int, int, int]]) -> Calibration:
    """What rows of (input tokens, text bytes, output tokens, chars) teach.

    0 bytes or chars means that they are not known.
    """
    rows = list(rows)
    density = [-(-tokens * _MILLI // size) for tokens, size, _, _ in rows if size > 0]
    spoken = [(output, chars) for _, _, output, chars in rows if output > 0 and chars > 0]
    enough = _LEAST_CALIBRATION_ROWS
    return Calibration(
        max(density) if len(density) >= enough else None,
        sum(c for _, c in spoken) * _MILLI // sum(o for o, _ in spoken)
        if len(spoken) >= enough
        else None,
    )


def chained(notes: Iterable[Note], at: int, count: int, head: str) -> list[AuditRow]:
    """The notes as rows that continue a chain of `count` rows whose last hash is `head`."""
    rows: list[AuditRow] = []
    for note in notes:
        count += 1
        row = AuditRow(count, at, note.run, note.act, note.code, note.fact)
        head = chain_hash(head, row)
        rows.append(replace(row, hash=head))
    return rows
