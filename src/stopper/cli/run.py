"""`stopper run`: an agent in a bottle, and in a few lines what became of it."""

import sys
from typing import Any, Final

import click

from stopper.cli.colour import Style, has_colour, paint
from stopper.cli.options import bottles, json_option
from stopper.cli.say import hint, print_json
from stopper.cli.table import Column, plain, print_table
from stopper.cli.usage import print_usage
from stopper.control.describe import budget_text, describe
from stopper.control.home import Home, open_home
from stopper.control.planned import Planned, RunOptions, plan_run
from stopper.control.reports import report_usage
from stopper.control.run import Result
from stopper.control.run import run as run_planned

__all__ = ["run", "start"]

_WHAT: Final = (Column("what"), Column("value", wrap=True), Column("from"))


@click.command(context_settings={"ignore_unknown_options": False})
@click.option(
    "--name", default="", metavar="NAME", help="Call the bottle this; else it gets a name."
)
@click.option(
    "--agent",
    default="auto",
    show_default=True,
    metavar="KIND",
    help="claude, codex, python or generic; auto goes by the command's name.",
)
@click.option(
    "--budget",
    multiple=True,
    metavar="AMOUNT",
    help="200k, claude=5M/day, '$2.50'; may be repeated, and all of them bind.",
)
@click.option(
    "--policy",
    type=click.Choice(["cutoff", "freeze", "kill"]),
    default=None,
    help="What happens when a budget is used up.",
)
@click.option("--allow", multiple=True, metavar="HOST[:PORT]", help="Let it reach this host, too.")
@click.option(
    "--upstream",
    multiple=True,
    metavar="NAME=URL",
    help="Send a provider's requests there instead; may be on this machine.",
)
@click.option(
    "--workspace",
    default="",
    metavar="FOLDER",
    help="What it may change; the present folder by default.",
)
@click.option("--read", multiple=True, metavar="PATH", help="Show it this path, too.")
@click.option("--write", multiple=True, metavar="PATH", help="Let it change this path, too.")
@click.option("--env", multiple=True, metavar="NAME", help="Pass this variable in.")
@click.option(
    "--parent",
    shell_complete=bottles,
    default="",
    metavar="BOTTLE",
    help="Count its usage towards this bottle's budgets, too.",
)
@click.option(
    "--isolation",
    type=click.Choice(["bottle", "observe"]),
    default="bottle",
    show_default=True,
    help="observe is no sandbox at all, for machines that allow none.",
)
@click.option("--dry-run", is_flag=True, help="Show what the run may do, and run nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing of Stopper's own.")
@json_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
def run(
    *, dry_run: bool, quiet: bool, as_json: bool, command: tuple[str, ...], **wishes: Any
) -> None:
    """Run COMMAND in a bottle: metered, budgeted, cut off.

    The command runs unmodified, in a sandbox whose only way out is Stopper's egress. Its exit
    status is Stopper's own. Real API keys stay outside.

    \b
    Examples:
      stopper run -- claude
      stopper run --budget 200k -- claude -p "fix the tests"
      stopper run --budget '$2.50' --policy freeze -- codex exec "write the docs"
      stopper run --allow pypi.org --env DATABASE_URL -- python agent.py
      stopper run --upstream anthropic=http://127.0.0.1:8080 --dry-run -- claude
    """
    if not command:
        raise click.UsageError("Name the command to run: stopper run -- COMMAND...")
    options = RunOptions(command=command, **{**wishes, "policy": wishes["policy"] or ""})
    with open_home(flags=options.flags) as home:
        planned = plan_run(options, home)
        if dry_run:
            _show(planned, home, as_json=as_json)
            return
        sys.exit(start(planned, home, quiet=quiet, as_json=as_json))


def start(planned: Planned, home: Home, *, quiet: bool, as_json: bool = False) -> int:
    """Run what is planned and report on stderr; gives the agent's exit status."""
    for warning in planned.warnings:
        _say(f"Warning: {warning}", Style.YELLOW)
    if not quiet:
        hint(_opening(planned))
    told = _Told(quiet=quiet)
    result = run_planned(planned, home, told)
    if as_json:
        print_json(_report(planned, result, home))
    elif not quiet:
        _close(planned, result, home, told=told.count > 0)
    return result.exit_code


def _opening(planned: Planned) -> str:
    budgets = ", ".join(map(budget_text, (*planned.budgets, *planned.settings.budget))) or "none"
    return (
        f"stopper: bottle {planned.run.bottle} ({planned.run.agent}), budget {budgets}, "
        f"policy {planned.policy}"
    )


def _close(planned: Planned, result: Result, home: Home, *, told: bool) -> None:
    report = report_usage(home, ("model",), bottle=planned.run.id)
    if report.groups:
        print_usage(report, file=sys.stderr)
    if result.stopped is not None and not told:
        _say(f"stopper: {result.status}: {result.stopped.sentence}", Style.RED)
    if result.status == "frozen":
        hint(f"stopper: go on with `stopper resume {planned.run.bottle}`")
    for path in result.planted:
        _say(f"stopper: look at {path} before you use it: the agent wrote it", Style.YELLOW)


def _report(planned: Planned, result: Result, home: Home) -> dict[str, Any]:
    report = report_usage(home, ("model",), bottle=planned.run.id)
    stopped = result.stopped
    return {
        "run": planned.run.id,
        "bottle": planned.run.bottle,
        "status": result.status,
        "exit_code": result.exit_code,
        "stopped": stopped and {"code": stopped.code, "reason": stopped.sentence},
        "planted": result.planted,
        "tokens": report.total.usage.total,
        "micros": report.total.micros,
    }


def _show(planned: Planned, home: Home, *, as_json: bool) -> None:
    rows = describe(planned, home)
    if as_json:
        print_json([{"what": what, "value": value, "from": origin} for what, value, origin in rows])
    else:
        print_table(_WHAT, rows)


class _Told:
    """Says at once what happens to a run, unless an agent owns the screen; counts what it said."""

    def __init__(self, *, quiet: bool) -> None:
        self.count = 0
        self._quiet = quiet or sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if not self._quiet:
            self.count += 1
            print(plain(f"stopper: {text}"), file=sys.stderr)


def _say(text: str, style: Style) -> None:
    print(paint(plain(text), style, colour=has_colour(sys.stderr)), file=sys.stderr)
