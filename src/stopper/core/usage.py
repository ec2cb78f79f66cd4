"""What a reply cost in tokens, by kind, and what each kind weighs against a budget."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Self

from msgspec import Struct

__all__ = ["Quality", "Usage", "Weights", "weakest"]

_MILLI = 1000
_HEAVIEST = 1000


class Quality(StrEnum):
    """Where a usage figure comes from."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


_WEAKEST_FIRST: Final = (Quality.UNKNOWN, Quality.ESTIMATED, Quality.MEASURED)


class Usage(Struct, frozen=True, gc=False):
    """Tokens of one reply; the four kinds are disjoint, so their sum is the total.

    `input` excludes what was read from or written to a cache. `reasoning` is the hidden part of
    `output`, and `cache_write_1h` the one-hour part of `cache_write`: both are shares, not
    additions. `cost` is in micro-dollars and only set where the provider states one.
    """

    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0
    reasoning: int = 0
    cache_write_1h: int = 0
    quality: Quality = Quality.UNKNOWN
    cost: int | None = None

    @property
    def total(self) -> int:
        """All tokens, each counted once."""
        return self.input + self.output + self.cache_write + self.cache_read


class Weights(Struct, frozen=True):
    """How many thousandths of a budget token each kind of token costs; 1000 is one for one."""

    input: int = _MILLI
    output: int = _MILLI
    cache_write: int = _MILLI
    cache_read: int = _MILLI

    @classmethod
    def parse(cls, weights: dict[str, float]) -> Self:
        """Read `{"cache_read": 0.1}`; a kind that is not named weighs 1. Raises ValueError."""
        for kind, weight in weights.items():
            if kind not in cls.__struct_fields__ or not 0 <= weight <= _HEAVIEST:
                raise ValueError(
                    f"{kind}: {weight} is no weight: name one of "
                    f"{', '.join(cls.__struct_fields__)}, and a number from 0 to {_HEAVIEST}"
                )
        return cls(**{kind: round(weight * _MILLI) for kind, weight in weights.items()})

    @property
    def by_kind(self) -> dict[str, float]:
        """The weights as `parse` reads them."""
        return {kind: getattr(self, kind) / _MILLI for kind in self.__struct_fields__}

    @property
    def any_input(self) -> int:
        """The weight of an input token whose kind is not known yet: the heaviest."""
        return max(self.input, self.cache_write, self.cache_read)

    def tokens(self, usage: Usage) -> int:
        """What `usage` takes from a token budget, rounded up."""
        milli = (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_write * self.cache_write
            + usage.cache_read * self.cache_read
        )
        return -(-milli // _MILLI)


def weakest(qualities: Iterable[str]) -> Quality:
    """The quality of a sum: that of its least certain part; unknown for a sum of nothing."""
    found = (Quality(quality) for quality in qualities)
    return min(found, key=_WEAKEST_FIRST.index, default=Quality.UNKNOWN)
