"""What may still be done over several texts or looks, in steps that cost about the same each."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

__all__ = [
    "BYTES_PER_CHAIN",
    "BYTES_PER_KNOWN",
    "BYTES_PER_MATCH",
    "NEVER",
    "STEP",
    "Allowance",
    "Clock",
]

_Item = TypeVar("_Item")

Clock = Callable[[], float]
"""Asked for the time: seconds of no particular beginning."""

NEVER: Final = float(sys.maxsize)
"""More seconds than anybody waits."""

STEP: Final = 512
"""What a small step costs, such as a search at one place, in bytes that are gone through."""

BYTES_PER_MATCH: Final = 40
"""In long texts one match is allowed for so many bytes."""

BYTES_PER_KNOWN: Final = 64
"""The same for a place where a known value may be."""

BYTES_PER_CHAIN: Final = 8
"""The same for a try at a chain of pieces."""

_JUDGING: Final = 4
_BEGINNINGS: Final = 4
_BETWEEN: Final = 32_768


class Allowance:
    """How many `matches` of rules may still be looked at, and how many `findings` be made of them.

    Four matches more are taken off for each value that is judged, and one for every four places at
    which a rule may have begun. So many bytes of what was `unpacked` may still be looked at, and so
    many tries be made at `chains` of pieces, of which one that is followed counts sixteen. At so
    many places a `known` value may be looked at letter by letter.

    All of it together may take so many `seconds` by the `clock`, which runs from the start.
    """

    def __init__(
        self,
        matches: int = sys.maxsize,
        findings: int = sys.maxsize,
        unpacked: int = sys.maxsize,
        chains: int = sys.maxsize,
        *,
        known: int = sys.maxsize,
        seconds: float = NEVER,
        clock: Clock | None = None,
    ) -> None:
        self.matches = matches
        self.findings = findings
        self.unpacked = unpacked
        self.chains = chains
        self.known = known
        self.seconds = seconds
        self._clock = clock
        self._until = NEVER
        self._was_late = False
        self._worked = 0
        self.resume()

    def resume(self) -> None:
        """Let the clock run, where it does not."""
        if self._clock and self._until == NEVER:
            self._until = self._clock() + self.seconds

    def pause(self) -> None:
        """Stop the clock until `resume`, where it runs."""
        if self._clock and self._until != NEVER:
            self.seconds = self._until - self._clock()
            self._until = NEVER

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """For what a process does once, whichever text it comes to first."""
        self.pause()
        yield
        self.resume()

    def is_late(self, worked: int = _BETWEEN) -> bool:
        """Whether the seconds are over, after work that is worth going through so many bytes.

        What is little is added up before there is a look at the clock.
        """
        self._worked += worked
        if self._worked >= _BETWEEN and self._clock is not None:
            self._worked = 0
            self._was_late = self._was_late or self._clock() > self._until
        return self._was_late

    def paced(self, items: Iterable[_Item], each: int = STEP) -> Iterator[_Item]:
        """These, until it is late; to do with one what is to be done costs so many bytes."""
        for item in items:
            if self.is_late(each):
                return
            yield item

    @property
    def spent(self) -> str:
        """Which of them is used up, so that there may be more than was found; empty for none.

        Time is where somebody asked whether it is late, and did less for that.
        """
        if self.matches <= 0:
            return "matches"
        if self.unpacked < 0:
            return "bytes"
        if self.chains < 0:
            return "chains"
        if self.findings < 0:
            return "findings"
        if self.known < 0:
            return "known"
        return "time" if self._was_late else ""

    def take(self, *, matches: int = 0, judged: int = 0, begun: int = 0, findings: int = 0) -> None:
        """So much was done."""
        self.matches -= matches + judged * _JUDGING + begun // _BEGINNINGS
        self.findings -= findings
