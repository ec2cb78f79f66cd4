"""What a scan looks at, what it finds where, and what it says about the rest."""

import gzip
import os
from pathlib import Path

import pytest

from stopper.control import scan as module
from stopper.control.scan import MAX_FILE_BYTES, Scan, is_binary, scan, scan_bytes
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.rules import fill
from stopper.errors import UsageError

TOKEN = fill("ghp_{alnum:36}", "files").encode()
OTHER = fill("glpat-{alnum:20}", "files").encode()
GENERIC = fill("password = '{alnum:20}'", "files").encode()
INSPECTOR = Inspector(packaged_detector(b"a key"))
NOISE = bytes(range(256)) * 40


def places(seen: Scan) -> list[tuple[str, int, int, int, int]]:
    """Where findings are."""
    return [(one.path, one.line, one.column, one.end_line, one.end_column) for one in seen.found]


LINES = {
    # where it stands             the text                              line, column, and the end of it
    "at the start":              (TOKEN,                                (1, 1, 1, 41)),
    "behind umlauts":            ("ä→😀 ".encode() + TOKEN,              (1, 5, 1, 45)),
    "on a later line":           (b"\n\r\n  " + TOKEN + b"\n",          (3, 3, 3, 43)),
    "behind what is no UTF-8":   (b"\xff\xfd\n\xe4 " + TOKEN,           (2, 3, 2, 43)),
}  # fmt: skip


@pytest.mark.parametrize(("text", "place"), LINES.values(), ids=LINES)
def test_lines_and_columns(text: bytes, place: tuple[int, int, int, int]) -> None:
    assert places(scan_bytes(text, "x", INSPECTOR)) == [("x", *place)]


def test_many_on_one_long_line() -> None:
    """Each place is right, and finding it does not take longer for each."""
    tokens = [fill("ghp_{alnum:36}", str(number)).encode() for number in range(500)]
    seen = scan_bytes(b" and ".join(tokens), "x", INSPECTOR)
    assert [one.column for one in seen.found] == [1 + number * 45 for number in range(500)]


BINARIES = {
    # what it is                    the data                            what is found in it
    "noise":                       (NOISE,                              0),
    "a token in noise":            (NOISE + TOKEN + NOISE,              1),
    "a password in noise":         (NOISE + GENERIC + NOISE,            0),
    "a text":                      (GENERIC,                            1),
    "a text with NUL":             (b"\0" + GENERIC,                    1),
    "a text with many NUL":        (b"\0" * 10_000 + GENERIC,           1),
    "UTF-16":                      (GENERIC.decode().encode("utf-16"),  1),
    "coloured text":               (b"\x1b[1m" + GENERIC + b"\x1b[0m",  1),
    "compressed":                  (gzip.compress(b"x" * 50 + TOKEN),   0),
}  # fmt: skip


@pytest.mark.parametrize(("data", "count"), BINARIES.values(), ids=BINARIES)
def test_binaries(data: bytes, count: int) -> None:
    """A token counts anywhere; what only its context makes a secret counts in texts."""
    assert len(scan_bytes(data, "x", INSPECTOR).found) == count


def test_what_is_binary() -> None:
    assert is_binary(NOISE)
    assert not is_binary(b"")
    assert not is_binary("Größe 中文".encode())
    assert not is_binary("Größe".encode("utf-16-le"))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in."""
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_a_folder_in_order(tree: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt"):
        (tree / name).write_bytes(TOKEN)
    seen = scan(["."], INSPECTOR)
    assert [one.path for one in seen.found] == ["a.txt", "b.txt", "sub/c.txt"]
    assert (seen.files, seen.size, seen.is_clean) == (3, 3 * len(TOKEN), False)


TWICE = {
    # what is named                   the paths                     what is looked at
    "a file twice":                 (["a.txt", "a.txt"],            ["a.txt"]),
    "a file in another spelling":   (["a.txt", "./sub/../a.txt"],   ["a.txt"]),
    "a file and its folder":        (["sub/b.txt", "sub/", "."],    ["sub/b.txt", "a.txt"]),
    "a folder twice":               ([".", "sub", "../tree"],       ["a.txt", "sub/b.txt"]),
    "a file by a link":             (["a.txt", "link"],             ["a.txt"]),
    "up from a link to a folder":   (["a.txt", "far/../a.txt"],     ["a.txt", "far/../a.txt"]),
}  # fmt: skip


@pytest.mark.parametrize(("paths", "seen"), TWICE.values(), ids=TWICE)
def test_each_file_once(tree: Path, paths: list[str], seen: list[str]) -> None:
    (tree.parent / "other" / "deep").mkdir(parents=True)
    for place in (tree / "a.txt", tree / "sub" / "b.txt", tree.parent / "other" / "a.txt"):
        place.write_bytes(TOKEN)
    (tree / "link").symlink_to("a.txt")
    (tree / "far").symlink_to(tree.parent / "other" / "deep")
    scanned = scan(paths, INSPECTOR)
    assert [one.path for one in scanned.found] == seen
    assert scanned.files == len(seen)


def test_what_is_left_out_is_counted(tree: Path) -> None:
    (tree / ".gitignore").write_text("sub/\n*.log\n")
    (tree / ".git").mkdir()
    for name in ("a.log", "sub/c.txt", ".git/config"):
        (tree / name).write_bytes(TOKEN)
    seen = scan(["."], INSPECTOR)
    assert (seen.found, seen.files, seen.ignored, seen.is_clean) == ((), 1, 3, True)
    assert len(scan(["."], INSPECTOR, use_ignores=False).found) == 3
    assert len(scan(["a.log"], INSPECTOR).found) == 1  # it was named itself


def test_links_and_devices_are_not_followed(tree: Path) -> None:
    (tree.parent / "outside").write_bytes(TOKEN)
    (tree / "link").symlink_to(tree.parent / "outside")
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe")
    seen = scan(["."], INSPECTOR)
    assert (seen.files, seen.is_clean) == (0, True)
    assert len(scan(["link"], INSPECTOR).found) == 1


def test_larger_files_are_named(tree: Path) -> None:
    (tree / "large").write_bytes(TOKEN * 3)
    (tree / "small").write_bytes(b"x")
    seen = scan(["."], INSPECTOR, max_bytes=100)
    assert [(one.path, one.why, one.fault) for one in seen.unseen] == [
        ("large", "not looked at: it has more than 100 bytes", False)
    ]
    assert (seen.files, seen.is_clean) == (1, True)
    with pytest.raises(UsageError, match="large has more than 100 bytes: see --max-size"):
        scan(["large"], INSPECTOR, max_bytes=100)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_is_not_clean(tree: Path) -> None:
    (tree / "closed").write_bytes(TOKEN)
    (tree / "closed").chmod(0)
    (tree / "sub").chmod(0)
    seen = scan(["."], INSPECTOR)
    (tree / "sub").chmod(0o700)
    assert [one.path for one in seen.unseen] == ["closed", "sub"]
    assert not seen.is_clean


def test_what_is_swapped_while_it_is_looked_at(tree: Path) -> None:
    """A pipe in a file's place does not stop the scan for ever, and is told."""
    for name in ("a", "b"):
        (tree / name).write_bytes(b"x")

    def swap(_done: int, _size: int) -> None:
        if (tree / "b").is_file():
            (tree / "b").unlink()
            os.mkfifo(tree / "b")

    seen = scan(["."], INSPECTOR, tell=swap)
    assert [(one.path, one.why) for one in seen.unseen] == [
        ("b", "cannot be read: no file any more")
    ]
    assert not seen.is_clean


def test_what_cannot_be_proved_is_not_clean(tree: Path) -> None:
    deep = b"a text "
    for _ in range(14):
        deep = gzip.compress(deep)
    (tree / "deep").write_bytes(b"text\n" * 2000 + deep)
    seen = scan(["."], INSPECTOR)
    assert [one.path for one in seen.unseen] == ["deep"]
    assert "not looked at to the end" in seen.unseen[0].why
    assert not seen.is_clean


def test_progress_goes_from_nothing_to_all(tree: Path) -> None:
    for name in "abc":
        (tree / name).write_bytes(b"x" * 10)
    told: list[tuple[int, int]] = []
    scan(["."], INSPECTOR, tell=lambda done, size: told.append((done, size)))
    assert told == [(10, 30), (20, 30), (30, 30)]


def test_it_ends_where_nobody_would_read_on(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FOUND", 2)
    for name in "abcde":
        (tree / name).write_bytes(TOKEN + b" and " + OTHER)
    seen = scan(["."], INSPECTOR)
    assert (len(seen.found), seen.more, seen.files) == (2, True, 2)


def test_a_bound_on_files(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)
    for name in "abc":
        (tree / name).touch()
    with pytest.raises(UsageError, match="has more than 2 files"):
        scan(["."], INSPECTOR)
    assert MAX_FILE_BYTES < 1 << 30
