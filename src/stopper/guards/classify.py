"""What a call may do, read, write or destroy, told from its tool's name and its arguments."""

import ast
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final
from unicodedata import normalize

from stopper.data.tools import load_tool_words, words_of
from stopper.detect.commands import Judgement, is_dangerous, judge_command
from stopper.detect.readings import MAX_READINGS
from stopper.detect.sql import judge_sql
from stopper.guards.telling import ANYTHING, Kind, Runs, tells, told_in
from stopper.guards.texts import Texts, TooMuch

__all__ = [
    "SideEffectClass",
    "by_annotations",
    "by_arguments",
    "by_name",
    "runs_code",
    "runs_of",
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
_METHODS: Final = {
    word: SideEffectClass(effect) for effect, words in _TABLES["methods"].items() for word in words
}
_MEANING: Final = _VERBS.keys() | _WORDS["code"] | _WORDS["runs"]

_PARTS: Final = re.compile(r"__|[./:]")
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
    own = _parts(tool)
    last = own[-1] if own else ()
    return last if not _MEANING.isdisjoint(last) else _all_words(tool)


@lru_cache(maxsize=4096)
def by_name(tool: str) -> SideEffectClass | None:
    """What the verb of a tool's name says; None where there is none.

    The first verb decides: `get_settings` reads, `bulk_delete_users` destroys. `and`, `or` and
    `then` begin another clause; one that says that something is run, as in `load_and_run`, writes
    at least. What runs code or commands destroys, unless its arguments are known to do less; see
    `by_arguments`.
    """
    clauses: list[list[str]] = [[]]
    for word in words(tool):
        if word in _WORDS["joins"]:
            clauses.append([])
        else:
            clauses[-1].append(word)
    found = [effect for clause in clauses if (effect := _clause(clause)) is not None]
    if len(clauses) > 1 and any(not _WORDS["runs"].isdisjoint(one[:1]) for one in clauses):
        found.append(_WRITE)
    return strictest(found) if found else None


def by_arguments(
    tool: str, args: Mapping[str, Any], found: Texts | None = None
) -> SideEffectClass | None:
    """What SQL, commands, Python or methods of HTTP among the arguments would do; None without any.

    They are looked for as deep as guards look; what is larger may do anything. `found` are the
    texts of `args`, where somebody has them already.
    """
    found, runs = found or Texts(args), runs_of(tool)
    if not found.is_whole:
        return _DESTRUCTIVE
    if not tells(found, runs):
        return None
    effect: SideEffectClass | None = None
    try:
        for number, told in enumerate(told_in(args, runs)):
            if number >= MAX_READINGS or effect is _DESTRUCTIVE:
                return _DESTRUCTIVE
            done = _JUDGES[told.kind](told.text)
            effect = strictest((effect, done)) if effect and done else effect or done
    except TooMuch:
        return _DESTRUCTIVE
    return effect


@lru_cache(maxsize=4096)
def runs_of(tool: str) -> Runs:
    """What a plain text among the arguments of a tool is, by the tool's name."""
    own, every = frozenset(words(tool)), frozenset(_all_words(tool))
    is_code = not own.isdisjoint(_WORDS["python_tools"])
    is_shell = not own.isdisjoint(_WORDS["shell_tools"]) or (
        not own.isdisjoint(_WORDS["runs"]) and not every.isdisjoint(_WORDS["shell_tools"])
    )
    runs = Runs(
        sql=not own.isdisjoint(_WORDS["sql_tools"]),
        asks=not own.isdisjoint(_WORDS["asking"]) or not every.isdisjoint(_WORDS["sql_tools"]),
        commands=is_shell and own.isdisjoint(_WORDS["python"]),
        code=is_code,
        text_is_code=is_code and runs_code(tool),
        heads=_heads(_all_words(tool)),
    )
    return ANYTHING if runs == ANYTHING else runs


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
    verbs = [word for word in clause if word in _VERBS]
    runs = not _WORDS["runs"].isdisjoint(clause[:1])
    if not _WORDS["code"].isdisjoint(clause) and (runs or len(clause) == 1):
        return _DESTRUCTIVE
    is_code = _WORDS["code"].issuperset
    if len(clause) > 1 and clause[-1] in _WORDS["runs"] and is_code((*verbs, clause[-2])):
        return _DESTRUCTIVE
    if not verbs:
        return _DESTRUCTIVE if clause and is_code(clause) else None
    if verbs[0] in _WORDS["nouns"]:
        return strictest(_VERBS[word] for word in verbs)
    if verbs[0] == "read" and dict(pairwise(clause)).get("read") in _WORDS["written"]:
        return strictest(_VERBS[word] for word in verbs)
    return _VERBS[verbs[0]]


def _heads(named: tuple[str, ...]) -> tuple[str, ...]:
    """The programs in a name, each alone and with what follows: `git_push` is git, and git push."""
    heads: dict[str, None] = {}
    for at, word in enumerate(named):
        if word in _WORDS["programs"]:
            rest = [one for one in named[at + 1 :] if one not in _WORDS["code"]]
            heads |= dict.fromkeys((word, " ".join((word, *rest))))
    return tuple(heads)


def _parts(tool: str) -> list[tuple[str, ...]]:
    plain = normalize("NFKC", tool[:MAX_NAME])
    return [tuple(words_of(part)) for part in _PARTS.split(plain) if part]


def _all_words(tool: str) -> tuple[str, ...]:
    """The words of a name and of all that it belongs to."""
    return tuple(word for part in _parts(tool) for word in part)


def _of_command(text: str) -> SideEffectClass:
    """What begins with an option has its program elsewhere, so that nobody can tell."""
    if text.startswith("-"):
        return _DESTRUCTIVE
    return _DESTRUCTIVE if is_dangerous(judge_command(text)) else _WRITE


def _of_doubtful(text: str) -> SideEffectClass | None:
    return _DESTRUCTIVE if is_dangerous(judge_command(text)) else None


def _of_method(text: str) -> SideEffectClass | None:
    return _METHODS.get(text.strip().lower())


def _of_code(text: str) -> SideEffectClass:
    """As Python; one line may be a command as well, as far as it would do harm."""
    if _of_command(f"python3 -c {shlex.quote(text)}") is _DESTRUCTIVE:
        return _DESTRUCTIVE
    effects = () if "\n" in text else judge_command(text).effects
    return _DESTRUCTIVE if is_dangerous(Judgement(effects)) else _WRITE


def _of_script(text: str) -> SideEffectClass:
    return _of_code(text) if _is_python(text) else _of_command(text)


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _of_sql(text: str) -> SideEffectClass:
    judgement = judge_sql(text)
    if is_dangerous(judgement) or judgement.unprovable:
        return _DESTRUCTIVE
    if judgement.effects:
        return _DESTRUCTIVE if _SQL_DELETES.search(text) else _WRITE
    statements = [one for one in text.split(";") if one.strip()]
    reads = all(_SQL_READS.match(one) and not _SQL_WRITES.search(one) for one in statements)
    return _READ if reads else _WRITE


_JUDGES: Final[dict[Kind, Callable[[str], SideEffectClass | None]]] = {
    Kind.COMMAND: _of_command,
    Kind.SQL: _of_sql,
    Kind.CODE: _of_code,
    Kind.SCRIPT: _of_script,
    Kind.MAYBE: _of_doubtful,
    Kind.METHOD: _of_method,
}
