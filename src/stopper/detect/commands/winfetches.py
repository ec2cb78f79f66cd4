"""PowerShell and cmd: code that is fetched, or put together, and run."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.winleaks import FETCH
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["note_fetched"]

_MAX_CALLS: Final = 100
_FETCHED_TO: Final = lazy(
    r"(?:downloadfile\([^,]{1,999},\s{0,9}|-outfile\s{1,9}|-destination\s{1,9}"
    r"|\s-[a-z]{0,6}o\s{1,9}|\s--output\s{1,9}|-path\s{1,9}"
    r"|start-bitstransfer\s{1,9}(?:-source\s{1,9})?\S{1,999}\s{1,9}(?!-)"
    r"|https?://[^\s'\"]{1,999}['\"]?\s{1,9}(?!-))['\"]?([^\s'\"();&|]+)",
    re.IGNORECASE,
)
_RUN: Final = lazy(
    r"(?:^|[\s;|&(={'\"])(?:iex|invoke-expression)\b|\[scriptblock\]::create"
    r"|(?<!&)&\s{0,9}\(|\.invokescript\(|\.invokecommand\b"
    r"|newscriptblock|\[(?:system\.)?reflection\.assembly\]::load|\badd-type\b[^;]{0,200}(?:irm"
    r"|iwr|invoke-|download)",
    re.IGNORECASE,
)
_SOUGHT: Final = lazy(
    r"\b(?:git\s{1,9}(?:--?\S{1,40}\s{1,9}){0,4}(?:grep|log)|e?grep|rg|ag|ack|select-string|sls|findstr|find|-c?(?:not)?match|-c?(?:not)?like"
    r"|-pattern)\b[^|;\n'\"]{0,200}"
    r"(?:'[^']{0,999}'|\"[^\"]{0,999}\")",
    re.IGNORECASE,
)
"""What is only sought in texts."""
_UNSEEN: Final = lazy(
    r"\b(?:iex|invoke-expression)\b\s{0,9}\(?\s{0,9}(?:\$|\()|\|\s{0,9}(?:iex|invoke-expression)\b"
    r"|assembly\]::load\(\s{0,9}\$|assembly\]::load\(\s{0,9}\[convert"
)
_MADE: Final = lazy(
    r"(?:(?<![\w&|])[&.]\s{0,9}\(|\b(?:iex|invoke-expression)\b\s{0,9}\(?)[^;\n|]{0,300}?(?:(?<![a-z])-join\b|(?<![a-z])-c?replace\b"
    r"|(?<![a-z])-split\b|\s-f\s|\[char|\.replace\(|reverse|tochararray|\.substring\(|frombase64|getstring\(|-bxor|\.insert\("
    r"|\.remove\(|\.tolower\(|\$env:\w{1,40}\[|get-variable|(?:\bgcm|get-command|get-alias|\bgal)\s[^)]{0,80}[$*?]|scriptblock)"
    r"|(?:(?<![a-z])-join\b|(?<![a-z])-c?replace\b|\[char|frombase64|\.replace\(|reverse)[^;\n]{0,300}\|\s{0,9}(?:iex|invoke-expression)\b",
    re.IGNORECASE,
)
"""A command is put together and run."""
_RUNNERS: Final = lazy(
    r"\b(?:iex|invoke-(?!webrequest|restmethod)\w+|icm|scriptblock|powershell|pwsh|cmd|start-process|saps|start|schtasks|register-\w+|new-object|wmic"
    r"|bash|wsl|call|mshta|rundll32|add-type|assembly)\b|(?<!&)&\s{0,9}[('\"$]|-c(?:ommand)?\s|\|\s{0,9}iex",
    re.IGNORECASE,
)
_QUOTED: Final = lazy(r"'[^'\n]*+'|\"[^\"\n]*+\"")
_BLANK: Final = lazy(r"\s")


def note_fetched(shell: "Shell", text: str, lower: str) -> None:
    """Note what runs that came over the network, or that the text makes; `lower` is the text."""
    text = _SOUGHT.sub(" ", text)
    bare = _QUOTED.sub(_without_phrase, text)
    if not _RUNNERS.search(bare):
        # texts that nothing runs are data
        text, lower = bare, bare.lower()
    if _MADE.search(text):
        shell.doubt("a command that the text makes", "command.unknown_code")
    if _RUN.search(text) and FETCH.search(text):
        shell.add(EffectKind.REMOTE_CODE, "iex", Scope.REMOTE, "command.runs_remote_code")
    elif _UNSEEN.search(lower):
        shell.doubt("Invoke-Expression", "command.unknown_code")
    for saved in list(_FETCHED_TO.finditer(text))[:_MAX_CALLS] if FETCH.search(text) else ():
        name = saved[1].replace("/", "\\").rpartition("\\")[2]
        later = text[saved.end() :]
        if len(name) > 1 and name[0] != "-" and _runs_file(later, name):
            shell.add(EffectKind.REMOTE_CODE, name, Scope.REMOTE, "command.runs_remote_code")
            break
    if "tcpclient" in lower or "tcplistener" in lower:
        shell.add(EffectKind.REMOTE_CODE, "TCPClient", Scope.REMOTE, "command.reverse_shell")


def _without_phrase(match: re.Match[str]) -> str:
    """A quoted text, empty where it is several words into which no variable is put."""
    text = match[0]
    phrase = _BLANK.search(text) and not (text[0] == '"' and "$" in text)
    return "''" if phrase else text


def _runs_file(later: str, name: str) -> bool:
    """Whether what follows a download runs what was saved."""
    if re.search(
        r"\.(?:exe|bat|cmd|vbs|js|msi|hta|dll|scr|ps1|psm1|com|jar|py)$", name, re.IGNORECASE
    ):
        return name.lower() in later.lower()
    return re.search(
        rf"(?:&|\.|powershell|pwsh|-file|python|node|bash|iex|mshta|wscript|cscript|import-module|ipmo|start|saps|start-process|cmd\s+/c|invoke-item|ii|rundll32"
        rf"|regsvr32|msiexec)\s[^;&|\n]{{0,99}}{re.escape(name)}",
        later, re.IGNORECASE,
    ) is not None  # fmt: skip
