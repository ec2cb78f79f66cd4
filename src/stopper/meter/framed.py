"""Follows a reply that comes in whole events of any framing, by its splitter and its tally."""

from typing import Protocol, TypeVar

from stopper.core.reason import Refusal
from stopper.core.usage import Usage
from stopper.meter.wire import Live

__all__ = ["FramedReply", "FramedTally", "Splitter"]

_E = TypeVar("_E")
_E_contra = TypeVar("_E_contra", contravariant=True)


class Splitter(Protocol[_E]):
    """Cuts bytes in any split into events; raises MeterError on what breaks the framing."""

    def feed(self, data: bytes) -> list[_E]:
        """The events that `data` completes."""

    def end(self) -> _E | None:
        """What is left as a last event, where the framing allows one that nothing ends."""


class FramedTally(Protocol[_E_contra]):
    """What a wire format makes of the events of one stream; its figures are as Reply has them."""

    @property
    def live(self) -> Live:
        """What has been seen; the same object all along."""

    @property
    def usage(self) -> Usage | None:
        """The provider's own numbers so far."""

    @property
    def final(self) -> bool:
        """Whether they are its last word."""

    @property
    def model(self) -> str:
        """The model that answered, empty where the reply did not say."""

    def see(self, event: _E_contra) -> bytes:
        """Count an event; give the bytes of it that may be forwarded."""

    def cut(self, refusal: Refusal) -> bytes:
        """What ends the stream as an error."""


class FramedReply:
    """A Reply of events; what is not a whole event yet is held back, and dropped by a cut."""

    __slots__ = ("_splitter", "_tally", "live")

    def __init__(self, splitter: Splitter[_E], tally: FramedTally[_E]) -> None:
        self._splitter = splitter
        self._tally = tally
        self.live = tally.live

    def feed(self, data: bytes) -> bytes:
        """The whole events that may go on."""
        return b"".join([self._tally.see(event) for event in self._splitter.feed(data)])

    def end(self) -> bytes:
        """What is left; MeterError where the framing is not at its end."""
        last = self._splitter.end()
        return b"" if last is None else self._tally.see(last)

    def cut(self, refusal: Refusal) -> bytes:
        """As Reply.cut."""
        return self._tally.cut(refusal)

    @property
    def usage(self) -> Usage | None:
        """As the tally has it."""
        return self._tally.usage

    @property
    def final(self) -> bool:
        """As the tally has it."""
        return self._tally.final

    @property
    def model(self) -> str:
        """As the tally has it."""
        return self._tally.model
