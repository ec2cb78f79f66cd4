"""`stopper resume`: go on with a bottle that was frozen."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from stopper.cli.options import bottles, examples, json_option
from stopper.cli.say import hint
from stopper.control.suggest import listed

__all__ = ["resume"]


@click.command(
    epilog=examples(
        "stopper resume amber-fox",
        "stopper resume amber-fox --budget 400k",
    )
)
@click.argument("bottle", shell_complete=bottles)
@click.option(
    "--budget",
    multiple=True,
    metavar="AMOUNT",
    help="Instead of what it was started with: what was spent stays spent.",
)
@click.option(
    "--as-it-is",
    is_flag=True,
    help="Leave what has changed in the workspace since then; else it is put back.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing of Stopper's own.")
@json_option
def resume(
    *, bottle: str, budget: tuple[str, ...], as_it_is: bool, quiet: bool, as_json: bool
) -> None:
    """Go on with BOTTLE where it was frozen: same workspace, same name, same budgets.

    An agent that can take up its own conversation (Claude Code, Codex) does so; any other command
    runs again.
    """
    from stopper.cli.session import start  # noqa: PLC0415  the egress takes a while to load
    from stopper.control.home import open_home  # noqa: PLC0415
    from stopper.control.planned import plan_run  # noqa: PLC0415
    from stopper.control.resume import drop_replaced, find_frozen, thaw  # noqa: PLC0415

    with open_home() as home:
        options = find_frozen(home, bottle, budget).options
    with open_home(flags=options.flags) as home:
        frozen = find_frozen(home, bottle, budget)
        planned = plan_run(frozen.options, home)
        if not as_it_is:
            thaw(frozen)
        drop_replaced(frozen, planned, home.ledger, datetime.now(UTC))
        if not (quiet or as_json):
            _tell("left as it is" if as_it_is else "put back", frozen.changed)
            _tell("new since then, and left there", frozen.new)
        sys.exit(start(planned, home, quiet=quiet, as_json=as_json))


def _tell(what: str, paths: Sequence[str]) -> None:
    if paths:
        hint(f"stopper: {what}: {listed(paths)}")
