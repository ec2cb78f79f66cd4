"""Tables for people: aligned, as wide as the terminal, and never a cell cut short."""

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, Final

from msgspec import Struct

from stopper.cli.colour import Style, has_colour, paint

__all__ = [
    "LEAST_SENTENCE",
    "Cell",
    "Column",
    "Value",
    "columns_of",
    "compact",
    "lines_of",
    "plain",
    "print_table",
    "width_of",
    "wrap",
]

GAP: Final = "  "
LEAST_SENTENCE: Final = 24
LEAST_NAME: Final = 12
"""Columns that would have to be narrower than these are not worth breaking."""

DEFAULT_COLUMNS: Final = 80
_SOME_COLUMNS: Final = re.compile(r"[1-9][0-9]{0,3}")

_NOTHING = "-"
_COMPACT_FROM = 100_000
_COMPACT_UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_CONTROL_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_MARK_CATEGORIES = frozenset({"Me", "Mn"})
_BREAKS_AFTER = frozenset("-_/:.,@")


class Column(Struct, frozen=True):
    """A column's title (several lines stand above each other), and how its cells are set.

    Where the room is short, `wrap` columns break at once, for they hold sentences; `name` columns
    break when nothing else helps.
    """

    title: str
    right: bool = False
    wrap: bool = False
    name: bool = False


class Cell(Struct, frozen=True):
    """A text with a style; `short` says the same where the room does not do for the whole."""

    text: str
    style: Style | None = None
    short: str = ""


_SQUEEZES = ((False, False, GAP), (True, False, GAP), (True, True, GAP), (True, True, " "))
"""Whether cells are short, whether names break, and what parts columns, tried in this order."""

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
    for line in lines_of(
        columns, rows, total=total, width=columns_of(file), colour=has_colour(file)
    ):
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

    Where the exact table is too wide, sentences wrap; where that is not enough, cells become short
    (1.23M), then names break, then columns move together; where that is not enough either, each
    row becomes a list.
    """
    every = [*rows, total] if total is not None else [*rows]
    for short, names, gap in _SQUEEZES:
        texts = [[_cell(value, short=short) for value in row] for row in every]
        room = None if width is None else width - len(gap) * (len(columns) - 1)
        widths = _fit(columns, texts, room, names=names)
        if widths is not None:
            grid = _Grid(columns, widths, gap, colour)
            totals = 0 if total is None else 1
            yield from grid.lines(texts, totals, ruled=width is not None)
            return
    texts = [[_cell(value, short=False) for value in row] for row in every]
    yield from _lists(columns, texts, colour=colour)


def columns_of(stream: IO[Any]) -> int | None:
    """How wide the terminal behind a stream is; None where there is none."""
    if not stream.isatty():
        return None
    said = os.environ.get("COLUMNS", "")
    if _SOME_COLUMNS.fullmatch(said):
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_COLUMNS
    except OSError:
        return DEFAULT_COLUMNS


def wrap(text: str, room: int) -> list[str]:
    """Break a plain text at spaces; a word that is wider than the room is broken inside."""
    lines = [""]
    for word in _words(text, room):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width_of(joined) <= room:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def compact(number: int) -> str:
    """Three significant digits from a hundred thousand on."""
    if abs(number) < _COMPACT_FROM:
        return f"{number:,}"
    for unit, letter in _COMPACT_UNITS:
        scaled = float(f"{number / unit:.3g}")
        if abs(scaled) >= 1:
            decimals = max(0, 3 - len(str(int(abs(scaled)))))
            return f"{scaled:,.{decimals}f}{letter}"
    raise AssertionError(number)


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
            return Cell(compact(value) if short else f"{value:,}")
        case str():
            return Cell(plain(value))
        case Cell():
            return Cell(plain((short and value.short) or value.text), value.style)


def _fit(
    columns: Sequence[Column], texts: Sequence[Sequence[Cell]], room: int | None, *, names: bool
) -> list[int] | None:
    """The width of each column, or None where they do not fit into `room`."""
    titles = [max(map(width_of, column.title.split("\n"))) for column in columns]
    widths = titles
    for row in texts:
        widths = [max(old, width_of(cell.text)) for old, cell in zip(widths, row, strict=True)]
    if room is None:
        return widths
    spare = [
        max(0, width - max(title, least)) if (least := _least(column, names=names)) else 0
        for column, width, title in zip(columns, widths, titles, strict=True)
    ]
    excess = sum(widths) - room
    if excess > sum(spare):
        return None
    while excess > 0:
        widest = max(filter(spare.__getitem__, range(len(widths))), key=widths.__getitem__)
        widths[widest] -= 1
        spare[widest] -= 1
        excess -= 1
    return widths


def _least(column: Column, *, names: bool) -> int:
    if column.wrap:
        return LEAST_SENTENCE
    return LEAST_NAME if column.name and names else 0


class _Grid(Struct, frozen=True):
    """Columns that fit, and how lines are set in them."""

    columns: Sequence[Column]
    widths: Sequence[int]
    gap: str
    colour: bool

    def lines(self, texts: Sequence[Sequence[Cell]], totals: int, *, ruled: bool) -> Iterator[str]:
        """The header and all rows, of which the last `totals` are sums; rules between them."""
        length = sum(self.widths) + len(self.gap) * (len(self.widths) - 1)
        rule = paint("─" * length, Style.DIM, colour=self.colour)
        yield from self._header()
        if ruled:
            yield rule
        for place, row in enumerate(texts):
            if ruled and place == len(texts) - totals:
                yield rule
            yield from self._row(row)

    def _header(self) -> Iterator[str]:
        titles = [column.title.split("\n") for column in self.columns]
        height = max(map(len, titles))
        for place in range(height):
            cells = [
                Cell(lines[place - height] if place >= height - len(lines) else "", Style.BOLD)
                for lines in titles
            ]
            yield self._line(cells)

    def _row(self, row: Sequence[Cell]) -> Iterator[str]:
        """One line, or as many as its longest broken cell needs."""
        parts = [
            wrap(cell.text, room) if width_of(cell.text) > room else [cell.text]
            for cell, room in zip(row, self.widths, strict=True)
        ]
        for place in range(max(map(len, parts))):
            yield self._line(
                [
                    Cell(lines[place] if place < len(lines) else "", cell.style)
                    for lines, cell in zip(parts, row, strict=True)
                ]
            )

    def _line(self, cells: Sequence[Cell]) -> str:
        line, owed = "", 0
        for column, cell, room in zip(self.columns, cells, self.widths, strict=True):
            spare = room - width_of(cell.text)
            before, after = (spare, 0) if column.right else (0, spare)
            if cell.text:
                line += " " * (owed + before) + paint(cell.text, cell.style, colour=self.colour)
                owed = after + len(self.gap)
            else:
                owed += room + len(self.gap)
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


def _words(text: str, room: int) -> Iterable[str]:
    for word in text.split(" "):
        rest = word
        while width_of(rest) > room:
            taken = _taken(rest, room)
            yield rest[:taken]
            rest = rest[taken:]
        yield rest


def _taken(word: str, room: int) -> int:
    """How many characters of a word to put on a line, after a hyphen or the like if one is near.

    At least one, so that breaking it always ends.
    """
    used = good = 0
    for place, char in enumerate(word):
        used += _char_width(char)
        if used > room:
            return max(1, good if good * 2 > place else place)
        if char in _BREAKS_AFTER:
            good = place + 1
    return len(word)
