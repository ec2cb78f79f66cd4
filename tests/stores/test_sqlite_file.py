"""Every fault of the file is a StoreError, nothing is half done, and work goes on when it is gone."""

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stopper.core.budget import Budget, Unit
from stopper.core.hold import Need
from stopper.core.scope import GLOBAL, path_of
from stopper.core.usage import Quality, Usage
from stopper.errors import StoreError
from stopper.stores.ledger import Grant, Hold, Ledger, Run, Settle, UsageRow
from stopper.stores.sqlite import SqliteLedger
from stopper.stores.sqlite_file import LedgerFile, migrations

NOON = datetime(2026, 3, 31, 12, 0, 0, tzinfo=UTC)
IMPATIENT = timedelta(milliseconds=10)
STARTERS = 6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stopper.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    """A ledger with the run `r` and one settled hold."""
    ledger = SqliteLedger(path, patience=IMPATIENT)
    ledger.add_run(Run("r", "b", "a", path_of("r", "a", "b"), NOON))
    use(ledger, "first")
    yield ledger
    ledger.close()


def use(ledger: Ledger, id_: str, model: str = "claude") -> None:
    """Hold, and settle in another transaction."""
    hold = Hold(id_, "r", "anthropic", model, Need(10, 0, 1000, 0), 90)
    assert ledger.apply([hold], NOON) == [Grant(id_, 90, 100, 0)]
    usage = Usage(output=40, quality=Quality.MEASURED)
    ledger.apply([Settle(UsageRow(id_, "r", "anthropic", model, usage, None, NOON))], NOON)


def recorded(ledger: Ledger) -> list[str]:
    """The holds that have a row; each has one, and none is open."""
    assert ledger.open_holds() == 0
    assert ledger.verify_audit() is None
    return [row.hold for _, row in ledger.rows(limit=10**6)]


def connection(ledger: SqliteLedger) -> sqlite3.Connection:
    db = ledger._file._db
    assert db is not None
    return db


def test_a_ledger_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "stopper.db"
    ledger = SqliteLedger(path)
    ledger.add_run(Run("r", "b", "a", path_of("r", "a", "b"), NOON))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"stopper.db": 0o600, "stopper.db-wal": 0o600, "stopper.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    ledger.close()


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "a?b#c.db", "é.db", "file:x.db"])
def test_any_name_of_a_file_will_do(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = SqliteLedger(Path(name))
    monkeypatch.chdir("/")
    ledger.add_run(Run("r", "b", "a", path_of("r", "a", "b"), NOON))
    use(ledger, "h")
    assert (tmp_path / name).stat().st_size > 0
    ledger.close()


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [number for number, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


# -- faults while a ledger is in use, and how they end


def gone(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    away = path.rename(path.with_suffix(".away"))
    return lambda: away.rename(path)


def replaced(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    away = path.rename(path.with_suffix(".away"))
    SqliteLedger(path.with_name("other.db")).close()
    path.with_name("other.db").rename(path)
    return lambda: away.replace(path)


def locked(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


def full(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    (pages,) = connection(ledger).execute("PRAGMA page_count").fetchone()
    connection(ledger).execute(f"PRAGMA max_page_count = {pages}")
    return lambda: connection(ledger).execute("PRAGMA max_page_count = 1000000")


def failing_disk(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)


def damaged(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    ledger._file._drop()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\x5a" * (len(whole) - 100))
    return lambda: path.write_bytes(whole)


def overwritten(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    ledger._file._drop()
    whole = path.read_bytes()
    path.write_bytes(b"This is no database, and it is long enough to be looked at.\n" * 100)
    return lambda: path.write_bytes(whole)


def emptied(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    ledger._file._drop()
    whole = path.read_bytes()
    path.write_bytes(b"")
    return lambda: path.write_bytes(whole)


def newer(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    def set_version(version: int) -> None:
        other = sqlite3.connect(path)
        with other:
            other.execute("UPDATE state SET schema_version = ?", (version,))
        other.close()

    set_version(99)
    return lambda: set_version(len(migrations()))


def restored(ledger: SqliteLedger, path: Path) -> Callable[[], object]:
    """A damaged file, for which a copy under another inode is put in place."""
    connection(ledger).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = shutil.copy(path, path.with_suffix(".backup"))
    damaged(ledger, path)
    return lambda: Path(copy).replace(path)


FAULTS: dict[str, tuple[Callable[[SqliteLedger, Path], Callable[[], object]], str]] = {
    # what happens                      what it says
    "the file is gone":                 (gone,         "is gone: put it back"),
    "another ledger lies in its place": (replaced,     "was replaced while in use"),
    "another process holds the lock":   (locked,       "is locked by another process"),
    "the disk is full":                 (full,         "has no room left: free some space"),
    "the disk does not take writes":    (failing_disk, "cannot be read or written: check"),
    "pages are damaged":                (damaged,      "is damaged: move it away"),
    "it is overwritten":                (overwritten,  "is no SQLite database"),
    "it is emptied":                    (emptied,      "was emptied: put it back"),
    "a newer program has migrated it":  (newer,        "newer Stopper"),
    "it is damaged, then restored":     (restored,     "is damaged: move it away"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "says"), FAULTS.values(), ids=FAULTS)
def test_a_fault_refuses_and_passes(
    ledger: SqliteLedger,
    path: Path,
    fault: Callable[[SqliteLedger, Path], Callable[[], object]],
    says: str,
) -> None:
    use(ledger, "second")
    end = fault(ledger, path)
    try:
        for number in range(3):
            with pytest.raises(StoreError, match=says):
                use(ledger, f"refused {number}", "x" * 10_000)
    finally:
        end()
    use(ledger, "third", "x" * 10_000)
    assert recorded(ledger) == ["first", "second", "third"]


def test_a_connection_that_cannot_write_is_given_up(ledger: SqliteLedger) -> None:
    connection(ledger).execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="cannot be written: check its permissions"):
        use(ledger, "refused")
    use(ledger, "second")
    assert recorded(ledger) == ["first", "second"]


def test_a_file_that_is_gone_is_not_made_anew(ledger: SqliteLedger, path: Path) -> None:
    back = gone(ledger, path)
    with pytest.raises(StoreError):
        ledger.budgets()
    ledger._file._drop()
    with pytest.raises(StoreError, match="is gone"):
        ledger.budgets()
    assert not path.exists()
    back()
    assert recorded(ledger) == ["first"]


def test_a_batch_that_fills_the_disk_leaves_nothing(ledger: SqliteLedger, path: Path) -> None:
    full(ledger, path)
    holds = [
        Hold(str(number), "r", "anthropic", "x" * 1000, Need(1, 0, 1000, 0), 1)
        for number in range(500)
    ]
    for _ in range(2):
        with pytest.raises(StoreError, match="no room"):
            ledger.apply(holds, NOON)
    assert recorded(ledger) == ["first"]


# -- what cannot be opened

UNOPENED = {
    # what is there                bytes                      what it says
    "text":                        (b"budget: 5\n" * 500,     "no SQLite database"),
    "a few bytes":                 (b"xy",                    "no SQLite database"),
    "half a database":             (None,                     "damaged"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "says"), UNOPENED.values(), ids=UNOPENED)
def test_a_file_of_another_kind_is_left_alone(
    ledger: SqliteLedger, path: Path, content: bytes | None, says: str
) -> None:
    ledger.close()
    content = content or path.read_bytes()[:5000]
    path.write_bytes(content)
    with pytest.raises(StoreError, match=says), closing(SqliteLedger(path)) as again:
        again.budgets()
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    with other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        SqliteLedger(path)
    assert path.read_bytes() == before


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteLedger(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        SqliteLedger(tmp_path / "file" / "stopper.db")


def test_a_file_of_no_bytes_becomes_a_ledger(path: Path) -> None:
    path.touch()
    ledger = SqliteLedger(path)
    assert ledger.budgets() == []
    ledger.close()


def test_a_newer_ledger_is_left_alone(ledger: SqliteLedger, path: Path) -> None:
    ledger.close()
    newer(ledger, path)
    with pytest.raises(StoreError, match="schema 99, this one knows 1"):
        SqliteLedger(path)


def test_a_migration_that_fails_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [*migrations(), (2, "CREATE TABLE more (x);\nCREATE TABLE more (x);\n")]
    monkeypatch.setattr("stopper.stores.sqlite_file.migrations", lambda: steps)
    with pytest.raises(StoreError, match="already exists"):
        SqliteLedger(path)
    monkeypatch.undo()
    ledger = SqliteLedger(path)
    assert ledger.budgets() == []
    ledger.close()


def test_an_older_ledger_is_brought_up_to_date(
    ledger: SqliteLedger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [*migrations(), (2, "CREATE TABLE more (x);\n")]
    monkeypatch.setattr("stopper.stores.sqlite_file.migrations", lambda: steps)
    upgraded = SqliteLedger(path)
    assert recorded(upgraded) == ["first"]
    assert connection(upgraded).execute("SELECT count(*) FROM more").fetchone() == (0,)
    with pytest.raises(StoreError, match="newer Stopper"):
        ledger.budgets()
    upgraded.close()


def test_values_that_no_file_keeps_are_refused(ledger: SqliteLedger) -> None:
    with pytest.raises(StoreError, match="cannot keep or read a value"):
        use(ledger, "h", "\ud800")
    with pytest.raises(StoreError, match="cannot keep or read a value"):
        ledger.note("r", "denial", "", {"text": "\udfff"}, NOON)
    with pytest.raises(StoreError, match="cannot keep or read a value"):
        ledger.end_run("r", "ended", 2**70, NOON)
    assert recorded(ledger) == ["first"]


MEDDLED = {
    # what someone did to the file with another program          what it says
    "UPDATE budgets SET scope = 'nobody'":                       "cannot keep or read a value",
    "UPDATE budgets SET period = 'week'":                        "cannot keep or read a value",
    "UPDATE runs SET path = '[{}]'":                             "cannot keep or read a value",
    "UPDATE runs SET path = 'x'":                                "cannot keep or read a value",
    "DELETE FROM runs":                                          "is not in this ledger",
    "DELETE FROM state":                                         "has lost its state",
    "DROP TABLE state":                                          "no such table",
    "DROP TABLE holds":                                          "no such table",
}  # fmt: skip


@pytest.mark.parametrize(("statement", "says"), MEDDLED.items())
def test_a_file_that_was_meddled_with_refuses(
    ledger: SqliteLedger, path: Path, statement: str, says: str
) -> None:
    ledger.set_budget(Budget(GLOBAL, Unit.TOKENS, 1000), NOON)
    ledger.close()
    session = sqlite3.connect(path)
    with session:
        session.execute(statement)
    session.close()
    with pytest.raises(StoreError, match=says), closing(SqliteLedger(path)) as again:
        use(again, "refused")


def test_a_transaction_that_is_interrupted_leaves_nothing(path: Path) -> None:
    file = LedgerFile(path, IMPATIENT)

    def interrupted() -> None:
        with file.transaction("BEGIN IMMEDIATE") as db:
            db.execute("INSERT INTO orders VALUES (1, 'r', 'cut', '', 0)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with file.transaction("BEGIN") as db:
        assert db.execute("SELECT count(*) FROM orders").fetchone() == (0,)
    file.close()


def test_processes_that_start_at_once_share_one_ledger(path: Path) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, __file__, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(STARTERS)
    ]
    for starter in starters:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    assert [starter.communicate(timeout=60)[0] for starter in starters] == ["opened\n"] * STARTERS
    ledger = SqliteLedger(path)
    assert len(ledger.runs()) == STARTERS
    assert ledger.verify_audit() is None
    ledger.close()


def _start(path: Path) -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    ledger = SqliteLedger(path)
    ledger.add_run(Run(str(os.getpid()), "b", "a", path_of("r", "a", "b"), NOON))
    ledger.close()
    sys.stdout.write("opened\n")


if __name__ == "__main__":
    _start(Path(sys.argv[1]))
