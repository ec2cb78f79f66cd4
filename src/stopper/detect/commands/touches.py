"""What any program does to files that mean something and that its arguments name."""

import re
from collections.abc import Iterator
from fnmatch import filter as filter_names
from itertools import islice
from typing import TYPE_CHECKING

from stopper.data.commands import load_commands
from stopper.detect.commands.paths import (
    is_device,
    is_persistent,
    is_private,
    is_privileged,
    is_startup,
)
from stopper.detect.commands.redirects import is_here
from stopper.detect.commands.taint import REMOTE, SECRET
from stopper.detect.commands.writes import is_system, note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["note_files"]

_WORDS = load_commands().words
_KEEPERS = _WORDS["keepers"]
_LOOKERS = _WORDS["lookers"] | _WORDS["readers"]
_OUTPUTS = _WORDS["outputs"]
_INPUTS = _WORDS["inputs"]
_IN_PLACE = _WORDS["in_place"]
_MAX_ARGUMENTS = 256
_INSTALLERS = _WORDS["installers"]
_SCRIPTS = _WORDS["scripts"]
_BUILDERS = _WORDS["builders"]
_BUILD_FILES = _WORDS["build_files"]
_LOADS = frozenset(
    {"-S", "-I", "-f", "--file", "-l", "--load", "-x", "-i", "-source", "--init-script"}
)
_ASKS = frozenset({"--version", "--help", "-h", "-V", "version", "help"})
_USES = re.compile(
    r"-[ikcKeEF]\Z|--?[\w-]*(?:key|cert|ident|cred|config|conf\b|env|auth|token|pass|secret|pem|ca\b|cacert|profile"
    r"|vault|netrc|cookie|wallet|account|login|store|agent|mount|volume|exclude|ignore|bind|ro-bind|defaults)"
)
"""Options whose value is used as what it is: a key to log in with, settings to start with."""
_GLUED = re.compile(r"(?P<option>-[A-Za-z])(?P<value>[/~].*)", re.DOTALL)
_NAMED = re.compile(r"(?P<option>-{0,2}[\w.-]+)=(?P<value>.+)", re.DOTALL)


def _lines(name: str) -> dict[str, list[list[str]]]:
    """The lines of a table by their program: the words that must all stand in a call."""
    found: dict[str, list[list[str]]] = {}
    for line in sorted(_WORDS[name]):
        program, *parts = line.split(" … ")
        found.setdefault(program, []).append(parts)
    return found


_REVEALS = _lines("reveals")
_FED = _lines("fed")
_WRITES_LAST = _lines("writes_last")
_WRITES_FIRST = _lines("writes_first")
_WRITES_ALL = _lines("writes_all")
_WRITES_BESIDE = _lines("writes_beside")
_WRITERS = frozenset({*_WRITES_LAST, *_WRITES_FIRST, *_WRITES_ALL})
_RUNS = _INSTALLERS | _SCRIPTS | _BUILDERS | frozenset(_FED)
_SENDS = _WORDS["sends"]
_NAMES_SHELL = _WORDS["names_shell"] | _KEEPERS | _LOOKERS
_STARTS_SHELL = _WORDS["starts_shell"]
_SHELL = re.compile(r"(?<![\w.])/(?:usr/)?bin/(?:ba|z|da|k)?sh\b")
_QUIET = frozenset({Scope.WORKSPACE, Scope.WHOLE_WORKSPACE, Scope.TEMP})
_OUTSIDE = frozenset({Scope.HOME, Scope.ROOT, Scope.OUTSIDE})


def note_files(shell: "Shell", call: "Call", *, judged: bool) -> bool:
    """Note which credentials a call reads and which places it writes; True where it reads one.

    Whatever is given the path of a credential reads it, unless the table says that the program
    only looks at it or uses it. `judged` programs say themselves what they write.
    """
    _note_fetched(shell, call)
    if shell.elevated and (call.name in _STARTS_SHELL if judged else call.name not in _NAMES_SHELL):
        _note_shell(shell, call)
    if call.name in _KEEPERS and not _fits(_REVEALS, call):
        return False
    found = False
    near = shell.cwd == shell.places.workspace
    for option, value in islice(_paths(call.args), _MAX_ARGUMENTS):
        if near and "/" not in value:
            continue
        if _reads(shell, option, value):
            found = note_read(shell, value) == SECRET or found
        elif not judged and _writes(shell, option, value):
            note_write(shell, value, adds=True)
    if not judged:
        _note_changed(shell, call)
    _note_written(shell, call)
    if call.name in _SENDS:
        _note_sent(shell, call, found=found)
    return found


def _note_shell(shell: "Shell", call: "Call") -> None:
    """A program with all rights that is told of a shell will start it."""
    if any(map(_SHELL.search, call.args)):
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.root_shell")


def _note_written(shell: "Shell", call: "Call") -> None:
    """Files that the tables say a program writes: the first, the last or all that it is given."""
    if call.name not in _WRITERS:
        return
    operands = [arg for arg in call.args if arg[:1] != "-"]
    if _fits(_WRITES_LAST, call):
        operands = operands[-1:] if len(operands) > 1 else []
    elif _fits(_WRITES_FIRST, call):
        operands = operands[:1]
    elif not _fits(_WRITES_ALL, call) or _fits(_WRITES_BESIDE, call):
        return
    for path in operands[:_MAX_ARGUMENTS]:
        if "/" in path and "://" not in path:
            note_write(shell, path, adds=True)


def _note_sent(shell: "Shell", call: "Call", *, found: bool) -> None:
    """A credential in what a program sends to another machine."""
    secret = found or SECRET in call.stdin or any(SECRET in arg for arg in call.args)
    if secret and not any(map(is_here, call.args)):
        shell.add(EffectKind.EXFILTRATE, call.name, Scope.REMOTE, "command.sends_credential")


def _note_fetched(shell: "Shell", call: "Call") -> None:
    """Note that a program runs, builds or installs what this text fetched."""
    if (REMOTE in call.stdin and _fits(_FED, call)) or _loads(shell, call):
        shell.add(EffectKind.REMOTE_CODE, call.name, Scope.REMOTE, "command.runs_remote_code")
    elif shell.strange and not _ASKS.issuperset(call.args[:1] or ("-",)):
        _note_strange(shell, call)


def _loads(shell: "Shell", call: "Call") -> bool:
    """Whether a program runs what a process substitution fetches."""
    if not shell.files or not any("/dev/fd/" in arg for arg in call.args):
        return False
    runs = call.name in _RUNS
    return any(
        "/dev/fd/" in value and REMOTE in shell.files.get(value, "") and (runs or option in _LOADS)
        for option, value in islice(_paths(call.args), _MAX_ARGUMENTS)
        if call.name not in _KEEPERS or runs
    )


def _note_strange(shell: "Shell", call: "Call") -> None:
    found = [call.path] if "/" in call.path else []
    given = [value for _, value in islice(_paths(call.args), _MAX_ARGUMENTS)]
    if call.name in _INSTALLERS:
        found += given
    elif call.name in _SCRIPTS:
        found += given[:1]
    elif call.name in _BUILDERS:
        loaded = islice(_paths(call.args), _MAX_ARGUMENTS)
        found += [value for option, value in loaded if option in _LOADS]
    if call.name in _BUILDERS:
        folders = [shell.places.resolve(path, shell.cwd) for path in [".", *given]]
        found += filter(shell.is_foreign, folders)
        found += [f"{shell.cwd}/{name}" for name in _BUILD_FILES]
    if any(shell.is_strange(shell.places.resolve(path, shell.cwd)) for path in found):
        shell.add(EffectKind.REMOTE_CODE, call.path, Scope.REMOTE, "command.runs_remote_code")


def _fits(table: dict[str, list[list[str]]], call: "Call") -> bool:
    """Whether a call has all the words of one of its program's lines."""
    return any(
        all(part in call.args or ("*" in part and filter_names(call.args, part)) for part in parts)
        for parts in table.get(call.name, ())
    )


def _paths(args: list[str]) -> Iterator[tuple[str, str]]:
    """Each argument that may be a path, with the option that it belongs to, or an empty one."""
    option = ""
    for arg in args:
        named = (_NAMED.fullmatch(arg) if "=" in arg else None) or _GLUED.fullmatch(arg)
        if named is not None:
            yield named["option"], named["value"].lstrip("@")
            option = ""
        elif arg[:1] == "-" and len(arg) > 1:
            option = arg
        else:
            yield option, arg.lstrip("@")
            option = ""


def _reads(shell: "Shell", option: str, value: str) -> bool:
    if not shell.is_secret(value):
        return False
    if shell.places.scope(value, shell.cwd) in _QUIET:
        return False
    return _USES.match(option) is None or is_private(value)


def _writes(shell: "Shell", option: str, value: str) -> bool:
    return (
        option in _OUTPUTS
        and value.strip("/.") != ""
        and shell.places.scope(value, shell.cwd) in _OUTSIDE
    )


def _note_changed(shell: "Shell", call: "Call") -> None:
    """Places that a call names last, behind what it takes, or that it says to change in place."""
    if call.name in _LOOKERS:
        return
    operands = [arg for arg in call.args if arg[:1] != "-"]
    in_place = call.name not in _INPUTS and not _IN_PLACE.isdisjoint(call.args)
    grave = is_system if in_place else is_device
    for path in operands if in_place else operands[-1:] if len(operands) > 1 else []:
        if "/" not in path:
            continue
        full = shell.places.resolve(path, shell.cwd)
        if is_persistent(full) or is_startup(full) or is_privileged(full) or grave(full):
            note_write(shell, path, adds=True)
