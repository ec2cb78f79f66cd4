"""A request on its way out: looked through, priced where it costs, and sent."""

from typing import TYPE_CHECKING, Final, Protocol

from stopper.core.reason import Refusal, refuse
from stopper.egress.compose import request_head
from stopper.egress.counting import Counting
from stopper.egress.faults import closed_on_fault
from stopper.egress.kept import MAX_KEPT_BYTES, Share
from stopper.egress.message import (
    MAX_BODY_BYTES,
    Head,
    Headers,
    chunk,
    last_chunk,
    trailing,
)
from stopper.egress.metering import Metering
from stopper.egress.outflow import Outflow
from stopper.egress.outgoing import is_signed, outgoing
from stopper.egress.relay import Relay
from stopper.egress.route import Route
from stopper.egress.screening import Screening, is_looked_at_whole

if TYPE_CHECKING:
    from stopper.egress.client import Client

__all__ = ["Request", "Sender"]

MAX_AHEAD_BYTES: Final = 64 * 1024
VALUE_BYTES: Final = 64
"""What a value in JSON takes once it is decoded, for as little as two bytes."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Sender(Protocol):
    """Whose request it is, and who has the connection that it leaves on."""

    @property
    def done(self) -> bool:
        """Whether nothing may leave any more."""

    def dispatch(self) -> None:
        """The request may leave: `Request.leave` is to be called once there is a connection."""

    def refuse(self, refusal: Refusal) -> None:
        """The request, or the rest of it, stays here."""

    def send(self, data: bytes) -> None:
        """Bytes for the upstream."""

    def fail(self, error: Exception) -> None:
        """A step of the request had a fault."""


class Request:
    """From the turn that its connection has for it (`begin`) to the last byte of its body.

    A body is either kept until it is whole, so that all of it is judged before any of it leaves, or
    followed as it streams. What is metered is always kept: it is priced and a hold is set aside for
    it, and what leaves is what the meter has written.
    """

    def __init__(
        self,
        client: "Client",
        head: Head,
        route: Route,
        metering: Metering | None,
        sender: Sender,
    ) -> None:
        self.keeps_body = metering is not None or is_looked_at_whole(head)
        self.screening = Screening(client.plane, head, route)
        self._client = client
        self._plane = client.plane
        self._head = head
        self._route = route
        self._metering = metering
        self._sender = sender
        self._body = bytearray()
        self._kept = Share(client.plane.kept)
        self._trailers: Headers | None = None if head.has_body else []
        self._cleared = False
        self._counting: Counting | None = None
        self._outflow: Outflow | None = None
        self._ahead = 0
        self._asking = False
        self._behind = False

    @property
    def streams(self) -> bool:
        """Whether its body is followed while it leaves."""
        return self._head.has_body and not self.keeps_body

    # what the caller sends

    def begin(self) -> None:
        """All earlier requests on the connection are answered: it is this one's turn."""
        self.screening.head(self._clear, streams=self.streams)

    @closed_on_fault
    def _clear(self, refusal: Refusal | None) -> None:
        """The head may leave; the body is waited for where it is kept."""
        if self._sender.done:
            return
        if refusal is not None:
            self._sender.refuse(refusal)
            return
        self._cleared = True
        if self._head.expects and self._trailers is None:
            self._client.write(_CONTINUE)
        if not self.keeps_body:
            self._sender.dispatch()
        elif self._trailers is not None:
            self._screen()

    def take(self, data: bytes) -> None:
        """Bytes of the body."""
        if self._outflow is not None:
            self._ahead += len(data)
            self._outflow.feed(data)
            self._regulate()
            return
        self._body += data
        if not self.keeps_body:
            self._client.hold_reading(True)
        elif len(self._body) > MAX_BODY_BYTES:
            self._sender.refuse(refuse("http.too_large", f"{MAX_BODY_BYTES} bytes"))
        else:
            self._keep(len(data))

    def end(self, trailers: Headers) -> None:
        """The request is whole."""
        self._trailers = trailers
        if self._outflow is not None:
            self._outflow.end(self._end_stream)
        elif self.keeps_body and self._cleared:
            self._screen()

    # a body that is kept

    def _screen(self) -> None:
        self.screening.body(bytes(self._body), self._screened)

    @closed_on_fault
    def _screened(self, body: bytes | Refusal) -> None:
        if self._sender.done:
            return
        if isinstance(body, Refusal):
            self._sender.refuse(body)
        elif self._metering is not None:
            self._price(self._metering, body)
        else:
            self._body = bytearray(body)
            self._head.chunked = False
            self._head.length = len(body) if self._head.has_body else None
            self._sender.dispatch()

    def _price(self, metering: Metering, body: bytes) -> None:
        self._body = bytearray()
        values = len(body) - len(body.translate(None, b",[{"))
        if not self._keep(values * VALUE_BYTES):
            return
        if is_signed(self._head):
            self._sender.refuse(refuse("credential.signed_body", str(self._route.target)))
        elif refusal := metering.read(self._route.below, body):
            self._sender.refuse(refusal)
        elif not self._count(metering):
            metering.hold(self._priced)

    def _count(self, metering: Metering) -> bool:
        """Let the provider count the input first, where that is wished and it can."""
        route = self._route
        call = metering.count_call(route.below) if self._plane.counts_remotely else None
        sent = outgoing(self._head, route) if call else None
        if call is None or sent is None or isinstance(sent, Refusal):
            return False
        path = route.path.removesuffix(route.below.encode("latin-1")) + call.path.encode("latin-1")
        head = request_head(self._head, path, route.authority, sent[1], len(call.body))
        self._counting = Counting(self._plane.pool, self._counted)
        self._counting.ask(route.target, head + call.body)
        return True

    @closed_on_fault
    def _counted(self, tokens: int | None) -> None:
        if self._metering is None or self._sender.done:
            return
        if tokens is not None:
            self._metering.counted(tokens)
        self._metering.hold(self._priced)

    @closed_on_fault
    def _priced(self, refusal: Refusal | None) -> None:
        metering = self._metering
        assert metering is not None  # noqa: S101  only what is metered has a price
        if self._sender.done:
            metering.settle("disconnected")
        elif refusal := refusal or metering.limit():
            self._sender.refuse(refusal)
        else:
            self._sender.dispatch()

    def _keep(self, size: int) -> bool:
        """Hold so much more; refuse the request where that is too much."""
        if self._kept.grow(size):
            return True
        self._sender.refuse(refuse("egress.busy", f"{MAX_KEPT_BYTES} bytes of requests"))
        return False

    # on the wire

    def head(self) -> bytes | Refusal:
        """Its head for the upstream, with the key where a placeholder stood."""
        sent = outgoing(self._head, self._route)
        if isinstance(sent, Refusal):
            return sent
        path, headers = sent
        length = None if self._metering is None else len(self._metering.body)
        return request_head(self._head, path, self._route.authority, headers, length)

    def leave(self, head: bytes) -> None:
        """There is a connection to the upstream, on which all goes that may go by now."""
        if self._metering is not None:
            self._metering.sent = True
            self._sender.send(head + self._metering.body)
            return
        body, self._body = bytes(self._body), bytearray()
        self._client.hold_reading(False)  # before sending, which may block again
        if not self.streams:
            self._sender.send(head + body)
            return
        self._sender.send(head)
        self._outflow = Outflow(self.screening, self)
        self._outflow.feed(body)
        if self._trailers is not None:
            self._outflow.end(self._end_stream)

    def relay(self) -> None:
        """The upstream has switched protocols: from now on the caller's frames pass, one by one."""
        self._client.relay(Relay(self.screening, self).feed)

    @closed_on_fault
    def write_out(self, data: bytes) -> None:
        """What was looked through leaves."""
        self._sender.send(chunk(data) if self._head.chunked else data)

    @closed_on_fault
    def refuse_out(self, refusal: Refusal) -> None:
        """The rest of the body stays here."""
        if not self._sender.done:
            self._sender.refuse(refusal)

    @closed_on_fault
    def _end_stream(self) -> None:
        self.screening.trailers(self._trailers or [], self._end_trailers)

    @closed_on_fault
    def _end_trailers(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            self.refuse_out(refusal)
        elif self._head.chunked:
            self._sender.send(last_chunk(trailing(self._trailers or [])))

    # its pace

    def pause_out(self, pause: bool) -> None:
        """A person is asked about the body, or has answered."""
        self._asking = pause
        self._ahead = 0
        self._regulate()

    def wait_for_upstream(self, wait: bool) -> None:
        """The upstream reads too slowly to be sent more, or reads again."""
        self._behind = wait
        self._regulate()

    def _regulate(self) -> None:
        """Read ahead of a question only so far, because who is not read is not heard leaving."""
        asking = self._asking and (self._route.upgrade or self._ahead > MAX_AHEAD_BYTES)
        self._client.hold_reading(self._behind or asking)

    # its end

    def forget(self) -> None:
        """Keep nothing of its body any more."""
        self._kept.forget()
        self._body = bytearray()
        if self._metering is not None:
            self._metering.body = b""

    def close(self) -> None:
        """It is over, whatever it waits for."""
        self.forget()
        self.screening.leave()
        if self._counting is not None:
            self._counting.cancel()

    def fail(self, error: Exception) -> None:
        """See `closed_on_fault`."""
        self._sender.fail(error)
