"""`stopper audit`: checks the record of what was enforced."""

import click

from stopper.cli.app import Fault
from stopper.cli.options import examples, json_option
from stopper.cli.say import print_json, say
from stopper.control.home import open_home
from stopper.control.operate import check_audit

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Check the record of what was enforced.

    Every act is a row of a chain: each row's hash covers the row before it, so a row that is
    changed, dropped or moved breaks all that follow.
    """


@audit.command(
    epilog=examples(
        "stopper audit verify",
    )
)
@json_option
def verify(*, as_json: bool) -> None:
    """Walk the whole chain; the exit status is 1 where it breaks.

    Whoever can write the whole ledger can write a whole new chain: keep the hash that this prints
    somewhere else, and compare.
    """
    with open_home() as home:
        report = check_audit(home.ledger)
    if as_json:
        print_json(report)
    elif (broken := report.broken) is not None:
        raise Fault(
            f"The audit breaks at row {broken.id:,} of {report.rows:,}: expected the hash "
            f"{broken.expected}, found {broken.found}. The rows before it hold. Keep a copy "
            f"of the ledger before anything else writes to it."
        )
    elif report.rows:
        say(f"All {report.rows:,} rows hold. The newest row's hash is {report.head}.")
    else:
        say("There is no row yet.")
    if report.broken is not None:
        raise click.exceptions.Exit(1)
