"""Connections from inside a bottle: requests in, replies out, and tunnels opened to look inside."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

import httptools

from stopper.core.reason import Refusal, refuse
from stopper.egress.compose import error_body, own_reply
from stopper.egress.exchange import Exchange
from stopper.egress.message import MAX_HEAD_BYTES, MAX_HEADERS, Head, Headers
from stopper.egress.route import Tunnel, open_tunnel

if TYPE_CHECKING:
    from stopper.egress.plane import Plane

__all__ = ["Client"]

HEAD_SECONDS: Final = 15.0
BODY_SILENCE_SECONDS: Final = 30.0
BODY_SECONDS: Final = 300.0
"""For a whole body that is held back to be read; one that is passed on may take its time."""

REPLY_SILENCE_SECONDS: Final = 600.0
IDLE_SECONDS: Final = 90.0
HANDSHAKE_SECONDS: Final = 10.0
LINGER_SECONDS: Final = 2.0
UNREAD_SECONDS: Final = 60.0
"""For a caller to read the last of a reply on a connection that ends."""

MAX_PIPELINED: Final = 16
MAX_BACKLOG_BYTES: Final = 64 * 1024
"""Read ahead of the requests that wait, because who is not read is not heard leaving."""

_ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Client(asyncio.Protocol):
    """One connection. Requests may be pipelined; replies go out in their order."""

    def __init__(self, plane: "Plane", tunnel: Tunnel | None = None) -> None:
        self.plane = plane
        self.close_after = False
        self._tunnel = tunnel
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._exchanges: deque[Exchange] = deque()
        self._reading: Exchange | None = None
        self._relay: Callable[[bytes], None] | None = None
        self._target = b""
        self._headers: Headers = []
        self._trailers: Headers = []
        self._head_bytes = 0
        self._unheard_bytes = 0
        self._in_head = False
        self._held = False
        self._blocked = False
        self._paused = False
        self._early = b""
        self._backlog = b""
        self._closing = False
        self._switching = False
        self._waiting_for = "head"
        self._deadline = plane.loop.time() + HEAD_SECONDS
        self._body_deadline = 0.0

    @property
    def blocked(self) -> bool:
        """Whether the caller reads more slowly than it is written to."""
        return self._blocked

    # what an exchange may ask for

    def write(self, data: bytes) -> None:
        """Send bytes to the caller."""
        if self._transport is not None and not self._closing:
            self._transport.write(data)

    def hold_reading(self, hold: bool) -> None:
        """Leave the rest of the request being read with the caller, or go on."""
        self._held = hold
        self._regulate()

    def expect_reply(self) -> None:
        """The next bytes are the upstream's to send."""
        self._wait_for("reply", REPLY_SILENCE_SECONDS)

    def relay(self, sink: Callable[[bytes], None]) -> None:
        """From now on the caller's bytes go to `sink` as they are."""
        self._relay = sink

    def answered(self, exchange: Exchange) -> None:
        """An exchange is over; the next may begin, or the connection closes."""
        if self._exchanges and self._exchanges[0] is exchange:
            self._exchanges.popleft()
        if self.close_after or exchange.last:
            self._linger()
            return
        self._wait_for("idle", IDLE_SECONDS)
        self.hold_reading(False)
        if self._exchanges:
            self.plane.loop.call_soon(self._begin_next)

    def cut(self, refusal: Refusal) -> None:
        """End every exchange in its own protocol, then the connection."""
        self.close_after = True
        if self._exchanges:
            self._exchanges[0].cut(refusal)
        self._linger()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def check(self, now: float) -> None:
        """Called every second or so: ends what has been waited for too long."""
        transport = self._transport
        if now < self._deadline or transport is None:
            return
        if self._closing:
            if transport.get_write_buffer_size() == 0 or now >= self._deadline + UNREAD_SECONDS:
                transport.abort()
        elif self._waiting_for in ("idle", "handshake") or self._relay is not None:
            transport.abort()
        elif self._waiting_for == "reply" and self._exchanges:
            self._fail(refuse("http.silent", "too long"))
        else:
            self._fail(refuse("http.slow", f"{HEAD_SECONDS:.0f} s"))

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.plane.joined(self)
        if self._early:
            early, self._early = self._early, b""
            self.data_received(early)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if self._transport is None:  # it came with the end of the handshake
            self._early += data
            return
        if self._relay is not None:
            self._relay(data)
            return
        if self._switching:
            self._fail(refuse("http.malformed", "bytes after an upgrade"))
            return
        if self._backlog or len(self._exchanges) > 1:
            self._backlog += data
            self._regulate()
            return
        if self._waiting_for == "idle":
            self._wait_for("head", HEAD_SECONDS)
        while data and not self._closing:
            data = self._feed(data)
        self._arm()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._transport = None
        exchanges, self._exchanges = [*self._exchanges], deque()
        self.plane.left(self)
        for exchange in exchanges:
            exchange.lost()

    def pause_writing(self) -> None:
        self._block(True)

    def resume_writing(self) -> None:
        self._block(False)

    # httptools

    def on_message_begin(self) -> None:
        self._unheard_bytes = 0
        self._head_bytes = 0
        self._in_head = True
        self._target = b""
        self._headers = []
        self._trailers = []

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > MAX_HEAD_BYTES:
            raise _TooLargeError

    def on_header(self, name: bytes, value: bytes) -> None:
        self._unheard_bytes = 0
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _TooLargeError
        (self._headers if self._in_head else self._trailers).append((name.lower(), value))
        if len(self._headers) + len(self._trailers) > MAX_HEADERS:
            raise ValueError(f"more than {MAX_HEADERS} headers")

    def on_headers_complete(self) -> None:
        self._in_head = False
        method = self._parser.get_method().decode("latin-1")
        if method == "CONNECT" or self._closing:
            return
        head = Head.read(method, self._target, self._parser.get_http_version(), self._headers)
        if isinstance(head, Refusal):
            raise ValueError(head.detail)  # noqa: TRY004  ends the parse like any other fault
        if len(self._exchanges) >= MAX_PIPELINED:
            raise ValueError(f"more than {MAX_PIPELINED} requests at once")
        last = not self._parser.should_keep_alive()
        exchange = Exchange(self, head, self.plane.route(head, self._tunnel), last=last)
        self._switching = exchange.switches
        self._exchanges.append(exchange)
        self._reading = exchange
        self._body_deadline = self.plane.loop.time() + BODY_SECONDS
        if len(self._exchanges) == 1:
            exchange.begin()

    def on_body(self, body: bytes) -> None:
        self._unheard_bytes = 0
        if self._reading is not None:
            self._reading.take_body(body)

    def on_message_complete(self) -> None:
        self._unheard_bytes = 0
        reading, self._reading = self._reading, None
        if reading is not None and not reading.body_done:
            reading.end_body(self._trailers)

    # the rest

    def _feed(self, data: bytes) -> bytes:
        """Parse; gives what is to be parsed anew, behind an offer that was not taken."""
        self._unheard_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._switch(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._fail(_malformed(error))
        else:
            if self._unheard_bytes > MAX_HEAD_BYTES:  # one header, or an extension, without end
                self._fail(_too_large())
        return b""

    def _arm(self) -> None:
        """Start the clock of what the caller is to send now, or stop it."""
        if not self._exchanges:
            if self._waiting_for == "idle" and self._in_head:
                self._wait_for("head", HEAD_SECONDS)
        elif self._uploading and not self._paused:
            self._wait_for("body", BODY_SILENCE_SECONDS)
            if self._exchanges[0].keeps_body:
                self._deadline = min(self._deadline, self._body_deadline)
        elif self._waiting_for != "reply":
            self.expect_reply()

    def _wait_for(self, what: str, seconds: float) -> None:
        self._waiting_for = what
        self._deadline = self.plane.loop.time() + seconds

    @property
    def _uploading(self) -> bool:
        """Whether the body that is being read belongs to the request whose turn it is."""
        return bool(self._exchanges) and self._exchanges[0] is self._reading

    def _block(self, blocked: bool) -> None:
        self._blocked = blocked
        if self._exchanges:
            self._exchanges[0].hold_reading(blocked)
        self._regulate()

    def _regulate(self) -> None:
        """Read from the caller only what can be passed on, and only while it reads too."""
        transport = self._transport
        if transport is None or self._closing or transport.is_closing():
            return
        unread = self._blocked and not self._uploading and self._relay is None
        pause = self._held or unread or len(self._backlog) > MAX_BACKLOG_BYTES
        if pause == self._paused:
            return
        self._paused = pause
        if pause:
            transport.pause_reading()
        else:
            transport.resume_reading()
        self._arm()

    def _begin_next(self) -> None:
        if self._exchanges and not self._closing:
            self._exchanges[0].begin()
            backlog, self._backlog = self._backlog, b""
            if backlog:
                self.data_received(backlog)
            self._regulate()
            self._arm()

    def _switch(self, rest: bytes) -> bytes:
        """The parser stopped at a CONNECT or at a request that offers another protocol."""
        if self._parser.get_method() == b"CONNECT":
            self._connect(rest)
        elif not self._switching:  # the offer is not taken: what follows is HTTP/1.1
            self._parser = httptools.HttpRequestParser(self)
            return rest
        elif rest:
            self._fail(refuse("http.malformed", "bytes after an upgrade"))
        return b""

    def _connect(self, rest: bytes) -> None:
        if self._tunnel is not None or self._exchanges:
            self._fail(refuse("http.malformed", "a CONNECT where none may be"))
            return
        tunnel = open_tunnel(self._target, self.plane.table)
        if isinstance(tunnel, Refusal):
            self._fail(tunnel)
        elif rest:
            self._fail(refuse("network.not_tls", tunnel.host))
        else:  # after a cut too: a refusal inside is read, one of the tunnel is a network fault
            self.hold_reading(True)
            self._wait_for("handshake", 2 * HANDSHAKE_SECONDS)  # which has a clock of its own
            self.write(_ESTABLISHED)
            self.plane.start(self._intercept(tunnel))

    async def _intercept(self, tunnel: Tunnel) -> None:
        """Speak TLS with the caller as the host it asked for, then read requests again."""
        outer = self._transport
        if outer is None or self._closing:
            return
        inner = Client(self.plane, tunnel)
        try:
            transport = await self.plane.loop.start_tls(
                outer,
                inner,
                self.plane.authority.context(tunnel.host),
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except Exception as error:  # noqa: BLE001  whatever ends a handshake ends its connection
            self.plane.note(self.plane.screen.discreet(_handshake(error, tunnel.host)))
            outer.abort()
        else:
            if transport is None or self._closing:
                outer.abort()
            else:
                inner.connection_made(transport)
        finally:
            self.plane.left(self)

    def _fail(self, refusal: Refusal) -> None:
        """Refuse what came, if nothing is being answered, and close."""
        self.close_after = True
        if self._exchanges:
            self._exchanges[0].cut(refusal)
        elif not self._closing:
            refusal = self.plane.screen.discreet(refusal)
            self.plane.note(refusal)
            body = error_body(refusal)
            self.write(own_reply(refusal.status, body, refusal, alive=False))
        self._linger()

    def _linger(self) -> None:
        """Close without a reset: say that no more comes, and read away what is under way."""
        transport = self._transport
        if self._closing or transport is None:
            return
        self._closing = True
        self._wait_for("end", LINGER_SECONDS)
        if self._paused:
            self._paused = False
            transport.resume_reading()
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()


class _TooLargeError(Exception):
    """A head or a trailer passed its bound."""


def _too_large() -> Refusal:
    return refuse("http.too_large", f"{MAX_HEAD_BYTES} bytes of head")


def _malformed(error: httptools.HttpParserError) -> Refusal:
    if isinstance(error.__context__, _TooLargeError):
        return _too_large()
    return refuse("http.malformed", str(error.__context__ or error)[:200])


def _handshake(error: Exception, host: str) -> Refusal:
    text = str(error).upper()
    if "UNRECOGNIZED" in text or "CALLBACK" in text:
        return refuse("network.sni_mismatch", host)
    return refuse("network.not_tls", host)
