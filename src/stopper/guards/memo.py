"""What several guards ask about one value, found out once in a check and forgotten after it."""

from typing import Any, Final

import msgspec

from stopper.guards.canonical import loosely, signed
from stopper.guards.opened import Odd, spelled
from stopper.guards.texts import Shape, Texts, is_within, measure

__all__ = ["Memo", "Seen"]

MAX_SEEN: Final = 4
"""So many values are remembered at once; of more, all are forgotten."""


class Seen:
    """One value, with all that was found out about it so far."""

    __slots__ = ("_json", "_shape", "_signatures", "_spelled", "_texts", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._texts: Texts | None = None
        self._shape: Shape | None = None
        self._json: tuple[bytes | None] | None = None
        self._spelled: tuple[bytes | None] | None = None
        self._signatures: dict[tuple[str, bytes], bytes] = {}

    @property
    def texts(self) -> Texts:
        """Every text in it with its name."""
        if self._texts is None:
            self._texts = Texts(self.value)
        return self._texts

    @property
    def shape(self) -> Shape:
        """How large it is, as far as guards look."""
        if self._shape is None:
            self._shape = measure(self.value)
        return self._shape

    @property
    def is_bounded(self) -> bool:
        """Whether it has an end, and may be written out."""
        if self._texts is not None and self._texts.is_whole:
            return True
        return is_within(self.shape)

    @property
    def is_plain(self) -> bool:
        """Whether all in it shows what it holds."""
        return self.shape.is_plain if self._texts is None else self._texts.is_plain

    @property
    def json(self) -> bytes | None:
        """It as compact JSON, objects opened or by their `str`; None for what has none.

        That is so of what has no end, odd keys, and what shows others than it holds.
        """
        if self._json is None:
            is_whole = self.is_bounded and self.is_plain
            self._json = (_written(self.value) if is_whole else None,)
        return self._json[0]

    def signature(self, tool: str, key: bytes) -> bytes:
        """As `canonical.signature` gives it."""
        known = self._signatures.get((tool, key))
        if known is None:
            if self._spelled is None:
                self._spelled = (loosely(self.value) if self.is_bounded else None,)
            known = self._signatures[tool, key] = signed(tool, self._spelled[0], key)
        return known


class Memo:
    """The values that guards have seen in one check, told apart by what they are, not by equality.

    It is true only as long as nobody changes a value in place. A chain therefore begins anew for
    each check, and forgets after every repair, after every wait, and after every guard that does
    not promise to change nothing.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: list[Seen] = []

    def of(self, value: Any) -> Seen:
        """What is known of this very object."""
        for seen in self._seen:
            if seen.value is value:
                return seen
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        seen = Seen(value)
        self._seen.append(seen)
        return seen

    def forget(self) -> None:
        """Know nothing any more."""
        self._seen.clear()


def _inside(value: Any) -> Any:
    inside = Odd(value)
    return spelled(value)[0] if inside.holds is None else inside.holds


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_inside)


def _written(value: Any) -> bytes | None:
    try:
        return _ENCODER.encode(value)
    except Exception:  # noqa: BLE001  odd keys, halves of characters, an object's own faults
        return None
