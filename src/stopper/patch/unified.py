"""Unified diffs: read, and applied to lines. Pure; any text is read or refused in words."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

__all__ = ["DiffError", "FileDiff", "Hunk", "MisfitError", "apply_hunks", "read_diff"]

MAX_DIFF_CHARS: Final = 16 << 20
MAX_OFFSET: Final = 1000
"""How many lines away from its place a hunk is looked for."""

_HEAD: Final = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_REFUSED: Final = (
    "GIT binary patch", "Binary files ", "rename from ", "rename to ", "copy from ", "copy to ",
    "old mode ", "new mode ",
)  # fmt: skip
_NOWHERE: Final = "/dev/null"


class DiffError(ValueError):
    """The text is no unified diff, or one of a kind that is not applied; says why."""


class MisfitError(ValueError):
    """A hunk does not fit; says which and why."""


class Hunk(Struct, frozen=True):
    """Lines with their signs (space, `-`, `+`) and their ends. `start` counts from 1."""

    start: int
    lines: tuple[str, ...]

    @property
    def before(self) -> list[str]:
        """What has to be there."""
        return [line[1:] for line in self.lines if line[0] != "+"]


class FileDiff(Struct, frozen=True):
    """The hunks of one file. `old` is None where it makes a file, `new` where it removes one."""

    old: str | None
    new: str | None
    hunks: tuple[Hunk, ...]

    @property
    def name(self) -> str:
        """The file that is changed, made or removed."""
        return self.new or self.old or ""


def read_diff(text: str) -> tuple[FileDiff, ...]:
    """All files of a diff, as diff, git and difflib write them; DiffError where it is none."""
    if len(text) > MAX_DIFF_CHARS:
        raise DiffError(f"it has more than {MAX_DIFF_CHARS} characters")
    files = tuple(_Reader(text).files())
    if not files:
        raise DiffError("it has no file: a `---` line, a `+++` line and `@@` hunks")
    return files


def apply_hunks(lines: Sequence[str], hunks: Sequence[Hunk], *, crlf: bool = False) -> list[str]:
    """The lines with all hunks applied; MisfitError where one fits nowhere or in two places.

    Lines are compared without their ends; those that stay keep them, those that are new get the
    file's, which `crlf` says. A hunk is looked for near its place, below the one before it.
    """
    result: list[str] = []
    at = drift = 0
    for number, hunk in enumerate(hunks, 1):
        place = _find(lines, hunk, at, drift, number)
        drift = place - _wanted(hunk)
        result += lines[at:place]
        at = place
        for line in hunk.lines:
            if line[0] == "+":
                result.append(_ended(line[1:], crlf=crlf))
            else:
                result += [lines[at]] if line[0] == " " else []
                at += 1
    result += lines[at:]
    end = "\r\n" if crlf else "\n"
    return [line if line.endswith("\n") else line + end for line in result[:-1]] + result[-1:]


class _Reader:
    """Goes through the lines of a diff once."""

    def __init__(self, text: str) -> None:
        self._lines = text.removesuffix("\n").split("\n")
        self._at = 0

    def files(self) -> Iterator[FileDiff]:
        """Each file with its hunks; what stands between is passed over."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith(_REFUSED):
                raise DiffError(f"line {self._at + 1}: {line.split(' ')[0]!r} is not applied here")
            if line.startswith("@@ "):
                raise DiffError(f"line {self._at + 1}: a hunk of no file")
            if line.startswith("--- ") and self._next().startswith("+++ "):
                yield self._file()
            else:
                self._at += 1

    def _next(self) -> str:
        return self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""

    def _file(self) -> FileDiff:
        old, new = _name(self._lines[self._at]), _name(self._next())
        if old is None and new is None:
            raise DiffError(f"line {self._at + 1}: it names no file")
        if (old is None or old.startswith("a/")) and (new is None or new.startswith("b/")):
            old, new = old and old[2:], new and new[2:]
        if old is not None and new is not None and old != new and not _is_kept_copy(old, new):
            raise DiffError(f"line {self._at + 1}: it gives the file another name")
        self._at += 2
        hunks = []
        while self._at < len(self._lines) and self._lines[self._at].startswith("@@"):
            hunks.append(self._hunk())
        if not hunks:
            raise DiffError(f"line {self._at + 1}: no hunk where one should begin with `@@`")
        return FileDiff(old, new, tuple(hunks))

    def _hunk(self) -> Hunk:
        first = self._at + 1
        head = _HEAD.match(self._lines[self._at])
        if head is None:
            raise DiffError(f"line {first}: no hunk begins like that")
        start, old, _, new = (int(text) if text else 1 for text in head.groups())
        self._at += 1
        lines: list[str] = []
        while old > 0 or new > 0:
            line = self._lines[self._at] if self._at < len(self._lines) else "?"
            sign = line[:1] or " "  # editors strip the blank of an empty line
            if sign not in " -+":
                raise DiffError(f"line {first}: the hunk ends before its {old} and {new} lines")
            old -= sign != "+"
            new -= sign != "-"
            lines.append(f"{sign}{line[1:]}\n")
            self._at += 1
            if self._at < len(self._lines) and self._lines[self._at].startswith("\\"):
                lines[-1] = lines[-1][:-1]
                self._at += 1
        if old or new:
            raise DiffError(f"line {first}: the hunk has other numbers of lines than it says")
        return Hunk(start, tuple(lines))


def _name(line: str) -> str | None:
    """The file's name of a `---` or `+++` line; None for the place where nothing is."""
    name = line[4:].partition("\t")[0].rstrip("\r").rstrip(" ")
    if name.startswith('"'):
        raise DiffError("a name in quotes: rename the file, or change it by itself")
    return None if name == _NOWHERE else name


def _is_kept_copy(old: str, new: str) -> bool:
    """As `diff -u file.orig file` has it."""
    return old in {f"{new}.orig", f"{new}.old", f"{new}~"}


def _wanted(hunk: Hunk) -> int:
    """Its place, counted from 0; one without old lines stands behind the line it names."""
    return hunk.start - 1 if hunk.before else hunk.start


def _find(lines: Sequence[str], hunk: Hunk, floor: int, drift: int, number: int) -> int:
    before = [line.rstrip("\r\n") for line in hunk.before]
    wanted = max(floor, _wanted(hunk) + drift)
    if not before:
        if wanted > len(lines):
            raise MisfitError(f"hunk {number} stands behind line {hunk.start}, which is not there")
        return wanted
    for offset in range(MAX_OFFSET + 1):
        places = {wanted - offset, wanted + offset}
        fits = [place for place in places if place >= floor and _fits(lines, before, place)]
        if len(fits) > 1:
            raise MisfitError(f"hunk {number} fits at lines {fits[0] + 1} and {fits[1] + 1}")
        if fits:
            return fits[0]
    raise MisfitError(f"hunk {number} is not found near line {hunk.start}")


def _fits(lines: Sequence[str], before: Sequence[str], place: int) -> bool:
    if place + len(before) > len(lines):
        return False
    return all(lines[place + number].rstrip("\r\n") == line for number, line in enumerate(before))


def _ended(line: str, *, crlf: bool) -> str:
    """A new line with the file's own end, or with none where the diff says so."""
    if not line.endswith("\n"):
        return line
    return line.rstrip("\r\n") + ("\r\n" if crlf else "\n")
