"""Sends an answer: framing, coding, delays and the ways a script breaks a reply."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from typing import Protocol

from stopper.testing.provider.coding import Coder
from stopper.testing.provider.formats.shape import Step
from stopper.testing.provider.office import Answer
from stopper.testing.provider.script import Fault, Script
from stopper.testing.provider.tally import Bill, Books, Outcome

__all__ = ["Tap", "head", "pour"]

_LONGEST_STALL_S = 3600
_STEPS_PER_TURN = 64
_MILLI = 1000
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Tap(Protocol):
    """Where bytes go."""

    chunked: bool
    """Whether the client understands chunks; without them a stream ends with the connection."""

    def write(self, data: bytes) -> None:
        """Hand bytes to the socket."""

    async def drain(self) -> None:
        """Wait until the socket has room."""


def head(answer: Answer, length: int | None, *, chunked: bool, stays: bool) -> bytes:
    """Status line and headers."""
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if length is not None:
        lines.append(f"content-length: {length}")
    elif chunked:
        lines.append("transfer-encoding: chunked")
    if answer.script.trailers:
        lines.append(f"trailer: {', '.join(answer.script.trailers)}")
    if not stays:
        lines.append("connection: close")
    return "\r\n".join((*lines, "\r\n")).encode("latin-1")


async def pour(tap: Tap, answer: Answer, books: Books, *, stays: bool) -> bool:
    """Send `answer` step by step; gives whether the connection can go on.

    The bill is closed before the last step leaves, so the books never lag behind the client. Where
    this is cancelled, the bill stays open and its owner closes it.
    """
    script, bill = answer.script, answer.bill
    body = _Body(tap, answer)
    await _sleep(_patience(answer))
    tap.write(head(answer, body.length, chunked=body.chunked, stays=stays and body.ends))
    for number, (data, tokens, last) in enumerate(_marked(answer.steps())):
        generated = bill.generated if bill else 0
        if _due(script.fault.after if script.fault else None, generated):
            return await _fail(body, answer, books, number)
        if _due(script.disconnect_after, generated):
            _close(books, bill, Outcome.FAILED)
            return False
        if _due(script.stall_after, generated):
            await asyncio.sleep(_LONGEST_STALL_S)
            return False
        if answer.whole is None and tokens and data:
            await _sleep(script.delay_ms)
        if number % _STEPS_PER_TURN == _STEPS_PER_TURN - 1:
            await asyncio.sleep(0)
        await tap.drain()
        if bill is not None:
            bill.generated += tokens
        if last:
            _close(books, bill, Outcome.COMPLETED)
        await body.write(data)
    await body.end()
    return body.ends


class _Body:
    """Lays a body on the wire."""

    def __init__(self, tap: Tap, answer: Answer) -> None:
        script, whole = answer.script, answer.whole
        streams = whole is None or script.trailers or script.write_bytes
        self.length = None if streams or whole is None else len(whole)
        self.chunked = self.length is None and tap.chunked
        self.ends = self.length is not None or self.chunked
        self._tap = tap
        self._script = script
        self._coder = Coder(answer.encoding if whole is None else None)

    async def write(self, data: bytes) -> None:
        """Send an event, in odd pieces where the script says so."""
        packed = self._coder.feed(data) if data else b""
        size = self._script.write_bytes
        if size is None:
            self._send(packed)
            return
        for start in range(0, len(packed), size):
            self._send(packed[start : start + size])
            await asyncio.sleep(0)
            await self._tap.drain()

    async def end(self) -> None:
        """Send what closes the body, and the trailers."""
        self._send(self._coder.end())
        if self.chunked:
            trailers = "".join(f"{n}: {v}\r\n" for n, v in self._script.trailers.items())
            self._tap.write(f"0\r\n{trailers}\r\n".encode("latin-1"))

    def _send(self, data: bytes) -> None:
        if data:
            self._tap.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)


async def _fail(body: _Body, answer: Answer, books: Books, sent: int) -> bool:
    _close(books, answer.bill, Outcome.FAILED)
    fault = answer.script.fault or Fault()
    if answer.format is not None and answer.plan is not None:
        await body.write(answer.format.broken(answer.plan, fault, sent))
    await body.end()
    return body.ends


def _close(books: Books, bill: Bill | None, outcome: Outcome) -> None:
    if bill is not None:
        books.close(bill, outcome)


def _due(after: int | None, generated: int) -> bool:
    return after is not None and generated >= after


def _patience(answer: Answer) -> float:
    """Milliseconds before the first byte; a reply in one piece waits for all of its deltas."""
    script: Script = answer.script
    if answer.whole is None or answer.plan is None:
        return script.first_delay_ms
    return script.first_delay_ms + script.delay_ms * -(-answer.plan.said // script.per_delta)


async def _sleep(milliseconds: float) -> None:
    if milliseconds:
        await asyncio.sleep(milliseconds / _MILLI)


def _marked(steps: Iterator[Step]) -> Iterator[tuple[bytes, int, bool]]:
    """Each step, and whether it is the last."""
    held = next(steps, None)
    for step in steps:
        assert held is not None  # noqa: S101  there was one before this
        yield *held, False
        held = step
    if held is not None:
        yield *held, True
