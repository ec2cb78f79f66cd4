"""`stopper doctor`: start a real bottle, try to get out of it, and show what held."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from stopper.bottle.doctor import Check, run_checks
from stopper.cli.app import Fault
from stopper.cli.colour import Style
from stopper.cli.options import examples, json_option
from stopper.cli.say import hint, print_json
from stopper.cli.table import Cell, Column, Value, print_table
from stopper.control.home import find_home
from stopper.data import load_providers
from stopper.detect.passes import sift

__all__ = ["doctor"]

NO_BOTTLE: Final = "start"
"""The only check where no bottle starts at all."""

_COLUMNS: Final = (
    Column("id"),
    Column("what was tried", wrap=True),
    Column("result"),
    Column("detail", wrap=True),
)
_RESULTS: Final = {
    True: Cell("held", Style.GREEN),
    False: Cell("NOT HELD", Style.RED),
    None: Cell("not tried", Style.YELLOW),
}


@click.command(
    epilog=examples(
        "stopper doctor",
        "stopper doctor --json",
    )
)
@json_option
def doctor(*, as_json: bool) -> None:
    """Start a bottle, try every known way out of it, and show what held.

    Exits with 1 where something did not hold, or where no bottle starts; then it says what to do.
    """
    if not as_json and sys.stderr.isatty():
        hint("Starting bottles and trying to get out of them; this takes a few seconds.")
    checks = _checks()
    if as_json:
        print_json(checks)
    else:
        show(checks)
    if any(check.held is False for check in checks):
        raise click.exceptions.Exit(1)


def show(checks: Sequence[Check]) -> None:
    """The table, and a sentence that sums it up; the advice alone where no bottle starts."""
    if checks[0].id == NO_BOTTLE:
        raise Fault(checks[0].detail)
    told = any(check.detail for check in checks)
    columns = _COLUMNS if told else _COLUMNS[:-1]
    print_table(columns, [_row(check)[: len(columns)] for check in checks])
    hint(_summary(checks))
    if sift is None:
        hint(
            "Texts are looked at several times more slowly than they could be: when Stopper was "
            "installed there was no C compiler. Get one, and install Stopper again."
        )


def _checks() -> list[Check]:
    try:
        return asyncio.run(
            run_checks(
                home=Path.home(),
                state=find_home(os.environ),
                host=os.environ,
                providers=load_providers(),
            )
        )
    except TimeoutError as error:
        raise Fault("A bottle started, but the probe in it did not answer: try again.") from error


def _row(check: Check) -> Sequence[Value]:
    return (check.id, check.what, _RESULTS[check.held], check.detail)


def _summary(checks: Sequence[Check]) -> str:
    held = sum(check.held is True for check in checks)
    lost = sum(check.held is False for check in checks)
    untried = len(checks) - held - lost
    said = f"All {held} held" if held == len(checks) else f"{held} of {len(checks)} held"
    said += f", {lost} did NOT" if lost else ""
    said += f", {untried} could not be tried here" if untried else ""
    return f"{said}."
