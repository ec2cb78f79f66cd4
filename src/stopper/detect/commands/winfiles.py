"""PowerShell and cmd: which files are deleted and written."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.winpaths import is_home, scope_of
from stopper.detect.commands.winshell import Stage
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["delete", "note_calls", "redirect", "write"]

_MAX_CALLS: Final = 100
_LOGINS: Final = re.compile(r"(?:/\.ssh|/programdata/ssh)/(?:administrators_)?authorized_keys")
_PERSONAL: Final = re.compile(r"/(?:documents|desktop|pictures|music|videos|onedrive)/")
_LISTERS: Final = frozenset({"get-childitem", "gci", "dir", "ls", "get-item", "gi", "resolve-path"})
_LISTED_PATH: Final = lazy(
    r"\b(?:dir|gci|ls|get-childitem|gi|get-item)\b[^|\n]{0,200}?((?:[a-z]:\\|~[\\/]|\$home\b|\$env:\w|%\w{1,40}%)[^\s|\"']{0,200})"
    r"[^|\n]{0,200}\|[^|\n]{0,200}(?:delete\(|\bdelete\b|remove\(|moveto\()",
    re.IGNORECASE,
)
"""Files of a folder that are listed and given to a method which deletes them."""
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
_TOPS: Final = frozenset(
    {"etc", "usr", "home", "var", "bin", "boot", "lib", "opt", "root", "srv", "sbin", "dev"}
)
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


def note_calls(shell: "Shell", text: str) -> None:
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
        write(shell, [match[1]], adds="append" in match[0].lower())


def delete(shell: "Shell", stage: Stage, whole: str) -> None:
    """Note what a command deletes: what it names, or what is piped into it."""
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


def write(shell: "Shell", words: list[str], *, adds: bool, empties: bool = False) -> None:
    """Note that the first path among some words is written."""
    path = next((word for word in words if not _is_option(word)), "")
    if path:
        plain = path.lower().replace("\\", "/")
        if re.search(r"drivers/etc/(?:hosts|networks)", plain):
            shell.add(EffectKind.NETWORK, path, Scope.ROOT, "command.changes_name_resolution")
        if re.search(r"start menu/programs/startup|/startup/", plain):
            shell.add(EffectKind.PERSISTENCE, path, Scope.HOME, "command.runs_later")
        if _LOGINS.search(plain):
            shell.add(EffectKind.PERSISTENCE, path, Scope.HOME, "command.adds_key")
        scope = scope_of(shell, path)
        lost = empties and _PERSONAL.search(plain) is not None
        reason = "command.overwrites_many" if lost else "command.overwrites"
        shell.add(EffectKind.OVERWRITE, path, scope, reason, reversible=adds)


def redirect(shell: "Shell", words: list[str]) -> None:
    """Note the files behind the redirections among a command's words."""
    for place, word in enumerate(words):
        match = re.match(r"(?:[12*])?(>{1,2})(?!&)(.*)$", word)
        if match is None:
            continue
        path = match[2] or "".join(words[place + 1 : place + 2])
        if path.lower() not in {"nul", "$null", "", "con", "/dev/null"} and path[:1] != "&":
            write(shell, [path], adds=match[1] == ">>")


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


def _is_option(word: str) -> bool:
    plain = word.lower()
    if plain.startswith("/") and plain[1:] in _TOPS:
        return False  # PowerShell elsewhere
    return not word or plain in _QUIET_OPTIONS or bool(
        re.match(r"[-/][A-Za-z]+(?::\S*)?$", word)
    )  # fmt: skip
