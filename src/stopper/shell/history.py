"""The record of all commands: one JSON document a line, without secrets, in files that rotate."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from stopper.stores.rotated import is_at, older, rotate
from stopper.stores.state import state_folder

__all__ = ["HISTORY_PATH", "Entry", "append", "entries"]

HISTORY_PATH: Final = ".stopper/command_history.jsonl"
MAX_FILE_BYTES: Final = 8 << 20
MAX_OLD_FILES: Final = 3
MAX_COMMAND: Final = 4096
MAX_TRIES: Final = 1000
TRY_SECONDS: Final = 0.002

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command as it is recorded: redacted, and cut at 4096 characters."""

    timestamp: datetime
    command: str
    cwd: str
    exit_code: int | None = None
    duration_ms: int = 0
    timed_out: bool = False
    truncated: bool = False
    redactions: int = 0
    refusal: str = ""
    sandbox: bool = False


def append(path: Path, entry: Entry) -> None:
    """Add a line, whole or not at all, however many processes do; OSError where it cannot be."""
    line = msgspec.json.encode(entry) + b"\n"
    with _locked(path) as fd:
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":  # a writer was killed
            line = b"\n" + line
        try:
            while line:
                line = line[os.write(fd, line) :]
        except OSError:
            os.ftruncate(fd, size)
            raise


def entries(path: Path) -> Iterator[Entry]:
    """All that is recorded and not rotated away, oldest first; a torn line is passed over."""
    for file in (*(older(path, number) for number in range(MAX_OLD_FILES, 0, -1)), path):
        with suppress(FileNotFoundError), file.open("rb") as lines:
            for line in lines:
                with suppress(msgspec.DecodeError):
                    yield msgspec.json.decode(line, type=Entry)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The newest file, with nobody else writing; a full one has made way."""
    state_folder(path.parent)
    for _ in range(MAX_TRIES):
        fd = os.open(path, _FLAGS, 0o600)
        try:
            if not _lock(fd) or not is_at(fd, path):
                continue
            if os.fstat(fd).st_size < MAX_FILE_BYTES:
                yield fd
                return
            rotate(path, MAX_OLD_FILES)
        finally:
            os.close(fd)
    raise BlockingIOError(errno.EAGAIN, "another process keeps the history locked", str(path))


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(TRY_SECONDS)
        return False
    return True
