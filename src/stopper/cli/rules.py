"""`stopper rules`: which secrets are known, by what, and whether the rules do what they claim."""

from collections.abc import Iterable
from typing import Any, Final

import click

from stopper.cli.options import examples, json_option
from stopper.cli.say import print_json, say, warn
from stopper.cli.severity import severity_cell, sure_by
from stopper.cli.table import Column, Value, print_table
from stopper.control.suggest import did_you_mean
from stopper.data.rules import load_rules
from stopper.detect.rules import read_rules
from stopper.errors import UsageError

__all__ = ["rules"]

_LISTED: Final = (
    Column("rule", name=True),
    Column("secret", wrap=True),
    Column("severity"),
    Column("sure by"),
)
_FACTS: Final = (Column("what"), Column("is", wrap=True))
_FIELDS: Final = (
    *("id", "name", "severity", "tier", "pattern"),
    *("checks", "needs", "hosts", "hits", "misses"),
)
"""What JSON has of a rule, in this order."""

_Row = dict[str, Any]


@click.group()
def rules() -> None:
    """List, test and explain the rules for secrets."""


def _names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return sorted(row["id"] for row in load_rules() if row["id"].startswith(incomplete))


@rules.command(
    "list",
    epilog=examples("stopper rules list", "stopper rules list --json"),
)
@json_option
def list_(*, as_json: bool) -> None:
    """List all rules."""
    rows = load_rules()
    if as_json:
        print_json([_json(row) for row in rows])
        return
    print_table(
        _LISTED,
        [
            (row["id"], row["name"], severity_cell(row["severity"]), sure_by(row["tier"]))
            for row in rows
        ],
    )


@rules.command(epilog=examples("stopper rules test", "stopper rules test github-token"))
@click.argument("names", nargs=-1, metavar="[RULE]...", shell_complete=_names)
@json_option
def test(*, names: tuple[str, ...], as_json: bool) -> None:
    """Try the rules, or these, on texts that they must and must not find.

    Each rule brings its own; secrets in them are made up on the spot. The exit status is 1 where
    one does not do what it claims.
    """
    rows = _chosen(names) if names else load_rules()
    faults = list(_faults(rows))
    hits, misses = (sum(len(row.get(kind, ())) for row in rows) for kind in ("hits", "misses"))
    if as_json:
        print_json({"rules": len(rows), "hits": hits, "misses": misses, "faults": faults})
    elif not faults:
        one, many = "1 rule does what it claims", f"{len(rows)} rules do what they claim"
        say(f"{one if len(rows) == 1 else many}: {hits} texts found, {misses} left alone.")
    else:
        for fault in faults:
            warn(fault)
    if faults:
        raise click.exceptions.Exit(1)


@rules.command(epilog=examples("stopper rules explain github-token"))
@click.argument("rule", shell_complete=_names)
@json_option
def explain(*, rule: str, as_json: bool) -> None:
    """Say what RULE finds, how sure it is, and whose hosts may be sent what it finds."""
    row = _chosen([rule])[0]
    if as_json:
        print_json(_json(row))
        return
    facts: list[tuple[str, Value]] = [
        ("rule", row["id"]),
        ("secret", row["name"]),
        ("severity", severity_cell(row["severity"])),
        ("sure by", sure_by(row["tier"])),
        ("surer by", _joined(row, "checks")),
        ("needs", _joined(row, "needs")),
        ("may go to", _joined(row, "hosts")),
        ("finds", _quoted(row, "hits")),
        ("leaves alone", _quoted(row, "misses")),
        ("pattern", row["pattern"]),
    ]
    print_table(_FACTS, [fact for fact in facts if fact[1] is not None])


def _faults(rows: Iterable[_Row]) -> Iterable[str]:
    """Why rules would not load, each by itself."""
    for row in rows:
        try:
            read_rules([row])
        except ValueError as error:
            yield str(error)


def _chosen(names: Iterable[str]) -> list[_Row]:
    known = {row["id"]: row for row in load_rules()}
    for name in names:
        if name not in known:
            meant = did_you_mean(name, known)
            raise UsageError(f"There is no rule {name!r}.{meant} See `stopper rules list`.")
    return [known[name] for name in names]


def _joined(row: _Row, kind: str) -> str | None:
    return ", ".join(row.get(kind, ())) or None


def _quoted(row: _Row, kind: str) -> str | None:
    """Texts as the rule has them: `{alnum:36}` stands for so many characters of an alphabet."""
    return "  ".join(repr(text) for text in row.get(kind, ())) or None


def _json(row: _Row) -> _Row:
    return {name: row.get(name, []) for name in _FIELDS}
