"""Reads files in slices: as many lines as the budget has room for."""

import os
from itertools import islice
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

from stopper.io_budget.budget import BudgetResult, BudgetViolation

__all__ = ["FileReadPolicy", "FileSlice", "file_read_policy", "read_file_within"]

NORMAL_LINES: Final = 400
TIGHT_LINES: Final = 100
MAX_LINE_CHARS: Final = 2000
"""What is longer of a line is left out: one line may be a whole bundle of code."""

_BLOCK: Final = 65536


class FileReadPolicy(Struct, frozen=True):
    """The most lines of a file that may be read at once."""

    max_lines: int = NORMAL_LINES


class FileSlice(Struct, frozen=True):
    """Lines `start` to `end` of a file, counted from 1; `more` tells whether others follow.

    `cut_lines` are lines that were too long, and end with a mark.
    """

    path: Path
    text: str
    start: int
    end: int
    more: bool
    cut_lines: int = 0


def file_read_policy(result: BudgetResult | None = None) -> FileReadPolicy:
    """400 lines, or 100 once a budget is used beyond its soft threshold."""
    tight = result is not None and result.violation >= BudgetViolation.SOFT
    return FileReadPolicy(TIGHT_LINES if tight else NORMAL_LINES)


def read_file_within(
    path: str | os.PathLike[str],
    policy: FileReadPolicy | None = None,
    *,
    start: int = 1,
    end: int | None = None,
) -> FileSlice:
    """Read lines `start` to `end`, and no more of them than the policy allows.

    Bytes that are no UTF-8 are shown as marks. ValueError for a range that has no lines; OSError
    where the file cannot be read.
    """
    if start < 1 or (end is not None and end < start):
        raise ValueError(f"lines {start} to {end} are no range: count from 1, and end at the start")
    most = (policy or FileReadPolicy()).max_lines
    wanted = most if end is None else min(most, end - start + 1)
    lines: list[str] = []
    cut = 0
    with Path(path).open(encoding="utf-8", errors="replace", newline="") as file:
        for _ in islice(_lines(file), start - 1):
            pass
        for text, was_cut in islice(_lines(file), wanted):
            lines.append(text)
            cut += was_cut
        more = bool(file.read(1))
    return FileSlice(Path(path), "".join(lines), start, start + len(lines) - 1, more, cut)


def _lines(file: IO[str]) -> "_Lines":
    return _Lines(file)


class _Lines:
    """Lines with their ends, each as long as is allowed, read in bounded pieces."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> tuple[str, bool]:
        text = self._file.readline(MAX_LINE_CHARS)
        if not text:
            raise StopIteration
        gone = 0
        piece = text
        while piece and not piece.endswith(("\n", "\r")):
            piece = self._file.readline(_BLOCK)
            gone += len(piece)
        if gone and text + piece != text:
            return f"{text}[... {gone:,} characters omitted ...]\n", True
        return text, False
