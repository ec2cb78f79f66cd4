"""What a detector says: where and which rule, never what."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

__all__ = ["RANK", "Finding", "Severity", "Tier"]


class Severity(StrEnum):
    """How bad it is if the finding is true."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Tier(StrEnum):
    """How sure a secret's rule is: by prefix and checksum, by prefix alone, or by its context.

    What a rule calls public is no finding, and hides what has nothing but its context.
    """

    CHECKED = "checked"
    PREFIX = "prefix"
    PUBLIC = "public"
    GENERIC = "generic"


RANK: Final[Mapping[Tier, int]] = {
    Tier.GENERIC: 0, Tier.PUBLIC: 1, Tier.PREFIX: 2, Tier.CHECKED: 3
}  # fmt: skip
"""The surer, the higher."""


class Finding(Struct, frozen=True):
    """A secret in a text. `start` and `end` are offsets into the original text or bytes.

    `fingerprint` is keyed, so equal secrets can be told equal and none can be guessed. `decoded`
    names the encodings that were undone to see it, outermost first.
    """

    rule: str
    name: str
    severity: Severity
    tier: Tier
    start: int
    end: int
    fingerprint: str
    decoded: tuple[str, ...] = ()
