"""Programs that serve a folder to whoever asks for it."""

from typing import TYPE_CHECKING

from stopper.data.commands import load_commands
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["note_served"]

_SERVERS = tuple(line.split(" … ") for line in sorted(load_commands().words["servers"]))
_NAMES = frozenset(program for program, *_ in _SERVERS)
_MOST = 32


def note_served(shell: "Shell", call: "Call") -> None:
    """Note that a program serves all of a machine, or of a home folder."""
    if call.name not in _NAMES or not any(
        program == call.name and all(part in call.args for part in parts)
        for program, *parts in _SERVERS
    ):
        return
    whole = {
        "/",
        shell.places.home,
        "/etc",
        "/root",
        "/home",
        "/Users",
        "/var",
        f"{shell.places.home}/.ssh",
    }
    paths = [arg.partition("=")[2] or arg for arg in call.args[:_MOST]]
    named = [path for path in paths if path[:1] in "/~" or path in {".", ".."}]
    for path in named or ["."]:
        full = shell.places.resolve(path, shell.cwd)
        if full in whole:
            shell.add(EffectKind.EXFILTRATE, path, Scope.REMOTE, "command.serves_files")
            shell.add(EffectKind.NETWORK, path, Scope.REMOTE, "command.listens")
            return
