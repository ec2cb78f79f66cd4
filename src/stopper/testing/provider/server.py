"""The mock provider as a server inside this event loop."""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from stopper.testing.provider.connection import Connection
from stopper.testing.provider.office import Office
from stopper.testing.provider.script import Script
from stopper.testing.provider.seen import Seen
from stopper.testing.provider.tally import Books, Tally

__all__ = ["UPGRADE_REQUIRED", "Provider"]

_BACKLOG = 4096

UPGRADE_REQUIRED = 426
"""What makes Codex go on without WebSockets at once; most others cost it seven attempts."""


class Provider:
    """A model provider that does what it is told.

    `async with Provider() as p:` serves on `p.url` until the block ends. `models` gives names a
    script each, besides those of `NAMED`. `tally_path` gets a JSON line for each reply as it ends.
    A WebSocket upgrade is answered with `websocket_status`, where 0 just closes the connection.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        tally_path: Path | None = None,
        models: Mapping[str, Script] | None = None,
        websocket_status: int = UPGRADE_REQUIRED,
    ) -> None:
        self.host = host
        self.port = port
        self._tls = tls
        self._websocket_status = websocket_status
        self._office = Office(Books(tally_path), models or {})
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._office, self._connections, self._websocket_status),
            self.host,
            self.port,
            ssl=self._tls,
            backlog=_BACKLOG,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection; replies that were open are billed so far."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        await self._office.books.settled()
        await self._server.wait_closed()
        self._office.books.end()
        self._server = None

    def say(self, *scripts: Script, model: str | None = None) -> None:
        """Answer the next requests, or those for `model` alone, with these scripts in turn.

        A script inside the prompt comes before these, and these before what a model's name means.
        """
        self._office.say(*scripts, model=model)

    def tally(self) -> Tally:
        """What was generated and billed so far."""
        return self._office.books.tally()

    async def settled(self) -> Tally:
        """The same, once no reply is open any more."""
        await self._office.books.settled()
        return self.tally()

    def requests(self) -> list[Seen]:
        """The last thousand requests, oldest first."""
        return self._office.log.last()

    def reset(self) -> None:
        """Forget waiting scripts, sums and requests."""
        self._office.reset()
