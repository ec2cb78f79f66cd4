"""Texts that PowerShell only writes into notes, lists and settings: data, not commands."""

import re
from typing import Final

from stopper.detect.lazy import lazy

__all__ = ["blank_documents", "blank_notes"]

_MAX_TEXT: Final = 65_536
_MAX_NOTES: Final = 32
_FILE = (
    r"(?:\.[\\/])?(?:[\w-][\w.-]{0,60}[\\/]){0,9}[\w-][\w.-]{0,60}"
    r"\.(?:txt|md|rst|adoc|json|jsonl|csv|tsv|ya?ml|xml|toml|ini|html?|log|snap|golden)"
)
_NOTE: Final = lazy(
    r"(?:@'[ \t]{0,9}\n(?P<here>.{0,8000}?)\n'@"
    r"|@\"[ \t]{0,9}\n(?P<open>(?:(?!\$\().){0,8000}?)\n\"@"
    r"|(?<![\w@'])'(?P<plain>[^'\n]{1,4000})'"
    r"|(?<![\w@\"])\"(?P<told>(?:(?!\$\()[^\"\n]){1,4000})\")"
    r"\s{0,9}\|\s{0,9}(?:set-content|add-content|out-file|tee-object|sc|ac)\b"
    r"(?:\s{1,9}-(?:encoding|path|filepath|literalpath|force|append|nonewline|value)"
    r"(?:[ \t]{1,9}(?:utf-?\w{0,9}|ascii|unicode))?){0,6}\s{1,9}['\"]?"
    rf"{_FILE}['\"]?(?![\w.\\/])",
    re.IGNORECASE | re.DOTALL,
)
_DOCUMENT: Final = lazy(
    r"^[ \t]{0,9}(?P<open>(?:cat|tee)[^\n<]{0,300})<<[ \t]{0,9}"
    r"(?P<sign>['\"])(?P<tag>\w{1,40})(?P=sign)"
    r"(?P<rest>[^\n<]{0,300})\n(?P<text>.{0,8000}?)\n(?P=tag)$",
    re.DOTALL | re.MULTILINE,
)
_INTO: Final = lazy(
    rf"(?:cat[ \t]{{0,9}}>{{1,2}}|tee(?:[ \t]-a)?)[ \t]{{0,9}}(['\"]?){_FILE}\1\s{{0,9}}"
)
_RUNS: Final = lazy(
    r"\b(?:iex|invoke-expression|invoke-command|icm|scriptblock|powershell|pwsh|cmd|bash|wsl|sh"
    r"|start-process|saps|wscript|cscript|mshta|register-scheduledtask|schtasks|rename-item|ren"
    r"|move-item|mv|copy-item|cp|diskpart|reg|msbuild|ftp)\b|(?<!&)&\s{0,9}[('\"$]",
    re.IGNORECASE,
)
"""What may make commands of a file after all."""


def blank_notes(text: str) -> str:
    """The text with blanks for what only goes into notes of the workspace; no offset changes."""
    if "|" not in text or len(text) > _MAX_TEXT:
        return text
    spans = [
        note.span(next(name for name, value in note.groupdict().items() if value is not None))
        for note in list(_NOTE.finditer(text))[:_MAX_NOTES]
    ]
    return _without(text, spans)


def blank_documents(text: str) -> str:
    """The text with blanks for what a shell's here-documents only put into such notes."""
    if "<<" not in text or len(text) > _MAX_TEXT:
        return text
    found = list(_DOCUMENT.finditer(text))[:_MAX_NOTES]
    notes = [note for note in found if _INTO.fullmatch(note["open"] + note["rest"])]
    return _without(text, [note.span("text") for note in notes])


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    blank = text
    for start, end in spans:
        blank = blank[:start] + re.sub(r"[^\n]", "_", text[start:end]) + blank[end:]
    return text if blank == text or _RUNS.search(blank) else blank
