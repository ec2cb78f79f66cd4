"""The six shapes of unsafe commands that a patch or a script may hold, by name."""

import re
from contextlib import suppress
from typing import Final

from stopper.detect.commands.call import Call, Spent
from stopper.detect.commands.judge import dispatch
from stopper.detect.commands.options import read_options
from stopper.detect.commands.scope import Places
from stopper.detect.commands.shell import Shell
from stopper.detect.commands.source import fold, read_source
from stopper.detect.effects import EffectKind

__all__ = ["PATTERNS", "patterns"]

PATTERNS: Final = (
    "HEREDOC",
    "SED_INPLACE",
    "DD_COMMAND",
    "CHMOD_RECURSIVE",
    "RM_RECURSIVE",
    "CURL_PIPE_SHELL",
)
_IN_PLACE: Final = re.compile(r"-[nErszpwal]*i|--in-place|-I")


def patterns(text: str) -> tuple[str, ...]:
    """Which of `PATTERNS` a command has, in their order, however it is wrapped.

    Text in quotes has none. An in-place edit that keeps a backup (`sed -i.bak`) is none.
    """
    seen: set[str] = set()
    plain, _ = fold(text)

    def note(shell: Shell, call: Call) -> str:
        seen.update(_shapes(call))
        return dispatch(shell, call)

    shell = Shell(Places("/work", "/home/u"), note)
    with suppress(Spent, RecursionError):
        shell.run_text(plain)
    if any(effect.kind is EffectKind.REMOTE_CODE for effect in shell.effects):
        seen.add("CURL_PIPE_SHELL")
    if read_source(plain).heredocs:
        seen.add("HEREDOC")
    return tuple(name for name in PATTERNS if name in seen)


def _shapes(call: Call) -> set[str]:
    name, args = call.name, call.args
    options = read_options(args)
    found = set()
    if name in {"sed", "gsed"} and any(map(_keeps_nothing, options.flags)):
        found.add("SED_INPLACE")
    if name == "perl" and any(re.fullmatch(r"-[pnwl0]*i[pnwle]*", arg) for arg in args):
        found.add("SED_INPLACE")
    if name == "dd" and any(arg.startswith("of=") for arg in args):
        found.add("DD_COMMAND")
    if name in {"chmod", "chown"} and options.has("-R", "--recursive"):
        found.add("CHMOD_RECURSIVE")
    if name == "rm" and options.has("-r", "-R", "--recursive"):
        found.add("RM_RECURSIVE")
    return found


def _keeps_nothing(flag: str) -> bool:
    match = _IN_PLACE.match(flag)
    return match is not None and not flag[match.end() :].strip("nErszpwal")
