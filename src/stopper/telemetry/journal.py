"""A file of lines that many processes append to and follow: none is torn, none is lost.

A file that is full makes way for a new one, whose first line carries all sums on, so that what
they are can be known from the newest file alone.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Final, Protocol

import msgspec

from stopper.errors import StoreError
from stopper.stores.rotated import is_at, older, rotate
from stopper.stores.state import state_folder

__all__ = ["CARRY", "MAX_FILE_BYTES", "MAX_OLD_FILES", "Fold", "Journal"]

MAX_FILE_BYTES: Final = 8 << 20
MAX_OLD_FILES: Final = 8
MAX_LINE_BYTES: Final = 16 << 20
LOCK_SECONDS: Final = 5.0
TRY_SECONDS: Final = 0.001
MAX_TRIES: Final = 100
"""How often a file may be moved away by others while this process opens it."""

CARRY: Final = b'{"carry":'
"""How a line begins that carries sums on."""

_READ_BYTES: Final = 1 << 20


class Fold(Protocol):
    """What the lines add up to."""

    def restart(self) -> None:
        """Forget everything."""

    def take(self, line: bytes) -> None:
        """Count a line; one that carries sums on replaces all before it."""

    def carried(self) -> bytes:
        """All sums as a line."""


class Journal:
    """One path, followed by `fold`; it goes on after a fork. Raises StoreError.

    One instance serves one thread at a time.
    """

    def __init__(self, path: Path, fold: Fold) -> None:
        self.path = path
        self._fold = fold
        self._fd = -1
        self._offset = -1
        self._pid = 0

    def append(self, line: bytes) -> None:
        """Add a line, whole or not at all; what others have added before it is taken first."""
        try:
            size = self._lock_newest()
            try:
                head = b"" if size == self._offset else b"\n"  # a writer was killed in its line
                if not size and older(self.path, 1).exists():
                    head = self._fold.carried()
                self._write(head + line, size)
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        except OSError as error:
            raise self._broken(error) from error
        self._fold.take(line)
        self._offset = size + len(head) + len(line)  # last: an interrupt may count it twice only

    def follow(self) -> None:
        """Take what others have added."""
        try:
            if self._is_ours() and is_at(self._fd, self.path):
                self._read_on()
            elif any(file.exists() for file in self._files()):
                self._lock_newest()
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        except OSError as error:
            raise self._broken(error) from error

    def lines(self) -> Iterator[bytes]:
        """All lines that are not rotated away, oldest first, without those that carry sums on.

        Files are opened from the newest on: one that moves away meanwhile is met again, not missed.
        """
        with ExitStack() as stack:
            files: dict[int, IO[bytes]] = {}
            try:
                for path in self._files():
                    with suppress(FileNotFoundError):
                        file: IO[bytes] = stack.enter_context(path.open("rb"))
                        files.setdefault(os.fstat(file.fileno()).st_ino, file)
            except OSError as error:
                raise self._broken(error) from error
            for file in reversed(files.values()):
                yield from (line for line in file if not line.startswith(CARRY))

    def close(self) -> None:
        """Give the file back; the next call opens it again."""
        if self._is_ours():
            os.close(self._fd)
        self._fd = -1

    def _broken(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self.path}: the usage ledger cannot be used ({error.strerror or error}); what it "
            f"holds is as it was"
        )

    def _is_ours(self) -> bool:
        """Whether there is an open file, and not one shared with the parent of a fork.

        Locks belong to what was opened: a child would hold its parent's.
        """
        return self._fd >= 0 and self._pid == os.getpid()

    def _lock_newest(self) -> int:
        """Lock the newest file, followed to its end and not full; gives its size."""
        deadline = 0.0
        for _ in range(MAX_TRIES):
            fd = self._opened()
            deadline = _lock(fd, deadline, self.path)
            try:
                if not is_at(fd, self.path):
                    self.close()
                    continue
                size = self._read_on()
                if size < MAX_FILE_BYTES:
                    return size
                self._rotate()
            except OSError:
                self.close()
                raise
        raise OSError(errno.EAGAIN, "others move it away all the time", str(self.path))

    def _opened(self) -> int:
        if not self._is_ours():
            state_folder(self.path.parent)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._fd = os.open(self.path, flags, 0o600)
            self._pid = os.getpid()
            self._offset = -1
        return self._fd

    def _read_on(self) -> int:
        """Take whole lines from where reading ended; everything where the file is another."""
        size = os.fstat(self._fd).st_size
        if size != self._offset:
            if not 0 <= self._offset <= size:
                self._load()
            for line in self._whole_lines(size):
                self._fold.take(line)
        return size

    def _load(self) -> None:
        """Begin again: from the newest file that begins with sums, or from the oldest there is."""
        self._fold.restart()
        self._offset = 0
        begin = next((n for n, path in enumerate(self._files()) if _carries(path)), MAX_OLD_FILES)
        for number in range(begin, 0, -1):
            with suppress(FileNotFoundError), older(self.path, number).open("rb") as file:
                for line in file:
                    self._fold.take(line)

    def _whole_lines(self, size: int) -> Iterator[bytes]:
        """Lines up to `size` that have an end; the offset goes with them."""
        left = b""
        place = self._offset
        while place < size:
            data = os.pread(self._fd, min(_READ_BYTES, size - place), place)
            if not data:
                return
            place += len(data)
            *lines, left = (left + data).split(b"\n")
            if len(left) > MAX_LINE_BYTES:
                left = b""
            self._offset = place - len(left)
            yield from (line for line in lines if line)

    def _write(self, data: bytes, size: int) -> None:
        rest = data
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            os.ftruncate(self._fd, size)
            raise

    def _rotate(self) -> None:
        """The file makes way. What it held is read again: others may have moved the next one, too.

        It stays in a file with a number.
        """
        rotate(self.path, MAX_OLD_FILES)
        self.close()

    def _files(self) -> list[Path]:
        """The newest first."""
        return [self.path, *(older(self.path, n) for n in range(1, MAX_OLD_FILES + 1))]


def _carries(path: Path) -> bool:
    """Whether a file begins with sums; its writer may have been killed while it wrote them."""
    with suppress(FileNotFoundError, ValueError), path.open("rb") as file:
        line = file.readline(MAX_LINE_BYTES)
        return line.startswith(CARRY) and bool(msgspec.json.decode(line))
    return False


def _lock(fd: int, deadline: float, path: Path) -> float:
    """Lock it, until a monotonic deadline, which begins with the first wait."""
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            now = time.monotonic()
            deadline = deadline or now + LOCK_SECONDS
            if now > deadline:
                raise OSError(errno.EAGAIN, "another process keeps it locked", str(path)) from None
            time.sleep(TRY_SECONDS)
        else:
            return deadline
