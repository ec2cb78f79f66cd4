"""A run as its user sees it: what it may do, how it begins, and what became of it."""

import sys
from typing import Any, Final

from stopper.cli.colour import Style
from stopper.cli.say import hint, print_json, print_json_line, tell, warn
from stopper.cli.table import Column, print_table
from stopper.cli.usage import print_usage, usage_json
from stopper.control.budgets import budget_text
from stopper.control.describe import describe
from stopper.control.home import Home
from stopper.control.planned import Planned
from stopper.control.reports import report_usage
from stopper.control.run import Result, run

__all__ = ["show", "start"]

_COLUMNS: Final = (Column("what"), Column("value", wrap=True), Column("from", name=True))


def show(planned: Planned, home: Home, *, as_json: bool) -> None:
    """Print what a run may do."""
    rows = describe(planned, home)
    if as_json:
        print_json([{"what": r.what, "values": r.values, "from": r.origin} for r in rows])
    else:
        print_table(_COLUMNS, [(r.what, r.brief or ", ".join(r.values), r.origin) for r in rows])


def start(planned: Planned, home: Home, *, quiet: bool, as_json: bool) -> int:
    """Run what is planned and report on stderr; gives the agent's exit status."""
    for warning in planned.warnings:
        warn(f"Warning: {warning}")
    if not quiet and not as_json:
        hint(_opening(planned))
    told = _Told(quiet=quiet or as_json)
    result = run(planned, home, told)
    if as_json:
        print_json_line(_report(planned, result, home), sys.stderr)
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
        tell(f"stopper: {result.status}: {result.stopped.sentence}", Style.RED, sys.stderr)
    if result.status == "frozen":
        spent = result.stopped is not None and result.stopped.code.startswith("budget.")
        more = " --budget AMOUNT" if spent else ""
        hint(f"stopper: go on with `stopper resume {planned.run.bottle}{more}`")
    for path in result.planted:
        warn(f"stopper: look at {path} before you use it: the agent wrote it")


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
        "usage": usage_json(report),
    }


class _Told:
    """Says at once what happens to a run, unless an agent owns the screen; counts what it said."""

    def __init__(self, *, quiet: bool) -> None:
        self.count = 0
        self._quiet = quiet or sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if not self._quiet:
            self.count += 1
            tell(f"stopper: {text}", None, sys.stderr)
