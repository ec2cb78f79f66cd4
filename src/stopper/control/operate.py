"""What an operator does to runs and to the ledger from another terminal."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from stopper.control.home import Home
from stopper.control.orders import wake
from stopper.control.process import is_alive
from stopper.control.suggest import did_you_mean, listed
from stopper.core.audit import Break
from stopper.core.provider import Provider
from stopper.core.usage import Usage
from stopper.errors import UsageError
from stopper.stores.ledger import Ledger, Order, Pending, Run

__all__ = [
    "ORDERS",
    "AuditReport",
    "Ordered",
    "Outcome",
    "await_orders",
    "check_audit",
    "find_live",
    "give_order",
    "settle_pending",
]

ORDERS: Final = {"cut": "bottle.cut", "freeze": "bottle.frozen", "kill": "bottle.killed"}
"""What can be ordered of a run, and the reason code that its requests are refused with."""

_STATUS: Final = {"cut": "cut", "freeze": "frozen", "kill": "killed"}
"""The status of a run that ended as it was ordered to."""


class Outcome(StrEnum):
    """What became of an order: done, or the run ended otherwise, or died, or has not answered."""

    DONE = "done"
    ENDED = "ended"
    GONE = "gone"
    LATE = "late"


class Ordered(Struct, frozen=True):
    """An order that was given, and what became of it so far; None while it is awaited.

    `run` is as it was last seen, `mark` its last audit row before the order.
    """

    run: Run
    order: Order
    mark: int
    outcome: Outcome | None = None


class AuditReport(Struct, frozen=True):
    """How many audit rows there are, the hash of the newest, and where the chain breaks."""

    rows: int
    head: str
    broken: Break | None


def find_live(home: Home, name: str) -> Run:
    """The live run of a bottle, or with this id; raises UsageError that names those that live."""
    live = home.ledger.runs(live=True)
    for run in live:
        if name in (run.bottle, run.id):
            return run
    names = [run.bottle for run in live]
    running = f"Running: {listed(names)}." if names else "Nothing is running."
    known = home.ledger.find_run(name)
    if known is None:
        raise UsageError(f"There is no bottle {name!r}.{did_you_mean(name, names)} {running}")
    raise UsageError(f"Bottle {name!r} is not running: its status is {known.status}. {running}")


def give_order(home: Home, run: Run, act: str, now: datetime) -> Ordered:
    """Write an order of `ORDERS` down for a run, and nudge it.

    A run whose process is gone cannot answer: it is recorded as ended instead. Raises UsageError
    where it would have to be frozen.
    """
    ledger = home.ledger
    gone = not is_alive(run.fact)
    if gone and act == "freeze":
        raise UsageError(
            f"Bottle {run.bottle!r} cannot be frozen: its process is gone. "
            f"`stopper kill {run.bottle}` takes it off the list."
        )
    mark = _last_audit(ledger, run.id)
    order = ledger.give_order(run.id, act, ORDERS[act], now)
    if gone:
        ledger.end_run(run.id, "ended", None, now)
        return Ordered(run, order, mark, Outcome.GONE)
    wake(home.folder, run.id)
    return Ordered(run, order, mark)


def await_orders(
    home: Home, given: Iterable[Ordered], pauses: int, pause: Callable[[], None]
) -> list[Ordered]:
    """Look until every order has an outcome, at most `pauses` times with a pause between."""
    ordered = [_looked(home, one) for one in given]
    for _ in range(pauses):
        if all(one.outcome for one in ordered):
            return ordered
        pause()
        ordered = [_looked(home, one) for one in ordered]
    return [one if one.outcome else replace(one, outcome=Outcome.LATE) for one in ordered]


def check_audit(ledger: Ledger) -> AuditReport:
    """Walk the audit chain from its first row to its last."""
    broken = ledger.verify_audit()
    count, head = 0, ""
    for row in ledger.audit():
        count, head = count + 1, row.hash
    return AuditReport(count, head, broken)


def settle_pending(
    ledger: Ledger,
    hold: str,
    output: int | None,
    providers: Mapping[str, Provider],
    now: datetime,
) -> Pending:
    """Say what a request of unknown cost has used; None keeps the upper bound that was charged.

    `output` tokens are all charged as output, at the model's price where one is known. Raises
    UsageError where no such request is pending.
    """
    pending = {row.hold: row for row in ledger.pending()}
    row = pending.get(hold)
    if row is None:
        have = f"Pending are: {listed(pending)}." if pending else "Nothing is pending."
        raise UsageError(f"No request {hold!r} is pending.{did_you_mean(hold, pending)} {have}")
    tokens, micros = row.tokens, row.micros or None
    if output is not None:
        tokens, micros = output, _price(row, output, providers)
    ledger.correct(hold, tokens, micros, now)
    return row


def _looked(home: Home, one: Ordered) -> Ordered:
    if one.outcome is not None:
        return one
    run = home.ledger.find_run(one.run.id) or one.run
    return replace(one, run=run, outcome=_outcome(home.ledger, one, run))


def _outcome(ledger: Ledger, one: Ordered, run: Run) -> Outcome | None:
    act = one.order.act
    if run.ended is not None:
        return Outcome.DONE if run.status == _STATUS[act] else Outcome.ENDED
    if act == "cut" and any(row.act == act for row in ledger.audit(run=run.id, after=one.mark)):
        return Outcome.DONE
    return None if is_alive(run.fact) else Outcome.GONE


def _last_audit(ledger: Ledger, run: str) -> int:
    last = 0
    for row in ledger.audit(run=run):
        last = row.id
    return last


def _price(row: Pending, output: int, providers: Mapping[str, Provider]) -> int | None:
    from stopper.meter.prices import rates  # noqa: PLC0415  its data take a while to load

    provider = providers.get(row.provider)
    if provider is None or provider.pricing is None:
        return None
    known = rates(provider.pricing, row.model, row.at)
    return None if known is None else known.cost(Usage(output=output))
