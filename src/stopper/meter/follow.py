"""Follows replies: picks the follower by what arrives, drives a tally over a stream's events."""

from collections.abc import Callable
from typing import Annotated, Protocol, TypeVar

import msgspec
from msgspec import Meta

from stopper.core.reason import Refusal
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.jsonreply import JsonReply, ReadJson
from stopper.meter.sse import SseEvent, SseSplitter
from stopper.meter.wire import Ask, Live, Reply

__all__ = ["MAX_COUNT", "Count", "SseReply", "Tally", "decode", "follow", "inclusive"]

MAX_COUNT = 10**12
"""The largest number of tokens that a reply may state."""

Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]

_T = TypeVar("_T")
_NO_SUCCESS = 300


class Tally(Protocol):
    """What one wire format makes of the events of one stream."""

    live: Live
    usage: Usage | None
    final: bool
    model: str

    def see(self, event: SseEvent) -> bytes:
        """Count an event that has data; give the bytes of it that may be forwarded."""

    def cut(self, refusal: Refusal) -> bytes:
        """The events that end the stream as an error."""


class SseReply:
    """A Reply that comes as server-sent events; comments pass, all else goes by its tally."""

    __slots__ = ("_bare", "_said", "_splitter", "_tally", "live")

    def __init__(self, tally: Tally) -> None:
        self._splitter = SseSplitter()
        self._tally = tally
        self._said = self._bare = False
        self.live = tally.live

    def feed(self, data: bytes) -> bytes:
        """The whole events that may go on."""
        return b"".join([self._see(event) for event in self._splitter.feed(data)])

    def end(self) -> bytes:
        """What is left; MeterError where bytes came, and no event with data among them."""
        last = self._splitter.end()
        left = self._see(last) if last else b""
        if self._bare and not self._said:
            raise MeterError("the reply is no stream of events")
        return left

    def cut(self, refusal: Refusal) -> bytes:
        """The stream's ending as an error; an event held back is dropped."""
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

    def _see(self, event: SseEvent) -> bytes:
        if not event.data:
            self._bare = True
            return event.raw
        self._said = True
        return self._tally.see(event)


def follow(
    ask: Ask,
    status: int,
    content_type: str,
    *,
    tally: Callable[[], Tally],
    read: ReadJson,
    error: Callable[[Refusal], bytes],
) -> Reply:
    """The follower for a reply: its own word says what it is, unless that would leave it unread.

    A type that is neither JSON nor a stream is read as what was asked for.
    """
    if status >= _NO_SUCCESS:
        return JsonReply(None, error)
    kind = content_type.lower()
    if "event-stream" in kind or (ask.stream and "json" not in kind):
        return SseReply(tally())
    return JsonReply(read, error)


def decode(decoder: "msgspec.json.Decoder[_T]", data: bytes) -> _T:
    """Provider bytes by a typed decoder; MeterError names the field that is wrong."""
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError) as error:
        raise MeterError(f"the provider sent what its format does not allow: {error}") from None


def inclusive(
    *, read: int, cached: int, written: int, output: int, reasoning: int, cost: int | None = None
) -> Usage:
    """Usage from a provider whose input counts include what was read from and put in a cache."""
    if cached > read:
        raise MeterError(f"the provider states {cached} cached tokens of {read} input tokens")
    written = min(written, read - cached)
    return Usage(
        input=read - cached - written,
        output=output,
        cache_write=written,
        cache_read=cached,
        reasoning=min(reasoning, output),
        quality=Quality.MEASURED,
        cost=cost,
    )
