"""A file as it is, and its replacement: all of it at once, or nothing."""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from stopper.errors import PatchError

__all__ = ["MAX_FILE_BYTES", "Target", "read_target", "remove", "replace", "sync_folder", "told"]

MAX_FILE_BYTES: Final = 64 << 20
_SUFFIX: Final = ".stopper-tmp"
_WRITABLE: Final = 0o222
_MODE: Final = 0o7777


class Target(Struct, frozen=True):
    """What lies at a place. `path` is real: links are followed. `status` is None for a new file."""

    path: Path
    content: bytes | None = None
    status: os.stat_result | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a replacement cannot keep."""
        if self.status is not None and self.status.st_nlink > 1:
            others = self.status.st_nlink - 1
            return (f"{others} other names of this file (hard links) keep what it was",)
        return ()


def read_target(filepath: str | os.PathLike[str]) -> Target:
    """Read a plain file, or find that there is none; PatchError for all else."""
    with told(filepath, "cannot be read"):
        path = Path(os.path.realpath(filepath))
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise
            return Target(path)
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise PatchError(f"{path} is no plain file: name one that is")
            if status.st_size > MAX_FILE_BYTES:
                raise PatchError(f"{path} is larger than {MAX_FILE_BYTES} bytes: use another tool")
            return Target(path, file.read(MAX_FILE_BYTES + 1), status)


def replace(target: Target, content: bytes) -> None:
    """Put `content` in the target's place, with its mode, owner and attributes.

    Whoever reads the file sees the old or the new, at any moment and after a crash. PatchError
    where that cannot be, or where the file is no longer what it was when it was read.
    """
    if target.status is not None:
        _check_writable(target.path, target.status)
    with told(target.path, "cannot be written"):
        _sweep(target.path)
        with _temporary(target) as (fd, temporary):
            _fill(fd, content, target)
            _check_unchanged(target)
            _move(temporary, target)
        sync_folder(target.path.parent)


def remove(target: Target) -> None:
    """Take the file away, unless it has changed since it was read."""
    with told(target.path, "cannot be removed"):
        _check_unchanged(target)
        target.path.unlink()
        sync_folder(target.path.parent)


def sync_folder(folder: Path) -> None:
    """Have the folder's entries survive a crash."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as fault:
        if fault.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some file systems know no such
            raise
    finally:
        os.close(fd)


@contextlib.contextmanager
def told(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Turn what the system says into what a reader can act on."""
    try:
        yield
    except (OSError, ValueError) as fault:
        number = getattr(fault, "errno", None)
        why = _REASONS.get(number or 0) or getattr(fault, "strerror", None) or str(fault)
        raise PatchError(f"{os.fspath(path)!s} {what}: {why}; nothing was changed") from fault


_REASONS: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your share of the disk is used up",
    errno.EROFS: "its file system is read-only",
    errno.EACCES: "you may not",
    errno.EPERM: "you may not",
    errno.ENOENT: "it, or its folder, does not exist",
    errno.ENOTDIR: "a part of its path is no folder",
    errno.ELOOP: "its links lead in a circle",
    errno.EBUSY: "it is a mount of its own, which nobody can replace",
}


def _check_writable(path: Path, status: os.stat_result) -> None:
    """A folder's owner could replace a file that he was told not to write; root could any."""
    if not status.st_mode & _WRITABLE or not os.access(path, os.W_OK):
        raise PatchError(f"{path} is read-only; nothing was changed: `chmod u+w` it first")


@contextlib.contextmanager
def _temporary(target: Target) -> Iterator[tuple[int, Path]]:
    """A file beside the target, locked while it lives; gone when this ends, whatever happens."""
    path = target.path.with_name(f"{_prefix(target.path)}{secrets.token_hex(8)}{_SUFFIX}")
    mode = 0o666 if target.status is None else 0o600
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd, path
    finally:
        os.close(fd)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _prefix(path: Path) -> str:
    """How temporary files of this one begin: short, whatever its name."""
    return f".{sha256(os.fsencode(path.name)).hexdigest()[:16]}-"


def _fill(fd: int, content: bytes, target: Target) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
    if target.status is not None:
        ours, status = os.fstat(fd), target.status
        if (ours.st_uid, ours.st_gid) != (status.st_uid, status.st_gid):
            os.fchown(fd, status.st_uid, status.st_gid)
        _copy_attributes(target.path, fd)
        os.fchmod(fd, status.st_mode & _MODE)  # last, for a change of owner takes bits away
    os.fsync(fd)


def _copy_attributes(path: Path, fd: int) -> None:
    """Access lists and labels, where the file system has such."""
    try:
        names = os.listxattr(path)
    except OSError as fault:
        if fault.errno == errno.ENOTSUP:
            return
        raise
    for name in names:
        os.setxattr(fd, name, os.getxattr(path, name))


def _check_unchanged(target: Target) -> None:
    try:
        now = target.path.lstat()
    except FileNotFoundError:
        now = None
    if _identity(now) != _identity(target.status):
        raise PatchError(f"{target.path} was changed meanwhile; read it again and start anew")


def _identity(status: os.stat_result | None) -> tuple[int, ...] | None:
    if status is None:
        return None
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_size, status.st_mode, *times)


def _move(temporary: Path, target: Target) -> None:
    if target.status is not None:
        temporary.replace(target.path)
        return
    try:
        os.link(temporary, target.path)
    except FileExistsError:
        raise PatchError(f"{target.path} was made meanwhile; read it and start anew") from None
    except OSError:  # a file system without links
        temporary.rename(target.path)


def _sweep(path: Path) -> None:
    """Remove what a writer that was killed has left beside the file."""
    prefix = _prefix(path)
    with os.scandir(path.parent) as found:
        names = [one.name for one in found if one.name.startswith(prefix)]
    for name in names:
        if name.endswith(_SUFFIX):
            with contextlib.suppress(OSError):
                fd = os.open(path.with_name(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a live one is locked
                    path.with_name(name).unlink()
                finally:
                    os.close(fd)
