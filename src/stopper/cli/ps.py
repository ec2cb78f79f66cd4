"""`stopper ps`: what runs now."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from stopper.cli.amounts import (
    account_json,
    amount_cell,
    cost_cell,
    figures_cell,
    left_style,
    limit_text,
    total_json,
)
from stopper.cli.colour import Style
from stopper.cli.options import examples, json_option
from stopper.cli.say import hint, print_json
from stopper.cli.table import Cell, Column, Value, print_table
from stopper.cli.times import age_cell
from stopper.control.home import open_home
from stopper.control.reports import LOST, RunReport, report_runs
from stopper.core.hold import Account

__all__ = ["ps"]

_COLUMNS = (
    Column("bottle", name=True),
    Column("agent"),
    Column("pid", right=True),
    Column("status"),
    Column("age", right=True),
    Column("tokens", right=True),
    Column("cost", right=True),
    Column("figures", name=True),
    Column("budget\nleft", name=True),
)
_STYLES = {
    "running": Style.GREEN,
    "cut": Style.YELLOW,
    "frozen": Style.YELLOW,
    "killed": Style.RED,
    LOST: Style.RED,
}


@click.command(
    epilog=examples(
        "stopper ps",
        "stopper ps --all",
        "stopper ps --json | jq '.[].bottle'",
    )
)
@click.option("-a", "--all", "ended", is_flag=True, help="List the runs that are over, too.")
@json_option
def ps(*, ended: bool, as_json: bool) -> None:
    """List the runs that live.

    A run that is "lost" did not end, but its process is gone: `stopper kill BOTTLE` takes it off
    the list. Of several budgets that bind a run, the one with the smallest share left is shown.
    """
    now = datetime.now(UTC)
    with open_home() as home:
        reports = report_runs(home, now, ended=ended)
    if as_json:
        print_json([_json(report) for report in reports])
    elif reports:
        print_table(_COLUMNS, [_row(report, now) for report in reports])
    elif ended:
        hint("Nothing has run yet. Begin with `stopper run -- COMMAND`.")
    else:
        hint("Nothing is running. `stopper ps --all` lists what ran before.")


def _row(report: RunReport, now: datetime) -> Sequence[Value]:
    return (
        report.bottle,
        report.agent,
        None if report.ended or report.pid is None else str(report.pid),
        _status(report),
        age_cell(now - report.started),
        report.used.usage.total,
        cost_cell(report.used),
        figures_cell(report.used),
        _left(report.budget) if report.ended is None else None,
    )


def _status(report: RunReport) -> Cell:
    code = "" if report.exit_code is None else f" {report.exit_code}"
    return Cell(f"{report.status}{code}", _STYLES.get(report.status))


def _left(account: Account | None) -> Cell:
    if account is None:
        return Cell("no budget", Style.DIM, "none")
    budget = account.budget
    whose = f" ({budget.provider})" if budget.provider else ""
    left = amount_cell(budget.unit, account.room)
    return Cell(f"{left.text} of {limit_text(budget)}{whose}", left_style(account), left.short)


def _json(report: RunReport) -> dict[str, Any]:
    return {
        "run": report.run,
        "bottle": report.bottle,
        "agent": report.agent,
        "pid": report.pid,
        "status": report.status,
        "started": report.started,
        "ended": report.ended,
        "exit_code": report.exit_code,
        "used": total_json(report.used),
        "budget": None if report.budget is None else account_json(report.budget),
    }
