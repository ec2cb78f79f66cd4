"""Files are read in slices that the budget has room for."""

from pathlib import Path

import pytest

from stopper.io_budget import FileReadPolicy, check_budget, file_read_policy, read_file_within
from stopper.io_budget.files import MAX_LINE_CHARS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f.txt"
    path.write_text("".join(f"line {number}\n" for number in range(1, 1001)))
    return path


POLICIES = {
    # how full it is      tokens   lines
    "empty":              (0,       400),
    "below soft":         (34_999,  400),
    "soft":               (35_000,  100),
    "hard":               (50_000,  100),
}  # fmt: skip


@pytest.mark.parametrize(("tokens", "lines"), POLICIES.values(), ids=POLICIES)
def test_the_policy(tokens: int, lines: int) -> None:
    assert file_read_policy(check_budget(tokens, 0, "cerebras", environ={})).max_lines == lines
    assert file_read_policy().max_lines == 400


RANGES = {
    # what is asked for            start  end    first   last    more
    "the head":                    (1,    None,  1,      400,    True),
    "a slice":                     (50,   59,    50,     59,     True),
    "a slice that is too long":    (500,  1000,  500,    899,    True),
    "the end":                     (900,  None,  900,    1000,   False),
    "beyond the end":              (2000, None,  2000,   1999,   False),
}  # fmt: skip


@pytest.mark.parametrize(("start", "end", "first", "last", "more"), RANGES.values(), ids=RANGES)
def test_slices(file: Path, start: int, end: int | None, first: int, last: int, more: bool) -> None:
    found = read_file_within(file, start=start, end=end)
    assert (found.start, found.end, found.more) == (first, last, more)
    assert found.text == "".join(f"line {number}\n" for number in range(first, last + 1))


def test_a_tight_policy(file: Path) -> None:
    assert read_file_within(file, FileReadPolicy(100)).end == 100


@pytest.mark.parametrize(("start", "end"), [(5, 4), (0, 3), (-1, None)])
def test_what_is_no_range(file: Path, start: int, end: int | None) -> None:
    """The original let an end before the start pass."""
    with pytest.raises(ValueError, match="no range"):
        read_file_within(file, start=start, end=end)


def test_long_lines_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "bundle.js"
    path.write_text("a" * 500_000 + "\nshort\n" + "b" * MAX_LINE_CHARS + "\nend")
    found = read_file_within(path)
    lines = found.text.splitlines()
    assert len(lines[0]) < MAX_LINE_CHARS + 60
    assert lines[0].endswith("[... 498,001 characters omitted ...]")
    assert [line[:5] for line in lines[1:]] == ["short", "bbbbb", "end"]
    assert (found.end, found.more) == (4, False)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "f.bin"
    path.write_bytes(b"\xff\xfe\x00a\r\nb")
    assert read_file_within(path).text == "\ufffd\ufffd\x00a\r\nb"
    with pytest.raises(FileNotFoundError):
        read_file_within(tmp_path / "none")
