"""Options and arguments that several commands share."""

import os
from typing import Any, Final

import click

from stopper.errors import StopperError

__all__ = ["behind_dashes", "bottles", "examples", "json_option", "live_bottles"]

_DASHES: Final = "--"


def behind_dashes(how: str) -> type[click.Command]:
    """A command that takes all words behind the first `--` as they are; `how` is an example.

    Without `--` nobody could tell Stopper's options from the other command's, and a limit that
    went there would limit nothing.
    """

    class BehindDashes(click.Command):
        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            """Parse what stands before `--`; the rest is the command, word by word."""
            if ctx.resilient_parsing:
                return super().parse_args(ctx, args)
            if _DASHES not in args and not {"-h", "--help"}.intersection(args):
                ctx.fail(f"Write the command behind --, as in: {how}")
            place = args.index(_DASHES) if _DASHES in args else len(args)
            super().parse_args(ctx, args[:place])
            if stray := ctx.params["command"]:
                ctx.fail(
                    f"{stray[0]!r} stands before --: write the command behind it, as in: {how}"
                )
            ctx.params["command"] = tuple(args[place + 1 :])
            if not ctx.params["command"]:
                ctx.fail(f"Nothing stands behind --: write the command there, as in: {how}")
            return []

    return BehindDashes


def bottles(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a bottle that is in the ledger."""
    return _names(incomplete, live=False)


def live_bottles(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a bottle that runs."""
    return _names(incomplete, live=True)


def examples(*lines: str) -> str:
    """The end of a help: what one may type; each line stays as it is."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def json_option(command: Any) -> Any:
    """`--json`, for everything that machines may want to read, too."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def _names(incomplete: str, *, live: bool) -> list[str]:
    """Names that begin as what was typed; none where the ledger does not open."""
    from stopper.control import home as opening  # noqa: PLC0415  when Tab is pressed

    try:
        if not (opening.find_home(os.environ) / opening.LEDGER_FILE).exists():
            return []
        with opening.open_for_orders() as home:
            names = {run.bottle for run in home.ledger.runs(live=live)}
    except StopperError:
        return []
    return sorted(name for name in names if name.startswith(incomplete))
