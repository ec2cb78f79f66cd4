"""Times as people read them, in the clock of this machine."""

from datetime import datetime, timedelta
from typing import Final

from stopper.cli.table import Cell

__all__ = ["age_cell", "local", "minute_cell", "span"]

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def local(at: datetime) -> str:
    """A time to the second, such as `2026-01-31 14:05:09`."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def minute_cell(at: datetime) -> Cell:
    """A time to the minute, such as `2026-01-31 14:05`; where there is no room without its year."""
    here = at.astimezone()
    return Cell(here.strftime("%Y-%m-%d %H:%M"), short=here.strftime("%m-%d %H:%M"))


def age_cell(age: timedelta) -> Cell:
    """A span; where there is no room its largest unit alone."""
    text = span(age)
    return Cell(text, short=text.partition(" ")[0])


def span(length: timedelta) -> str:
    """The two largest units, such as `3d 4h`, `2m 5s` or `0s`."""
    rest = max(0, int(length.total_seconds()))
    parts: list[str] = []
    for letter, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count or parts or letter == "s":
            parts.append(f"{count}{letter}")
    return " ".join(parts[:2])
