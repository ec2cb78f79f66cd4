"""What a bottle looks like, as a value, and the bubblewrap arguments that build it."""

from enum import StrEnum

from msgspec import Struct

__all__ = ["ARGS_FD", "CHANNEL_FD", "FIRST_DATA_FD", "INFO_FD", "SECCOMP_FD", "STDERR_FD"]
__all__ += ["Kind", "Mount", "Plan", "bwrap_argv", "bwrap_options", "data_of"]

CHANNEL_FD, STDERR_FD = 3, 4
ARGS_FD, SECCOMP_FD, INFO_FD, FIRST_DATA_FD = 5, 6, 7, 8

LAUNCHER = "/run/stopper/launcher.py"
BACKLOG = 4096


class Kind(StrEnum):
    """How a path inside the bottle comes to be; the values are bubblewrap's option names."""

    READ = "ro-bind"
    WRITE = "bind"
    TMPFS = "tmpfs"
    PROC = "proc"
    DEV = "dev"
    LINK = "symlink"
    TEXT = "ro-bind-data"
    SEALED = "remount-ro"


class Mount(Struct, frozen=True):
    """One path inside the bottle.

    `source` is a path on the host for READ and WRITE, the link's target for LINK, the file's
    content for TEXT, and empty for the rest. Later mounts lie over earlier ones.
    """

    kind: Kind
    target: str
    source: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """Everything that decides what a bottle may touch; printing it is what `--dry-run` does.

    `command` starts with an absolute path. `port` is where the way out listens on 127.0.0.1
    inside. `python` runs the launcher inside. `userns` leaves nested user namespaces on, for
    agents that start a sandbox of their own.
    """

    command: tuple[str, ...]
    workspace: str
    mounts: tuple[Mount, ...]
    environment: dict[str, str]
    python: str
    port: int = 3128
    hostname: str = "bottle"
    userns: bool = False
    uid: int | None = None


def bwrap_argv(plan: Plan, bwrap: str, *, terminal: bool) -> list[str]:
    """The command line that `ps` shows on the host: no environment, no paths of mounts."""
    launcher = [plan.python, "-I", "-S", LAUNCHER, str(plan.port), str(BACKLOG)]
    tty = "tty" if terminal else "-"
    return [bwrap, "--args", str(ARGS_FD), "--", *launcher, tty, *plan.command]


def bwrap_options(plan: Plan) -> list[str]:
    """What bubblewrap reads from ARGS_FD."""
    options = ["--unshare-all", "--unshare-user", "--die-with-parent", "--cap-drop", "ALL"]
    options += ["--seccomp", str(SECCOMP_FD), "--info-fd", str(INFO_FD)]
    options += ["--hostname", plan.hostname, "--clearenv"]
    if plan.uid is not None:
        options += ["--uid", str(plan.uid), "--gid", str(plan.uid)]
    if not plan.userns:
        options.append("--disable-userns")
    for name, value in plan.environment.items():
        options += ["--setenv", name, value]
    data_fd = FIRST_DATA_FD
    for mount in plan.mounts:
        if mount.kind is Kind.TEXT:
            options += ["--ro-bind-data", str(data_fd), mount.target]
            data_fd += 1
        elif mount.source:
            options += [f"--{mount.kind}", mount.source, mount.target]
        else:
            options += [f"--{mount.kind}", mount.target]
    return [*options, "--chdir", plan.workspace]


def data_of(plan: Plan) -> list[str]:
    """The contents of the TEXT mounts, in the order of their descriptors from FIRST_DATA_FD."""
    return [mount.source for mount in plan.mounts if mount.kind is Kind.TEXT]
