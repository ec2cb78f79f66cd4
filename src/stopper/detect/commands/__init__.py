"""Dangerous commands: `judge_command` says what one would do, `decide` what may become of it."""

from stopper.detect.commands.judge import DIALECTS, judge_command
from stopper.detect.commands.patterns import PATTERNS, patterns
from stopper.detect.effects import (
    Effect,
    EffectKind,
    Judgement,
    Ruling,
    Scope,
    Unprovable,
    decide,
    is_dangerous,
)

__all__ = [
    "DIALECTS",
    "PATTERNS",
    "Effect",
    "EffectKind",
    "Judgement",
    "Ruling",
    "Scope",
    "Unprovable",
    "decide",
    "is_dangerous",
    "judge_command",
    "patterns",
]
