"""`stopper resume`: go on with a bottle that was frozen."""

import sys

import click

from stopper.cli.options import bottles
from stopper.cli.run import start
from stopper.cli.say import hint
from stopper.control.home import open_home
from stopper.control.planned import plan_run
from stopper.control.resume import find_frozen, thaw

__all__ = ["resume"]

_SHOWN = 10


@click.command()
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
def resume(*, bottle: str, budget: tuple[str, ...], as_it_is: bool, quiet: bool) -> None:
    """Go on with BOTTLE where it was frozen: same workspace, same name, same budgets.

    An agent that can take up its own conversation (Claude Code, Codex) does so; any other command
    runs again.

    \b
    Examples:
      stopper resume amber-fox
      stopper resume amber-fox --budget 400k
    """
    with open_home() as home:
        options = find_frozen(home, bottle, budget).options
    with open_home(flags=options.flags) as home:
        frozen = find_frozen(home, bottle, budget)
        planned = plan_run(frozen.options, home)
        if not as_it_is:
            thaw(frozen)
        if frozen.changed and not quiet:
            verb = "left as it is" if as_it_is else "put back"
            names = ", ".join(frozen.changed[:_SHOWN])
            more = len(frozen.changed) - _SHOWN
            hint(f"{verb}: {names}{f' and {more} more' if more > 0 else ''}")
        sys.exit(start(planned, home, quiet=quiet))
