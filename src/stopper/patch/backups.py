"""What files were before they were changed: kept by content, many for each file."""

import contextlib
import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from stopper.errors import PatchError
from stopper.patch.result import Backup
from stopper.patch.target import MAX_FILE_BYTES, Target, sync_folder, told
from stopper.stores.state import state_folder

__all__ = ["BACKUP_DIR", "MAX_BACKUPS", "OBJECTS", "Backups"]

BACKUP_DIR: Final = ".stopper/backups"
OBJECTS: Final = "objects"
MAX_BACKUPS: Final = 50
"""Of one file; the oldest go first."""

SLACK: Final = 16
"""So many more before any goes, since finding out what nobody needs takes a look at all."""

LOCK_SECONDS: Final = 30.0
TRY_SECONDS: Final = 0.002
_NANO: Final = 10**9
_MODE: Final = 0o7777
_RECORD: Final = re.compile(r"(?P<time>[0-9]{20})-(?P<mode>[0-7]{4})-(?P<digest>[0-9a-f]{64})")


class Backups:
    """A folder of backups. `objects` has each content once; `files` says which file had it when.

    Whoever changes a file that is backed up here does so within `locked`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._objects = folder / OBJECTS
        self._files = folder / "files"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes files by way of this folder; PatchError after half a minute."""
        with told(self.folder, "cannot take backups"):
            state_folder(self.folder)
            fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait(fd)
            yield
        finally:
            os.close(fd)

    def add(self, target: Target) -> Backup:
        """Keep what the target holds, on disk when this returns; its newest backup may do."""
        assert target.content is not None  # noqa: S101  there is a file
        assert target.status is not None  # noqa: S101
        digest = sha256(target.content).hexdigest()
        with told(self.folder, "cannot take the backup"):
            folder = self._records(target.path)
            names = self._names(folder)
            newest = self._read(target.path, names[-1]) if names else None
            if newest and newest.sha256 == digest and newest.file.exists():
                return newest
            place = self._objects / digest[:2] / digest[2:]
            if not place.exists():
                self._write(place, target.content)
            mode = target.status.st_mode & _MODE
            record = folder / f"{time.time_ns():020}-{mode:04o}-{digest}"
            _make_folders(folder)
            record.touch(mode=0o600, exist_ok=False)
            sync_folder(folder)
            if len(names) >= MAX_BACKUPS + SLACK:
                self._drop(names[: len(names) + 1 - MAX_BACKUPS])
                self._collect()
            kept = self._read(target.path, record)
            assert kept is not None  # noqa: S101  it is there
            return kept

    def of(self, path: Path) -> tuple[Backup, ...]:
        """All backups of a file, the newest first."""
        names = reversed(self._names(self._records(path)))
        return tuple(one for name in names if (one := self._read(path, name)))

    def content(self, file: Path) -> bytes:
        """What a backup holds; PatchError where it is not what it was."""
        with told(file, "cannot be read"):
            if file.stat().st_size > MAX_FILE_BYTES:
                raise PatchError(f"{file} is larger than {MAX_FILE_BYTES} bytes: use another tool")
            content = file.read_bytes()
        is_ours = file.is_relative_to(self._objects)
        if is_ours and file.parent.name + file.name != sha256(content).hexdigest():
            raise PatchError(f"the backup {file} is damaged: choose another")
        return content

    def prune(self, keep: int) -> int:
        """Keep so many backups of each file, drop the rest; how many contents were removed."""
        with self.locked(), told(self.folder, "cannot be pruned"):
            for folder in [*self._files.iterdir()] if self._files.is_dir() else []:
                self._drop(self._names(folder)[: max(0, len(self._names(folder)) - keep)])
            return self._collect()

    def _drop(self, records: list[Path]) -> None:
        for record in records:
            record.unlink()

    def _collect(self) -> int:
        """Remove contents that no record names, and what killed writers have left."""
        wanted = {record.name.rpartition("-")[2] for record in self._files.glob("*/*")}
        gone = 0
        for place in self._objects.glob("*/*"):
            if place.parent.name + place.name not in wanted:
                place.unlink()
                gone += not place.name.startswith(".")
        return gone

    def _records(self, path: Path) -> Path:
        return self._files / sha256(os.fsencode(path)).hexdigest()[:32]

    def _names(self, folder: Path) -> list[Path]:
        """Records by their time. A record is its name: time, mode and content."""
        try:
            return sorted(folder.iterdir())
        except FileNotFoundError:
            return []

    def _read(self, path: Path, record: Path) -> Backup | None:
        """None where it is being pruned, or was made by nobody here."""
        found = _RECORD.fullmatch(record.name)
        if found is None:
            return None
        digest = found["digest"]
        file = self._objects / digest[:2] / digest[2:]
        try:
            size = file.stat().st_size
        except FileNotFoundError:
            return None
        at = datetime.fromtimestamp(int(found["time"]) / _NANO, UTC)
        return Backup(path, at, digest, size, int(found["mode"], 8), file)

    def _write(self, place: Path, content: bytes) -> None:
        """Whole or not at all, and on disk."""
        _make_folders(place.parent)
        temporary = place.with_name(f".{secrets.token_hex(8)}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(fd)
            temporary.rename(place)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(place.parent)

    def _wait(self, fd: int) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise PatchError(
                        f"another process keeps {self.folder} locked; nothing was changed"
                    ) from None
                time.sleep(TRY_SECONDS)
            else:
                return


def _make_folders(folder: Path) -> None:
    for place in (folder.parent, folder):
        if not place.is_dir():
            place.mkdir(mode=0o700, exist_ok=True)
            sync_folder(place.parent)
