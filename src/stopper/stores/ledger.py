"""What a ledger store must do; every back end passes the same contract suite."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from stopper.core.audit import AuditRow, Break, Fact
from stopper.core.budget import Budget
from stopper.core.hold import Account, Denial, Need
from stopper.core.scope import Path
from stopper.core.usage import Usage

__all__ = [
    "Calibration",
    "Grant",
    "Grow",
    "Hold",
    "Ledger",
    "Op",
    "Order",
    "Outcome",
    "Pending",
    "Release",
    "Run",
    "Settle",
    "Total",
    "UsageRow",
]


class Run(Struct, frozen=True):
    """One run of a bottle.

    `path` is nearest first, `status` running, cut, frozen, killed or ended.
    """

    id: str
    bottle: str
    agent: str
    path: Path
    started: datetime
    status: str = "running"
    ended: datetime | None = None
    exit_code: int | None = None
    fact: Fact = {}


class Hold(Struct, frozen=True, gc=False):
    """Ask to set `need` aside with `asked` output tokens, clamped to what governs.

    Answered by a Grant, or, where not even `least` fits, by a Denial that leaves nothing behind.
    `id` is the caller's and never used twice: the run's id with a counter will do. Asking again
    for a hold that is open gives its Grant again, so a batch whose outcome is in doubt can be
    repeated; an id that was settled is a StoreError.
    """

    id: str
    run: str
    provider: str
    model: str
    need: Need
    asked: int
    least: int = 1


class Grant(Struct, frozen=True, gc=False):
    """The hold stands, with at most `output` output tokens, until it is settled or expires."""

    id: str
    output: int
    tokens: int
    micros: int


class Grow(Struct, frozen=True, gc=False):
    """Raise an open hold to these amounts, because the reply turned out to cost more.

    Answered by a Grant (with `output` 0), a Denial that leaves the hold as it was, or None where
    the hold is no longer open: it expired, and the reply must be cut. It is judged in the window
    in which it was held, and never shrinks.
    """

    id: str
    tokens: int
    micros: int


class UsageRow(Struct, frozen=True, gc=False):
    """One row of the append-only usage ledger; a later row of the same hold replaces it.

    `ending` is how the reply ended: complete, cut, disconnected, error; the ledger itself writes
    lost (the hold expired) and unsent (it expired, and was then released). `code` is the reason
    of a cut. `micros` is the cost in micro-dollars, None where no price is known. `text_bytes` and
    `chars` are what calibrations learn from, 0 where they would mislead (images, say). Numbers
    below 0 or above 10**15 are brought to that bound, and the row's quality becomes unknown.
    """

    hold: str
    run: str
    provider: str
    model: str
    usage: Usage
    micros: int | None
    at: datetime
    wire: str = ""
    ending: str = "complete"
    code: str = ""
    status: int = 0
    text_bytes: int = 0
    chars: int = 0
    millis: int = 0


class Settle(Struct, frozen=True, gc=False):
    """The hold becomes what was really used: its row is appended, its amounts leave the accounts.

    A hold that had expired meanwhile, and was settled as unknown, is corrected by this row.
    Settling again changes nothing. A row whose hold is not known at all is still recorded and
    charged, in the window of now, and audited as `settle.unheld`: what was spent is never dropped.
    """

    row: UsageRow


class Release(Struct, frozen=True, gc=False):
    """The request was never sent: the hold goes, and no row is written.

    Where the hold had expired, a row of nothing corrects the one it was charged with.
    """

    id: str


Op = Hold | Grow | Settle | Release
Outcome = Grant | Denial | None


class Pending(Struct, frozen=True):
    """A row of unknown quality; most are holds whose owner died, charged at their upper bound.

    `tokens` is what it takes from token budgets, `at` when it was held.
    """

    hold: str
    run: str
    bottle: str
    provider: str
    model: str
    tokens: int
    micros: int
    at: datetime


class Total(Struct, frozen=True):
    """Usage summed over a group; `by_quality` counts rows, `unpriced` those without a price.

    `usage.quality` is the weakest in the group.
    """

    group: tuple[str, ...]
    requests: int
    usage: Usage
    micros: int
    unpriced: int
    by_quality: dict[str, int]


class Calibration(Struct, frozen=True):
    """What the newest finished rows of a model teach; None before there are enough.

    The most input tokens (cached ones too) that a byte of text had, and the mean characters that
    an output token had; both in thousandths.
    """

    milli_tokens_per_byte: int | None = None
    milli_chars_per_token: int | None = None


class Order(Struct, frozen=True):
    """An operator's order to a run: cut, freeze or kill; `id` grows."""

    id: int
    run: str
    act: str
    code: str
    at: datetime


class Ledger(Protocol):
    """Budgets, holds, usage, runs, orders and the audit, atomic across processes.

    Methods raise StoreError when the store cannot answer; then nothing of that call happened. The
    next call tries again, so a ledger works as soon as the fault is gone. Times are kept to the
    millisecond. One instance serves one thread.
    """

    def apply(self, ops: Sequence[Op], now: datetime) -> list[Outcome]:
        """Carry out all of `ops` in order as one durable transaction; one outcome each.

        A request is charged to the windows in which it was held, whenever it is settled. A run
        that is not recorded is a StoreError for the whole batch.
        """

    def renew(self, holds: Iterable[str], until: datetime) -> None:
        """Keep open holds of live requests from expiring before `until`."""

    def expire(self, now: datetime) -> list[Pending]:
        """Settle every hold whose lifetime is over at its upper bound, as unknown; audited.

        The row shows all of what was held as output tokens.
        """

    def open_holds(self) -> int:
        """How many holds are open."""

    def add_run(self, run: Run) -> None:
        """Record a run that starts; audited. The same run again is ignored."""

    def end_run(self, run: str, status: str, exit_code: int | None, at: datetime) -> None:
        """Record how a run ended; audited. `status` as in Run; the last word stands."""

    def runs(self, *, live: bool = False) -> list[Run]:
        """All runs, or only those that have not ended, newest first."""

    def find_run(self, name: str) -> Run | None:
        """The newest run whose bottle or id is `name`."""

    def set_budget(self, budget: Budget, at: datetime) -> None:
        """Add a budget, or give one with the same key a new limit; what was spent stays; audited.

        A new budget starts with what its scope has already used and holds in its window. Setting
        what is set already leaves no trace.
        """

    def drop_budget(self, key: str, at: datetime) -> bool:
        """Remove a budget; audited. False where there is none with this key."""

    def budgets(self) -> list[Budget]:
        """All budgets, by key."""

    def accounts(self, path: Path | None, now: datetime) -> list[Account]:
        """Budgets with what is spent and held in their windows now.

        All of them by key, or those on a path, nearest first.
        """

    def totals(
        self, by: Sequence[str], *, run: str | None = None, since: datetime | None = None
    ) -> list[Total]:
        """Usage grouped by any of provider, model, bottle, agent, run, day; corrections counted.

        Sorted by group. `day` (UTC, as 2026-01-31) and `since` look at when a request was held, as
        budgets do. Any other word is a ValueError.
        """

    def rows(
        self, *, run: str | None = None, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, UsageRow]]:
        """Usage rows with their growing ids, oldest first, those that were corrected included."""

    def pending(self) -> list[Pending]:
        """Rows of unknown quality that nobody has corrected, oldest first."""

    def correct(self, hold: str, tokens: int, micros: int | None, at: datetime) -> bool:
        """Replace an unknown settlement by what an operator found out; audited.

        The new row is estimated, its `tokens` all output. False where the hold has no row, or one
        of known quality. A late Settle of an expired hold still replaces it.
        """

    def calibration(self, provider: str, model: str) -> Calibration:
        """What finished rows teach about a model."""

    def note(
        self,
        run: str,
        act: str,
        code: str,
        fact: Fact,
        at: datetime,
    ) -> None:
        """Append a row to the audit chain."""

    def audit(self, *, run: str | None = None, after: int = 0) -> Iterator[AuditRow]:
        """Audit rows, oldest first."""

    def verify_audit(self) -> Break | None:
        """Walk the whole chain, and compare its end with the head that is kept beside it."""

    def give_order(self, run: str, act: str, code: str, at: datetime) -> Order:
        """Record an operator's order, audited."""

    def orders(self, run: str, after: int = 0) -> list[Order]:
        """Orders to a run with an id above `after`."""

    def close(self) -> None:
        """Give up the connection; what was recorded stays."""
