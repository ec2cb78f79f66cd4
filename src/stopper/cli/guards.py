"""`stopper guards`: checks a file of guards, and shows what each of them says about a call."""

import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import msgspec
from msgspec.structs import fields

from stopper.cli.colour import Style
from stopper.cli.options import examples, json_option
from stopper.cli.say import print_json, say
from stopper.cli.table import Cell, Column, Value, print_table
from stopper.core.verdict import Verdict
from stopper.errors import UsageError
from stopper.guards import ChainResult, GuardChain, create_default_guard_chain
from stopper.guards.models import Guard

__all__ = ["guards"]

MAX_JSON_BYTES: Final = 10_000_000

_STYLES: Final = {
    Verdict.ALLOW: Style.GREEN,
    Verdict.WARN: Style.YELLOW,
    Verdict.REPAIR: Style.YELLOW,
    Verdict.ESCALATE: Style.RED,
    Verdict.BLOCK: Style.RED,
}
_SAID: Final = (
    Column("guard", name=True),
    Column("verdict"),
    Column("code"),
    Column("why", wrap=True),
    Column("us", right=True),
)
_READ: Final = (Column("guard", name=True), Column("kind"), Column("set otherwise", wrap=True))


@click.group()
def guards() -> None:
    """Check a file of guards, and see what they say about a call.

    A file names each guard and its fields, as in Python; `GuardChain.from_file` loads it.
    """


def _schemas(command: Any) -> Any:
    return click.option(
        "--schemas",
        metavar="FILE",
        help="JSON: an object with each tool's JSON Schema by its name.",
    )(command)


@guards.command(
    epilog=examples(
        "stopper guards check guards.yml",
        "stopper guards check guards.toml --schemas tools.json",
    )
)
@click.argument("file")
@_schemas
@json_option
def check(file: str, schemas: str | None, *, as_json: bool) -> None:
    """Read FILE, YAML or TOML, and list its guards; a fault names its line and what is allowed."""
    chain = _chain(file, schemas)
    found = [(name, type(guard).__name__, _changed(guard)) for name, guard in chain]
    if as_json:
        print_json([{"guard": name, "kind": kind, "fields": own} for name, kind, own in found])
        return
    rows: list[list[Value]] = [
        [name, kind, ", ".join(f"{field}: {_short(value)}" for field, value in own.items()) or None]
        for name, kind, own in found
    ]
    print_table(_READ, rows)
    say(f"{file} reads well: {'1 guard' if len(rows) == 1 else f'{len(rows)} guards'}.")


@guards.command(
    epilog=examples(
        "stopper guards explain fetch args.json",
        'echo \'{"url": "http://2130706433/"}\' | stopper guards explain fetch -',
        "stopper guards explain fetch args.json --output reply.json --chain guards.yml",
    )
)
@click.argument("tool")
@click.argument("args", metavar="ARGS.json")
@click.option("--chain", metavar="FILE", help="Ask these guards instead of the default ones.")
@click.option("--output", metavar="FILE", help="JSON: ask about what the call returned.")
@_schemas
@json_option
def explain(
    tool: str,
    args: str,
    chain: str | None,
    output: str | None,
    schemas: str | None,
    *,
    as_json: bool,
) -> None:
    """Say what every guard says about calling TOOL with ARGS.json, `-` for stdin, and why.

    Nothing is called. The exit status is 1 where the call would be blocked, or wait for a person.
    """
    asked = _chain(chain, schemas)
    given = _read_json(args)
    if not isinstance(given, dict):
        raise UsageError(f"{args} is no JSON object: write the arguments by their names")
    if output is None:
        result = asked.check_all(tool, given)
    else:
        result = asked.check_output(tool, given, _read_json(output))
    if as_json:
        print_json(_json(result))
    else:
        _show(tool, result)
    if result.blocked:
        raise click.exceptions.Exit(1)


def _show(tool: str, result: ChainResult) -> None:
    rows = [
        (
            name,
            Cell(said.verdict.value, _STYLES[said.verdict]),
            said.code or None,
            said.reason or None,
            f"{result.timings.get(name, 0):.0f}",
        )
        for name, said in result.results.items()
    ]
    print_table(_SAID, rows)
    by = f", by {result.stopped_at}" if result.stopped_at else ""
    say(f"{tool}: {result.final_verdict}{by}.")
    if result.repaired:
        better = (
            result.repaired_args if result.repaired_args is not None else result.repaired_output
        )
        say(f"To be used instead: {msgspec.json.encode(better, enc_hook=repr).decode()}")


def _json(result: ChainResult) -> dict[str, Any]:
    return {
        "verdict": result.final_verdict,
        "stopped_at": result.stopped_at,
        "code": result.code,
        "reason": result.reason,
        "repaired_args": result.repaired_args,
        "repaired_output": result.repaired_output,
        "details": result.details,
        "microseconds": result.timings,
    }


def _chain(file: str | None, schemas: str | None) -> GuardChain:
    known = _read_json(schemas) if schemas else {}
    if not isinstance(known, dict):
        raise UsageError(f"{schemas} is no JSON object: write each tool's schema by its name")
    if file is None:
        return create_default_guard_chain(get_schema=known.get)
    return GuardChain.from_file(file, get_schema=known.get)


def _changed(guard: Guard) -> dict[str, Any]:
    """The fields of a guard that are not as by default."""
    config = getattr(guard, "config", None)
    if config is None:
        return {}
    usual = type(config)()
    both = (
        (one.name, getattr(config, one.name), getattr(usual, one.name)) for one in fields(config)
    )
    return {name: value for name, value, default in both if value != default}


def _short(value: Any) -> str:
    """A value as a file would have it."""
    plain = msgspec.to_builtins(value)
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def _read_json(place: str) -> Any:
    try:
        data = _read(sys.stdin.buffer) if place == "-" else _read_file(place)
    except OSError as error:
        raise UsageError(f"{place} cannot be read ({error.strerror}): name a JSON file") from None
    if len(data) > MAX_JSON_BYTES:
        raise UsageError(f"{place} is larger than {MAX_JSON_BYTES:,} bytes")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{place} is no JSON: {error}") from None


def _read_file(place: str) -> bytes:
    with Path(place).open("rb") as file:
        return _read(file)


def _read(stream: BinaryIO) -> bytes:
    return stream.read(MAX_JSON_BYTES + 1)
