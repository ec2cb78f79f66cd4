"""A line of the usage ledger: what one call has used."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from stopper.core.usage import Quality, Usage

__all__ = ["MAX_TOKENS", "UsageEntry", "decode_entry", "encode_entry"]

MAX_TOKENS: Final = 10**12
"""The most tokens of a kind in one entry."""

MAX_CHARS: Final = 256
"""The longest name of a model or an operation."""

Count = Annotated[int, Meta(ge=0, le=MAX_TOKENS)]
Name = Annotated[str, Meta(max_length=MAX_CHARS)]


class UsageEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call. The four kinds of tokens are disjoint: `input_tokens` is without any cache's.

    `quality` tells where the numbers are from. `micros` is the cost in micro-dollars, None where
    nobody has said. `id` is never used twice; lines from elsewhere may lack it.
    """

    timestamp: datetime
    provider: Annotated[str, Meta(min_length=1, max_length=64)]
    model: Name
    input_tokens: Count
    output_tokens: Count
    cache_write_tokens: Count = 0
    cache_read_tokens: Count = 0
    latency_ms: Annotated[float, Meta(ge=0)] | None = None
    operation: Name = ""
    quality: Quality = Quality.MEASURED
    micros: Count | None = None
    id: Annotated[str, Meta(max_length=128)] = ""

    @property
    def total_tokens(self) -> int:
        """All tokens, each counted once."""
        return self.usage.total

    @property
    def at(self) -> datetime:
        """The time in UTC; one without a zone is taken as UTC."""
        if self.timestamp.tzinfo is None:
            return self.timestamp.replace(tzinfo=UTC)
        return self.timestamp.astimezone(UTC)

    @property
    def usage(self) -> Usage:
        """The same as the meters have it."""
        return Usage(
            input=self.input_tokens,
            output=self.output_tokens,
            cache_write=self.cache_write_tokens,
            cache_read=self.cache_read_tokens,
            quality=self.quality,
        )


_DECODER = msgspec.json.Decoder(UsageEntry)
_ENCODER = msgspec.json.Encoder()


def encode_entry(entry: UsageEntry) -> bytes:
    """A line with its end."""
    return _ENCODER.encode(entry) + b"\n"


def decode_entry(line: bytes) -> UsageEntry:
    """The entry of a line; ValueError where it is none."""
    return _DECODER.decode(line)
