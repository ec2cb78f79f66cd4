"""Arguments that nobody filled in: `${x}`, `{{x}}` and `<X>` left where a value should be."""

import re
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, Final

from stopper.guards.config import Config, configure
from stopper.guards.memo import Memo
from stopper.guards.models import ALLOWED, OFF, EnforcementLevel, GuardResult, block, enforced
from stopper.guards.texts import shown_name

__all__ = [
    "DEFAULT_CODE_ARGUMENTS",
    "DEFAULT_TEXT_ARGUMENTS",
    "UnresolvedReferenceConfig",
    "UnresolvedReferenceGuard",
]

DEFAULT_CODE_ARGUMENTS: Final = frozenset(
    {
        "args", "argv", "bash", "cmd", "code", "command", "commands", "expression", "filter",
        "format", "jq", "pattern", "program", "regex", "run", "script", "shell", "source", "sql",
        "template", "templates",
    }
)  # fmt: skip
DEFAULT_TEXT_ARGUMENTS: Final = frozenset(
    {
        "content", "contents", "diff", "edits", "file_text", "html", "insert_text", "markdown",
        "new_str", "new_string", "new_text", "old_str", "old_string", "old_text", "patch",
        "prompt", "query", "replace", "replacement", "search", "text",
    }
)  # fmt: skip

_CODE_TOOLS: Final = frozenset(
    {"bash", "cmd", "eval", "exec", "powershell", "python", "repl", "sh", "shell", "terminal"}
)
_WORD = re.compile(r"[a-z0-9]+")
_MAX_NAME: Final = 128
_PATH = rf"[A-Za-z_][A-Za-z0-9_.\[\]-]{{0,{_MAX_NAME}}}"
_GAP = r"[ \t]{0,8}+"
_DOLLAR = rf"\$\{{{_GAP}{_PATH}(?::?[-=?+][^{{}}]{{0,{_MAX_NAME}}}+)?{_GAP}\}}"
_GIVEN = rf"(?:\([^(){{}}]{{0,{_MAX_NAME}}}+\)|:[^{{}}|]{{0,{_MAX_NAME}}}+)"
_FILTER = rf"{_GAP}\|{_GAP}{_PATH}{_GAP}{_GIVEN}?"
_BRACES = rf"\{{\{{-?{_GAP}{_PATH}(?:{_FILTER}){{0,8}}{_GAP}-?\}}\}}"
# An element of HTML is written in small letters, and so is what programs call files that are none.
_CAPITAL = r"<[A-Z][A-Za-z0-9]{0,40}(?:[ _][A-Za-z0-9]{1,40}){0,8}>"
_ANGLES = r"<[A-Z][A-Z0-9]{1,40}(?:[_ -][A-Z0-9]{1,40}){0,8}>"
_SNAKE = r"<[a-z]{1,40}(?:_[a-z0-9]{1,40}){1,8}>"
_CAMEL = r"<[a-z]{1,40}(?:[A-Z][a-z0-9]{0,40}){1,8}>"
_HINT = r"<(?:your|insert|enter|replace)[ _-][\w-]{1,40}+(?: [\w-]{1,40}+){0,7}>"
_ANGLED = f"{_CAPITAL}|{_ANGLES}|{_SNAKE}|{_CAMEL}|{_HINT}"
_WHOLE = re.compile(rf"\s{{0,8}}(?:({_DOLLAR})|({_BRACES})|({_ANGLED}))\s{{0,8}}")
# What stands in back-ticks or after a backslash is spoken of, not meant.
_INSIDE = re.compile(rf"(?<![`\\$])(?:({_DOLLAR})|({_BRACES}))(?!`)")
# Behind a name or a call stands a type's parameter, and behind `(?` the name of a group.
_APART = r"(?<![A-Za-z0-9)\]><`\\])(?<!::)(?<!\(\?)(?<!\(\?P)"
_IN_TOKEN = re.compile(
    rf"{_APART}(?:<[A-Z][A-Za-z0-9_]{{0,40}}>(?![A-Za-z0-9(\[<>`])|<[A-Z][A-Z0-9_]{{2,40}}>)"
    r"|<[A-Z][A-Z0-9]{0,40}_[A-Z0-9_]{1,40}>"
)
_MARKUP = re.compile(r"</[A-Za-z]|/>")
# Keys of a keyboard, and the words that programs and models have for an end or for nothing.
_WORDS = frozenset(
    {
        "alt", "backspace", "bos", "bs", "cmd", "control", "cr", "ctrl", "del", "delete", "down",
        "end", "enter", "eof", "eol", "eos", "eot", "esc", "escape", "home", "insert", "leader",
        "left", "lf", "mask", "meta", "nil", "nl", "none", "null", "pad", "pagedown", "pageup",
        "return", "right", "shift", "sos", "space", "super", "tab", "unk", "up",
    }
)  # fmt: skip
_KINDS = ("${...}", "{{...}}", "<...>")


class UnresolvedReferenceConfig(Config, frozen=True, kw_only=True):
    """Where references are ordinary text.

    In `code_arguments` and `exempt_tools` nothing is looked for. In `text_arguments` only a value
    that is nothing but a reference counts. Names are compared in lower case.
    """

    mode: EnforcementLevel = EnforcementLevel.WARN
    code_arguments: AbstractSet[str] = DEFAULT_CODE_ARGUMENTS
    text_arguments: AbstractSet[str] = DEFAULT_TEXT_ARGUMENTS
    exempt_tools: AbstractSet[str] = frozenset()


class UnresolvedReferenceGuard:
    """Finds references that an earlier step should have replaced.

    `${HOME}` for a shell, a template in a file that is written, tags, generic types and the names
    of keys are no findings: tools whose name says that they run code are left alone, as are
    arguments that carry code. `<X>` counts as a whole value or between the signs of one word, as in
    `id-<X>-1`, not within sentences. Keeps nothing, so threads may share it.
    """

    shares: ClassVar = frozenset({"check"})

    def __init__(self, config: UnresolvedReferenceConfig | None = None, **given: Any) -> None:
        self.config = configure(UnresolvedReferenceConfig, config, given)

    def check(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:
        """Whether a reference is left in any argument, however deep."""
        if self.config.mode is OFF or self._runs_code(tool):
            return ALLOWED
        seen = (memo or Memo()).of(args).texts
        for name, texts in seen.groups:
            for text in texts:
                kind = self._kind(name, text) if "{" in text or "<" in text else None
                if kind:
                    return self._found(name, kind)
        if seen.is_whole:
            return ALLOWED
        reason = "The arguments nest too deep or are too many to look at"
        return enforced(self.config.mode, block("guard.too_much", reason))

    def _runs_code(self, tool: str) -> bool:
        if tool in self.config.exempt_tools:
            return True
        return not _CODE_TOOLS.isdisjoint(_WORD.findall(tool.lower()))

    def _kind(self, name: str, text: str) -> str | None:
        name = name.lower()
        if name in self.config.code_arguments:
            return None
        found = _WHOLE.fullmatch(text)
        if found:
            return None if _is_word(found[3] or "") else _KINDS[(found.lastindex or 1) - 1]
        if name in self.config.text_arguments:
            return None
        found = _INSIDE.search(text)
        if found:
            return _KINDS[(found.lastindex or 1) - 1]
        return _KINDS[2] if _has_angles(text) else None

    def _found(self, name: str, kind: str) -> GuardResult:
        where = shown_name(name)
        result = block(
            "reference.unresolved",
            f"Unresolved reference {kind} in {where}: replace it by its value",
            argument=where,
            kind=kind,
        )
        return enforced(self.config.mode, result)


def _has_angles(text: str) -> bool:
    """Whether `<X>` stands in a text of one word that is neither markup nor a type."""
    if "<" not in text or any(map(str.isspace, text)) or _MARKUP.search(text):
        return False
    return any(not _is_word(found[0]) for found in _IN_TOKEN.finditer(text))


def _is_word(angled: str) -> bool:
    return angled.strip("<>").lower() in _WORDS
