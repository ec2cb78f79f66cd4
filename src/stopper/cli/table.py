"""Tables for people: aligned, as wide as the terminal, and never a cell cut short."""

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, Final

from msgspec import Struct

from stopper.cli.colour import Style, has_colour, paint

__all__ = ["Cell", "Column", "Value", "lines_of", "plain", "print_table", "width_of"]

GAP: Final = "  "
LEAST_WRAPPED: Final = 24
"""A column of sentences that would be narrower than this is not worth wrapping."""

_NOTHING = "-"
_COMPACT_FROM = 100_000
_COMPACT_UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_CONTROL_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_MARK_CATEGORIES = frozenset({"Me", "Mn"})


class Column(Struct, frozen=True):
    """A column's title (several lines stand above each other), and how its cells are set.

    `wrap` is for one column of sentences, which breaks into lines where the room is short.
    """

    title: str
    right: bool = False
    wrap: bool = False


class Cell(Struct, frozen=True):
    """A text with a style."""

    text: str
    style: Style | None = None


Value = Cell | str | int | None
"""What a row holds; an integer gets its thousands apart, None is a dash."""


def print_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Value]],
    *,
    total: Sequence[Value] | None = None,
    file: IO[Any] | None = None,
) -> None:
    """Print a table to `file` (stdout by default) as it suits a terminal or a pipe."""
    file = sys.stdout if file is None else file
    width = shutil.get_terminal_size().columns if file.isatty() else None
    for line in lines_of(columns, rows, total=total, width=width, colour=has_colour(file)):
        file.write(line + "\n")


def lines_of(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Value]],
    *,
    total: Sequence[Value] | None = None,
    width: int | None = None,
    colour: bool = False,
) -> Iterator[str]:
    """The lines of a table; None for `width` has no limit and draws no rules, as pipes want it.

    Where the exact table is too wide, sentences wrap; where that is not enough, large integers
    become short (1.23M); where that is not enough either, each row becomes a list of its cells.
    """
    every = [*rows, total] if total is not None else [*rows]
    for short in (False, True):
        texts = [[_cell(value, short=short) for value in row] for row in every]
        widths = _fit(columns, texts, width)
        if widths is not None:
            totals = 0 if total is None else 1
            yield from _grid(columns, texts, widths, totals, ruled=width is not None, colour=colour)
            return
    texts = [[_cell(value, short=False) for value in row] for row in every]
    yield from _lists(columns, texts, colour=colour)


def plain(text: str) -> str:
    """`text` with whatever could steer a terminal shown as an escape.

    Names of models and hosts come from agents, and one may hold a sequence that rewrites the line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(char) for char in text)


def width_of(text: str) -> int:
    """How many columns a terminal gives to a plain text."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _CONTROL_CATEGORIES:
        return char
    return char.encode("unicode_escape").decode("ascii")


def _char_width(char: str) -> int:
    if unicodedata.category(char) in _MARK_CATEGORIES:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _cell(value: Value, *, short: bool) -> Cell:
    match value:
        case None:
            return Cell(_NOTHING, Style.DIM)
        case int():
            return Cell(_compact(value) if short else f"{value:,}")
        case str():
            return Cell(plain(value))
        case Cell():
            return Cell(plain(value.text), value.style)


def _compact(number: int) -> str:
    """Three significant digits from a hundred thousand on."""
    if abs(number) < _COMPACT_FROM:
        return f"{number:,}"
    for unit, letter in _COMPACT_UNITS:
        scaled = float(f"{number / unit:.3g}")
        if abs(scaled) >= 1:
            decimals = max(0, 3 - len(str(int(abs(scaled)))))
            return f"{scaled:,.{decimals}f}{letter}"
    raise AssertionError(number)


def _fit(
    columns: Sequence[Column], texts: Sequence[Sequence[Cell]], width: int | None
) -> list[int] | None:
    """The width of each column, or None where they do not fit."""
    widths = [max(map(width_of, column.title.split("\n"))) for column in columns]
    for row in texts:
        widths = [max(old, width_of(cell.text)) for old, cell in zip(widths, row, strict=True)]
    excess = 0 if width is None else sum(widths) + len(GAP) * (len(widths) - 1) - width
    if excess <= 0:
        return widths
    for place, column in enumerate(columns):
        if column.wrap and widths[place] - excess >= LEAST_WRAPPED:
            widths[place] -= excess
            return widths
    return None


def _grid(
    columns: Sequence[Column],
    texts: Sequence[Sequence[Cell]],
    widths: Sequence[int],
    totals: int,
    *,
    ruled: bool,
    colour: bool,
) -> Iterator[str]:
    rule = paint("─" * (sum(widths) + len(GAP) * (len(widths) - 1)), Style.DIM, colour=colour)
    yield from _header(columns, widths, colour=colour)
    if ruled:
        yield rule
    for place, row in enumerate(texts):
        if ruled and place == len(texts) - totals:
            yield rule
        yield from _row(columns, row, widths, colour=colour)


def _header(columns: Sequence[Column], widths: Sequence[int], *, colour: bool) -> Iterator[str]:
    titles = [column.title.split("\n") for column in columns]
    height = max(map(len, titles))
    for place in range(height):
        cells = [
            Cell(lines[place - height] if place >= height - len(lines) else "", Style.BOLD)
            for lines in titles
        ]
        yield _line(columns, cells, widths, colour=colour)


def _row(
    columns: Sequence[Column], row: Sequence[Cell], widths: Sequence[int], *, colour: bool
) -> Iterator[str]:
    """One line, or as many as its longest wrapped cell needs."""
    parts = [
        _wrap(cell.text, room) if column.wrap else [cell.text]
        for column, cell, room in zip(columns, row, widths, strict=True)
    ]
    for place in range(max(map(len, parts))):
        cells = [
            Cell(lines[place] if place < len(lines) else "", cell.style)
            for lines, cell in zip(parts, row, strict=True)
        ]
        yield _line(columns, cells, widths, colour=colour)


def _line(
    columns: Sequence[Column], cells: Sequence[Cell], widths: Sequence[int], *, colour: bool
) -> str:
    line, owed = "", 0
    for column, cell, room in zip(columns, cells, widths, strict=True):
        spare = room - width_of(cell.text)
        before, after = (spare, 0) if column.right else (0, spare)
        if cell.text:
            line += " " * (owed + before) + paint(cell.text, cell.style, colour=colour)
            owed = after + len(GAP)
        else:
            owed += room + len(GAP)
    return line


def _lists(
    columns: Sequence[Column], texts: Sequence[Sequence[Cell]], *, colour: bool
) -> Iterator[str]:
    titles = [column.title.replace("\n", " ") for column in columns]
    room = max(map(width_of, titles))
    for place, row in enumerate(texts):
        if place:
            yield ""
        for title, cell in zip(titles, row, strict=True):
            if cell.text:
                name = title + " " * (room - width_of(title))
                yield f"{paint(name, Style.BOLD, colour=colour)}{GAP}" + paint(
                    cell.text, cell.style, colour=colour
                )


def _wrap(text: str, room: int) -> list[str]:
    """Break at spaces; a word that is wider than the room is broken inside."""
    lines = [""]
    for word in _words(text, room):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width_of(joined) <= room:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _words(text: str, room: int) -> Iterable[str]:
    for word in text.split(" "):
        rest = word
        while width_of(rest) > room:
            taken = _taken(rest, room)
            yield rest[:taken]
            rest = rest[taken:]
        yield rest


def _taken(word: str, room: int) -> int:
    """How many characters of a word fit; at least one, so that breaking it always ends."""
    used = 0
    for place, char in enumerate(word):
        used += _char_width(char)
        if used > room:
            return max(1, place)
    return len(word)
