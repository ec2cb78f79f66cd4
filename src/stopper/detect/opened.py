"""What a decoder found in a text: all that is legible in one, and the way back from it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from stopper.detect.allowance import STEP, Allowance
from stopper.detect.inflate import TooBig
from stopper.detect.origin import Piece, Pieces

__all__ = ["GAP", "NO_WORDS", "PIECE", "PIECE_SIGNS", "Gathered", "Opened", "Part", "together"]

GAP: Final = b"\n\n\n"
"""Stands behind each part of what came out, so that nothing is found across two of them."""

PIECE_SIGNS: Final = "+/_=.:~@?&%!*#^-"
"""What is neither a letter nor a digit in the pieces that a token is put together from."""

PIECE: Final = f"[A-Za-z0-9{PIECE_SIGNS}]"
"""What such pieces are written with, as a set of a pattern."""

_LEAST: Final = 65_536
_MIN_TOKEN: Final = 10
NO_WORDS: Final = re.compile(rb"[0-9]|hf_")
"""What tokens have and words have not; those of Hugging Face are letters alone."""


class Part(NamedTuple):
    """A part of a token, and where it stands."""

    text: bytes
    start: int
    end: int


class Opened(Struct, frozen=True):
    """What one kind of decoding gave: all that is legible, and each blob as it is.

    `blobs` are bytes with the place in the text that they came from. Where it `is_plain` nothing is
    encoded in it.
    """

    name: str
    text: bytes
    back: Pieces
    blobs: tuple[tuple[bytes, int, int], ...] = ()
    is_plain: bool = False


class Gathered:
    """Parts one behind the other, while they are found, and where each came from."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._pieces: list[tuple[int, int, int, int, int]] = []
        self._at = 0

    def add(self, text: bytes, start: int, end: int, num: int = 0, den: int = 1) -> None:
        """A part that came from `start` to `end`; for `num` and `den` see `Piece`."""
        self._parts += (text, GAP)
        self._pieces.append((self._at, start, end, num, den))
        self._at += len(text) + len(GAP)

    def put(self, text: bytes, start: int, end: int, num: int = 0, den: int = 1) -> None:
        """The beginning of a part, or what follows at once on what was put before."""
        self._parts.append(text)
        self._pieces.append((self._at, start, end, num, den))
        self._at += len(text)

    def close(self) -> None:
        """What was put is a part."""
        self._parts.append(GAP)
        self._at += len(GAP)

    def opened(
        self,
        name: str,
        blobs: tuple[tuple[bytes, int, int], ...] = (),
        *,
        is_plain: bool = False,
    ) -> Iterator[Opened]:
        """All of it, where there is any."""
        if self._parts or blobs:
            text, pieces = b"".join(self._parts), self._pieces
            yield Opened(name, text, Pieces(lambda: map(Piece._make, pieces)), blobs, is_plain)


def together(rows: Iterable[Sequence[Part]], size: int, allowance: Allowance) -> Iterator[Opened]:
    """The parts of each row one behind the other, once for each part, if they may be a token.

    So what is found there spans each part by itself, and not what stands between them. More than
    the text, which has this `size`, and than 64 KB raises `TooBig`.
    Once it is late by the `allowance` there are no more.
    """
    left = max(_LEAST, size)
    gathered = Gathered()
    seen: set[bytes] = set()
    for row in rows:
        if allowance.is_late(STEP):
            return
        text = b"".join(part.text for part in row)
        if len(text) < _MIN_TOKEN or text in seen or not NO_WORDS.search(text):
            continue
        seen.add(text)
        left -= len(text) * len(row)
        if left < 0:
            raise TooBig
        for part in row:
            gathered.add(text, part.start, part.end)
    yield from gathered.opened("joined")
