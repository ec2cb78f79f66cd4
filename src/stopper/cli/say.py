"""What commands print beside tables: JSON, results and hints."""

import json
import sys
from typing import IO, Any

import msgspec

from stopper.cli.colour import Style, has_colour, paint
from stopper.cli.table import columns_of, plain, wrap

__all__ = ["broken", "hint", "print_json", "print_json_line", "say", "tell", "warn"]


def say(text: str) -> None:
    """A result, on stdout."""
    tell(text, None, sys.stdout)


def hint(text: str) -> None:
    """What is good to know, on stderr, so that a pipe gets results alone."""
    tell(text, Style.DIM, sys.stderr)


def warn(text: str) -> None:
    """What must not be overlooked, on stderr."""
    tell(text, Style.YELLOW, sys.stderr)


def tell(text: str, style: Style | None, stream: IO[Any]) -> None:
    """A text in a style, broken at words where a terminal is narrower."""
    for line in broken(text, columns_of(stream)):
        print(paint(line, style, colour=has_colour(stream)), file=stream)


def broken(text: str, room: int | None) -> list[str]:
    """A text set plain, in lines of this room."""
    return [plain(text)] if room is None else wrap(plain(text), room)


def print_json(value: Any) -> None:
    """One indented document; times are ISO 8601 in UTC.

    Everything beyond ASCII is escaped: a name that an agent chose must not steer a terminal.
    """
    print(json.dumps(msgspec.to_builtins(value), indent=2))


def print_json_line(value: Any, stream: IO[Any] | None = None) -> None:
    """One document on one line, and out at once; on stdout by default."""
    print(json.dumps(msgspec.to_builtins(value)), file=stream, flush=True)
