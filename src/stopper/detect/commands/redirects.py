"""Redirections: what a command reads, and what it writes where."""

from typing import TYPE_CHECKING

from msgspec import Struct

from stopper.detect.commands.scripts import SHELLS
from stopper.detect.commands.source import HereDoc
from stopper.detect.commands.taint import REMOTE, UNKNOWN, is_literal
from stopper.detect.commands.writes import WILD, note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = [
    "Redirect",
    "apply_inputs",
    "apply_outputs",
    "is_here",
    "kept",
    "note_endless",
    "note_wired",
]

_NOWHERE = frozenset({"-", "/dev/null", "/dev/stdout", "/dev/stderr", "/dev/stdin", "/dev/tty"})
_EMPTIES = frozenset({">", ">|", "&>"})
_SOCKETS = ("/dev/tcp/", "/dev/udp/")


class Redirect(Struct, frozen=True):
    """One redirection; `more` holds words after its target, which are arguments."""

    operator: str
    target: str
    heredoc: HereDoc | None
    more: list[str]
    descriptor: str = ""

    @property
    def takes_output(self) -> bool:
        """Whether what the command prints goes there and not on."""
        if self.descriptor not in {"", "1"} or self.operator in {"<", "<<<", "<&", "<>"}:
            return False
        return not (self.operator == ">&" and (self.target.isdigit() or self.target == "-"))


def apply_inputs(shell: "Shell", redirects: list[Redirect], stdin: str) -> str:
    """What the command reads in the end."""
    for redirect in redirects:
        if redirect.operator == "<<<":
            stdin = redirect.target
        elif redirect.operator == "<&":
            stdin = shell.files.get(f"/dev/fd/{redirect.target}", stdin)
        elif redirect.operator in {"<", "<>"}:
            if redirect.target.startswith(_SOCKETS):
                text = _socket(shell, redirect, "", both=redirect.operator == "<>")
                if redirect.descriptor not in {"", "0"}:
                    shell.files[f"/dev/fd/{redirect.descriptor}"] = text
                else:
                    stdin = text
            elif redirect.target not in _NOWHERE:
                stdin = note_read(shell, redirect.target)
    return stdin


def apply_outputs(shell: "Shell", redirects: list[Redirect], output: str, stdin: str) -> None:
    """Note what is written; `output` is what the command prints."""
    for redirect in redirects:
        operator, target = redirect.operator, redirect.target
        if operator in {"<", "<<<", "<&", "<>"} or target in _NOWHERE or not target:
            continue
        if operator == ">&" and target.isdigit():
            continue
        if target.startswith(_SOCKETS):
            _socket(shell, redirect, output or stdin, both=operator in {">&", "&>"})
            continue
        if target.startswith("/dev/fd/"):
            continue
        content = output if redirect.descriptor in {"", "1"} else UNKNOWN
        note_write(shell, target, content, append=operator in {">>", "&>>"})


def _socket(shell: "Shell", redirect: Redirect, output: str, *, both: bool) -> str:
    target = redirect.target
    host = target.removeprefix("/dev/").partition("/")[2].partition("/")[0]
    if is_here(host):
        return UNKNOWN
    if both:
        shell.add(EffectKind.NETWORK, target, Scope.REMOTE, "command.open_socket")
        if redirect.operator != "<>":
            shell.add(EffectKind.REMOTE_CODE, target, Scope.REMOTE, "command.reverse_shell")
    elif output and not is_literal(output):
        shell.add(EffectKind.EXFILTRATE, target, Scope.REMOTE, "command.sends_data")
    else:
        shell.add(EffectKind.NETWORK, target, Scope.REMOTE, "command.open_socket", reversible=True)
    return REMOTE


def note_endless(shell: "Shell", redirects: list[Redirect]) -> None:
    """What never ends fills a disk, or keeps a processor busy for nothing."""
    for redirect in redirects:
        if redirect.takes_output and not redirect.target.startswith("/dev/fd/"):
            shell.add(EffectKind.FORK_BOMB, redirect.target, Scope.ROOT, "command.exhausts")


def kept(shell: "Shell", argv: list[str], found: list[Redirect], output: str) -> str:
    """What a command prints; nothing where the shell empties the file before it is read."""
    read = {*argv[1:], *(one.target for one in found if one.operator == "<")}
    emptied = [one.target for one in found if one.operator in _EMPTIES and one.target in read]
    if not emptied or is_literal(output):
        return output
    for path in emptied:
        if WILD.search(path):
            scope = shell.places.scope(path, shell.cwd)
            scope = Scope.WHOLE_WORKSPACE if scope is Scope.WORKSPACE else scope
            shell.add(EffectKind.OVERWRITE, path, scope, "command.overwrites_many")
    return ""


def note_wired(shell: "Shell", argv: list[str], found: list[Redirect]) -> None:
    """A shell whose input comes from a descriptor that only a variable names."""
    if not argv or argv[0].rpartition("/")[2] not in SHELLS:
        return
    targets = [redirect.target for redirect in found if redirect.operator == "<&"]
    if any(target.strip("-") and not target.strip("-").isdigit() for target in targets):
        shell.add(EffectKind.REMOTE_CODE, argv[0], Scope.REMOTE, "command.reverse_shell")
        shell.add(EffectKind.NETWORK, argv[0], Scope.REMOTE, "command.open_socket")


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    return host.lower().strip("[]") in {
        "localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal",  # noqa: S104
    }  # fmt: skip
