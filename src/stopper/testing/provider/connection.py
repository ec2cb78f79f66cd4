"""One client connection: HTTP/1.1 in, answers out, one at a time and in order."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import cast

import httptools

from stopper.testing.provider.admin import PREFIX, administer, waits
from stopper.testing.provider.coding import MAX_BODY_BYTES
from stopper.testing.provider.office import Answer, Office, as_json
from stopper.testing.provider.pour import head, pour
from stopper.testing.provider.seen import Request
from stopper.testing.provider.tally import Bill, Outcome

__all__ = ["Connection"]

_MAX_HEAD_BYTES = 256 * 2**10
_MAX_PIPELINED = 64
_WRITE_BUFFER_BYTES = 64 * 2**10
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """Parses requests, asks the office, sends the answers; a client that leaves ends its reply."""

    def __init__(
        self, office: Office, open_connections: set["Connection"], websocket_status: int
    ) -> None:
        self.chunked = True
        self._office = office
        self._open = open_connections
        self._websocket_status = websocket_status
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[bool] | None = None
        self._room: asyncio.Future[None] | None = None
        self._begin()

    # what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is here."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self._open.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """The client is gone, or was sent away."""
        self._open.discard(self)
        self._forget()

    def eof_received(self) -> None:
        """The client has no more to say; one that closes half of its connection is gone as well."""
        self._forget()

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._parser = httptools.HttpRequestParser(self)
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError as error:
            self._reject(400, f"this is no HTTP request: {error}")
        if self._in_head and self._head_bytes > _MAX_HEAD_BYTES:
            self._reject(431, f"the head is larger than {_MAX_HEAD_BYTES} bytes")

    def pause_writing(self) -> None:
        """The socket is full."""
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The socket has room again."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None
        self._next()

    # what the parser calls

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is over; some clients wait for a word before the body."""
        self._in_head = False
        if self._headers.get("expect", "").lower() == "100-continue" and self._task is None:
            self.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body += body
        if len(self._body) > MAX_BODY_BYTES:
            self._reject(413, f"the body is larger than {MAX_BODY_BYTES} bytes")

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self._transport.is_closing():
            return
        path, query = _target(self._url)
        self._waiting.append(
            Request(
                method=self._parser.get_method().decode(),
                path=path,
                query=query,
                headers=self._headers,
                body=bytes(self._body),
                version=self._parser.get_http_version(),
                keep_alive=self._parser.should_keep_alive(),
            )
        )
        self._begin()
        if len(self._waiting) > _MAX_PIPELINED:
            self._transport.pause_reading()
        self._next()

    # what an answer is poured into

    def write(self, data: bytes) -> None:
        """Hand bytes to the socket."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the socket has room."""
        if self._room is not None:
            await self._room

    def abort(self) -> None:
        """Drop the connection at once."""
        self._transport.abort()

    # the rest

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._in_head = True
        self._head_bytes = 0

    def _next(self) -> None:
        while self._waiting and self._task is None and self._room is None:
            self._handle(self._waiting.popleft())
        if len(self._waiting) < _MAX_PIPELINED and not self._transport.is_closing():
            self._transport.resume_reading()

    def _handle(self, request: Request) -> None:
        self.chunked = request.version != "1.0"
        if request.headers.get("upgrade", "").lower() == "websocket":
            self._refuse_websocket(request)
        elif waits(request):
            self._start(self._when_settled(request), None)
        elif request.path.startswith(PREFIX):
            self._send(request, administer(self._office, request))
        else:
            self._send(request, self._office.answer(request))

    def _send(self, request: Request, answer: Answer) -> None:
        stays, telling, books = request.keep_alive, answer.telling, self._office.books
        if telling is not None and (answer.whole is None or not telling.plan.script.plain):
            self._start(pour(self, answer, telling, books, stays=stays), telling.bill, stays=stays)
            return
        if telling is not None:
            telling.bill.generated = telling.bill.planned
            books.close(telling.bill, Outcome.COMPLETED)
        self._write_whole(answer, stays=stays, bare=request.method == "HEAD")
        if not stays:
            self._leave()

    def _start(
        self, work: Coroutine[None, None, bool], bill: Bill | None, *, stays: bool = True
    ) -> None:
        def done(task: asyncio.Task[bool]) -> None:
            self._task = None
            if bill is not None:
                self._office.books.close(bill, Outcome.ABANDONED)
            if task.cancelled():
                return
            if task.exception() is not None:
                self.abort()
            if task.result() and stays:
                self._next()
            else:
                self._leave()

        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(done)

    async def _when_settled(self, request: Request) -> bool:
        await self._office.books.settled()
        self._write_whole(administer(self._office, request), stays=request.keep_alive)
        return request.keep_alive

    def _refuse_websocket(self, request: Request) -> None:
        self._office.log.add(request)
        if self._websocket_status:
            self._reject(self._websocket_status, "there are no WebSockets here")
        else:
            self._leave()

    def _reject(self, status: int, message: str) -> None:
        self._write_whole(as_json({"error": {"message": message}}, status), stays=False)
        self._leave()

    def _write_whole(self, answer: Answer, *, stays: bool, bare: bool = False) -> None:
        body = answer.whole or b""
        top = head(answer, len(body), chunked=False, stays=stays)
        self.write(top if bare else top + body)

    def _forget(self) -> None:
        """Nobody waits for what was asked."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def _leave(self) -> None:
        """Close once what was written has left."""
        self._waiting.clear()
        self._transport.close()


def _target(url: bytes) -> tuple[str, str]:
    """Path and query of a request's target, be it a path or a whole URL."""
    path, _, query = url.decode("latin-1").partition("?")
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path, query
