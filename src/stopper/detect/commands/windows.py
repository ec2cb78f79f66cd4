"""PowerShell and cmd, as far as destruction goes: verbs, aliases, encoded commands."""

import base64
import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.paths import is_secret_path
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["WINDOWS", "looks_windows", "run_windows"]

_MAX_PARTS: Final = 500
_MAX_TEXT: Final = 65_536
_MAX_DEPTH: Final = 4
_DELETERS: Final = frozenset({"remove-item", "del", "erase", "rd", "rmdir", "ri", "rm"})
_SYSTEM: Final = {
    "format": (EffectKind.DISK, "command.writes_disk"),
    "format-volume": (EffectKind.DISK, "command.writes_disk"),
    "clear-disk": (EffectKind.DISK, "command.writes_disk"),
    "initialize-disk": (EffectKind.DISK, "command.writes_disk"),
    "remove-partition": (EffectKind.DISK, "command.writes_disk"),
    "diskpart": (EffectKind.DISK, "command.writes_disk"),
    "cipher": (EffectKind.DISK, "command.writes_disk"),
    "vssadmin": (EffectKind.DELETE, "command.deletes_backups"),
    "wbadmin": (EffectKind.DELETE, "command.deletes_backups"),
    "bcdedit": (EffectKind.DISK, "command.breaks_boot"),
    "stop-computer": (EffectKind.INFRASTRUCTURE, "command.stops_machine"),
    "restart-computer": (EffectKind.INFRASTRUCTURE, "command.stops_machine"),
    "set-mppreference": (EffectKind.PRIVILEGE, "command.disables_protection"),
    "set-executionpolicy": (EffectKind.PRIVILEGE, "command.disables_protection"),
    "register-scheduledtask": (EffectKind.PERSISTENCE, "command.runs_later"),
    "new-service": (EffectKind.PERSISTENCE, "command.runs_later"),
    "new-localuser": (EffectKind.PRIVILEGE, "command.grants_rights"),
    "add-localgroupmember": (EffectKind.PRIVILEGE, "command.grants_rights"),
    "clear-eventlog": (EffectKind.DELETE, "command.deletes_history"),
    "wevtutil": (EffectKind.DELETE, "command.deletes_history"),
    "takeown": (EffectKind.PERMISSIONS, "command.changes_owner"),
    "icacls": (EffectKind.PERMISSIONS, "command.changes_permissions"),
    "clear-content": (EffectKind.OVERWRITE, "command.overwrites"),
    "stop-service": (EffectKind.INFRASTRUCTURE, "command.stops_service"),
}
_NEEDS: Final = {
    "format": r"\b[a-z]:",
    "cipher": r"/w",
    "vssadmin": r"delete",
    "wbadmin": r"delete",
    "bcdedit": r"/(?:set|delete)",
    "set-mppreference": r"disable|exclusion",
    "set-executionpolicy": r"unrestricted|bypass",
    "wevtutil": r"\bcl\b|clear-log",
    "takeown": r"/r|c:\\windows",
    "icacls": r"everyone|/reset|/t",
    "clear-content": r"[a-z]:\\|\$env:|~",
    "diskpart": r".",
}
WINDOWS: Final = frozenset(
    {*_SYSTEM, "remove-item", "erase", "rd", "ri", "iex", "invoke-expression", "powershell",
     "pwsh", "cmd", "schtasks", "reg", "certutil", "bitsadmin", "mshta", "regsvr32", "rundll32",
     "wmic", "net", "netsh", "remove-itemproperty", "invoke-webrequest", "iwr", "irm",
     "invoke-restmethod", "start-process"}
) - {"format"}  # fmt: skip
_LOOKS: Final = re.compile(
    r"\s*(?:(?:Remove|Get|Set|New|Invoke|Clear|Format|Stop|Start|Restart|Add|Register|Initialize"
    r"|Copy|Move|Out|Write|Test|Select|Where|ForEach|Import|Export|Expand|Compress|Enable|Disable)"
    r"-[A-Z]\w+\b|(?i:iex|iwr|irm|ri|del|erase|rd|rmdir)\s+(?:/[a-z]|[\"']?[a-z]:\\|-recurse|\(|\$)"
    r"|(?i:iwr|irm|curl|wget)\s[^|]*\|\s*(?i:iex|invoke-expression)\b"
    r"|(?i:format)\s+[a-zA-Z]:|(?i:cmd(?:\.exe)?\s+/|(?:powershell|pwsh)(?:\.exe)?\s)|\$\w+\s*=\s*(?:New-Object|Get-|\[)"
    r"|(?i:vssadmin|bcdedit|diskpart|schtasks|reg\s+(?:add|delete)|wmic|certutil|icacls|takeown)\b)"
)
_SPLIT: Final = re.compile(r"""(?:"[^"]*"|'[^']*'|[^"';|&\n])+""")
_WORD: Final = re.compile(r'"[^"]*"|\'[^\']*\'|[^\s"\']+')
_FETCH: Final = re.compile(
    r"invoke-webrequest|\biwr\b|\birm\b|invoke-restmethod|downloadstring|downloadfile|downloaddata"
    r"|net\.webclient|\bcurl\b|\bwget\b|start-bitstransfer|https?://",
    re.IGNORECASE,
)
_RUN: Final = re.compile(r"\biex\b|invoke-expression|\[scriptblock\]::create|&\s*\(", re.IGNORECASE)
_ENCODED: Final = re.compile(r"\s-(?:e|ec|en|enc\w*)\s+['\"]?([A-Za-z0-9+/=]{8,})", re.IGNORECASE)
_FROM_BASE64: Final = re.compile(r"frombase64string\(\s*['\"]([A-Za-z0-9+/=]+)['\"]", re.IGNORECASE)
_INNER: Final = re.compile(
    r"^(?:powershell|pwsh)(?:\.exe)?\b.*?\s-(?:c|command)\s+(?P<ps>.+)$|^cmd(?:\.exe)?\s+(?:/\w\s+)*/[ck]\s+(?P<cmd>.+)$",
    re.IGNORECASE | re.DOTALL,
)


def looks_windows(text: str) -> bool:
    """Whether a text is evidently PowerShell or cmd."""
    return _LOOKS.match(text) is not None


def run_windows(shell: "Shell", text: str, depth: int = 0) -> None:
    """Note what a text for PowerShell or cmd would do."""
    if depth > _MAX_DEPTH or len(text) > _MAX_TEXT:
        shell.doubt("a command too large to judge", "command.too_large")
        return
    text = text.replace("`", "").replace("^", "")
    text = re.sub(r"(['\"])\s*\+\s*\1", "", text)
    lower = text.lower()
    if _RUN.search(text) and _FETCH.search(text):
        shell.add(EffectKind.REMOTE_CODE, "iex", Scope.REMOTE, "command.runs_remote_code")
    elif re.search(r"\b(?:iex|invoke-expression)\b\s*\(?\s*\$", lower):
        shell.doubt("Invoke-Expression", "command.unknown_code")
    if "tcpclient" in lower and ("iex" in lower or "getstream" in lower):
        shell.add(EffectKind.REMOTE_CODE, "TCPClient", Scope.REMOTE, "command.reverse_shell")
    for match in _ENCODED.finditer(text):
        _decoded(shell, match[1], "utf-16-le", depth)
    for match in _FROM_BASE64.finditer(text):
        _decoded(shell, match[1], "utf-16-le" if "unicode" in lower else "utf-8", depth)
    inner = _INNER.match(text.strip())
    if inner is not None:
        run_windows(shell, (inner["ps"] or inner["cmd"]).strip().strip("\"'{}& "), depth + 1)
        return
    for part in _SPLIT.findall(text)[:_MAX_PARTS]:
        words = [word.strip("\"'") for word in _WORD.findall(part.strip().strip("{}()"))]
        if words:
            _run(shell, words, lower)
    _note_leaks(shell, text, lower)


def _decoded(shell: "Shell", text: str, coding: str, depth: int) -> None:
    data = base64.b64decode(text[: len(text) // 4 * 4])
    run_windows(shell, data.decode(coding, "replace").replace("\x00", ""), depth + 1)


def _note_leaks(shell: "Shell", text: str, lower: str) -> None:
    if (
        re.search(r"\$env:\w*(?:key|token|secret|password)", lower)
        and _FETCH.search(text)
        and ("-body" in lower or "?" in lower)
    ):
        shell.add(EffectKind.EXFILTRATE, "environment", Scope.REMOTE, "command.sends_credential")
    plain = lower.replace("\\", "/")
    paths = [word.strip("\"'()") for word in _WORD.findall(plain)]
    if any(is_secret_path(path) for path in paths if "/" in path):
        reads = re.search(r"get-content|\bgc\b|\btype\b|\bcat\b|copy|readalltext", lower)
        if reads:
            shell.add(EffectKind.CREDENTIAL_READ, "file", Scope.HOME, "command.reads_credential")
        if _FETCH.search(text) and ("-body" in lower or "-infile" in lower or "upload" in lower):
            shell.add(EffectKind.EXFILTRATE, "file", Scope.REMOTE, "command.sends_credential")


def _run(shell: "Shell", words: list[str], whole: str) -> None:  # noqa: C901  one branch a program
    name = words[0].lower().removesuffix(".exe").rpartition("\\")[2]
    rest = " ".join(words[1:]).lower()
    if name in _DELETERS:
        _delete(shell, words[1:], whole)
    elif name in _SYSTEM and re.search(_NEEDS.get(name, ""), rest):
        kind, reason = _SYSTEM[name]
        shell.add(kind, rest[:80], Scope.ROOT, reason)
    elif name == "schtasks" and "/create" in rest:
        shell.add(EffectKind.PERSISTENCE, rest[:80], Scope.ROOT, "command.runs_later")
    elif name in {"reg", "new-itemproperty", "set-itemproperty"}:
        _registry(shell, rest)
    elif name in {"certutil", "bitsadmin"} and "http" in rest:
        shell.add(EffectKind.REMOTE_CODE, rest[:80], Scope.REMOTE, "command.fetches_program")
    elif name in {"mshta", "regsvr32", "rundll32"} and ("http" in rest or "javascript" in rest):
        shell.add(EffectKind.REMOTE_CODE, rest[:80], Scope.REMOTE, "command.runs_remote_code")
    elif name == "wmic" and ("shadowcopy" in rest or "process call create" in rest):
        shell.add(EffectKind.DELETE, rest[:80], Scope.ROOT, "command.deletes_backups")
    elif name == "net" and re.search(r"(?:user|localgroup)\b.*/add", rest):
        shell.add(EffectKind.PRIVILEGE, rest[:80], Scope.ROOT, "command.grants_rights")
    elif name == "netsh" and re.search(r"state\s+off|disable", rest):
        shell.add(EffectKind.NETWORK, "firewall", Scope.ROOT, "command.opens_firewall")
    elif name == "shutdown":
        shell.add(EffectKind.INFRASTRUCTURE, "machine", Scope.ROOT, "command.stops_machine")
    elif name == "start-process" and "-verb runas" in rest:
        shell.add(EffectKind.PRIVILEGE, rest[:80], Scope.ROOT, "command.as_root")


def _registry(shell: "Shell", rest: str) -> None:
    if re.search(r"\\run(?:once)?\b|\\winlogon|\\services\\", rest):
        shell.add(EffectKind.PERSISTENCE, "registry", Scope.ROOT, "command.runs_later")
    elif rest.startswith("delete") and re.search(r"hk(?:lm|cr|ey_local)", rest):
        shell.add(EffectKind.DELETE, "registry", Scope.ROOT, "command.deletes_settings")


def _delete(shell: "Shell", words: list[str], whole: str) -> None:
    recursive = any(word.lower() in {"/s", "-recurse", "-r", "-rf", "-force", "/q", "-fo"} or
                    word.lower().startswith("-rec") for word in words)  # fmt: skip
    paths = [word for word in words if not re.match(r"[-/][A-Za-z]+$", word) and "," not in word]
    paths += [item for word in words if "," in word for item in word.split(",")]
    paths = [path for path in paths if path.lower() not in {"$true", "silentlycontinue"}]
    if not paths and ("get-childitem" in whole or "gci" in whole or "dir" in whole):
        found = re.search(r"(?:get-childitem|gci|dir|ls)\s+(?:-\w+\s+)*['\"]?([^\s'\"|]+)", whole)
        paths = [found[1] + "\\*"] if found else []
        recursive = True
    for path in paths:
        plain = path.replace("\\", "/") if not re.match(r"[A-Za-z]:|%|\$env:", path) else path
        plain = plain.replace("$HOME", shell.places.home)
        scope = shell.places.scope(plain, shell.cwd)
        reason = "command.deletes_tree" if recursive else "command.deletes"
        shell.add(EffectKind.DELETE, path, scope, reason)
