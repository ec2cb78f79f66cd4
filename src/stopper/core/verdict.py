"""Verdicts in their order, and the join that makes one of many."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

__all__ = ["Verdict", "join"]


class Verdict(StrEnum):
    """What may become of a call: `ALLOW < WARN < REPAIR < ESCALATE < BLOCK`.

    `ESCALATE` says that a person has to agree first. Comparison goes by this order; with anything
    else than a verdict it is a TypeError.
    """

    ALLOW = "allow"
    WARN = "warn"
    REPAIR = "repair"
    ESCALATE = "escalate"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """The place in the order, from 0."""
        return _RANK[self]

    def __lt__(self, other: object) -> bool:
        return self.rank < _rank_of(other)

    def __le__(self, other: object) -> bool:
        return self.rank <= _rank_of(other)

    def __gt__(self, other: object) -> bool:
        return self.rank > _rank_of(other)

    def __ge__(self, other: object) -> bool:
        return self.rank >= _rank_of(other)


_RANK: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}


def _rank_of(other: object) -> int:
    """A text would go by its letters, and `"warn"` is above `"block"` there."""
    if isinstance(other, Verdict):
        return other.rank
    raise TypeError(f"a verdict has no order with a {type(other).__name__}")


def join(verdicts: Iterable[Verdict]) -> Verdict:
    """The strictest of all; `ALLOW` of none."""
    return max(verdicts, key=_RANK.__getitem__, default=Verdict.ALLOW)
