"""How much may be done with a text before the answer is that it cannot be told."""

import sys
import time
from typing import Final

from msgspec import Struct

from stopper.detect.allowance import (
    BYTES_PER_CHAIN,
    BYTES_PER_KNOWN,
    BYTES_PER_MATCH,
    NEVER,
    Allowance,
    Clock,
)

__all__ = ["PATIENT", "Budget"]

_MEGABYTE: Final = 2**20


class Budget(Struct, frozen=True):
    """How much is done before the answer is `unprovable`.

    `depth` counts encodings inside each other. All views together hold at most `growth` times the
    text, or `least_bytes` where that is more. Of what comes out of compressed bytes, which may be
    as long as the sender likes, and of all below it only `unpacked` times the text is looked at, or
    times `least_bytes`; with 0 nothing is unpacked. With more than so many `findings` by rules, of
    which one may count in several views, no more is undone: each costs as much as kilobytes
    without. So do `matches`, of which most are no findings: so many are looked at, or one for every
    40 bytes; and tries at `chains` of pieces that may be one token, of which one is for 8 bytes,
    and places where a `known` value may be, one for 64.

    What all of these together leave possible ends after `seconds` of work for each megabyte, and
    for the first in any case: processor time, since that is what a text can take from others. A
    full garbage collection that falls into it counts: up to a second in a process that keeps a
    million objects and does not `gc.freeze` them.
    """

    depth: int = 10
    growth: int = 8
    least_bytes: int = 2**20
    unpacked: int = 1
    findings: int = 1024
    matches: int = 24_576
    chains: int = 131_072
    known: int = 16_384
    seconds: float = 0.7
    clock: Clock = time.thread_time

    def allowance(self, size: int) -> Allowance:
        """What may be done with a text of `size` bytes, and in all its views, from now on."""
        return Allowance(
            max(self.matches, size // BYTES_PER_MATCH),
            self.findings,
            self.unpacked * max(self.least_bytes, size),
            max(self.chains, size // BYTES_PER_CHAIN),
            known=max(self.known, size // BYTES_PER_KNOWN),
            seconds=self.seconds * max(1, size / _MEGABYTE),
            clock=self.clock,
        )

    def extend(self, allowance: Allowance, size: int, grown: int) -> None:
        """Add what a text may cost that had `size` bytes and has `grown` now."""
        before, now = self.allowance(size), self.allowance(grown)
        allowance.matches += now.matches - before.matches
        allowance.unpacked += now.unpacked - before.unpacked
        allowance.chains += now.chains - before.chains
        allowance.known += now.known - before.known
        allowance.seconds += now.seconds - before.seconds


PATIENT: Final = Budget(
    findings=sys.maxsize,
    matches=sys.maxsize,
    unpacked=sys.maxsize,
    chains=sys.maxsize,
    known=sys.maxsize,
    seconds=NEVER,
)
"""For those who look through what is their own, however long that takes."""
