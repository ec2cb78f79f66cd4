"""What a call may do, read, write or destroy, told from its tool's name and its arguments."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from unicodedata import normalize

from stopper.data.tools import load_tool_words
from stopper.detect.commands import is_dangerous, judge_command
from stopper.detect.sql import judge_sql

__all__ = [
    "SideEffectClass",
    "by_annotations",
    "by_arguments",
    "by_name",
    "runs_code",
    "strictest",
    "words",
]


class SideEffectClass(StrEnum):
    """What a call may leave behind: nothing, something, or a hole."""

    READ_ONLY = "read_only"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


_READ, _WRITE, _DESTRUCTIVE = SideEffectClass
_RANK: Final = {effect: rank for rank, effect in enumerate(SideEffectClass)}

MAX_NAME: Final = 256
"""Characters of a tool's name that are looked at."""

_TABLES: Final = load_tool_words()
_VERBS: Final = {
    word: SideEffectClass(effect) for effect, words in _TABLES["verbs"].items() for word in words
}
_WORDS: Final = _TABLES["words"]
_ARGUMENTS: Final = _TABLES["arguments"]
_TELLING: Final = frozenset[str]().union(*_ARGUMENTS.values())
_MEANING: Final = _VERBS.keys() | _WORDS["code"] | _WORDS["runs"]

_PARTS: Final = re.compile(r"__|[./:]")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SQL_READS: Final = re.compile(
    r"\s*\(*\s*(?:select|show|explain|describe|desc|values|with)\b", re.IGNORECASE
)
_SQL_WRITES: Final = re.compile(
    r"\b(?:insert|into|update|create|merge|replace|upsert|set|call|exec|nextval|for\s+update)\b",
    re.IGNORECASE,
)
_SQL_DELETES: Final = re.compile(r"\b(?:delete|merge)\b", re.IGNORECASE)


def strictest(classes: Iterable[SideEffectClass]) -> SideEffectClass:
    """The one that may do most harm; `read_only` of none."""
    return max(classes, key=_RANK.__getitem__, default=_READ)


@lru_cache(maxsize=4096)
def words(tool: str) -> tuple[str, ...]:
    """The words of a tool's own name, in lower case: `mcp__git__deleteBranch` is delete, branch."""
    plain = normalize("NFKC", tool[:MAX_NAME])
    parts = [part for part in _PARTS.split(plain) if part]
    own = [_split(part) for part in parts]
    last = own[-1] if own else ()
    return last if not _MEANING.isdisjoint(last) else tuple(word for part in own for word in part)


@lru_cache(maxsize=4096)
def by_name(tool: str) -> SideEffectClass | None:
    """What the verb of a tool's name says; None where there is none.

    The first verb decides: `get_settings` reads, `bulk_delete_users` destroys. `and`, `or` and
    `then` begin another clause. What runs code or commands destroys, unless its arguments are known
    to do less; see `by_arguments`.
    """
    clauses: list[list[str]] = [[]]
    for word in words(tool):
        if word in _WORDS["joins"]:
            clauses.append([])
        else:
            clauses[-1].append(word)
    found = [effect for clause in clauses if (effect := _clause(clause)) is not None]
    return strictest(found) if found else None


def by_arguments(tool: str, args: Mapping[str, Any]) -> SideEffectClass | None:
    """What SQL, shell commands or Python among the arguments would do; None without any."""
    found: list[SideEffectClass] = []
    for name, value in args.items():
        key = name.lower() if isinstance(name, str) else ""
        if key not in _TELLING:
            continue
        named = frozenset(words(tool))
        is_text = key in _ARGUMENTS["text"]
        if key in _ARGUMENTS["sql"] or (is_text and named & _WORDS["sql_tools"]):
            found += [_of_sql(text) for text in _texts(value)]
        elif key in _ARGUMENTS["command"] or (is_text and named & _WORDS["shell_tools"]):
            found.append(_of_command(_joined(value)))
        elif key in _ARGUMENTS["code"] and named & _WORDS["python_tools"]:
            found += [_of_command(f"python3 -c {shlex.quote(text)}") for text in _texts(value)]
    return strictest(found) if found else None


def by_annotations(annotations: Mapping[str, Any] | None) -> SideEffectClass | None:
    """What MCP's hints say, as far as they make a tool worse: nobody vouches for the others."""
    if not annotations:
        return None
    if annotations.get("destructiveHint") is True:
        return _DESTRUCTIVE
    return _WRITE if annotations.get("readOnlyHint") is False else None


def runs_code(tool: str) -> bool:
    """Whether the name says that the tool runs what it is given."""
    named = words(tool)
    verbs = [word for word in named if word in _VERBS and word not in _WORDS["code"]]
    return not verbs and not _WORDS["code"].isdisjoint(named)


def _clause(clause: list[str]) -> SideEffectClass | None:
    runs = not _WORDS["runs"].isdisjoint(clause[:1])
    if not _WORDS["code"].isdisjoint(clause) and (runs or len(clause) == 1):
        return _DESTRUCTIVE
    verbs = [word for word in clause if word in _VERBS]
    if not verbs:
        return None
    if verbs[0] in _WORDS["nouns"]:
        return strictest(_VERBS[word] for word in verbs)
    return _VERBS[verbs[0]]


def _split(part: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(part))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        yield from (item for item in value if isinstance(item, str))


def _joined(value: Any) -> str:
    """A command as one text; a list is the words of one."""
    return value if isinstance(value, str) else shlex.join(_texts(value))


def _of_command(text: str) -> SideEffectClass:
    return _DESTRUCTIVE if is_dangerous(judge_command(text)) else _WRITE


def _of_sql(text: str) -> SideEffectClass:
    judgement = judge_sql(text)
    if is_dangerous(judgement) or judgement.unprovable:
        return _DESTRUCTIVE
    if judgement.effects:
        return _DESTRUCTIVE if _SQL_DELETES.search(text) else _WRITE
    statements = [one for one in text.split(";") if one.strip()]
    reads = all(_SQL_READS.match(one) and not _SQL_WRITES.search(one) for one in statements)
    return _READ if reads else _WRITE
