"""Programs that run another one on each of many things: `find`, `fd`, `xargs`, `parallel`."""

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from stopper.detect.commands.call import Call
from stopper.detect.commands.options import read_options
from stopper.detect.commands.paths import is_secret_path
from stopper.detect.commands.taint import UNKNOWN, is_literal
from stopper.detect.commands.writes import note_read
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_XARGS_VALUES = frozenset(
    {"-a", "-d", "-E", "-I", "-i", "-L", "-l", "-n", "-P", "-s", "--arg-file", "--delimiter",
     "--max-args", "--max-procs", "--replace", "--max-lines", "--max-chars", "-J", "-R", "-S"}
)  # fmt: skip
_PARALLEL_VALUES = frozenset(
    {"-j", "--jobs", "-n", "-N", "-I", "-a", "--colsep", "-C", "--delay", "--timeout",
     "--retries", "--joblog", "--results", "-S", "--sshlogin", "-d"}
)  # fmt: skip
_SOUGHT = re.compile(
    r"id_[dre][sdc]|passw|credential|secret|\.pem|\.key\b|\.kdbx|wallet|\.ppk", re.IGNORECASE
)
_SETUID = re.compile(
    r"[-/+]?0?[2467][0-7]{3}\Z|[-/+]?[ug,]*[+=]?[ug=,]*s|[-/+]?0?[2367]\Z|[-/+]?o[+=]w"
    r"|[-/+]?0?00[2367]\Z"
)
_REPLACE = "{}"
_PLACE = re.compile(r"\{[/.]{0,2}\}")
_FD_RUNS = frozenset({"-x", "-X", "--exec", "--exec-batch"})
_FD_VALUES = frozenset({"-e", "--extension", "-t", "--type", "-d", "--max-depth", "-E", "--exclude",
                        "--base-directory", "-j", "--threads", "-S", "--size", "-o"})  # fmt: skip
_NARROW = frozenset(
    {"-name", "-iname", "-path", "-ipath", "-regex", "-wholename", "-empty", "-mtime", "-atime",
     "-ctime", "-mmin", "-amin", "-cmin", "-size", "-newer", "-perm", "-user", "-inum"}
)  # fmt: skip
_NUMBERED = 4
"""Of a long row of numbers, how many are judged at either end."""


def _xargs(shell: "Shell", call: Call) -> str:
    options = read_options(call.args, _XARGS_VALUES, until_operand=True)
    words = options.operands or ["echo"]
    replace = options.value("-I", "--replace", "-J") or ("{}" if options.has("-i") else None)
    path = options.value("-a", "--arg-file")
    items = (note_read(shell, path) if path else call.stdin).replace("\x04", "\n")
    if options.has("-0", "--null") or "\n" in items:
        listed = [
            item for item in re.split(r"[\n\t ]" if replace is None else r"\n", items) if item
        ]
    else:
        listed = items.split() if replace is None else [items] if items else []
    if path == "/dev/null":
        return shell.run_argv(words, "")
    listed = shell.some([item.strip("'\"") for item in listed]) or [UNKNOWN]
    if replace is None:
        return shell.run_argv([*words, *listed], "")
    if len(listed) > 2 * _NUMBERED and all(item.isdigit() for item in listed):
        # numbers are all alike
        listed = [*listed[:_NUMBERED], *listed[-_NUMBERED:]]
    outputs = [
        shell.run_argv([word.replace(replace, item) for word in words], "") for item in listed
    ]
    return "".join(outputs)


def _parallel(shell: "Shell", call: Call) -> str:
    options = read_options(call.args, _PARALLEL_VALUES, until_operand=True)
    words = options.operands
    items: list[str] = []
    for sign in (":::", "::::"):
        if sign in words:
            place = words.index(sign)
            items = words[place + 1 :] if sign == ":::" else [UNKNOWN]
            words = words[:place]
            break
    else:
        items = [line for line in call.stdin.split("\n") if line] or [UNKNOWN]
    outputs = []
    for item in shell.some(items):
        code = " ".join(words)
        line = code.replace(_REPLACE, item) if _REPLACE in code else f"{code} {item}".strip()
        outputs.append(shell.run_code(line, "parallel"))
    return "".join(outputs)


def _find(shell: "Shell", call: Call) -> str:
    """`find`: deletes, and runs programs on what it finds."""
    args = call.args
    starts: list[str] = []
    place = 0
    while place < len(args) and (args[place][:1] not in "-(!" or args[place] in {"-L", "-H", "-P"}):
        if args[place] not in {"-L", "-H", "-P"}:
            starts.append(args[place])
        place += 1
    starts = starts or ["."]
    tests = args[place:]
    narrow = any(test in _NARROW and not _is_undone(tests, n) for n, test in enumerate(tests))
    found = [_found(start, tests, narrow=narrow) for start in shell.some(starts)]
    _note_search(shell, starts, tests)
    printed = ""
    if "-delete" in tests:
        for path in found:
            shell.run_argv(["rm", "-r", path])
    for place, test in enumerate(tests):
        if test in {"-exec", "-execdir", "-ok", "-okdir"}:
            end = next(
                (n for n in range(place + 1, len(tests)) if tests[n] in {";", "+"}), len(tests)
            )
            words = tests[place + 1 : end]
            outputs = [
                shell.run_argv([word.replace(_REPLACE, path) for word in words])
                for path in (found if words else ())
            ]
            if words[:1] == ["cat"]:
                printed = "".join(outputs)
        elif test in {"-fprint", "-fprintf", "-fls", "-fprint0"} and place + 1 < len(tests):
            note = tests[place + 1]
            shell.run_argv(["tee", note], UNKNOWN)
    return printed or "\n".join(path + "\n" for path in found)


def _note_search(shell: "Shell", starts: list[str], tests: list[str]) -> None:
    """Credentials, or programs with their owner's rights, sought in all that there is."""
    scopes = {Scope.ROOT, Scope.HOME}
    wide = [s for s in starts if shell.places.scope(s, shell.cwd) in scopes and s.count("/") <= 1]
    if not wide:
        return
    for test, value in pairwise(tests):
        if test in {"-name", "-iname", "-path", "-ipath", "-wholename"} and (
            is_secret_path("/home/u/.ssh/" + value if value.startswith("id_") else "/" + value)
            or _SOUGHT.search(value)
        ):
            shell.note_secret(value, Scope.ROOT, "command.seeks_credentials")
        elif test == "-perm" and _SETUID.match(value) and not shell.elevated:
            # whoever has all rights seeks none
            shell.add(EffectKind.PRIVILEGE, value, Scope.ROOT, "command.seeks_rights")


def _fd(shell: "Shell", call: Call) -> str:
    """`fd`: runs a program on what it finds, below the folders behind its pattern."""
    sign = next((arg for arg in call.args if arg in _FD_RUNS), None)
    place = len(call.args) if sign is None else call.args.index(sign)
    options = read_options(call.args[:place], _FD_VALUES)
    pattern, starts = "".join(options.operands[:1]), options.operands[1:] or ["."]
    pattern = pattern.replace("\\.", ".").strip("^$")
    if pattern == "env" and options.has("-H", "--hidden", "-u"):
        pattern = ".env"
    kinds = options.all_values("-e", "--extension")
    pattern = f"*.{kinds[0]}" if kinds and not pattern.strip(".*") else pattern
    broad = not pattern.strip(".*^$") and not options.has("-e", "--extension", "-g", "--glob")
    found = [f"{start.rstrip('/')}/*" if broad else f"{start}/x/{pattern}" for start in starts]
    words = call.args[place + 1 :]
    for path in shell.some(found) if words else ():
        filled = [_PLACE.sub(path.replace("\\", r"\\"), word) for word in words]
        shell.run_argv(filled if filled != words else [*words, path])
    return "\n".join(path + "\n" for path in found)


def _found(start: str, tests: list[str], *, narrow: bool) -> str:
    """What `find` finds below a start: all of it, or some names in it."""
    names = (n for n, test in enumerate(tests[:-1]) if test in {"-name", "-iname"})
    name = next((tests[n + 1] for n in names if not _is_undone(tests, n)), None)
    base = start.rstrip("/") or "/"
    if base.strip("/.") == "" and base.startswith("/") and not (name or "").startswith("id_"):
        return "/" if name is None else f"/*/{name}"
    if name is not None and is_literal(name) and name.strip("*.?"):
        if name.startswith("id_"):
            return f"{base.rstrip('/')}/.ssh/{name}"
        # a credential keeps its name where a wildcard would hide it
        return f"{base}/{name.lstrip('*')}" if _names_secret(name) else f"{base}/x/{name}"
    if narrow:
        return f"{base}/x"
    return f"{base}/*"


def _is_undone(tests: list[str], place: int) -> bool:
    """Whether a test finds all but what it says."""
    return place > 0 and tests[place - 1] in {"!", "-not"}


def _names_secret(name: str) -> bool:
    """Whether a pattern of a name says that it is for credentials: `*.env*`, `*.pem`."""
    return name[:1] == "*" and is_secret_path(name.lstrip("*"))


HANDLERS: "dict[str, Handler]" = {
    "xargs": _xargs,
    "gxargs": _xargs,
    "parallel": _parallel,
    "fd": _fd,
    "fdfind": _fd,
    "find": _find,
    "gfind": _find,
}
