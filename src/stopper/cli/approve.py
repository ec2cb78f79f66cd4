"""`stopper approve` and `deny`: a person's answer to a request that waits for one."""

from datetime import UTC, datetime

import click

from stopper.cli.options import examples, live_bottles
from stopper.cli.say import say
from stopper.control.approvals import answer
from stopper.control.home import open_for_orders
from stopper.control.operate import find_live

__all__ = ["approve", "deny"]


@click.command(
    epilog=examples(
        "stopper approve amber-fox",
        "stopper approve amber-fox 3",
    )
)
@click.argument("bottle", shell_complete=live_bottles)
@click.argument("number", type=click.IntRange(min=1), required=False)
def approve(*, bottle: str, number: int | None) -> None:
    """Let a request of BOTTLE leave that was held because of a secret.

    NUMBER is the one that `stopper logs` shows; it may be left out where only one waits.
    """
    _answer("approve", bottle, number)


@click.command(
    epilog=examples(
        "stopper deny amber-fox",
        "stopper deny amber-fox 3",
    )
)
@click.argument("bottle", shell_complete=live_bottles)
@click.argument("number", type=click.IntRange(min=1), required=False)
def deny(*, bottle: str, number: int | None) -> None:
    """Refuse a request of BOTTLE that was held because of a secret.

    NUMBER is the one that `stopper logs` shows; it may be left out where only one waits.
    """
    _answer("deny", bottle, number)


def _answer(act: str, bottle: str, number: int | None) -> None:
    with open_for_orders() as home:
        question = answer(home, find_live(home, bottle), act, number, datetime.now(UTC))
    done = {"approve": "may leave", "deny": "stays here"}[act]
    say(f"Request {question.number} {done}: {question.what}.")
