"""PowerShell and cmd, as far as destruction goes: verbs, aliases, encoded commands."""

import base64
import re
from typing import TYPE_CHECKING, Final

from stopper.data.commands import WindowsRule, load_commands
from stopper.detect.commands.paths import is_secret_path
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["WINDOWS", "looks_windows", "run_windows"]

_MAX_PARTS: Final = 500
_MAX_TEXT: Final = 65_536
_MAX_DEPTH: Final = 4
_MAX_HEAD: Final = 2048
"""How much of a text tells what shell it is for."""
_MAX_WORDS: Final = 4096
"""How many characters of a program's arguments are matched."""
_DELETERS: Final = frozenset({"remove-item", "del", "erase", "rd", "rmdir", "ri", "rm"})
_WRITERS: Final = frozenset({"set-content", "sc", "out-file", "add-content", "clear-content"})


def _rules() -> dict[str, tuple[tuple[WindowsRule, re.Pattern[str], re.Pattern[str]], ...]]:
    found: dict[str, list[tuple[WindowsRule, re.Pattern[str], re.Pattern[str]]]] = {}
    for rule in load_commands().windows:
        row = (rule, re.compile(rule.needs), re.compile(rule.without or r"(?!)"))
        for name in rule.names:
            found.setdefault(name, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


_RULES: Final = _rules()
_SHARED: Final = frozenset({"format", "rm", "cp", "mv", "copy", "move", "sc", "net", "rmdir"})
"""Names that mean something else to a shell, or nothing without a Windows path."""
WINDOWS: Final = frozenset(
    {*_RULES, "remove-item", "erase", "rd", "ri", "iex", "invoke-expression", "powershell",
     "pwsh", "cmd", "remove-itemproperty", "invoke-webrequest", "iwr", "irm", "invoke-restmethod"}
) - (_SHARED - {"net", "sc"}) - {"shutdown", "set-acl"}  # fmt: skip
_LOOKS: Final = re.compile(
    r"(?:(?:Remove|Get|Set|New|Invoke|Clear|Format|Stop|Start|Restart|Add|Register|Initialize"
    r"|Copy|Move|Out|Uninstall|Send|Resolve|Mount|Dismount|Reset|Revoke|Grant|Unregister|Suspend|Rename|Repair|Lock|Grant|Convert|Write|Test|Select|Where|ForEach|Import|Export|Expand|Compress|Enable|Disable)"
    r"-[A-Z]\w+\b|(?i:iex|iwr|irm|ri|del|erase|rd|rmdir)\s+(?:/[a-z]|[\"']?[a-z]:\\|-recurse|\(|\$)"
    r"|(?i:iwr|irm|curl|wget)\s[^|]*\|\s*(?i:iex|invoke-expression)\b"
    r"|(?i:copy|move|xcopy|robocopy|attrib|type|echo|start)[.\s][^\n]*(?:%\w+%\\|\b[a-zA-Z]:\\)"
    r"|\(?(?i:new-object)\s|(?i:start)\s+cmd\b|(?i:while)\s*\(\s*(?:\$true|1)\s*\)\s*\{"
    r"|(?i:if|foreach|while)\s*\(\s*(?:Test-Path\b|-not\b|!|\$\w+\s)|[^\n]*%0[ \t]{0,9}\|"
    r"|(?i:forfiles)\s+/|(?i:if\s+(?:not\s+)?exist|for\s+/[a-z]|@echo)\s"
    r"|['\"]{2}\s*\|\s*(?i:out-file|set-content)\b|\$env:\w+\s*="
    r"|(?i:format)(?:\.com)?\s+[a-zA-Z]:|(?i:cmd(?:\.exe)?\s+/|(?:powershell|pwsh)(?:\.exe)?\s)|\$\w+\s*=\s*(?:New-Object|Get-|\[)"
    r"|(?i:vssadmin|bcdedit|diskpart|schtasks|reg\s+(?:add|delete|save|query)|psexec\w*|wmic|certutil|icacls|takeown"
    r"|rundll32|regsvr32|mshta|msiexec|wevtutil|netsh|runas\s+/|sc(?:\.exe)?\s+(?:create|config|delete|stop)"
    r"|net1?\s+(?:user|localgroup|stop))\b)"
)
_SPLIT: Final = re.compile(r"""(?:"[^"]*"|'[^']*'|[^"';|&\n])+""")
_WORD: Final = re.compile(r'"[^"]*"|\'[^\']*\'|[^\s"\']+')
_LEAD: Final = re.compile(
    r"(?:if\s+(?:not\s+)?(?:exist\s+(?:\"[^\"]*\"|\S+)|defined\s+\S+|errorlevel\s+\d+)"
    r"|for\s+(?:/\w\s+)*%+\w\s+in\s+\([^)]*\)\s+do|start(?=\s)(?:\s+/\w+)*|call|@(?=\w)|else)\s*",
    re.IGNORECASE,
)
_EACH: Final = re.compile(
    r"for\s+(?:/\w\s+)*(%+\w)\s+in\s+\(([^)]{0,999})\)\s+do\s+", re.IGNORECASE
)
_FILES: Final = re.compile(
    r"forfiles\b[^\n]{0,99}?/p\s+(\S{1,260})[^\n]{0,99}?/c\s+\"([^\"]{0,999})\"", re.IGNORECASE
)
_SAVED: Final = re.compile(
    r"(?:downloadfile\([^,]{1,999},\s*|-outfile\s+|-destination\s+|\s-o\s+)['\"]?([^\s'\");]+)",
    re.IGNORECASE,
)
_FETCH: Final = re.compile(
    r"invoke-webrequest|\biwr\b|\birm\b|invoke-restmethod|downloadstring|downloadfile|downloaddata"
    r"|net\.webclient|\bcurl\b|\bwget\b|start-bitstransfer|https?://",
    re.IGNORECASE,
)
_RUN: Final = re.compile(r"\biex\b|invoke-expression|\[scriptblock\]::create|&\s*\(", re.IGNORECASE)
_ENCODED: Final = re.compile(r"\s-(?:e|ec|en|enc\w*)\s+['\"]?([A-Za-z0-9+/=]{8,})", re.IGNORECASE)
_FROM_BASE64: Final = re.compile(r"frombase64string\(\s*['\"]([A-Za-z0-9+/=]+)['\"]", re.IGNORECASE)
_HOST: Final = re.compile(
    r"^(?:powershell|pwsh)(?:\.exe)?\s+(?:-(?!c(?:ommand)?\b|f(?:ile)?\b|e)\w+(?:\s+(?!-)(?:bypass|hidden"
    r"|unrestricted|remotesigned|text|sta|\d+)\b)?\s+)*(?:-c(?:ommand)?\s+)?(?P<ps>[^-\s].*)$"
    r"|^cmd(?:\.exe)?\s+(?:/\w\s+)*/[ck]\s+(?P<cmd>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_DRIVE_PATH: Final = re.compile(r"[A-Za-z]:|%|\$env:", re.IGNORECASE)
_SHARE: Final = re.compile(
    r"^(?:powershell|pwsh)(?:\.exe)?\b.{0,200}-f\w*\s+['\"]?\\\\[\w.-]+\\", re.IGNORECASE
)
_BOMB: Final = re.compile(
    r"%0\s*[|&]+\s*%0|\bstart\s+(?:/\w+\s+)*cmd\s+/[kc]\s+\"?%0"
    r"|:(\w{1,99})\s{0,9}&{1,9}\s{0,9}start\b.{0,200}&{1,9}\s{0,9}goto\s{1,9}:?\1\b"
    r"|:(\w{1,99})[ \t]{0,9}\n\s{0,99}start\b[^\n]{0,999}\n\s{0,99}goto\s+:?\2"
    r"|while\s{0,9}\(\s{0,9}(?:\$true|1)\s{0,9}\)\s{0,9}\{\s{0,9}start-(?:process|job)",
    re.IGNORECASE,
)


def looks_windows(text: str) -> bool:
    """Whether a text is evidently PowerShell or cmd."""
    return _LOOKS.match(text[:_MAX_HEAD].lstrip()) is not None


def run_windows(shell: "Shell", text: str, depth: int = 0) -> None:
    """Note what a text for PowerShell or cmd would do."""
    if depth > _MAX_DEPTH or len(text) > _MAX_TEXT:
        shell.doubt("a command too large to judge", "command.too_large")
        return
    text = text.replace("`", "").replace("^", "")
    text = re.sub(r"(['\"])\s*\+\s*\1", "", text)
    lower = text.lower()
    if _BOMB.search(text):
        shell.add(EffectKind.FORK_BOMB, "%0", Scope.ROOT, "command.fork_bomb")
    if _SHARE.search(text):
        shell.add(EffectKind.REMOTE_CODE, "a share", Scope.REMOTE, "command.runs_remote_code")
    text = _spread(text)
    _note_fetched_code(shell, text, lower)
    for match in _ENCODED.finditer(text):
        _decoded(shell, match[1], "utf-16-le", depth)
    for match in _FROM_BASE64.finditer(text):
        _decoded(shell, match[1], "utf-16-le" if "unicode" in lower else "utf-8", depth)
    inner = _HOST.match(text.strip())
    if inner is not None:
        run_windows(shell, (inner["ps"] or inner["cmd"]).strip().strip("\"'{}& "), depth + 1)
        return
    for part in _SPLIT.findall(text)[:_MAX_PARTS]:
        _run(shell, _words(part), lower)
    _note_leaks(shell, text, lower)


def _spread(text: str) -> str:
    """What `for` and `forfiles` run, with the wildcard itself for each of its files."""
    text = _FILES.sub(
        lambda found: found[2].replace("@file", "@path").replace("@path", found[1] + "\\*"), text
    )
    each = _EACH.search(text)
    if each is None:
        return text
    return text[: each.start()] + text[each.end() :].replace(each[1], each[2])


def _note_fetched_code(shell: "Shell", text: str, lower: str) -> None:
    if _RUN.search(text) and _FETCH.search(text):
        shell.add(EffectKind.REMOTE_CODE, "iex", Scope.REMOTE, "command.runs_remote_code")
    elif re.search(r"\b(?:iex|invoke-expression)\b\s*\(?\s*\$", lower):
        shell.doubt("Invoke-Expression", "command.unknown_code")
    saved = _SAVED.search(text)
    if saved is not None and saved[1].rpartition("\\")[2] in text[saved.end() :]:
        shell.add(EffectKind.REMOTE_CODE, saved[1], Scope.REMOTE, "command.runs_remote_code")
    if "tcpclient" in lower and ("iex" in lower or "getstream" in lower):
        shell.add(EffectKind.REMOTE_CODE, "TCPClient", Scope.REMOTE, "command.reverse_shell")


def _decoded(shell: "Shell", text: str, coding: str, depth: int) -> None:
    plain = text.replace("=", "")
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    data = base64.b64decode(plain + "=" * (-len(plain) % 4))
    run_windows(shell, data.decode(coding, "replace").replace("\x00", ""), depth + 1)


def _note_leaks(shell: "Shell", text: str, lower: str) -> None:
    if re.search(r"\.upload(?:file|data|string)\w*\(", lower):
        shell.add(EffectKind.EXFILTRATE, "WebClient", Scope.REMOTE, "command.sends_data")
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


def _words(part: str) -> list[str]:
    """The words of one command, without what stands before its program."""
    bare = part.strip().strip("{}()").strip()
    for _ in range(_MAX_DEPTH):
        lead = _LEAD.match(bare)
        if lead is None:
            break
        bare = bare[lead.end() :].strip("() ")
    return [word.strip("\"'") for word in _WORD.findall(bare)]


def _run(shell: "Shell", words: list[str], whole: str) -> None:
    if not words:
        return
    name = (
        words[0]
        .lower()
        .removesuffix(".exe")
        .removesuffix(".com")
        .replace("\\", "/")
        .rpartition("/")[2]
    )
    rest = " ".join(["", *words[1:], ""])[:_MAX_WORDS].lower()
    if name in _DELETERS:
        _delete(shell, words[1:], whole)
    elif name in _WRITERS:
        _write(shell, words[1:], adds=name == "add-content")
    for rule, needs, without in _RULES.get(name, ()):
        if needs.search(rest) and not without.search(rest):
            target = rest.strip()[:80] or name
            shell.add(EffectKind(rule.effect), target, Scope(rule.scope), rule.reason)
    _redirected(shell, words)


def _delete(shell: "Shell", words: list[str], whole: str) -> None:
    recursive = any(word.lower() in {"/s", "-recurse", "-r", "-rf", "-force", "/q", "-fo"} or
                    word.lower().startswith("-rec") for word in words)  # fmt: skip
    paths = [item for word in words for item in word.split(",") if not _is_option(item)]
    if not paths and ("get-childitem" in whole or "gci" in whole or "dir" in whole):
        found = re.search(r"(?:get-childitem|gci|dir|ls)\s+(?:-\w+\s+)*['\"]?([^\s'\"|]+)", whole)
        paths = [found[1] + "\\*"] if found else []
        recursive = True
    for path in paths:
        reason = "command.deletes_tree" if recursive else "command.deletes"
        shell.add(EffectKind.DELETE, path, _scope(shell, path), reason)


def _write(shell: "Shell", words: list[str], *, adds: bool) -> None:
    path = next((word for word in words if not _is_option(word)), "")
    if path:
        scope = _scope(shell, path)
        shell.add(EffectKind.OVERWRITE, path, scope, "command.overwrites", reversible=adds)


def _redirected(shell: "Shell", words: list[str]) -> None:
    for place, word in enumerate(words[:-1]):
        if word in {">", ">>"} and words[place + 1].lower() not in {"nul", "$null"}:
            _write(shell, [words[place + 1]], adds=word == ">>")


def _is_option(word: str) -> bool:
    plain = word.lower()
    return not word or plain in {"$true", "silentlycontinue"} or bool(
        re.match(r"[-/][A-Za-z]+(?::\S*)?$", word)
    )  # fmt: skip


def _scope(shell: "Shell", path: str) -> Scope:
    plain = path if _DRIVE_PATH.match(path) else path.replace("\\", "/")
    if plain[:1] == "~" or plain.lower().startswith("$home"):
        plain = shell.places.home + plain.partition("/")[1] + plain.partition("/")[2]
    return shell.places.scope(plain, shell.cwd)
