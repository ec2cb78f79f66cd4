"""A write keeps what a file is, refuses what breaks it, and leaves it whole whatever happens."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stopper.bottle.start import find_bwrap
from stopper.errors import PatchError, SettingsError
from stopper.patch import (
    list_backups,
    prune_backups,
    restore_from_backup,
    safe_edit_lines,
    safe_write_file,
)

TEXTS = {
    # what is kept                  before                  written         after
    "plain line ends":              (b"a\nb\n",             "c\nd\n",       b"c\nd\n"),
    "those of Windows":             (b"a\r\nb\r\n",         "c\nd\n",       b"c\r\nd\r\n"),
    "those that are written":       (b"a\r\nb\r\n",         "c\r\nd\n",     b"c\r\nd\n"),
    "mostly plain":                 (b"a\nb\nc\r\n",        "d\n",          b"d\n"),
    "a byte order mark":            (b"\xef\xbb\xbfa\n",    "b\n",          b"\xef\xbb\xbfb\n"),
    "no end of line":               (b"a",                  "b",            b"b"),
    "bytes as they are":            (b"a\r\n",              b"b\n",         b"b\n"),
    "a new file":                   (None,                  "é\r\nx",       "é\r\nx".encode()),
    "nothing":                      (b"a\n",                "",             b""),
}  # fmt: skip


@pytest.mark.parametrize(("before", "written", "after"), TEXTS.values(), ids=TEXTS)
def test_contents(project: Path, before: bytes | None, written: str | bytes, after: bytes) -> None:
    file = project / "f.txt"
    if before is not None:
        file.write_bytes(before)
    result = safe_write_file(file, written)
    assert result
    assert file.read_bytes() == after
    assert (result.backup.read_bytes() if result.backup else None) == before


REFUSED = {
    # what is refused                       name        before              written                         code
    "Python that does not parse":           ("a.py",    None,               "def f(:\n",                    "patch.breaks_syntax"),
    "JSON that does not parse":             ("a.json",  '{"a": 1}',         '{"a": 1,}',                    "patch.breaks_syntax"),
    "JSON with no number":                  ("a.json",  None,               "[NaN]",                        "patch.breaks_syntax"),
    "YAML that does not parse":             ("a.yml",   "a: 1\n",           "a: [1\n",                      "patch.breaks_syntax"),
    "TOML that does not parse":             ("a.toml",  "a = 1\n",          "a = \n",                       "patch.breaks_syntax"),
    "JavaScript":                           ("a.js",    None,               "const a = {;\n",               "patch.breaks_syntax"),
    "TypeScript":                           ("a.tsx",   None,               "const a = <b>;\n",             "patch.breaks_syntax"),
    "a shell script that was good":         ("a.sh",    "echo a\n",         "if true; then\n",              "patch.breaks_syntax"),
    "nested without end":                   ("a.json",  None,               "[" * 100_000,                  "patch.breaks_syntax"),
    "growth":                               ("a.txt",   "x" * 2000,         "x" * 20_001,                   "patch.explosion"),
    "a script that deletes everything":     ("a.sh",    "echo a\n",         "echo a\nrm -rf /\n",           "patch.unsafe"),
    "one without a suffix":                 ("a",       None,               "#!/usr/bin/env bash\nrm -rf ~\n", "patch.unsafe"),
    "half a character":                     ("a.txt",   None,               "\ud800",                       "patch.not_text"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "before", "written", "code"), REFUSED.values(), ids=REFUSED)
def test_refusals(project: Path, name: str, before: str | None, written: str, code: str) -> None:
    file = project / name
    if before is not None:
        file.write_text(before)
    result = safe_write_file(name, written)
    assert not result
    assert result.refusal is not None
    assert result.refusal.code == code
    assert (file.read_text() if before is not None else None) == before
    assert not list_backups(name)
    assert {one.name for one in project.iterdir()} <= {name, ".stopper"}


ALLOWED = {
    # what passes                           name            before                  written                     warnings
    "a stub that becomes a module":         ("a.py",        "# to do\n",            "x = 1\n" * 1000,           0),
    "what was broken and still is":         ("a.py",        "def (\n",              "def f(\n",                 1),
    "a template in YAML's clothes":         ("a.yaml",      "{{ a }}: {{ b\n",      "{{ a }}: {{ c\n",          1),
    "comments where they are usual":        ("tsconfig.json", None,                 "{ // x\n}\n",              0),
    "a doubtful escape":                    ("a.py",        None,                   "x = '\\d'\n",              0),
    "a script that was as bad before":      ("a.sh",        "rm -rf /\n",           "rm -rf / # x\n",           0),
    "a here-document in a script":          ("a.sh",        None,                   "cat << EOF\nx\nEOF\n",     1),
    "a language that nobody knows":         ("a.xyz",       None,                   "(((",                      0),
}  # fmt: skip


@pytest.mark.parametrize(("name", "before", "written", "warnings"), ALLOWED.values(), ids=ALLOWED)
def test_what_passes(
    project: Path, name: str, before: str | None, written: str, warnings: int
) -> None:
    if before is not None:
        (project / name).write_text(before)
    result = safe_write_file(name, written)
    assert (bool(result), len(result.warnings)) == (True, warnings), result
    assert (project / name).read_text() == written


def test_limits_by_argument_and_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "f").write_text("x" * 2000)
    assert not safe_write_file("f", "x" * 5000, max_increase=2)
    monkeypatch.setenv("STOPPER_MAX_SIZE_INCREASE", "2")
    monkeypatch.setenv("STOPPER_BACKUP_DIR", "kept")
    assert not safe_write_file("f", "x" * 5000)
    assert safe_write_file("f", "x" * 5000, max_increase=3).backup is not None
    assert (project / "kept" / "objects").is_dir()
    for value in ("0.5", "x", "nan"):
        monkeypatch.setenv("STOPPER_MAX_SIZE_INCREASE", value)
        with pytest.raises(SettingsError, match="STOPPER_MAX_SIZE_INCREASE"):
            safe_write_file("f", "y")


def test_a_dry_run_shows_and_changes_nothing(project: Path) -> None:
    (project / "f.txt").write_text("a\nb\nc")
    result = safe_write_file("f.txt", "a\nB\nc", dry_run=True)
    assert result.changed
    assert result.diff.splitlines()[3:] == [" a", "-b", "+B", " c", "\\ No newline at end of file"]
    assert (project / "f.txt").read_text() == "a\nb\nc"
    assert not list_backups("f.txt")


def test_what_is_already_so_is_left_alone(project: Path) -> None:
    (project / "f.txt").write_text("a\n")
    before = (project / "f.txt").stat()
    result = safe_write_file("f.txt", "a\n")
    assert (bool(result), result.changed, result.backup) == (True, False, None)
    after = (project / "f.txt").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_owner_attributes_and_other_names(project: Path) -> None:
    file = project / "f.txt"
    file.write_text("a\n")
    file.chmod(0o640)
    if os.getuid() == 0:
        os.chown(file, 1234, 5678)
    before = file.stat()
    (project / "other").hardlink_to(file)
    result = safe_write_file(file, "b\n")
    after = file.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (
        before.st_uid,
        before.st_gid,
        before.st_mode,
    )
    assert "hard links" in result.warnings[0]
    assert (project / "other").read_text() == "a\n"


def test_a_new_file_has_the_usual_mode(project: Path) -> None:
    mask = os.umask(0o027)
    try:
        assert safe_write_file("f.txt", "a\n")
    finally:
        os.umask(mask)
    assert (project / "f.txt").stat().st_mode & 0o777 == 0o640


FAULTS = {
    # what is wrong             name                what the message says
    "no folder":                ("gone/f.txt",      "does not exist"),
    "a file for a folder":      ("file/f.txt",      "no folder"),
    "a folder":                 ("folder",          "Is a directory|no plain file"),
    "a pipe":                   ("pipe",            "no plain file"),
    "links in a circle":        ("circle",          "circle"),
    "a NUL":                    ("a\0b",            "null"),
    "read-only":                ("locked.txt",      "read-only"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "said"), FAULTS.values(), ids=FAULTS)
def test_faults(project: Path, name: str, said: str) -> None:
    (project / "file").write_text("kept")
    (project / "folder").mkdir()
    os.mkfifo(project / "pipe")
    (project / "circle").symlink_to("circle")
    (project / "locked.txt").write_text("kept")
    (project / "locked.txt").chmod(0o444)
    with pytest.raises(PatchError, match=said):
        safe_write_file(name, "x")
    assert (project / "file").read_text() == (project / "locked.txt").read_text() == "kept"
    assert not [one for one in project.iterdir() if "stopper-tmp" in one.name]


def test_a_name_as_long_as_there_are(project: Path) -> None:
    name = "é" * 127
    assert safe_write_file(name, "x")
    assert safe_write_file(name, "y")
    assert (project / name).read_text() == "y"


def test_what_a_killed_writer_left_is_cleared_away(project: Path) -> None:
    from stopper.patch.target import _temporary, read_target  # noqa: PLC0415

    with _temporary(read_target("f")) as (_, live):
        left = live.with_name(live.name.replace("-", "-0", 1))
        left.write_text("half")
        assert safe_write_file("f", "x")
        assert live.exists()
        assert not left.exists()


def test_a_link_to_nothing_makes_what_it_names(project: Path) -> None:
    (project / "link").symlink_to("made")
    assert safe_write_file("link", "x")
    assert (project / "link").is_symlink()
    assert (project / "made").read_text() == "x"


WRITE = """
import sys
from stopper.errors import PatchError
from stopper.patch import safe_write_file
try:
    safe_write_file(sys.argv[1], "y" * int(sys.argv[2]), sys.argv[3], max_increase=1e9)
except PatchError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("broken", ["target", "backups"])
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_disk_that_takes_no_more(project: Path, how: str, broken: str) -> None:
    """A real one, in a mount namespace of its own."""
    place = project / "disk"
    place.mkdir()
    (place / "f.txt").write_text("original")
    other = project / "elsewhere"
    other.mkdir()
    (other / "f.txt").write_text("original" * 10_000)
    target, backups = (place, other) if broken == "target" else (other, place)
    shrunk = ["--size", "32768", "--tmpfs", str(place)]
    mount = shrunk if how == "full" else ["--ro-bind", str(place), str(place)]
    fill = f'test -e {place}/f.txt || echo original > {place}/f.txt; exec "$@"'
    command = [find_bwrap()[0], "--dev-bind", "/", "/", *mount, "--chdir", str(project)]
    command += ["bash", "-c", f"{fill}", "_", sys.executable, "-c", WRITE]
    command += [str(target / "f.txt"), "75000", str(backups / "kept")]
    script = f"{fill.replace('exec ', '')}; said=$?; cat {target}/f.txt | head -c 8; ls -A {target}; exit $said"
    command[command.index("-c") + 1] = script
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "namespace" in done.stderr:
        pytest.skip("this kernel forbids namespaces")
    assert done.returncode == 1
    assert ("disk is full" if how == "full" else "read-only") in done.stderr
    assert "nothing was changed" in done.stderr
    assert done.stdout.split() == ["original" + "f.txt"] or done.stdout.startswith("original")
    assert "stopper-tmp" not in done.stdout


def test_a_file_that_changed_meanwhile_is_not_overwritten(project: Path) -> None:
    from stopper.patch.target import read_target, replace  # noqa: PLC0415

    (project / "f").write_text("a")
    target = read_target("f")
    (project / "f").write_text("b!")
    with pytest.raises(PatchError, match="meanwhile"):
        replace(target, b"c")
    fresh = read_target("g")
    (project / "g").write_text("other")
    with pytest.raises(PatchError, match="meanwhile"):
        replace(fresh, b"c")
    assert ((project / "f").read_text(), (project / "g").read_text()) == ("b!", "other")
    assert sorted(one.name for one in project.iterdir()) == ["f", "g"]


def test_writers_at_once_never_tear_and_lose_no_edit(project: Path) -> None:
    """Each adds lines of its own by line edits; readers see whole states only."""
    (project / "f.txt").write_text("")
    torn: list[str] = []
    done = threading.Event()

    def write(name: int) -> None:
        for number in range(12):
            assert safe_edit_lines("f.txt", 1, 0, f"{name}.{number} {'x' * 5000} end\n")

    def read() -> None:
        while not done.is_set():
            text = (project / "f.txt").read_text()
            torn.extend(line for line in text.split("\n") if line and not line.endswith(" end"))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join()
    assert not torn
    heads = sorted(line.split()[0] for line in (project / "f.txt").read_text().splitlines())
    assert heads == sorted(f"{name}.{number}" for name in range(4) for number in range(12))


LINES = {
    # what is done             start  end  content     after
    "one line":                (2,    2,   "X\n",      "a\nX\nc"),
    "several":                 (1,    2,   "X\n",      "X\nc"),
    "the last":                (3,    3,   "X",        "a\nb\nX"),
    "the last, with an end":   (3,    3,   "X\n",      "a\nb\nX\n"),
    "put in before":           (2,    1,   "X\n",      "a\nX\nb\nc"),
    "put in without an end":   (2,    1,   "X",        "a\nX\nb\nc"),
    "appended":                (4,    3,   "X\n",      "a\nb\nc\nX\n"),
    "taken away":              (2,    3,   "",         "a\n"),
    "all":                     (1,    3,   "",         ""),
}  # fmt: skip


@pytest.mark.parametrize(("start", "end", "content", "after"), LINES.values(), ids=LINES)
def test_lines(project: Path, start: int, end: int, content: str, after: str) -> None:
    for newline in ("\n", "\r\n"):
        (project / "f.txt").write_bytes(b"a\nb\nc".replace(b"\n", newline.encode()))
        assert safe_edit_lines("f.txt", start, end, content)
        expected = after if newline == "\n" or "\r" in after else after.replace("\n", "\r\n")
        assert (project / "f.txt").read_bytes().decode().replace("\r\n", "\n") == expected.replace(
            "\r\n", "\n"
        )


@pytest.mark.parametrize(("start", "end"), [(0, 1), (5, 5), (2, 4), (3, 1), (-1, 2), (5, 4)])
def test_lines_that_are_not_there(project: Path, start: int, end: int) -> None:
    (project / "f.txt").write_text("a\nb\nc\n")
    result = safe_edit_lines("f.txt", start, end, "X\n")
    assert result.refusal is not None
    assert result.refusal.code == "patch.bad_range"


def test_restoring(project: Path) -> None:
    file = project / "run.sh"
    file.write_text("echo 1\n")
    file.chmod(0o755)
    first = safe_write_file(file, "echo 2\n").backup
    assert first is not None
    file.unlink()
    result = restore_from_backup(file, first)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("echo 1\n", 0o755)
    assert result.backup is None
    assert safe_write_file(file, "echo 3\n")
    again = restore_from_backup(file, first, dry_run=True)
    assert "+echo 1" in again.diff
    restored = restore_from_backup(file, first)
    assert restored.backup is not None
    assert restored.backup.read_text() == "echo 3\n"
    with pytest.raises(PatchError, match="cannot be read"):
        restore_from_backup(file, "nowhere")
    first.chmod(0o600)
    first.write_text("forged\n")
    with pytest.raises(PatchError, match="damaged"):
        restore_from_backup(file, first)
    assert file.read_text() == "echo 1\n"


def test_pruning(project: Path) -> None:
    for name in ("a", "b"):
        for number in range(6):
            assert safe_write_file(name, f"{number}\n")
    assert [one.file.read_text() for one in list_backups("a")] == [
        "4\n",
        "3\n",
        "2\n",
        "1\n",
        "0\n",
    ]
    objects = project / ".stopper" / "backups" / "objects"
    assert len([*objects.glob("*/*")]) == 5  # the same contents, once
    assert prune_backups(keep=2) == 3
    assert [one.file.read_text() for one in list_backups("b")] == ["4\n", "3\n"]
    assert prune_backups(keep=0) == 2
    assert not list_backups("a")
    with pytest.raises(PatchError):
        prune_backups(keep=-1)


def test_old_backups_make_room(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopper.patch.backups.MAX_BACKUPS", 3)
    monkeypatch.setattr("stopper.patch.backups.SLACK", 4)
    for number in range(7):
        assert safe_write_file("f", f"{number}\n")
    assert len(list_backups("f")) == 6
    for number in range(7, 9):
        assert safe_write_file("f", f"{number}\n")
    assert [one.file.read_text() for one in list_backups("f")] == ["7\n", "6\n", "5\n"]
    assert len([*(project / ".stopper/backups/objects").glob("*/*")]) == 3
