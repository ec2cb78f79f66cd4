"""Texts that PowerShell only writes into notes, lists and settings: data, not commands."""

import re
from typing import Final

from stopper.detect.lazy import lazy

__all__ = ["blank_notes"]

_MAX_TEXT: Final = 65_536
_MAX_NOTES: Final = 32
_NOTE: Final = lazy(
    r"(?:@'[ \t]{0,9}\n(?P<here>.{0,8000}?)\n'@"
    r"|@\"[ \t]{0,9}\n(?P<open>(?:(?!\$\().){0,8000}?)\n\"@"
    r"|(?<![\w@'])'(?P<plain>[^'\n]{1,4000})'"
    r"|(?<![\w@\"])\"(?P<told>(?:(?!\$\()[^\"\n]){1,4000})\")"
    r"\s{0,9}\|\s{0,9}(?:set-content|add-content|out-file|tee-object|sc|ac)\b"
    r"(?:\s{1,9}-(?:encoding|path|filepath|literalpath|force|append|nonewline|value)"
    r"(?:[ \t]{1,9}(?:utf-?\w{0,9}|ascii|unicode))?){0,6}\s{1,9}['\"]?"
    r"(?:\.[\\/])?(?:[\w-][\w.-]{0,60}[\\/]){0,9}[\w-][\w.-]{0,60}"
    r"\.(?:txt|md|rst|adoc|json|jsonl|csv|tsv|ya?ml|xml|toml|ini|html?|log|snap|golden)['\"]?(?![\w.\\/])",
    re.IGNORECASE | re.DOTALL,
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
    blank = text
    for note in list(_NOTE.finditer(text))[:_MAX_NOTES]:
        group = next(name for name, value in note.groupdict().items() if value is not None)
        start, end = note.span(group)
        blank = blank[:start] + re.sub(r"[^\n]", "_", text[start:end]) + blank[end:]
    return text if blank == text or _RUNS.search(blank) else blank
