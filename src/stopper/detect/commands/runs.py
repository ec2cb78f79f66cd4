"""Programs that run other programs: wrappers, shells, `xargs`, `find -exec` and their kin."""

import re
from typing import TYPE_CHECKING

from stopper.data.commands import Wrapper
from stopper.detect.commands.call import Call
from stopper.detect.commands.options import read_options
from stopper.detect.commands.tables import verb_end
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, is_literal
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS", "SHELLS", "run_script", "run_words", "unwrap"]

SHELLS = frozenset(
    {"sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "rbash", "mksh", "tcsh", "csh", "yash"}
)
_SHELL_VALUES = frozenset({"-c", "-o", "-O", "+O", "+o", "--rcfile", "--init-file", "-C"})
_ASSIGN = re.compile(r"[A-Za-z_]\w*=")
_XARGS_VALUES = frozenset(
    {"-a", "-d", "-E", "-I", "-i", "-L", "-l", "-n", "-P", "-s", "--arg-file", "--delimiter",
     "--max-args", "--max-procs", "--replace", "--max-lines", "--max-chars", "-J", "-R", "-S"}
)  # fmt: skip
_PARALLEL_VALUES = frozenset(
    {"-j", "--jobs", "-n", "-N", "-I", "-a", "--colsep", "-C", "--delay", "--timeout",
     "--retries", "--joblog", "--results", "-S", "--sshlogin", "-d"}
)  # fmt: skip
_SSH_VALUES = frozenset(f"-{letter}" for letter in "bcDEeFIiJLlmOopQRSWwB")
_REPLACE = "{}"


def unwrap(shell: "Shell", call: Call, rows: tuple[Wrapper, ...]) -> str | None:
    """Run what a wrapper runs; None where it runs nothing."""
    for row in rows:
        start = _verb_start(call.args, row) if row.verb else 0
        if start is None:
            continue
        args = call.args[start:]
        options = read_options(args, row.values, until_operand=True)
        operands = _assigned(shell, options.operands) if row.assigns else options.operands
        split = options.value("-S", "--split-string") if row.assigns else None
        if split is not None:
            return shell.run_code(" ".join([split, *operands]), call.name, call.stdin)
        words = _wrapped(row, args, operands)
        if row.privilege:
            login = not words and options.has("-i", "-s", "--login", "--shell")
            _note_rights(shell, call, words, login=login)
        if words:
            return run_words(shell, words, call.stdin, row.machine)
    return None


def _assigned(shell: "Shell", operands: list[str]) -> list[str]:
    """The operands behind `NAME=value`, which are set as for any command."""
    place = 0
    while place < len(operands) and _ASSIGN.match(operands[place]):
        name, _, value = operands[place].partition("=")
        shell.dispatch(shell, Call("=", [name, value], ""))
        place += 1
    return operands[place:]


def _wrapped(row: Wrapper, args: list[str], operands: list[str]) -> list[str]:
    """The words of the command that is run."""
    words = operands[row.skip :]
    if row.after and row.after in args:
        words = args[args.index(row.after) + 1 :]
    return words[1:] if words[:1] == ["--"] else words


def _note_rights(shell: "Shell", call: Call, words: list[str], *, login: bool) -> None:
    """Rights for one command are noted; a shell with all rights is more."""
    shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.as_root", reversible=True)
    opens = bool(words) and words[0].rpartition("/")[2] in SHELLS | {"su"}
    plain = len(words) == 1 or words[1:] in (["-"], ["-l"], ["-i"], ["root"])
    if login or (opens and plain and not call.stdin):
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.root_shell")


def _verb_start(args: list[str], row: Wrapper) -> int | None:
    """Where the arguments behind a wrapper's verb begin, as a place in `args`."""
    operands = read_options(args, row.values).operands
    end = verb_end(row.verb, operands)
    if end is None:
        return None
    last = row.verb.split()[-1].split("|")
    place = next((n for n, arg in enumerate(args) if arg in last), None)
    return None if place is None else place + 1


def run_words(shell: "Shell", words: list[str], stdin: str, machine: str = "here") -> str:
    """Run a command that is given as words, here, on another machine or in a container."""
    if machine == "here":
        return shell.run_argv(words, stdin)
    return shell.elsewhere(lambda: shell.run_argv(words, stdin), machine)


def run_script(shell: "Shell", content: str, args: list[str]) -> str:
    """Run a file's text as its first line says, or as a shell's."""
    first, _, _ = content.partition("\n")
    if first.startswith("#!") and not any(name in first for name in SHELLS):
        words = first[2:].split()
        name = words[-1].rpartition("/")[2] if words else ""
        return shell.run_argv([name, "-"], content) if name else ""
    kept = shell.variables.positional
    shell.variables.positional = list(args)
    try:
        return shell.run_code(content, "a script")
    finally:
        shell.variables.positional = kept


def _shell(shell: "Shell", call: Call) -> str:
    """`sh`: a text behind `-c`, a file, or what it reads."""
    operands, code = _shell_words(shell, call.args)
    if code:
        text = operands[0] if operands else ""
        kept = shell.variables.positional
        shell.variables.positional = operands[2:]
        try:
            return shell.in_subshell(lambda: shell.run_code(text, f"{call.name} -c", call.stdin))
        finally:
            shell.variables.positional = kept
    if operands and operands[0] != "-":
        return shell.in_subshell(lambda: _file(shell, operands[0], operands[1:]))
    if call.stdin:
        return shell.in_subshell(lambda: shell.run_code(call.stdin, f"what {call.name} reads"))
    return ""


def _shell_words(shell: "Shell", args: list[str]) -> tuple[list[str], bool]:
    """The operands of a shell, and whether the first is code; `-s` makes them arguments."""
    operands: list[str] = []
    code = False
    items = iter(args)
    for arg in items:
        if operands:
            operands += [arg, *items]
        elif arg in {"-o", "+o", "-O", "+O"}:
            next(items, "")
        elif arg in {"--rcfile", "--init-file"}:
            _file(shell, next(items, ""), [])
        elif arg[:1] in "-+" and len(arg) > 1:
            code = code or (arg[1] != "-" and "c" in arg)
            operands = ["-"] if arg[1] != "-" and "s" in arg and not code else []
        else:
            operands.append(arg)
    return operands, code


def _file(shell: "Shell", path: str, args: list[str]) -> str:
    """Run a file in a shell: known where the text wrote it, remote where it fetched it."""
    if path == "/dev/stdin":
        return ""
    full = shell.places.resolve(path, shell.cwd)
    content = shell.files.get(full)
    if REMOTE in path or (content is not None and REMOTE in content):
        shell.add(EffectKind.REMOTE_CODE, path, Scope.REMOTE, "command.runs_remote_code")
        return UNKNOWN
    if content is not None and is_literal(content):
        return run_script(shell, content, args)
    if path.startswith("/dev/fd/"):
        shell.doubt("what a process substitution prints", "command.unknown_code")
    return UNKNOWN


def _source(shell: "Shell", call: Call) -> str:
    if not call.args:
        return ""
    path = call.args[0]
    if path == "/dev/stdin":
        return shell.run_code(call.stdin, "what source reads")
    full = shell.places.resolve(path, shell.cwd)
    if path.startswith("/dev/fd/") and shell.files.get(full) == UNKNOWN:
        return UNKNOWN
    return _file(shell, path, call.args[1:])


def _eval(shell: "Shell", call: Call) -> str:
    return shell.run_code(" ".join(call.args), "eval", call.stdin)


def _xargs(shell: "Shell", call: Call) -> str:
    options = read_options(call.args, _XARGS_VALUES, until_operand=True)
    words = options.operands or ["echo"]
    replace = options.value("-I", "--replace", "-J") or ("{}" if options.has("-i") else None)
    path = options.value("-a", "--arg-file")
    items = (shell.read(path) if path else call.stdin).replace("\x04", "\n")
    if options.has("-0", "--null") or "\n" in items:
        listed = [
            item for item in re.split(r"[\n\t ]" if replace is None else r"\n", items) if item
        ]
    else:
        listed = items.split() if replace is None else [items] if items else []
    listed = shell.some([item.strip("'\"") for item in listed]) or [UNKNOWN]
    if replace is None:
        return shell.run_argv([*words, *listed], "")
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


def _joined(shell: "Shell", call: Call) -> str:
    """`watch` and its kin hand their arguments to a shell as one text."""
    values = frozenset({"-n", "--interval", "-d", "-s"})
    words = read_options(call.args, values, until_operand=True).operands
    return shell.run_code(" ".join(words), call.name) if words else ""


def _coded(shell: "Shell", call: Call) -> str:
    """`su -c`, `script -c`, `flock -c`: a text behind an option."""
    values = frozenset({"-c", "--command", "-s", "--shell", "-u", "-g", "-G", "-w", "-E"})
    options = read_options(call.args, values)
    if call.name in {"su", "runuser"}:
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.as_root", reversible=True)
    code = options.value("-c", "--command")
    if code is not None:
        return shell.run_code(code, f"{call.name} -c", call.stdin)
    if call.name in {"su", "runuser"}:
        user = next((operand for operand in options.operands if operand != "-"), "root")
        if user == "root":
            shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.root_shell")
        if call.stdin:
            shell.run_code(call.stdin, f"what {call.name} reads")
    elif call.name == "flock" and len(options.operands) > 1:
        return shell.run_argv(options.operands[1:], call.stdin)
    return UNKNOWN


def _ssh(shell: "Shell", call: Call) -> str:
    options = read_options(call.args, _SSH_VALUES, until_operand=True)
    for setting in options.all_values("-o"):
        name, _, value = re.sub(r"[ =]+", "=", setting, count=1).partition("=")
        if name.lower() in {"proxycommand", "localcommand", "knownhostscommand"}:
            shell.run_code(value.strip(), "ssh -o")
    words = options.operands[1:]
    shell.add(
        EffectKind.NETWORK,
        (options.operands or ["?"])[0],
        Scope.REMOTE,
        "command.connects",
        reversible=True,
    )
    code = " ".join(words)
    if SECRET in call.stdin or ENCODED in call.stdin:
        if SECRET in call.stdin:
            shell.add(EffectKind.EXFILTRATE, "ssh", Scope.REMOTE, "command.sends_credential")
        return UNKNOWN
    if words:
        return shell.elsewhere(lambda: shell.run_code(code, "ssh", call.stdin), "ssh")
    if call.stdin and is_literal(call.stdin):
        return shell.elsewhere(lambda: shell.run_code(call.stdin, "ssh"), "ssh")
    return UNKNOWN


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
    narrow = any(test in _NARROW for test in tests)
    found = [_found(start, tests, narrow=narrow) for start in shell.some(starts)]
    if "-delete" in tests:
        for path in found:
            shell.run_argv(["rm", "-r", path])
    for place, test in enumerate(tests):
        if test in {"-exec", "-execdir", "-ok", "-okdir"}:
            end = next(
                (n for n in range(place + 1, len(tests)) if tests[n] in {";", "+"}), len(tests)
            )
            words = tests[place + 1 : end]
            for path in found if words else ():
                shell.run_argv([word.replace(_REPLACE, path) for word in words])
        elif test in {"-fprint", "-fprintf", "-fls", "-fprint0"} and place + 1 < len(tests):
            note = tests[place + 1]
            shell.run_argv(["tee", note], UNKNOWN)
    return "\n".join(path + "\n" for path in found)


_NARROW = frozenset(
    {"-name", "-iname", "-path", "-ipath", "-regex", "-wholename", "-empty", "-mtime", "-atime",
     "-ctime", "-mmin", "-amin", "-cmin", "-size", "-newer", "-perm", "-user", "-inum"}
)  # fmt: skip


def _found(start: str, tests: list[str], *, narrow: bool) -> str:
    """What `find` finds below a start: all of it, or some names in it."""
    name = next((tests[n + 1] for n, t in enumerate(tests[:-1]) if t in {"-name", "-iname"}), None)
    base = start.rstrip("/") or "/"
    if base.strip("/.") == "" and base.startswith("/"):
        return "/" if name is None else f"/*/{name}"
    if name is not None and is_literal(name) and name.strip("*.?"):
        return f"{base}/x/{name}"
    if narrow:
        return f"{base}/x"
    return f"{base}/*"


HANDLERS: "dict[str, Handler]" = {
    **dict.fromkeys(SHELLS, _shell),
    "source": _source,
    ".": _source,
    "eval": _eval,
    "xargs": _xargs,
    "gxargs": _xargs,
    "parallel": _parallel,
    "watch": _joined,
    "hyperfine": _joined,
    "entr": _joined,
    "su": _coded,
    "runuser": _coded,
    "script": _coded,
    "flock": _coded,
    "ssh": _ssh,
    "mosh": _ssh,
    "find": _find,
    "gfind": _find,
}
