"""`stopper rules`: which secrets are known, by what, and whether the rules do what they claim."""

from collections.abc import Iterable
from typing import Any, Final

import click

from stopper.cli.colour import Style
from stopper.cli.options import examples, json_option
from stopper.cli.say import print_json, say, warn
from stopper.cli.table import Cell, Column, Value, print_table
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
_STYLES: Final = {"critical": Style.RED, "high": Style.RED, "medium": Style.YELLOW}
_SURE: Final = {"checked": "checksum", "prefix": "prefix", "generic": "context"}

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
        [(row["id"], row["name"], _severity(row), _SURE[row["tier"]]) for row in rows],
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
        count = "1 rule does" if len(rows) == 1 else f"{len(rows)} rules do"
        say(f"{count} what they claim: {hits} texts found, {misses} left alone.")
    for fault in faults if not as_json else ():
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
        ("severity", _severity(row)),
        ("sure by", _SURE[row["tier"]]),
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
            raise UsageError(f"There is no rule {name!r}.{did_you_mean(name, known)}")
    return [known[name] for name in names]


def _severity(row: _Row) -> Cell:
    return Cell(row["severity"], _STYLES.get(row["severity"]))


def _joined(row: _Row, kind: str) -> str | None:
    return ", ".join(row.get(kind, ())) or None


def _quoted(row: _Row, kind: str) -> str | None:
    """Texts as the rule has them: `{alnum:36}` stands for so many characters of an alphabet."""
    return "  ".join(repr(text) for text in row.get(kind, ())) or None


def _json(row: _Row) -> _Row:
    return {
        name: row.get(name, [])
        for name in ("id", "name", "severity", "tier", "pattern", "checks", "needs", "hosts")
    } | {name: row.get(name, []) for name in ("hits", "misses")}
