"""`stopper budget`: limits, what is spent, and what is left."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from stopper.cli.amounts import (
    account_json,
    amount_cell,
    left_style,
    limit_cell,
)
from stopper.cli.options import examples, json_option
from stopper.cli.say import hint, print_json, say
from stopper.cli.table import Cell, Column, Value, print_table
from stopper.cli.times import minute_cell
from stopper.control.budgets import (
    BudgetReport,
    budget_text,
    drop_budgets,
    list_budgets,
    nobody_named,
    read_budget,
    set_budget,
)
from stopper.control.home import open_home
from stopper.core.budget import format_amount
from stopper.core.hold import Account
from stopper.data import load_providers
from stopper.settings import provider_names

__all__ = ["budget"]

_COLUMNS: Final = (
    Column("scope", name=True),
    Column("provider"),
    Column("limit", right=True),
    Column("spent", right=True),
    Column("held", right=True),
    Column("left", right=True),
    Column("used"),
    Column("starts\nagain"),
)
_BAR_CELLS: Final = 10


@click.group()
def budget() -> None:
    """Set, list and remove budgets.

    A budget limits a SCOPE: global, bottle:NAME, agent:NAME or run:ID. The nearest scope that has
    a budget governs: agent, then bottle, then its parents, then global.
    """


@budget.command(
    "set",
    epilog=examples(
        "stopper budget set global 5M/day",
        "stopper budget set bottle:amber-fox '$2.50'",
        "stopper budget set global claude=5M/day",
        "stopper budget set agent:claude 200k --provider anthropic",
    ),
)
@click.argument("scope")
@click.argument("amount")
@click.option("--provider", metavar="NAME", help="Count only this provider's usage, or agent's.")
def set_(*, scope: str, amount: str, provider: str | None) -> None:
    """Limit SCOPE to AMOUNT, or change its limit; what was spent stays.

    AMOUNT is in tokens (200000, 200k, 5M) or dollars ('$2.50', in single quotes, or the shell
    takes the dollar sign away), with a window behind it where it shall start again: /minute, /day
    or /month, in UTC.
    """
    with open_home() as home:
        limit = read_budget(scope, amount, provider, provider_names(load_providers().values()))
        account = set_budget(home.ledger, limit, datetime.now(UTC))
        warning = nobody_named(home.ledger, limit.scope)
    spent = format_amount(limit.unit, account.spent)
    say(f"{limit.key} may use {budget_text(limit)}; {spent} is spent so far.")
    if limit.limit == 0:
        hint("A limit of 0 lets no request out. If you meant dollars, use single quotes: '$2.50'")
    if warning:
        hint(warning)


@budget.command(
    "list",
    epilog=examples(
        "stopper budget list",
        "stopper budget list --all",
        "stopper budget list --json | jq '.[] | select(.left <= 0).key'",
    ),
)
@click.option("-a", "--all", "over", is_flag=True, help="List those of runs that are over, too.")
@json_option
def list_(*, over: bool, as_json: bool) -> None:
    """List the budgets, with what is spent, held by requests in flight, and left."""
    with open_home() as home:
        every = list_budgets(home.ledger, datetime.now(UTC))
    reports = [report for report in every if over or not report.over]
    if as_json:
        print_json([_json(report) for report in reports])
    elif reports:
        print_table(_COLUMNS, [_row(report) for report in reports])
    elif every:
        hint("Nothing limits what a new bottle may use.")
    else:
        hint("No budget is set: nothing limits what a bottle may use.")
        hint("Set one with `stopper budget set global 5M/day`.")
    if len(every) > len(reports) and not as_json:
        hint("`stopper budget list --all` lists those of runs that are over, too.")


@budget.command(
    "rm",
    epilog=examples(
        "stopper budget rm bottle:amber-fox",
        "stopper budget rm global/anthropic/tokens/day",
    ),
)
@click.argument("what", metavar="KEY|SCOPE")
def rm(*, what: str) -> None:
    """Remove the budget with this KEY, or all budgets of a SCOPE; what was used stays recorded."""
    with open_home() as home:
        dropped = drop_budgets(home.ledger, what, datetime.now(UTC))
        again = {b.key for b in home.settings.budget}.intersection(b.key for b in dropped)
    for gone in dropped:
        say(f"Removed {gone.key}, which was {budget_text(gone)}.")
    if again:
        hint(f"The settings set {', '.join(sorted(again))} again at the next run.")


def _row(report: BudgetReport) -> Sequence[Value]:
    account = report.account
    budget = account.budget
    return (
        _scope(report),
        budget.provider or "all",
        limit_cell(budget),
        amount_cell(budget.unit, account.spent),
        amount_cell(budget.unit, account.held),
        amount_cell(budget.unit, account.room, left_style(account)),
        _bar(account),
        "never" if report.renewed is None else minute_cell(report.renewed),
    )


def _scope(report: BudgetReport) -> Cell:
    scope = str(report.account.budget.scope)
    whose = f" ({report.bottle})" if report.bottle else ""
    return Cell(scope + whose, short=scope)


def _bar(account: Account) -> Cell:
    """How much of the limit is spent or held."""
    taken = account.budget.limit - account.room
    share = 1.0 if account.budget.limit == 0 else min(1.0, taken / account.budget.limit)
    full = int(share * _BAR_CELLS)
    bar = "█" * full + "░" * (_BAR_CELLS - full)
    return Cell(f"{bar} {share:4.0%}", left_style(account), f"{share:4.0%}")


def _json(report: BudgetReport) -> dict[str, Any]:
    return {
        **account_json(report.account),
        "starts_again": report.renewed,
        "bottle": report.bottle,
        "over": report.over,
    }
