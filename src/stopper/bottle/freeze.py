"""Keeps what a stopped agent has made, so that it can go on later exactly there.

A snapshot is a list of entries with their SHA-256, and a store of contents by that hash under
Stopper's own folder; contents that are there already are not copied again. It holds the workspace
without what .gitignore leaves out and without .git, and the agent's own session folders. No
process memory: an agent goes on by its own means to resume, any other command runs again.

Everything in a workspace may have been put there by an agent against us. So nothing here follows
a link, and git is asked for names only, with a configuration that is none of the workspace's.
"""

import contextlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from hashlib import file_digest, sha256
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stopper.bottle.profiles import load_agents
from stopper.bottle.sandbox import Plan
from stopper.errors import BottleError

__all__ = ["Entry", "Snapshot", "Tree", "differences", "freeze", "load_snapshot", "restore"]

MAX_ENTRIES: Final = 500_000
MAX_SNAPSHOT_BYTES: Final = 8 << 30
MAX_MANIFEST_BYTES: Final = 256 << 20
GIT_SECONDS: Final = 120.0

_FOLDER, _FILE, _LINK = "folder", "file", "link"


class Entry(Struct, frozen=True):
    """One path below a tree's own. `value` is a file's SHA-256 or a link's target."""

    path: str
    kind: str
    mode: int = 0
    value: str = ""


class Tree(Struct, frozen=True):
    """A folder as it was; `root` is a hash over all entries."""

    path: str
    root: str
    entries: tuple[Entry, ...]


class Snapshot(Struct, frozen=True, kw_only=True):
    """A stopped run.

    `command` is what takes up where it was stopped: the agent's own resume, else the same command
    again. `options` are the starter's own notes. `seal` is a hash over everything else.
    """

    id: str
    bottle: str
    profile: str
    command: tuple[str, ...]
    workspace: str
    taken: datetime
    trees: tuple[Tree, ...]
    options: dict[str, Any] = {}
    seal: str = ""


def freeze(
    store: Path,
    plan: Plan,
    *,
    run: str,
    bottle: str,
    taken: datetime,
    options: dict[str, Any] | None = None,
) -> Snapshot:
    """Take a snapshot and write it; call it when everything in the bottle is dead.

    Raises BottleError where it would grow past its bounds or cannot be written; nothing of an
    earlier snapshot changes then.
    """
    folders = [plan.workspace, *(folder for folder in plan.folders if Path(folder).is_dir())]
    with _faults_named(f"the snapshot of {bottle} cannot be taken"):
        trees = tuple(_keep(store, Path(folder)) for folder in folders)
        snapshot = Snapshot(
            id=run,
            bottle=bottle,
            profile=plan.profile,
            command=load_agents().agents[plan.profile].resumed(plan.command),
            workspace=plan.workspace,
            taken=taken,
            trees=trees,
            options=options or {},
        )
        snapshot = replace(snapshot, seal=_seal(snapshot))
        with _replacing(_manifest(store, run)) as file:
            file.write(_encode(msgspec.to_builtins(snapshot)))
    return snapshot


def load_snapshot(store: Path, run: str) -> Snapshot:
    """Read a snapshot back; BottleError where there is none or where it has been changed."""
    try:
        with _manifest(store, run).open("rb") as file:
            snapshot = msgspec.convert(json.loads(file.read(MAX_MANIFEST_BYTES)), Snapshot)
    except FileNotFoundError:
        raise BottleError(f"there is no snapshot of {run}: `stopper ps --all` lists runs") from None
    except (OSError, ValueError) as fault:
        raise BottleError(f"the snapshot of {run} does not read: {fault}") from None
    if snapshot.seal != _seal(snapshot):
        raise BottleError(f"the snapshot of {run} has been changed since it was taken")
    return snapshot


def differences(snapshot: Snapshot) -> list[str]:
    """Paths that are not as they were: changed, gone or new; empty means go on as you are."""
    found = []
    for tree in snapshot.trees:
        then = {entry.path: entry for entry in tree.entries}
        with _faults_named(f"{tree.path} cannot be compared with its snapshot"):
            now = {entry.path: entry for entry in _entries(Path(tree.path))}
        found += [
            str(Path(tree.path, path))
            for path in sorted(then.keys() | now.keys())
            if then.get(path) != now.get(path)
        ]
    return found


def restore(store: Path, snapshot: Snapshot) -> None:
    """Put back what changed or is gone; what is new since then stays where it is.

    Each content is checked against its hash before it takes a file's place.
    """
    for tree in snapshot.trees:
        with _faults_named(f"{tree.path} cannot be put back"):
            _put_back_tree(store, tree)


def _keep(store: Path, folder: Path) -> Tree:
    entries = []
    total = 0
    for entry in _entries(folder):
        if entry.kind == _FILE:
            total += (folder / entry.path).lstat().st_size
            if total > MAX_SNAPSHOT_BYTES:
                raise BottleError(f"{folder} has more than {MAX_SNAPSHOT_BYTES >> 30} GiB to keep")
            _keep_content(store, folder / entry.path, entry.value)
        entries.append(entry)
    kept = tuple(entries)
    return Tree(str(folder), _hash(kept), kept)


def _keep_content(store: Path, path: Path, digest: str) -> None:
    target = _content(store, digest)
    if target.exists():
        return
    with _open(path) as source, _replacing(target) as file:
        shutil.copyfileobj(source, file)
        file.seek(0)
        if file_digest(file, "sha256").hexdigest() != digest:
            raise BottleError(f"{path} changed while it was being kept: is the bottle still alive?")


def _put_back_tree(store: Path, tree: Tree) -> None:
    root = Path(tree.path)
    if not _is_folder(root):
        root.unlink(missing_ok=True)
        root.mkdir(mode=0o700, parents=True)
    now = {entry.path: entry for entry in _entries(root)}
    for entry in sorted(tree.entries, key=lambda entry: Path(entry.path).parts):
        if now.get(entry.path) != entry:
            _put_back(store, root, entry)


def _put_back(store: Path, root: Path, entry: Entry) -> None:
    path = root / entry.path
    if entry.kind == _FOLDER:
        if not _is_folder(path):
            path.unlink(missing_ok=True)
            path.mkdir()
        path.chmod(entry.mode)
        return
    if _is_folder(path):
        shutil.rmtree(path)
    if entry.kind == _LINK:
        path.unlink(missing_ok=True)
        path.symlink_to(entry.value)
        return
    with _content(store, entry.value).open("rb") as source, _replacing(path) as file:
        shutil.copyfileobj(source, file)
        file.seek(0)
        if file_digest(file, "sha256").hexdigest() != entry.value:
            raise BottleError(f"the kept content of {path} has been changed: {path} stays as it is")
        os.fchmod(file.fileno(), entry.mode)


def _entries(root: Path) -> Iterator[Entry]:
    """Everything below `root` that a snapshot holds, parents first, at most MAX_ENTRIES."""
    if not _is_folder(root):
        return
    listed = _not_ignored(root)
    wanted: AbstractSet[str] = listed or set()
    waiting, count = [("", listed is None)], 0
    while waiting:
        folder, all_of_it = waiting.pop()
        with os.scandir(root / folder) as found:
            items = sorted(found, key=lambda item: item.name)
        for item in items:
            path = f"{folder}/{item.name}".lstrip("/")
            known = all_of_it or path in wanted or f"{path}/" in wanted
            entry = _entry(item, path) if known and item.name != ".git" else None
            if entry is None:
                continue
            count += 1
            if count > MAX_ENTRIES:
                raise BottleError(f"{root} has more than {MAX_ENTRIES} entries to keep")
            if entry.kind == _FOLDER:
                waiting.append((path, all_of_it or f"{path}/" in wanted))
            yield entry


def _entry(item: "os.DirEntry[str]", path: str) -> Entry | None:
    """One entry; None for what is no file, folder or link, such as a socket or a pipe."""
    facts = item.stat(follow_symlinks=False)
    mode = stat.S_IMODE(facts.st_mode)
    if stat.S_ISDIR(facts.st_mode):
        return Entry(path, _FOLDER, mode)
    if stat.S_ISLNK(facts.st_mode):
        return Entry(path, _LINK, value=str(Path(item.path).readlink()))
    if stat.S_ISREG(facts.st_mode):
        with _open(Path(item.path)) as file:
            return Entry(path, _FILE, mode, file_digest(file, "sha256").hexdigest())
    return None


def _not_ignored(root: Path) -> set[str] | None:
    """Paths that no .gitignore names, with the folders on the way; None where git cannot tell.

    A path that ends in a slash is a repository in the workspace, and all of it is wanted.
    """
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    with tempfile.TemporaryDirectory() as own:
        # An empty repository of our own: the workspace's could name programs for git to run.
        place = [git, f"--git-dir={own}/git", f"--work-tree={root}"]
        try:
            _ask_git([git, "init", "-q", "--bare", f"{own}/git"], own)
            names = _ask_git(
                [*place, "ls-files", "-z", "--others", "--exclude-standard"], str(root)
            )
        except (OSError, subprocess.SubprocessError):
            return None
    wanted: set[str] = set()
    for name in names.split(b"\0"):
        path = os.fsdecode(name)
        while path and path not in wanted:
            wanted.add(path)
            path = path.rstrip("/").rpartition("/")[0]
    return wanted


def _ask_git(command: list[str], folder: str) -> bytes:
    environment = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.check_output(
        command, cwd=folder, env=environment, timeout=GIT_SECONDS, stderr=subprocess.DEVNULL
    )


def _hash(entries: tuple[Entry, ...]) -> str:
    return sha256(_encode(msgspec.to_builtins(entries))).hexdigest()


def _seal(snapshot: Snapshot) -> str:
    return sha256(_encode(msgspec.to_builtins(replace(snapshot, seal="")))).hexdigest()


def _encode(value: Any) -> bytes:
    """JSON in ASCII, because a file's name may be no valid text and still has to come back."""
    return json.dumps(value, sort_keys=True).encode()


def _manifest(store: Path, run: str) -> Path:
    return store / f"{run}.json"


def _content(store: Path, digest: str) -> Path:
    return store / "contents" / digest[:2] / digest[2:]


@contextlib.contextmanager
def _faults_named(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise BottleError(f"{what}: {fault}") from fault


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _open(path: Path) -> BufferedReader:
    """Open for reading what an agent may have put there: no link, no waiting for a pipe."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BufferedRandom]:
    """A new file that takes `path`'s place when all of it is written, and never before."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
