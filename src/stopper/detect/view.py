"""What a text says below its encodings, and the way back to where that stands."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct

from stopper.detect.origin import Back, Span, united

__all__ = ["BINARY", "JOINS", "PACKED", "REACH", "View", "Views"]

_GUESSES: Final = frozenset({"joined", "grouped", "reversed"})
"""Decodings that make one of what may never have been one."""

JOINS: Final = _GUESSES | {"concatenated"}
"""Decodings that make one of several parts."""

REACH: Final = 8
"""What comes from so few bytes at the end of a text may go on in the next."""

PACKED: Final = frozenset({"gzip", "deflate", "zstd", "br", "bzip2", "xz", "zip"})
"""Decodings of compressed bytes."""

BINARY: Final = PACKED | {
    "base64",
    "base32",
    "hex",
    "ascii85",
    "base85",
    "numbers",
    "uuencode",
    "hidden",
}
"""Decodings that give bytes, which need not be text."""


class View:
    """What a text says once the encodings in `path`, outermost first, are undone.

    Where it `is_plain`, nothing more is encoded in it.
    """

    __slots__ = ("_back", "data", "is_plain", "parent", "path", "place")

    def __init__(
        self,
        data: bytes,
        path: tuple[str, ...],
        parent: "View | None",
        back: Back,
        place: int = 0,
        *,
        is_plain: bool = False,
    ) -> None:
        self.data = data
        self.is_plain = is_plain
        self.path = path
        self.parent = parent
        self.place = place
        self._back = back

    @property
    def span(self) -> tuple[int, int]:
        """Where in the original text all of it comes from."""
        return self.origin(0, len(self.data))

    @property
    def guessed(self) -> bool:
        """Whether something was joined that may never have been one.

        Only what a prefix makes sure is worth looking for there. What was joined and then decoded
        was one: chance does not make text out of it.
        """
        return self._last_of(_GUESSES)

    @property
    def joined(self) -> bool:
        """Whether something was joined: what the lines say besides is looked at without that."""
        return self._last_of(JOINS)

    def is_below(self, name: str) -> bool:
        """Whether such a step was taken since the last that gave bytes."""
        return self._last_of({name})

    def _last_of(self, names: AbstractSet[str]) -> bool:
        """Whether one of these was the last step, those apart that made text of text."""
        for name in reversed(self.path):
            if name in BINARY or name in names:
                return name in names
        return False

    @property
    def rewritten(self) -> bool:
        """Whether the last step was from text to text."""
        return bool(self.path) and self.path[-1] not in BINARY

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span in the original text, in its own units, that holds `start` to `end` of `data`.

        Redacting it leaves nothing of these bytes.
        """
        span = self._back(start, end)
        return self.parent.origin(*span) if self.parent else span

    def forth(self, spans: Sequence[Span]) -> list[Span]:
        """The stretches of `data` that came out of these spans of the parent's, see `Back`."""
        return united(self._back.forth(spans))


class Views(Struct, frozen=True):
    """All views of a text but the text itself. `unprovable` names the budget that ran out, if any.

    Then there may be more below than was looked at, and the text must not count as clean.
    """

    views: tuple[View, ...]
    unprovable: str = ""

    def __iter__(self) -> Iterator[View]:
        return iter(self.views)

    def __len__(self) -> int:
        return len(self.views)

    def reached(self, place: int, end: int) -> Iterator[tuple[View, list[Span]]]:
        """The views with bytes that may come from `place` to `end` of the text, and where they are.

        What comes from there is in these stretches, or touches one; not all that is need be.
        """
        reached: dict[View | None, list[Span]] = {}
        for view in self.views:
            if view.parent and view.parent not in reached:  # the text itself
                reached[view.parent] = view.parent.forth([(place, end)])
            reached[view] = view.forth(reached[view.parent])
            if reached[view]:
                yield view, reached[view]
