"""Dangerous commands: parsed, unfolded and judged by what they would do."""

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
