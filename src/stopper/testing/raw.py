"""A caller that sends exactly the bytes it is given, to see what a server makes of them."""

import asyncio
import contextlib
from typing import Self

import httptools
from msgspec import Struct

__all__ = ["RawClient", "RawReply"]

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
