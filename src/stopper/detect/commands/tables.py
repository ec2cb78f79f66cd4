"""Programs whose verbs are data: which rules of their table a call fits."""

import re
from fnmatch import fnmatchcase, translate
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from stopper.data.commands import Program, Rule, load_commands
from stopper.detect.commands.options import Options, read_options
from stopper.detect.commands.scope import GLOBS
from stopper.detect.commands.stages import is_own, is_sandboxed
from stopper.detect.commands.strangers import is_stranger, owner_is_stranger
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["PROGRAMS", "apply_rules", "controls", "is_strange", "verb_end"]

_MAX_LEAD = 6
_MAX_VERBS = 4096
_MODULE = re.compile(r"([\w-]+(?:\.[\w-]+)+)/")
_PLAIN = re.compile(r"(?:git\+)?http://(?!localhost\b|127\.0\.0\.1\b|\[::1\])")
_HOST = re.compile(r"(?:git\+)?(?:https?|git|ssh|ftp)://(?:[^/@\s]*@)?([^/:\s]+)|git@([^/:\s]+):")
_Choice = tuple[frozenset[str], tuple[str, ...]]
"""What a word may be, and the patterns among these."""
PROGRAMS = load_commands().programs
_WORDS = load_commands().words
_CODE_HOSTS = _WORDS["code_hosts"]
_MODULE_HOSTS = _WORDS["module_hosts"]
_CONTROL_HOSTS = _WORDS["control_hosts"]
_SERVICES = _WORDS["known_services"]


def apply_rules(shell: "Shell", call: "Call", program: Program) -> None:
    """Note the effects of every rule that fits."""
    options = read_options(call.args, program.values)
    if options.has("--help") or (program.dry and any(map(options.spells, program.dry))):
        return
    for rule in _candidates(call.name, program, options.operands):
        end = verb_end(rule.verb, options.operands)
        if (
            end is None
            or any(_excuses(options, pattern) for pattern in rule.none)
            or not _fits(rule, Options(options.flags, options.values, options.operands[end:]))
        ):
            continue
        own = (rule.effect == "database" and is_own(shell, call)) or (
            rule.effect == "infrastructure" and is_sandboxed(shell, call, options, rule, end)
        )
        targets = options.operands[end:][:4]
        target = " ".join(targets or call.args[:_MAX_LEAD]) or call.name
        scope = Scope(rule.scope)
        if rule.effect == "delete" and _all_temporary(shell, targets):
            scope = Scope.TEMP
        shell.add(
            EffectKind(rule.effect),
            target,
            scope,
            rule.reason,
            reversible=rule.reversible or own,
        )


def _all_temporary(shell: "Shell", paths: list[str]) -> bool:
    scopes = {shell.places.scope(path, shell.cwd) for path in paths}
    return scopes == {Scope.TEMP}


def _candidates(name: str, program: Program, operands: list[str]) -> list[Rule]:
    """The rules whose verb may begin with one of the leading operands, in their order."""
    places = _by_verb(name)
    found = set(places[""])
    for operand in operands[:_MAX_LEAD]:
        found.update(places.get(operand, ()))
    return [program.rules[place] for place in sorted(found)]


@cache
def _by_verb(name: str) -> dict[str, list[int]]:
    """The places of a program's rules by the first word of their verb; by "" what any may be."""
    found: dict[str, list[int]] = {"": []}
    for place, rule in enumerate(PROGRAMS[name].rules):
        words = _choices(rule.verb)
        exact, wild = words[0] if words else (frozenset[str](), ("*",))
        for word in [""] if wild else exact:
            found.setdefault(word, []).append(place)
    return found


def verb_end(verb: str, operands: list[str]) -> int | None:
    """Where the operands behind a verb begin; None where the verb does not stand there.

    An option's value that the table does not know may stand before the verb.
    """
    if not verb:
        return 0
    words = _choices(verb)
    for lead in range(min(_MAX_LEAD, len(operands) - len(words) + 1)):
        if all(map(_is_one, operands[lead:], words)):
            return lead + len(words)
        if lead == 0 and len(words) == 1:
            break
    return None


def _is_one(operand: str, choice: _Choice) -> bool:
    exact, wild = choice
    return operand in exact or (bool(wild) and any(fnmatchcase(operand, one) for one in wild))


@lru_cache(maxsize=_MAX_VERBS)
def _choices(verb: str) -> tuple[_Choice, ...]:
    """The words of a verb, each with what it may be, and with the patterns among these."""
    words = (word.split("|") for word in verb.split())
    return tuple((frozenset(word), tuple(filter(GLOBS.search, word))) for word in words)


def _fits(rule: Rule, options: Options) -> bool:
    if rule.any and not any(_matches(options, pattern) for pattern in rule.any):
        return False
    return all(_matches(options, pattern) for pattern in rule.all)


def _matches(options: Options, pattern: str) -> bool:
    test = _TESTS.get(pattern)
    if test is None:
        return options.matches(pattern)
    values = (value for found in options.values.values() for value in found)
    operands = options.operands[:1] if pattern == "package://" else options.operands
    return any(map(test, (*operands, *values)))


def _excuses(options: Options, pattern: str) -> bool:
    test = _TESTS.get(pattern)
    return options.spells(pattern) if test is None else any(map(test, options.operands))


def is_strange(url: str) -> bool:
    """Whether an address is on a host from which code is not fetched every day, or a stranger's."""
    match = _HOST.search(url)
    if match is None:
        return False
    host = (match[1] or match[2]).lower()
    if _any_of(_CODE_HOSTS).match(host) is None or host.startswith("gist."):
        return True
    return owner_is_stranger(url[match.end() :])


def controls(host: str) -> bool:
    """Whether the API of a host deletes what people keep."""
    return _any_of(_CONTROL_HOSTS).match(host) is not None


def _is_strange_module(path: str) -> bool:
    """Whether a Go module is on a host from which modules are not fetched every day."""
    match = _MODULE.match(path)
    if match is None:
        return False
    return _any_of(_MODULE_HOSTS).match(match[1]) is None or owner_is_stranger(path[match.end(1) :])


def _is_unsafe(url: str) -> bool:
    """Whether an address is on such a host, or anybody on the way may change what it brings."""
    return is_strange(url) or (_PLAIN.match(url) is not None)


@cache
def _any_of(patterns: frozenset[str]) -> re.Pattern[str]:
    """What matches a whole name that any of the patterns does."""
    return re.compile("|".join(map(translate, sorted(patterns))))


def _is_known_service(name: str) -> bool:
    bare = name.removesuffix(".service")
    return _any_of(_SERVICES).match(bare) is not None


_TESTS: "dict[str, Callable[[str], bool]]" = {
    "strange://": is_strange,
    "package://": _is_unsafe,
    "module://": _is_strange_module,
    "stranger://": is_stranger,
    "service://": _is_known_service,
}
