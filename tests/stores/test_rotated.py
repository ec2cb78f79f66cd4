"""Files that make way when they are full."""

from pathlib import Path

from stopper.stores.rotated import is_at, older, rotate


def test_each_moves_one_on_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    for text in "abcd":
        path.write_text(text)
        rotate(path, 2)
    assert [older(path, number).read_text() for number in (1, 2)] == ["d", "c"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lines.1", "lines.2"]


def test_who_has_it_open_sees_that_it_moved(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    with path.open("x") as file:
        assert is_at(file.fileno(), path)
        rotate(path, 1)
        assert not is_at(file.fileno(), path)
        path.touch()
        assert not is_at(file.fileno(), path)
        assert is_at(file.fileno(), older(path, 1))
