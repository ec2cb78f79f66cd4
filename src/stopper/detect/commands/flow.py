"""Programs without a judge of their own: what they read, and what they may print."""

import re
from typing import TYPE_CHECKING

from stopper.data.commands import load_commands
from stopper.detect.commands.options import read_options
from stopper.detect.commands.tables import PROGRAMS
from stopper.detect.commands.taint import SECRET, UNKNOWN, blend
from stopper.detect.commands.variables import is_secret_name
from stopper.detect.commands.writes import note_read
from stopper.detect.effects import Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["INSPECTORS", "asks_environment", "generic", "note_inspected", "read_all"]

_WORDS = load_commands().words
_READERS = _WORDS["readers"]
_HOOKS = _WORDS["hooks"]
_SWALLOWERS = _WORDS["swallowers"]
_SECRET_PRINTERS = _WORDS["secret_printers"]
_PRINTERS = {
    name: [
        (head, tail)
        for head, _, tail in (printer.partition(" … ") for printer in _SECRET_PRINTERS)
        if head.startswith(name) or name.startswith(head)
    ]
    for name in {printer.partition(" ")[0] for printer in _SECRET_PRINTERS}
}
"""By the name of a program, the lines of the table that may fit a call of it."""
_FILTERS = frozenset(
    {"jq", "yq", "gojq", "jaq", "dasel", "tomlq", "xq", "fx", "jello", "jmespath", "jp"}
)
_FILTER_VALUES = frozenset(
    {"--arg", "--argjson", "--indent", "-f", "--from-file", "-p", "-o", "-L"}
)
_BY_NAME = re.compile(r"heroku config:get \w|consul kv get\b")
"""Calls that print what they name, most of which is no credential."""
_NAMES_ONLY = re.compile(
    r"(?:^|\|)\s{0,9}(?:keys(?:_unsorted)?(?:\[\])?|length)(?:\s{0,9}\|\s{0,9}(?:sort|unique|length|\.\[\]))*\s{0,9}$"
)
"""Filters that print the names of what they read, or count it."""
_ENVIRONMENT = re.compile(r"\bEnv\b|passw|secret|token|api_?key", re.IGNORECASE)
_INSPECTS = {
    **dict.fromkeys(("docker", "podman", "nerdctl"), frozenset({"inspect", "config"})),
    **dict.fromkeys(("docker-compose", "podman-compose"), frozenset({"config"})),
    "helm": frozenset({"values", "manifest", "all"}),
    **dict.fromkeys(("terraform", "tofu"), frozenset({"show", "output"})),
}
INSPECTORS = frozenset(_INSPECTS)
"""Programs that print what something was made with, by these verbs."""
_INSPECTED = "inspected:"
"""The key under which a shell keeps that its text printed how containers were made."""
_TOLD = re.compile(r"debug|stderr|error|input|\bas\b")
"""What such a filter may print besides."""
_ADDRESSES = ("URL", "URI", "DSN", "/", "-recurse")
_HELP = frozenset({"help", "--help"})


def note_inspected(shell: "Shell", call: "Call") -> None:
    """Keep that all is printed that something was made with, its environment too."""
    shown = not _INSPECTS[call.name].isdisjoint(call.args[:2])
    if shown and not read_options(call.args).has("-f", "--format"):
        shell.files[_INSPECTED] = ""


def asks_environment(shell: "Shell", sought: str, text: str) -> bool:
    """Whether a filter looks for the environment in what a container was made with."""
    if text != UNKNOWN or _INSPECTED not in shell.files or not _ENVIRONMENT.search(sought):
        return False
    shell.note_secret(sought, Scope.REMOTE, "command.prints_credential")
    return True


def generic(shell: "Shell", call: "Call") -> str:
    """A program that prints something of what it reads; one that prints files reads them."""
    name, args = call.name, call.args
    if name in _HOOKS or "completion" in args or "completions" in args:
        return ""
    if name in _PRINTERS and not _HELP & set(args) and _prints_secret(name, args):
        line = " ".join([name, *args])
        shell.note_secret(line, Scope.REMOTE, "command.prints_credential")
        return SECRET
    if name in _SWALLOWERS:
        return blend(*args)
    if name in _FILTERS:
        # the first operand is a path inside of what is read
        operands = read_options(args, _FILTER_VALUES).operands
        if operands and _NAMES_ONLY.search(operands[0]) and not _TOLD.search(operands[0]):
            return UNKNOWN
        if operands[1:] == [] and asks_environment(shell, "".join(operands), call.stdin):
            return SECRET
        operands = operands[1:]
        return blend(call.stdin, *read_all(shell, operands))
    if name in _READERS:
        return blend(call.stdin, *read_all(shell, args))
    return blend(call.stdin, *args) if call.stdin else blend(*args)


def _prints_secret(name: str, args: list[str]) -> bool:
    """Whether a call fits a line of the table, as written or without its options."""
    program = PROGRAMS.get(name)
    values = program.values if program is not None else frozenset()
    written = " ".join([name, *args])
    operands = read_options(args, values).operands
    if operands[:1] == ["get"] and "," in "".join(operands[1:2]):
        # several kinds at once
        kinds = [kind for kind in operands[1].split(",") if kind.startswith("secret")]
        operands = ["get", *(kinds[:1] or operands[1:2]), *operands[2:]]
    bare = " ".join([name, *operands])
    for head, tail in _PRINTERS[name]:
        if (written.startswith(head) or bare.startswith(head)) and tail in written:
            return not (_BY_NAME.match(bare) and not _named(args))
    return False


def _named(args: list[str]) -> bool:
    """Whether what a call names may be a credential, or an address that holds one."""
    if "-keys" in args:
        return False
    return any(is_secret_name(arg) or arg.endswith(_ADDRESSES) for arg in args[1:])


def read_all(shell: "Shell", args: list[str]) -> list[str]:
    """What the files among some arguments hold."""
    found = []
    for arg in shell.some(args):
        path = arg
        if arg[:1] == "-":
            path = arg.partition("=")[2]
        if path:
            found.append(note_read(shell, path))
    return found
