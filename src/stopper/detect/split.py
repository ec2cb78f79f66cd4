"""Known values that are cut over the fields of a body, with names and other things in between."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from stopper.detect.allowance import Allowance
from stopper.detect.fields import Field, Reader
from stopper.detect.finding import Finding
from stopper.detect.inspection import placed
from stopper.detect.known import KnownValues

__all__ = ["SPLIT", "FieldFollower"]

SPLIT: Final = "fields"
"""First in the path of what was put together from several fields."""

MAX_HELD: Final = 4096
"""So much is held back behind a field that may go on in the next; then only the rest stays here."""

MAX_ROWS: Final = 64
"""So many names whose values are put together by themselves: the first that come again."""

_FOLLOWED: Final = 16_384
"""What it costs to go on with the values of a name, in bytes that are gone through."""

MAX_NAMES: Final = 256
MAX_PLACES: Final = 1024


class FieldFollower:
    """Finds known values that are cut over fields, in a body that comes in pieces.

    It looks at all values in a row, and at those of each name. Findings span from the first field
    to the last, and begin their path with `SPLIT`; what one field holds alone is for others. Once
    it is late by the `allowance` no more fields are read.
    """

    def __init__(self, known: KnownValues, allowance: Allowance | None = None) -> None:
        self._known = known
        self._allowance = allowance or Allowance()
        self._reader = Reader()
        self._all = _Row(known, self._allowance)
        self._named: dict[bytes, _Row] = {}
        self._once: dict[bytes, Field] = {}
        self._end = 0

    def feed(self, chunk: bytes) -> list[Finding]:
        """Take the next bytes of the body."""
        self._end += len(chunk)
        if self._allowance.is_late(len(chunk)):
            return []
        return self._take(list(self._reader.feed(chunk)))

    def finish(self) -> list[Finding]:
        """Nothing more will come."""
        found = [] if self._allowance.is_late(0) else self._take(list(self._reader.finish()))
        for row in (self._all, *self._named.values()):
            found += row.finish()
        return found

    @property
    def open_since(self) -> int | None:
        """Where the field begins that holds what may go on in the next; None where none does."""
        starts = [row.since for row in (self._all, *self._named.values()) if row.since is not None]
        near = [start for start in starts if self._end - start <= MAX_HELD]
        return min(near, default=None)

    def _take(self, found: list[Field]) -> list[Finding]:
        if not found:
            return []
        findings = self._all.feed(found)
        for name, those in self._by_name(found).items():
            if self._allowance.is_late(_FOLLOWED):
                break
            row = self._named.get(name)
            if row is None:
                row = self._named[name] = _Row(self._known, self._allowance)
            findings += row.feed(those)
        return findings

    def _by_name(self, found: Iterable[Field]) -> dict[bytes, list[Field]]:
        """What is to be looked at by name: values of names that have come before."""
        again: dict[bytes, list[Field]] = {}
        for field in found:
            if not field.name:
                continue
            first = self._once.pop(field.name, None)
            if field.name in self._named or field.name in again:
                again.setdefault(field.name, []).append(field)
            elif first is None:
                if len(self._once) >= MAX_NAMES:
                    del self._once[next(iter(self._once))]
                self._once[field.name] = field
            elif len(self._named) + len(again) < MAX_ROWS:
                again[field.name] = [first, field]
        return again


class _Row:
    """Values one behind the other, and where in the body each of them stands."""

    def __init__(self, known: KnownValues, allowance: Allowance) -> None:
        self._follower = known.follow(allowance)
        self._fields: list[Field] = []
        self._ends: list[int] = []  # of these in here
        self._size = 0

    @property
    def since(self) -> int | None:
        """Where in the body the field begins in which a value begins that this row ends in."""
        open_since = self._follower.open_since
        if open_since is None or not self._fields:
            return None
        return self._at(open_since).start

    def feed(self, found: Iterable[Field]) -> list[Finding]:
        texts = []
        for field in found:
            self._size += len(field.text)
            self._fields.append(field)
            self._ends.append(self._size)
            texts.append(field.text)
        findings = self._split(self._follower.feed(b"".join(texts)))
        self._forget()
        return findings

    def finish(self) -> list[Finding]:
        return self._split(self._follower.finish())

    def _split(self, findings: Iterable[Finding]) -> list[Finding]:
        split = []
        for one in findings:
            first, last = self._at(one.start), self._at(one.end - 1)
            if first.number != last.number:
                split.append(placed(one, first.start, last.end, (SPLIT, *one.decoded)))
        return split

    def _at(self, place: int) -> Field:
        """The field that holds this place, or the oldest that is still known."""
        return self._fields[min(bisect_right(self._ends, place), len(self._fields) - 1)]

    def _forget(self) -> None:
        open_since = self._follower.open_since
        needed = self._size if open_since is None else open_since
        gone = max(bisect_right(self._ends, needed), len(self._ends) - MAX_PLACES)
        gone = min(gone, len(self._ends) - 1)
        del self._fields[:gone], self._ends[:gone]
