"""`stopper cut`, `freeze` and `kill`: an operator's orders from another terminal."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import click

from stopper.cli.options import examples, live_bottles
from stopper.cli.say import hint, say, warn
from stopper.control.home import open_for_orders
from stopper.control.operate import Ordered, Outcome, await_orders, find_live, give_order

__all__ = ["cut", "freeze", "kill"]

PAUSE_SECONDS: Final = 0.05
MOST_PAUSES: Final = 600
"""Half a minute in all: a large workspace takes a while to save."""

_NOTICED: Final = 20  # pauses: a second
_DONE: Final = {
    "cut": "is cut off: nothing leaves it any more.",
    "freeze": "is frozen. Go on with `stopper resume {bottle}`.",
    "kill": "is killed.",
}


@click.command(
    epilog=examples(
        "stopper cut amber-fox",
        "stopper cut --all",
    )
)
@click.argument("bottle", shell_complete=live_bottles, required=False)
@click.option("--all", "everyone", is_flag=True, help="Cut every bottle off that runs.")
def cut(*, bottle: str | None, everyone: bool) -> None:
    """Cut BOTTLE off: open replies end at once, and no request leaves it any more.

    The agent itself goes on; `stopper kill` ends it.
    """
    _order("cut", bottle, everyone=everyone)


@click.command(
    epilog=examples(
        "stopper kill amber-fox",
        "stopper kill --all",
    )
)
@click.argument("bottle", shell_complete=live_bottles, required=False)
@click.option("--all", "everyone", is_flag=True, help="Kill every bottle that runs.")
def kill(*, bottle: str | None, everyone: bool) -> None:
    """Kill everything in BOTTLE. Its workspace stays as it is."""
    _order("kill", bottle, everyone=everyone)


@click.command(
    epilog=examples(
        "stopper freeze amber-fox",
    )
)
@click.argument("bottle", shell_complete=live_bottles)
def freeze(*, bottle: str) -> None:
    """Save BOTTLE's workspace and stop it; `stopper resume` goes on with it."""
    _order("freeze", bottle, everyone=False)


def _order(act: str, bottle: str | None, *, everyone: bool) -> None:
    if everyone == (bottle is not None):
        raise click.UsageError("Name one bottle, or write --all.")
    with open_for_orders() as home:
        runs = [find_live(home, bottle)] if bottle else home.ledger.runs(live=True)
        if not runs:
            hint("Nothing is running.")
        given = [give_order(home, run, act, datetime.now(UTC)) for run in runs]
        try:
            _tell(await_orders(home, given, MOST_PAUSES, _Pause(act)))
        except KeyboardInterrupt:
            hint("Not waiting any more; the order stands.")
            raise


class _Pause:
    """Waits between two looks, and says that it does once it is noticed."""

    def __init__(self, act: str) -> None:
        self._act = act
        self._count = 0

    def __call__(self) -> None:
        self._count += 1
        if self._count == _NOTICED:
            hint(f"Waiting for the {self._act}; Ctrl-C leaves the order standing.")
        time.sleep(PAUSE_SECONDS)


def _tell(ordered: Sequence[Ordered]) -> None:
    for one in ordered:
        name, act = one.run.bottle, one.order.act
        if one.outcome is Outcome.DONE:
            lives = act == "cut" and one.run.ended is None
            tail = " Its agent still runs." if lives else ""
            say(f"{name} {_DONE[act].format(bottle=name)}{tail}")
        elif one.outcome is Outcome.LATE:
            warn(
                f"{name} has not done it yet; the order stands. Look at `stopper logs {name}`, or "
                f"end process {one.run.fact.get('pid', 'of the run')} yourself: its bottle ends "
                f"with it."
            )
        elif act == "freeze":
            warn(f"{name} is not frozen, and runs no more: look at `stopper logs {name}`.")
        elif one.outcome is Outcome.GONE:
            say(f"{name} is gone: its process had died already.")
        else:
            say(f"{name} is over: it ended before it could be told.")
    if not all(map(_is_obeyed, ordered)):
        raise click.exceptions.Exit(1)


def _is_obeyed(one: Ordered) -> bool:
    """Whether things are as they were ordered to be; what is over can use nothing any more."""
    if one.outcome is Outcome.DONE:
        return True
    return one.outcome is not Outcome.LATE and one.order.act != "freeze"
