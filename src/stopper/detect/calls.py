"""Known values that leave in pieces, one in each call: what has the same name is put together."""

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from typing import Final

from stopper.detect.finding import Finding
from stopper.detect.known import KnownValues

__all__ = ["Calls", "Trail", "across"]

TRAIL_BYTES: Final = 128
"""More than any part of a value that is found has letters."""

MAX_NAMES: Final = 512
MAX_SAID: Final = 64
"""So many names count in a call."""

_LETTERS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_NO_LETTERS: Final = bytes(byte for byte in range(256) if byte not in _LETTERS)
_NOT_VISIBLE: Final = bytes(byte for byte in range(256) if not 0x20 < byte < 0x7F)  # noqa: PLR2004


class Trail:
    """The end of what has left in pieces, as far as a value may reach back into it."""

    def __init__(self) -> None:
        self.ends = b"", b""

    def add(self, piece: bytes) -> None:
        """Take what has left by now."""
        letters, visible = self.ends
        self.ends = (
            (letters + piece.translate(None, _NO_LETTERS))[-TRAIL_BYTES:],
            (visible + piece.translate(None, _NOT_VISIBLE))[-TRAIL_BYTES:],
        )


def across(known: KnownValues, trail: Trail, piece: bytes) -> list[Finding]:
    """The values that began in what `trail` has and go on in `piece`."""
    return [
        one
        for end in set(trail.ends)
        if end
        for one in known.scan(end + piece)
        if one.start < len(end) < one.end
    ]


class Calls:
    """Follows what is said under each name from call to call, and all of it in a row.

    What a name says again counts once, so that what all calls have in common does not stand between
    the pieces. The names that were used last are kept, at most `MAX_NAMES`, and of each the last
    `TRAIL_BYTES`. One thread at a time.
    """

    def __init__(self, known: KnownValues) -> None:
        self._known = known
        self._trails: OrderedDict[tuple[str, bytes | None], Trail] = OrderedDict()
        self._said: dict[tuple[str, bytes | None], int] = {}

    def add(self, place: str, said: Iterable[tuple[bytes, bytes]]) -> list[Finding]:
        """Take one call: names, and what each of them says. Those of one `place` belong together.

        The values are told that end in this call and began in calls before it.
        """
        found: list[Finding] = []
        fresh: list[bytes] = []
        for name, text in islice(said, MAX_SAID):
            if self._is_new((place, name), text):
                fresh.append(text)
                found += self._follow((place, name), text)
        return found + self._follow((place, None), b"".join(fresh)) if fresh else found

    def _is_new(self, key: tuple[str, bytes | None], text: bytes) -> bool:
        print_ = hash(text)
        if not text or self._said.get(key) == print_:
            return False
        self._said[key] = print_
        return True

    def _follow(self, key: tuple[str, bytes | None], text: bytes) -> list[Finding]:
        trail = self._trails.pop(key, None) or Trail()
        found = across(self._known, trail, text)
        trail.add(text)
        self._trails[key] = trail
        if len(self._trails) > MAX_NAMES:
            oldest, _ = self._trails.popitem(last=False)
            self._said.pop(oldest, None)
        return found
