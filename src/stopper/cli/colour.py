"""Colour on a terminal, and none in a pipe, a dumb terminal or where NO_COLOR is set."""

import os
from enum import StrEnum
from typing import IO, Any

__all__ = ["Style", "has_colour", "paint"]


class Style(StrEnum):
    """How a text stands out, as the number that a terminal knows it by."""

    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"


def has_colour(stream: IO[Any]) -> bool:
    """Whether to colour what goes to `stream`; https://no-color.org says what NO_COLOR means."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: Style | None, *, colour: bool) -> str:
    """`text` in a style, or as it is."""
    if style is None or not colour or not text:
        return text
    return f"\x1b[{style}m{text}\x1b[0m"
