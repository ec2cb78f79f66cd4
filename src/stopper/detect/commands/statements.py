"""A text that is SQL, and no command of a shell, is judged by what its statements do."""

import re
from typing import Final

from stopper.detect.effects import Judgement, Unprovable
from stopper.detect.lazy import lazy
from stopper.detect.sql import MAX_SQL, is_sql, judge_sql

__all__ = ["is_statements", "of_statements"]

_UNREAD: Final = lazy(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_FIRST: Final = lazy(
    r"\s*(?:--|/\*|(?:select|with|insert|update|delete|merge|create|alter|drop|truncate|explain"
    r"|begin|start|set|savepoint)\b)",
    re.IGNORECASE,
)
_EXPLAINS: Final = lazy(r"explain\s+(?:\([\w\s,]*\)\s*|analyze\s+|verbose\s+)*", re.IGNORECASE)
_BEGINS: Final = lazy(
    r"(?:select\s.{1,4000}?\bfrom\b|select\s+[\w.]+\(|with\s+\w+\s+as\s*\("
    r"|insert\s+(?:ignore\s+)?into\s|update\s+[\w.]+\s+(?:\w+\s+)?set\s|delete\s+from\s|merge\s+into\s"
    r"|create\s+(?:or\s+replace\s+)?(?:unique\s+|temp(?:orary)?\s+|materialized\s+)?"
    r"(?:table|index|view|schema|database|sequence|type)\s"
    r"|(?:alter|drop)\s+(?:materialized\s+)?"
    r"(?:table|index|view|schema|database|sequence|type|column|role|user)\s"
    r"|truncate\s+(?:table\s+)?\w)",
    re.IGNORECASE | re.DOTALL,
)
_AROUND: Final = lazy(
    r"(?:begin|start\s+transaction|commit|rollback|end)(?:\s+(?:work|transaction))?"
    r"|(?:release\s+)?savepoint\s+\w+|set\s+(?:local\s+)?\w+\s*(?:=|to)\s*\w+",
    re.IGNORECASE,
)
# The parenthesis of a call: in one line with a name before it no shell takes it.
_CALLS: Final = lazy(r"\w[ \t]*\([ \t]*\Z")
_SHELLS: Final = ("`", "$(", "${", "<(", ">(", "&&", "| ")


def is_statements(text: str) -> bool:
    """Whether all of it is SQL, each statement one that no program is called as."""
    if len(text) > MAX_SQL or not _FIRST.match(text) or any(sign in text for sign in _SHELLS):
        return False
    bare = _UNREAD.sub(_shortened, text)
    parts = list(filter(None, map(str.strip, bare.split(";"))))
    done = [_EXPLAINS.sub("", part, count=1) for part in parts if not _AROUND.fullmatch(part)]
    return bool(done) and all(map(_BEGINS.match, done)) and is_sql(";".join(done))


def _shortened(unread: re.Match[str]) -> str:
    """A literal without what it says, and no comment."""
    quote = unread[0][0]
    return f"{quote}x{quote}" if quote in "'\"" else " "


def of_statements(text: str, judged: Judgement) -> Judgement:
    """What the statements do, and a shell besides.

    For it what does not parse is no doubt, nor is the star of `count(*)` a program.
    """
    said = judge_sql(text)
    doubts = [part for part in judged.unprovable if not _is_of_sql(text, part)]
    return Judgement((*judged.effects, *said.effects), (*doubts, *said.unprovable))


def _is_of_sql(text: str, doubt: Unprovable) -> bool:
    start, end = doubt.span
    is_counted = text[start:end] == "*" and _CALLS.search(text[:start]) is not None
    return is_counted or doubt.reason == "command.parse_error"
