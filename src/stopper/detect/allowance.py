"""What may still be done over several texts or looks, in steps that cost about the same each."""

import sys
from typing import Final

__all__ = ["BYTES_PER_CHAIN", "BYTES_PER_MATCH", "Allowance"]

BYTES_PER_MATCH: Final = 40
"""In long texts one match is allowed for so many bytes."""

BYTES_PER_CHAIN: Final = 8
"""The same for a try at a chain of pieces."""

_JUDGING: Final = 4
_BEGINNINGS: Final = 4


class Allowance:
    """How many `matches` of rules may still be looked at, and how many `findings` be made of them.

    Four matches more are taken off for each value that is judged, and one for every four places at
    which a rule may have begun. So many bytes of what was `unpacked` may still be looked at, and so
    many tries be made at `chains` of pieces, of which one that is followed counts sixteen.
    """

    def __init__(
        self,
        matches: int = sys.maxsize,
        findings: int = sys.maxsize,
        unpacked: int = sys.maxsize,
        chains: int = sys.maxsize,
    ) -> None:
        self.matches = matches
        self.findings = findings
        self.unpacked = unpacked
        self.chains = chains

    @property
    def spent(self) -> str:
        """Which of them is used up, so that there may be more than was found; empty for none."""
        if self.matches <= 0:
            return "matches"
        if self.unpacked < 0:
            return "bytes"
        if self.chains < 0:
            return "chains"
        return "findings" if self.findings < 0 else ""

    def take(self, *, matches: int = 0, judged: int = 0, begun: int = 0, findings: int = 0) -> None:
        """So much was done."""
        self.matches -= matches + judged * _JUDGING + begun // _BEGINNINGS
        self.findings -= findings
