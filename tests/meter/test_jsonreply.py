import pytest

from stopper.core.reason import Refusal, refuse
from stopper.core.usage import Quality, Usage
from stopper.errors import MeterError
from stopper.meter.jsonreply import JsonReply
from stopper.meter.wire import MAX_JSON_BYTES

ONE = Usage(input=1, output=1, quality=Quality.MEASURED)


def stated(data: bytes) -> tuple[Usage | None, str]:
    if data == b"broken":
        raise MeterError("broken")
    return (None if data == b"silent" else ONE), "m"


def error(refusal: Refusal) -> bytes:
    return refusal.code.encode()


def test_held_until_whole() -> None:
    """Nothing goes on before the end, and nothing is known of it."""
    reply = JsonReply(stated, error)
    assert [reply.feed(b"wh"), reply.feed(b""), reply.feed(b"ole")] == [b"", b"", b""]
    assert (reply.usage, reply.final, reply.model) == (None, False, "")
    assert reply.end() == b"whole"
    assert (reply.usage, reply.final, reply.model) == (ONE, True, "m")
    assert (reply.live.deltas, reply.live.chars) == (0, 0)


ENDS = {
    # the reply       final, live characters
    b"silent":        (False, 6),
    b"":              (False, 0),
    b"whole":         (True, 0),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), ENDS.items())
def test_silence_is_not_zero(data: bytes, expected: tuple[bool, int]) -> None:
    """A reply without usage is not final; its size bounds what was generated."""
    reply = JsonReply(stated, error)
    reply.feed(data)
    assert reply.end() == data
    assert (reply.final, reply.live.chars) == expected


def test_broken() -> None:
    """What does not read is a fault; a cut then gives the refusal and nothing else."""
    reply = JsonReply(stated, error)
    reply.feed(b"broken")
    with pytest.raises(MeterError):
        reply.end()
    assert reply.cut(refuse("bottle.cut")) == b"bottle.cut"


def test_bound() -> None:
    """No more than MAX_JSON_BYTES are held."""
    reply = JsonReply(stated, error)
    reply.feed(b"x" * MAX_JSON_BYTES)
    with pytest.raises(MeterError):
        reply.feed(b"x")


def test_an_error_costs_nothing() -> None:
    """Without a reader the bytes pass, and there is no usage to wait for."""
    reply = JsonReply(None, error)
    reply.feed(b"broken")
    assert (reply.end(), reply.usage, reply.final) == (b"broken", None, True)
