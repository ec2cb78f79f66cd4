"""Sends an answer: framing, coding, delays and the ways a script breaks a reply."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain, pairwise
from typing import Protocol

from stopper.testing.provider.coding import Coder
from stopper.testing.provider.formats.shape import Step
from stopper.testing.provider.office import Answer, Telling
from stopper.testing.provider.plan import Plan
from stopper.testing.provider.tally import Bill, Books, Outcome

__all__ = ["Tap", "head", "pour"]

_LONGEST_STALL_S = 3600
_STEPS_PER_TURN = 64
_MILLI = 1000
_END: Step = (b"", 0)
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
    if not stays:
        lines.append("connection: close")
    return "\r\n".join((*lines, "\r\n")).encode("latin-1")


async def pour(tap: Tap, answer: Answer, telling: Telling, books: Books, *, stays: bool) -> bool:
    """Send a reply step by step; gives whether the connection can go on.

    The bill is closed before the last step leaves, so the books never lag behind the client. Where
    this is cancelled, the bill stays open and its owner closes it.
    """
    script, bill = telling.plan.script, telling.bill
    delay = script.delay_ms if answer.whole is None else 0
    body = _Body(tap, answer, telling)
    await _sleep(_patience(answer, telling.plan))
    tap.write(head(answer, body.length, chunked=body.chunked, stays=stays and body.ends))
    steps = pairwise(chain(_steps(answer, telling), (_END,)))
    for number, (step, following) in enumerate(steps):
        if script.fault and _due(script.fault.after, bill):
            books.close(bill, Outcome.FAILED)
            await body.write(telling.format.broken(telling.plan, script.fault, number))
            break
        if _due(script.disconnect_after, bill):
            books.close(bill, Outcome.FAILED)
            return False
        if _due(script.stall_after, bill):
            await asyncio.sleep(_LONGEST_STALL_S)
            return False
        data, tokens = step
        await _sleep(delay if tokens and data else 0)
        await tap.drain()
        bill.generated += tokens
        if following is _END:
            books.close(bill, Outcome.COMPLETED)
        await body.write(data)
        if number % _STEPS_PER_TURN == _STEPS_PER_TURN - 1:
            await asyncio.sleep(0)
    await body.end()
    return body.ends


class _Body:
    """Lays a body on the wire."""

    def __init__(self, tap: Tap, answer: Answer, telling: Telling) -> None:
        whole, self._script = answer.whole, telling.plan.script
        streams = whole is None or self._script.trailers or self._script.write_bytes
        self.length = None if streams or whole is None else len(whole)
        self.chunked = self.length is None and tap.chunked
        self.ends = self.length is not None or self.chunked
        self._tap = tap
        self._coder = Coder(telling.encoding if whole is None else None)

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


def _steps(answer: Answer, telling: Telling) -> Iterator[Step]:
    """A stream's events; what is whole comes in two halves, the first of which is billed."""
    if answer.whole is None:
        return telling.format.steps(telling.plan)
    middle = len(answer.whole) // 2
    halves = (answer.whole[:middle], telling.plan.output), (answer.whole[middle:], 0)
    return iter(halves)


def _due(after: int | None, bill: Bill) -> bool:
    return after is not None and bill.generated >= after


def _patience(answer: Answer, plan: Plan) -> float:
    """Milliseconds before the first byte; a reply in one piece waits for all of its deltas."""
    script = plan.script
    if answer.whole is None:
        return script.first_delay_ms
    return script.first_delay_ms + script.delay_ms * -(-plan.said // script.per_delta)


async def _sleep(milliseconds: float) -> None:
    if milliseconds:
        await asyncio.sleep(milliseconds / _MILLI)
