"""`stopper exec`: one command, judged, bounded, redacted and recorded."""

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import click

from stopper.cli.options import behind_dashes, examples, json_option

if TYPE_CHECKING:
    from stopper.detect.commands import Judgement
    from stopper.shell import CommandResult

__all__ = ["exec"]

REFUSED: Final = 126
TIMED_OUT: Final = 124
SIGNALLED: Final = 128

_HOW: Final = "stopper exec -- git status"


@click.command(
    cls=behind_dashes(_HOW),
    epilog=examples(
        "stopper exec -- git status",
        "stopper exec -- 'make test 2>&1 | tee log'",
        "stopper exec --sandbox --timeout 300 -- npm run build",
        "stopper exec --policy warn --json -- terraform plan",
    ),
)
@click.option(
    "--timeout", type=float, metavar="SECONDS", help="Kill it after so long; usually 120."
)
@click.option(
    "--lines", type=int, metavar="N", help="Print so many lines of each stream; usually 160."
)
@click.option(
    "--show",
    type=click.Choice(["smart", "head", "tail"]),
    default="smart",
    show_default=True,
    help="Which lines to print where there are more.",
)
@click.option(
    "--policy",
    type=click.Choice(["block", "warn", "ask"]),
    default="block",
    show_default=True,
    help="What happens to a dangerous command.",
)
@click.option("--sandbox", is_flag=True, help="Run it in a bottle with no network.")
@json_option
@click.argument("command", nargs=-1, metavar="-- COMMAND...")
def exec(  # noqa: A001  it is the command's name
    *,
    timeout: float | None,
    lines: int | None,
    show: str,
    policy: str,
    sandbox: bool,
    as_json: bool,
    command: tuple[str, ...],
) -> None:
    """Judge COMMAND, run it within limits, and print its output without secrets.

    One word is a shell text, several are a program and its words. What is dangerous does not run.
    The exit status is the command's own; 124 means that its time was up, 125 that Stopper could not
    run it, 126 that it was refused, and 128 + N that signal N ended it.
    """
    from stopper.control.engines import open_engine  # noqa: PLC0415  rules take a while to load
    from stopper.control.home import find_home  # noqa: PLC0415
    from stopper.shell import run_governed_command  # noqa: PLC0415
    from stopper.shell.environment import compiled_by  # noqa: PLC0415

    folder = find_home(os.environ)
    compiled_by(lambda: open_engine(folder))
    result = run_governed_command(
        command[0] if len(command) == 1 else command,
        timeout=timeout,
        max_lines=lines,
        mode=show,
        policy=policy,
        ask=_ask,
        sandbox=sandbox,
        stdin=sys.stdin.fileno() if _has_descriptor() else None,
    )
    _show(result, as_json=as_json)
    sys.exit(_status(result))


def _has_descriptor() -> bool:
    try:
        sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


def _ask(text: str, judgement: "Judgement") -> bool:
    """Ask at the terminal itself: stdin is the command's, and an agent's pipe is nobody's word."""
    from stopper.cli.table import plain  # noqa: PLC0415

    try:
        terminal = open("/dev/tty", "r+b", buffering=0)  # noqa: PTH123, SIM115  closed below
    except OSError:
        return False
    with terminal:
        reasons = {effect.reason for effect in judgement.effects}
        reasons |= {part.reason for part in judgement.unprovable}
        terminal.write(f"{plain(text)}\n{', '.join(sorted(reasons))}\nRun it? [y/N] ".encode())
        return terminal.readline(64).strip().lower() in {b"y", b"yes"}


def _show(result: "CommandResult", *, as_json: bool) -> None:
    from stopper.cli.say import hint, print_json_line, warn  # noqa: PLC0415

    if as_json:
        print_json_line(result)
        return
    sys.stdout.write(result.stdout)
    sys.stdout.flush()
    sys.stderr.write(result.stderr)
    for remark in result.remarks():
        (warn if result.refusal or result.warnings else hint)(remark)


def _status(result: "CommandResult") -> int:
    if result.refusal is not None:
        return REFUSED
    if result.timed_out:
        return TIMED_OUT
    code = -signal.SIGKILL if result.exit_code is None else result.exit_code
    return SIGNALLED - code if code < 0 else code
