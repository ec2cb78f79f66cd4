"""Connections to upstreams: one reply at a time on each, kept alive in a pool for the next."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final, Protocol, cast

import httptools

from stopper.core.reason import Refusal, refuse
from stopper.egress.dial import Dialer, Target
from stopper.egress.message import MAX_HEAD_BYTES, MAX_HEADERS, Headers, ReplyHead

__all__ = ["Pool", "Receiver", "Upstream"]

MAX_IDLE_CONNECTIONS: Final = 256
IDLE_SECONDS: Final = 15.0
"""Shorter than the keep-alive of providers, so that a reused connection is rarely a dead one."""

_TCP_INFO: Final = getattr(socket, "TCP_INFO", None)
_TCP_INFO_BYTES: Final = 256
_BYTES_ACKED: Final = 120
"""Where `tcpi_bytes_acked` stands in Linux's `struct tcp_info`."""


class Receiver(Protocol):
    """Who waits for the reply on an upstream connection."""

    def on_reply_head(self, head: ReplyHead) -> None:
        """The head of the final reply."""

    def on_reply_data(self, data: bytes) -> None:
        """Bytes of the body, without their framing."""

    def on_reply_end(self, trailers: Headers) -> None:
        """The reply is whole; the connection is no longer the receiver's."""

    def on_reply_upgrade(self, head: ReplyHead, data: bytes) -> None:
        """The upstream switched protocols; `data` is what it sent already."""

    def on_reply_raw(self, data: bytes) -> None:
        """Bytes after a switch of protocols."""

    def on_reply_lost(self, refusal: Refusal) -> None:
        """The connection ended, or broke HTTP, before the reply was whole."""

    def on_upstream_blocked(self, blocked: bool) -> None:
        """The upstream reads too slowly to be sent more, or reads again."""


class Upstream(asyncio.Protocol):
    """One connection. `reused` tells that it has carried a reply before.

    `untaken` tells that it ended before the upstream's kernel had a byte of the last request.
    """

    def __init__(self, pool: "Pool", target: Target) -> None:
        self.target = target
        self.reused = False
        self.untaken = False
        self.idle_since = 0.0
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._receiver: Receiver | None = None
        self._method = ""
        self._headers: Headers = []
        self._trailers: Headers = []
        self._head: ReplyHead | None = None
        self._head_bytes = 0
        self._unheard_bytes = 0
        self._acked_bytes: int | None = None
        self._socket: socket.socket | None = None
        self._raw = False
        self._closed = False

    @property
    def usable(self) -> bool:
        """Whether a request may be sent now."""
        transport = self._transport
        return not self._closed and transport is not None and not transport.is_closing()

    def attach(self, receiver: Receiver, method: str) -> None:
        """Give the next reply to `receiver`; `method` is that of the request it answers."""
        self._receiver = receiver
        self._method = method
        self._acked_bytes = self._count_acked() if self.reused else None

    def write(self, data: bytes) -> None:
        """Send bytes of a request."""
        if self._transport is not None:
            self._transport.write(data)

    def hold_reading(self, hold: bool) -> None:
        """Stop reading while the caller is slower than the upstream."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if hold:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def close(self) -> None:
        """Drop the connection; the receiver hears nothing more."""
        self._closed = True
        self._receiver = None
        self._let_go()
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._closed:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._raw and self._receiver is not None:
            self._receiver.on_reply_raw(data)
            return
        if self._receiver is None:  # nobody asked for this: it would be read as the next reply
            self.close()
            return
        self._unheard_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switch(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._lose(refuse("http.upstream", _cause(error)))
        else:
            if self._unheard_bytes > MAX_HEAD_BYTES:  # one header, or an extension, without end
                self._lose(refuse("http.upstream", _TOO_LARGE))

    def eof_received(self) -> bool:
        acked = self._acked_bytes
        self.untaken = acked is not None and acked == self._count_acked()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        self._let_go()
        self._pool.forget(self)
        if self._receiver is None:
            return
        head = self._head
        if head is not None and head.length is None and not head.chunked and not self._raw:
            self._finish(keep=False)  # a body that ends with its connection
        else:
            self._lose(refuse("http.truncated"))

    def pause_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.on_upstream_blocked(True)

    def resume_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.on_upstream_blocked(False)

    # httptools

    def on_message_begin(self) -> None:
        if self._receiver is None:
            raise ValueError("a reply that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._unheard_bytes = 0
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:  # those of interim replies count too
            raise ValueError(_TOO_LARGE)
        (self._headers if self._head is None else self._trailers).append((name.lower(), value))
        if len(self._headers) + len(self._trailers) > MAX_HEADERS:
            raise ValueError(f"more than {MAX_HEADERS} headers")

    def on_headers_complete(self) -> None:
        headers, self._headers = self._headers, []
        status = self._parser.get_status_code()
        if status < 100:  # noqa: PLR2004
            raise ValueError("a status of fewer than three digits")
        if status < 200 and status != 101:  # noqa: PLR2004  interim replies say nothing
            return
        if status == 101 and not self._parser.should_upgrade():  # noqa: PLR2004
            raise ValueError("a switch to no protocol")
        head = ReplyHead.read(status, headers)
        if any(name == b"transfer-encoding" for name, _ in headers) and not head.chunked:
            raise ValueError("a transfer coding other than chunked")
        self._head = head
        if self._receiver is not None and status != 101:  # noqa: PLR2004
            self._receiver.on_reply_head(head)
        if self._method == "HEAD":
            self._finish(keep=False)

    def on_body(self, body: bytes) -> None:
        self._unheard_bytes = 0
        if self._receiver is not None:
            self._receiver.on_reply_data(body)

    def on_message_complete(self) -> None:
        if self._head is not None and self._head.status != 101:  # noqa: PLR2004
            self._finish(keep=self._parser.should_keep_alive())

    def _switch(self, rest: bytes) -> None:
        if self._head is None or self._receiver is None or self._head.status != 101:  # noqa: PLR2004
            self._lose(refuse("http.upstream", "an upgrade that was not asked for"))
            return
        self._raw = True
        self._receiver.on_reply_upgrade(self._head, rest)

    def _finish(self, *, keep: bool) -> None:
        receiver, self._receiver = self._receiver, None
        trailers, self._trailers = self._trailers, []
        self._head = None
        self._head_bytes = self._unheard_bytes = 0
        if receiver is None:
            return
        if keep and self.usable:
            self.reused = True
            self.hold_reading(False)  # whoever held it back has all of it
            self._pool.put(self)
        else:
            self.close()
        receiver.on_reply_end(trailers)

    def _lose(self, refusal: Refusal) -> None:
        receiver = self._receiver
        self.close()
        if receiver is not None:
            receiver.on_reply_lost(refusal)

    def _count_acked(self) -> int | None:
        """How many bytes the upstream's kernel has acknowledged; None where that is not told."""
        try:
            if self._socket is None:
                self._socket = _duplicate(self._transport)
            if _TCP_INFO is None or self._socket is None:
                return None
            told = self._socket.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _TCP_INFO_BYTES)
            (acked,) = struct.unpack_from("=Q", told, _BYTES_ACKED)
        except (OSError, struct.error):
            return None
        return int(acked)

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Pool:
    """Idle connections by target; the newest is used first, an old one never."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self.loop = asyncio.get_running_loop()
        self._idle: dict[Target, list[Upstream]] = {}
        self._dials: set[asyncio.Task[None]] = set()
        self._count = 0

    def take(self, target: Target) -> Upstream | None:
        """A live idle connection to `target`, None where one must be opened."""
        oldest = self.loop.time() - IDLE_SECONDS
        while idle := self._idle.get(target):
            upstream = idle[-1]
            self.forget(upstream)
            if upstream.usable and upstream.idle_since > oldest:
                return upstream
            upstream.close()
        return None

    def open(self, target: Target, answer: Callable[[Upstream | Refusal], None]) -> None:
        """Connect to `target`; `answer` is called in a later turn of the loop."""
        task = self.loop.create_task(self._open(target, answer))
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)

    def put(self, upstream: Upstream) -> None:
        """Keep a connection for later."""
        if self._count >= MAX_IDLE_CONNECTIONS:
            upstream.close()
            return
        self._count += 1
        upstream.idle_since = self.loop.time()
        self._idle.setdefault(upstream.target, []).append(upstream)

    def forget(self, upstream: Upstream) -> None:
        """A connection is gone; it leaves the pool if it is in it."""
        idle = self._idle.get(upstream.target)
        if idle and upstream in idle:
            idle.remove(upstream)
            self._count -= 1
            if not idle:
                del self._idle[upstream.target]

    def close(self) -> None:
        """Drop all idle connections and all that are being opened."""
        for task in self._dials:
            task.cancel()
        for upstream in [upstream for idle in self._idle.values() for upstream in idle]:
            upstream.close()
        self._idle.clear()
        self._count = 0

    async def _open(self, target: Target, answer: Callable[[Upstream | Refusal], None]) -> None:
        try:
            opened = await self._dialer.connect(lambda: Upstream(self, target), target)
        except Exception as error:  # noqa: BLE001  whatever ends a dial, its caller is answered
            opened = refuse("egress.fault", f"{type(error).__name__} while dialling")
        answer(opened if isinstance(opened, Refusal) else opened[1])


_TOO_LARGE: Final = f"a head over {MAX_HEAD_BYTES} bytes"


def _duplicate(transport: asyncio.Transport | None) -> socket.socket | None:
    """A socket of our own: what uvloop gives makes a new one for every question."""
    known = transport.get_extra_info("socket") if transport is not None else None
    return None if known is None else known.dup()


def _cause(error: httptools.HttpParserError) -> str:
    return str(error.__context__ or error)
