"""PowerShell and cmd: programs that run what they are given, and what that is."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.winshell import Stage
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["hosted"]

_HOST_OPTION: Final = lazy(r"[-/](\w+)$")
_BARE_OPTIONS: Final = frozenset(
    {"noprofile", "nop", "noninteractive", "noni", "nologo", "sta", "mta", "noexit", "login", "l"}
)


def hosted(shell: "Shell", stage: Stage, depth: int) -> str:
    """What a program runs that runs another: its text, or nothing where it runs none."""
    name, words = stage.name, stage.words
    if name in {"powershell", "pwsh", "powershell_ise"}:
        return _powershell(shell, words[1:])
    if name == "cmd":
        found = next(
            (n for n, word in enumerate(words) if re.match(r"/[ckr]", word, re.IGNORECASE)), None
        )
        if found is None:
            return ""
        return " ".join([words[found][2:], *words[found + 1 :]]).strip()
    if name in {"start", "call"}:
        return " ".join(word for word in words[1:] if not re.fullmatch(r"/\w+|", word))
    if name in {"start-process", "saps"}:
        return _started(words[1:])
    if name in {"wsl", "bash"} and depth:
        return _linux(shell, words[1:])
    if name == "wsl":
        return _linux(shell, words[1:])
    if name in {"iex", "invoke-expression"}:
        source = stage.source.words if stage.source is not None else []
        return " ".join(words[1:] or (source if " " in "".join(source[:1]) else []))
    if name in {"runas", "pcalua", "forfiles", "conhost"}:
        code = next((w for w in words[1:] if " " in w or w.lower().endswith(".exe")), "")
        return code if name != "forfiles" else ""
    return ""


def _powershell(shell: "Shell", words: list[str]) -> str:
    """The code behind PowerShell's options; a file on a share or from the network is noted."""
    items = iter(enumerate(words))
    for place, word in items:
        option = _HOST_OPTION.match(word)
        if option is None:
            code = " ".join(words[place:])
            if place and code.startswith("\\\\"):
                break
            return code.strip("{}& ")
        letters = option[1].lower()
        if letters in _BARE_OPTIONS:
            continue
        if "command".startswith(letters):
            return " ".join(words[place + 1 :]).strip().strip("{}& ")
        if "file".startswith(letters):
            path = "".join(words[place + 1 : place + 2])
            if path.startswith("\\\\") or "://" in path:
                shell.add(EffectKind.REMOTE_CODE, path, Scope.REMOTE, "command.runs_remote_code")
            return ""
        next(items, None)
    return ""


def _started(words: list[str]) -> str:
    """What `Start-Process` starts, with its arguments."""
    program, rest = "", []
    items = iter(words)
    for word in items:
        lower = word.lower()
        if lower.startswith("-f"):
            program = next(items, "")
        elif lower.startswith(("-a", "-ar")):
            rest = [part.lstrip("@(").rstrip(")") for part in items]
        elif lower in {"-verb", "-windowstyle", "-workingdirectory", "-credential"}:
            next(items, "")
        elif not lower.startswith("-"):
            program = program or word
    words = [program, *(part for word in rest for part in word.split(",") if part)]
    return " ".join(words) if rest else ""


def _linux(shell: "Shell", words: list[str]) -> str:
    """What a Linux on Windows runs, as its own shell reads it."""
    while words and re.match(r"-+(?:e|exec|d|distribution|u|user|-?~|-)$", words[0]):
        words = words[1:] if words[0] in {"-e", "--exec", "--", "-~"} else words[2:]
    if words[:1] and words[0] in {"--shutdown", "--terminate", "--unregister", "-l", "--list"}:
        return ""
    if words:
        shell.run_argv(words)
    return ""
