"""The governed shell: run an agent's commands judged, bounded, redacted and recorded."""

from stopper.shell.environment import DEFAULT_ENV_BLOCKLIST
from stopper.shell.govern import (
    run_build,
    run_governed_command,
    run_governed_command_async,
    run_quick,
    run_with_tail,
)
from stopper.shell.prepare import (
    DEFAULT_OUTPUT_CHARS,
    DEFAULT_OUTPUT_LINES,
    DEFAULT_TIMEOUT,
    Ask,
    Options,
)
from stopper.shell.result import CommandResult, OutputMode, Policy, Truncation

__all__ = [
    "DEFAULT_ENV_BLOCKLIST",
    "DEFAULT_OUTPUT_CHARS",
    "DEFAULT_OUTPUT_LINES",
    "DEFAULT_TIMEOUT",
    "Ask",
    "CommandResult",
    "Options",
    "OutputMode",
    "Policy",
    "Truncation",
    "run_build",
    "run_governed_command",
    "run_governed_command_async",
    "run_quick",
    "run_with_tail",
]
