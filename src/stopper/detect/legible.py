"""What is legible among bytes: ASCII, and ASCII in UTF-16 or UTF-32."""

import re
from collections.abc import Iterator
from typing import Final

from stopper.detect.origin import Span
from stopper.detect.passes import runs

__all__ = ["LEGIBLE", "MIN_LEGIBLE", "PRINTABLE", "is_legible", "legible", "table_of"]

MIN_LEGIBLE: Final = 10
"""Fewer bytes in a row look like text by chance."""

_MIN_WIDE: Final = 8


def table_of(alphabet: bytes) -> bytes:
    """These bytes as a set for `runs`."""
    return bytes(byte in alphabet for byte in range(256))


PRINTABLE: Final = bytes(range(0x20, 0x7F)) + b"\t\r\n"
"""What text in ASCII is made of."""

LEGIBLE: Final = table_of(PRINTABLE)
"""The same as a set for `runs`."""

_WIDELY = b"\2" + LEGIBLE[1:]
_WIDE = tuple(way * _MIN_WIDE for way in (b"\1\2", b"\2\1", b"\1\2\2\2", b"\2\2\2\1"))
_WIDE_RUN = re.compile(rb"[\1\2]{%d,}+" % (2 * _MIN_WIDE))


def is_legible(text: bytes) -> bool:
    """Whether there is nothing else in it; NUL may be."""
    return b"\0" not in text.translate(_WIDELY)


def legible(plain: bytes) -> Iterator[Span]:
    """Where text stands in binary: ASCII, and ASCII in UTF-16 or UTF-32."""
    yield from runs(LEGIBLE, MIN_LEGIBLE, plain)
    if b"\0" not in plain:
        return
    classes = plain.translate(_WIDELY)
    if any(wide in classes for wide in _WIDE):
        for found in _WIDE_RUN.finditer(classes):
            if any(wide in found[0] for wide in _WIDE):
                yield found.span()
