"""Options and arguments that several commands share."""

import os
from typing import Any

import click

from stopper.errors import StopperError

__all__ = ["bottles", "examples", "json_option", "live_bottles"]


def bottles(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a bottle that is in the ledger."""
    return _names(incomplete, live=False)


def live_bottles(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a bottle that runs."""
    return _names(incomplete, live=True)


def examples(*lines: str) -> str:
    """The end of a help: what one may type; each line stays as it is."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def json_option(command: Any) -> Any:
    """`--json`, for everything that prints a table."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def _names(incomplete: str, *, live: bool) -> list[str]:
    """Names that begin as what was typed; none where the ledger does not open."""
    from stopper.control import home as opening  # noqa: PLC0415  when Tab is pressed

    try:
        if not (opening.find_home(os.environ) / opening.LEDGER_FILE).exists():
            return []
        with opening.open_for_orders() as home:
            names = {run.bottle for run in home.ledger.runs(live=live)}
    except StopperError:
        return []
    return sorted(name for name in names if name.startswith(incomplete))
