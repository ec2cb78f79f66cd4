"""`stopper usage`: what was used and what it cost, by kind of token."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import IO, Any, Final

import click

from stopper.cli.amounts import cost_cell, figures_cell, total_json
from stopper.cli.options import bottles, examples, json_option
from stopper.cli.say import hint, print_json
from stopper.cli.table import Column, Value, print_table
from stopper.control.home import open_home
from stopper.control.reports import GROUPS, UsageReport, parse_since, report_usage, sum_of
from stopper.core.usage import Weights
from stopper.stores.ledger import Total

__all__ = ["print_usage", "usage", "usage_json"]

_USUAL: Final = ""
"""Stands for the ledger that `stopper.telemetry` opens by itself; its place is known there."""

_Shown = tuple[Column, Callable[[Total], Value]]

_KINDS: Final[tuple[_Shown, ...]] = (
    (Column("calls", right=True), lambda total: total.requests),
    (Column("input", right=True), lambda total: total.usage.input),
    (Column("cache\nwrite", right=True), lambda total: total.usage.cache_write),
    (Column("cache\nread", right=True), lambda total: total.usage.cache_read),
    (Column("output", right=True), lambda total: total.usage.output),
)
_REASONING: Final[_Shown] = (
    Column("of it\nreasoning", right=True),
    lambda total: _share(total.usage.reasoning, total.usage.output),
)
_SUMS: Final[tuple[_Shown, ...]] = (
    (Column("total\ntokens", right=True), lambda total: total.usage.total),
    (Column("cost", right=True), cost_cell),
)
_UNPRICED: Final[_Shown] = (Column("unpriced\ncalls", right=True), lambda total: total.unpriced)
_FIGURES: Final[_Shown] = (Column("figures", name=True), figures_cell)
_TITLES: Final = {"day": "day (UTC)"}


@click.command(
    epilog=examples(
        "stopper usage",
        "stopper usage --by model --since 1d",
        "stopper usage --by bottle --by model --json",
        "stopper usage --bottle amber-fox",
        "stopper usage --ledger --by day",
    )
)
@click.option(
    "--by",
    type=click.Choice(GROUPS),
    multiple=True,
    default=("provider",),
    show_default="provider",
    help="Group by this; may be repeated.",
)
@click.option(
    "--bottle", shell_complete=bottles, metavar="NAME", help="Only this bottle, or this run's id."
)
@click.option("--since", metavar="TIME", help="Only since then: 30m, 12h, 1d, 2w or 2026-01-31.")
@click.option(
    "--ledger",
    is_flag=False,
    flag_value=_USUAL,
    metavar="[FILE]",
    help="What agents recorded with stopper.telemetry, by default in .stopper/usage.jsonl.",
)
@json_option
def usage(
    *,
    by: tuple[str, ...],
    bottle: str | None,
    since: str | None,
    ledger: str | None,
    as_json: bool,
) -> None:
    """Show what was used and what it cost.

    Input, cache writes, cache reads and output are counted apart and add up to the total;
    reasoning is a share of the output. Figures are "measured" where the provider stated them,
    "estimated" where a reply was cut off, "unknown" where an upper bound stands for them.
    """
    after = None if since is None else parse_since(since, datetime.now(UTC))
    if ledger is not None:
        report = _recorded(ledger, by, bottle, after)
    else:
        with open_home() as home:
            report = report_usage(home, by, bottle=bottle, since=after)
    if as_json:
        print_json(usage_json(report))
    elif report.groups:
        print_usage(report)
    else:
        hint("Nothing was used." if after or bottle else "Nothing was used yet.")


def print_usage(report: UsageReport, file: IO[Any] | None = None) -> None:
    """The table of a report, on stdout by default; below it what is not plain."""
    shown = _shown(report.total)
    columns = [*_by_columns(report.by), *(column for column, _ in shown)]
    rows = [
        (*total.group, *(show(total) for _, show in shown))
        for total in (*report.groups, report.total)
    ]
    total = (*_total_label(report.by), *rows[-1])
    print_table(columns, rows[:-1], total=total if len(report.groups) > 1 else None, file=file)
    if report.weights != Weights():
        hint(f"Token budgets count {_weights(report.weights)}.")
    if report.total.unpriced:
        hint("No price is known for unpriced calls; they are not in the cost.")


def usage_json(report: UsageReport) -> dict[str, Any]:
    """The report; `weights` are what a token of each kind counts in a token budget."""
    return {
        "by": report.by,
        "since": report.since,
        "groups": [
            {**dict(zip(report.by, total.group, strict=True)), **total_json(total)}
            for total in report.groups
        ],
        "total": total_json(report.total),
        "weights": report.weights.by_kind,
    }


def _recorded(
    path: str, by: tuple[str, ...], bottle: str | None, since: datetime | None
) -> UsageReport:
    """The same of a ledger of lines, which knows of no bottles."""
    from stopper.telemetry import TokenLedger  # noqa: PLC0415  not for the help
    from stopper.telemetry.totals import GROUPS as KNOWN  # noqa: PLC0415
    from stopper.telemetry.totals import totals_of  # noqa: PLC0415

    if bottle is not None or not set(by) <= set(KNOWN):
        raise click.UsageError(
            f"A ledger of lines knows no bottles and agents: leave --bottle out, and use --by "
            f"{' or '.join(KNOWN)}."
        )
    opened = TokenLedger(path)
    groups = totals_of(opened.entries(), by, since)
    return UsageReport(by, since, tuple(groups), sum_of(groups), Weights())


def _by_columns(by: tuple[str, ...]) -> list[Column]:
    return [Column(_TITLES.get(name, name), name=True) for name in by]


def _total_label(by: tuple[str, ...]) -> Sequence[str]:
    return ["total", *[""] * (len(by) - 1)] if by else []


def _shown(total: Total) -> list[_Shown]:
    """All kinds, always; reasoning and missing prices where there are any."""
    reasoning = [_REASONING] if total.usage.reasoning else []
    unpriced = [_UNPRICED] if total.unpriced else []
    return [*_KINDS, *reasoning, *_SUMS, *unpriced, _FIGURES]


def _share(part: int, whole: int) -> str | None:
    """A percentage; a dash for no reasoning at all, which many models do not report."""
    if not part:
        return None
    return f"{part / max(part, whole):.0%}"


def _weights(weights: Weights) -> str:
    return ", ".join(f"{kind.replace('_', ' ')} {each:g}" for kind, each in weights.by_kind.items())
