"""A text that is SQL, and no command of a shell, is judged by what its statements do."""

import re
from typing import Final

from stopper.detect.effects import Judgement
from stopper.detect.lazy import lazy
from stopper.detect.sql import MAX_SQL, is_sql, judge_sql

__all__ = ["is_statements", "of_statements"]

_LITERAL: Final = lazy(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_BEGINS: Final = lazy(
    r"(?:explain\s+(?:analyze\s+)?)?(?:select\s.{1,4000}?\bfrom\b|with\s+\w+\s+as\s*\("
    r"|insert\s+(?:ignore\s+)?into\s|update\s+[\w.]+\s+(?:\w+\s+)?set\s|delete\s+from\s|merge\s+into\s"
    r"|create\s+(?:or\s+replace\s+)?(?:unique\s+|temp(?:orary)?\s+|materialized\s+)?"
    r"(?:table|index|view|schema|database|sequence|type)\s"
    r"|(?:alter|drop)\s+(?:materialized\s+)?"
    r"(?:table|index|view|schema|database|sequence|type|column|role|user)\s"
    r"|truncate\s+(?:table\s+)?\w)",
    re.IGNORECASE | re.DOTALL,
)
_SHELLS: Final = ("`", "$(", "${", "<(", ">(", "&&", "| ")


def is_statements(text: str) -> bool:
    """Whether all of it is SQL, each statement one that no program is called as."""
    if len(text) > MAX_SQL or not _BEGINS.match(text.lstrip()):
        return False
    bare = _LITERAL.sub(" x ", text)
    if any(sign in text for sign in _SHELLS):
        return False
    parts = filter(None, map(str.strip, bare.split(";")))
    return all(map(_BEGINS.match, parts)) and is_sql(text)


def of_statements(text: str, judged: Judgement) -> Judgement:
    """What the statements do, and a shell besides, for which what does not parse is no doubt."""
    said = judge_sql(text)
    doubts = [part for part in judged.unprovable if part.reason != "command.parse_error"]
    return Judgement((*judged.effects, *said.effects), (*doubts, *said.unprovable))
