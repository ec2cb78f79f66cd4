"""`make` with a makefile that the text itself wrote: its variables and the recipes that run."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.flow import generic
from stopper.detect.commands.options import read_options
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_VALUES: Final = frozenset({"-f", "--file", "--makefile", "-C", "-o", "-W", "-I", "-l"})
_NAMES: Final = ("Makefile", "makefile", "GNUmakefile")
_MAX_LINES: Final = 400
_MAX_RECIPES: Final = 100
_MAX_DEPTH: Final = 4
_VARIABLE: Final = re.compile(r"\$(?:\((\w{1,60})\)|\{(\w{1,60})\})")
_CALL: Final = re.compile(r"\$(?:\((?:[a-z]{1,20}[ \t][^()]{0,300})\)|[@<^?*+%|])")
_SET: Final = re.compile(
    r"(?:export\s{1,9}|override\s{1,9})?(\w{1,60})\s{0,9}[:?+]{0,2}=\s{0,9}(.{0,400})"
)
_RULE: Final = re.compile(r"([^\s#=:][^=:#]{0,200})::?(?!=)([^=;#]{0,400})(?:;(.{0,1000}))?")
_AGAIN: Final = re.compile(r"\$[({]MAKE[)}]|\bmake\b")


def _make(shell: "Shell", call: "Call") -> str:
    """What the goals that are asked for run; all goals where the first is not known."""
    options = read_options(call.args, _VALUES)
    folder = options.value("-C")
    if shell.is_foreign(shell.places.resolve(folder or ".", shell.cwd)) and (
        shell.elevated or "install" in call.args
    ):
        shell.add(EffectKind.REMOTE_CODE, "make", Scope.REMOTE, "command.runs_remote_code")
    for code in options.all_values("--eval"):
        _run(shell, code.partition(";")[2] or code, {})
    given = dict(operand.partition("=")[::2] for operand in options.operands if "=" in operand)
    text = _text(shell, call, options.value("-f", "--file", "--makefile"), folder)
    if text:
        goals = [operand for operand in options.operands if "=" not in operand]
        _run_goals(shell, text, goals, given)
    for name, value in given.items():
        if name in {"SHELL", "CC", "CXX", "MAKE"} and " " in value:
            shell.run_code(value, f"make's {name}")
    return generic(shell, call)


def _text(shell: "Shell", call: "Call", path: str | None, folder: str | None) -> str:
    if path in {"-", "/dev/stdin"}:
        return call.stdin
    for name in [path] if path else _NAMES:
        place = f"{folder}/{name}" if folder else name
        text = shell.files.get(shell.places.resolve(place, shell.cwd))
        if text:
            return text
    return ""


def _run_goals(shell: "Shell", text: str, goals: list[str], given: dict[str, str]) -> None:
    names, rules = _read(text)
    names |= given
    first = next((goal for goal in rules if not goal.startswith(".")), "")
    todo = list(goals or [first])
    done: dict[str, None] = {}
    unknown = any(goal not in rules for goal in todo)
    todo = list(rules) if unknown else todo
    while todo and len(done) < _MAX_RECIPES:
        goal = todo.pop(0)
        if goal in done or goal not in rules:
            continue
        done[goal] = None
        needs, recipe = rules[goal]
        todo += needs
        for line in recipe:
            _note_again(shell, line, [*goals, *done])
            _run(shell, line, names)


def _read(text: str) -> tuple[dict[str, str], dict[str, tuple[list[str], list[str]]]]:
    """The variables of a makefile, and its rules: what each goal needs and what it runs."""
    names: dict[str, str] = {}
    rules: dict[str, tuple[list[str], list[str]]] = {}
    goals: list[str] = []
    for line in text.replace("\\\n", " ").split("\n")[:_MAX_LINES]:
        if line.startswith("\t"):
            for goal in goals:
                rules[goal][1].append(line.strip())
            continue
        assigned, rule = _SET.match(line), _RULE.match(line)
        if assigned is not None:
            names[assigned[1]] = assigned[2].strip()
        elif rule is not None:
            goals = _plain(rule[1], names).split()
            for goal in goals:
                needs, recipe = rules.setdefault(goal, ([], []))
                needs += _plain(rule[2], names).split()
                recipe += [rule[3].strip()] if rule[3] else []
    return names, rules


def _plain(text: str, names: dict[str, str]) -> str:
    """A text with the variables of a makefile put in; what it calls stands for some word."""
    for _ in range(_MAX_DEPTH):
        before = text
        text = _VARIABLE.sub(lambda match: names.get(match[1] or match[2], match[0]), text)
        if text == before:
            break
    text = _CALL.sub("made", text)
    text = _VARIABLE.sub(lambda match: "${" + (match[1] or match[2]) + "}", text)
    return text.replace("$$", "$")


def _run(shell: "Shell", line: str, names: dict[str, str]) -> None:
    code = _plain(line, names).strip().lstrip("@-+")
    if code:
        shell.run_code(code.replace("${MAKE}", ":"), "make")


def _note_again(shell: "Shell", line: str, goals: list[str]) -> None:
    """A recipe that makes its own goal again has no end."""
    if _AGAIN.search(line) is None:
        return
    words = set(line.split())
    if not words.isdisjoint(goals) and " -C" not in line:
        shell.add(EffectKind.FORK_BOMB, "make", Scope.ROOT, "command.fork_bomb")


HANDLERS: "dict[str, Handler]" = {"make": _make, "gmake": _make}
