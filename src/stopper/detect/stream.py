"""Secrets in a text that comes in pieces: what a scan of the whole would find, without delay."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from stopper.detect.allowance import Allowance
from stopper.detect.engine import Match
from stopper.detect.finding import Finding
from stopper.detect.secrets import Detector, Judged, Piece, Weave

__all__ = ["Released", "Scanner"]


class Released(Struct, frozen=True):
    """Bytes that nothing to come can make part of a secret, and the findings that end in them.

    Findings count from the start of the stream; all of each lies in what this or an earlier call
    released, and none begins in what an earlier one did. `unprovable` is as in an `Inspection`.
    """

    data: bytes
    findings: tuple[Finding, ...] = ()
    unprovable: str = ""


class Scanner:
    """Follows one stream. Whatever its cuts, its findings are those of `Detector.scan`.

    Held back are only beginnings of secrets: at most what the longest rule matches, and no byte of
    a text in which none begins. What that costs is taken off the `allowance`, of which only
    the time bounds something here. The first of a set of rules takes seconds, where their engine is
    not complete.
    """

    def __init__(self, detector: Detector, allowance: Allowance | None = None) -> None:
        detector.engine.complete()
        self._detector = detector
        self._allowance = allowance or Allowance()
        self._weave = Weave()
        self._data = b""  # what is held, behind what matches in it may reach back to
        self._offset = 0  # where `_data` begins in the stream
        self._released = 0
        self._settled = 0  # all matches that start before are known
        self._taken: dict[int, int] = {}  # up to where each rule has matched
        self._undecided: list[Piece] = []

    def feed(self, chunk: bytes) -> Released:
        """Take the next bytes of the stream."""
        self._data += chunk
        floor = self._settled - self._offset
        begun = self._detector.engine.begun(self._data, floor, self._allowance)
        return self._advance(begun.start + self._offset, begun.secret + self._offset)

    def finish(self) -> Released:
        """The rest, since nothing more will come."""
        end = self._offset + len(self._data)
        return self._advance(end, end)

    def open_findings(self) -> list[Finding]:
        """What is not told yet and would be found if the stream ended here."""
        pieces = self._weave.end(self._undecided, self._offset + len(self._data))
        return [self._detector.finding(piece, self._data, self._offset) for piece in pieces]

    def _advance(self, settled: int, secret: int) -> Released:
        """All is settled before `settled`; what is released ends at `secret` or earlier."""
        offset, data = self._offset, self._data
        taken = {rule: end - offset for rule, end in self._taken.items() if end > offset}
        matches = self._detector.engine.matches(
            data, self._settled - offset, taken, self._allowance
        )
        final = [match for match in matches if match.start + offset < settled]
        undecided = [match for match in matches if match.start + offset >= settled]
        judged = Judged()
        self._weave.add(self._pieces(final, judged))
        self._taken = {rule: end + offset for rule, end in taken.items()}
        self._taken |= {match.rule: match.end + offset for match in final}
        findings = tuple(
            self._detector.finding(piece, data, offset) for piece in self._weave.until(settled)
        )
        self._undecided = list(self._pieces(undecided, judged))
        self._allowance.take(matches=len(matches), judged=len(judged))
        starts = [piece.start for piece in self._undecided]
        waiting = self._weave.start
        until = min([secret, *starts] if waiting is None else [secret, waiting, *starts])
        self._settled = settled
        released = Released(data[self._released - offset : until - offset], findings)
        self._released = max(until, self._released)
        self._forget(min(settled, self._released))
        return released

    def _pieces(self, matches: Iterable[Match], judged: Judged) -> Iterator[Piece]:
        return self._detector.pieces(matches, self._data, self._offset, judged, self._allowance)

    def _forget(self, position: int) -> None:
        """Drop what no match can use any more; one byte of what stands before is kept."""
        gone = max(0, position - 1 - self._offset)
        self._data = self._data[gone:]
        self._offset += gone
