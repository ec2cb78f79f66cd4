"""Follows an output of any length in bounded memory: redacted first, then truncated."""

import codecs
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from stopper.detect.redact import Redactor
from stopper.detect.rules import MAX_MATCH
from stopper.detect.secrets import Detector
from stopper.shell.lines import Keeper, Limits
from stopper.shell.result import Truncation

__all__ = ["Kept", "Output"]

BLOCK: Final = 1 << 16
"""How much is looked at in one go, at least, where there is so much."""

MAX_HELD: Final = 1 << 20
"""Matches that overlap without end are cut through here; no text is like that by chance."""

SNIFFED: Final = 8192

_MARK: Final = b"[REDACTED:"


class Kept(Struct, frozen=True):
    """What is shown of an output, and what it was. `lines` counts what was printed."""

    text: str
    lines: int = 0
    redactions: int = 0
    truncation: Truncation = Truncation.NONE


class Output:
    """Takes the bytes of one stream as they come; `finish` gives what is shown of them.

    Every byte is looked at for secrets. Encoded ones, and those that `redactor` knows by value,
    are looked for in what is shown and somewhat beyond its edges. `detector` is called for when
    there is something to look at, since the first call may take a while.
    """

    def __init__(
        self,
        limits: Limits,
        detector: Callable[[], Detector],
        redactor: Callable[[], Redactor],
        encoding: str = "utf-8",
    ) -> None:
        self._detector = detector
        self._redactor = redactor
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._keeper = Keeper(limits)
        self._pending = bytearray()
        self._first = b""
        self._total = 0
        self._redactions = 0

    @property
    def is_large(self) -> bool:
        """Whether it took more memory than is worth keeping for the next."""
        return self._total > MAX_HELD

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self._total += len(data)
        self._first += data[: SNIFFED - len(self._first)]
        self._pending += data
        if len(self._pending) >= BLOCK + MAX_MATCH:
            self._settle()

    def finish(self) -> Kept:
        """What is shown, now that nothing more will come."""
        if not self._total:
            return Kept("")
        if _is_binary(self._first, self._encoding):
            return Kept(f"[binary output, {self._total} bytes, not shown]\n")
        if self._keeper.is_empty:  # short: all of it is looked at in every way
            self._keeper.feed(self._decoder.decode(self._redact(bytes(self._pending)), final=True))
            text, truncation = self._keeper.finish(lambda text: text)
        else:
            rest = bytes(self._pending)
            self._release(rest, has_secrets=bool(self._detector().engine.matches(rest)))
            self._keeper.feed(self._decoder.decode(b"", final=True))
            text, truncation = self._keeper.finish(self._redact_text)
        return Kept(text, self._keeper.count, self._redactions, truncation)

    def _settle(self) -> None:
        """Let go what no match to come can reach, up to the end of a line where there is one."""
        data = bytes(self._pending)
        most = len(data) - MAX_MATCH
        cut = data.rfind(b"\n", 0, most) + 1 or most
        matches = self._detector().engine.matches(data)
        for match in reversed(matches):
            if match.start < cut < match.end:
                cut = match.start
        if cut == 0 and len(data) > MAX_HELD:
            cut = most
        if cut:
            self._release(data[:cut], has_secrets=any(one.start < cut for one in matches))
            del self._pending[:cut]

    def _release(self, data: bytes, *, has_secrets: bool) -> None:
        self._keeper.feed(self._decoder.decode(self._redact(data) if has_secrets else data))

    def _redact(self, data: bytes) -> bytes:
        after = self._redactor().redact(data)
        self._redactions += max(0, after.count(_MARK) - data.count(_MARK))
        return after

    def _redact_text(self, text: str) -> str:
        return self._redact(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def _is_binary(first: bytes, encoding: str) -> bool:
    """A NUL, and no text in this encoding: `find -print0` writes the one and not the other."""
    if b"\0" not in first:
        return False
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(first)
    except UnicodeDecodeError:
        return True
    return False
