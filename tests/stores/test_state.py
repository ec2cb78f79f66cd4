"""The folder of a project's records."""

from pathlib import Path

from stopper.stores.state import state_folder


def test_it_is_private_and_kept_out_of_git(tmp_path: Path) -> None:
    folder = tmp_path / ".stopper" / "backups"
    assert state_folder(folder) == folder
    assert folder.stat().st_mode & 0o777 == (tmp_path / ".stopper").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / ".stopper" / ".gitignore").read_text().splitlines()[-1] == "*"


def test_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / ".stopper"
    place.mkdir()
    state_folder(place / "more")
    assert [path.name for path in place.iterdir()] == ["more"]


def test_elsewhere_nothing_is_ignored(tmp_path: Path) -> None:
    state_folder(tmp_path / "own" / "place")
    assert [path.name for path in (tmp_path / "own").rglob("*")] == ["place"]
