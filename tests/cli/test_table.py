"""Tables fit where they are shown, and what agents chose cannot steer a terminal."""

import fcntl
import io
import os
import struct
import termios
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.cli.colour import Style
from stopper.cli.table import (
    Cell,
    Column,
    Value,
    columns_of,
    compact,
    lines_of,
    plain,
    print_table,
    width_of,
    wrap,
)

COLUMNS = (Column("name", name=True), Column("count\nof it", right=True), Column("note", wrap=True))

TABLES: dict[str, tuple[int | None, list[list[Value]], str]] = {
    # what is shown            width  rows                                         expected
    "a pipe: no rules":       (None, [["a", 1234567, "all is well"]], """\
          count
name      of it  note
a     1,234,567  all is well"""),
    "a terminal: a rule":     (40, [["a", 1, "well"]], """\
      count
name  of it  note
─────────────────
a         1  well"""),
    "sentences wrap first":   (44, [["a", 1234567, "all is well that ends so very well"]], """\
          count
name      of it  note
────────────────────────────────────────────
a     1,234,567  all is well that ends so
                 very well"""),
    "then numbers get short": (37, [["a", 1234567, "all is well that ends so very well"]], """\
      count
name  of it  note
─────────────────────────────────────
a     1.23M  all is well that ends so
             very well"""),
    "then names break":       (45, [["a-very-long-name-in-deed", 1, "all is well that ends so well"]], """\
              count
name          of it  note
─────────────────────────────────────────────
a-very-long-      1  all is well that ends so
name-in-deed         well"""),
    "then columns move":      (43, [["a-very-long-name-in-deed", 1, "all is well that ends so well"]], """\
             count
name         of it note
───────────────────────────────────────────
a-very-long-     1 all is well that ends so
name-in-deed       well"""),
    "then rows are lists":    (20, [["a-very-long-name-in-deed", 1234567, "well"], [None, 2, ""]], """\
name         a-very-long-name-in-deed
count of it  1,234,567
note         well

name         -
count of it  2"""),
    "a cell with a short form": (18, [[Cell("amber-fox", short="fox"), 1, ""]], """\
      count
name  of it  note
─────────────────
fox       1"""),
    "wide characters":        (None, [["狐", 1, "x"], ["é", 2, "y"]], """\
      count
name  of it  note
狐        1  x
é         2  y"""),
    "escapes are shown":      (None, [["\x1b[31m", 1, "a\nb\u202e"]], """\
          count
name      of it  note
\\x1b[31m      1  a\\nb\\u202e"""),
}  # fmt: skip


@pytest.mark.parametrize(("width", "rows", "expected"), TABLES.values(), ids=TABLES)
def test_a_table_is_set_as_it_fits(
    width: int | None, rows: list[list[Value]], expected: str
) -> None:
    assert "\n".join(lines_of(COLUMNS, rows, width=width)) == expected


def test_a_total_stands_below_a_rule() -> None:
    shown = list(lines_of((Column("a"),), [["x"], ["y"]], total=["z"], width=80))
    assert shown == ["a", "─", "x", "y", "─", "z"]


def test_colour_is_around_a_text_and_not_around_its_padding() -> None:
    shown = list(lines_of((Column("a"), Column("b")), [[Cell("x", Style.RED), "y"]], colour=True))
    assert shown == ["\x1b[1ma\x1b[0m  \x1b[1mb\x1b[0m", "\x1b[31mx\x1b[0m  y"]


@given(
    rows=st.lists(st.tuples(st.text(max_size=40), st.integers(-(10**15), 10**15), st.text())),
    width=st.integers(1, 200),
)
def test_no_line_of_a_grid_is_wider_than_the_terminal(
    rows: list[tuple[str, int, str]], width: int
) -> None:
    lines = list(lines_of(COLUMNS, rows, width=width))
    is_grid = any(line.startswith("─") for line in lines)
    assert not is_grid or all(width_of(line) <= width for line in lines)


@given(st.text())
def test_what_is_plain_cannot_steer_a_terminal(text: str) -> None:
    shown = plain(text)
    assert all(char == " " or char.isprintable() or category(char) == "Zs" for char in shown)
    assert plain(shown) == shown


@given(text=st.text(st.sampled_from("ab -狐é"), max_size=60), room=st.integers(2, 20))
def test_wrapping_keeps_every_character_but_the_space_at_a_break(text: str, room: int) -> None:
    lines = wrap(text, room)
    assert all(width_of(line) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


NUMBERS = {
    # number               expected
    0:                     "0",
    99_999:                "99,999",
    -99_999:               "-99,999",
    100_000:               "100k",
    123_456:               "123k",
    999_499:               "999k",
    999_500:               "1.00M",
    1_234_567:             "1.23M",
    -1_234_567:            "-1.23M",
    12_345_678_901:        "12.3B",
    10**15:                "1,000T",
}  # fmt: skip


@pytest.mark.parametrize(("number", "expected"), NUMBERS.items(), ids=str)
def test_large_numbers_have_three_digits(number: int, expected: str) -> None:
    assert compact(number) == expected


class Terminal(io.StringIO):
    """A stream that says it is a terminal; its descriptor is another file's."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd


def test_the_width_is_the_terminals_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    master, slave = os.openpty()
    try:
        assert columns_of(io.StringIO()) is None
        assert columns_of(Terminal(slave)) == 80, "a terminal that does not know"
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 132, 0, 0))
        assert columns_of(Terminal(slave)) == 132
        monkeypatch.setenv("COLUMNS", "61")
        assert columns_of(Terminal(slave)) == 61
        monkeypatch.setenv("COLUMNS", "-1")
        assert columns_of(Terminal(slave)) == 132
    finally:
        os.close(master)
        os.close(slave)
    monkeypatch.delenv("COLUMNS")
    assert columns_of(Terminal(-1)) == 80


def test_a_terminal_gets_rules_and_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal(-1)
    print_table((Column("a"),), [["x"]], file=stream)
    assert stream.getvalue() == "\x1b[1ma\x1b[0m\n\x1b[2m─\x1b[0m\nx\n"
