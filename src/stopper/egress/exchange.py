"""One request and its reply, from the caller's side to the upstream's and back."""

import traceback
from enum import Enum, auto
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVarTuple

from stopper.core.provider import OnDisconnect
from stopper.core.reason import Refusal, refuse
from stopper.egress.compose import (
    error_body,
    own_reply,
    reply_head,
    request_head,
    switching_head,
)
from stopper.egress.counting import Counting
from stopper.egress.incoming import Incoming
from stopper.egress.kept import MAX_KEPT_BYTES, Share
from stopper.egress.message import (
    MAX_BODY_BYTES,
    Head,
    Headers,
    ReplyHead,
    chunk,
    last_chunk,
    trailing,
)
from stopper.egress.metering import Metering
from stopper.egress.outflow import Outflow
from stopper.egress.outgoing import is_signed, outgoing
from stopper.egress.relay import Relay
from stopper.egress.route import Local, Route
from stopper.egress.screening import Screening, is_looked_at_whole
from stopper.egress.upstream import Upstream
from stopper.egress.websocket import closing
from stopper.errors import MeterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stopper.egress.client import Client

__all__ = ["Exchange"]

_Event = TypeVarTuple("_Event")

DRAIN_SECONDS: Final = 300.0
MAX_AHEAD_BYTES: Final = 64 * 1024
VALUE_BYTES: Final = 64
"""What a value in JSON takes once it is decoded, for as little as two bytes."""

_RECODED: Final = frozenset({b"content-digest", b"content-encoding", b"content-md5", b"digest"})
"""What describes bytes that are passed on in another form."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class _State(Enum):
    WAITING = auto()  # behind another request of its connection, or its own body
    SENDING = auto()  # on its way to the upstream
    REPLYING = auto()  # bytes of a reply have gone to the caller
    DRAINING = auto()  # the caller has its ending; the rest is read for its usage alone
    DONE = auto()


def _closed_on_fault(
    step: "Callable[[Exchange, *_Event], None]",
) -> "Callable[[Exchange, *_Event], None]":
    """A defect of ours ends the exchange as a refusal, and no other exchange hears of it."""

    @wraps(step)
    def run(exchange: "Exchange", *event: *_Event) -> None:
        try:
            step(exchange, *event)
        except Exception as error:  # noqa: BLE001  here faults become refusals
            exchange.fail(error)

    return run


class Exchange:
    """A request from the moment its head is read until its reply is through.

    Events come in from two sides (`take_body`, `end_body`, `lost`; `on_...` from the upstream),
    and `cut` from above. Whatever happens, `_finish` is reached once, and a hold is settled once.
    """

    def __init__(self, client: "Client", head: Head, route: Route | Local | Refusal) -> None:
        self.body_done = not head.has_body
        self.last = False
        self._client = client
        self._plane = client.plane
        self._head = head
        self._route = route
        self._state = _State.WAITING
        self._body = bytearray()
        self._kept = Share(client.plane.kept)
        self._trailers: Headers = []
        self._upstream: Upstream | None = None
        self._reply: ReplyHead | None = None
        self._incoming: Incoming | None = None
        self._counting: Counting | None = None
        self._ending = ("disconnected", "")
        self._retried = False
        self._begun = False
        self._metering: Metering | None = None
        self._screening: Screening | None = None
        self._outflow: Outflow | None = None
        self._cleared = False
        self._asking = False
        self._behind = False
        self._ahead = 0
        if isinstance(route, Route):
            self._screening = Screening(self._plane, head, route)
            if route.wire is not None and route.provider is not None:
                self._metering = Metering(
                    self._plane, route.provider, route.wire, self.cut, self._hold_growing
                )

    @property
    def done(self) -> bool:
        """Whether nothing more will be written for this request."""
        return self._state in (_State.DONE, _State.DRAINING)

    @property
    def keeps_body(self) -> bool:
        """Whether its body is held back until it is whole."""
        return self._metering is not None or is_looked_at_whole(self._head)

    @property
    def switches(self) -> bool:
        """Whether the caller waits for another protocol on this connection."""
        return isinstance(self._route, Route) and self._route.upgrade

    # the caller's side

    @_closed_on_fault
    def begin(self) -> None:
        """All earlier requests on the connection are answered: it is this one's turn."""
        self._begun = True
        if refusal := self._plane.revoked:
            self._refuse(refusal)
        elif isinstance(self._route, Refusal):
            self._refuse(self._route)
        elif isinstance(self._route, Local):
            self._answer(self._route.status, self._route.body)
        elif self._screening is not None:
            streams = self._head.has_body and not self.keeps_body
            self._screening.head(self._clear, streams=streams)

    @_closed_on_fault
    def _clear(self, refusal: Refusal | None) -> None:
        """The head may leave; the body is waited for where it is held back."""
        if self.done:
            return
        if refusal is not None:
            self._refuse(refusal)
            return
        self._cleared = True
        if self._head.expects and not self.body_done:
            self._client.write(_CONTINUE)
        if not self.keeps_body:
            self._dispatch()
        elif self.body_done:
            self._screen()

    @_closed_on_fault
    def take_body(self, data: bytes) -> None:
        """Bytes of the request's body."""
        if self.done or not isinstance(self._route, Route):
            return
        if self._outflow is not None:
            self._ahead += len(data)
            self._outflow.feed(data)
            self._regulate()
            return
        self._body += data
        if not self.keeps_body:
            self._client.hold_reading(True)
        elif len(self._body) > MAX_BODY_BYTES:
            self._refuse(refuse("http.too_large", f"{MAX_BODY_BYTES} bytes"))
        else:
            self._keep(len(data))

    @_closed_on_fault
    def end_body(self, trailers: Headers) -> None:
        """The request is whole."""
        self.body_done = True
        self._trailers = trailers
        if self.done or not self._cleared:
            return
        if self._outflow is not None:
            self._outflow.end(self._end_outflow)
        elif self.keeps_body and self._state is _State.WAITING:
            self._screen()

    @_closed_on_fault
    def lost(self) -> None:
        """The caller is gone."""
        if not self.done:
            self._part("disconnected")

    @_closed_on_fault
    def cut(self, refusal: Refusal) -> None:
        """End now, with an ending that the caller's protocol knows."""
        if not self.done:
            self._begun = True
            self._tell(refusal)
            self._part("cut", refusal.code)

    def fail(self, error: Exception) -> None:
        """Refuse for a fault of our own; where it lies is said, what it was about is not."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        refusal = refuse("egress.fault", f"{type(error).__name__} at {place}")
        try:
            self._break(refusal)
        except Exception:  # noqa: BLE001  the ending itself is at fault: there will be none
            self._client.close_after = True
            self._drop_upstream()
            self._finish("cut", refusal.code)

    def hold_reading(self, hold: bool) -> None:
        """The caller reads more slowly than the upstream writes, or has caught up."""
        if self._upstream is not None:
            self._upstream.hold_reading(hold)

    def _hold_growing(self, growing: bool) -> None:
        """Leave a reply that outgrew its hold with the upstream until more is held for it.

        An upstream that keeps to no limit can write megabytes within one turn of the loop.
        """
        if self._upstream is not None and self._state is not _State.DRAINING:
            self._upstream.hold_reading(growing or self._client.blocked)

    # on the way out

    def _screen(self) -> None:
        assert self._screening is not None  # noqa: S101  refused and local ones never come here
        self._screening.body(bytes(self._body), self._screened)

    @_closed_on_fault
    def _screened(self, body: bytes | Refusal) -> None:
        if self.done:
            return
        if isinstance(body, Refusal):
            self._refuse(body)
        elif self._metering is not None:
            self._price(self._metering, body)
        else:
            self._body = bytearray(body)
            self._head.chunked = False
            self._head.length = len(body) if self._head.has_body else None
            self._dispatch()

    def _price(self, metering: Metering, body: bytes) -> None:
        route = self._route
        assert isinstance(route, Route)  # noqa: S101  see callers
        self._body = bytearray()
        values = len(body) - len(body.translate(None, b",[{"))
        if not self._keep(values * VALUE_BYTES):
            return
        if is_signed(self._head):
            self._refuse(refuse("credential.signed_body", str(route.target)))
        elif refusal := metering.read(route.below, body):
            self._refuse(refusal)
        elif not self._count(metering, route):
            metering.hold(self._priced)

    def _count(self, metering: Metering, route: Route) -> bool:
        """Let the provider count the input first, where that is wished and it can."""
        call = metering.count_call(route.below) if self._plane.counts_remotely else None
        sent = outgoing(self._head, route) if call else None
        if call is None or sent is None or isinstance(sent, Refusal):
            return False
        path = route.path.removesuffix(route.below.encode("latin-1")) + call.path.encode("latin-1")
        head = request_head(self._head, path, route.authority, sent[1], len(call.body))
        self._counting = Counting(self._plane.pool, self._counted)
        self._counting.ask(route.target, head + call.body)
        return True

    @_closed_on_fault
    def _counted(self, tokens: int | None) -> None:
        if self._metering is None or self.done:
            return
        if tokens is not None:
            self._metering.counted(tokens)
        self._metering.hold(self._priced)

    @_closed_on_fault
    def _priced(self, refusal: Refusal | None) -> None:
        if self.done:
            if self._metering is not None:
                self._metering.settle("disconnected")
        elif refusal := refusal or (self._metering.limit() if self._metering else None):
            self._refuse(refusal)
        else:
            self._dispatch()

    def _dispatch(self) -> None:
        route = self._route
        assert isinstance(route, Route)  # noqa: S101  refused and local ones never come here
        self._state = _State.SENDING
        self._client.expect_reply()
        upstream = None if self._retried else self._plane.pool.take(route.target)
        if upstream is not None:
            self._send(upstream)
        else:
            self._plane.pool.open(route.target, self._opened)

    @_closed_on_fault
    def _opened(self, upstream: Upstream | Refusal) -> None:
        if isinstance(upstream, Refusal):
            if not self.done:
                self._refuse(upstream)
        elif self._state is _State.SENDING:
            self._send(upstream)
        else:
            self._plane.pool.put(upstream)

    def _send(self, upstream: Upstream) -> None:
        request = self._request()
        if isinstance(request, Refusal):
            self._plane.pool.put(upstream)
            self._refuse(request)
            return
        self._upstream = upstream
        upstream.attach(self, self._head.method)
        upstream.hold_reading(self._client.blocked)
        if self._metering is not None:
            self._metering.sent = True
            upstream.write(request + self._metering.body)
            return
        body, self._body = bytes(self._body), bytearray()
        self._client.hold_reading(False)  # before writing, which may block again
        if self.keeps_body or not self._head.has_body:
            upstream.write(request + body)
            return
        upstream.write(request)
        assert self._screening is not None  # noqa: S101  refused and local ones never come here
        self._outflow = Outflow(self._screening, self)
        self._outflow.feed(body)
        if self.body_done:
            self._outflow.end(self._end_outflow)

    def _request(self) -> bytes | Refusal:
        route, metering = self._route, self._metering
        assert isinstance(route, Route)  # noqa: S101  refused and local ones never come here
        sent = outgoing(self._head, route)
        if isinstance(sent, Refusal):
            return sent
        path, headers = sent
        length = None if metering is None else len(metering.body)
        return request_head(self._head, path, route.authority, headers, length)

    def _framed(self, data: bytes) -> bytes:
        return chunk(data) if self._head.chunked else data

    @_closed_on_fault
    def _end_outflow(self) -> None:
        if self._screening is not None:
            self._screening.trailers(self._trailers, self._end_upload)

    @_closed_on_fault
    def _end_upload(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            self.refuse_out(refusal)
        elif self._head.chunked and self._upstream is not None:
            self._upstream.write(last_chunk(trailing(self._trailers)))

    @_closed_on_fault
    def write_out(self, data: bytes) -> None:
        """What was looked through leaves."""
        if self._upstream is not None:
            self._upstream.write(self._framed(data))

    def pause_out(self, pause: bool) -> None:
        """A person is asked about the body, or has answered."""
        self._asking = pause
        self._ahead = 0
        self._regulate()

    def _regulate(self) -> None:
        """Read ahead of a question only so far, because who is not read is not heard leaving."""
        asking = self._asking and (self.switches or self._ahead > MAX_AHEAD_BYTES)
        self._client.hold_reading(self._behind or asking)

    @_closed_on_fault
    def refuse_out(self, refusal: Refusal) -> None:
        """The rest of the body stays here."""
        if not self.done:
            self._refuse(refusal)

    # the upstream's side

    @_closed_on_fault
    def on_reply_head(self, head: ReplyHead) -> None:
        route = self._route
        assert isinstance(route, Route)  # noqa: S101  refused and local ones never come here
        self._reply = head
        if self.switches:  # it stays with HTTP; the caller's parser does not
            self._client.close_after = True
        if self._metering is not None:
            self._forget_body()
        if self._metering is not None or route.secret:
            try:
                self._incoming = Incoming(head, route.secret)
            except MeterError as error:
                self._break(refuse("meter.unreadable_reply", str(error)))
                return
        if self._metering is not None:
            self._metering.follow(head)
        else:
            self._start_reply(head.length)

    @_closed_on_fault
    def on_reply_data(self, data: bytes) -> None:
        self._client.expect_reply()
        try:
            if self._incoming is not None:
                data = self._incoming.feed(data)
            if self._metering is not None:
                self._meter(self._metering.feed(data))
            elif self._state is _State.REPLYING:
                self._pass_looked(data)
        except MeterError as error:
            self._break(refuse("meter.unreadable_reply", str(error)))

    @_closed_on_fault
    def on_reply_end(self, trailers: Headers) -> None:
        if not self.body_done:  # answered before all was read: nothing may follow on either side
            self._client.close_after = True
            if self._upstream is not None:
                self._upstream.close()
        self._upstream = None
        rest = self._incoming.end() if self._incoming is not None else b""
        if self._metering is not None:
            self._end_metered(rest)
            return
        if self._state is not _State.REPLYING:
            return
        self._pass_looked(rest, last=True)
        if self.done:
            return
        if self._chunked_reply():
            trailers = trailing(trailers)
            if self._incoming is not None:
                trailers = self._incoming.redact(trailers)
            self._client.write(last_chunk(trailers))
        self._finish("complete")

    @_closed_on_fault
    def on_reply_lost(self, refusal: Refusal) -> None:
        upstream, self._upstream = self._upstream, None
        if self._may_retry(upstream, refusal):
            self._retried = True
            self._state = _State.WAITING
            if self._metering is not None:
                self._metering.sent = False
            self._dispatch()
            return
        self._break(refusal)

    @_closed_on_fault
    def on_reply_upgrade(self, head: ReplyHead, data: bytes) -> None:
        if not self.switches:
            self._break(refuse("http.upstream", "a switch of protocols that was not asked for"))
            return
        self._reply = head
        self._state = _State.REPLYING
        self._client.write(switching_head(head, self._head.upgrade) + data)
        if self._screening is not None:
            self._client.relay(Relay(self._screening, self).feed)

    def on_reply_raw(self, data: bytes) -> None:
        self._client.expect_reply()
        self._client.write(data)

    def on_upstream_blocked(self, blocked: bool) -> None:
        self._behind = blocked
        if self._state is not _State.DRAINING:
            self._regulate()

    # on the way back

    def _meter(self, out: bytes) -> None:
        """Pass on what the meter lets go; the reply begins with its first byte."""
        if not out or self.done:
            return
        if self._screening is not None and (refusal := self._screening.reply(out)):
            self._refuse(refusal)
            return
        if self._state is not _State.REPLYING:
            self._start_reply(None)
        self._pass(out)

    def _end_metered(self, rest: bytes) -> None:
        metering = self._metering
        assert metering is not None  # noqa: S101  see callers
        try:
            out = (metering.feed(rest) if rest else b"") + metering.end()
        except MeterError as error:
            self._break(refuse("meter.unreadable_reply", str(error)))
            return
        if self.done:
            self._finish(*self._ending)
            return
        if self._screening is not None and (refusal := self._screening.reply(out, last=True)):
            self._refuse(refusal)
            return
        if self._state is _State.REPLYING:
            self._pass(out)
            if self._chunked_reply():
                self._client.write(last_chunk([]))
        else:
            self._start_reply(len(out), out)
        self._finish("complete")

    def _start_reply(self, length: int | None, body: bytes = b"") -> None:
        reply = self._reply
        assert reply is not None  # noqa: S101  a head comes before its body
        self._state = _State.REPLYING
        drop = _RECODED if self._incoming is not None else frozenset()
        head = reply_head(
            reply,
            drop,
            length,
            chunked=length is None and self._chunked_reply(),
            alive=self._alive,
        )
        reply.length = length
        self._client.write(head + body)

    @property
    def _alive(self) -> bool:
        """Whether the connection stays open after this reply."""
        return not (self.last or self._client.close_after)

    def _chunked_reply(self) -> bool:
        reply = self._reply
        if reply is None or reply.length is not None or reply.bodiless(self._head.method):
            return False
        if self._head.version == "1.0":
            self._client.close_after = True
            return False
        return True

    def _pass_looked(self, data: bytes, *, last: bool = False) -> None:
        """Pass on a piece of a reply that is not metered, unless it holds what must not come in."""
        if self._screening is not None and (refusal := self._screening.reply(data, last=last)):
            self._refuse(refusal)
        else:
            self._pass(data)

    def _pass(self, data: bytes) -> None:
        if data:
            self._client.write(chunk(data) if self._chunked_reply() else data)

    # endings

    def _refuse(self, refusal: Refusal) -> None:
        """Refuse with a reply of our own, or end the one that has begun."""
        if not self._begun:  # replies keep the order of their requests
            self._route = refusal
            self._forget_body()
            return
        self._tell(refusal)
        self._drop_upstream()
        self._finish("cut", refusal.code)

    def _break(self, refusal: Refusal) -> None:
        """The upstream failed, or said what cannot be metered."""
        if self._state is _State.DRAINING:
            self._drop_upstream()
            self._finish(self._ending[0], self._ending[1] or refusal.code)
        elif self._state is not _State.DONE:
            self._refuse(refusal)

    def _tell(self, refusal: Refusal) -> None:
        refusal = self._plane.screen.discreet(refusal)
        self._plane.note(refusal)
        if self._state is _State.REPLYING:
            self._end_early(refusal)
            return
        metering = self._metering
        status = metering.status(refusal) if metering else refusal.status
        self._answer(status, metering.error(refusal) if metering else error_body(refusal), refusal)

    def _part(self, ending: str, code: str = "") -> None:
        """Part with the caller, and with the upstream unless it goes on billing."""
        if not self._drains():
            self._drop_upstream()
            self._finish(ending, code)
            return
        self._ending = (ending, code)
        self._state = _State.DRAINING
        self._forget_body()
        self._plane.draining.add(self)
        self._plane.loop.call_later(DRAIN_SECONDS, self._stop_draining)
        if self._upstream is not None:
            self._upstream.hold_reading(False)
        self._client.answered(self)

    def _end_early(self, refusal: Refusal) -> None:
        self._client.close_after = True
        if self.switches:
            self._client.write(closing(refusal.sentence))
        if self._metering is not None:
            self._pass(self._metering.cut(refusal))
            if self._chunked_reply():
                self._client.write(last_chunk([]))

    def _answer(self, status: int, body: bytes, refusal: Refusal | None = None) -> None:
        if not self.body_done:
            self._client.close_after = True
        self._client.write(
            own_reply(
                status,
                body,
                refusal,
                alive=self._alive,
                bodiless=self._head.method == "HEAD",
            )
        )
        if refusal is None:
            self._finish("complete")

    def _finish(self, ending: str, code: str = "") -> None:
        if self._state is _State.DONE:
            return
        drained = self._state is _State.DRAINING
        self._state = _State.DONE
        self._forget_body()
        if self._screening is not None:
            self._screening.leave()
        if self._counting is not None:
            self._counting.cancel()
        if self._metering is not None:
            self._metering.settle(ending, code)
        if drained:
            self._plane.draining.discard(self)
        else:
            self._client.answered(self)

    def _keep(self, size: int) -> bool:
        """Hold so much more; refuse the request where that is too much."""
        if self._kept.grow(size):
            return True
        self._refuse(refuse("egress.busy", f"{MAX_KEPT_BYTES} bytes of requests"))
        return False

    def _forget_body(self) -> None:
        self._kept.forget()
        self._body = bytearray()
        if self._metering is not None:
            self._metering.body = b""

    def abandon(self) -> None:
        """Stop reading for usage alone: what is known by now is settled."""
        self._stop_draining()

    def _stop_draining(self) -> None:
        if self._state is _State.DRAINING:
            self._drop_upstream()
            self._finish(*self._ending)

    def _drains(self) -> bool:
        """Whether the reply would be billed to its end, so that it is read to its end."""
        route, metering = self._route, self._metering
        if metering is None or self._upstream is None or not isinstance(route, Route):
            return False
        return not metering.streams or route.on_disconnect is OnDisconnect.DRAIN

    def _drop_upstream(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            if self._metering is not None:
                self._metering.left = True
            upstream.close()

    def _may_retry(self, upstream: Upstream | None, refusal: Refusal) -> bool:
        """Where the upstream surely never had it, since what it took it may have billed.

        What costs nothing and changes nothing may be asked twice.
        """
        safe = self._metering is None and self._head.method in _SAFE
        return (
            upstream is not None
            and (upstream.untaken or (safe and upstream.reused))
            and not self._retried
            and self._reply is None
            and refusal.code == "http.truncated"
            and self._state is _State.SENDING
            and (self._metering is not None or (self.body_done and not self._head.has_body))
        )
