"""Programs that delete, overwrite, move and protect files, and those that write disks."""

import re
from typing import TYPE_CHECKING

from stopper.detect.commands.options import Options, read_options
from stopper.detect.commands.paths import is_device, is_privileged
from stopper.detect.commands.taint import REMOTE, UNKNOWN, blend
from stopper.detect.commands.writes import is_system, note_delete, note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_COPY_VALUES = frozenset({"-t", "--target-directory", "-S", "--suffix", "-m", "-o", "-g", "--mode"})
_WORLD = re.compile(r"0?[0-7]?[0-7][0-7][2367]\Z|[ugoa]*[ao][ugo]*[+=]r?w|[+=]r?w?x?w|777|[ao]=rwx")
_SETUID = re.compile(r"0?[2467][0-7]{3}\Z|[ugoa]*[+=][rwx]*s")


def _rm(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args)
    recursive = options.has("-r", "-R", "--recursive")
    for path in shell.some(options.operands):
        if path.strip() == "" and path != UNKNOWN:
            continue
        note_delete(shell, path, recursive=recursive)
    return ""


def _rmdir(_shell: "Shell", _call: "Call") -> str:
    """Only empty folders go: nothing is lost."""
    return ""


def _shred(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"-n", "-s", "--iterations", "--size"}))
    for path in shell.some(options.operands):
        full = shell.places.resolve(path, shell.cwd)
        if is_device(full):
            shell.add(EffectKind.DISK, path, Scope.ROOT, "command.writes_disk")
        else:
            note_delete(shell, path, recursive=False)
    return ""


def _truncate(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"-s", "--size", "-r", "--reference"}))
    for path in shell.some(options.operands):
        note_write(shell, path, "")
    return ""


def _targets(options: Options) -> tuple[list[str], str | None]:
    """The sources and the target of `cp`, `mv` and their kin."""
    folder = options.value("-t", "--target-directory")
    if folder is not None:
        return options.operands, folder
    *sources, target = options.operands or [""]
    return (sources, target) if sources else ([target], None)


def _copy(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _COPY_VALUES)
    sources, target = _targets(options)
    content = blend(*(_content(shell, source, target) for source in shell.some(sources)))
    if len(sources) == 1 and content == UNKNOWN:
        content = shell.read(sources[0])
    if "/dev/null" in sources or "/dev/zero" in sources:
        content = ""
    if target is not None:
        note_write(shell, target, content, adds=content != "")
        mode = options.value("-m", "--mode")
        if mode and _SETUID.match(mode):
            shell.add(EffectKind.PRIVILEGE, target, Scope.ROOT, "command.sets_setuid")
    return ""


def _content(shell: "Shell", source: str, target: str | None) -> str:
    """A credential that stays where credentials belong is not read by anyone."""
    if target is not None and shell.is_secret(target):
        return shell.read(source)
    return note_read(shell, source)


def _move(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _COPY_VALUES)
    sources, target = _targets(options)
    if target is None:
        return ""
    gone = target in {"/dev/null", "/dev/zero"}
    for source in shell.some(sources):
        if gone:
            note_delete(shell, source, recursive=True)
            continue
        scope = shell.places.scope(source, shell.cwd)
        whole = scope in {Scope.ROOT, Scope.WHOLE_WORKSPACE} or (
            scope is Scope.HOME and shell.places.is_all(source)
        )
        if whole or source.rstrip("/").endswith("/.git") or is_system(source):
            shell.add(EffectKind.DELETE, source, scope, "command.moves_away")
    if not gone:
        note_write(shell, target, UNKNOWN, adds=True)
        full = shell.places.resolve(target, shell.cwd)
        if sources:
            shell.files[full] = shell.read(sources[0])
    return ""


def _link(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _COPY_VALUES)
    _, target = _targets(options)
    if target is not None:
        note_write(shell, target, UNKNOWN, adds=not options.has("-f", "--force"))
    return ""


def _tee(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args)
    for path in shell.some(options.operands):
        note_write(shell, path, call.stdin, append=options.has("-a", "--append"))
    return call.stdin


def _sponge(shell: "Shell", call: "Call") -> str:
    for path in shell.some(read_options(call.args).operands):
        note_write(shell, path, call.stdin or UNKNOWN)
    return ""


def _dd(shell: "Shell", call: "Call") -> str:
    pairs = dict(arg.partition("=")[::2] for arg in call.args if "=" in arg)
    source, target = pairs.get("if"), pairs.get("of")
    content = note_read(shell, source) if source else call.stdin or UNKNOWN
    if source and is_device(shell.places.resolve(source, shell.cwd)):
        content = UNKNOWN
    if target is None:
        return content
    note_write(shell, target, content)
    return ""


def _chmod(shell: "Shell", call: "Call") -> str:
    args = call.args
    place = next(
        (n for n, arg in enumerate(args) if arg[:1] != "-" or re.match(r"-[rwxst]+$", arg)), None
    )
    if place is None:
        return ""
    options = read_options([*args[:place], *args[place + 1 :]], frozenset({"--reference"}))
    mode, paths = args[place], options.operands
    recursive = options.has("-R", "--recursive")
    world = any(_WORLD.match(part) for part in mode.split(","))
    locks = re.fullmatch(r"0?000|a?-rwx|a=|0", mode) is not None
    for path in shell.some(paths):
        if any(_SETUID.match(part) for part in mode.split(",")):
            _setuid(shell, path, mode)
        _note_permissions(shell, path, recursive=recursive, open_to_all=world, locks=locks)
    return ""


def _setuid(shell: "Shell", path: str, mode: str) -> None:
    sticky = re.fullmatch(r"0?[12][0-7]{3}|[ugoa]*\+t|g[+=][rwx]*s", mode)
    if not sticky:
        shell.add(EffectKind.PRIVILEGE, path, Scope.ROOT, "command.sets_setuid")


def _note_permissions(
    shell: "Shell", path: str, *, recursive: bool, open_to_all: bool, locks: bool
) -> None:
    scope = shell.places.scope(path, shell.cwd)
    full = shell.places.resolve(path, shell.cwd)
    if is_device(full):
        shell.add(EffectKind.PERMISSIONS, path, Scope.ROOT, "command.opens_device")
        return
    wide = scope in {Scope.ROOT, Scope.OUTSIDE} or (
        recursive and scope is Scope.HOME and not open_to_all and full == shell.places.home
    )
    bad = open_to_all and (recursive or scope in {Scope.ROOT, Scope.OUTSIDE, Scope.HOME})
    if scope is Scope.TEMP or scope is Scope.CACHE:
        bad = False
    system = wide and recursive
    secret = shell.is_secret(path) and open_to_all
    reversible = not (bad or system or secret or (locks and recursive) or is_privileged(full))
    if scope is Scope.OUTSIDE and not open_to_all and not recursive:
        reversible = reversible or not is_privileged(full)
    reason = "command.opens_to_all" if open_to_all else "command.changes_permissions"
    shell.add(EffectKind.PERMISSIONS, path, scope, reason, reversible=reversible)


def _chown(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"--from", "--reference"}))
    recursive = options.has("-R", "--recursive")
    paths = options.operands if options.has("--reference") else options.operands[1:]
    for path in shell.some(paths):
        scope = shell.places.scope(path, shell.cwd)
        full = shell.places.resolve(path, shell.cwd)
        mine = full == shell.places.home and "root" not in options.operands[0]
        broad = scope is Scope.ROOT or (full == shell.places.home and not mine)
        system = scope is Scope.OUTSIDE and full.startswith(("/etc", "/usr/", "/lib", "/bin"))
        grave = (recursive and (broad or system)) or is_privileged(full) or is_device(full)
        local = full.startswith(("/usr/local/", "/usr/lib/node_modules"))
        shell.add(
            EffectKind.PERMISSIONS,
            path,
            scope,
            "command.changes_owner",
            reversible=not grave or local,
        )
    return ""


def _chattr(shell: "Shell", call: "Call") -> str:
    for path in shell.some(read_options(call.args).operands):
        if path[:1] in "+=":
            continue
        scope = shell.places.scope(path, shell.cwd)
        shell.add(
            EffectKind.PERMISSIONS, path, scope, "command.changes_permissions",
            reversible=scope in {Scope.WORKSPACE, Scope.TEMP},
        )  # fmt: skip
    return ""


def _setfacl(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"-m", "-x", "-M", "-X"}))
    for path in shell.some(options.operands):
        scope = shell.places.scope(path, shell.cwd)
        open_to_all = re.search(
            r"(?:^|,)(?:o|other|u|user)::?(?:nobody)?:?rwx", options.value("-m") or ""
        )
        shell.add(
            EffectKind.PERMISSIONS, path, scope, "command.changes_permissions",
            reversible=not open_to_all and scope not in {Scope.ROOT, Scope.OUTSIDE},
        )  # fmt: skip
    return ""


def _disk(shell: "Shell", call: "Call") -> str:
    """`mkfs` and its kin: whatever they name is lost."""
    options = read_options(call.args, frozenset({"-t", "-L", "-b", "-F", "-U", "-O", "-N", "-m"}))
    if options.has("--help", "--version", "-V", "-l", "--list", "-n", "--no-act"):
        return ""
    paths = [path for path in options.operands if "/" in path] or options.operands[-1:]
    for path in paths:
        full = shell.places.resolve(path, shell.cwd)
        scope = shell.places.scope(path, shell.cwd)
        if scope in {Scope.WORKSPACE, Scope.TEMP} and not is_device(full):
            shell.add(EffectKind.OVERWRITE, path, scope, "command.overwrites")
        else:
            shell.add(EffectKind.DISK, path, Scope.ROOT, "command.writes_disk")
    return ""


def _partition(shell: "Shell", call: "Call") -> str:
    """`fdisk` and its kin: only listing changes nothing."""
    shows = {"-l", "--list", "--getsz", "-x", "-d", "--dump", "-V", "--version", "-h", "-p",
             "-i", "--help", "-v", "--print", "--info", "print", "list", "info"}  # fmt: skip
    if any(arg in shows for arg in call.args) or not call.args:
        return UNKNOWN
    target = next((arg for arg in call.args if arg.startswith("/dev/")), " ".join(call.args))
    shell.add(EffectKind.DISK, target, Scope.ROOT, "command.writes_disk")
    return ""


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


def _archived(shell: "Shell", path: str) -> str:
    """What goes into an archive; a whole home folder holds credentials."""
    full = shell.places.resolve(path, shell.cwd)
    if full in {shell.places.home, "/", "/home", "/root", "/etc", "/Users"}:
        return "\x02"
    return note_read(shell, path)


def _zip(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"-x", "-i", "-P", "-n", "-t"}))
    content = blend(*(_archived(shell, path) for path in shell.some(options.operands[1:])), "\x03")
    code = options.value("-TT", "--unzip-command")
    if code:
        shell.run_code(code, "zip")
    if options.operands[:1] == ["-"]:
        return content
    if options.operands:
        note_write(shell, options.operands[0], content, adds=True)
    return ""


def _trash(shell: "Shell", call: "Call") -> str:
    for path in shell.some(read_options(call.args).operands):
        scope = shell.places.scope(path, shell.cwd)
        shell.add(EffectKind.DELETE, path, scope, "command.deletes", reversible=True)
    return ""


def _rsync(shell: "Shell", call: "Call") -> str:
    values = frozenset({"-e", "--rsh", "--exclude", "--include", "--files-from", "-f", "--filter",
                        "--rsync-path", "-T", "--port", "--bwlimit"})  # fmt: skip
    options = read_options(call.args, values)
    for code in options.all_values("-e", "--rsh", "--rsync-path"):
        shell.run_code(code, "rsync")
    sources, target = _targets(options)
    if options.has("-n", "--dry-run") or target is None:
        return UNKNOWN
    far = re.match(r"[\w.@-]+::?[^/]*|rsync://", target) and ":" in target
    for source in sources:
        if far and (shell.is_secret(source) or _archived(shell, source) == "\x02"):
            shell.add(EffectKind.EXFILTRATE, source, Scope.REMOTE, "command.sends_credential")
    deletes = any(flag.startswith("--del") for flag in options.flags)
    if far:
        if deletes:
            shell.add(EffectKind.DELETE, target, Scope.REMOTE, "command.mirrors", reversible=True)
        return UNKNOWN
    if deletes:
        note_delete(shell, target, recursive=True)
    else:
        note_write(shell, target, UNKNOWN, adds=True)
    return UNKNOWN


HANDLERS: "dict[str, Handler]" = {
    **dict.fromkeys(("rm", "grm", "unlink", "srm"), _rm),
    "rmdir": _rmdir,
    "shred": _shred,
    "wipe": _shred,
    "truncate": _truncate,
    "cp": _copy,
    "gcp": _copy,
    "install": _copy,
    "mv": _move,
    "gmv": _move,
    "ln": _link,
    "tee": _tee,
    "sponge": _sponge,
    "dd": _dd,
    "dcfldd": _dd,
    "chmod": _chmod,
    "chown": _chown,
    "chgrp": _chown,
    "chattr": _chattr,
    "setfacl": _setfacl,
    "tar": _tar,
    "gtar": _tar,
    "bsdtar": _tar,
    "zip": _zip,
    "7z": _zip,
    "rsync": _rsync,
    **dict.fromkeys(("trash", "trash-put", "gio-trash"), _trash),
    **dict.fromkeys(("mkfs", "mkswap", "wipefs", "blkdiscard", "mdadm-zero", "hdparm"), _disk),
    **dict.fromkeys(
        ("fdisk", "sfdisk", "gdisk", "sgdisk", "cfdisk", "parted", "badblocks"), _partition
    ),
}
