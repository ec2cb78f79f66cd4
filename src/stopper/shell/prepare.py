"""Decides what a command will be before anything starts: its judgement, words, limits, folder."""

import os
import re
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, TypedDict, TypeVar

from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.detect.commands import Judgement, is_dangerous
from stopper.detect.redact import Redactor
from stopper.errors import SettingsError, ShellError
from stopper.shell.environment import DEFAULT_ENV_BLOCKLIST, filtered, redactor_for
from stopper.shell.history import HISTORY_PATH
from stopper.shell.judging import grave_parts, judge_in, redacted
from stopper.shell.lines import Limits
from stopper.shell.result import OutputMode, Policy

__all__ = [
    "DEFAULT_OUTPUT_CHARS",
    "DEFAULT_OUTPUT_LINES",
    "DEFAULT_TIMEOUT",
    "MAX_INPUT_BYTES",
    "MAX_TIMEOUT",
    "Ask",
    "Command",
    "Options",
    "prepare",
]

DEFAULT_OUTPUT_LINES: Final = 160
DEFAULT_OUTPUT_CHARS: Final = 50_000
DEFAULT_TIMEOUT: Final = 120
MAX_TIMEOUT: Final = 86_400
MAX_INPUT_BYTES: Final = 64 << 20

_LINES_VARIABLE = "STOPPER_SHELL_MAX_LINES"
_TIMEOUT_VARIABLE = "STOPPER_SHELL_TIMEOUT"
_NAMED = 3
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./@:+,-]+(?:[ \t]+[A-Za-z0-9_./@:+,=-]+)*")
# Words that a shell does by itself, or reads as its own grammar.
_SHELLS_OWN: Final = frozenset({
    *(".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "case", "cd", "command"),
    *("compgen", "complete", "compopt", "continue", "coproc", "declare", "dirs", "disown", "do"),
    *("done", "echo", "elif", "else", "enable", "esac", "eval", "exec", "exit", "export", "fc"),
    *("fg", "fi", "for", "function", "getopts", "hash", "help", "history", "if", "in", "jobs"),
    *("kill", "let", "local", "logout", "mapfile", "popd", "printf", "pushd", "pwd", "read"),
    *("readarray", "readonly", "return", "select", "set", "shift", "shopt", "source", "suspend"),
    *("test", "then", "time", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias"),
    *("unset", "until", "wait", "while"),
})  # fmt: skip

Ask = Callable[[str, Judgement], bool]
"""Shows a redacted command and its judgement to somebody; whether it may run."""


class Options(TypedDict, total=False):
    """How a command is to be run; all may be left out.

    `timeout` is in seconds. `env` is added to what passes of this process's environment.
    `env_blocklist` replaces `DEFAULT_ENV_BLOCKLIST`. `stdin` is a text, bytes, or a descriptor of
    this process; without it the command reads nothing. `history` is a file, or None for no record.
    `ask` decides where `policy` is "ask"; without it nothing dangerous runs. `sandbox` runs it in a
    bottle that has no network and sees `cwd` and the system's programs only.
    """

    cwd: str | os.PathLike[str] | None
    env: Mapping[str, str]
    stdin: str | bytes | int | None
    timeout: float | None
    max_lines: int | None
    max_chars: int
    mode: OutputMode | str
    policy: Policy | str
    ask: Ask | None
    sandbox: bool
    history: str | os.PathLike[str] | None
    env_blocklist: Sequence[str]
    encoding: str


class Command(Struct, frozen=True, kw_only=True):
    """A command that is decided on. `program` and `argv` are for execve; `held` are secrets."""

    text: str
    program: str
    argv: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    held: frozenset[tuple[str, str]]
    stdin: bytes | int
    timeout: float
    limits: Limits
    judgement: Judgement
    refusal: Refusal | None
    warnings: tuple[str, ...]
    sandbox: bool
    history: Path | None
    encoding: str

    @property
    def redactor(self) -> Redactor:
        """What redacts its output and its own text; making the first takes a while."""
        return redactor_for(self.held)


def prepare(
    command: str | Sequence[str], options: Options, host: Mapping[str, str] = os.environ
) -> Command:
    """Judge and decide everything; starts nothing. Raises ShellError or SettingsError."""
    text = command if isinstance(command, str) else shlex.join(command)
    if not text.strip() or "\0" in text:
        raise ShellError("the command is empty or has a NUL in it: write what is to be run")
    folder = os.path.abspath(options.get("cwd") or ".")  # noqa: PTH100  links stay as they are
    if not os.path.isdir(folder):  # noqa: PTH112  it is on the hot path
        raise ShellError(f"{folder} is no folder to run a command in: make it, or name another")
    environment, held = filtered(
        host, options.get("env", {}), options.get("env_blocklist", DEFAULT_ENV_BLOCKLIST)
    )
    judgement = judge_in(text, folder, host.get("HOME") or "/nonexistent")
    refusal, warnings = _decide(text, judgement, options, frozenset(held.items()))
    argv = _argv(text, environment, is_text=isinstance(command, str))
    history = options.get("history", HISTORY_PATH)
    return Command(
        text=text,
        program=argv[0],
        argv=argv[1:],
        folder=folder,
        environment={**environment, "PWD": folder},
        held=frozenset(held.items()),
        stdin=_stdin(options.get("stdin")),
        timeout=_timeout(options, host),
        limits=_limits(options, host),
        judgement=judgement,
        refusal=refusal,
        warnings=warnings,
        sandbox=options.get("sandbox", False),
        history=None if history is None else Path(history),
        encoding=options.get("encoding", "utf-8"),
    )


def _decide(
    text: str, judgement: Judgement, options: Options, held: frozenset[tuple[str, str]]
) -> tuple[Refusal | None, tuple[str, ...]]:
    """A refusal, or the warnings with which it runs."""
    policy = _choice(Policy, options.get("policy", Policy.BLOCK), "policy")
    if not is_dangerous(judgement):
        return None, ()
    redactor = redactor_for(held)
    grave = tuple(redactor.redact(part) for part in grave_parts(judgement))
    if policy is Policy.WARN:
        return None, grave
    detail = "; ".join(grave[:_NAMED])
    if policy is Policy.BLOCK:
        return refuse("shell.dangerous", detail), ()
    ask = options.get("ask")
    if ask and ask(redactor.redact(text), redacted(judgement, redactor)) is True:
        return None, grave
    return refuse("shell.not_approved", detail), ()


def _argv(text: str, environment: Mapping[str, str], *, is_text: bool) -> tuple[str, ...]:
    """The program and its words; a shell only where the text needs one to be understood."""
    if not is_text or _PLAIN.fullmatch(text.strip()):
        words = text.split() if is_text else shlex.split(text)
        if "/" not in words[0] and (not is_text or words[0] not in _SHELLS_OWN):
            program = _found(words[0], environment.get("PATH", os.defpath))
            if program:
                return (program, *words)
    shell = _shell()
    # A shell says best why something does not start, and by which exit code.
    return (shell, Path(shell).name, "-c", text if is_text else f"exec {text}")


def _found(name: str, path: str) -> str:
    """The program that a shell would find, in a folder that does not depend on where one is."""
    for folder in path.split(os.pathsep):
        program = f"{folder}/{name}"
        if folder.startswith("/") and os.access(program, os.X_OK) and os.path.isfile(program):  # noqa: PTH113
            return program
        if not folder.startswith("/"):
            return ""  # what a shell would look through first
    return ""


@lru_cache(maxsize=1)
def _shell() -> str:
    """Commands are judged as bash reads them, so bash runs them where there is one."""
    return shutil.which("bash", path="/bin:/usr/bin:/usr/local/bin") or "/bin/sh"


def _stdin(given: str | bytes | int | None) -> bytes | int:
    if isinstance(given, int):
        return given
    data = given.encode() if isinstance(given, str) else given or b""
    if len(data) > MAX_INPUT_BYTES:
        raise ShellError(f"more than {MAX_INPUT_BYTES} bytes of input: put them in a file")
    return data


def _timeout(options: Options, host: Mapping[str, str]) -> float:
    given = options.get("timeout")
    seconds = given if given is not None else _number(host, _TIMEOUT_VARIABLE, DEFAULT_TIMEOUT)
    if not 0 < seconds <= MAX_TIMEOUT:
        raise ShellError(f"a timeout of {seconds} s: choose more than 0 and up to {MAX_TIMEOUT} s")
    return seconds


def _limits(options: Options, host: Mapping[str, str]) -> Limits:
    given = options.get("max_lines")
    lines = given if given is not None else _number(host, _LINES_VARIABLE, DEFAULT_OUTPUT_LINES)
    chars = options.get("max_chars", DEFAULT_OUTPUT_CHARS)
    if lines < 1 or chars < 1:
        raise ShellError("an output needs room: choose at least one line and one character")
    mode = _choice(OutputMode, options.get("mode", OutputMode.SMART), "mode")
    return Limits(int(lines), chars, mode)


def _number(host: Mapping[str, str], variable: str, default: int) -> int:
    text = host.get(variable, "")
    if text and not (text.isascii() and text.isdigit() and int(text[:9])):
        raise SettingsError(f"{variable}: is no whole number above 0; mend or unset it")
    return int(text[:9]) if text else default


_Choice = TypeVar("_Choice", OutputMode, Policy)


def _choice(kind: type[_Choice], given: _Choice | str, name: str) -> _Choice:
    try:
        return kind(given)
    except ValueError:
        raise ShellError(f"{given!r} is no {name}: choose from {', '.join(kind)}") from None
