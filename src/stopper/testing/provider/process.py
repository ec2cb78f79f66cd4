"""The mock provider as a process of its own, and its command line."""

import argparse
import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import uvloop

from stopper.testing.provider.script import NAMED, Script
from stopper.testing.provider.seen import Seen
from stopper.testing.provider.server import UPGRADE_REQUIRED, Provider
from stopper.testing.provider.tally import Tally

__all__ = ["Remote", "main", "provider_process"]

_TIMEOUT_S = 30
_STOP_S = 5


class Remote:
    """A mock provider in another process; the methods are those of `Provider`."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self.port = urlsplit(url).port or 0

    def say(self, *scripts: Script, model: str | None = None) -> None:
        """Answer the next requests, or those for `model` alone, with these scripts in turn."""
        query = "" if model is None else f"?model={quote(model)}"
        self._ask("POST", f"/_mock/script{query}", msgspec.json.encode(scripts))

    def tally(self) -> Tally:
        """What was generated and billed so far."""
        return msgspec.convert(self._ask("GET", "/_mock/tally"), Tally)

    def settled(self) -> Tally:
        """The same, once no reply is open any more."""
        return msgspec.convert(self._ask("GET", "/_mock/tally?settled=1"), Tally)

    def requests(self) -> list[Seen]:
        """The last thousand requests, oldest first."""
        return msgspec.convert(self._ask("GET", "/_mock/requests"), list[Seen])

    def reset(self) -> None:
        """Forget waiting scripts, sums and requests."""
        self._ask("POST", "/_mock/reset")

    def _ask(self, method: str, path: str, body: bytes = b"") -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body)
            reply = connection.getresponse()
            value = msgspec.json.decode(reply.read())
        finally:
            connection.close()
        if reply.status != 200:  # noqa: PLR2004  all is well
            raise ValueError(value["error"])
        return value


@contextmanager
def provider_process(*, tally_path: Path | None = None) -> Iterator[Remote]:
    """Run a mock provider in a process of its own until the block ends."""
    command = [sys.executable, "-m", "stopper.testing.provider", "--port", "0"]
    if tally_path is not None:
        command += ["--tally", str(tally_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = next(iter(process.stdout or ()), "").strip()
            if not url:
                raise RuntimeError("the mock provider did not start; it said why on stderr")
            yield Remote(url, process.pid)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_S)
            process.kill()


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM; the first line of output is the URL."""
    arguments = _parser().parse_args(argv)
    tls = None
    if arguments.tls_cert is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.tls_cert, arguments.tls_key)
    provider = Provider(
        host=arguments.host,
        port=arguments.port,
        tls=tls,
        tally_path=arguments.tally,
        websocket_status=arguments.websocket_status,
    )
    uvloop.run(_serve(provider))
    return 0


async def _serve(provider: Provider) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal in (SIGINT, SIGTERM):
        loop.add_signal_handler(signal, stop.set)
    async with provider:
        print(provider.url, flush=True)  # noqa: T201  whoever started it reads this line
        await stop.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mock-provider",
        description="A model provider that does what it is told, for tests and demos.",
        epilog="Models with a script of their own: " + ", ".join(NAMED) + ". Any prompt may hold"
        ' one: [[mock: tokens=400 delay_ms=20]] or [[mock: tool=bash:{"command": "ls"} then'
        ' text="Done."]]. GET /_mock/tally tells what was billed.',
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--tally", type=Path, metavar="FILE", help="append each reply's bill here")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve TLS with this chain")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, if not in the chain")
    parser.add_argument(
        "--websocket-status",
        type=int,
        default=UPGRADE_REQUIRED,
        metavar="STATUS",
        help="answer WebSocket upgrades with this; 0 closes the connection",
    )
    return parser
