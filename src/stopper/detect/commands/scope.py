"""Where a path lies, seen from the workspace and the home folder."""

import re
from collections.abc import Mapping
from fnmatch import translate
from functools import cache
from posixpath import normpath

from msgspec import Struct

from stopper.data.commands import load_commands
from stopper.detect.commands.taint import UNKNOWN, unmark
from stopper.detect.effects import Scope

__all__ = ["GLOBS", "Mount", "Places"]

_TEMP = re.compile(r"(?:/private)?/(?:var/)?tmp(?:/|$)|/dev/shm/|/var/folders/|/run/user/\d+/")
_TOP = re.compile(r"/(?:[^/]+/?)?")
_HOMES = re.compile(r"(?:/home/[^/]+|/Users/[^/]+|/root|/var/root)(?P<below>/.*)?")
_KEPT = re.compile(
    r"/(?:var/lib|etc|bitnami|backups?|srv(?!/app(?:/|\Z))|mnt|media|var/(?:spool|mail|backups))/"
    r"|/var/www(?:/html)?(?!\S*/(?:cache|tmp|logs?)/)(?:/(?:[\w.-]+/)*data)?\Z"
    r"|/(?:sdcard|storage/emulated/0)(?:/(?:DCIM|Pictures|Documents|Downloads?|Music|Movies|Android))?\Z"
    r"|/data/(?:app|data|media|system)\Z"
)
"""Folders that outlive a container, without which it does not start, or that hold what people
made: on a server, on a phone."""
GLOBS = re.compile(r"[*?\[]")
_WILD_TAIL = re.compile(r"/(?:\.?\*+|\.\[!?\^?\.\]\*|\.\?\*|\.\.\?\*|\?+\*?)$")
_DRIVE = re.compile(r"[A-Za-z]:(?:[\\/]|$)|%\w+%|\$env:", re.IGNORECASE)


class Mount(Struct, frozen=True):
    """What of the machine is a folder of a container: its path there, and where that lies."""

    source: str
    scope: Scope


class Places:
    """The workspace, the home folder and the current folder of one shell.

    A current folder of None is not known. `mounts` are the folders of a container that lie in
    the home folder of the machine, or at its root, without a slash at their end.
    """

    def __init__(
        self,
        workspace: str,
        home: str,
        *,
        remote: bool = False,
        mounts: Mapping[str, Mount] | None = None,
    ) -> None:
        self.workspace = normpath(workspace) if workspace else ""
        self.home = normpath(home)
        self.remote = remote
        self.mounts = mounts or {}

    def resolve(self, path: str, cwd: str | None) -> str:
        """The path from the root on, dots undone; what is unknown stays in it."""
        if path.startswith("file://"):
            path = path.removeprefix("file://")
        if not path.startswith("/"):
            if cwd is None:
                return UNKNOWN + "/" + path
            path = f"{cwd}/{path}"
        full = normpath(path)
        return full[1:] if full.startswith("//") else full

    def scope(self, path: str, cwd: str | None) -> Scope:
        """Where `path` lies; with a wildcard in its last part, the folder's whole content."""
        if _DRIVE.match(path):
            return _windows(path)
        if path[:1] in "\x00\x01\x02\x03" and path:
            return self._unknown(path)
        full = self.resolve(path, cwd)
        if full[:1] == UNKNOWN:
            return Scope.UNKNOWN
        return self._known(full)

    def origin(self, full: str) -> str:
        """The path on the machine of what a resolved path is in a container; elsewhere itself."""
        folder = self._mounted(full)
        return full if folder is None else self.mounts[folder].source + full[len(folder) :]

    def _mounted(self, full: str) -> str | None:
        for folder in self.mounts:
            if full == folder or full.startswith(folder + "/"):
                return folder
        return None

    def is_all(self, path: str) -> bool:
        """Whether a wildcard stands for all that a folder holds."""
        return _WILD_TAIL.search("/" + path) is not None

    def _unknown(self, path: str) -> Scope:
        """`$X/` and `$X/*` are the root where X is empty; `$X` and `$X/name` could be anywhere."""
        rest = unmark(path)
        if rest and not rest.strip("/*."):
            return Scope.ROOT
        if rest.startswith("/") and rest.count("/") == 1 and rest[1:] in _TOP_FOLDERS:
            return Scope.ROOT
        return Scope.UNKNOWN

    def _known(self, full: str) -> Scope:  # noqa: C901  one branch a place
        bare = _WILD_TAIL.sub("", full) or "/"
        bare = normpath(bare)
        mounted = self._mounted(bare)
        if mounted is not None:
            return self.mounts[mounted].scope
        if self.workspace:
            if bare == self.workspace or self.workspace.startswith(bare.rstrip("/") + "/"):
                if bare == self.workspace:
                    return Scope.WHOLE_WORKSPACE
                return Scope.HOME if bare == self.home else Scope.ROOT
            if bare.startswith(self.workspace + "/"):
                return Scope.WORKSPACE
        if _TEMP.match(bare) and not f"{bare}/".startswith(f"{self.home}/"):
            return Scope.TEMP
        below = self._below_home(bare)
        if below is not None:
            if _any_of(_CACHES).match(below.lstrip("/")):
                return Scope.CACHE
            return Scope.HOME
        if bare == "/" or (_TOP.fullmatch(bare) and not self._is_mount(bare)):
            return Scope.ROOT
        if GLOBS.search(bare.split("/")[1]):
            return Scope.ROOT
        if bare in _SYSTEM_CACHES or _any_of(_SYSTEM_CACHES).match(bare):
            return Scope.CACHE
        kept = not self.remote or _KEPT.match(bare) is not None
        return Scope.OUTSIDE if kept else Scope.REMOTE

    def _below_home(self, bare: str) -> str | None:
        if bare == self.home:
            return ""
        if bare.startswith(self.home + "/"):
            return bare[len(self.home) :]
        match = _HOMES.fullmatch(bare)
        return None if match is None else match["below"] or ""

    def _is_mount(self, bare: str) -> bool:
        """In a container, `/app` is where the work is."""
        return self.remote and bare.strip("/") not in _TOP_FOLDERS


def _windows(path: str) -> Scope:
    plain = path.replace("\\", "/").rstrip("/*.").lower()
    if re.match(r"%te?mp%|\$env:te?mp|[a-z]:/(?:windows/)?temp/", plain):
        return Scope.TEMP
    if re.match(r"[a-z]:/users/[^/]+|%userprofile%|\$env:userprofile|%appdata%", plain):
        return Scope.HOME
    if re.fullmatch(r"[a-z]:|%\w+%|\$env:\w+|[a-z]:/[^/]*", plain):
        return Scope.ROOT
    return Scope.OUTSIDE


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """What matches a whole path that any of the patterns does."""
    return re.compile("|".join(map(translate, patterns)))


def _lists() -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
    places = load_commands().places
    return frozenset(places.top), places.home_caches, places.system_caches


_TOP_FOLDERS, _CACHES, _SYSTEM_CACHES = _lists()
