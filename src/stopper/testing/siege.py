"""A plane between a caller and an upstream that both say whatever bytes a test wants."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from stopper.core.budget import Budget
from stopper.egress.plane import Event, Plane
from stopper.egress.screen import Screen
from stopper.stores.ledger import Ledger, UsageRow
from stopper.stores.memory import MemoryLedger
from stopper.testing.plane import loopback_plane
from stopper.testing.raw import RawClient, RawServer

__all__ = ["Siege", "besiege", "framed", "message", "settled", "until"]

PATIENCE_SECONDS: Final = 10.0


class Siege(Struct):
    """The two ends, what is between them, the reason codes that were noted, and their events."""

    plane: Plane
    ledger: Ledger
    server: RawServer
    port: int
    codes: list[str]
    events: list[Event]

    def client(self) -> RawClient:
        """A new connection of a caller."""
        return RawClient(self.port)

    def age(self, seconds: float) -> None:
        """Have every connection look at its clocks as if so much time had passed."""
        self.plane.check(self.plane.loop.time() + seconds)

    async def rows(self, count: int = 1) -> list[UsageRow]:
        """The usage rows, once there are so many and no hold is open."""
        await settled(self.ledger, count)
        return [row for _, row in self.ledger.rows()]

    def get(self, path: str = "/", headers: str = "") -> bytes:
        """A request to the upstream as a plain destination that a rule allows."""
        host = f"127.0.0.1:{self.server.port}"
        return f"GET http://{host}{path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n".encode()


@asynccontextmanager
async def besiege(
    *answers: bytes | None,
    ledger: Ledger | None = None,
    budgets: Sequence[Budget] = (),
    keys: dict[str, str] | None = None,
    providers: Sequence[str] = ("anthropic", "openai", "gemini", "ollama"),
    screen: Screen | None = None,
    hold_wait: timedelta = timedelta(seconds=5),
    counts_remotely: bool = False,
) -> AsyncIterator[Siege]:
    """Everything on loopback; the upstream is every provider, and allowed as a destination too.

    Raises AssertionError where a fault was left to the event loop.
    """
    ledger = ledger or MemoryLedger()
    codes: list[str] = []
    seen: list[Event] = []
    faults: list[str] = []

    def keep(_: asyncio.AbstractEventLoop, fault: dict[str, Any]) -> None:
        faults.append(f"{fault['message']}: {fault.get('exception')!r}")

    asyncio.get_running_loop().set_exception_handler(keep)

    def note(events: list[Event]) -> None:
        codes.extend(event.refusal.code for event in events)
        seen.extend(events)

    async with (
        RawServer(*answers) as server,
        loopback_plane(
            ledger,
            dict.fromkeys(providers, server.url),
            budgets=budgets,
            keys=keys,
            allow=[f"http://127.0.0.1:{server.port}"],
            websockets=[f"http://127.0.0.1:{server.port}/ws"],
            hold_wait=hold_wait,
            counts_remotely=counts_remotely,
            screen=screen,
            on_events=note,
        ) as (plane, url),
    ):
        yield Siege(plane, ledger, server, int(url.rpartition(":")[2]), codes, seen)
    if faults:
        raise AssertionError(faults)


async def settled(ledger: Ledger, count: int) -> None:
    """Wait until `count` rows are written and no hold is open."""
    await until(lambda: len(ledger.rows()) >= count and not ledger.open_holds())


async def until(happened: Callable[[], object]) -> None:
    """Let the loop go round until something has happened that nobody tells of."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not happened():  # noqa: ASYNC110  see above
            await asyncio.sleep(0.001)


def message(*, stream: bool = False, most: int = 100, text: str = "hi", headers: str = "") -> bytes:
    """A metered request: an Anthropic message."""
    body = msgspec.json.encode(
        {
            "model": "mock",
            "max_tokens": most,
            "stream": stream,
            "messages": [{"role": "user", "content": text}],
        }
    )
    head = f"POST /anthropic/v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}"
    return head.encode() + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def framed(body: bytes, headers: bytes = b"content-type: application/json\r\n") -> bytes:
    """A reply of 200 with a length."""
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (headers, len(body), body)
