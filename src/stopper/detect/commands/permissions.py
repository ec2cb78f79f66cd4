"""Programs that change who may do what with a file."""

import re
from typing import TYPE_CHECKING

from stopper.detect.commands.options import Options, read_options
from stopper.detect.commands.paths import is_device, is_privileged
from stopper.detect.commands.taint import UNKNOWN
from stopper.detect.commands.writes import is_system
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS", "note_setuid"]

_WORLD = re.compile(r"0?[0-7]?[0-7][0-7][2367]\Z|[ugoa]*[ao][ugo]*[+=]r?w|[+=]r?w?x?w|777|[ao]=rwx")
_PROGRAMS = re.compile(r"/(?:usr/)?(?:s?bin|lib(?:32|64)?)/")
_CORE = re.compile(
    r"/(?:etc|usr|boot|root|var(?:/(?:lib|spool|mail))?|lib\w*|s?bin|etc/ss[hl](?:/private)?|usr/(?:local/)?(?:s?bin|lib))"
)
_STATE = re.compile(r"/var/lib/(?:docker|containerd|kubelet|dpkg|apt|rpm|systemd|etcd|snapd)\Z")
"""What the machine's own programs keep, and only root may change."""
_TRUSTED = re.compile(r"(?::|(?:root|0|bin|daemon|sys|adm|syslog)(?=[:.]|$))")
"""A group alone, or one of the machine's own users."""
_OWN_FOLDER = re.compile(r"/(?:app|src|code|workspaces?|project)(?:/|\Z)")
"""Folders that only images have, for the program that they are made for."""
_HOMES = re.compile(r"/(?:root|var/root|home/[^/]+|Users/[^/]+)\Z")
_OWN_KEYS = re.compile(r"/\.(?:ssh|aws|gnupg|kube)(?:/|$)")
_SYSTEM_KEYS = re.compile(
    r"/etc/(?:ssh/ssh_host_\w+_key|(?:ssl|pki)/(?:\S{1,99}/)?private(?:/.+)?|letsencrypt/(?:live|archive)/.+/privkey\d*\.pem)\Z"
)
_ALL_READ = re.compile(r"0?[0-7]{2}[4-7]\Z|[ugo]*[oa][ugoa]*[+=]\w*r|[+=]\w*r")
_SHUT = re.compile(r"0?[0-7][04]0\Z")
"""Modes by which nobody else writes, nor anybody but a group reads."""
_OTHERS_READ = re.compile(
    r"0?[0-7](?:[1-7][0-7]|[0-7][1-7])\Z|[ugo]*[goa][ugoa]*[+=]\w*[rwx]|\+\w*r"
)
_OWNERS = re.compile(
    r"/(?:usr/)?s?bin/(?:passwd|su|sudo|mount|umount|chsh|chfn|newgrp|gpasswd|pkexec|crontab|ping)\Z"
)
"""Programs that run with their owner's rights."""
_SETUID = re.compile(r"0?[2467][0-7]{3}\Z|[ugoa]*[+=][rwx]*s")


def _chmod(shell: "Shell", call: "Call") -> str:
    args = call.args
    if any(arg.startswith("--reference") for arg in args):
        _copy_mode(shell, read_options(args, frozenset({"--reference"})))
        return ""
    place = next(
        (n for n, arg in enumerate(args) if arg[:1] != "-" or re.match(r"-[rwxst]+$", arg)), None
    )
    if place is None:
        return ""
    options = read_options([*args[:place], *args[place + 1 :]], frozenset({"--reference"}))
    mode, paths = args[place], options.operands
    recursive = options.has("-R", "--recursive")
    world = any(_WORLD.match(part) for part in mode.split(","))
    seen = any(_OTHERS_READ.match(part) for part in mode.split(","))
    all_read = any(_ALL_READ.match(part) for part in mode.split(","))
    locks = re.fullmatch(r"0?000|a?-rwx|a=|0", mode) is not None
    shut = not recursive and not locks and _SHUT.match(mode) is not None
    for path in shell.some(paths):
        note_setuid(shell, path, mode)
        full = shell.places.resolve(path, shell.cwd)
        opened = all_read and _SYSTEM_KEYS.match(full) is not None
        if opened or (seen and _OWN_KEYS.search(path) and shell.is_secret(path)):
            scope = shell.places.scope(path, shell.cwd)
            shell.add(EffectKind.PERMISSIONS, path, scope, "command.opens_credential")
        if not (shut and is_privileged(full)):  # as such files are
            _note_permissions(shell, path, recursive=recursive, open_to_all=world, locks=locks)
    return ""


def _copy_mode(shell: "Shell", options: Options) -> None:
    """`chmod --reference`: a passing folder's mode, or a program's with its owner's rights."""
    model = options.value("--reference") or ""
    passing = shell.places.scope(f"{model}/x", shell.cwd) is Scope.TEMP
    recursive = options.has("-R", "--recursive")
    for path in shell.some(options.operands):
        if _OWNERS.match(model):
            note_setuid(shell, path, "4755")
        _note_permissions(shell, path, recursive=recursive, open_to_all=passing, locks=False)


def note_setuid(shell: "Shell", path: str, mode: str) -> None:
    """A program that runs with its owner's rights, whoever starts it."""
    if not any(_SETUID.match(part) for part in mode.split(",")):
        return
    sticky = re.fullmatch(r"0?[12][0-7]{3}|[ugoa]*\+t|g[+=][rwx]*s", mode)
    if not sticky:
        shell.add(EffectKind.PRIVILEGE, path, Scope.ROOT, "command.sets_setuid")
        shell.add(EffectKind.PERMISSIONS, path, Scope.ROOT, "command.sets_setuid")


def _note_permissions(
    shell: "Shell", path: str, *, recursive: bool, open_to_all: bool, locks: bool
) -> None:
    scope = shell.places.scope(path, shell.cwd)
    full = shell.places.resolve(path, shell.cwd)
    if is_device(full):
        shell.add(EffectKind.PERMISSIONS, path, Scope.ROOT, "command.opens_device")
        return
    wide = scope in {Scope.ROOT, Scope.OUTSIDE} or (
        recursive
        and scope is Scope.HOME
        and not open_to_all
        and (full == shell.places.home or _HOMES.match(full) is not None)
    )
    bad = open_to_all and (recursive or scope in {Scope.ROOT, Scope.OUTSIDE, Scope.HOME})
    if scope is Scope.TEMP or scope is Scope.CACHE:
        bad = False
    system = (wide and recursive) or _PROGRAMS.match(full) is not None
    secret = shell.is_secret(path) and open_to_all
    shuts = locks and (recursive or scope is Scope.ROOT)
    reversible = not (bad or system or secret or shuts or is_privileged(full))
    if scope is Scope.OUTSIDE and not open_to_all and not recursive:
        reversible = reversible or not (is_privileged(full) or _PROGRAMS.match(full))
    reason = "command.opens_to_all" if open_to_all else "command.changes_permissions"
    shell.add(EffectKind.PERMISSIONS, path, scope, reason, reversible=reversible)


def _chown(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"--from", "--reference"}))
    recursive = options.has("-R", "--recursive")
    copied = options.has("--reference")
    paths = options.operands if copied else options.operands[1:]
    owner = "" if copied else "".join(options.operands[:1])
    others = _TRUSTED.match(owner) is None
    for path in shell.some(paths):
        scope = shell.places.scope(path, shell.cwd)
        full = shell.places.resolve(path, shell.cwd)
        mine = full == shell.places.home and not copied and "root" not in owner
        whole = full == shell.places.home or (
            _HOMES.match(full) is not None and not _is_theirs(owner, full)
        )
        broad = scope is Scope.ROOT or (whole and not mine)
        every = shell.places.is_all(path) and (is_system(full) or full.startswith("/var/lib/"))
        system = scope is Scope.OUTSIDE and (
            every
            or (others and _STATE.match(full) is not None)
            or full.startswith(("/etc", "/usr/", "/lib", "/bin"))
        )
        grave = not _OWN_FOLDER.match(full) and (
            ((recursive or full == "/") and (broad or system))
            or is_privileged(full)
            or is_device(full)
            or (others and (_CORE.fullmatch(full) is not None or _PROGRAMS.match(full) is not None))
        )
        local = full.startswith(("/usr/local/", "/usr/lib/node_modules"))
        shell.add(
            EffectKind.PERMISSIONS,
            path,
            scope,
            "command.changes_owner",
            reversible=not grave or local,
        )
    return ""


def _is_theirs(owner: str, home: str) -> bool:
    """Whether a home folder is given to the one whose name it has."""
    return owner.partition(":")[0] == home.rpartition("/")[2]


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
    if any(flag.startswith("--restore") for flag in options.flags):
        shell.add(EffectKind.PERMISSIONS, "a list", Scope.ROOT, "command.changes_permissions")
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


def _umask(shell: "Shell", call: "Call") -> str:
    """`umask 0`: whatever is made from now on, all may change."""
    if call.args and re.fullmatch(r"0+|a=rwx|u=rwx,g=rwx,o=rwx", call.args[-1]):
        shell.add(EffectKind.PERMISSIONS, "umask", Scope.ROOT, "command.opens_to_all")
    return UNKNOWN


HANDLERS: "dict[str, Handler]" = {
    "chmod": _chmod,
    "chown": _chown,
    "chgrp": _chown,
    "chattr": _chattr,
    "umask": _umask,
    "setfacl": _setfacl,
}
