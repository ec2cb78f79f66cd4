"""`stopper ledger`: requests whose cost is not known."""

from datetime import UTC, datetime
from typing import Final

import click

from stopper.cli.options import examples, json_option
from stopper.cli.say import hint, print_json, say
from stopper.cli.table import Column, print_table
from stopper.cli.times import local
from stopper.control.home import open_home
from stopper.control.operate import settle_pending
from stopper.core.budget import MAX_AMOUNT, Unit, format_amount
from stopper.data import load_providers

__all__ = ["ledger"]

_COLUMNS: Final = (
    Column("hold"),
    Column("bottle"),
    Column("provider"),
    Column("model"),
    Column("at most\ntokens", right=True),
    Column("at most\ncost", right=True),
    Column("sent at"),
)


@click.group()
def ledger() -> None:
    """Settle requests whose cost is not known.

    Where a run dies with a request in flight, nobody hears what the request cost: it is charged
    at its upper bound, and waits here for somebody who finds out.
    """


@ledger.command(
    epilog=examples(
        "stopper ledger pending",
    )
)
@json_option
def pending(*, as_json: bool) -> None:
    """List the requests that are charged at their upper bound."""
    with open_home() as home:
        rows = home.ledger.pending()
    if as_json:
        print_json(rows)
    elif rows:
        print_table(
            _COLUMNS,
            [
                (
                    row.hold,
                    row.bottle,
                    row.provider,
                    row.model,
                    row.tokens,
                    format_amount(Unit.MICROS, row.micros) if row.micros else None,
                    local(row.at),
                )
                for row in rows
            ],
        )
        hint("Say what one has used with `stopper ledger settle HOLD --output N`.")
    else:
        hint("Nothing is pending: the cost of every request is known.")


@ledger.command(
    epilog=examples(
        "stopper ledger settle 1f9c03a2d4e7 --output 1200",
        "stopper ledger settle 1f9c03a2d4e7 --as-is",
    )
)
@click.argument("hold")
@click.option("--output", type=click.IntRange(0, MAX_AMOUNT), metavar="N", help="It used N tokens.")
@click.option("--as-is", is_flag=True, help="Leave it at the upper bound that it is charged with.")
def settle(*, hold: str, output: int | None, as_is: bool) -> None:
    """Say what the request of HOLD has used.

    The tokens are charged as output, at the model's price where one is known, and the figure is
    labelled "estimated".
    """
    if as_is == (output is not None):
        raise click.UsageError("Write --output N, or --as-is.")
    with open_home() as home:
        now = datetime.now(UTC)
        row = settle_pending(home.ledger, hold, output, load_providers(), now)
    if output is None:
        say(f"{row.hold} is settled with the {row.tokens:,} tokens that it was charged with.")
    else:
        say(f"{row.hold} is settled with {output:,} tokens instead of {row.tokens:,}.")
