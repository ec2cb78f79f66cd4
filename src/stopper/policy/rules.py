"""What speaks against an action by itself: its commands, code, SQL, files, and secrets in it."""

import ast
import re
import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from stopper.core.verdict import Verdict
from stopper.detect.commands import judge_command
from stopper.detect.effects import Effect, Ruling, decide
from stopper.detect.inspection import Inspector
from stopper.detect.readings import readings, with_arguments, words_in
from stopper.detect.sql import judge_sql
from stopper.policy.decision import PolicyDecision, block, escalate
from stopper.policy.reading import Role, parts, texts

__all__ = ["code_in", "of_commands", "of_paths", "of_secrets"]

Part = dict[Role, list[Any]]

_MAX_KNOWN: Final = 1024
_MAX_SHORT: Final = 1024
_MAX_KINDS: Final = 5
_SQL: Final = re.compile(
    r"(?:\s|--[^\n]*\n|(?>/\*.*?\*/))*+(?:alter|begin|call|copy|create|declare|delete|do|drop|exec"
    r"|execute|grant|insert|merge|replace|revoke|select|truncate|update|with)\b",
    re.IGNORECASE | re.DOTALL,
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_GLOBS: Final = re.compile(r"([*?\[\]]+|^~)")
_RUNS: Final = {
    "python3 -c": "ipython jupyter py python python2 python3",
    "node -e": "javascript js node nodejs ts typescript",
    "perl -e": "perl",
    "ruby -e": "rb ruby",
    "php -r": "php",
    "lua -e": "lua",
    "pwsh -Command": "powershell ps1 pwsh",
}
_RUN: Final = {name: run for run, names in _RUNS.items() for name in names.split()}
_SHELLS: Final = frozenset({"bash", "console", "dash", "ksh", "sh", "shell", "terminal", "zsh"})
_RUN_WITH: Final = frozenset(
    {Role.COMMAND, Role.COMMANDS, Role.PROGRAM, Role.WORDS, Role.CODE, Role.SQL}
)
_ENCODER: Final = msgspec.json.Encoder()


def of_secrets(context: dict[str, Any], inspector: Inspector) -> Iterator[PolicyDecision]:
    """Whether secrets are in the context, in names or values, plain or encoded."""
    try:
        written = _ENCODER.encode(context)
    except UnicodeEncodeError:
        yield block("policy.malformed", "The context holds half of a character")
        return
    inspection = inspector.inspect(written)
    if inspection.findings:
        kinds = sorted({one.rule for one in inspection.findings})[:_MAX_KINDS]
        yield block("policy.secret", f"A secret is in the action's context ({', '.join(kinds)})")
    elif inspection.unprovable:
        reason = "The context is encoded too often to be sure that it holds no secret"
        yield block("policy.unprovable", reason)


def of_commands(context: dict[str, Any], workspace: str) -> Iterator[PolicyDecision | None]:
    """What speaks against each command, code and SQL text; None for one that is harmless.

    One that is empty is none. A command is judged with the arguments, folder, environment and input
    that stand beside it.
    """
    for part in parts(context):
        if part:
            yield from _of_part(part, workspace)


def of_paths(context: dict[str, Any], workspace: str) -> Iterator[PolicyDecision | None]:
    """What speaks against deleting each path with all below it; None where nothing does."""
    for part in parts(context):
        before = _before(part)
        for path in texts(part.get(Role.PATH, ())):
            yield _said(_of_command(f"{before}rm -rf -- {_word(path)}", workspace), "Deletion")


def code_in(context: dict[str, Any]) -> Iterator[str]:
    """Every command, as a text, and every piece of code."""
    for part in parts(context):
        yield from _commands(part)
        yield from texts(part.get(Role.CODE, ()))


def _of_part(part: Part, workspace: str) -> Iterator[PolicyDecision | None]:
    before, given = _before(part), "\n".join(texts(part.get(Role.INPUT, ())))
    languages = [_language(one) for one in texts(part.get(Role.LANGUAGE, ()))]
    known = [one for one in languages if one in _RUN or one in _SHELLS]
    for command in filter(str.strip, _commands(part)):
        is_sql = _SQL.match(command)
        if command.startswith("-") and not is_sql:
            yield block("policy.malformed", "A command begins with an option: nobody says of what")
            continue
        text = f"printf %s {shlex.quote(given)} | {{\n{command}\n}}" if given else command
        yield _said(_of_command(before + text, workspace), "Command")
        if known:
            yield from _of_code(command, known, before, workspace)
        if is_sql:
            yield _said(decide(judge_sql(command)), "SQL")
    if part.keys().isdisjoint(_RUN_WITH):
        yield from _of_words(part, before, workspace)
    for code in texts(part.get(Role.PROGRAM, ())):
        if code.strip() and _is_python(code):
            yield from _of_code(code, languages, before, workspace)
    for code in filter(str.strip, texts(part.get(Role.CODE, ()))):
        yield from _of_code(code, languages, before, workspace)
    for text in filter(str.strip, texts(part.get(Role.SQL, ()))):
        yield _said(decide(judge_sql(text)), "SQL") if _SQL.match(text) else None


def _of_code(
    code: str, languages: list[str], before: str, workspace: str
) -> Iterator[PolicyDecision | None]:
    """Code in the languages that are named; without one as a shell's, and as Python's."""
    if not languages:
        languages = ["python"]
        ruling = _of_command(before + code, workspace)
        # `reboot` is both; but that no shell understands Python says nothing against it
        if isinstance(ruling.part, Effect) or not _is_python(code):
            yield _said(ruling, "Code")
    for language in languages:
        if language in _SHELLS:
            yield _said(_of_command(before + code, workspace), "Code")
        elif language in _RUN:
            text = f"{before}{_RUN[language]} {shlex.quote(code)}"
            yield _said(_of_command(text, workspace), "Code")
        else:
            yield escalate("command.unknown_code", "Code in a language that nobody here can judge")


def _of_words(part: Part, before: str, workspace: str) -> Iterator[PolicyDecision]:
    """What speaks against arguments that nobody says the program of: it may be the first."""
    for given in part.get(Role.ARGUMENTS, ()):
        words = list(words_in([given])) if isinstance(given, list) else []
        said = _said(_of_command(before + shlex.join(words), workspace), "Command")
        if words and said is not None:
            yield said


def _commands(part: Part) -> Iterator[str]:
    """Each command with its arguments as a text; a list in every way that it may be run."""
    heads = [
        (value, role is Role.COMMANDS)
        for role in (Role.COMMAND, Role.COMMANDS, Role.PROGRAM)
        for value in part.get(role, ())
        if isinstance(value, str | list)
    ]
    words = part.get(Role.WORDS, [])
    beside = [*part.get(Role.ARGUMENTS, ()), *words] if heads else part.get(Role.ARGUMENTS, [])
    for value, are_many in heads or [(value, False) for value in words]:
        yield from dict.fromkeys(with_arguments(value, beside, are_many=are_many))
        if beside and isinstance(value, list):
            yield from dict.fromkeys(readings(value, are_many=are_many))


def _before(part: Part) -> str:
    """What a shell has to be told before a command, for the command to run in its place."""
    lines = [f"cd {shlex.quote(one)}\n" for one in texts(part.get(Role.FOLDER, ()))]
    for name, value in _variables(part.get(Role.ENVIRONMENT, ())):
        if _VARIABLE.fullmatch(name):
            lines.append(f"export {name}={shlex.quote(value)}\n")
    return "".join(lines)


def _variables(given: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Names and values, of a dict or of a list of `NAME=value`."""
    for variables in given:
        if isinstance(variables, dict):
            yield from ((name, one) for name, one in variables.items() if isinstance(one, str))
        else:
            for line in texts([variables]):
                name, _, value = line.partition("=")
                yield name, value


def _language(named: str) -> str:
    """`Python3.11` is `python`, as far as a name is not known as it stands."""
    name = named.strip().lower()
    return name if name in _RUN or name in _SHELLS else name.rstrip("0123456789.-_ v")


def _is_python(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _of_command(text: str, workspace: str) -> Ruling:
    return _known(text, workspace) if len(text) <= _MAX_SHORT else _ruling(text, workspace)


@lru_cache(maxsize=_MAX_KNOWN)
def _known(text: str, workspace: str) -> Ruling:
    return _ruling(text, workspace)


def _ruling(text: str, workspace: str) -> Ruling:
    return decide(judge_command(text, workspace))


def _said(ruling: Ruling, what: str) -> PolicyDecision | None:
    if ruling.verdict is Verdict.ALLOW:
        return None
    if ruling.verdict is Verdict.BLOCK:
        return block(ruling.code, f"{what} is destructive: {ruling.reason}")
    return escalate(ruling.code, f"{what} may be destructive: {ruling.reason}")


def _word(path: str) -> str:
    """A path as a shell would expand it: wildcards and a leading `~` count."""
    pieces = [piece for piece in _GLOBS.split(path) if piece]
    quoted = (p if _GLOBS.fullmatch(p) else shlex.quote(p) for p in pieces)
    return "".join(quoted) or "''"
