import pytest

from stopper.core.reason import Refusal
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.follow import SseReply, follow, inclusive
from stopper.meter.jsonreply import JsonReply
from stopper.meter.sse import SseEvent
from stopper.meter.wire import Ask, Live


class Every:
    """A tally that lets every other event go."""

    def __init__(self) -> None:
        self.live = Live()
        self.usage: Usage | None = None
        self.final = False
        self.model = "m"

    def see(self, event: SseEvent) -> bytes:
        self.live.deltas += 1
        return event.raw if self.live.deltas % 2 else b""

    def cut(self, refusal: Refusal) -> bytes:
        return refusal.code.encode()


KINDS = {
    # what arrives                          status, content type, asked for a stream   followed as
    "a stream":                             (200, "text/event-stream", True,           SseReply),
    "a stream in capitals":                 (200, "Text/Event-Stream; x=y", True,      SseReply),
    "a stream that nobody asked for":       (200, "text/event-stream", False,          SseReply),
    "JSON":                                 (200, "application/json", False,           JsonReply),
    "JSON in place of a stream":            (200, "application/json", True,            JsonReply),
    "no type where a stream was asked for": (200, "", True,                            SseReply),
    "text where a stream was asked for":    (200, "text/plain", True,                  SseReply),
    "no type":                              (200, "", False,                           JsonReply),
    "another success":                      (201, "application/json", False,           JsonReply),
    "an error":                             (400, "application/json", True,            JsonReply),
    "an error that claims to stream":       (500, "text/event-stream", True,           JsonReply),
    "a redirect":                           (302, "text/html", True,                   JsonReply),
}  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "stream", "expected"), KINDS.values(), ids=KINDS)
def test_follow(status: int, kind: str, stream: bool, expected: type) -> None:
    """The reply's own word decides, and none of them leaves a success unread."""
    ask = Ask("m", stream, None, 0, {}, b"")
    reply = follow(
        ask, status, kind, tally=Every, read=lambda _: (None, ""), error=lambda _: b"error"
    )
    assert type(reply) is expected
    assert reply.final is (status >= 300)


def test_events_go_by_the_tally() -> None:
    """Comments pass unseen; what the tally keeps stays here; a cut is the tally's."""
    reply = SseReply(Every())
    assert reply.feed(b": c\n\ndata: 1\n\ndata: 2\n\ndata: 3\n") == b": c\n\ndata: 1\n\n"
    assert reply.feed(b"\n") == b"data: 3\n\n"
    assert (reply.live.deltas, reply.model, reply.end()) == (3, "m", b"")
    assert reply.cut(Refusal("bottle.cut")) == b"bottle.cut"


ENDS = {
    # a stream                    what is left at its end, None for a fault
    b"":                           b"",
    b"data: 1\n\n":                b"",
    b"data: 1\n\n: c":             b": c",
    b"data: 1":                    b"data: 1",
    b": only a comment\n\n":       None,
    b"<html>":                     None,
    b"\n\n":                       None,
}  # fmt: skip


@pytest.mark.parametrize(("data", "left"), ENDS.items())
def test_end(data: bytes, left: bytes | None) -> None:
    """Bytes without any event are no stream, however they are called."""
    reply = SseReply(Every())
    reply.feed(data)
    if left is None:
        with pytest.raises(MeterError):
            reply.end()
    else:
        assert reply.end() == left


INCLUSIVE = {
    # what was stated                     read, cached, written, output, reasoning   expected
    "nothing cached":                     ((9, 0, 0, 2, 0), (9, 0, 0, 2, 0)),
    "some of all":                        ((9, 3, 2, 2, 1), (4, 3, 2, 2, 1)),
    "all cached":                         ((9, 9, 0, 2, 2), (0, 9, 0, 2, 2)),
    "more written than is left":          ((9, 3, 9, 2, 0), (0, 3, 6, 2, 0)),
    "more reasoning than there is":       ((9, 0, 0, 2, 5), (9, 0, 0, 2, 2)),
}  # fmt: skip


@pytest.mark.parametrize(("counts", "expected"), INCLUSIVE.values(), ids=INCLUSIVE)
def test_inclusive(counts: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """The kinds become disjoint, and their sum stays what was stated."""
    read, cached, written, output, reasoning = counts
    usage = inclusive(read=read, cached=cached, written=written, output=output, reasoning=reasoning)
    kinds = (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning)
    assert kinds == expected
    assert (usage.total, usage.quality) == (read + output, Quality.MEASURED)
