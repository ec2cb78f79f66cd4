"""What a ledger store must do; every back end passes the same contract suite."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from stopper.core.audit import AuditRow
from stopper.core.budget import Budget, Enforce
from stopper.core.hold import Account, Denial, Need
from stopper.core.scope import Path
from stopper.core.usage import Usage, Weights

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
    """One run of a bottle. `status` is running, cut, frozen, killed or ended; `path` nearest first."""

    id: str
    bottle: str
    agent: str
    path: Path
    started: datetime
    status: str = "running"
    ended: datetime | None = None
    exit_code: int | None = None
    fact: dict[str, str | int | float | bool | None] = {}


class Hold(Struct, frozen=True, gc=False):
    """Ask to set `need` aside with `asked` output tokens, clamped to what governs, at least `least`.

    Answered by a Grant, or by a Denial that leaves nothing behind.
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

    Answered by a Grant (with `output` 0) or a Denial; a denied hold stays as it was.
    """

    id: str
    tokens: int
    micros: int


class UsageRow(Struct, frozen=True, gc=False):
    """One row of the append-only usage ledger; the hold's id is the row's identity.

    `ending` is how the reply ended: complete, cut, disconnected, error, lost. `code` is the reason
    of a cut. `micros` is the cost in micro-dollars, None where no price is known.
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
    """

    row: UsageRow


class Release(Struct, frozen=True, gc=False):
    """The request was never sent: the hold goes, and no row is written."""

    id: str


Op = Hold | Grow | Settle | Release
Outcome = Grant | Denial | None


class Pending(Struct, frozen=True):
    """A hold whose owner died: it stands in the ledger at its upper bound, labelled unknown."""

    hold: str
    run: str
    bottle: str
    provider: str
    model: str
    tokens: int
    micros: int
    at: datetime


class Total(Struct, frozen=True):
    """Usage summed over a group; `by_quality` counts rows."""

    group: tuple[str, ...]
    requests: int
    usage: Usage
    micros: int
    unpriced: int
    by_quality: dict[str, int]


class Calibration(Struct, frozen=True):
    """What finished rows of a model teach: the most input tokens a text byte had, in thousandths,
    and the mean characters an output token had, in thousandths; None before enough rows."""

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

    Methods raise StoreError when the store cannot answer; then nothing of that call happened.
    """

    def apply(self, ops: Sequence[Op], now: datetime) -> list[Outcome]:
        """Carry out all of `ops` in order as one durable transaction; one outcome each."""

    def renew(self, holds: Iterable[str], until: datetime) -> None:
        """Keep open holds of live requests from expiring before `until`."""

    def expire(self, now: datetime) -> list[Pending]:
        """Settle every hold whose lifetime is over at its upper bound, as unknown; audited."""

    def open_holds(self) -> int:
        """How many holds are open."""

    def add_run(self, run: Run) -> None:
        """Record a run that starts."""

    def end_run(self, run: str, status: str, exit_code: int | None, at: datetime) -> None:
        """Record how a run ended; `status` as in Run."""

    def runs(self, *, live: bool = False) -> list[Run]:
        """All runs, or only those still running, newest first."""

    def find_run(self, name: str) -> Run | None:
        """The newest run whose bottle or id is `name`."""

    def set_budget(self, budget: Budget, at: datetime) -> None:
        """Add a budget, or give one with the same key a new limit; what was spent stays.

        A new budget starts with what its scope has already used and holds in its window.
        """

    def drop_budget(self, key: str, at: datetime) -> bool:
        """Remove a budget; False where there is none with this key."""

    def budgets(self) -> list[Budget]:
        """All budgets."""

    def accounts(self, path: Path | None, now: datetime) -> list[Account]:
        """Budgets with what is spent and held now: all, or those on a path."""

    def totals(
        self, by: Sequence[str], *, run: str | None = None, since: datetime | None = None
    ) -> list[Total]:
        """Usage grouped by any of provider, model, bottle, agent, run, day; corrections counted."""

    def rows(
        self, *, run: str | None = None, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, UsageRow]]:
        """Usage rows with their growing ids, oldest first."""

    def pending(self) -> list[Pending]:
        """Holds settled as unknown that nobody has corrected."""

    def correct(self, hold: str, tokens: int, micros: int | None, at: datetime) -> bool:
        """Replace an unknown settlement by what an operator found out, as output tokens."""

    def calibration(self, provider: str, model: str) -> Calibration:
        """What finished rows teach about a model."""

    def note(
        self,
        run: str,
        act: str,
        code: str,
        fact: dict[str, str | int | float | bool | None],
        at: datetime,
    ) -> None:
        """Append a row to the audit chain."""

    def audit(self, *, run: str | None = None, after: int = 0) -> Iterator[AuditRow]:
        """Audit rows, oldest first."""

    def give_order(self, run: str, act: str, code: str, at: datetime) -> Order:
        """Record an operator's order, audited."""

    def orders(self, run: str, after: int = 0) -> list[Order]:
        """Orders to a run with an id above `after`."""

    def close(self) -> None:
        """Give up the connection; what was recorded stays."""
