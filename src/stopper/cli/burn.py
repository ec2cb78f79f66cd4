"""`stopper burn`: how fast each provider's day is being used up."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from stopper.cli.colour import Style
from stopper.cli.options import examples, json_option
from stopper.cli.say import hint, print_json, warn
from stopper.cli.table import Cell, Column, print_table
from stopper.cli.times import local

if TYPE_CHECKING:
    from stopper.telemetry import BurnRate, Forecast

__all__ = ["burn"]

_COLUMNS: Final = (
    Column("provider"),
    Column("used\ntoday", right=True),
    Column("of the\nlimit", right=True),
    Column("share", right=True),
    Column("level"),
    Column("tokens a\nminute", right=True),
    Column("used up"),
)
_STYLES: Final = {"WARNING": Style.YELLOW, "CRITICAL": Style.RED, "FALLBACK": Style.RED}


@click.command(
    epilog=examples(
        "stopper burn",
        "stopper burn cerebras --json",
        "stopper burn --ledger agents/.stopper/usage.jsonl",
    )
)
@click.option("--ledger", type=click.Path(), metavar="FILE", help="Another than .stopper's.")
@click.argument("providers", nargs=-1, metavar="[PROVIDER]...")
@json_option
def burn(*, ledger: str | None, providers: tuple[str, ...], as_json: bool) -> None:
    """Show how much of each provider's day is used, and when it will be gone.

    It reads the ledger that agents write with `stopper.telemetry`. A day is one of UTC. The time at
    which the limit is expected to be used up comes with the earliest and the latest that go with
    the last hour's use, nine times of ten.
    """
    from stopper.telemetry import TokenLedger  # noqa: PLC0415  not for the help

    opened = TokenLedger(ledger)
    try:
        rates = [opened.check_burn_rate(name) for name in providers or opened.providers()]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        print_json([_json(rate) for rate in rates])
    elif rates:
        _show(rates)
    else:
        hint(f"Nothing is recorded in {opened.path}.")
    if opened.unreadable:
        warn(f"{opened.unreadable} lines of {opened.path} cannot be read, and do not count.")


def _show(rates: "list[BurnRate]") -> None:
    print_table(_COLUMNS, [_row(rate) for rate in rates])
    for rate in rates:
        if rate.anomaly is not None:
            warn(f"{rate.provider}: {rate.anomaly.reason}.")


def _row(rate: "BurnRate") -> tuple[str | Cell | int | None, ...]:
    level = rate.alert_level.name
    return (
        rate.provider,
        rate.used_tokens,
        rate.daily_limit,
        f"{rate.share:.0%}",
        Cell(level.lower(), _STYLES.get(level)),
        None if rate.forecast is None else round(rate.forecast.tokens_per_minute),
        None if rate.forecast is None else _when(rate.forecast, rate.resets),
    )


def _when(found: "Forecast", resets: datetime) -> str:
    """The time that is expected, and from when to when it may be; beyond the day it is not said."""
    if found.expected is None or found.earliest is None or found.earliest >= resets:
        return "not today"
    latest = "never" if found.latest is None else local(found.latest)
    return f"{local(found.expected)} ({local(found.earliest)} to {latest})"


def _json(rate: "BurnRate") -> dict[str, Any]:
    return {
        **{name: getattr(rate, name) for name in rate.__struct_fields__},
        "alert_level": rate.alert_level.name,
        "action": rate.action,
        "share": rate.share,
        "remaining_tokens": rate.remaining_tokens,
        "runs_out": rate.runs_out,
    }
