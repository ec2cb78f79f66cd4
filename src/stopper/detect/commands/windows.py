"""PowerShell and cmd: what their programs and cmdlets do, one after another."""

import base64
import re
from typing import TYPE_CHECKING, Final

from stopper.data.commands import TextRule, load_commands
from stopper.detect.commands.queries import note_sql
from stopper.detect.commands.taint import UNKNOWN
from stopper.detect.commands.winfetches import note_fetched
from stopper.detect.commands.winfiles import delete, note_calls, redirect, write
from stopper.detect.commands.winhosts import hosted
from stopper.detect.commands.winleaks import FETCH, note_leaks
from stopper.detect.commands.winlooks import looks_windows
from stopper.detect.commands.winshell import MAX_STAGES, Stage, program_name, stages, unfold
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["WINDOWS", "is_evident", "is_windows", "run_windows", "run_windows_words"]

_MAX_TEXT: Final = 65_536
_MAX_DEPTH: Final = 4
_MAX_CALLS: Final = 100
_ANYWHERE: Final = "*"
"""The name of rules that hold for a whole text: calls of .NET, COM and the like."""

Row = tuple[TextRule, re.Pattern[str], re.Pattern[str]]


def _rules() -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for rule in load_commands().windows:
        row = (rule, lazy(rule.needs, re.DOTALL), lazy(rule.without or r"(?!)"))
        for name in rule.names:
            found.setdefault(name, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


_SOUGHT: Final = lazy(
    r"(\b(?:select-string|sls)\s{1,9}(?:-pattern\s{1,9})?)(?:'[^'\n]{0,400}'|\"[^\"$`\n]{0,400}\")",
    re.IGNORECASE,
)
"""A pattern that is only looked for."""
_RULES: Final = _rules()
_WORDS: Final = load_commands().words
_DELETERS: Final = frozenset({"remove-item", "del", "erase", "rd", "rmdir", "ri", "rm", "rni"})
_WRITERS: Final = frozenset(
    {"set-content", "out-file", "add-content", "clear-content", "tee-object", "clc", "ac"}
)
_HOSTS: Final = frozenset({"powershell", "pwsh", "cmd", "start", "call", "wsl", "bash"})
_SHARED: Final = frozenset(
    {"format", "rm", "cp", "mv", "copy", "move", "rmdir", "shutdown", "set-acl", "at", "type",
     "cat", "start", "find", "curl", "wget", "tar", "ssh", "scp", "more", "dir", "ls", "sort",
     "where",
     "control", "tracker", "print", "replace", "expand", "label", "7z", "rar", "node", "sls",
     "subst", "compact", "convert", "dotnet", "file", "dd", "update", "route", "arp", "kill",
     "reset", "query", "remote", "rename", "ren", "mi", "sp", "chisel", "ngrok", "cloudflared",
     "plink", "frpc", "bash", "ac", "clc", "te", "csi", "rclone", "echo", "msg", "shred", "eraser",
     "recover", "explorer", "deploy", "launch", "responder", "keeper", "excel", "teams", "outlook",
     "jsc", "ilasm", "dxcap", _ANYWHERE}
)  # fmt: skip
"""Names that mean something else to a shell, or nothing without a Windows path."""
WINDOWS: Final = frozenset(
    {*_RULES, "remove-item", "erase", "rd", "ri", "iex", "invoke-expression", "powershell",
     "pwsh", "cmd", "wsl", "remove-itemproperty", "invoke-webrequest", "iwr", "irm",
     "invoke-restmethod", *_WRITERS}
) - _SHARED  # fmt: skip
_HYPHENED: Final = frozenset(name for name in WINDOWS if "-" in name)
_PARTED: Final = lazy(r"[\s;|&(){}]")
_FILES: Final = lazy(
    r"forfiles\b[^\n]{0,99}?/p\s{1,9}(\S{1,260})[^\n]{0,99}?/c\s{1,9}\"([^\"]{0,999})\"",
    re.IGNORECASE,
)
_EACH: Final = lazy(
    r"for\s{1,9}(?:/\w\s{1,9})*(?:\"[^\"\n]{0,99}\"\s{1,9})?(%+\w)\s{1,9}in\s{1,9}\(([^)]{0,999"
    r"})\)\s{1,9}do\s{1,9}",
    re.IGNORECASE,
)
_ENCODED: Final = lazy(r"\s[-/](?:e|ec|en|enc\w*)\s{1,9}['\"]?([A-Za-z0-9+/=]{8,})", re.IGNORECASE)
_FROM_BASE64: Final = lazy(r"frombase64string\(\s{0,9}['\"]([A-Za-z0-9+/=]+)['\"]", re.IGNORECASE)
_BOMB: Final = lazy(
    r"%0\s{0,9}[|&]+\s{0,9}%0|\bstart\s{1,9}(?:/\w+\s{1,9})*(?:\"\"\s{1,9})?(?:cmd\s{1,9}/[kc]"
    r"\s{1,9})?\"?%0"
    r"|%0\s{0,9}\|\s{0,9}(?:start|cmd)"
    r"|:(\w{1,99})\s{0,9}&{1,9}\s{0,9}start\b.{0,200}&{1,9}\s{0,9}goto\s{1,9}:?\1\b"
    r"|:(\w{1,99})[ \t]{0,9}\n\s{0,99}start\b[^\n]{0,999}\n\s{0,99}goto\s{1,9}:?\2"
    r"|(?:while\s{0,9}\(\s{0,9}(?:\$true|1)\s{0,9}\)|for\s{0,9}\(\s{0,9};[^;]{0,20};\s{0,9}\)"
    r"|do)\s{0,9}\{[^}]{0,60}(?:start-(?:process|job|threadjob)|saps|\bstart\s"
    r"|\[diagnostics\.process\]::start|powershell|notepad|cmd\b|\+=)"
    r"|for\s{1,9}/l\s{1,9}%+\w\s{1,9}in\s{1,9}\((?:\s{0,9}\d+\s{0,9},\s{0,9}(?:0\s{0,9},"
    r"|\d+\s{0,9},\s{0,9}\d{4,})\s{0,9}\d*)?\s{0,9}\)\s{1,9}do\s{1,9}\(?\s"
    r"*@?(?:start|cmd|call)\b"
    r"|\.\.\s?\d{4,}\s{0,9}\|\s{0,9}(?:%|foreach(?:-object)?)\s{0,9}\{[^}]{0,60}(?:start-"
    r"|saps|\[diagnostics)"
    r"|function\s{1,9}(\w{1,40})\s{0,9}\{[^}]{0,60}(?:start-process|start-job"
    r"|saps)[^}]{0,60}\b\3\b",
    re.IGNORECASE,
)
_SELF_STARTED: Final = lazy(
    r"start\b[^\n]{0,99}?([\w-]{1,40}\.(?:cmd|bat))\b[^\n]{0,200}?goto\b[^\n]{0,99}?>\s{0,9}\1\b",
    re.IGNORECASE,
)
"""A batch file that starts itself again and again, written and run."""
_DRY: Final = lazy(r"(?<!\S)-whatif(?!\w|:\s{0,9}(?:\$false|0)\b)")
_CODED: Final = lazy(r"0x([0-9a-fA-F]{2})")
_CMDLET: Final = lazy(r"([a-z]+)-([a-z]\w+)$")


def is_evident(text: str) -> bool:
    """Whether a text looks like Windows, or begins with a cmdlet in any case of its letters."""
    return looks_windows(text) or ("-" in text and text.partition(" ")[0].lower() in _HYPHENED)


def is_windows(name: str) -> bool:
    """Whether a program is one of Windows, or a cmdlet that destroys by its verb."""
    lower = program_name(name)
    return lower in WINDOWS or ("-" in lower and name[:1].isupper() and _verb(lower) is not None)


def run_windows(shell: "Shell", text: str, depth: int = 0) -> None:
    """Note what a text for PowerShell or cmd would do."""
    text = _SOUGHT.sub(r"\1''", text) if len(text) <= _MAX_TEXT else text
    plain = unfold(text) if depth <= _MAX_DEPTH and len(text) <= _MAX_TEXT else ""
    if depth > _MAX_DEPTH or max(len(text), len(plain)) > _MAX_TEXT:
        shell.doubt("a command too large to judge", "command.too_large")
        return
    lower = plain.lower()
    if _BOMB.search(text) or _BOMB.search(plain) or _SELF_STARTED.search(plain):
        shell.add(EffectKind.FORK_BOMB, "%0", Scope.ROOT, "command.fork_bomb")
    plain = _spread(plain)
    note_fetched(shell, plain, lower)
    for match in list(_ENCODED.finditer(plain))[:_MAX_CALLS]:
        _decoded(shell, match[1], "utf-16-le", depth)
    for match in list(_FROM_BASE64.finditer(plain))[:_MAX_CALLS]:
        _decoded(shell, match[1], "utf-16-le" if "unicode" in lower else "utf-8", depth)
    for number, stage in enumerate(stages(plain)):
        if number == MAX_STAGES:
            shell.doubt("more commands than are judged", "command.budget")
            break
        _run(shell, stage, plain, depth)
    _apply(shell, _ANYWHERE, lower, "a call")
    note_calls(shell, plain)
    note_leaks(shell, lower)


def run_windows_words(shell: "Shell", words: list[str]) -> None:
    """Note what a command would do that a shell has cut into words."""
    quoted = (f'"{w}"' if '"' not in w and _PARTED.search(w) else w for w in words)
    run_windows(shell, " ".join(quoted))


def _spread(text: str) -> str:
    """What `for` and `forfiles` run, with the wildcard itself for each of its files."""
    text = _FILES.sub(
        lambda found: (
            _CODED.sub(lambda code: chr(int(code[1], 16)), found[2])
            .replace("@file", "@path")
            .replace("@path", found[1] + "\\*")
        ),
        text,
    )
    each = _EACH.search(text)
    if each is None:
        return text
    listed = re.search(r"[a-z]:\\[^\s'\"]*", each[2], re.IGNORECASE) if "'" in each[2] else None
    value = listed[0] if listed is not None else each[2]
    inside = each[2].strip("'") + "\n" if "'" in each[2] else ""
    return text[: each.start()] + inside + text[each.end() :].replace(each[1], value)


def _decoded(shell: "Shell", text: str, coding: str, depth: int) -> None:
    plain = text.replace("=", "")
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    data = base64.b64decode(plain + "=" * (-len(plain) % 4))
    run_windows(shell, data.decode(coding, "replace").replace("\x00", ""), depth + 1)


def _run(shell: "Shell", stage: Stage, whole: str, depth: int) -> None:
    name, words = stage.name, stage.words
    inner = hosted(shell, stage, depth)
    if inner:
        run_windows(shell, inner, depth + 1)
        if name in _HOSTS:
            return
    if _DRY.search(stage.rest) or words[1:] == ["/?"]:
        return
    if name in _DELETERS:
        delete(shell, stage, whole)
    elif name in _WRITERS:
        adds, empties = name in {"add-content", "ac"}, name in {"clear-content", "clc"}
        write(shell, words[1:], adds=adds, empties=empties)
    _apply(shell, name, stage.rest, stage.rest.strip()[:80] or name)
    if name not in _RULES:
        _note_verb(shell, stage)
    if name == "git":
        # a shell would not see it in a block
        shell.run_argv([name, *(UNKNOWN if word[:1] == "$" else word for word in words[1:])])
    if name in {"sqlcmd", "osql", "invoke-sqlcmd", "bcp", "invoke-dbaquery"}:
        note_sql(shell, " ".join(words[1:]), "tsql")
    if words[0][:1] == "$" and len(words[0]) > 1 and FETCH.search(whole) and re.search(
        rf"&\s*{re.escape(words[0])}\b", whole):  # fmt: skip
        shell.doubt("a program that only a variable names", "command.unknown_code")
    redirect(shell, words)


def _apply(shell: "Shell", name: str, rest: str, target: str) -> None:
    for rule, needs, without in _RULES.get(name, ()):
        if needs.search(rest) and not without.search(rest):
            shell.add(EffectKind(rule.effect), target, Scope(rule.scope), rule.reason)


def _verb(name: str) -> str | None:
    """The verb of a cmdlet that nobody listed, where it destroys and its object is not harmless."""
    match = _CMDLET.match(name)
    if match is None or match[1] not in _WORDS["cmdlet_destroys"]:
        return None
    noun = match[2]
    return None if noun in _WORDS["cmdlet_harmless"] or name in _WORDS["cmdlet_harmless"] else noun


def _note_verb(shell: "Shell", stage: Stage) -> None:
    noun = _verb(stage.name)
    if noun is None:
        return
    kind, reason = EffectKind.INFRASTRUCTURE, "command.destroys_infrastructure"
    if re.search(r"database|sql|table|collection|mongo|redis|cosmos", noun):
        kind, reason = EffectKind.DATABASE, "command.database_destroys"
    shell.add(kind, stage.name, Scope.REMOTE, reason)
