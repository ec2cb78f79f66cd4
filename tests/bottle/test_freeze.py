"""Snapshots of a workspace: what they hold, how they come back, what cannot fool them."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopper.bottle.freeze import Snapshot, differences, freeze, load_snapshot, restore
from stopper.bottle.sandbox import Plan
from stopper.errors import BottleError

TAKEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where snapshots go."""
    return tmp_path / "snapshots"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace with a file, a program, a link and a folder."""
    folder = tmp_path / "work"
    (folder / "sub/empty").mkdir(parents=True)
    (folder / "sub/text").write_text("one")
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o755)
    (folder / "link").symlink_to("sub/text")
    return folder


def taken(store: Path, work: Path, *folders: Path) -> Snapshot:
    """A snapshot of a run of claude there."""
    plan = Plan(
        profile="claude",
        command=("/usr/bin/claude", "--verbose"),
        workspace=str(work),
        environment={"KEY": "not-to-be-kept"},
        folders=tuple(map(str, folders)),
    )
    return freeze(store, plan, run="r1", bottle="amber-fox", taken=TAKEN, options={"budget": "1"})


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    # what happens meanwhile        the change                                           differences
    "nothing":                     (lambda _: None,                                      []),
    "a file changes":              (lambda w: (w / "sub/text").write_text("two"),        ["sub/text"]),
    "a file goes":                 (lambda w: (w / "sub/text").unlink(),                 ["sub/text"]),
    "a file comes":                (lambda w: (w / "new").write_text(""),                ["new"]),
    "a mode changes":              (lambda w: (w / "program").chmod(0o644),              ["program"]),
    "a link points elsewhere":     (lambda w: _point(w / "link", "/etc/passwd"),         ["link"]),
    "a folder becomes a file":     (lambda w: _become_file(w / "sub/empty"),             ["sub/empty"]),
    "a file becomes a folder":     (lambda w: _become_folder(w / "sub/text"),            ["sub/text"]),
    "a folder becomes a link out": (lambda w: _become_link(w / "sub", w.parent / "out"), ["sub", "sub/empty", "sub/text"]),
    "everything goes":             (shutil.rmtree,                                       ["link", "program", "sub", "sub/empty", "sub/text"]),
}  # fmt: skip


@pytest.mark.parametrize(("change", "found"), CHANGES.values(), ids=CHANGES)
def test_changes_are_found_and_undone(
    change: Callable[[Path], object], found: list[str], store: Path, work: Path
) -> None:
    """Each change is named, and putting back leaves only what is new."""
    snapshot = taken(store, work)
    change(work)
    assert differences(snapshot) == [str(work / name) for name in found]
    restore(store, snapshot)
    assert differences(snapshot) == [str(work / name) for name in found if name == "new"]


def test_restoring_does_not_follow_links(store: Path, work: Path, tmp_path: Path) -> None:
    """A link that an agent left in a folder's place leads nowhere."""
    snapshot = taken(store, work)
    _become_link(work / "sub", tmp_path / "out")
    restore(store, snapshot)
    assert list((tmp_path / "out").iterdir()) == []
    assert (work / "sub/text").read_text() == "one"


def test_what_a_snapshot_says(store: Path, work: Path) -> None:
    """It reads back as it was, with the command that takes the conversation up, and no variable."""
    snapshot = taken(store, work)
    assert load_snapshot(store, "r1") == snapshot
    assert snapshot.command == ("/usr/bin/claude", "--continue")
    assert snapshot.taken == TAKEN
    assert "not-to-be-kept" not in (store / "r1.json").read_text()
    assert (store / "r1.json").stat().st_mode & 0o077 == 0


def test_session_folders_are_kept_too(store: Path, work: Path, tmp_path: Path) -> None:
    """The agent's own state belongs to the run."""
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    (sessions / "a.jsonl").write_text("{}")
    snapshot = taken(store, work, sessions, tmp_path / "never-made")
    (sessions / "a.jsonl").unlink()
    assert differences(snapshot) == [str(sessions / "a.jsonl")]
    restore(store, snapshot)
    assert (sessions / "a.jsonl").read_text() == "{}"


def test_equal_contents_are_stored_once(store: Path, work: Path) -> None:
    """The store is by content."""
    (work / "copy").write_text("one")
    taken(store, work)
    stored = [path for path in (store / "contents").rglob("*") if path.is_file()]
    assert len(stored) == 2


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_ignored_files_are_left_out(store: Path, work: Path) -> None:
    """In a git work tree .gitignore decides; a repository within is kept as a whole."""
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    (work / ".gitignore").write_text("node_modules/\n*.log\n")
    (work / "node_modules/x").mkdir(parents=True)
    (work / "node_modules/x/index.js").write_text("")
    (work / "sub/a.log").write_text("")
    subprocess.run(["git", "init", "-q", str(work / "nested")], check=True)
    (work / "nested/file").write_text("")
    paths = {entry.path for entry in taken(store, work).trees[0].entries}
    assert paths == {".gitignore", "link", "nested", "nested/file", "program", "sub", "sub/text"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_runs_nothing_that_the_workspace_names(store: Path, work: Path) -> None:
    """Filters and monitors in its configuration would be programs of the agent on the host."""
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    trap = work / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {work.parent}/sprung\ncat\n")
    trap.chmod(0o755)
    for name in ("core.fsmonitor", "filter.x.clean", "filter.x.process", "core.sshCommand"):
        subprocess.run(["git", "-C", str(work), "config", name, str(trap)], check=True)
    (work / ".gitattributes").write_text("* filter=x\n")
    taken(store, work)
    assert not (work.parent / "sprung").exists()


def test_pipes_and_sockets_are_left_out(
    store: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a pipe would wait for ever."""
    os.mkfifo(work / "pipe")
    monkeypatch.chdir(work)
    with socket.socket(socket.AF_UNIX) as service:
        service.bind("socket")
        paths = {entry.path for entry in taken(store, work).trees[0].entries}
    assert not {"pipe", "socket"} & paths


def test_a_name_that_is_no_text(store: Path, work: Path) -> None:
    """A file's name is bytes, and comes back as the same bytes."""
    name = os.fsdecode(b"caf\xe9\n")
    (work / name).write_text("x")
    snapshot = taken(store, work)
    (work / name).unlink()
    restore(store, load_snapshot(store, "r1"))
    assert differences(snapshot) == []


TAMPERING: dict[str, Callable[[Path], object]] = {
    "another command": lambda s: _edit(s / "r1.json", b"--continue", b"--evil-one"),
    "another content": lambda s: [
        path.write_text("evil") for path in (s / "contents").rglob("*") if path.is_file()
    ],
    "no JSON": lambda s: (s / "r1.json").write_text("{"),
    "gone": lambda s: (s / "r1.json").unlink(),
}


@pytest.mark.parametrize("tamper", TAMPERING.values(), ids=TAMPERING)
def test_tampering(tamper: Callable[[Path], object], store: Path, work: Path) -> None:
    """A snapshot that was changed is refused, and no file is replaced by what is not its own."""
    taken(store, work)
    shutil.rmtree(work)
    tamper(store)
    with pytest.raises(BottleError):
        restore(store, load_snapshot(store, "r1"))
    assert not any(path.is_file() and path.read_text() == "evil" for path in work.rglob("*"))


def test_bounds(store: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the named bound is an error, and no snapshot."""
    monkeypatch.setattr("stopper.bottle.freeze.MAX_ENTRIES", 2)
    with pytest.raises(BottleError, match="more than 2 entries"):
        taken(store, work)
    assert not (store / "r1.json").exists()


names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8)
trees = st.dictionaries(names.filter(lambda name: name not in {".", "..", ".git"}), st.binary())


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=trees, after=trees)
def test_restore_undoes(before: dict[str, bytes], after: dict[str, bytes], tmp_path: Path) -> None:
    """Law: after putting back, every file of the snapshot is as it was, whatever came between."""
    work = tmp_path / "law"
    shutil.rmtree(work, ignore_errors=True)
    for files in (before, after):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        for name, data in files.items():
            (work / name).write_bytes(data)
        if files is before:
            snapshot = taken(tmp_path / "snapshots", work)
    restore(tmp_path / "snapshots", snapshot)
    assert {path.name: path.read_bytes() for path in work.iterdir()} == after | before


def _point(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


def _become_file(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("")


def _become_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
    file.chmod(0o755)


def _become_link(folder: Path, target: Path) -> None:
    shutil.rmtree(folder)
    target.mkdir()
    folder.symlink_to(target)


def _edit(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
