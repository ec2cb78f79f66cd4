"""The detector that is kept between starts: used when it fits, replaced when it does not."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stopper.control import engines
from stopper.control.engines import CACHE, complete, open_detector, open_engine
from stopper.detect.engine import HyperscanEngine, engine_for
from stopper.detect.inspection import packaged_rules
from stopper.detect.rules import fill

TOKEN = fill("ghp_{alnum:36}", "engines")


@pytest.fixture(autouse=True)
def fresh() -> None:
    """As in a process that has opened nothing yet."""
    open_engine.cache_clear()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The file that a first start leaves."""
    open_detector(tmp_path)
    open_engine.cache_clear()
    return tmp_path / CACHE / "detector"


def test_a_second_start_takes_what_the_first_has_kept(kept: Path, tmp_path: Path) -> None:
    before = kept.stat()
    first, second = open_detector(tmp_path), open_detector(tmp_path)
    assert first.engine is second.engine
    assert first.rules == packaged_rules()
    assert first.rules is not packaged_rules()
    assert [one.rule for one in first.scan(TOKEN)] == ["github-token"]
    after = kept.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_nobody_else_may_read_or_write_it(kept: Path) -> None:
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in kept.parent.iterdir()] == ["detector"]


def damage(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def shorten(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:1000])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def link(file: Path) -> None:
    file.rename(file.parent.parent / "elsewhere")
    file.symlink_to(file.parent.parent / "elsewhere")


def open_to_all(file: Path) -> None:
    file.chmod(0o666)


def open_the_folder(file: Path) -> None:
    file.parent.chmod(0o777)


def of_other_rules(file: Path) -> None:
    rules = packaged_rules()[:3]
    engines._keep(file.parent.parent, rules, HyperscanEngine(rules))
    stamped = engines._stamp
    other = file.read_bytes()[32:].replace(stamped().encode(), stamped().upper().encode())
    file.write_bytes(engines._digest(other) + other)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "a flipped bit": damage,
    "cut short": shorten,
    "empty": empty,
    "a link": link,
    "open to all": open_to_all,
    "in an open folder": open_the_folder,
    "of other rules": of_other_rules,
    "gone": Path.unlink,
}


@pytest.mark.parametrize("spoil", DAMAGE.values(), ids=DAMAGE)
def test_what_cannot_be_trusted_is_replaced(
    kept: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(kept)
    detector = open_detector(tmp_path)
    assert detector.rules is packaged_rules()
    assert [one.rule for one in detector.scan(TOKEN)] == ["github-token"]
    test_nobody_else_may_read_or_write_it(kept)
    open_engine.cache_clear()
    assert open_detector(tmp_path).rules is not packaged_rules()


def test_what_streams_need_is_kept_as_well(tmp_path: Path) -> None:
    engine_for.cache_clear()  # others may have completed the one that is shared
    open_detector(tmp_path)
    kept = tmp_path / CACHE / "detector"
    size = kept.stat().st_size
    complete(tmp_path)
    assert kept.stat().st_size > size
    open_engine.cache_clear()
    engine = open_detector(tmp_path).engine
    assert isinstance(engine, HyperscanEngine)
    assert engine.was_whole
    assert engine.begun(TOKEN.encode()).start == 0
    before = kept.stat()
    complete(tmp_path)
    after = kept.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_folder_that_is_made_for_it_is_private(tmp_path: Path) -> None:
    open_engine(tmp_path / "deep" / "state")
    assert (tmp_path / "deep" / "state").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    open_detector(tmp_path)  # makes the key
    (tmp_path / CACHE / "detector").unlink()
    (tmp_path / CACHE).rmdir()
    (tmp_path / CACHE).write_text("no folder")
    open_engine.cache_clear()
    assert open_detector(tmp_path).scan(TOKEN)


def test_another_process_takes_it(kept: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from stopper.control import engines;"
        "engines.packaged_rules = None;"  # whoever reads the rules fails
        "print(len(engines.open_detector(Path(sys.argv[1])).rules))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert int(done.stdout) == len(packaged_rules())
