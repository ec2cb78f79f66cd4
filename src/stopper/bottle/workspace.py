"""Which host folders a bottle may show, and what in them stays read-only.

A file that makes the host run code later (a git hook, an agent's hooks, an editor's tasks) is a
way out that needs no network. Those that exist are bound read-only; their parents become mounts
of their own, because a folder that is no mount could be moved away with the file in it. Those that
do not exist cannot be blocked without leaving empty files on the host: they are watched, and the
run's end names the ones that appeared. So `git commit` works, while `git config` and `git push -u`
say that the configuration is read-only; `--write .git/config` lifts it.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from stopper.bottle.sandbox import Kind, Mount
from stopper.errors import BottleError

__all__ = ["Ground", "check_read", "check_write", "guard", "planted", "repository"]

MAX_GUARDED: Final = 512
MAX_POINTER_BYTES: Final = 4096

_NEVER_SHOWN = ("/dev", "/proc", "/run", "/sys")
_NEVER_WRITTEN = (
    *("/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/sbin"),
    *("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/sbin", "/usr/share"),
    *("/usr/local/bin", "/usr/local/lib", "/usr/local/sbin", "/usr/local/share"),
)
_SHARED = ("/", "/home", "/tmp", "/var", "/var/lib", "/var/tmp")  # noqa: S108  refused


class Ground:
    """The host's folders that decide what may be shown: the home folder and Stopper's own."""

    def __init__(self, home: Path, state: Path) -> None:
        self.home = _real(home)
        self.state = _real(state)


def check_read(path: Path, ground: Ground) -> str:
    """The real path of what `--read` names; BottleError where it must not be shown."""
    real = _existing(path)
    if _overlap(real, ground.state):
        raise BottleError(f"{path} would show Stopper's own records: name a folder without them")
    if any(_within(real, Path(folder)) for folder in _NEVER_SHOWN) or str(real) in _SHARED:
        raise BottleError(f"{path} has sockets and files of everybody: name a folder below it")
    if stat.S_ISSOCK(real.stat().st_mode):
        raise BottleError(f"{path} is a socket of this machine and is never shown in a bottle")
    return str(real)


def check_write(path: Path, ground: Ground, *, workspace: bool = False) -> str:
    """The same for `--write` and `--workspace`: nor may it hold the home folder or the system."""
    real = Path(check_read(path, ground))
    what = "the workspace" if workspace else "a writable path"
    if _within(ground.home, real):
        raise BottleError(f"{path} holds your home folder: name {what} below it")
    if real == Path("/opt") or any(_overlap(real, Path(name)) for name in _NEVER_WRITTEN):
        raise BottleError(f"{path} belongs to the system: name {what} elsewhere")
    if workspace and not real.is_dir():
        raise BottleError(f"{path} is no folder: the workspace must be one")
    return str(real)


def guard(
    root: str, patterns: Sequence[str], lifted: Sequence[str]
) -> tuple[list[Mount], dict[str, str]]:
    """Mounts that keep what matches below `root` read-only, and the paths to watch instead.

    `lifted` are real paths below `root` that the user has asked to write.
    """
    mounts: list[Mount] = []
    watched: dict[str, str] = {}
    for path in _matches(Path(root), patterns):
        if any(_within(path, Path(free)) for free in lifted):
            continue
        if not _is_plain(path, Path(root)):
            watched[str(path)] = _trace(path)
            continue
        mounts += [Mount(Kind.WRITE, str(up), str(up)) for up in _between(path, Path(root))]
        mounts.append(Mount(Kind.READ, str(path), str(path)))
    return mounts, watched


def planted(watched: dict[str, str]) -> list[str]:
    """The watched paths that are not what they were: look at them before the host uses them."""
    return [path for path, before in watched.items() if _trace(Path(path)) != before]


def repository(workspace: str) -> str | None:
    """The common git folder that a linked worktree needs, where git itself vouches for the link.

    The pointer in the workspace could have been written by an earlier agent, so it counts only
    if the folder that it names points back here, from a place no agent could write.
    """
    pointer = Path(workspace, ".git")
    if pointer.is_symlink() or not pointer.is_file():
        return None
    try:
        linked = Path(workspace, _pointed(pointer).removeprefix("gitdir:").strip()).resolve()
        back = Path(linked, _pointed(linked / "gitdir").strip())
        common = Path(linked, _pointed(linked / "commondir").strip()).resolve()
    except (OSError, ValueError, RuntimeError):  # an agent may have written anything there
        return None
    vouched = back.name == ".git" and _real(back.parent) == Path(workspace)
    outside = not _overlap(common, Path(workspace)) and linked.parent == common / "worktrees"
    return str(common) if vouched and outside else None


def _matches(root: Path, patterns: Sequence[str]) -> Iterator[Path]:
    """Paths to guard: those named plainly whether they exist or not, globs where they match."""
    count = 0
    for pattern in patterns:
        for path in root.glob(pattern) if "*" in pattern else (root / pattern,):
            count += 1
            if count > MAX_GUARDED:
                raise BottleError(f"{root} has more than {MAX_GUARDED} files to keep read-only")
            yield path


def _is_plain(path: Path, root: Path) -> bool:
    """Whether it exists with no symbolic link on the way, so that a mount lands on it."""
    try:
        return path.exists() and not any(up.is_symlink() for up in (path, *_between(path, root)))
    except OSError:
        return False


def _between(path: Path, root: Path) -> list[Path]:
    return [up for up in path.parents if up != root and _within(up, root)]


def _trace(path: Path) -> str:
    """Enough of a watched path to see that it changed: nothing, a link's target, or a time."""
    try:
        facts = path.lstat()
    except OSError:
        return ""
    if stat.S_ISLNK(facts.st_mode):
        return f"-> {path.readlink()}"
    return f"{facts.st_ino} {facts.st_mtime_ns}"


def _pointed(path: Path) -> str:
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        return file.read(MAX_POINTER_BYTES)


def _existing(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as fault:
        raise BottleError(f"{path} cannot be shown in the bottle: {fault}") from None


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _within(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder)


def _overlap(one: Path, other: Path) -> bool:
    return _within(one, other) or _within(other, one)
