"""What became of a command."""

from enum import StrEnum

from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.detect.effects import Judgement

__all__ = ["CommandResult", "OutputMode", "Policy", "Truncation"]


class OutputMode(StrEnum):
    """Which part of a long output is kept.

    `smart` keeps a quarter of the lines from the head, the rest from the tail, but for up to a
    quarter from between that look like errors.
    """

    HEAD = "head"
    TAIL = "tail"
    SMART = "smart"


class Policy(StrEnum):
    """What happens to a dangerous command: it is refused, run with a warning, or asked about."""

    BLOCK = "block"
    WARN = "warn"
    ASK = "ask"


class Truncation(StrEnum):
    """What of the output had to be cut: lines, characters, or both."""

    NONE = "none"
    LINES = "lines"
    CHARS = "chars"
    BOTH = "both"


class CommandResult(Struct, frozen=True, kw_only=True):
    """A command's end; nothing in it holds a secret that Stopper knows of.

    `exit_code` is -N where signal N ended it, and None where it did not run; then `refusal` says
    why. `command` is redacted. `stdout_lines` and `stderr_lines` count what was printed, not what
    is kept. `left_running` counts the processes that it left behind, which were killed.
    """

    command: str
    judgement: Judgement
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    stdout_lines: int = 0
    stderr_lines: int = 0
    truncation: Truncation = Truncation.NONE
    redactions: int = 0
    timed_out: bool = False
    left_running: int = 0
    duration_seconds: float = 0.0
    refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether it ran to its own end with exit code 0."""
        return self.exit_code == 0 and not self.timed_out

    @property
    def truncated(self) -> bool:
        """Whether anything of the output is missing."""
        return self.truncation is not Truncation.NONE

    def format(self) -> str:
        """All of it in one text, as an agent may be shown it."""
        parts = [self.stdout.rstrip("\n")] if self.stdout else []
        if self.stderr:
            parts.append(f"[stderr]\n{self.stderr.rstrip(chr(10))}")
        return "\n".join((*parts, *self.remarks()))

    def remarks(self) -> list[str]:
        """What is to be said beside the output, a line each."""
        remarks = [f"[warning: {warning}]" for warning in self.warnings]
        if self.refusal:
            remarks.append(self.refusal.sentence)
        if self.truncated:
            of = f"{self.stdout_lines + self.stderr_lines} lines printed"
            remarks.append(f"[output truncated by {self.truncation}; {of}]")
        if self.redactions:
            remarks.append(f"[{self.redactions} secrets redacted]")
        if self.left_running:
            remarks.append(f"[{self.left_running} processes left in the background were killed]")
        if self.timed_out:
            remarks.append(f"[timed out after {self.duration_seconds:.1f} s]")
        elif self.exit_code:
            remarks.append(f"[exit code {self.exit_code}]")
        return remarks
