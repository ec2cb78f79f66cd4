"""The `stopper` command: its subcommands, each loaded when it is used, and how errors are told."""

import errno
import sys
from importlib import import_module
from typing import IO, Any, Final

import click

from stopper import __version__
from stopper.cli import INTERRUPTED
from stopper.cli.colour import Style, has_colour, paint
from stopper.cli.options import examples
from stopper.cli.say import broken
from stopper.cli.table import columns_of
from stopper.control.suggest import did_you_mean
from stopper.errors import SettingsError, StopperError, UsageError

__all__ = ["SECTIONS", "Fault", "stopper"]

SECTIONS: Final = {
    "Run": {
        "run": ("run", "Run an agent in a bottle."),
        "resume": ("resume", "Go on with a bottle that was frozen."),
        "exec": ("exec", "Run one command, judged, bounded and redacted."),
    },
    "Detect": {
        "scan": ("scan", "Look for secrets in files."),
        "redact": ("redact", "Copy stdin to stdout without its secrets."),
        "check-command": ("check", "Say what a command would do, and whether it may."),
        "check-url": ("check", "Say whether a URL may be reached."),
        "rules": ("rules", "List, test and explain the rules for secrets."),
    },
    "Change": {
        "patch": ("patch", "Change a file, checked, backed up and all at once."),
    },
    "Watch": {
        "ps": ("ps", "List the runs that live."),
        "usage": ("usage", "Show what was used and what it cost."),
        "burn": ("burn", "Show how fast each provider's day is being used up."),
        "logs": ("logs", "Show what a bottle did and what was refused to it."),
    },
    "Limit": {
        "budget": ("budget", "Set, list and remove budgets."),
        "approve": ("approve", "Let a request leave that waits for a person."),
        "deny": ("approve", "Refuse a request that waits for a person."),
        "cut": ("orders", "Cut a bottle off: no request leaves it any more."),
        "freeze": ("orders", "Save a bottle's workspace and stop it, to be resumed."),
        "kill": ("orders", "Kill everything in a bottle."),
    },
    "Check": {
        "doctor": ("doctor", "Start a bottle and try to get out of it."),
        "audit": ("audit", "Check the record of what was enforced."),
        "guards": ("guards", "Check a file of guards, and see what they say about a call."),
        "ledger": ("ledger", "Settle requests whose cost is not known."),
        "route": ("route", "Find the model that suits a task, and why."),
        "providers": ("providers", "List the providers that Stopper can meter."),
        "mock-provider": ("mock_provider", "Serve a provider for tests and demos."),
        "completion": ("completion", "Print the completion script of a shell."),
    },
}
"""Every command by its section in the help: the module that has it, and what it does."""

_RUNNERS: Final = frozenset(SECTIONS["Run"])
_ERROR: Final = "Error:"
_COMMANDS: Final = {name: row for commands in SECTIONS.values() for name, row in commands.items()}


class Fault(click.ClickException):
    """What went wrong, as the command line tells it; the exit status is 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message, on stderr by default."""
        stream = sys.stderr if file is None else file
        first, *others = _lines(f"{_ERROR} {self.message}", columns_of(stream))
        word = paint(_ERROR, Style.RED, colour=has_colour(stream))
        print(word + first.removeprefix(_ERROR), *others, sep="\n", file=stream)


class Misuse(Fault):
    """What cannot be done as it was asked for."""

    exit_code = 2


class NotRun(Fault):
    """Stopper could not run what it was to run: the status that env(1), timeout(1) and docker give.

    An agent may end with 1 and 2 as well.
    """

    exit_code = 125


class Commands(click.Group):
    """Knows its commands by name, and imports the module of the one that is used."""

    def list_commands(self, _: click.Context) -> list[str]:
        """All names, as the help orders them."""
        return list(_COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        """The command, from its module."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"stopper.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help, without loading any of them."""
        room = max(map(len, _COMMANDS))
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(room), row[1]) for name, row in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; for an unknown one, name the nearest that is known."""
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"There is no command {name!r}.{did_you_mean(name, _COMMANDS)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is asked for, and turn what it raises into words and a status."""
        try:
            return super().invoke(ctx)
        except (SettingsError, UsageError) as error:
            raise Misuse(str(error)) from error
        except StopperError as error:
            raise _fault_in(ctx)(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            raise _fault_in(ctx)(_of_system(error)) from error
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None


def _lines(text: str, room: int | None) -> list[str]:
    """Advice may have lines of its own; those that are indented are to be copied, so they stay."""
    lines = []
    for line in text.split("\n"):
        lines += broken(line, None if line.startswith(" ") else room)
    return lines


def _fault_in(ctx: click.Context) -> type[Fault]:
    return NotRun if ctx.invoked_subcommand in _RUNNERS else Fault


def _of_system(error: OSError) -> str:
    what = f"{error.filename}: " if error.filename else ""
    return f"{what}{error.strerror or error or type(error).__name__}"


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        'stopper run --budget 200k -- claude -p "fix the tests"',
        "stopper budget set global 5M/day",
        "stopper usage --by model --since 1d",
        "stopper cut amber-fox",
    ),
)
@click.version_option(__version__, prog_name="stopper", message="%(prog)s %(version)s")
def stopper() -> None:
    """Run any AI agent in a bottle: metered, budgeted, cut off."""
