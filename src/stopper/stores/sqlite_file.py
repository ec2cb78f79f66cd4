"""The SQLite file under a ledger: opened with care, migrated, and given up when it fails."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final
from urllib.parse import quote

from stopper.errors import StoreError

__all__ = ["READ", "WRITE", "LedgerFile", "migrations"]

READ: Final = "BEGIN"
"""A transaction that sees one state of the store, and waits for nobody."""

WRITE: Final = "BEGIN IMMEDIATE"
"""A transaction that is the only writer."""

_APPLICATION = 0x53746F70
_OLDEST_SQLITE = (3, 37, 0)
_STATEMENTS_CACHED = 256
_SWITCH_ATTEMPTS = 100
_WAL_BYTES_KEPT = 64 * 2**20

_HARMLESS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CONSTRAINT,
}
"""Errors after which a connection is as good as before; after any other it is opened anew."""

_SENTENCES = {
    sqlite3.SQLITE_BUSY: "is locked by another process: see what holds it, then try again",
    sqlite3.SQLITE_FULL: "has no room left: free some space on its disk",
    sqlite3.SQLITE_READONLY: "cannot be written: check its permissions and its file system",
    sqlite3.SQLITE_IOERR: "cannot be read or written: check its disk",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that its folder exists and is yours",
    sqlite3.SQLITE_PERM: "cannot be opened: check its permissions",
    sqlite3.SQLITE_CORRUPT: "is damaged: move it away and put a backup in its place",
    sqlite3.SQLITE_NOTADB: "is no SQLite database: move it away or name another file",
}


class LedgerFile:
    """A connection that is made when it is needed, and made anew after a fault.

    Only the constructor creates a database. A file that is gone or replaced while it is in use is
    an error until it is back: another ledger in its place would forget what was spent.
    """

    def __init__(self, path: Path, patience: timedelta) -> None:
        self.path = path.absolute()
        self._name = str(self.path)
        self._patience = patience
        self._db: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._closed = False
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            oldest = ".".join(map(str, _OLDEST_SQLITE))
            raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old: {oldest} is needed")
        with self._faults():
            _create(self.path)
            self._connect(new=True)

    @contextmanager
    def transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        """One transaction: committed when the block ends, undone when it raises."""
        with self._faults():
            db = self._connection()
            db.execute(begin)
            yield db
            db.execute("COMMIT")

    def close(self) -> None:
        """Give up the connection for good."""
        self._closed = True
        self._drop()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._undo(error)
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"the ledger {self.path} {_sentence(error)}") from error
            if isinstance(error, OSError):
                said = error.strerror or type(error).__name__
                raise StoreError(f"the ledger {self.path} cannot be used: {said}") from error
            if isinstance(error, (OverflowError, ValueError)):
                said = f"cannot keep or read a value: {error}"
                raise StoreError(f"the ledger {self.path} {said}") from error
            raise

    def _undo(self, error: BaseException) -> None:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CONSTRAINT) & 0xFF
        try:
            if self._db is not None and self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()
        if code not in _HARMLESS:
            self._drop()

    def _drop(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):
                db.close()

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"the ledger {self.path} is closed")
        identity = _identity(self._name)
        if identity is None:
            raise StoreError(f"the ledger {self.path} is gone: put it back")
        if self._db is None:
            return self._connect(new=False)
        if identity != self._identity:
            # SQLite would play the old file's journal into the new one.
            raise StoreError(
                f"the ledger {self.path} was replaced while in use: put it back, or stop all runs "
                f"and remove {self.path.name}-wal and {self.path.name}-shm"
            )
        return self._db

    def _connect(self, *, new: bool) -> sqlite3.Connection:
        identity = _identity(self._name)
        db = sqlite3.connect(
            f"file://{quote(str(self.path))}?mode=rw",
            uri=True,
            timeout=self._patience.total_seconds(),
            isolation_level=None,
            cached_statements=_STATEMENTS_CACHED,
        )
        try:
            _migrate(db, self.path, new=new)
            _tune(db)
        except BaseException:
            db.close()
            raise
        self._db, self._identity = db, identity
        return db


def migrations() -> list[tuple[int, str]]:
    """All migrations as (schema version, SQL), in order; a file's name starts with its version."""
    folder = files("stopper").joinpath("data", "migrations")
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted((int(file.name.partition("_")[0]), file.read_text("utf-8")) for file in found)


def _identity(name: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(name)  # noqa: PTH116  in every transaction, and a Path is slow
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # An existing file is never opened here: closing it again would drop SQLite's locks on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _tune(db: sqlite3.Connection) -> None:
    _write_ahead(db)
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")


def _write_ahead(db: sqlite3.Connection) -> None:
    for _ in range(_SWITCH_ATTEMPTS):
        if db.execute("PRAGMA journal_mode").fetchone() == ("wal",):
            return
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            # Unlike a transaction, the switch does not wait for others who are opening the file.
            db.execute("BEGIN EXCLUSIVE")
            db.execute("COMMIT")
    raise StoreError("the ledger's file system cannot share memory: put it on a local disk")


def _migrate(db: sqlite3.Connection, path: Path, *, new: bool) -> None:
    steps = migrations()
    latest = steps[-1][0]
    db.execute(READ)
    version = _schema_version(db, path)
    db.execute("COMMIT")
    if version == latest:
        return
    if version > latest:
        raise StoreError(
            f"the ledger {path} was written by a newer Stopper (schema {version}, this one knows "
            f"{latest}): upgrade Stopper"
        )
    if version == 0 and not new:
        raise StoreError(f"the ledger {path} was emptied: put it back from a backup")
    db.execute("BEGIN EXCLUSIVE")
    version = _schema_version(db, path)
    for number, script in steps:
        if number > version:
            for statement in _statements(script):
                db.execute(statement)
            db.execute("UPDATE state SET schema_version = ?", (number,))
    db.execute(f"PRAGMA application_id = {_APPLICATION}")
    db.execute("COMMIT")


def _schema_version(db: sqlite3.Connection, path: Path) -> int:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if application == _APPLICATION:
        found = db.execute("SELECT schema_version FROM state").fetchone()
        if found is None:
            raise StoreError(f"the ledger {path} has lost its state: put a backup in its place")
        return int(found[0])
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application or tables:
        raise StoreError(f"{path} is a database of another program: name another file")
    return 0


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _sentence(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return _SENTENCES.get(code, f"failed: {error}")
