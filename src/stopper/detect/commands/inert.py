"""Code whose texts are only data: it lists, compares and prints them, and runs none."""

import re
from typing import Final

from stopper.data.commands import load_commands
from stopper.detect.commands.humps import unhump
from stopper.detect.lazy import lazy

__all__ = ["is_inert"]

_WORDS: Final = load_commands().words
_CALLS: Final = _WORDS["data_calls"]
_JUDGES: Final = _WORDS["data_judges"]
_RUNS: Final = _WORDS["data_runs"]
_MAX_CODE: Final = 16_384
_TEXTS: Final = (
    r'"""(?:[^\\]|\\.){0,8000}?"""'
    r"|'''(?:[^\\]|\\.){0,8000}?'''"
    r'|"(?:[^"\\\n]|\\.){0,4000}"'
    r"|'(?:[^'\\\n]|\\.){0,4000}'"
)
_LITERALS: Final = {
    "python": lazy(rf"({_TEXTS})|\#[^\n]*", re.DOTALL),
    "ruby": lazy(rf"({_TEXTS})|\#[^\n]*", re.DOTALL),
    "node": lazy(rf"({_TEXTS}|(?<![\w$)\]])`(?:[^`\\]|\\.){{0,8000}}`)|//[^\n]*", re.DOTALL),
}
_INSIDE: Final = lazy(r"\{([^{}]*)")
"""What a text computes, in any of the languages; texts with plain braces only add words."""
_CALLED: Final = lazy(r"([A-Za-z_$][\w$]*[?!]?)\s{0,9}\(")
_BARE: Final = lazy(
    r"(?:^|[;{|=]|\b(?:do|then|else)\b)\s{0,40}([A-Za-z_]\w*[?!]?)[ \t]+[\w\"'@:\[]", re.MULTILINE
)
"""Ruby's calls without brackets."""
_PASSED: Final = lazy(
    r"\b(?:map|filter|forEach|each|some|every|reduce|flatMap|find|key|callback)\s{0,9}[(=]"
    r"\s{0,9}([A-Za-z_$][\w$.]*)\s{0,9}[,)]"
)
"""What a call is given to call in its turn."""
_PLAIN: Final = frozenset({"None", "True", "False", "null"})
_RUBY: Final = frozenset({"def", "end", "do", "if", "unless", "require", "class", "module"})
_HIDDEN: Final = {
    "python": lazy(r"[\])]\s{0,9}\(|\\|@"),
    "node": lazy(r"[\])]\s{0,9}\(|[/`\\]"),
    "ruby": lazy(r"[\])]\s{0,9}\(|[/`\\&]|%\w|<<|\?['\"]|\.\(|\|\|?=|->"),
}
"""Calls of what no name says, and signs by which the ends of texts cannot be told."""
_MANY: Final = lazy(r"\*\*|\d{6}|\d_\d|\d[eE]\d|\bfor\s{0,9}\(\s{0,9};")
"""Numbers by which a text may grow without end, and loops that have none."""
_ABROAD: Final = lazy(r"\b(?:from|import|require)\b\s{0,9}\(?\s{0,9}['\"](?:https?|data|npm|jsr):")
_NAME: Final = lazy(r"[A-Za-z_$][\w$]*")


def is_inert(code: str, language: str) -> bool:
    """Whether every call in the code is known to look at texts only, and no other name runs any."""
    literals = _LITERALS.get(language)
    if literals is None or len(code) > _MAX_CODE or _ABROAD.search(code):
        return False
    kept: list[str] = []

    def cut(match: re.Match[str]) -> str:
        kept.extend(_INSIDE.findall(match[1] or ""))
        kept.extend([match[1][1:-1]] if match[1] and _NAME.fullmatch(match[1][1:-1]) else [])
        return '""' if match[1] else ""

    bare = literals.sub(cut, code)
    if _HIDDEN[language].search(bare) or bare.replace('""', "").count('"') or "'" in bare:
        return False
    bare = "\n".join([bare, *kept])
    if _MANY.search(bare) or not _RUNS.isdisjoint(_NAME.findall(bare)):
        return False
    calls = {*_CALLED.findall(bare), *_PASSED.findall(bare)} - _PLAIN
    if language == "ruby":
        calls |= set(_BARE.findall(bare)) - _RUBY
    return all(map(_looks, calls))


def _looks(name: str) -> bool:
    """Whether a call of that name only looks."""
    parts = unhump(name.rstrip("?!"), "_").split("_")
    return name in _CALLS or not _JUDGES.isdisjoint(parts)
