"""PowerShell and cmd: what their programs, cmdlets and .NET calls do."""

import base64
import re
from typing import TYPE_CHECKING, Final

from stopper.data.commands import TextRule, load_commands
from stopper.detect.commands.queries import note_sql
from stopper.detect.commands.winleaks import FETCH, note_leaks
from stopper.detect.commands.winlooks import looks_windows
from stopper.detect.commands.winpaths import is_home, scope_of
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


_RULES: Final = _rules()
_WORDS: Final = load_commands().words
_DELETERS: Final = frozenset({"remove-item", "del", "erase", "rd", "rmdir", "ri", "rm", "rni"})
_WRITERS: Final = frozenset(
    {"set-content", "out-file", "add-content", "clear-content", "tee-object", "clc", "ac"}
)
_HOSTS: Final = frozenset({"powershell", "pwsh", "cmd", "start", "call", "wsl", "bash"})
_LISTERS: Final = frozenset({"get-childitem", "gci", "dir", "ls", "get-item", "gi", "resolve-path"})
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
_ENCODED: Final = lazy(r"\s[-/](?:e|ec|en|enc\w*)\s{1,9}['\"]?([A-Za-z0-9+/=]{8,})", re.IGNORECASE)
_FROM_BASE64: Final = lazy(r"frombase64string\(\s{0,9}['\"]([A-Za-z0-9+/=]+)['\"]", re.IGNORECASE)
_HOST_OPTION: Final = lazy(r"[-/](\w+)$")
_BARE_OPTIONS: Final = frozenset(
    {"noprofile", "nop", "noninteractive", "noni", "nologo", "sta", "mta", "noexit", "login", "l"}
)
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
_MADE: Final = lazy(
    r"(?:(?<![\w&|])[&.]\s{0,9}\(|\b(?:iex|invoke-expression)\b\s{0,9}\(?)[^;\n|]{0,300}?(?:(?<![a-z])-join\b|(?<![a-z])-c?replace\b"
    r"|(?<![a-z])-split\b|\s-f\s|\[char|\.replace\(|reverse|tochararray|\.substring\(|frombase64|getstring\(|-bxor|\.insert\("
    r"|\.remove\(|\.tolower\(|\$env:\w{1,40}\[|get-variable|(?:\bgcm|get-command|get-alias|\bgal)\s[^)]{0,80}[$*?]|scriptblock)"
    r"|(?:(?<![a-z])-join\b|(?<![a-z])-c?replace\b|\[char|frombase64|\.replace\(|reverse)[^;\n]{0,300}\|\s{0,9}(?:iex|invoke-expression)\b",
    re.IGNORECASE,
)
"""A command is put together and run."""
_RUNNERS: Final = lazy(
    r"\b(?:iex|invoke-\w+|icm|scriptblock|powershell|pwsh|cmd|start-process|saps|start|schtasks|register-\w+|new-object|wmic"
    r"|bash|wsl|call|mshta|rundll32|add-type|assembly)\b|(?<!&)&\s{0,9}[('\"$]|-c(?:ommand)?\s|\|\s{0,9}iex",
    re.IGNORECASE,
)
_SPACED: Final = lazy(r"'[^'\n]*\s[^'\n]*'|\"[^\"$\n]*\s[^\"$\n]*\"")
_LISTED_PATH: Final = lazy(
    r"\b(?:dir|gci|ls|get-childitem|gi|get-item)\b[^|\n]{0,200}?((?:[a-z]:\\|~[\\/]|\$home\b|\$env:\w|%\w{1,40}%)[^\s|\"']{0,200})"
    r"[^|\n]{0,200}\|[^|\n]{0,200}(?:delete\(|\bdelete\b|remove\(|moveto\()",
    re.IGNORECASE,
)
"""Files of a folder that are listed and given to a method which deletes them."""
_CODED: Final = lazy(r"0x([0-9a-fA-F]{2})")
_CALL_DELETES: Final = lazy(
    r"(?:\[(?:system\.)?io\.(?:file|directory)\]::delete|filesystem\]::delete(?:file"
    r"|directory)|\.delete(?:folder|file)"
    r"|get-item\s{1,9}(?:-path\s{1,9})?|get-childitem\s{1,9}(?:-path\s{1,9})?)\(?\s{0,9}['\"]?("
    r"[a-z~$][^'\",()\n]{0"
    r",260})(?=(['\",)][^;\n]{0,200})?)",
    re.IGNORECASE,
)
_CALL_LISTS: Final = lazy(
    r"\[(?:system\.)?io\.directory\]::(?:enumerate|get)\w{4,20}\(\s{0,9}['\"]?([^'\",()\n]{1,260})",
    re.IGNORECASE,
)
_CALL_WRITES: Final = lazy(
    r"\[(?:system\.)?io\.file\]::(?:writeall\w+|appendall\w+|create\w*|openwrite)\(\s{0,9}['\"]?([^"
    r"'\",()\n]{1,260})",
    re.IGNORECASE,
)
_CMDLET: Final = lazy(r"([a-z]+)-([a-z]\w+)$")
_QUIET_OPTIONS: Final = frozenset({"$true", "$false", "silentlycontinue", "stop", "continue"})
_TAKES_NO_PATH: Final = lazy(
    r"-(?:ea|erroraction|wa|warningaction|inc\w{0,4}|exc\w{0,4}|fi\w{0,4}"
    r"|depth|attributes|stream|credential|i|e)$",
    re.IGNORECASE,
)
_TREES: Final = frozenset({"/s", "-recurse", "-r", "-rf", "-force", "/q", "-fo"})
_NARROW: Final = lazy(
    r"\s-(?:include|filter|name)\s{1,9}[\"']?(?:\*?\.?(?:log|tmp|bak|pyc|obj"
    r"|o|cache|orig|swp|map|dll|pdb|nupkg)\b|bin\b|obj\b|node_modules|__pycache__"
    r"|dist\b|build\b|target\b)",
    re.IGNORECASE,
)


def is_evident(text: str) -> bool:
    """Whether a text looks like Windows, or begins with a cmdlet in any case of its letters."""
    return looks_windows(text) or ("-" in text and text.partition(" ")[0].lower() in _HYPHENED)


def is_windows(name: str) -> bool:
    """Whether a program is one of Windows, or a cmdlet that destroys by its verb."""
    lower = program_name(name)
    return lower in WINDOWS or ("-" in lower and name[:1].isupper() and _verb(lower) is not None)


def run_windows(shell: "Shell", text: str, depth: int = 0) -> None:
    """Note what a text for PowerShell or cmd would do."""
    plain = unfold(text) if depth <= _MAX_DEPTH and len(text) <= _MAX_TEXT else ""
    if depth > _MAX_DEPTH or max(len(text), len(plain)) > _MAX_TEXT:
        shell.doubt("a command too large to judge", "command.too_large")
        return
    lower = plain.lower()
    if _BOMB.search(text) or _BOMB.search(plain) or _SELF_STARTED.search(plain):
        shell.add(EffectKind.FORK_BOMB, "%0", Scope.ROOT, "command.fork_bomb")
    plain = _spread(plain)
    _note_fetched_code(shell, plain, lower)
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
    _note_calls(shell, plain)
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


def _note_fetched_code(shell: "Shell", text: str, lower: str) -> None:
    text = _SOUGHT.sub(" ", text)
    bare = _SPACED.sub("''", text)
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


def _decoded(shell: "Shell", text: str, coding: str, depth: int) -> None:
    plain = text.replace("=", "")
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    data = base64.b64decode(plain + "=" * (-len(plain) % 4))
    run_windows(shell, data.decode(coding, "replace").replace("\x00", ""), depth + 1)


def _note_calls(shell: "Shell", text: str) -> None:
    """Files that calls of .NET and COM delete or write."""
    deletes = ".delete(" in text.lower()
    for match in list(_CALL_DELETES.finditer(text))[:_MAX_CALLS]:
        path = match[1]
        if match[0].lower().startswith("get-"):
            if not deletes:
                continue
            path = path.split()[0]
        shell.add(EffectKind.DELETE, path, scope_of(shell, path), "command.deletes")
    for match in list(_LISTED_PATH.finditer(text))[:_MAX_CALLS]:
        path = match[1].rstrip("\\/") + "\\*"
        shell.add(EffectKind.DELETE, path, scope_of(shell, path), "command.deletes_tree")
    if re.search(r"delete\(|remove-item|\bri\b|\bdel\b|\brm\b", text, re.IGNORECASE):
        for match in list(_CALL_LISTS.finditer(text))[:_MAX_CALLS]:
            path = match[1] + "\\*"
            shell.add(EffectKind.DELETE, path, scope_of(shell, path), "command.deletes_tree")
    for match in list(_CALL_WRITES.finditer(text))[:_MAX_CALLS]:
        _write(shell, [match[1]], adds="append" in match[0].lower())


def _run(shell: "Shell", stage: Stage, whole: str, depth: int) -> None:
    name, words = stage.name, stage.words
    inner = _hosted(shell, stage, depth)
    if inner:
        run_windows(shell, inner, depth + 1)
        if name in _HOSTS:
            return
    if "-whatif" in stage.rest:
        return
    if name in _DELETERS:
        _delete(shell, stage, whole)
    elif name in _WRITERS:
        _write(shell, words[1:], adds=name in {"add-content", "ac"})
    _apply(shell, name, stage.rest, stage.rest.strip()[:80] or name)
    if name not in _RULES:
        _note_verb(shell, stage)
    if name in {"sqlcmd", "osql", "invoke-sqlcmd", "bcp", "invoke-dbaquery"}:
        note_sql(shell, " ".join(words[1:]), "tsql")
    if words[0][:1] == "$" and len(words[0]) > 1 and FETCH.search(whole) and re.search(
        rf"&\s*{re.escape(words[0])}\b", whole):  # fmt: skip
        shell.doubt("a program that only a variable names", "command.unknown_code")
    _redirected(shell, words)


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


def _hosted(shell: "Shell", stage: Stage, depth: int) -> str:
    """What a program runs that runs another: its text, or nothing where it runs none."""
    name, words = stage.name, stage.words
    if name in {"powershell", "pwsh", "powershell_ise"}:
        return _powershell(shell, words[1:])
    if name == "cmd":
        found = next(
            (n for n, word in enumerate(words) if re.match(r"/[ckr]", word, re.IGNORECASE)), None
        )
        if found is None:
            return ""
        return " ".join([words[found][2:], *words[found + 1 :]]).strip()
    if name in {"start", "call"}:
        return " ".join(word for word in words[1:] if not re.fullmatch(r"/\w+|", word))
    if name in {"start-process", "saps"}:
        return _started(words[1:])
    if name in {"wsl", "bash"} and depth:
        return _linux(shell, words[1:])
    if name == "wsl":
        return _linux(shell, words[1:])
    if name in {"iex", "invoke-expression"}:
        source = stage.source.words if stage.source is not None else []
        return " ".join(words[1:] or (source if " " in "".join(source[:1]) else []))
    if name in {"runas", "pcalua", "forfiles", "conhost"}:
        code = next((w for w in words[1:] if " " in w or w.lower().endswith(".exe")), "")
        return code if name != "forfiles" else ""
    return ""


def _powershell(shell: "Shell", words: list[str]) -> str:
    """The code behind PowerShell's options; a file on a share or from the network is noted."""
    items = iter(enumerate(words))
    for place, word in items:
        option = _HOST_OPTION.match(word)
        if option is None:
            code = " ".join(words[place:])
            if place and code.startswith("\\\\"):
                break
            return code.strip("{}& ")
        letters = option[1].lower()
        if letters in _BARE_OPTIONS:
            continue
        if "command".startswith(letters):
            return " ".join(words[place + 1 :]).strip().strip("{}& ")
        if "file".startswith(letters):
            path = "".join(words[place + 1 : place + 2])
            if path.startswith("\\\\") or "://" in path:
                shell.add(EffectKind.REMOTE_CODE, path, Scope.REMOTE, "command.runs_remote_code")
            return ""
        next(items, None)
    return ""


def _started(words: list[str]) -> str:
    """What `Start-Process` starts, with its arguments."""
    program, rest = "", []
    items = iter(words)
    for word in items:
        lower = word.lower()
        if lower.startswith("-f"):
            program = next(items, "")
        elif lower.startswith(("-a", "-ar")):
            rest = [part.lstrip("@(").rstrip(")") for part in items]
        elif lower in {"-verb", "-windowstyle", "-workingdirectory", "-credential"}:
            next(items, "")
        elif not lower.startswith("-"):
            program = program or word
    words = [program, *(part for word in rest for part in word.split(",") if part)]
    return " ".join(words) if rest else ""


def _linux(shell: "Shell", words: list[str]) -> str:
    """What a Linux on Windows runs, as its own shell reads it."""
    while words and re.match(r"-+(?:e|exec|d|distribution|u|user|-?~|-)$", words[0]):
        words = words[1:] if words[0] in {"-e", "--exec", "--", "-~"} else words[2:]
    if words[:1] and words[0] in {"--shutdown", "--terminate", "--unregister", "-l", "--list"}:
        return ""
    if words:
        shell.run_argv(words)
    return ""


def _delete(shell: "Shell", stage: Stage, whole: str) -> None:
    words = stage.words[1:]
    recursive = any(word.lower() in _TREES or word.lower().startswith("-rec") for word in words)
    paths = [item for word in _named(words) for item in word.split(",") if not _is_option(item)]
    source = stage.source
    if (not paths or paths[0].startswith(("$_", "$PSItem", "$psitem"))) and source is not None:
        while source.source is not None and source.name not in _LISTERS:
            source = source.source
        paths = _listed(source, whole) or _piped(source, whole)
        recursive = True
    reason = "command.deletes_tree" if recursive else "command.deletes"
    for written in paths:
        unknown = written[:1] == "$" and not is_home(written)
        path = (_origin(written, whole) if unknown else "") or written
        shell.add(EffectKind.DELETE, path, scope_of(shell, path), reason)


def _piped(source: Stage, whole: str) -> list[str]:
    """The paths that are piped as such, or in a variable that the text sets."""
    listed = source.words[0]
    if listed[:1] == "$":
        found = re.search(rf"{re.escape(listed)}\s{{0,9}}=([^;\n]{{1,999}})", whole)
        listed = "" if found is None else found[1]
    paths = (path.strip(" '\"()@") for path in listed.split(","))
    return [path for path in paths if re.match(r"[A-Za-z]:\\|[~%]", path)]


def _named(words: list[str]) -> list[str]:
    """The words that may be paths: not the values of options for anything else."""
    pairs = zip(["", *words], words, strict=False)
    return [word for before, word in pairs if not _TAKES_NO_PATH.match(before)]


def _listed(source: Stage, whole: str) -> list[str]:
    """The folders whose content a listing names; a filter for what is built again makes it mild."""
    if source.name not in _LISTERS:
        return []
    paths = [
        item
        for word in _named(source.words[1:])
        for item in word.split(",")
        if not _is_option(item)
    ]
    folders = [path for path in paths[:1] if re.match(r"[A-Za-z]:|[\\/.~$%]|\w", path)]
    if _NARROW.search(" ".join(source.words)) and not re.match(r"[A-Za-z]:\\?$", "".join(folders)):
        return []
    return [_all_of(path, whole) for path in folders if path not in {".", "*"}]


def _all_of(path: str, whole: str) -> str:
    """All that a folder holds; of a variable of the environment with a slash, that is the root."""
    bare = re.fullmatch(r"\$(env:\w{1,40}|\w{1,40})[\\/]\*?", path)
    if bare is not None:
        name = re.escape(bare[1])
        taken = re.search(
            rf"\${name}\s{{0,9}}=\s{{0,9}}\$env:\w{{1,40}}\s{{0,9}}(?:[;\n]|$)", whole
        )
        if taken is not None:
            return "C:\\*"
    return path.rstrip("\\/") + "\\*"


def _origin(path: str, whole: str) -> str:
    """The folder that a variable's values come from, where the text says it."""
    name = re.match(r"\$\{?(\w{1,40})", path)
    if name is None:
        return ""
    found = re.search(
        rf"\${name[1]}\s{{0,9}}(?:\bin\b|=)[^;\n{{]{{0,120}}?([A-Za-z]:\\[^\s'\")]{{0,200}})", whole
    )
    return "" if found is None else found[1].rstrip("\\") + "\\*"


def _write(shell: "Shell", words: list[str], *, adds: bool) -> None:
    path = next((word for word in words if not _is_option(word)), "")
    if path:
        plain = path.lower().replace("\\", "/")
        if re.search(r"drivers/etc/(?:hosts|networks)", plain):
            shell.add(EffectKind.NETWORK, path, Scope.ROOT, "command.changes_name_resolution")
        if re.search(r"start menu/programs/startup|/startup/", plain):
            shell.add(EffectKind.PERSISTENCE, path, Scope.HOME, "command.runs_later")
        scope = scope_of(shell, path)
        shell.add(EffectKind.OVERWRITE, path, scope, "command.overwrites", reversible=adds)


def _redirected(shell: "Shell", words: list[str]) -> None:
    for place, word in enumerate(words):
        match = re.match(r"(?:[12*])?(>{1,2})(?!&)(.*)$", word)
        if match is None:
            continue
        path = match[2] or "".join(words[place + 1 : place + 2])
        if path.lower() not in {"nul", "$null", "", "con", "/dev/null"} and path[:1] != "&":
            _write(shell, [path], adds=match[1] == ">>")


def _is_option(word: str) -> bool:
    plain = word.lower()
    return not word or plain in _QUIET_OPTIONS or bool(
        re.match(r"[-/][A-Za-z]+(?::\S*)?$", word)
    )  # fmt: skip
