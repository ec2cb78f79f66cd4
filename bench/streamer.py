"""Callers of streams in a process of their own: bare sockets, and a clock beside each event.

Started by `streamers`; prints a line when all streams flow, and one of JSON when all have ended.
Times are of the monotonic clock, which all processes of a machine share, in ns.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec
import uvloop
from msgspec import Struct

from bench.harness import process
from bench.plane import MODEL, PLACEHOLDER

__all__ = ["DELTAS", "DELTA_MILLIS", "Order", "Stream", "Streamers", "streamers"]

DELTAS: Final = 64
DELTA_MILLIS: Final = 20
FLOWING_DELTAS: Final = 5
"""A stream flows when it has brought this many deltas."""

TIMEOUT_SECONDS: Final = 120.0
_DELTA: Final = b"event: content_block_delta"
_LAST_CHUNK: Final = b"0\r\n\r\n"


class Order(Struct, frozen=True):
    """What to ask for: `each` streams of `deltas`, one after the other, on every connection.

    The connections begin `stagger_millis` after each other, so that they do not beat as one.
    """

    url: str
    connections: int
    each: int = 1
    deltas: int = DELTAS
    stagger_millis: float = 0.0


class Stream(Struct):
    """When a request went out, when its deltas came in, and when the connection was closed."""

    asked: int
    first: int = 0
    last: int = 0
    closed: int = 0
    deltas: list[int] = []


class Streamers:
    """Callers in another process."""

    def __init__(self, answers: Any) -> None:
        self._answers = answers

    def flowing(self) -> None:
        """Wait until every connection has a stream that flows."""
        if self._answers.readline() != "flowing\n":
            raise RuntimeError("a stream ended before all of them flowed")

    def ended(self) -> list[Stream]:
        """Wait until all connections are closed."""
        line = self._answers.readline()
        if not line:
            raise RuntimeError("the callers broke off: their own message is above")
        return msgspec.json.decode(line, type=list[Stream])


@contextmanager
def streamers(order: Order, core: int) -> Iterator[Streamers]:
    """Have an order carried out on one core."""
    command = [sys.executable, "-m", "bench.streamer", msgspec.json.encode(order).decode()]
    with process(command, core) as started:
        yield Streamers(started.stdout)


class _Caller(asyncio.Protocol):
    """One connection with its streams, one after the other."""

    def __init__(self, order: Order, request: bytes, flows: asyncio.Semaphore) -> None:
        self.streams: list[Stream] = []
        self.done = asyncio.get_running_loop().create_future()
        self._request = request
        self._left = order.each
        self._deltas = order.deltas
        self._flows = flows
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by class
        self._ask()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        stream = self.streams[-1]
        seen = self._tail + data
        self._tail = seen[-len(_DELTA) + 1 :]
        if not stream.first and b"event: " in seen:
            stream.first = now
        before = len(stream.deltas)
        stream.deltas += [now] * seen.count(_DELTA)
        stream.last = now
        if before < FLOWING_DELTAS <= len(stream.deltas) and len(self.streams) == 1:
            self._flows.release()
        if seen.endswith(_LAST_CHUNK):
            self._ended(stream)

    def connection_lost(self, _: Exception | None) -> None:
        if self.streams:
            self.streams[-1].closed = time.monotonic_ns()
        self.done.set_result(None)

    def _ended(self, stream: Stream) -> None:
        if self._left:
            self._ask()
        elif len(stream.deltas) == self._deltas:
            self._transport.close()  # after a cut, the other side is to close

    def _ask(self) -> None:
        self._left -= 1
        self._tail = b""
        self.streams.append(Stream(time.monotonic_ns()))
        self._transport.write(self._request)


async def _run(order: Order) -> None:
    loop = asyncio.get_running_loop()
    flows = asyncio.Semaphore(0)
    url = urlsplit(order.url)
    host, port = url.hostname or "", url.port or 0
    request = _request(order, url.path)

    async def call(place: int) -> _Caller:
        await asyncio.sleep(place * order.stagger_millis / 1000)
        _, caller = await loop.create_connection(lambda: _Caller(order, request, flows), host, port)
        await caller.done
        return caller

    async with asyncio.timeout(TIMEOUT_SECONDS):
        calls = [loop.create_task(call(place)) for place in range(order.connections)]
        for _ in calls:
            await flows.acquire()
        print("flowing", flush=True)
        callers = await asyncio.gather(*calls)
    streams = [stream for caller in callers for stream in caller.streams]
    print(msgspec.json.encode(streams).decode(), flush=True)


def _request(order: Order, path: str) -> bytes:
    prompt = f"[[mock: tokens={order.deltas} delay_ms={DELTA_MILLIS}]]"
    body = msgspec.json.encode(
        {
            "model": MODEL,
            "max_tokens": order.deltas,
            "stream": True,
            "messages": [{"role": "user", "content": prompt}],
        }
    )
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {PLACEHOLDER}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    uvloop.run(_run(msgspec.json.decode(sys.argv[1], type=Order)))
