"""One command from its start to its result, as a generator: it says what it waits for.

Whoever drives it waits, in a thread or in an event loop, and sends in which descriptors are ready.
Closing it in the middle kills the command and all that it has started.
"""

import contextlib
import os
import time
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from stopper.errors import ShellError
from stopper.shell.environment import detector, give_back_memory
from stopper.shell.history import MAX_COMMAND, Entry, append
from stopper.shell.judging import redacted
from stopper.shell.output import Kept, Output
from stopper.shell.prepare import Command
from stopper.shell.result import CommandResult, Truncation
from stopper.shell.spawn import Answer, Start, Warden, release, take

__all__ = ["GRACE_SECONDS", "LINGER_SECONDS", "Flow", "Wait", "run"]

GRACE_SECONDS: Final = 0.5
"""Between asking a command to end, because its time is up, and killing it."""

LINGER_SECONDS: Final = 2.0
"""For what still writes when the command itself has ended; then it is killed."""

KILLING_SECONDS: Final = 10.0
MAX_READ: Final = 1 << 16
MAX_READS: Final = 16
"""So many reads of one stream before the other gets its turn."""


class Wait(Struct, frozen=True):
    """Wake me when one of these can be read, or after so many seconds."""

    descriptors: tuple[int, ...]
    seconds: float


Flow = Generator[Wait, None, CommandResult]


def run(command: Command) -> Flow:
    """Run what was prepared, or refuse it, and record it."""
    if command.refusal is not None:
        result = CommandResult(
            command=command.redactor.redact(command.text),
            judgement=redacted(command.judgement, command.redactor),
            refusal=command.refusal,
        )
        return _recorded(command, result)
    with contextlib.closing(_Running(command)) as running:
        yield from running.to_its_end()
        return _recorded(command, running.result())


class _Running:
    """A command that has started, and what is known of it so far."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._began = time.monotonic()
        self._deadline = self._began + command.timeout
        self._seconds_used = 0.0
        self._status: int | None = None
        self._left = 0
        self._is_clean = self._is_killing = self._is_done = self._timed_out = False
        self._outputs = [
            Output(command.limits, detector, lambda: command.redactor, command.encoding)
            for _ in range(2)
        ]
        self._pipes: dict[int, Output] = {}
        self._kept = contextlib.ExitStack()
        self._warden: Warden | None = take()
        try:
            self._start(self._warden)
            # Now, because it takes a while, and meanwhile the command runs.
            self._text = command.redactor.redact(command.text)
        except BaseException:
            self.close()
            raise

    def to_its_end(self) -> Generator[Wait, None, None]:
        """Read, watch the clock, and return when nothing of the command is left."""
        warden = self._warden
        assert warden is not None  # noqa: S101  it is given away below
        while not self._is_done:
            yield Wait((warden.fileno(), *self._pipes), self._deadline - time.monotonic())
            for pipe in [*self._pipes]:
                self._read(pipe)
            for answer in warden.answers():
                self._note(answer)
            self._watch(warden)
        for pipe in [*self._pipes]:  # what the dead had written
            self._read(pipe)
        self._seconds_used = time.monotonic() - self._began
        release(warden)
        self._warden = None

    def result(self) -> CommandResult:
        """All of it, redacted and truncated."""
        command = self._command
        out, err = (output.finish() for output in self._outputs)
        if any(output.is_large for output in self._outputs):
            give_back_memory()
        return CommandResult(
            command=self._text,
            judgement=redacted(command.judgement, command.redactor),
            exit_code=None if self._status is None else os.waitstatus_to_exitcode(self._status),
            stdout=out.text,
            stderr=err.text,
            stdout_lines=out.lines,
            stderr_lines=err.lines,
            truncation=_both(out, err),
            redactions=out.redactions + err.redactions,
            timed_out=self._timed_out,
            left_running=self._left,
            duration_seconds=self._seconds_used,
            warnings=command.warnings,
        )

    def close(self) -> None:
        """Close what is open; a command that has not ended is killed."""
        for pipe in self._pipes:
            os.close(pipe)
        self._pipes = {}
        self._kept.close()
        if self._warden is not None:
            self._warden.close()
            self._warden = None

    def _start(self, warden: Warden) -> None:
        command = self._command
        with contextlib.ExitStack() as stack:
            descriptors = {0: _stdin(command.stdin, stack)}
            for number, output in enumerate(self._outputs, 1):
                ours, theirs = os.pipe2(os.O_CLOEXEC)
                stack.callback(os.close, theirs)
                self._pipes[ours] = output
                os.set_blocking(ours, False)
                descriptors[number] = theirs
            start = Start(
                command.program, command.argv, command.folder, command.environment, descriptors
            )
            if command.sandbox:
                from stopper.shell.sandbox import sandboxed  # noqa: PLC0415  few need a bottle

                start = sandboxed(start, stack, self._kept)
            warden.start(start)

    def _read(self, pipe: int) -> None:
        for _ in range(MAX_READS):
            try:
                data = os.read(pipe, MAX_READ)
            except BlockingIOError:
                return
            if not data:
                os.close(pipe)
                del self._pipes[pipe]
                return
            self._pipes[pipe].feed(data)

    def _note(self, answer: Answer) -> None:
        match answer.kind:
            case "e":
                name, why = self._command.argv[0], os.strerror(answer.number)
                raise ShellError(f"{name} does not start: {why}")
            case "x" | "o":
                self._status = answer.number
                self._is_clean = answer.kind == "o"
                self._deadline = time.monotonic() + LINGER_SECONDS
            case "d":
                self._left = answer.number
                self._is_done = True

    def _watch(self, warden: Warden) -> None:
        is_late = time.monotonic() >= self._deadline
        if self._is_done:
            return
        if self._is_killing:
            if is_late:
                raise ShellError("the command cannot be killed: is it another user's by now?")
        elif self._status is not None:
            if is_late or self._timed_out or not self._pipes:
                if self._is_clean:
                    self._is_done = True
                else:
                    self._kill(warden)
        elif is_late and self._timed_out:
            self._kill(warden)
        elif is_late:
            self._timed_out = True
            self._deadline = time.monotonic() + GRACE_SECONDS
            warden.terminate()

    def _kill(self, warden: Warden) -> None:
        self._is_killing = True
        self._deadline = time.monotonic() + KILLING_SECONDS
        warden.kill()


def _stdin(given: bytes | int, stack: contextlib.ExitStack) -> int:
    """A descriptor to read from; a file in memory needs nobody who writes it."""
    if isinstance(given, int):
        return given
    if not given:
        fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, fd)
        return fd
    file = stack.enter_context(os.fdopen(os.memfd_create("stdin"), "w+b"))
    file.write(given)
    file.seek(0)
    return file.fileno()


def _both(out: Kept, err: Kept) -> Truncation:
    kinds = {out.truncation, err.truncation} - {Truncation.NONE}
    if not kinds:
        return Truncation.NONE
    return kinds.pop() if len(kinds) == 1 else Truncation.BOTH


def _recorded(command: Command, result: CommandResult) -> CommandResult:
    """The result, with a warning where the history does not take it."""
    if command.history is None:
        return result
    entry = Entry(
        timestamp=datetime.now(UTC),
        command=result.command[:MAX_COMMAND],
        cwd=command.folder,
        exit_code=result.exit_code,
        duration_ms=round(result.duration_seconds * 1000),
        timed_out=result.timed_out,
        truncated=result.truncated,
        redactions=result.redactions,
        refusal=result.refusal.code if result.refusal else "",
        sandbox=command.sandbox,
    )
    try:
        append(command.history, entry)
    except OSError as fault:
        said = f"not recorded in {command.history}: {fault.strerror or fault}"
        return replace(result, warnings=(*result.warnings, said))
    return result
