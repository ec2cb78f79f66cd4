"""The egress of one bottle: accepts on its listener, and holds what all its connections share."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.egress.approvals import Approvals
from stopper.egress.client import Client
from stopper.egress.costing import Costing
from stopper.egress.dial import Dialer
from stopper.egress.gate import Gate
from stopper.egress.kept import Kept
from stopper.egress.message import Head
from stopper.egress.prepared import Prepared
from stopper.egress.route import Local, Route, Table, Tunnel, route
from stopper.egress.screen import Screen
from stopper.egress.tls import Authority
from stopper.egress.upstream import Pool
from stopper.stores.ledger import Ledger

if TYPE_CHECKING:
    from stopper.egress.exchange import Exchange

__all__ = ["Event", "Plane"]

MAX_CLIENTS: Final = 2048
MAX_ROUTES: Final = 1024
MAX_ROUTE_BYTES: Final = 256
CHECK_SECONDS: Final = 1.0
CLOSE_SECONDS: Final = 1.0
_EXHAUSTED: Final = frozenset({"budget.exhausted", "budget.overrun"})
MAX_EVENTS: Final = 64
"""Refusals told apart within a second; further ones are counted by their codes alone."""


class Event(Struct):
    """A decision as the audit keeps it; equal ones within a second are one with a count.

    `act` is `refuse`, or what else was done: `redact`, `warn`, `hold`, `approve`.
    """

    refusal: Refusal
    act: str = "refuse"
    count: int = 1


class Plane:
    """Start with `serve(listener)`, stop with `cut` (protocol-correct endings) and `close`.

    `counts_remotely` has providers count a request's input before it is held, where they can.
    `on_events` is called about once a second with the refusals since the last call; `on_exhausted`
    in the turn after a request was refused, or a reply cut, because a budget is used up;
    `on_preparing` when a stream waits for what takes seconds and is done once.
    """

    def __init__(
        self,
        run: str,
        ledger: Ledger,
        table: Table,
        costing: Costing,
        *,
        dialer: Dialer,
        authority: Authority,
        screen: Screen,
        lifetime: timedelta,
        hold_wait: timedelta = timedelta(seconds=30),
        counts_remotely: bool = False,
        on_events: Callable[[list[Event]], None] = lambda _: None,
        on_exhausted: Callable[[Refusal], None] = lambda _: None,
        on_preparing: Callable[[], None] = lambda: None,
    ) -> None:
        self.run = run
        self.table = table
        self.costing = costing
        self.authority = authority
        self.screen = screen
        self.approvals = Approvals()
        self.counts_remotely = counts_remotely
        self.loop = asyncio.get_running_loop()
        self.gate = Gate(ledger, lifetime=lifetime, hold_wait=hold_wait)
        self.pool = Pool(dialer)
        self.revoked: Refusal | None = None
        self.draining: set[Exchange] = set()
        self.kept = Kept()
        self.following = Prepared(screen.prepare, on_preparing, is_done=screen.is_prepared)
        self.looking = ThreadPoolExecutor(1, "stopper-screen")
        self._clients: set[Client] = set()
        self._empty = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._events: dict[Refusal, Event] = {}
        self._on_events = on_events
        self._on_exhausted = on_exhausted
        self._routes: dict[tuple[str, bytes, bytes], Route | Local | Refusal] = {}
        self._check: asyncio.TimerHandle = self.loop.call_later(CHECK_SECONDS, self._checked)

    async def serve(self, listener: socket.socket) -> None:
        """Accept connections on a listening socket; who it belongs to is who they are."""
        self._servers.append(await self.loop.create_server(lambda: Client(self), sock=listener))

    def cut(self, refusal: Refusal) -> None:
        """Refuse everything from now on, and end what is under way in its own protocol.

        The listener stays, so that an agent that tries again reads why instead of a network fault.
        """
        self.revoked = self.revoked or refusal
        for client in [*self._clients]:
            client.cut(refusal)

    async def close(self) -> None:
        """Cut what is left, write what is queued, and give up all connections."""
        for server in self._servers:
            server.close()
        self.cut(refuse("bottle.ended"))
        if self._clients:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), CLOSE_SECONDS)
        self._check.cancel()
        for exchange in [*self.draining]:
            exchange.abandon()
        for client in [*self._clients]:
            client.abort()
        for task in self._tasks:
            task.cancel()
        self.approvals.close()
        self.looking.shutdown(wait=False, cancel_futures=True)
        self.pool.close()
        self.gate.close()
        self._tell()

    # what connections ask for

    def joined(self, client: Client) -> None:
        """A connection was made; beyond the bound, or after a cut, it is closed at once."""
        self._clients.add(client)
        self._empty.clear()
        if len(self._clients) > MAX_CLIENTS:
            self.note(refuse("egress.busy", f"{MAX_CLIENTS} connections"))
            client.abort()

    def left(self, client: Client) -> None:
        """A connection is gone, or has become another."""
        self._clients.discard(client)
        if not self._clients:
            self._empty.set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the background until it ends or the plane closes."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def route(self, head: Head, tunnel: Tunnel | None) -> Route | Local | Refusal:
        """Decide where a request goes; plain repeats of a request are decided once."""
        size = len(head.target) + len(head.host)
        if tunnel is not None or head.upgrade or size > MAX_ROUTE_BYTES:
            return route(head, tunnel, self.table)
        key = (head.method, head.target, head.host)
        found = self._routes.get(key)
        if found is None:
            if len(self._routes) >= MAX_ROUTES:
                self._routes.clear()
            found = self._routes[key] = route(head, None, self.table)
        return found

    def note(self, refusal: Refusal, act: str = "refuse") -> None:
        """Remember a decision for the audit; an empty budget sets off its policy."""
        if refusal.code in _EXHAUSTED:
            self.loop.call_soon(self._on_exhausted, refusal)
        if refusal not in self._events and len(self._events) >= MAX_EVENTS:
            refusal = Refusal(refusal.code)
        event = self._events.get(refusal)
        if event is None:
            self._events[refusal] = Event(refusal, act)
        else:
            event.count += 1

    def check(self, now: float) -> None:
        """End what has been waited for too long, and tell of refusals; done every second or so."""
        for client in [*self._clients]:
            client.check(now)
        self._tell()

    def _checked(self) -> None:
        self._check = self.loop.call_later(CHECK_SECONDS, self._checked)
        self.check(self.loop.time())

    def _tell(self) -> None:
        if self._events:
            events, self._events = [*self._events.values()], {}
            self._on_events(events)
