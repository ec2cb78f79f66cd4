"""One request and its reply: what becomes of them, whoever ends them, from either side or above."""

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from stopper.core.provider import OnDisconnect
from stopper.core.reason import Refusal, refuse
from stopper.egress.faults import closed_on_fault, fault
from stopper.egress.message import Head, Headers, ReplyHead
from stopper.egress.metering import Metering
from stopper.egress.reply import Reply
from stopper.egress.request import Request
from stopper.egress.route import Local, Route
from stopper.egress.upstream import Upstream
from stopper.errors import MeterError

if TYPE_CHECKING:
    from stopper.egress.client import Client

__all__ = ["Exchange"]

DRAIN_SECONDS: Final = 300.0

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class _State(Enum):
    WAITING = auto()  # behind another request of its connection, or its own body
    SENT = auto()  # on its way to the upstream, or further
    DRAINING = auto()  # the caller has its ending; the rest is read for its usage alone
    DONE = auto()


_OVER: Final = (_State.DONE, _State.DRAINING)


class Exchange:
    """A request from the moment its head is read until its reply is through.

    Events come in from two sides (`take_body`, `end_body`, `lost`; `on_...` from the upstream),
    and `cut` from above. What leaves is decided by its `Request`, what comes back by its `Reply`;
    here is who has the upstream's connection, and how it ends. Whatever happens, `_finish` is
    reached once, and a hold is settled once. `last` tells that the caller's connection ends here.
    """

    def __init__(
        self, client: "Client", head: Head, route: Route | Local | Refusal, *, last: bool
    ) -> None:
        self.body_done = not head.has_body
        self.last = last
        self._client = client
        self._plane = client.plane
        self._head = head
        self._route = route
        self._state = _State.WAITING
        self._begun = False
        self._retried = False
        self._answered = False
        self._ending = ("disconnected", "")
        self._upstream: Upstream | None = None
        self._metering: Metering | None = None
        self._request: Request | None = None
        if not isinstance(route, Route):
            self._reply = Reply(client, head, last=last)
            return
        if route.wire is not None and route.provider is not None:
            self._metering = Metering(
                client.plane, route.provider, route.wire, self.cut, self._hold_growing
            )
        self._request = Request(client, head, route, self._metering, self)
        self._reply = Reply(
            client,
            head,
            last=last,
            secret=route.secret,
            metering=self._metering,
            screening=self._request.screening,
        )

    @property
    def done(self) -> bool:
        """Whether nothing more will be written for this request."""
        return self._state in _OVER

    @property
    def keeps_body(self) -> bool:
        """Whether its body is held back until it is whole."""
        return self._request is not None and self._request.keeps_body

    @property
    def switches(self) -> bool:
        """Whether the caller waits for another protocol on this connection."""
        return isinstance(self._route, Route) and self._route.upgrade

    # the caller's side

    @closed_on_fault
    def begin(self) -> None:
        """All earlier requests on the connection are answered: it is this one's turn."""
        self._begun = True
        if refusal := self._plane.revoked:
            self.refuse(refusal)
        elif isinstance(self._route, Refusal):
            self.refuse(self._route)
        elif isinstance(self._route, Local):
            self._close_unread()
            self._reply.answer(self._route.status, self._route.body)
            self._finish("complete")
        elif self._request is not None:
            self._request.begin()

    @closed_on_fault
    def take_body(self, data: bytes) -> None:
        """Bytes of the request's body."""
        if self._request is not None and not self._is_over:
            self._request.take(data)

    @closed_on_fault
    def end_body(self, trailers: Headers) -> None:
        """The request is whole."""
        self.body_done = True
        if self._request is not None and not self._is_over:
            self._request.end(trailers)

    @closed_on_fault
    def lost(self) -> None:
        """The caller is gone, perhaps because the last event told it that the reply is whole."""
        if not self.done:
            is_whole = self._metering is not None and self._metering.is_final
            self._part("complete" if is_whole else "disconnected")

    def hold_reading(self, hold: bool) -> None:
        """The caller reads more slowly than the upstream writes, or has caught up."""
        if self._upstream is not None:
            self._upstream.hold_reading(hold)

    # what becomes of the request

    def dispatch(self) -> None:
        """The request may leave: it gets a connection, kept alive or new."""
        route = self._route
        assert isinstance(route, Route)  # noqa: S101  refused and local ones never come here
        self._state = _State.SENT
        self._client.expect_reply()
        upstream = None if self._retried else self._plane.pool.take(route.target)
        if upstream is not None:
            self._leave(upstream)
        else:
            self._plane.pool.open(route.target, self._opened)

    @closed_on_fault
    def _opened(self, upstream: Upstream | Refusal) -> None:
        if isinstance(upstream, Refusal):
            if not self.done:
                self.refuse(upstream)
        elif self._state is _State.SENT:
            self._leave(upstream)
        else:
            self._plane.pool.put(upstream)

    def _leave(self, upstream: Upstream) -> None:
        request = self._request
        assert request is not None  # noqa: S101  refused and local ones never come here
        head = request.head()
        if isinstance(head, Refusal):
            self._plane.pool.put(upstream)
            self.refuse(head)
            return
        self._upstream = upstream
        upstream.attach(self, self._head.method)
        upstream.hold_reading(self._client.blocked)
        request.leave(head)

    def send(self, data: bytes) -> None:
        """Bytes for the upstream, as long as there is one."""
        if self._upstream is not None:
            self._upstream.write(data)

    def refuse(self, refusal: Refusal) -> None:
        """Refuse with a reply of our own, or end the one that has begun."""
        if not self._begun:  # replies keep the order of their requests
            self._route = refusal
            self._forget_body()
            return
        self._tell(refusal)
        self._drop_upstream()
        self._finish("cut", refusal.code)

    # the upstream's side

    @closed_on_fault
    def on_reply_head(self, head: ReplyHead) -> None:
        """The upstream answers."""
        self._answered = True
        if self.switches:  # it stays with HTTP; the caller's parser does not
            self._client.close_after = True
        if self._metering is not None:
            self._forget_body()
        try:
            self._reply.begin(head)
        except MeterError as error:
            self._break(refuse("meter.unreadable_reply", str(error)))

    @closed_on_fault
    def on_reply_data(self, data: bytes) -> None:
        """Bytes of the reply's body."""
        self._client.expect_reply()
        try:
            data = self._reply.read(data)
        except MeterError as error:
            self._break(refuse("meter.unreadable_reply", str(error)))
            return
        if not self.done and (refusal := self._reply.give(data)):
            self.refuse(refusal)

    @closed_on_fault
    def on_reply_end(self, trailers: Headers) -> None:
        """The reply is whole, and the connection no longer ours."""
        if not self.body_done and self._upstream is not None:  # nothing may follow on either side
            self._upstream.close()
        self._close_unread()
        self._upstream = None
        try:
            rest = self._reply.rest()
        except MeterError as error:
            self._break(refuse("meter.unreadable_reply", str(error)))
            return
        if self.done:
            self._finish(*self._ending)
        elif refusal := self._reply.end(rest, trailers):
            self.refuse(refusal)
        else:
            self._finish("complete")

    @closed_on_fault
    def on_reply_lost(self, refusal: Refusal) -> None:
        """The upstream is gone before its reply was whole."""
        upstream, self._upstream = self._upstream, None
        if self._may_retry(upstream, refusal):
            self._retried = True
            if self._metering is not None:
                self._metering.sent = False
            self.dispatch()
            return
        self._break(refusal)

    @closed_on_fault
    def on_reply_upgrade(self, head: ReplyHead, data: bytes) -> None:
        """The upstream speaks another protocol from now on."""
        if not self.switches or self._request is None:
            self._break(refuse("http.upstream", "a switch of protocols that was not asked for"))
            return
        self._answered = True
        self._reply.switch(head, data)
        self._request.relay()

    def on_reply_raw(self, data: bytes) -> None:
        """Bytes of that protocol."""
        self._client.expect_reply()
        self._client.write(data)

    def on_upstream_blocked(self, blocked: bool) -> None:
        """The upstream reads too slowly, or reads again."""
        if self._request is not None and self._state is not _State.DRAINING:
            self._request.wait_for_upstream(blocked)

    def _hold_growing(self, growing: bool) -> None:
        """Leave a reply that outgrew its hold with the upstream until more is held for it.

        An upstream that keeps to no limit can write megabytes within one turn of the loop.
        """
        if self._upstream is not None and self._state is not _State.DRAINING:
            self._upstream.hold_reading(growing or self._client.blocked)

    def _may_retry(self, upstream: Upstream | None, refusal: Refusal) -> bool:
        """Where the upstream surely never had it, since what it took it may have billed.

        What costs nothing and changes nothing may be asked twice.
        """
        safe = self._metering is None and self._head.method in _SAFE
        return (
            upstream is not None
            and (upstream.untaken or (safe and upstream.reused))
            and not (self._retried or self._answered)
            and refusal.code == "http.truncated"
            and self._state is _State.SENT
            and (self._metering is not None or (self.body_done and not self._head.has_body))
        )

    # endings

    @closed_on_fault
    def cut(self, refusal: Refusal) -> None:
        """End now, with an ending that the caller's protocol knows."""
        if not self.done:
            self._begun = True
            self._tell(refusal)
            self._part("cut", refusal.code)

    def fail(self, error: Exception) -> None:
        """Refuse for a fault of our own."""
        refusal = fault(error)
        try:
            self._break(refusal)
        except Exception:  # noqa: BLE001  the ending itself is at fault: there will be none
            self._client.close_after = True
            self._drop_upstream()
            self._finish("cut", refusal.code)

    def abandon(self) -> None:
        """Stop reading for usage alone: what is known by now is settled."""
        if self._state is _State.DRAINING:
            self._drop_upstream()
            self._finish(*self._ending)

    def _break(self, refusal: Refusal) -> None:
        """The upstream failed, or said what cannot be metered."""
        if self._state is _State.DRAINING:
            self._drop_upstream()
            self._finish(self._ending[0], self._ending[1] or refusal.code)
        elif self._state is not _State.DONE:
            self.refuse(refusal)

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
        self._plane.loop.call_later(DRAIN_SECONDS, self.abandon)
        self.hold_reading(False)
        self._client.answered(self)

    def _drains(self) -> bool:
        """Whether the reply would be billed to its end, so that it is read to its end."""
        route, metering = self._route, self._metering
        if metering is None or self._upstream is None or not isinstance(route, Route):
            return False
        return not metering.streams or route.on_disconnect is OnDisconnect.DRAIN

    def _tell(self, refusal: Refusal) -> None:
        refusal = self._plane.screen.discreet(refusal)
        self._plane.note(refusal)
        self._close_unread()
        self._reply.refuse(refusal)

    def _finish(self, ending: str, code: str = "") -> None:
        if self._state is _State.DONE:
            return
        drained = self._state is _State.DRAINING
        self._state = _State.DONE
        if self._request is not None:
            self._request.close()
        if self._metering is not None:
            self._metering.settle(ending, code)
        if drained:
            self._plane.draining.discard(self)
        else:
            self._client.answered(self)

    @property
    def _is_over(self) -> bool:
        """Whether it was refused, be it that its caller is yet to hear of it."""
        return self.done or not isinstance(self._route, Route)

    def _close_unread(self) -> None:
        """Answered before all of it was read: nothing may follow on this connection."""
        if not self.body_done:
            self._client.close_after = True

    def _forget_body(self) -> None:
        if self._request is not None:
            self._request.forget()

    def _drop_upstream(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            if self._metering is not None:
                self._metering.left = True
            upstream.close()
