"""Programs that delete, overwrite and move files, and those that write disks."""

import re
from typing import TYPE_CHECKING

from stopper.data.commands import load_commands
from stopper.detect.commands.endless import ENDLESS, is_huge
from stopper.detect.commands.flow import generic
from stopper.detect.commands.options import Options, read_options
from stopper.detect.commands.paths import is_device
from stopper.detect.commands.permissions import note_setuid
from stopper.detect.commands.taint import REMOTE, SECRET, UNKNOWN, blend
from stopper.detect.commands.writes import MOVED, is_system, note_delete, note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS", "note_onto_home", "targets"]

_BLOCKS = re.compile(r"(\d{1,9})([kKMGTP]?)[iB]{0,2}\*(\d{1,9})")
_COPY_VALUES = frozenset({"-t", "--target-directory", "-S", "--suffix", "-m", "-o", "-g", "--mode"})

_TABLES = load_commands()


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
    size = options.value("-s", "--size") or ""
    if is_huge(size):
        shell.add(EffectKind.FORK_BOMB, size, Scope.ROOT, "command.exhausts")
    for path in shell.some(options.operands):
        note_write(shell, path, "")
    return ""


def targets(options: Options) -> tuple[list[str], str | None]:
    """The sources and the target of `cp`, `mv` and their kin."""
    folder = options.value("-t", "--target-directory")
    if folder is not None:
        return options.operands, folder
    *sources, target = options.operands or [""]
    return (sources, target) if sources else ([target], None)


def _copy(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _COPY_VALUES)
    sources, target = targets(options)
    content = blend(*(_content(shell, source, target) for source in shell.some(sources)))
    if len(sources) == 1 and content == UNKNOWN:
        content = shell.read(sources[0])
    if "/dev/null" in sources or "/dev/zero" in sources:
        content = ""
    if target is not None:
        _into_folder(shell, sources, target)
        if call.name != "install" and not options.has("-n", "--no-clobber", "-b", "-u", "-i"):
            note_onto_home(shell, sources, target)
        note_write(shell, target, content, adds=content != "")
        mode = options.value("-m", "--mode")
        if mode:
            note_setuid(shell, target, mode)
    return ""


def note_onto_home(shell: "Shell", sources: list[str], target: str) -> None:
    """All that folders hold is laid over a home folder, or over all programs of a machine."""
    if shell.places.resolve(target, shell.cwd) != shell.places.home:
        return
    for source in shell.some(sources):
        if source.endswith(("/", "/.", "/*", "/.[!.]*")) and not shell.is_secret(source):
            shell.add(EffectKind.OVERWRITE, target, Scope.HOME, "command.overwrites_many")


def _into_folder(shell: "Shell", sources: list[str], target: str) -> None:
    """A file that goes into a folder of programs is written there under its own name."""
    if target.rstrip("/").endswith("bin"):
        for source in shell.some(sources):
            note_write(
                shell, f"{target.rstrip('/')}/{source.rpartition('/')[2]}", UNKNOWN, adds=True
            )


def _content(shell: "Shell", source: str, target: str | None) -> str:
    """A credential that stays where credentials belong is not read by anyone."""
    if target is not None and shell.is_secret(target):
        return shell.read(source)
    return note_read(shell, source)


def _move(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _COPY_VALUES)
    sources, target = targets(options)
    if target is None:
        return ""
    gone = target in {"/dev/null", "/dev/zero"}
    for source in shell.some(sources):
        if gone:
            note_delete(shell, source, recursive=True)
            continue
        scope = shell.places.scope(source, shell.cwd)
        whole = scope in {Scope.ROOT, Scope.WHOLE_WORKSPACE} or (
            scope is Scope.HOME
            and (
                shell.places.is_all(source)
                or shell.places.resolve(source, shell.cwd) == shell.places.home
            )
        )
        if whole or source.rstrip("/").endswith("/.git") or is_system(source):
            shell.add(EffectKind.DELETE, source, scope, "command.moves_away")
    if not gone:
        _into_folder(shell, sources, target)
        note_write(shell, target, UNKNOWN, adds=True)
        full = shell.places.resolve(target, shell.cwd)
        if len(sources) == 1:
            shell.files[MOVED + full] = shell.places.resolve(sources[0], shell.cwd)
        if sources:
            shell.files[full] = shell.read(sources[0])
            if shell.is_strange(shell.places.resolve(sources[0], shell.cwd)):
                shell.note_strange(full)
    return ""


def _link(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _COPY_VALUES)
    sources, target = targets(options)
    if target is not None and not _is_own_link(shell, sources, target):
        # without -f, nothing is ever replaced
        kept = not options.has("-f", "--force") or _is_own_program(shell, sources, target)
        switches = options.has("-n", "--no-dereference") and _is_switch(shell, sources, target)
        kept = kept or switches
        note_write(shell, target, UNKNOWN, append=kept)
    return ""


def _is_switch(shell: "Shell", sources: list[str], target: str) -> bool:
    """A link that is set to another of the folders beside it: `latest`, `current`."""
    full = shell.places.resolve(target, shell.cwd)
    folder = full.rpartition("/")[0]
    return (
        len(sources) == 1
        and folder.count("/") > 1
        and shell.places.scope(target, shell.cwd) is Scope.OUTSIDE
        and not is_system(full)
        and shell.places.resolve(sources[0], folder).startswith(folder + "/")
    )


def _is_own_link(shell: "Shell", sources: list[str], target: str) -> bool:
    """A setting that is kept elsewhere in the home folder, linked under its own name."""
    names = {path.rpartition("/")[2].lstrip(".") for path in [*sources, target]}
    places = {shell.places.scope(path, shell.cwd) for path in [*sources, target]}
    return len(names) == 1 and places == {Scope.HOME}


def _is_own_program(shell: "Shell", sources: list[str], target: str) -> bool:
    """A program of the workspace under a name that no other one has, where its user finds it."""
    if len(sources) != 1 or shell.places.scope(sources[0], shell.cwd) is not Scope.WORKSPACE:
        return False
    folder, _, name = shell.places.resolve(target, shell.cwd).rpartition("/")
    if name == "bin":
        folder, name = f"{folder}/bin", sources[0].rpartition("/")[2]
    source = shell.places.resolve(sources[0], shell.cwd)
    fetched = shell.is_foreign(source) or REMOTE in shell.files.get(source, "")
    home = shell.places.home
    return folder in {f"{home}/bin", f"{home}/.local/bin"} and not fetched and not _is_taken(name)


def _is_taken(name: str) -> bool:
    """Whether a program of that name is known."""
    return name in _TABLES.programs or name in _TABLES.wrappers or name in _TABLES.runners


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
        content = UNKNOWN if target else SECRET
    if target is None:
        return content
    endless = source in ENDLESS and ("count" not in pairs or _is_large(pairs))
    if endless and not is_device(shell.places.resolve(target, shell.cwd)):
        shell.add(EffectKind.FORK_BOMB, target, Scope.ROOT, "command.exhausts")
    note_write(shell, target, "" if source in ENDLESS else content)
    return ""


def _is_large(pairs: dict[str, str]) -> bool:
    """Whether `dd` copies more than any task needs."""
    match = _BLOCKS.fullmatch(f"{pairs.get('bs', '512')}*{pairs['count']}")
    if match is None:
        return False
    return is_huge(f"{int(match[1]) * int(match[3])}{match[2]}")


def _disk(shell: "Shell", call: "Call") -> str:
    """`mkfs` and its kin: whatever they name is lost."""
    values = frozenset({"-t", "-L", "-b", "-U", "-O", "-N", "-m"})
    labels = "vfat" in call.path or "fat" in call.args or "f2fs" in call.path
    options = read_options(call.args, values | {"-n", "-F", "-l"} if labels else values)
    dry = ("-n", "--no-act", "-l", "--list") if not labels else ()
    if options.has("--help", "--version", "-V", *dry):
        return ""
    if call.name == "wipefs" and not options.has("-a", "--all", "-o", "--offset"):
        return UNKNOWN
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


def _trash(shell: "Shell", call: "Call") -> str:
    for path in shell.some(read_options(call.args).operands):
        scope = shell.places.scope(path, shell.cwd)
        shell.add(EffectKind.DELETE, path, scope, "command.deletes", reversible=True)
    return ""


def _allocate(shell: "Shell", call: "Call") -> str:
    """`fallocate`, `mkfile`: a file so large that nothing else fits."""
    options = read_options(call.args, frozenset({"-l", "--length", "-o", "--offset"}))
    sizes = [*options.all_values("-l", "--length"), *options.operands[:1]]
    if any(map(is_huge, sizes)):
        shell.add(EffectKind.FORK_BOMB, sizes[0], Scope.ROOT, "command.exhausts")
    empties = options.has("-z", "--zero-range", "-p", "--punch-hole", "-c", "--collapse-range")
    for path in shell.some(options.operands[-1:]):
        note_write(shell, path, UNKNOWN, adds=not empties)
    return ""


def _patch(shell: "Shell", call: "Call") -> str:
    """`patch FILE`: a file that is named is changed, wherever it lies."""
    values = frozenset({"-i", "--input", "-d", "--directory", "-o", "--output", "-p", "-r", "-D"})
    options = read_options(call.args, values)
    if not options.has("--dry-run"):
        for path in [*options.operands[:1], *options.all_values("-o", "--output")]:
            note_write(shell, path, UNKNOWN)
        for folder in options.all_values("-d", "--directory"):
            scope = shell.places.scope(folder, shell.cwd)
            if scope is Scope.ROOT or is_system(f"{shell.places.resolve(folder, shell.cwd)}/"):
                shell.add(EffectKind.OVERWRITE, folder, Scope.ROOT, "command.overwrites")
    return UNKNOWN


def _gpg(shell: "Shell", call: "Call") -> str:
    """`gpg -o` writes a file, which may be there already."""
    values = frozenset({"-o", "--output", "-r", "--recipient", "--passphrase", "--homedir", "-u"})
    options = read_options(call.args, values)
    for target in options.all_values("-o", "--output"):
        note_write(shell, target, UNKNOWN, adds=True)
    return generic(shell, call)


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
    "dc3dd": _dd,
    "fallocate": _allocate,
    "mkfile": _allocate,
    "patch": _patch,
    "gpg": _gpg,
    "gpg2": _gpg,
    **dict.fromkeys(("trash", "trash-put", "gio-trash"), _trash),
    **dict.fromkeys(("mkfs", "mkswap", "wipefs", "blkdiscard", "blkzone"), _disk),
    **dict.fromkeys(
        ("fdisk", "sfdisk", "gdisk", "sgdisk", "cfdisk", "parted", "badblocks"), _partition
    ),
}
