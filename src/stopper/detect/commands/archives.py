"""Archives and mirrors: what goes in, what comes out and what it replaces."""

import re
from typing import TYPE_CHECKING

from stopper.detect.commands.files import note_onto_home, targets
from stopper.detect.commands.options import Options, read_options
from stopper.detect.commands.paths import is_persistent, is_secret_path
from stopper.detect.commands.stages import is_named_live
from stopper.detect.commands.taint import REMOTE, UNKNOWN, blend, is_literal
from stopper.detect.commands.writes import is_brought, is_system, note_delete, note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS", "is_personal"]

_FAR = re.compile(r"[\w.@-]+::?[^/:]|[\w.@-]+:/|rsync://")
_SHELL = re.compile(r"(?:/(?:usr/)?bin/)?(?:ba|z|da|k)?sh\b")
_WHOLE = frozenset({"/", "/home", "/root", "/etc", "/Users", "/var/lib", "/var/mail"})
_EMPTY = re.compile(r"(?:^|[/_.-])(?:empty|void|null|none)(?:[/_.-]|$)", re.IGNORECASE)
_KEPT = frozenset({Scope.HOME, Scope.WHOLE_WORKSPACE, Scope.WORKSPACE})
_PERSONAL = re.compile(
    r"(?:/home/[^/]+|/Users/[^/]+|/root)/(?:Documents|Desktop|Pictures|Photos|Mail|Library"
    r"|\.config"
    r"|\.mozilla|\.thunderbird|\.local)/?\*?$|^/var/lib/(?!docker)[\w.-]+/?$"
)


def _tar(shell: "Shell", call: "Call") -> str:
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
        folder = options.value("-C", "--directory")
        paths = [
            f"{folder}/{path}" if folder and path[:1] not in "/~" else path
            for path in shell.some(options.operands)
        ]
        content = blend(*(_archived(shell, path) for path in paths), "\x03")
        if options.has("--remove-files"):
            for path in paths:
                note_delete(shell, path, recursive=True)
        if archive not in {None, "-"}:
            note_write(shell, archive or "", content, adds=True)
            return ""
        return content
    if options.has("-x", "--extract"):
        return _extract(shell, call, options, archive)
    return UNKNOWN


def _extract(shell: "Shell", call: "Call", options: Options, archive: str | None) -> str:
    folder = options.value("-C", "--directory")
    source = shell.read(archive) if archive and archive != "-" else call.stdin
    if options.has("-O", "--to-stdout"):
        return blend(source)
    if folder is not None:
        _note_unpacked(shell, folder)
    elif options.has("-P", "--absolute-names", "--absolute-paths"):
        shell.add(EffectKind.OVERWRITE, archive or "-", Scope.ROOT, "command.overwrites")
    if REMOTE in source:
        _note_foreign(shell, folder)
    return UNKNOWN


def _unpack(shell: "Shell", call: "Call") -> str:
    """`unzip -d`: what lies in the archive may replace what lies in the folder."""
    options = read_options(call.args, frozenset({"-d", "-x", "-P"}))
    folder = options.value("-d")
    if options.has("-l", "-t", "-p"):
        return UNKNOWN
    if folder is not None:
        _note_unpacked(shell, folder)
        full = shell.places.resolve(folder, shell.cwd)
        if options.has("-o") and full == shell.places.home:
            shell.add(EffectKind.OVERWRITE, folder, Scope.HOME, "command.overwrites_many")
    if any(REMOTE in shell.read(path) for path in options.operands[:1]):
        _note_foreign(shell, folder)
    return UNKNOWN


def _note_foreign(shell: "Shell", folder: str | None) -> None:
    """What came out of an archive that was fetched is nobody's here."""
    shell.note_clone(shell.places.resolve(folder or ".", shell.cwd), strange=shell.met_strange)


def _cpio(shell: "Shell", call: "Call") -> str:
    """`cpio -i` unpacks, `-o` packs what it reads the names of, `-p` copies."""
    options = read_options(call.args, frozenset({"-D", "--directory", "-F", "-I", "-O", "-H"}))
    folder = options.value("-D", "--directory")
    if options.has("-i", "--extract", "-p", "--pass-through"):
        for path in [folder] if folder else options.operands[-1:]:
            _note_unpacked(shell, path)
        return UNKNOWN
    names = [line for line in call.stdin.split("\n") if line and is_literal(line)]
    return blend(*(_archived(shell, path) for path in shell.some(names)), "\x03")


def _note_unpacked(shell: "Shell", folder: str) -> None:
    """What lies in an archive may replace what lies in the folder, or start to run there."""
    full = shell.places.resolve(folder, shell.cwd)
    scope = shell.places.scope(folder, shell.cwd)
    beside = folder.startswith("..") and full != "/"
    if (scope is Scope.ROOT and not beside) or is_system(f"{full}/"):
        shell.add(EffectKind.OVERWRITE, folder, scope, "command.overwrites")
    elif is_persistent(f"{full.rstrip('/')}/x") or is_secret_path(full):
        shell.add(EffectKind.PERSISTENCE, folder, scope, "command.runs_later")


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
    for flag in options.flags:
        if call.name.startswith("7z") and flag.startswith("-o") and options.operands[:1] == ["x"]:
            _note_unpacked(shell, flag[2:])
    content = blend(*(_archived(shell, path) for path in shell.some(options.operands[1:])), "\x03")
    moves = options.has("-sdel") if call.name.startswith("7z") else options.has("-m", "--move")
    for path in options.operands[1:] if moves else ():
        note_delete(shell, path, recursive=True)
    code = options.value("-TT", "--unzip-command")
    if code:
        shell.run_code(code, "zip")
    if options.operands[:1] == ["-"] or options.has("-so"):
        return content
    if options.operands:
        note_write(shell, options.operands[0], content, adds=True)
    return ""


def _rsync(shell: "Shell", call: "Call") -> str:
    values = frozenset({"-e", "--rsh", "--exclude", "--include", "--files-from", "-f", "--filter",
                        "--rsync-path", "-T", "--port", "--bwlimit"})  # fmt: skip
    options = read_options(call.args, values)
    _run_connection(shell, options)
    sources, target = targets(options)
    if options.has("-n", "--dry-run") or target is None:
        return UNKNOWN
    far = re.match(r"[\w.@-]+::?[^/]*|rsync://", target) and ":" in target
    for source in sources:
        if far and (shell.is_secret(source) or _archived(shell, source) in {"\x02", "\x03"}):
            shell.add(EffectKind.EXFILTRATE, source, Scope.REMOTE, "command.sends_credential")
    if options.has("--remove-source-files"):
        _note_moved(shell, sources)
    deletes = any(flag.startswith("--del") for flag in options.flags)
    if not far and not options.has("-u", "--update", "--ignore-existing", "-b", "--backup"):
        note_onto_home(shell, sources, target)
    if far:
        _note_far(shell, target, deletes=deletes)
        return UNKNOWN
    if deletes and _mirrors(shell, sources, target):
        scope = shell.places.scope(target, shell.cwd)
        shell.add(EffectKind.DELETE, target, scope, "command.mirrors", reversible=True)
    elif deletes:
        note_delete(shell, target, recursive=True)
    else:
        note_write(shell, target, UNKNOWN, adds=True)
    _note_copied(shell, sources, target)
    return UNKNOWN


def _note_far(shell: "Shell", target: str, *, deletes: bool) -> None:
    """What another machine loses; what people live on nobody gets back by sending it again."""
    if deletes and (target.startswith("root@") or is_named_live(target)):
        shell.add(EffectKind.INFRASTRUCTURE, target, Scope.REMOTE, "command.mirrors")
    elif deletes:
        shell.add(EffectKind.DELETE, target, Scope.REMOTE, "command.mirrors", reversible=True)


def _run_connection(shell: "Shell", options: Options) -> None:
    """The program that makes rsync's connection; a shell with all rights is no connection."""
    for code in options.all_values("-e", "--rsh", "--rsync-path"):
        shell.run_code(code, "rsync")
        if shell.elevated and _SHELL.match(code):
            shell.add(EffectKind.PRIVILEGE, "rsync", Scope.ROOT, "command.root_shell")


def _note_copied(shell: "Shell", sources: list[str], target: str) -> None:
    """A credential that is copied to where none belongs is read; what comes from afar is remote."""
    for source in sources:
        if _FAR.match(source):
            name = re.split(r"[/:]", source.rstrip("/"))[-1]
            place = f"{target.rstrip('/')}/{name}" if target.endswith(("/", ".")) else target
            note_write(shell, place, REMOTE, adds=True)
        elif shell.is_secret(source) and not shell.is_secret(target):
            note_read(shell, source)


def _note_moved(shell: "Shell", sources: list[str]) -> None:
    """A whole home folder, or what belongs to the machine, is moved away."""
    for source in sources:
        home = shell.places.resolve(source, shell.cwd) == shell.places.home
        if home or shell.places.scope(source, shell.cwd) is Scope.ROOT:
            note_delete(shell, source, recursive=True)


def _mirrors(shell: "Shell", sources: list[str], target: str) -> bool:
    """What is built here goes where it is served from, and a home folder to a disk of one's own.

    An empty folder would be a deletion.
    """
    if any(_EMPTY.search(source) for source in sources):
        return False
    scopes = {shell.places.scope(source, shell.cwd) for source in sources}
    if shell.places.scope(target, shell.cwd) is not Scope.OUTSIDE:
        return False
    if scopes == {Scope.WORKSPACE}:
        return True
    brought = is_brought(shell.places.resolve(target, shell.cwd))
    return brought and scopes <= _KEPT and all(map(is_literal, sources))


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
    "cpio": _cpio,
    "7za": _zip,
    "7zz": _zip,
    "rsync": _rsync,
}
