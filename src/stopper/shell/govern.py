"""Commands of an agent: judged before they run, bounded while they do, redacted after."""

from collections.abc import Sequence
from typing import Final, Unpack

from stopper.shell.drive import drive
from stopper.shell.flow import run
from stopper.shell.prepare import Options, prepare
from stopper.shell.result import CommandResult, OutputMode

__all__ = [
    "run_build",
    "run_governed_command",
    "run_governed_command_async",
    "run_quick",
    "run_with_tail",
]

QUICK: Final = Options(timeout=30, max_lines=50)
BUILD: Final = Options(timeout=300, max_lines=200)
TAIL_LINES: Final = 100


def run_governed_command(command: str | Sequence[str], **options: Unpack[Options]) -> CommandResult:
    """Run a shell text, or a program with its words, and wait for its end.

    A command that fails, is refused or runs out of time is a result. ShellError, SettingsError
    and BottleError say what kept it from being tried. Nothing that it started outlives it.
    """
    return drive(run(prepare(command, options)))


async def run_governed_command_async(
    command: str | Sequence[str], **options: Unpack[Options]
) -> CommandResult:
    """The same in an event loop, which the first command of a process holds for a second or two.

    In that time the rules for secrets are compiled; `run_quick("true")` at the start does it early.
    """
    from stopper.shell.drive_async import drive_async  # noqa: PLC0415  asyncio takes 7 MB

    return await drive_async(run(prepare(command, options)))


def run_quick(command: str | Sequence[str], **options: Unpack[Options]) -> CommandResult:
    """For what answers at once: 30 seconds, 50 lines."""
    return drive(run(prepare(command, {**QUICK, **options})))


def run_build(command: str | Sequence[str], **options: Unpack[Options]) -> CommandResult:
    """For builds and test suites: 300 seconds, 200 lines."""
    return drive(run(prepare(command, {**BUILD, **options})))


def run_with_tail(
    command: str | Sequence[str], lines: int = TAIL_LINES, **options: Unpack[Options]
) -> CommandResult:
    """For logs: the last lines only."""
    tail = Options(max_lines=lines, mode=OutputMode.TAIL)
    return drive(run(prepare(command, {**tail, **options})))
