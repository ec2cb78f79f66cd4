"""Large outputs kept for a while, and given out page by page."""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from msgspec import Struct

from stopper.guards.shrink import Limits, compact, cost, plain
from stopper.guards.texts import MAX_DEPTH, measure
from stopper.guards.world import lock

__all__ = ["MAX_HELD", "MAX_HELD_BYTES", "Pages"]

MAX_HELD: Final = 64
"""So many outputs are kept at most; the one that was longest not asked for goes first."""

MAX_HELD_BYTES: Final = 2**24
"""All outputs that are kept have so many bytes at most."""

MAX_ITEMS: Final = 250_000
"""An output that is made of more items is not kept."""

_DIGEST_BYTES: Final = 16
_ENVELOPE: Final = {"page": 10**9, "data": "", "next_cursor": "f" * 32 + "." + "9" * 10}
_ROOM: Final = cost(_ENVELOPE)
_MOST_ESCAPED: Final = 6  # \u00e9; a character past the basic plane has two of them


class _Held(Struct):
    """An output: its plain items, or its text, and where each page begins."""

    data: Sequence[Any]
    starts: list[int]
    size: int


class Pages:
    """Takes outputs apart into pages that fit, and finds them again by their cursors.

    A cursor is a hash of the output and a place, so it cannot be guessed without the output, and
    the same output has the same cursors. A list comes as lists, a text as texts, and everything
    else as its JSON in texts: the pages put together are the whole. Threads may share it.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = lock()
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._size = 0

    def begin(self, output: Any) -> dict[str, Any] | None:
        """The first page of `output`; None where it is too large to keep, or has no JSON or end.

        None too for what can be looked at only once, and what shows others than it holds.
        """
        shape = measure(output, max_items=MAX_ITEMS)
        if shape.depth > MAX_DEPTH or shape.items > MAX_ITEMS:
            return None
        if not (shape.is_whole and shape.is_plain):
            return None
        try:
            written = compact(output)
        except Exception:  # noqa: BLE001  circles and odd values have no JSON
            return None
        held = self._taken_apart(output, written)
        if held is None:
            return None
        name = blake2b(written, digest_size=_DIGEST_BYTES).hexdigest()
        with self._lock:
            self._keep(name, held)
        return self._page(name, held, 0)

    def page(self, cursor: Any) -> dict[str, Any] | None:
        """The page at `cursor`; None for a cursor that was never given or whose output is gone."""
        if not isinstance(cursor, str):
            return None
        name, _, place = cursor.partition(".")
        with self._lock:
            held = self._held.get(name)
            if held is None or not place.isdecimal() or len(place) > len(str(MAX_HELD_BYTES)):
                return None
            self._held.move_to_end(name)
        number = int(place)
        return self._page(name, held, number) if number < len(held.starts) - 1 else None

    def clear(self) -> None:
        """Forget all outputs."""
        with self._lock:
            self._held.clear()
            self._size = 0

    def _taken_apart(self, output: Any, written: bytes) -> _Held | None:
        size = len(written)
        if size > MAX_HELD_BYTES:
            return None
        if isinstance(output, list | tuple):
            items, places = self._items(output)
            if places:
                return _Held(items, places, size)
        text = output if isinstance(output, str) else written.decode("utf-8")
        starts = self._cuts(text)
        return _Held(text, starts, size) if starts else None

    def _items(self, output: Sequence[Any]) -> tuple[list[Any], list[int] | None]:
        """The items in plain JSON, and where pages begin; None where one fills more than a page."""
        limits = self._limits
        room = limits.bytes - _ROOM
        inner = Limits(room, limits.items, limits.depth - 2, limits.chars)
        items: list[Any] = []
        starts, used = [0], 0
        for place, item in enumerate(output):
            try:
                items.append(plain(item, inner))
            except ValueError:
                return [], None
            taken = cost(items[-1]) + 2
            if used + taken + 2 > room or place - starts[-1] >= limits.items:
                starts.append(place)
                used = 0
            if taken + 2 > room:
                return [], None
            used += taken
        return items, [*starts, len(items)]

    def _cuts(self, text: str) -> list[int] | None:
        room = self._limits.bytes - _ROOM
        if room < 2 * _MOST_ESCAPED or not self._limits.chars:
            return None
        step = min(self._limits.chars, room // 2)
        starts = [0]
        while starts[-1] < len(text):
            end = starts[-1] + step
            while cost(text[starts[-1] : end]) > room:
                end = starts[-1] + max(1, (end - starts[-1]) // 2)
            starts.append(min(end, len(text)))
        return starts

    def _page(self, name: str, held: _Held, number: int) -> dict[str, Any]:
        start, end = held.starts[number], held.starts[number + 1]
        more = number + 2 < len(held.starts)
        return {
            "page": number + 1,
            "data": held.data[start:end],
            "next_cursor": f"{name}.{number + 1}" if more else None,
        }

    def _keep(self, name: str, held: _Held) -> None:
        before = self._held.pop(name, None)
        self._size += held.size - (before.size if before else 0)
        self._held[name] = held
        while self._size > MAX_HELD_BYTES or len(self._held) > MAX_HELD:
            _, gone = self._held.popitem(last=False)
            self._size -= gone.size
