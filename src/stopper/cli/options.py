"""Options and arguments that several commands share."""

from typing import Any

import click
from click.shell_completion import CompletionItem

from stopper.errors import StopperError

__all__ = ["BOTTLE", "LIVE_BOTTLE", "Bottle", "json_option"]


class Bottle(click.ParamType):
    """The name of a bottle or the id of its run, completed from the ledger."""

    name = "bottle"

    def __init__(self, *, live: bool) -> None:
        self._live = live

    def shell_complete(
        self, _ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Names that begin as what was typed; none where the ledger does not open."""
        from stopper.control.home import open_for_orders  # noqa: PLC0415  when Tab is pressed

        try:
            with open_for_orders() as home:
                names = {run.bottle for run in home.ledger.runs(live=self._live)}
        except StopperError:
            return []
        return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


BOTTLE = Bottle(live=False)
LIVE_BOTTLE = Bottle(live=True)


def json_option(command: Any) -> Any:
    """`--json`, for everything that prints a table."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
