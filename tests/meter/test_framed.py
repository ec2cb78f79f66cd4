import pytest

from stopper.core.reason import Refusal, refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.framed import FramedReply
from stopper.meter.ndjson import Line, LineSplitter
from stopper.meter.wire import Live


class Tally:
    """Takes each line for a number of tokens, and gives it on twice."""

    model = "m"
    final = False

    def __init__(self) -> None:
        self.live = Live()
        self.usage: Usage | None = None

    def see(self, line: Line) -> bytes:
        if not line.data.isdigit():
            raise MeterError("no number")
        self.live.deltas += 1
        self.usage = Usage(output=int(line.data), quality=Quality.MEASURED)
        return line.raw * 2

    def cut(self, refusal: Refusal) -> bytes:
        return refusal.code.encode()


def test_only_whole_events_go_on() -> None:
    """A half event waits; the tally decides what goes on; a cut drops what waits."""
    reply = FramedReply(LineSplitter(), Tally())
    assert reply.feed(b"1") == b""
    assert reply.live.deltas == 0
    assert reply.feed(b"2\n3\n4") == b"12\n12\n3\n3\n"
    assert (reply.usage, reply.live.deltas) == (Usage(output=3, quality=Quality.MEASURED), 2)
    assert (reply.model, reply.final) == ("m", False)
    assert reply.cut(refuse("bottle.cut")) == b"bottle.cut"


def test_the_last_event() -> None:
    """What is left at the end is counted too."""
    reply = FramedReply(LineSplitter(), Tally())
    assert reply.feed(b"7") == b""
    assert reply.end() == b"77"
    assert reply.usage == Usage(output=7, quality=Quality.MEASURED)
    assert reply.end() == b""


def test_a_fault_is_passed_up() -> None:
    """A tally's fault is the reply's fault."""
    with pytest.raises(MeterError):
        FramedReply(LineSplitter(), Tally()).feed(b"x\n")
