"""A body that is looked through while it leaves, and held back where a secret may have begun."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from stopper.core.reason import Refusal
from stopper.detect.handling import OnSecret
from stopper.detect.split import SPLIT
from stopper.detect.view import PACKED
from stopper.egress.inorder import InOrder, Sink
from stopper.egress.screen import Seen

if TYPE_CHECKING:
    from stopper.detect.finding import Finding
    from stopper.detect.stream import Released
    from stopper.egress.screening import Screening

__all__ = ["Outflow"]

_UNMARKED: Final = PACKED | {SPLIT}
"""In what is compressed, or cut over fields, no mark can stand for a secret."""


class Outflow:
    """Takes a body in pieces; what may leave goes to its `sink`, in order.

    A secret that should be redacted is overwritten in place, since the length of the body may have
    been announced; refused are compressed bytes, and what turns out to have been one too late,
    as one that is cut over fields may.
    """

    def __init__(self, screening: "Screening", sink: Sink) -> None:
        self._screening = screening
        self._follower = screening.follow()
        self._line: InOrder[Released] = InOrder(self._decide, sink)
        self._looked = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._line.put(self._follower.feed(data))

    def end(self, done: Callable[[], None]) -> None:
        """The body is whole; `done` is called when all of it has left."""
        self._line.put(self._follower.finish())
        self._line.end(done)

    def _decide(self, released: "Released", answer: Callable[[bytes | Refusal], None]) -> None:
        data, start = released.data, self._looked
        self._looked += len(data)
        leaks = self._screening.leaks(released.findings)
        towards = self._screening.towards
        fixed = any(
            one.end <= max(start, one.start) or not _UNMARKED.isdisjoint(one.decoded[:1])
            for one in leaks
        )
        if leaks and towards.wish is OnSecret.REDACT and not (fixed or released.unprovable):
            self._screening.redacted(Seen(self._screening.describe(leaks, "body")))
            answer(_masked(data, leaks, start))
            return
        seen = None
        if leaks:
            seen = Seen(self._screening.describe(leaks, "body"))
        elif released.unprovable:
            seen = Seen(f"the body, to {towards.shown}", unprovable=True)
        self._screening.decide(seen, lambda refusal: answer(refusal or data))


def _masked(data: bytes, leaks: "Iterable[Finding]", offset: int) -> bytes:
    masked = bytearray(data)
    for one in leaks:
        start, end = max(0, one.start - offset), min(len(data), one.end - offset)
        masked[start:end] = b"*" * (end - start)
    return bytes(masked)
