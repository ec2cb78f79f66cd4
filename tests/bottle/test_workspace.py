"""Which folders may be shown, and what in a workspace stays as it is."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stopper.bottle.sandbox import Kind
from stopper.bottle.workspace import (
    Ground,
    check_read,
    check_write,
    guard,
    planted,
    repository,
)
from stopper.errors import BottleError


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """A home with Stopper's folder, a project, and links that lead to forbidden places."""
    home = tmp_path / "users/me"
    for name in (".stopper/inner", "project/sub", "other"):
        (home / name).mkdir(parents=True)
    (home / "project/to-home").symlink_to(home)
    (home / "project/to-state").symlink_to(home / ".stopper")
    (home / "file").write_text("x")
    return Ground(home, home / ".stopper")


FOLDERS = {
    # what is asked for                  path below home         may be read, may be written
    "a project":                        ("project",              True,  True),
    "a folder in it":                   ("project/sub",          True,  True),
    "a file":                           ("file",                 True,  True),
    "the home folder":                  ("",                     False, False),
    "the home folder's parent":         ("..",                   False, False),
    "the home folder by a link":        ("project/to-home",      False, False),
    "Stopper's folder":                 (".stopper",             False, False),
    "in Stopper's folder":              (".stopper/inner",       False, False),
    "Stopper's folder by a link":       ("project/to-state",     False, False),
    "by a way around":                  ("project/../.stopper",  False, False),
    "what is not there":                ("nothing",              False, False),
}  # fmt: skip


@pytest.mark.parametrize(("path", "read", "write"), FOLDERS.values(), ids=FOLDERS)
def test_folders(path: str, read: bool, write: bool, ground: Ground) -> None:
    """Stopper's folder is never shown, nor is anything that holds it."""
    assert _passes(lambda: check_read(ground.home / path, ground)) == read
    assert _passes(lambda: check_write(ground.home / path, ground)) == write


SYSTEM = {
    # path                 may be read, may be written
    "/":                  (False, False),
    "/usr":               (True,  False),
    "/usr/bin":           (True,  False),
    "/etc":               (True,  False),
    "/proc/self":         (False, False),
    "/dev":               (False, False),
    "/sys/kernel":        (False, False),
    "/run":               (False, False),
    "/var":               (False, False),
    "/home":              (False, False),
}  # fmt: skip


@pytest.mark.parametrize(("path", "allowed"), SYSTEM.items(), ids=SYSTEM)
def test_system_folders(path: str, allowed: tuple[bool, bool], ground: Ground) -> None:
    """The machine itself is never shown, the system never writable."""
    assert _passes(lambda: check_read(Path(path), ground)) == allowed[0]
    assert _passes(lambda: check_write(Path(path), ground)) == allowed[1]


@pytest.mark.parametrize("path", ["/tmp", "/var/tmp", "/run", "/home", "/opt"])  # noqa: S108
def test_shared_folders_are_not_writable(path: str, ground: Ground) -> None:
    """What many share holds sockets and files of others."""
    assert not _passes(lambda: check_write(Path(path), ground))


def test_a_workspace_is_a_folder(ground: Ground) -> None:
    """A file can be written, but not be worked in."""
    assert not _passes(lambda: check_write(ground.home / "file", ground, workspace=True))


def test_sockets_are_never_shown(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only mount would not stop anybody from connecting."""
    monkeypatch.chdir(ground.home)
    with socket.socket(socket.AF_UNIX) as service:
        service.bind("docker.sock")
        assert not _passes(lambda: check_read(ground.home / "docker.sock", ground))


def test_guard_binds_what_exists_and_watches_the_rest(tmp_path: Path) -> None:
    """The folder on the way becomes a mount of its own, so that it cannot be moved away."""
    (tmp_path / ".git/hooks").mkdir(parents=True)
    (tmp_path / ".git/modules/part").mkdir(parents=True)
    (tmp_path / ".git/modules/part/config").write_text("")
    mounts, watched = guard(
        str(tmp_path), [".git/hooks", ".git/config", ".git/modules/*/config"], []
    )
    kinds = {Path(mount.target).relative_to(tmp_path).as_posix(): mount.kind for mount in mounts}
    assert kinds == {
        ".git": Kind.WRITE,
        ".git/hooks": Kind.READ,
        ".git/modules": Kind.WRITE,
        ".git/modules/part": Kind.WRITE,
        ".git/modules/part/config": Kind.READ,
    }
    assert watched == {str(tmp_path / ".git/config"): ""}


def test_guard_gives_way_to_an_explicit_wish(tmp_path: Path) -> None:
    """`--write .git/config` lifts it for that file."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("")
    assert guard(str(tmp_path), [".git/config"], [str(tmp_path / ".git/config")]) == ([], {})


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    # what the agent does                    the change                                  found
    "nothing":                              (lambda _: None,                             []),
    "plants a file":                        (lambda w: (w / "new").write_text("x"),      ["new"]),
    "plants a link":                        (lambda w: (w / "new").symlink_to("/x"),     ["new"]),
    "points a link elsewhere":              (lambda w: _point(w / "link", "/else"),      ["link"]),
    "puts a file in a link's place":        (lambda w: _replace(w / "link"),             ["link"]),
}  # fmt: skip


@pytest.mark.parametrize(("change", "found"), CHANGES.values(), ids=CHANGES)
def test_planted(change: Callable[[Path], object], found: list[str], tmp_path: Path) -> None:
    """What could not be bound read-only is named when it has changed."""
    (tmp_path / "link").symlink_to("/somewhere")
    _, watched = guard(str(tmp_path), ["new", "link"], [])
    change(tmp_path)
    assert planted(watched) == [str(tmp_path / name) for name in found]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_linked_worktree_brings_its_repository(tmp_path: Path) -> None:
    """Git's own pointer back is what vouches for it."""
    main, linked = tmp_path / "main", tmp_path / "linked"
    for command in (
        ["init", "-q", str(main)],
        ["-C", str(main), "commit", "-q", "--allow-empty", "-m", "x"],
        ["-C", str(main), "worktree", "add", "-q", str(linked)],
    ):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *identity, *command], check=True, capture_output=True)
    assert repository(str(linked)) == str(main / ".git")
    assert repository(str(main)) is None


@pytest.mark.parametrize(
    "text", ["", "gitdir: \0", "gitdir: /dev/full", "gitdir: loop", "x" * 9000]
)
def test_a_pointer_that_makes_no_sense(text: str, tmp_path: Path) -> None:
    """An agent may write anything there; it brings nothing and breaks nothing."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / ".git").write_text(text)
    assert repository(str(tmp_path)) is None


def test_a_forged_pointer_brings_nothing(tmp_path: Path) -> None:
    """An earlier agent could have written it: nobody outside points back."""
    secret, workspace = tmp_path / "secret", tmp_path / "workspace"
    secret.mkdir()
    workspace.mkdir()
    (workspace / ".git").write_text(f"gitdir: {secret}\n")
    assert repository(str(workspace)) is None
    inner = workspace / "inner/worktrees/x"
    inner.mkdir(parents=True)
    (inner / "gitdir").write_text(f"{workspace}/.git\n")
    (inner / "commondir").write_text(os.path.relpath(secret, inner))
    (workspace / ".git").write_text(f"gitdir: {inner}\n")
    assert repository(str(workspace)) is None


def _passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except BottleError:
        return False
    return True


def _point(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


def _replace(link: Path) -> None:
    link.unlink()
    link.write_text("x")
