"""`stopper guards`: checks a file of guards, and shows what each of them says about a call."""

import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import msgspec
from msgspec import Struct
from msgspec.structs import fields

from stopper.cli.colour import Style
from stopper.cli.options import examples, json_option
from stopper.cli.say import print_json, say
from stopper.cli.table import Cell, Column, Value, print_table
from stopper.core.verdict import Verdict
from stopper.errors import UsageError
from stopper.guards import ChainResult, GuardChain, create_default_guard_chain
from stopper.guards.load import Loaded, load_guards
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
    Column("counts"),
    Column("code"),
    Column("why", wrap=True),
    Column("us", right=True),
)
_READ: Final = (
    Column("guard", name=True),
    Column("kind"),
    Column("counts"),
    Column("set otherwise", wrap=True),
)
_COUNTS: Final = "yes"
_SHADOW: Final = "no, shadow"
_BEHIND: Final = "no, after the stop"


class Answers(Struct, frozen=True):
    """What a chain says about a call, and what the guards do that it did not get to any more."""

    result: ChainResult
    behind: dict[str, ChainResult]

    @property
    def details(self) -> dict[str, dict[str, Any]]:
        """As those of a result; what was said behind the stop is marked `after_stop`."""
        late = {
            name: {**said, "after_stop": True}
            for one in self.behind.values()
            for name, said in one.details.items()
        }
        return {**self.result.details, **late}

    @property
    def microseconds(self) -> dict[str, float]:
        """For each guard by its name, how long it took."""
        late = {name: one.timings[name] for name, one in self.behind.items()}
        return {**self.result.timings, **late}


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
    """Read FILE, YAML or TOML, and list its guards; a fault names its line and what is allowed.

    A guard that is a shadow is only watched: what it says counts for nothing.
    """
    loaded = _loaded(file, schemas)
    both = ((loaded.guards, False), (loaded.shadows, True))
    found: list[dict[str, Any]] = [
        {
            "guard": name,
            "kind": type(guard).__name__,
            "shadow": is_shadow,
            "fields": _changed(guard),
        }
        for guards, is_shadow in both
        for name, guard in guards
    ]
    if as_json:
        print_json(found)
        return
    rows: list[list[Value]] = [
        [
            one["guard"],
            one["kind"],
            _SHADOW if one["shadow"] else _COUNTS,
            ", ".join(f"{name}: {_short(value)}" for name, value in one["fields"].items()) or None,
        ]
        for one in found
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

    Nothing is called. A shadow counts for nothing, nor does what is said after the stop: those
    guards are asked all the same, about the call as it came. The exit status is 1 where the call
    would be blocked, or wait for a person.
    """
    loaded = _loaded(chain, schemas)
    given = _read_json(args)
    if not isinstance(given, dict):
        raise UsageError(f"{args} is no JSON object: write the arguments by their names")
    returned = () if output is None else (_read_json(output),)
    answers = _answers(loaded, tool, given, returned)
    if as_json:
        print_json(_json(answers))
    else:
        _show(tool, answers)
    if answers.result.blocked:
        raise click.exceptions.Exit(1)


def _answers(loaded: Loaded, tool: str, args: dict[str, Any], returned: tuple[Any, ...]) -> Answers:
    """Ask the chain, and behind a stop every other guard alone."""
    chain = _chain(loaded.guards, loaded.shadows)
    result, behind = _asked(chain, tool, args, returned), {}
    watched = {name for name, _ in loaded.shadows}
    for one in chain:
        name, _ = one
        if name not in result.results:
            alone = _chain([], [one]) if name in watched else _chain([one], [])
            hidden = chain.consumed - alone.consumed
            seen = {own: value for own, value in args.items() if own not in hidden}
            said = _asked(alone, tool, seen, returned)
            if name in said.results:
                behind[name] = said
    return Answers(result, behind)


def _chain(guards: list[tuple[str, Guard]], shadows: list[tuple[str, Guard]]) -> GuardChain:
    chain = GuardChain(guards)
    for shadow in shadows:
        chain.shadow(shadow)
    return chain


def _asked(
    chain: GuardChain, tool: str, args: dict[str, Any], returned: tuple[Any, ...]
) -> ChainResult:
    return chain.check_output(tool, args, *returned) if returned else chain.check_all(tool, args)


def _show(tool: str, answers: Answers) -> None:
    result, took = answers.result, answers.microseconds
    rows: list[list[Value]] = [
        [
            name,
            Cell(said["verdict"], _STYLES[Verdict(said["verdict"])]),
            _counts(said),
            said["code"] or None,
            said["reason"] or None,
            f"{took.get(name, 0):.0f}",
        ]
        for name, said in answers.details.items()
    ]
    print_table(_SAID, rows)
    by = f", by {result.stopped_at}" if result.stopped_at else ""
    say(f"{tool}: {result.final_verdict}{by}.")
    if result.repaired:
        better = (
            result.repaired_args if result.repaired_args is not None else result.repaired_output
        )
        say(f"To be used instead: {msgspec.json.encode(better, enc_hook=repr).decode()}")


def _counts(said: dict[str, Any]) -> str:
    if said.get("shadow"):
        return _SHADOW
    return _BEHIND if said.get("after_stop") else _COUNTS


def _json(answers: Answers) -> dict[str, Any]:
    result = answers.result
    return {
        "verdict": result.final_verdict,
        "stopped_at": result.stopped_at,
        "code": result.code,
        "reason": result.reason,
        "repaired_args": result.repaired_args,
        "repaired_output": result.repaired_output,
        "details": answers.details,
        "microseconds": answers.microseconds,
    }


def _loaded(file: str | None, schemas: str | None) -> Loaded:
    known = _read_json(schemas) if schemas else {}
    if not isinstance(known, dict):
        raise UsageError(f"{schemas} is no JSON object: write each tool's schema by its name")
    if file is None:
        return Loaded([*create_default_guard_chain(get_schema=known.get)], [])
    return load_guards(file, {"get_schema": known.get})


def _changed(guard: Guard) -> dict[str, Any]:
    """The fields of a guard that are not as by default; of what may hold secrets, how many."""
    config = getattr(guard, "config", None)
    if config is None:
        return {}
    usual = type(config)()
    both = (
        (one.name, getattr(config, one.name), getattr(usual, one.name)) for one in fields(config)
    )
    return {
        name: f"{len(value)}, not shown" if name in config.unshown else value
        for name, value, default in both
        if value != default
    }


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
