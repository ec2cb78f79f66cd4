"""Shapes of commands that change files past every check: found by what they do, not by spelling."""

import re
from typing import Final

from msgspec import Struct

from stopper.detect.commands import (
    EffectKind,
    Judgement,
    is_dangerous,
    judge_command,
    patterns,
)

__all__ = ["UnsafePattern", "detect_unsafe_patterns", "would_do", "would_hide"]

_RISKS: Final = {
    "HEREDOC": "Unbounded content injection",
    "SED_INPLACE": "Silent file corruption",
    "DD_COMMAND": "Disk destruction",
    "CHMOD_RECURSIVE": "Security degradation",
    "RM_RECURSIVE": "Data loss",
    "CURL_PIPE_SHELL": "Remote code execution",
    "OVERWRITE": "Silent file corruption",
}


_EDITORS: Final = re.compile(r"\b(?:g?sed|perl)\b")
"""Whether these keep a backup, SED_INPLACE knows."""


class UnsafePattern(Struct, frozen=True):
    """A shape that a command has, and what it puts at risk."""

    name: str
    risk: str


def detect_unsafe_patterns(command: str) -> tuple[UnsafePattern, ...]:
    """Which unsafe shapes a command has, however it is wrapped; text in quotes has none.

    Use `safe_write_file`, `safe_edit_lines` or `apply_patch` instead of these. An edit that keeps
    a backup, as `sed -i.bak` does, is none.
    """
    found = {*patterns(command)}
    for effect in judge_command(command).effects:
        is_edit = _EDITORS.search(command[slice(*effect.span)])
        if effect.kind is EffectKind.OVERWRITE and not effect.reversible and not is_edit:
            found.add("OVERWRITE")
    return tuple(UnsafePattern(name, risk) for name, risk in _RISKS.items() if name in found)


def would_do(script: str) -> tuple[str, ...]:
    """What a script would do that cannot be undone: codes, and what they are about."""
    effects = judge_command(script).effects
    grave = [one for one in effects if is_dangerous(Judgement((one,)))]
    return tuple(dict.fromkeys(f"{one.reason}: {one.target}" for one in grave))


def would_hide(script: str) -> tuple[str, ...]:
    """Warnings about a script: its unsafe shapes, and what nobody can tell about it."""
    shapes = [f"{one.name}: {one.risk}" for one in detect_unsafe_patterns(script)]
    hidden = {part.reason for part in judge_command(script).unprovable}
    return (*shapes, *sorted(hidden))
