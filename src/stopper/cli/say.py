"""What commands print beside tables: JSON, results and hints."""

import json
import sys
from typing import Any

import msgspec

from stopper.cli.colour import Style, has_colour, paint
from stopper.cli.table import plain

__all__ = ["hint", "print_json", "print_json_line", "say"]


def say(text: str) -> None:
    """A result, on stdout."""
    print(plain(text))


def hint(text: str) -> None:
    """What is good to know, on stderr, so that a pipe gets results alone."""
    print(paint(plain(text), Style.DIM, colour=has_colour(sys.stderr)), file=sys.stderr)


def print_json(value: Any) -> None:
    """One indented document; times are ISO 8601 in UTC.

    Everything beyond ASCII is escaped: a name that an agent chose must not steer a terminal.
    """
    print(json.dumps(msgspec.to_builtins(value), indent=2))


def print_json_line(value: Any) -> None:
    """One document on one line, and out at once."""
    print(json.dumps(msgspec.to_builtins(value)), flush=True)
