"""What runs and what was used, for every face that shows it."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from stopper.control.home import Home
from stopper.control.process import is_alive
from stopper.control.suggest import did_you_mean, listed
from stopper.core.budget import governing
from stopper.core.hold import Account
from stopper.core.usage import Quality, Usage, Weights, weakest
from stopper.errors import UsageError
from stopper.stores.ledger import Ledger, Run, Total

__all__ = [
    "GROUPS",
    "LOST",
    "RunReport",
    "UsageReport",
    "find_run",
    "parse_since",
    "report_runs",
    "report_usage",
    "sum_of",
]

GROUPS: Final = ("provider", "model", "bottle", "day", "agent")
"""What usage can be grouped by."""

LOST: Final = "lost"
"""The status of a run that did not end, and whose process is gone."""

CUT: Final = "cut"
"""The status, and the act in the audit, of a run whose requests are refused from then on."""

_SINCE = re.compile(r"(?P<count>\d{1,6})(?P<unit>[mhdw])", re.ASCII)
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_NOTHING = Usage(quality=Quality.MEASURED)


class RunReport(Struct, frozen=True):
    """A run with what it has used; `budget` is the one that binds it with the least left.

    `status` is the ledger's, or lost; a run that is cut off and lives is cut already.
    """

    run: str
    bottle: str
    agent: str
    pid: int | None
    status: str
    started: datetime
    ended: datetime | None
    exit_code: int | None
    used: Total
    budget: Account | None


class UsageReport(Struct, frozen=True):
    """Usage by group, its sum, and what a token of each kind weighs in a token budget."""

    by: tuple[str, ...]
    since: datetime | None
    groups: tuple[Total, ...]
    total: Total
    weights: Weights


def report_runs(home: Home, now: datetime, *, ended: bool = False) -> list[RunReport]:
    """The runs that live, or all of them, newest first."""
    ledger = home.ledger
    runs = ledger.runs(live=not ended)
    used = {total.group[0]: total for total in ledger.totals(("run",))} if runs else {}
    return [_report(home, run, used.get(run.id), now) for run in runs]


def report_usage(
    home: Home, by: Sequence[str], *, bottle: str | None = None, since: datetime | None = None
) -> UsageReport:
    """Usage by any of `GROUPS`, of everything or of one bottle; raises UsageError for no bottle.

    `bottle` may be a run's id, and then only that run counts.
    """
    groups = _totals(home.ledger, tuple(by), bottle, since)
    return UsageReport(tuple(by), since, tuple(groups), sum_of(groups), home.settings.terms.weights)


def find_run(ledger: Ledger, name: str) -> Run:
    """The newest run of a bottle, or the run with this id; raises UsageError naming others."""
    run = ledger.find_run(name)
    if run is not None:
        return run
    known = {run.bottle for run in ledger.runs()}
    if not known:
        raise UsageError(f"There is no bottle {name!r}: nothing has run here yet.")
    raise UsageError(
        f"There is no bottle {name!r}.{did_you_mean(name, known)} Known are: {listed(known)}."
    )


def sum_of(totals: Iterable[Total]) -> Total:
    """One total of several, in no group."""
    requests = micros = unpriced = 0
    usage = _NOTHING
    by_quality: dict[str, int] = {}
    for total in totals:
        requests += total.requests
        micros += total.micros
        unpriced += total.unpriced
        usage = _added(usage, total.usage)
        for quality, count in total.by_quality.items():
            by_quality[quality] = by_quality.get(quality, 0) + count
    return Total((), requests, usage, micros, unpriced, by_quality)


def parse_since(text: str, now: datetime) -> datetime:
    """Read `30m`, `12h`, `1d`, `2w` before `now`, or a day or time of this machine's clock.

    Raises UsageError saying what is allowed.
    """
    match = _SINCE.fullmatch(text)
    try:
        if match is not None:
            return now - int(match["count"]) * _UNITS[match["unit"]]
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is no time: write 30m, 12h, 1d or 2w, or a day as 2026-01-31"
        ) from None


def _report(home: Home, run: Run, used: Total | None, now: datetime) -> RunReport:
    pid = run.fact.get("pid")
    lives = run.ended is None
    return RunReport(
        run=run.id,
        bottle=run.bottle,
        agent=run.agent,
        pid=pid if isinstance(pid, int) else None,
        status=_status(home.ledger, run),
        started=run.started,
        ended=run.ended,
        exit_code=run.exit_code,
        used=used or sum_of(()),
        budget=_tightest(home, run, now) if lives else None,
    )


def _status(ledger: Ledger, run: Run) -> str:
    """What the ledger says; of a run that lives, whether it is cut off, and whether it does."""
    if run.ended is not None:
        return run.status
    if not is_alive(run.fact):
        return LOST
    is_cut = any(row.act == CUT for row in ledger.audit(run=run.id))
    return CUT if is_cut else run.status


def _tightest(home: Home, run: Run, now: datetime) -> Account | None:
    """Of the budgets that bind some provider's requests, the one with the smallest share left."""
    accounts = home.ledger.accounts(run.path, now)
    budgets = [account.budget for account in accounts]
    binding = {
        budget.key
        for provider in {budget.provider or "" for budget in budgets}
        for budget in governing(budgets, run.path, provider, home.settings.terms.enforce)
    }
    return min(
        (account for account in accounts if account.budget.key in binding),
        key=lambda account: account.room / max(1, account.budget.limit),
        default=None,
    )


def _totals(
    ledger: Ledger, by: tuple[str, ...], bottle: str | None, since: datetime | None
) -> list[Total]:
    if bottle is None:
        return ledger.totals(by, since=since)
    run = find_run(ledger, bottle)
    if run.bottle != bottle:
        return ledger.totals(by, run=run.id, since=since)
    return [
        Total(total.group[:-1], *_rest(total))
        for total in ledger.totals((*by, "bottle"), since=since)
        if total.group[-1] == bottle
    ]


def _rest(total: Total) -> tuple[int, Usage, int, int, dict[str, int]]:
    return total.requests, total.usage, total.micros, total.unpriced, total.by_quality


def _added(one: Usage, other: Usage) -> Usage:
    return Usage(
        input=one.input + other.input,
        output=one.output + other.output,
        cache_write=one.cache_write + other.cache_write,
        cache_read=one.cache_read + other.cache_read,
        reasoning=one.reasoning + other.reasoning,
        cache_write_1h=one.cache_write_1h + other.cache_write_1h,
        quality=weakest((one.quality, other.quality)),
    )
