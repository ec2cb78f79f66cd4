"""What a bottle looks like, as a value, and the bubblewrap arguments that build it."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

__all__ = [
    "ARGS_FD",
    "BACKLOG",
    "CHANNEL_FD",
    "FIRST_DATA_FD",
    "INFO_FD",
    "LAUNCHER",
    "OWN_FOLDER",
    "SECCOMP_FD",
    "STDERR_FD",
    "Isolation",
    "Kind",
    "Mount",
    "Plan",
    "arrange",
    "bwrap_argv",
    "bwrap_options",
    "contents",
    "source_of",
]

CHANNEL_FD: Final = 3
STDERR_FD: Final = 4
ARGS_FD: Final = 5
SECCOMP_FD: Final = 6
INFO_FD: Final = 7
FIRST_DATA_FD: Final = 8

OWN_FOLDER: Final = "/run/stopper"
LAUNCHER: Final = f"{OWN_FOLDER}/launcher.py"
BACKLOG: Final = 4096


class Isolation(StrEnum):
    """How hard the limits hold: `observe` is no sandbox, only a request to use the way out."""

    BOTTLE = "bottle"
    OBSERVE = "observe"


class Kind(StrEnum):
    """How a path inside the bottle comes to be; the values are bubblewrap's option names."""

    READ = "ro-bind"
    WRITE = "bind"
    SCRATCH = "tmpfs"
    PROC = "proc"
    DEV = "dev"
    LINK = "symlink"
    FILE = "ro-bind-data"
    COPY = "file"


class Mount(Struct, frozen=True):
    """One path inside the bottle.

    `source` is a path on the host for READ and WRITE, and the link's target for LINK. `data` is
    the content of a FILE (read-only) or COPY (which the agent may change, and which ends with it).
    """

    kind: Kind
    target: str
    source: str = ""
    data: bytes = b""


class Plan(Struct, frozen=True, kw_only=True):
    """Everything that decides what a bottle may touch; printing it is what `--dry-run` does.

    `command` starts with an absolute path and runs in `workspace`. `port` is where the way out
    listens on 127.0.0.1 inside. `python` runs the launcher inside. `userns` leaves nested user
    namespaces on, for agents that start a sandbox of their own. `uid` is who the agent seems to
    be. `scratch_bytes` bounds each folder in memory. `folders` are made on the host before the
    start, private to the user. `watched` are paths that can make the host run code later and
    could not be made read-only; `planted` in `workspace.py` tells which of them changed.
    `own` is the folder of Stopper's files for the agent: certificates, the launcher.
    """

    profile: str
    command: tuple[str, ...]
    workspace: str
    environment: dict[str, str]
    mounts: tuple[Mount, ...] = ()
    python: str = ""
    port: int = 3128
    userns: bool = False
    uid: int = 1000
    scratch_bytes: int = 1 << 28
    folders: tuple[str, ...] = ()
    watched: dict[str, str] = {}
    own: str = OWN_FOLDER
    isolation: Isolation = Isolation.BOTTLE


def bwrap_argv(plan: Plan, bwrap: str, *, terminal: bool) -> list[str]:
    """The command line that `ps` shows on the host: neither environment nor mounts are in it."""
    launcher = [plan.python, "-I", "-S", LAUNCHER, str(plan.port), str(BACKLOG)]
    tty = "tty" if terminal else "-"
    return [bwrap, "--args", str(ARGS_FD), "--", *launcher, tty, *plan.command]


def bwrap_options(plan: Plan) -> list[str]:
    """What bubblewrap reads from ARGS_FD.

    The root is an empty folder in memory, so a path that no mount names does not exist inside. It
    is sealed last; the agent's capabilities are dropped and it gains none by executing anything.
    """
    options = ["--unshare-all", "--unshare-user", "--die-with-parent", "--cap-drop", "ALL"]
    options += ["--uid", str(plan.uid), "--gid", str(plan.uid), "--hostname", "bottle"]
    options += ["--seccomp", str(SECCOMP_FD), "--info-fd", str(INFO_FD), "--clearenv"]
    if not plan.userns:
        options.append("--disable-userns")
    for name, value in plan.environment.items():
        options += ["--setenv", name, value]
    next_fd = FIRST_DATA_FD
    for mount in plan.mounts:
        if mount.kind in _WITH_CONTENT:
            options += [*_shape(mount, plan), f"--{mount.kind}", str(next_fd), mount.target]
            next_fd += 1
        elif mount.source:
            options += [f"--{mount.kind}", mount.source, mount.target]
        else:
            options += [*_shape(mount, plan), f"--{mount.kind}", mount.target]
    return [*options, "--remount-ro", "/", "--chdir", plan.workspace]


def contents(plan: Plan) -> list[bytes]:
    """What FILE and COPY mounts hold, in the order of their descriptors from FIRST_DATA_FD."""
    return [mount.data for mount in plan.mounts if mount.kind in _WITH_CONTENT]


def arrange(mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    """Parents before children; of several mounts on one target the last stands.

    So the order in which rules are written down says who wins, and no parent buries a child.
    """
    last = {mount.target: mount for mount in mounts}
    return tuple(last[target] for target in sorted(last, key=lambda t: PurePosixPath(t).parts))


def source_of(path: str, mounts: Iterable[Mount]) -> str | None:
    """The host path that `path` shows inside, decided by its nearest mount; None where hidden."""
    inside = PurePosixPath(path)
    above = [mount for mount in mounts if inside.is_relative_to(mount.target)]
    nearest = max(above, key=lambda mount: len(PurePosixPath(mount.target).parts), default=None)
    if nearest is None or nearest.kind not in _BINDS:
        return None
    return str(PurePosixPath(nearest.source) / inside.relative_to(nearest.target))


_WITH_CONTENT = frozenset({Kind.FILE, Kind.COPY})
_BINDS = frozenset({Kind.READ, Kind.WRITE})
_SHARED = frozenset({"/tmp", "/var/tmp"})  # noqa: S108  the bottle's own


def _shape(mount: Mount, plan: Plan) -> list[str]:
    """Permissions and size of what bubblewrap creates, as options that precede it."""
    if mount.kind is Kind.SCRATCH:
        mode = "1777" if mount.target in _SHARED else "0700"
        return ["--perms", mode, "--size", str(plan.scratch_bytes)]
    if mount.kind is Kind.COPY:
        return ["--perms", "0600"]
    return ["--perms", "0444"] if mount.kind is Kind.FILE else []
