"""`stopper logs`: what a bottle did and what was refused to it."""

import sys
import time
from typing import Any, Final

import click

from stopper.cli.colour import Style, has_colour, paint
from stopper.cli.options import bottles, examples, json_option
from stopper.cli.say import print_json_line
from stopper.cli.table import LEAST_SENTENCE, columns_of, plain, wrap
from stopper.cli.times import local
from stopper.control.home import open_home
from stopper.control.logs import Log, LogLine
from stopper.control.process import is_alive
from stopper.control.reports import find_run
from stopper.core.audit import AuditRow
from stopper.stores.ledger import Ledger, Run

__all__ = ["logs"]

FOLLOW_SECONDS: Final = 0.25

_ACT_WIDTH: Final = 10


@click.command(
    epilog=examples(
        "stopper logs amber-fox",
        "stopper logs -f amber-fox",
        "stopper logs amber-fox --json | jq 'select(.act == \"call\").usage'",
    )
)
@click.argument("bottle", shell_complete=bottles)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@json_option
def logs(*, bottle: str, follow: bool, as_json: bool) -> None:
    """Show what BOTTLE did and what was refused to it, oldest first.

    BOTTLE is the name of a bottle, of which the newest run is shown, or the id of a run. With
    --json, each line is a document.
    """
    with open_home() as home:
        run = find_run(home.ledger, bottle)
        log = Log(home.ledger, run.id)
        over = False
        while not over:
            over = not follow or _is_over(home.ledger, run)
            for line in log.read():
                _show(line, as_json=as_json)
            if not over:
                time.sleep(FOLLOW_SECONDS)


def _is_over(ledger: Ledger, run: Run) -> bool:
    """Whether nothing can follow what is written now."""
    now = ledger.find_run(run.id)
    return now is None or now.ended is not None or not is_alive(now.fact)


def _show(line: LogLine, *, as_json: bool) -> None:
    if as_json:
        print_json_line(_json(line))
        return
    colour = has_colour(sys.stdout)
    at, act = local(line.at), plain(line.act).ljust(_ACT_WIDTH)
    head = f"{paint(at, Style.DIM, colour=colour)}  {paint(act, _style(line), colour=colour)}  "
    indent = len(f"{at}  {act}  ")
    first, *others = _broken(plain(line.sentence), indent)
    print(head + first, *(" " * indent + other for other in others), sep="\n", flush=True)


def _broken(sentence: str, indent: int) -> list[str]:
    """The lines of a sentence that begins behind an indent, where a terminal has the room."""
    room = (columns_of(sys.stdout) or 0) - indent
    return wrap(sentence, room) if room >= LEAST_SENTENCE else [sentence]


def _style(line: LogLine) -> Style | None:
    if line.act == "call":
        return Style.YELLOW if line.code else None
    return Style.RED if line.code else Style.BOLD


def _json(line: LogLine) -> dict[str, Any]:
    """The row as it is recorded, with its time and sentence in front."""
    said = {"at": line.at, "act": line.act, "code": line.code, "sentence": line.sentence}
    row = line.row
    if isinstance(row, AuditRow):
        return {**said, "run": row.run, "fact": row.fact, "id": row.id, "hash": row.hash}
    return {
        **said,
        "run": row.run,
        "hold": row.hold,
        "provider": row.provider,
        "model": row.model,
        "usage": row.usage,
        "micros": row.micros,
        "ending": row.ending,
        "status": row.status,
        "millis": row.millis,
    }
