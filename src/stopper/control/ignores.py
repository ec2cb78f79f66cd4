"""Which files `.gitignore` leaves out, as git itself reads it."""

import os
import stat
import warnings
from pathlib import Path
from typing import Final, Self

from msgspec import Struct
from pathspec import GitIgnoreSpec

__all__ = ["Ignores"]

MAX_BYTES: Final = 1 << 20
"""A longer file of patterns is not honoured: what it names is looked at."""

MAX_PARENTS: Final = 64

_FILE: Final = ".gitignore"
_GIT: Final = ".git"
_NO_CHARACTERS: Final = {0xDC00 + byte: 0x10FF00 + byte for byte in range(0x80, 0x100)}
"""Bytes of names and patterns that are no UTF-8 become characters that nobody uses."""


class _Said(Struct, frozen=True):
    """What one file says of all that is below its folder."""

    folder: str
    spec: GitIgnoreSpec


class Ignores(Struct, frozen=True):
    """What leaves out entries of one folder, the nearest word first; paths are absolute."""

    folder: str
    said: tuple[_Said, ...]

    @classmethod
    def at(cls, top: str) -> Self:
        """For a folder where a walk starts; in a repository, what stands above it counts too."""
        folder = os.path.abspath(top)  # noqa: PTH100  links stay as they were written
        above = [said for parent in _up_to_repository(Path(folder)) for said in _said(str(parent))]
        return cls(folder, (*_said(folder), *above))

    def below(self, name: str) -> "Ignores":
        """For a folder in this one."""
        folder = f"{self.folder.rstrip('/')}/{name}"
        return Ignores(folder, (*_said(folder), *self.said))

    def leaves_out(self, name: str, *, is_folder: bool) -> bool:
        """Whether an entry of this folder is left out; git's own folder always is."""
        if name == _GIT:
            return True
        path = f"{self.folder.rstrip('/')}/{name}{'/' if is_folder else ''}"
        for said in self.said:
            inside = path[len(said.folder) :].lstrip("/").translate(_NO_CHARACTERS)
            word = said.spec.check_file(inside).include
            if word is not None:
                return word
        return False


def _up_to_repository(folder: Path) -> list[Path]:
    """The folders above, up to the repository's own; none where there is no repository."""
    if (folder / _GIT).exists():
        return []
    parents = list(folder.parents)[:MAX_PARENTS]
    for place, parent in enumerate(parents):
        if (parent / _GIT).exists():
            return parents[: place + 1]
    return []


def _said(folder: str) -> tuple[_Said, ...]:
    """What the folder's own file says, if it has one; as in git, a link is none."""
    path = Path(folder) / _FILE
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return ()
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError:
        return ()
    if len(data) > MAX_BYTES:
        return ()
    lines = os.fsdecode(data).translate(_NO_CHARACTERS).splitlines()
    return (_Said(folder, _parsed(lines)),)


def _parsed(lines: list[str]) -> GitIgnoreSpec:
    """The patterns; a line that is none matches nothing, as in git."""
    spec = _spec(lines) or _spec([line for line in lines if _spec([line])])
    return spec or GitIgnoreSpec([])


def _spec(lines: list[str]) -> GitIgnoreSpec | None:
    """None where a line is no pattern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of `[[` in a regex made of a pattern
        try:
            return GitIgnoreSpec.from_lines(lines)
        except Exception:  # noqa: BLE001  each engine has its own; what is not left out is looked at
            return None
