"""Secrets in a body while it streams: as it stands, known values, and below its encodings."""

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from stopper.detect.allowance import STEP
from stopper.detect.columns import TABLE
from stopper.detect.decode import decoded_views
from stopper.detect.finding import Finding
from stopper.detect.inspection import Inspector, by_rules, merged, placed
from stopper.detect.known import KnownValues
from stopper.detect.opened import GAP
from stopper.detect.origin import Span
from stopper.detect.split import FieldFollower
from stopper.detect.stream import Released, Scanner
from stopper.detect.view import BINARY, PACKED, REACH, View, Views

__all__ = ["MAX_ENCODED", "MAX_HELD", "LiveInspector"]

MAX_ENCODED: Final = 65_536
"""An encoding that goes on for longer without an end is not waited for: it is unprovable."""

MAX_HELD: Final = 65_536
"""So much is held back behind what may be the beginning of a known value; then it is let go, since
more of the value would still be found, and all that left is less than what counts as a part."""

_MAX_ENDLESS: Final = 3
"""Behind so many of these nothing is decoded any more: each was looked at several times."""

_MAX_CHAIN: Final = 2 * MAX_ENCODED
"""Findings that overlap each other for longer than that are told as far as they are known."""

_CONTEXT: Final = 96
_BEFORE: Final = 512
"""So much is looked at again before what a name or the like there makes a secret."""

_FOR_RULES: Final = frozenset({"matches", "time"})
"""Where one of these is spent the rules are asked no more."""

_CALL: Final = 0.001
"""So many seconds more may be taken for each call: a stream may come in thousands of pieces."""

_MIN_GROWTH: Final = 1024
_SHARE: Final = 2
_UNSURE: Final = 3
_NOWHERE: Final = sys.maxsize, sys.maxsize
_MAX_CONTINUED: Final = 3  # bytes of UTF-8 behind the first of a character
_MAGIC: Final = (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")
# The beginning of an escape, and what would join the text before it to the text to come.
_PARTIAL = re.compile(
    rb"(?:%(?:25){0,8}(?:2|[0-9A-Fa-f])?|\\{1,16}(?:u[dD][89abAB][0-9A-Fa-f]{2}\\{0,16})?"
    rb"(?:[uU]\{?[0-9A-Fa-f]{0,7}|x\{?[0-9A-Fa-f]{0,7}|[0-7]{1,2}|\r?(?:\n[ \t]{0,16})?)?"
    rb"|&(?:amp;){0,8}#?[A-Za-z0-9]{0,31}|=[0-9A-Fa-f]?|[\xc2-\xf4][\x80-\xbf]{0,2})\Z"
)
_PENDING = re.compile(
    rb"(?:(?<=[A-Za-z0-9+/_=-]{12})\\?(?:\r|\r?\n[ \t>#*|]{0,32})"
    rb"|(?<=[A-Za-z0-9+/_=-])(?:[\"'`][ \t\r\n\\+.&|<>_]{0,36}[\"'`]?"
    rb"|(?:<[!/A-Za-z][^<>\n]{0,80}>){0,7}<(?:[!/A-Za-z][^<>\n]{0,80}>?)?"
    rb"|(?:\x1b\[[0-9;]{0,12}[A-HJKSTfm]){0,3}\x1b(?:\[(?:[0-9;]{0,12}[A-HJKSTfm]?)?)?"
    rb"|\](?:\](?:>(?:<(?:!(?:\[[CDAT]{0,5}\[?)?)?)?)?)?))\Z"
)
_AROUND_NAMES: Final = (b" ", b"\t", b"\n", b'"', b"'", b"\\", b",", b";")
_LETTERS = re.compile(rb"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{12,24}\Z")


class LiveInspector:
    """Follows one stream, in any cuts, and finds in it what an `Inspector` finds in the whole.

    Held back is only what may still become a secret: its beginning, also where that is encoded, a
    word of 12 to 24 letters that may be base64 at the very end, and half an escape. Of an encoded
    secret at most 24 bytes get out before it is seen for one. Nothing is kept for longer than
    `MAX_ENCODED`, past which the answer is `unprovable`, as it is behind more findings than the
    budget allows: from there on nothing is decoded. What an encoding hides that began before it
    could be told, such as base85 in a row without blanks, is only found within that bound.

    It serves for texts in pieces as well, such as the arguments of a tool call that come in
    events: feed it what the pieces say once the event itself is read.

    With `joins_fields` known values are found as well that are cut over the fields of a body. Of
    these no mark can take the place: their path begins with `split.SPLIT`, and what they span may
    have been let go before.
    """

    def __init__(self, inspector: Inspector, *, joins_fields: bool = False) -> None:
        self._inspector = inspector
        detector = inspector.detector
        self._allowance = inspector.budget.allowance(0)
        self._allowance.pause()
        self._scanner = Scanner(detector, self._allowance) if detector else None
        known, allowance = inspector.known, self._allowance
        self._known = known.follow(allowance) if known else None
        self._fields = FieldFollower(known, allowance) if known and joins_fields else None
        self._data = b""
        self._offset = 0  # where `_data` begins in the stream
        self._window = 0  # what is looked at once more begins here
        self._looked = 0  # how much of the window was looked at
        self._open = 0  # where something encoded begins that may go on
        self._needed = 0  # where what tells it begins
        self._scanned = 0  # what the scanner let go ends here
        self._released = 0
        self._waiting: list[Finding] = []
        self._plain: list[Finding] = []  # what the scanner told of the window
        self._shown: list[Finding] = []  # what was told of the window
        self._split: list[Finding] = []  # over fields, to be told at once
        self._spent = ""  # the budget that ran out, for good
        self._endless = 0
        self._told: dict[str, Finding] = {}  # where a value was told last, by its fingerprint

    def feed(self, chunk: bytes) -> Released:
        """Take the next bytes of the stream."""
        before = self._end
        self._data += chunk
        self._inspector.budget.extend(self._allowance, before, self._end)
        self._allowance.seconds += _CALL
        self._allowance.resume()
        if self._scanner:
            self._take(self._scanner.feed(chunk))
        if self._known:
            self._waiting += self._known.feed(chunk)
        if self._fields:
            self._split += self._fields.feed(chunk)
        released = self._advance(last=False)
        self._allowance.pause()
        return released

    def finish(self) -> Released:
        """The rest, since nothing more will come."""
        self._allowance.resume()
        if self._scanner:
            self._take(self._scanner.finish())
        if self._known:
            self._waiting += self._known.finish()
        if self._fields:
            self._split += self._fields.finish()
        return self._advance(last=True)

    @property
    def _end(self) -> int:
        return self._offset + len(self._data)

    def _take(self, released: Released) -> None:
        self._scanned += len(released.data)
        self._waiting += released.findings
        self._plain += released.findings
        self._allowance.take(findings=len(released.findings))

    def _advance(self, *, last: bool) -> Released:
        unprovable = self._spend()
        size = self._end - self._window
        is_long = self._end - self._open > MAX_ENCODED
        if unprovable:
            self._open = self._needed = self._end
        elif last or is_long or size < _MIN_GROWTH or size - self._looked >= size // _SHARE:
            unprovable = self._look(last=last, goes_on=not last and not is_long) or self._spend()
        if self._end - self._open > MAX_ENCODED:
            unprovable = unprovable or "stream"
            self._open = self._needed = self._end
            self._endless += 1
        until = self._end if last else self._free()
        if self._end - until > _MAX_CHAIN:
            unprovable = unprovable or "stream"
            until = max(until, self._scanned if self._scanner else self._end)
        findings = self._ready(until)
        data = self._data[self._released - self._offset : until - self._offset]
        self._released = max(self._released, until)
        self._forget()
        return Released(data, findings, unprovable)

    def _spend(self) -> str:
        """The budget that ran out, if any: then nothing is decoded, or no rule is asked either."""
        spent = self._allowance.spent
        if spent in _FOR_RULES:
            self._spent = spent
        elif not self._spent:
            self._spent = "stream" if self._endless == _MAX_ENDLESS else spent
        if self._scanner and self._spent in _FOR_RULES:
            self._waiting += self._scanner.open_findings()
            self._scanner = None
        return self._spent

    def _free(self) -> int:
        """Up to where the stream may go on its way."""
        places = [self._open, self._end]
        if self._scanner:
            places.append(self._scanned)
        followed = [known.open_since for known in (self._known, self._fields) if known]
        places += [
            start for start in followed if start is not None and start >= self._end - MAX_HELD
        ]
        until = min(places)
        for one in sorted(self._waiting, key=lambda one: -one.start):
            if one.start < until < one.end:
                until = one.start
        return max(self._released, until)

    def _look(self, *, last: bool, goes_on: bool) -> str:
        """Look below the encodings of the window; sets what is open, and says what ran out."""
        data = self._data[self._window - self._offset :]
        self._looked = len(data)
        partial = None if last else _PARTIAL.search(data, max(0, len(data) - _CONTEXT))
        text = data[: partial.start()] if partial else data
        opened = len(text)
        budget = self._inspector.budget
        views = decoded_views(text, budget, self._allowance, goes_on=goes_on)
        for begun in () if last else self._begun(text, views):
            opened = min(opened, begun)
            if not opened:
                break  # all of it is open already
        found = self._below(text, views)
        self._waiting += (
            placed(one, one.start + self._window, one.end + self._window, one.decoded)
            for one in found
            if last or one.end <= opened
        )
        undecided = [one.start for one in found if one.end > opened]
        self._open = self._window + min([opened, *undecided])
        self._needed = self._open - _BEFORE if undecided else self._open
        if not last and self._is_in_table(text, views, found):  # its header tells what rows hold
            self._needed = self._window
            if len(text) > MAX_ENCODED:
                return views.unprovable or "stream"
        return views.unprovable

    def _is_in_table(self, text: bytes, views: Views, found: Iterable[Finding]) -> bool:
        """Whether secrets stand in the cells of a table that may go on."""
        if not any(TABLE in one.decoded for one in found):
            return False
        near = views.reached(len(text) - _BEFORE, len(text))
        return any(view.path[-1] == TABLE for view, _ in near)

    def _below(self, text: bytes, views: Views) -> list[Finding]:
        """What the views show that the text itself does not."""
        if not views:
            return []
        plain = self._as_it_stands()
        detector, known = self._inspector.detector, self._inspector.known
        found = by_rules(detector, text, views, plain, self._allowance) if detector else []
        if known:
            found += known.scan(b"", views, self._allowance)
        return [one for one in merged(found) if one.decoded] if len(found) > len(plain) else []

    def _as_it_stands(self) -> list[Finding]:
        """What rules would find in the window itself if the stream ended here."""
        ahead = self._scanner.open_findings() if self._scanner else []
        return [
            placed(one, one.start - self._window, one.end - self._window, one.decoded)
            for one in (*self._plain, *ahead)
        ]

    def _begun(self, text: bytes, views: Views) -> Iterator[int]:
        """Where in the window something begins that its end leaves open; once it is late, all."""
        if self._allowance.is_late():
            yield 0
            return
        if letters := _LETTERS.search(text, max(0, len(text) - _CONTEXT)):
            yield letters.start()
        for magic in _MAGIC:
            place = text.rfind(magic, max(0, len(text) - _CONTEXT))
            if place >= 0:
                yield place
        if _PENDING.search(text, max(0, len(text) - _CONTEXT)):
            yield from self._begun_in(text, "")
        for view, reached in views.reached(len(text) - REACH, len(text)):
            yield from self._begun_below(view, reached, len(text))

    def _begun_below(self, view: View, reached: Iterable[Span], length: int) -> Iterator[int]:
        if not PACKED.isdisjoint(view.path):
            start, end = view.span
            if end >= length - REACH:
                yield start
            return
        at = 0
        spans = iter(reached)
        first, last = next(spans)
        for part in view.data.split(GAP):
            if self._allowance.is_late(STEP):
                return
            end = at + len(part)
            while last < end - 1:
                first, last = next(spans, _NOWHERE)
            if part and first <= end and view.origin(end - 1, end)[1] >= length - REACH:
                for begun in self._begun_in(part, view.path[-1]):
                    yield view.origin(at + begun, end)[0]
            at = end + len(GAP)

    def _begun_in(self, text: bytes, name: str) -> Iterator[int]:
        """Where a secret begins that `text` ends in, with or without what may join it to more."""
        ends = {len(text)}
        if pending := _PENDING.search(text, max(0, len(text) - _CONTEXT)):
            ends.add(pending.start())
        if name in BINARY:  # its last bytes may be of a group that is not whole
            ends |= {max(0, len(text) - less) for less in range(1, _UNSURE + 1)}
        yield from self._begun_by_rules(text, sorted(ends))
        if self._inspector.known:
            yield from self._begun_by_values(self._inspector.known, text, ends)

    def _begun_by_rules(self, text: bytes, ends: Iterable[int]) -> Iterator[int]:
        """The earliest place of a match that one of the `ends` cuts.

        What a later one cuts an earlier one cuts as well, so nothing is asked after the first.
        """
        if not self._inspector.detector:
            return
        for end in ends:
            engine = self._inspector.detector.engine
            begun = engine.begun(text[:end], allowance=self._allowance).start
            if begun < end:
                yield begun
                return

    def _begun_by_values(
        self, known: KnownValues, text: bytes, ends: Iterable[int]
    ) -> Iterator[int]:
        for end in ends:
            begun = known.begun(text[:end])
            if begun < end:
                yield begun

    def _ready(self, until: int) -> tuple[Finding, ...]:
        """The findings that lie in what is released, each told once."""
        ready = merged(one for one in self._waiting if one.end <= until)
        self._waiting = [one for one in self._waiting if one.end > until]
        fresh = []
        for one in ready:
            if not self._was_told(one) and not self._is_marked(one):
                self._told[one.fingerprint] = one
                start = max(one.start, self._released)
                fresh.append(placed(one, min(start, one.end), one.end, one.decoded))
        self._shown += ready
        split, self._split = self._split, []
        return (*fresh, *split)

    def _was_told(self, one: Finding) -> bool:
        """Whether it is what was told before, whose place shows no more exactly than an encoding's.

        Another of the same value takes more than the little that one look may differ by.
        """
        told = self._told.get(one.fingerprint)
        if told is None:
            return False
        return one.end <= told.end + (REACH if one.start <= told.start else 0)

    def _is_marked(self, one: Finding) -> bool:
        """Whether all of it was released, and others that were told leave nothing of it.

        Two secrets next to each other may together look like a third, once both are seen.
        """
        if one.end > self._released:
            return False
        at = one.start
        for told in sorted(self._shown, key=lambda shown: shown.start):
            if told.start <= at + REACH:
                at = max(at, told.end)
        return at >= one.end

    def _forget(self) -> None:
        """Drop what nothing to come can be joined to."""
        waiting = [one.start for one in self._waiting]
        window = min([self._needed, self._end - _CONTEXT, *waiting])
        for one in self._shown:  # half of it would show as another
            if one.start < window < one.end <= one.start + _BEFORE:
                window = one.start
        # Half of a name shows neither that it is public nor that it stands for a variable.
        before = self._data[: window - self._offset][-_BEFORE:]
        window -= len(before) - 1 - max(map(before.rfind, _AROUND_NAMES))
        for _ in range(_MAX_CONTINUED):  # half a character would make all of it binary
            if window > self._window and self._data[window - self._offset] & 0xC0 == 0x80:  # noqa: PLR2004
                window -= 1
        window = max(self._window, window)
        self._looked -= window - self._window
        self._window = window
        self._plain = [one for one in self._plain if one.end > window]
        self._shown = [one for one in self._shown if one.end > window]
        gone = max(0, min(window, self._released) - self._offset)
        self._data = self._data[gone:]
        self._offset += gone
        self._told = {name: one for name, one in self._told.items() if one.end > window}
