"""A caller and a server that send exactly the bytes they are given, to see what becomes of them."""

import asyncio
import contextlib
from typing import Self, cast

import httptools
from msgspec import Struct

__all__ = ["RawClient", "RawReply", "RawServer"]

TIMEOUT_SECONDS = 10.0
_READ_BYTES = 65536


class RawReply(Struct):
    """A reply as it came: header names in lower case, `whole` False where it broke off."""

    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""
    pieces: int = 0
    whole: bool = False

    @property
    def code(self) -> str:
        """The reason code of a refusal, empty for none."""
        return self.headers.get("x-stopper-reason", "")


class RawClient:
    """One connection; an async context manager."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port
        self._reply = RawReply()
        self._replies: list[RawReply] = []
        self._parser = httptools.HttpResponseParser(self)

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)

    def read(self, on: bool) -> None:
        """Stop reading from the socket, or go on."""
        transport = cast("asyncio.Transport", self.writer.transport)
        if on:
            transport.resume_reading()
        else:
            transport.pause_reading()

    async def reply(self) -> RawReply:
        """The next reply; one that is not `whole` where the server closed before its end."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not self._replies:
                try:
                    data = await self.reader.read(_READ_BYTES)
                except ConnectionResetError:
                    data = b""
                if not data:
                    broken, self._reply = self._reply, RawReply()
                    return broken
                self._feed(data)
        return self._replies.pop(0)

    async def ask(self, data: bytes) -> RawReply:
        """Send, and wait for the reply."""
        self.send(data)
        return await self.reply()

    async def closed(self) -> bool:
        """Wait until the server closes; True for a clean end, False for a reset."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            try:
                while await self.reader.read(_READ_BYTES):
                    pass
            except ConnectionResetError:
                return False
        return True

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end()

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: D102
        self._reply.headers[name.decode().lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:  # noqa: D102
        self._reply.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:  # noqa: D102
        self._reply.body += body
        self._reply.pieces += 1

    def on_message_complete(self) -> None:  # noqa: D102
        self._end()

    def _end(self) -> None:
        self._reply.whole = True
        if self._reply.status != 100:  # noqa: PLR2004  says only that the body may come
            self._replies.append(self._reply)
        self._reply = RawReply()


class RawServer:
    """A server on a loopback port that sends an answer of bytes for each whole request.

    `answers` are sent in turn, and the last one again and again; None closes the connection
    instead, and so does an answer that ends with `CLOSE`. `requests` are the bytes that came,
    `heads` how many requests have begun; `received` is all that came, whole requests or not.
    """

    CLOSE = b"\0close"

    def __init__(self, *answers: bytes | None) -> None:
        self.requests: list[bytes] = []
        self.received = bytearray()
        self.heads = 0
        self.port = 0
        self._answers = list(answers)
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.Transport] = set()

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._transports)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Serving(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.drop()

    def say(self, data: bytes) -> None:
        """Send bytes on every open connection, asked or not."""
        for transport in self._transports:
            transport.write(data)

    def drop(self) -> None:
        """Reset every open connection."""
        for transport in [*self._transports]:
            transport.abort()

    def _answer(self, request: bytes) -> bytes | None:
        self.requests.append(request)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class _Serving(asyncio.Protocol):
    def __init__(self, server: RawServer) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._got = b""
        self._switched = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server._transports.add(self._transport)  # noqa: SLF001  two halves of one thing

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._server._transports.discard(self._transport)  # noqa: SLF001

    def data_received(self, data: bytes) -> None:
        self._got += data
        self._server.received += data
        if self._switched:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._switched = True

    def on_headers_complete(self) -> None:
        """A request has begun."""
        self._server.heads += 1

    def on_message_complete(self) -> None:
        """A request is whole."""
        request, self._got = self._got, b""
        answer = self._server._answer(request)  # noqa: SLF001
        if answer is not None:
            self._transport.write(answer.removesuffix(RawServer.CLOSE))
        if answer is None or answer.endswith(RawServer.CLOSE):
            self._transport.close()
