"""What a token is here: how text is cut into pieces, and how pieces are made up."""

import re
from collections.abc import Iterator
from itertools import chain, cycle, islice

from msgspec import Struct

__all__ = ["Speech", "pieces"]

_PIECE = re.compile(r"\s*\S{1,6}|\s+")
_WORDS = re.findall(
    r"\S+",
    "a cork is small and old, yet it keeps the sea out of a ship and the wine in a jar; turn it,"
    " press it, let no drop by, then count what was held and what is left to pour",
)
_SPACED = [f" {word}" for word in (*_WORDS[1:], _WORDS[0])]


class Speech(Struct, frozen=True, gc=False):
    """`count` tokens: the first pieces of a given text, or made-up words that go round for ever."""

    count: int
    given: tuple[str, ...] | None = None

    @classmethod
    def of(cls, text: str) -> "Speech":
        """The whole of `text`."""
        given = pieces(text)
        return cls(len(given), given)

    def __iter__(self) -> Iterator[str]:
        return islice(self.given if self.given is not None else _made_up(), self.count)

    def __str__(self) -> str:
        return "".join(self)

    def first(self, count: int) -> "Speech":
        """The same words, cut off after `count` tokens."""
        return self if count >= self.count else Speech(count, self.given)

    def deltas(self, size: int) -> Iterator[tuple[str, int]]:
        """The text in deltas of `size` tokens, each with its number of tokens."""
        if size == 1:
            yield from ((piece, 1) for piece in self)
            return
        rest = iter(self)
        while batch := list(islice(rest, size)):
            yield "".join(batch), len(batch)


def pieces(text: str) -> tuple[str, ...]:
    """Cut `text` into tokens: up to six characters with the white space before them.

    Joined again they are `text`; made-up words cut the same way, so the number of tokens in a
    reply can be counted from what a client received.
    """
    return tuple(_PIECE.findall(text))


def _made_up() -> Iterator[str]:
    return chain(_WORDS[:1], cycle(_SPACED))
