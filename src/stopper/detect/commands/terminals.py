"""Terminals that go on without anybody: `tmux` and `screen`, and what they run."""

import re
from typing import TYPE_CHECKING

from stopper.detect.commands.flow import generic
from stopper.detect.commands.options import read_options
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_TMUX_VALUES = frozenset(
    {"-s", "-n", "-t", "-c", "-x", "-y", "-F", "-e", "-l", "-p", "-L", "-S", "-f"}
)
_TMUX_STARTS = frozenset(
    {"new", "new-session", "neww", "new-window", "splitw", "split-window", "respawn-pane",
     "respawn-window", "run", "run-shell", "if", "if-shell", "send", "send-keys", "pipe-pane",
     "popup", "display-popup", "set-hook"}
)  # fmt: skip
_TMUX_KEYS = frozenset({"Enter", "C-m", "ENTER", "KPEnter", "C-c", "Space"})
_SCREEN_VALUES = frozenset({"-S", "-p", "-t", "-c", "-e", "-h", "-s", "-T", "-x", "-r"})
_DROPPED = re.compile(r"\s*(?:/var)?/tmp/|\s*/dev/shm/")


def _tmux(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _TMUX_VALUES)
    operands = options.operands
    if operands and operands[0] in _TMUX_STARTS:
        words = [word for word in operands[1:] if word not in _TMUX_KEYS]
        _run(shell, " ".join(words), call.name)
    return generic(shell, call)


def _screen(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _SCREEN_VALUES, until_operand=True)
    words = options.operands
    if options.has("-X"):
        words = call.args[call.args.index("stuff") + 1 :] if "stuff" in call.args else []
        _run(shell, re.sub(r"\\n|\^M|\s+$", "", " ".join(words)), call.name)
    elif words and not words[0].startswith("/dev/"):
        if _DROPPED.match(words[0]):
            _run(shell, words[0], call.name)
        shell.run_argv(words)
    return generic(shell, call)


def _run(shell: "Shell", code: str, name: str) -> None:
    if _DROPPED.match(code):
        shell.add(EffectKind.PERSISTENCE, code, Scope.TEMP, "command.outlives_session")
    if code:
        shell.run_code(code, name)


HANDLERS: "dict[str, Handler]" = {"tmux": _tmux, "screen": _screen}
