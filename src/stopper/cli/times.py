"""Times as people read them, in the clock of this machine."""

from datetime import datetime, timedelta
from typing import Final

__all__ = ["local", "short_span"]

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def local(at: datetime) -> str:
    """A time to the second, such as `2026-01-31 14:05:09`."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def short_span(span: timedelta) -> str:
    """The two largest units, such as `3d 4h`, `2m 5s` or `0s`."""
    rest, parts = max(0, int(span.total_seconds())), []
    for letter, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count or parts or letter == "s":
            parts.append(f"{count}{letter}")
    return " ".join(parts[:2])
