"""Secrets replaced in a stream, with bounded memory, and lines passed on when they are safe."""

import re
from collections.abc import Sequence
from typing import Final

from stopper.detect.jsontext import Cut, Edit, literals
from stopper.detect.redact import Redactor

__all__ = ["AHEAD_BYTES", "BEHIND_BYTES", "WINDOW_BYTES", "StreamRedactor"]

WINDOW_BYTES: Final = 1 << 20
"""What is shorter is redacted as a whole; of what is longer, so much is held."""

AHEAD_BYTES: Final = 128 << 10
"""More than a secret takes, also where it is encoded: no part of one goes before it is seen."""

BEHIND_BYTES: Final = 64 << 10
"""So much of what has gone is still looked at, since what stands before may make a secret."""

_UNPROVABLE: Final = b"[REDACTED:UNPROVABLE]"
# What a decoder may join to the next line: a long row of letters, what is quoted or continued, and
# letters in small groups. And what stands inside of JSON.
_GOES_ON = re.compile(
    rb"(?:[A-Za-z0-9+/_=-]{12}|[\"'`\\=,({\[][ \t+.&|<>]*"
    rb"|(?:(?:\w[ \t.,:;|/+-]){4}\w|(?:\w{2}[ \t.,:;|/+-]){3}\w{2}"
    rb"|(?:\w{4}[ \t.,:;|/+-]{1,2}){2}\w{4})[ \t.,:;|/+-]*)\s*\Z"
)
_LAST: Final = 256


class StreamRedactor:
    """Gives back without its secrets what is fed, piece by piece and each byte once."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._data = b""  # what has gone and still counts, and then what is held
        self._gone = 0
        self._is_marked = False  # what has gone ends in a secret

    def feed(self, data: bytes, *, idle: bool = False) -> bytes:
        """Take the next bytes, and give what can go.

        While more comes at once, there is time to look at much together. Where it does not, lines
        go that nothing to come can make part of a secret, so that one can watch them.
        """
        self._data += data
        out = []
        while len(self._data) - self._gone >= WINDOW_BYTES:
            out.append(self._release(self._line_before(self._gone + WINDOW_BYTES - AHEAD_BYTES)))
        if idle and (limit := self._closed()) > self._gone:
            out.append(self._release(limit))
        return b"".join(out)

    def finish(self) -> bytes:
        """The rest, since nothing more will come."""
        if len(self._data) == self._gone:
            return b""
        return self._release(len(self._data))

    def _line_before(self, place: int) -> int:
        line = self._data.rfind(b"\n", self._gone + AHEAD_BYTES, place) + 1
        return line or place

    def _closed(self) -> int:
        """The end of the last line that does not go on with the next one."""
        end = self._data.rfind(b"\n", self._gone)
        if end >= 0:  # else there is nothing to ask for
            end = min(end, self._data.rfind(b"\n", 0, self._redactor.begun(self._data)))
        while end >= self._gone:
            if not _GOES_ON.search(self._data[max(self._gone, end - _LAST) : end]):
                return end + 1
            end = self._data.rfind(b"\n", self._gone, end)
        return 0

    def _release(self, limit: int) -> bytes:
        """What is held up to `limit`, or to the secret that goes on behind it."""
        cuts = self._redactor.cuts(self._data)
        if cuts is None:
            out, end, self._is_marked = _UNPROVABLE, limit, False
        else:
            end = self._end(cuts, limit)
            out = self._redacted(cuts, end)
            self._is_marked = any(cut.start < end <= cut.end for cut in cuts)
        forgotten = max(0, end - BEHIND_BYTES)
        self._data = self._data[forgotten:]
        self._gone = end - forgotten
        return out

    def _end(self, cuts: Sequence[Cut], limit: int) -> int:
        """Before a secret that goes on behind `limit`, unless it began long ago."""
        starts = (cut.start for cut in cuts if cut.start < limit < cut.end)
        start = min(starts, default=limit)
        return start if start > self._gone else limit

    def _redacted(self, cuts: Sequence[Cut], end: int) -> bytes:
        text = self._data[self._gone : end].decode("latin-1")
        own = [
            Edit(max(cut.start, self._gone) - self._gone, min(cut.end, end) - self._gone, cut.mark)
            for cut in cuts
            if cut.end > self._gone and cut.start < end
        ]
        if not own:
            return text.encode("latin-1")
        parts: list[str] = []
        at = 0
        for start, stop, mark in literals(text, own):
            goes_on = start == 0 and self._is_marked
            parts += (text[at:start], "" if goes_on else mark)
            at = stop
        redacted = "".join((*parts, text[at:])).encode("latin-1")
        return self._redactor.redact(redacted)
