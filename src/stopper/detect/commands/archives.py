"""Archives and mirrors: what goes in, what comes out and what it replaces."""

import re
from typing import TYPE_CHECKING

from stopper.detect.commands.files import targets
from stopper.detect.commands.options import read_options
from stopper.detect.commands.taint import REMOTE, UNKNOWN, blend
from stopper.detect.commands.writes import is_system, note_delete, note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS", "is_personal"]

_WHOLE = frozenset({"/", "/home", "/root", "/etc", "/Users", "/var/lib", "/var/mail"})
_PERSONAL = re.compile(
    r"(?:/home/[^/]+|/Users/[^/]+|/root)/(?:Documents|Desktop|Pictures|Photos|Mail|Library|\.config"
    r"|\.mozilla|\.thunderbird|\.local)/?\*?$|^/var/lib/(?!docker)[\w.-]+/?$"
)


def _tar(shell: "Shell", call: "Call") -> str:  # noqa: C901  one branch a mode
    args = list(call.args)
    if args and args[0][:1] != "-" and re.fullmatch(r"[A-Za-z]+", args[0]):
        args[0] = "-" + args[0]
    options = read_options(
        args,
        frozenset({"-f", "-C", "-T", "-X", "--file", "--directory", "--exclude", "--checkpoint",
                   "--checkpoint-action", "-I", "--use-compress-program", "--to-command",
                   "--transform", "--strip-components", "-F", "--info-script"}),
    )  # fmt: skip
    for code in options.all_values(
        "--checkpoint-action", "--to-command", "-I", "--use-compress-program", "-F", "--info-script"
    ):
        shell.run_code(code.removeprefix("exec=").removeprefix("="), "tar")
    archive = options.value("-f", "--file")
    if options.has("-c", "--create", "-r", "-u"):
        content = blend(*(_archived(shell, path) for path in shell.some(options.operands)), "\x03")
        if options.has("--remove-files"):
            for path in shell.some(options.operands):
                note_delete(shell, path, recursive=True)
        if archive not in {None, "-"}:
            note_write(shell, archive or "", content, adds=True)
            return ""
        return content
    if options.has("-x", "--extract"):
        folder = options.value("-C", "--directory")
        if folder is not None:
            scope = shell.places.scope(folder, shell.cwd)
            if scope is Scope.ROOT or folder.startswith("/etc"):
                shell.add(EffectKind.OVERWRITE, folder, scope, "command.overwrites")
        source = shell.read(archive) if archive not in {None, "-"} else call.stdin
        if REMOTE in source:
            return UNKNOWN
    return UNKNOWN


def _unpack(shell: "Shell", call: "Call") -> str:
    """`unzip -d`: what lies in the archive may replace what lies in the folder."""
    options = read_options(call.args, frozenset({"-d", "-x", "-P"}))
    folder = options.value("-d")
    if folder is not None and not options.has("-l", "-t", "-p"):
        full = shell.places.resolve(folder, shell.cwd)
        scope = shell.places.scope(folder, shell.cwd)
        if scope is Scope.ROOT or is_system(full):
            shell.add(EffectKind.OVERWRITE, folder, scope, "command.overwrites")
    return UNKNOWN


def _archived(shell: "Shell", path: str) -> str:
    """What goes into an archive; a whole home folder holds credentials."""
    full = shell.places.resolve(path, shell.cwd)
    if full in {
        shell.places.home,
        "/",
        "/home",
        "/root",
        "/etc",
        "/Users",
        "/var/lib",
        "/var/mail",
    }:
        return "\x02"
    if is_personal(full):
        return "\x03"
    return note_read(shell, path)


def _zip(shell: "Shell", call: "Call") -> str:
    options = read_options(
        call.args, frozenset({"-x", "-i", "-P", "-n", "-t", "-TT", "--unzip-command"})
    )
    content = blend(*(_archived(shell, path) for path in shell.some(options.operands[1:])), "\x03")
    code = options.value("-TT", "--unzip-command")
    if code:
        shell.run_code(code, "zip")
    if options.operands[:1] == ["-"]:
        return content
    if options.operands:
        note_write(shell, options.operands[0], content, adds=True)
    return ""


def _rsync(shell: "Shell", call: "Call") -> str:
    values = frozenset({"-e", "--rsh", "--exclude", "--include", "--files-from", "-f", "--filter",
                        "--rsync-path", "-T", "--port", "--bwlimit"})  # fmt: skip
    options = read_options(call.args, values)
    for code in options.all_values("-e", "--rsh", "--rsync-path"):
        shell.run_code(code, "rsync")
    sources, target = targets(options)
    if options.has("-n", "--dry-run") or target is None:
        return UNKNOWN
    far = re.match(r"[\w.@-]+::?[^/]*|rsync://", target) and ":" in target
    for source in sources:
        if far and (shell.is_secret(source) or _archived(shell, source) in {"\x02", "\x03"}):
            shell.add(EffectKind.EXFILTRATE, source, Scope.REMOTE, "command.sends_credential")
    deletes = any(flag.startswith("--del") for flag in options.flags)
    if far:
        if deletes:
            shell.add(EffectKind.DELETE, target, Scope.REMOTE, "command.mirrors", reversible=True)
        return UNKNOWN
    if deletes and _mirrors(shell, sources, target):
        scope = shell.places.scope(target, shell.cwd)
        shell.add(EffectKind.DELETE, target, scope, "command.mirrors", reversible=True)
    elif deletes:
        note_delete(shell, target, recursive=True)
    else:
        note_write(shell, target, UNKNOWN, adds=True)
    return UNKNOWN


def _mirrors(shell: "Shell", sources: list[str], target: str) -> bool:
    """What is built here goes where it is served from; an empty folder would be a deletion."""
    built = all(shell.places.scope(s, shell.cwd) is Scope.WORKSPACE for s in sources)
    return built and shell.places.scope(target, shell.cwd) is Scope.OUTSIDE


def is_personal(full: str) -> bool:
    """Whether a path is a whole folder of somebody's own: documents, settings, a service's data."""
    return _PERSONAL.search(full) is not None


HANDLERS: "dict[str, Handler]" = {
    "tar": _tar,
    "gtar": _tar,
    "bsdtar": _tar,
    "zip": _zip,
    "7z": _zip,
    "unzip": _unpack,
    "rsync": _rsync,
}
