"""What a shell does itself: folders, variables, aliases and traps."""

import re
from typing import TYPE_CHECKING

from stopper.data.commands import load_commands
from stopper.detect.commands.call import Call
from stopper.detect.commands.options import read_options
from stopper.detect.commands.taint import SECRET, UNKNOWN, is_literal
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_WORDS = load_commands().words
_COMMAND_VARIABLES = _WORDS["command_variables"]
_LOADED_VARIABLES = _WORDS["loaded_variables"]
_GIT_KEY = re.compile(r"GIT_CONFIG_VALUE_\d+\Z")
_DESTROYED = frozenset({"TF_CLI_ARGS", "TF_CLI_ARGS_apply"})
_HOOKED = {
    "NODE_OPTIONS": re.compile(
        r"--(?:require|import|loader|experimental-loader)[ =]"
        r"(?:/tmp/|/var/tmp/|/dev/shm/|https?:|data:)"
    ),
    "TAR_OPTIONS": re.compile(r"exec=|--to-command|--use-compress-program"),
    "MAKEFLAGS": re.compile(r"--eval\b"),
}
"""Variables of options, and those of them that run something."""
_MAX_ALIASES = 64


def _assign(shell: "Shell", call: Call) -> str:
    """A variable for a command or for good; some hold commands, or files that are loaded."""
    if len(call.args) != len(("name", "value")):
        # a program that is called `=`
        return ""
    name, value = call.args
    shell.given = {**shell.given, name: value}
    if name in _COMMAND_VARIABLES or _GIT_KEY.match(name):
        shell.run_code(value.removeprefix("!"), name)
    hooked = _HOOKED.get(name)
    if hooked is not None and hooked.search(value):
        shell.add(EffectKind.PRIVILEGE, name, Scope.ROOT, "command.loads_code")
    if name in _DESTROYED and "-destroy" in value:
        shell.add(EffectKind.INFRASTRUCTURE, name, Scope.REMOTE, "command.destroys_infrastructure")
    if name in _LOADED_VARIABLES and value and not _is_cleared(value):
        content = shell.files.get(shell.places.resolve(value, shell.cwd))
        if name in {"BASH_ENV", "ENV"} and content is not None:
            shell.run_code(content, name)
        shell.add(EffectKind.PRIVILEGE, name, Scope.ROOT, "command.loads_code")
    return ""


def _is_cleared(value: str) -> bool:
    return value in {"0", "1"} or not value.strip()


def _cd(shell: "Shell", call: Call) -> str:
    path = next((arg for arg in call.args if arg[:1] != "-" or arg == "-"), shell.places.home)
    if path == "-":
        path = shell.look_up("OLDPWD") or UNKNOWN
    before = shell.cwd
    full = shell.places.resolve(path, shell.cwd)
    shell.cwd = full if is_literal(full) else _inside(full)
    shell.assign("OLDPWD", before or UNKNOWN)
    return ""


def _inside(full: str) -> str | None:
    """A folder with an unknown name below a known one is somewhere in that one."""
    known = full.partition(UNKNOWN)[0].rpartition("/")[0]
    return f"{known}/…" if known.count("/") > 1 and is_literal(known) else None


def _alias(shell: "Shell", call: Call) -> str:
    for arg in call.args[:_MAX_ALIASES]:
        name, equals, value = arg.partition("=")
        if equals and is_literal(value) and len(shell.aliases) < _MAX_ALIASES:
            words = value.split()
            if words and words[0] == name:
                # `alias ls='ls --color'` would run itself without end
                continue
            shell.aliases = {**shell.aliases, name: value}
    return ""


def _unalias(shell: "Shell", call: Call) -> str:
    shell.aliases = {k: v for k, v in shell.aliases.items() if k not in call.args}
    return ""


def _declare(shell: "Shell", call: Call) -> str:
    for arg in call.args:
        name, equals, value = arg.partition("=")
        if equals and name.isidentifier():
            _assign_named(shell, name, value)
    return ""


def _assign_named(shell: "Shell", name: str, value: str) -> None:
    shell.dispatch(shell, Call("=", [name, value], ""))
    shell.assign(name, value)


def _read(shell: "Shell", call: Call) -> str:
    options = read_options(call.args, frozenset({"-d", "-i", "-n", "-N", "-p", "-t", "-u", "-a"}))
    names = options.operands or ["REPLY"]
    line = call.stdin.split("\n", 1)[0]
    array = options.value("-a")
    if array is not None:
        shell.variables.set_all(array, line.split())
        return ""
    signs = shell.given.get("IFS", "").strip()
    parts = re.split(rf"[{re.escape(signs)}]", line, maxsplit=len(names) - 1) if signs else None
    words = (line.split(None, len(names) - 1) if parts is None else parts) if line else []
    for place, name in enumerate(names):
        if not line:
            shell.assign(name, UNKNOWN)
        else:
            shell.assign(name, words[place] if place < len(words) else "")
    return ""


def _read_lines(shell: "Shell", call: Call) -> str:
    """`mapfile`: each line of the input is one value of an array."""
    options = read_options(call.args, frozenset({"-d", "-n", "-O", "-s", "-u", "-C", "-c"}))
    for code in options.all_values("-C"):
        shell.run_code(code, "mapfile")
    name = (options.operands or ["MAPFILE"])[-1]
    if call.stdin.strip(UNKNOWN):
        lines = call.stdin.rstrip("\n").split("\n")
        shell.variables.set_all(name, shell.some(lines))
    else:
        shell.assign(name, UNKNOWN)
    return ""


def _set(shell: "Shell", call: Call) -> str:
    if not call.args:
        return shell.show_environment() or (SECRET if shell.captured else UNKNOWN)
    if call.args[:1] == ["--"]:
        shell.variables.positional = call.args[1:]
    elif call.args and call.args[0][:1] not in "-+":
        shell.variables.positional = list(call.args)
    return ""


def _shift(shell: "Shell", call: Call) -> str:
    count = int(call.args[0]) if call.args and call.args[0].isdigit() else 1
    if shell.variables.positional is not None:
        shell.variables.positional = shell.variables.positional[count:]
    return ""


def _trap(shell: "Shell", call: Call) -> str:
    args = [arg for arg in call.args if arg != "--"]
    if len(args) > 1 and args[0] not in {"", "-", "-l", "-p"}:
        shell.run_code(args[0], "trap")
    return ""


def _unset(shell: "Shell", call: Call) -> str:
    for arg in call.args:
        shell.variables.unset(arg)
    return ""


def _quiet(_shell: "Shell", _call: Call) -> str:
    return ""


HANDLERS: "dict[str, Handler]" = {
    "=": _assign,
    "cd": _cd,
    "pushd": _cd,
    "chdir": _cd,
    "alias": _alias,
    "unalias": _unalias,
    "export": _declare,
    "declare": _declare,
    "typeset": _declare,
    "local": _declare,
    "readonly": _declare,
    "read": _read,
    "mapfile": _read_lines,
    "readarray": _read_lines,
    "set": _set,
    "shift": _shift,
    "trap": _trap,
    "unset": _unset,
    **dict.fromkeys(("[", "[[", "test", ":", "true", "false", "wait", "jobs"), _quiet),
}
