"""Passes over bytes: compiled where there was a compiler, and some steps of Python elsewhere."""

from collections.abc import Callable
from json import JSONDecoder
from mmap import mmap
from typing import Final

__all__ = ["begins", "runs", "runs_in_python", "sift", "unescaped", "unescaped_in_python"]

_NEAR: Final = 512
_JSON: Final = JSONDecoder(strict=False)


def runs_in_python(members: bytes, least: int, data: bytes) -> list[tuple[int, int]]:
    """See `runs`."""
    flags, needle, found = data.translate(members), b"\1" * least, []
    start = flags.find(needle)
    while start >= 0:
        end = flags.find(b"\0", start + least)
        end = len(flags) if end < 0 else end
        found.append((start, end))
        start = flags.find(needle, end)
    return found


def unescaped_in_python(data: bytes) -> bytes | None:
    """See `unescaped`."""
    if data.find(b"\\\\", 0, _NEAR) >= 0:
        return None
    try:
        text, parts, at = f'"{data.decode()}"', [], 0
        while at < len(text) - 1:  # what ends one string begins the next
            part, end = _JSON.raw_decode(text, at)
            parts.append(part)
            at = end - 1
        plain = '"'.join(parts).encode()
    except ValueError:
        return None
    return None if b"\\" in plain else plain


sift: Callable[[bytes | mmap, bytes], int] | None
"""What of a sieve's table stands in a text; see `Sieve`. None where nothing is compiled."""

begins: Callable[[bytes, bytes, int, int], int] | None
"""The next place between two where four bytes begin as a table says, see `pattern.begins`; -1 where
there is none. None where nothing is compiled."""

runs: Callable[[bytes, int, bytes], list[tuple[int, int]]]
"""Where at least so many bytes in a row are of a set, which is 256 bytes of 0 or 1."""

unescaped: Callable[[bytes], bytes | None]
"""A text without its escapes; None when one is none of JSON's, gives a backslash or half a pair."""

try:
    from stopper.detect._compiled import begins, runs, sift, unescaped
except ImportError:
    begins, sift, runs, unescaped = None, None, runs_in_python, unescaped_in_python
