"""Inside a TLS tunnel a secret gets out as little as outside of it, wherever it stands."""

import asyncio
import json
import random
import ssl
import string
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest
import uvloop
from msgspec import Struct

from stopper.detect.inspection import packaged_detector
from stopper.detect.known import KnownValues
from stopper.egress.dial import Dialer
from stopper.egress.plane import Event, Plane
from stopper.egress.screen import Screen
from stopper.egress.tls import Authority
from stopper.egress.websocket import Message, Messages, framed
from stopper.stores.memory import MemoryLedger
from stopper.testing.plane import loopback_plane
from stopper.testing.siege import until

KEY = b"a key of the tests"
RANDOM = random.Random(11)  # noqa: S311  made of an alphabet, and the same in every run
LETTERS = string.ascii_letters + string.digits
OWN = "".join(RANDOM.choices(LETTERS, k=32))
TOKEN = "gh" + "p_" + "".join(RANDOM.choices(LETTERS, k=36))
SWITCH = b"HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class World(Struct):
    """A plane, and a server behind TLS that keeps what it receives."""

    plane: Plane
    port: int
    server_port: int
    received: bytearray
    codes: list[str]

    @asynccontextmanager
    async def tunnel(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """CONNECT to the server, and shake hands with the bottle's own CA."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            host = b"127.0.0.1:%d" % self.server_port
            writer.write(b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n\r\n" % (host, host))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await writer.start_tls(
                ssl.create_default_context(cadata=self.plane.authority.pem.decode()),
                server_hostname="127.0.0.1",
            )
            yield reader, writer
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Everything, on loopback; the server answers a request once it is whole."""
    received, codes = bytearray(), list[str]()
    trusted = Authority()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = len(received)
        while data := await reader.read(4096):
            received.extend(data)
            head, end, body = bytes(received[begun:]).partition(b"\r\n\r\n")
            if end and b"upgrade: websocket" in head:
                writer.write(SWITCH)
            elif end and (b"chunked" not in head or body.endswith(b"\r\n\r\n")):
                writer.write(OK)
            else:
                continue
            begun = len(received) + 10**9 * (b"upgrade" in head)
        writer.close()

    def note(events: list[Event]) -> None:
        codes.extend(event.refusal.code for event in events)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=trusted.context("127.0.0.1"))
    port: int = server.sockets[0].getsockname()[1]
    rule = f"https://127.0.0.1:{port}"
    known = KnownValues({"DEPLOY_TOKEN": OWN}, KEY)
    screen = Screen(packaged_detector(KEY), known, now=lambda: datetime.now(UTC))
    async with (
        server,
        loopback_plane(
            MemoryLedger(), {}, allow=[rule], websockets=[rule], screen=screen, on_events=note
        ) as (plane, url),
    ):
        plane.pool._dialer.close()
        dialer = Dialer(tls=ssl.create_default_context(cadata=trusted.pem.decode()))
        plane.pool._dialer = dialer
        try:
            yield World(plane, int(url.rpartition(":")[2]), port, received, codes)
        finally:
            dialer.close()


def sent(path: str = "/", headers: str = "", body: bytes | None = None) -> bytes:
    """A request as it is inside of a tunnel; PORT is put in later."""
    framing = "" if body is None or "chunked" in headers else f"content-length: {len(body)}\r\n"
    method = "GET" if body is None else "POST"
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n{framing}{headers}\r\n"
    return head.encode() + (body or b"")


CHUNKED = "transfer-encoding: chunked\r\n"


def chunks(body: bytes, size: int = 7, trailer: str = "") -> bytes:
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    whole = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return whole + f"0\r\n{trailer}\r\n".encode()


def b64(text: str) -> str:
    return b64encode(f"it is {text}!".encode()).decode()


def halves(text: str) -> bytes:
    middle = len(text) // 2 - 1
    return json.dumps({"a": text[:middle], "b": text[middle:]}).encode()


PLACES: dict[str, Callable[[str], bytes]] = {
    "the path": lambda text: sent(f"/x/{text}"),
    "the query": lambda text: sent(f"/?q={text}"),
    "the query, in base64": lambda text: sent(f"/?q={b64(text)}"),
    "a header": lambda text: sent(headers=f"x-note: {text}\r\n"),
    "a cookie": lambda text: sent(headers=f"cookie: a={text}\r\n"),
    "a password": lambda text: sent(headers=f"authorization: Basic {b64(text)}\r\n"),
    "a body": lambda text: sent(body=json.dumps({"a": text}).encode()),
    "a body, in base64": lambda text: sent(body=b64(text).encode()),
    "a body, in base64, in a path": lambda text: sent(body=f"a/{b64(text)}/b".encode()),
    "a body in chunks": lambda text: sent("/", CHUNKED, chunks(f"it is {text}.".encode())),
    "a body in chunks, in hex": lambda text: sent("/", CHUNKED, chunks(text.encode().hex().encode())),
    "a trailer": lambda text: sent("/", CHUNKED, chunks(b"{}", 2, f"x-a: {text}\r\n")),
}  # fmt: skip
OF_KNOWN: dict[str, Callable[[str], bytes]] = {
    "fields": lambda text: sent(body=halves(text)),
    "fields in chunks": lambda text: sent("/", CHUNKED, chunks(halves(text))),
    "backwards": lambda text: sent("/", CHUNKED, chunks(text[::-1].encode())),
}


async def asked(all_: World, request: bytes) -> bytes:
    """The reply to a request in a tunnel of its own."""
    async with all_.tunnel() as (reader, writer):
        writer.write(request.replace(b"PORT", b"%d" % all_.server_port))
        head = await reader.readuntil(b"\r\n\r\n")
    all_.plane.check(all_.plane.loop.time())
    return head


@pytest.mark.parametrize("place", [*PLACES, *OF_KNOWN])
def test_a_secret_stays_inside(place: str) -> None:
    """It is refused, told of, and arrives in no part; what is none passes the same way."""
    build = (PLACES | OF_KNOWN)[place]

    async def go() -> None:
        async with world() as all_:
            for secret in (OWN, TOKEN) if place in PLACES else (OWN,):
                all_.codes.clear()
                head = await asked(all_, build(secret))
                assert b"HTTP/1.1 403 " in head
                assert b"x-stopper-reason: secret.blocked\r\n" in head
                assert all_.codes == ["secret.blocked"]
                for part in (secret[:12], secret[-12:], secret[::-1][:12]):
                    assert part.encode() not in all_.received
                    assert part.encode().hex().encode() not in all_.received
            assert b"HTTP/1.1 200 " in await asked(all_, build("nothing"))
            assert all_.received

    uvloop.run(go())


UPGRADE = sent("/ws", "connection: upgrade\r\nupgrade: websocket\r\n")
SAID: dict[str, Callable[[str], list[str]]] = {
    "one message": lambda text: ["hello", f"it is {text}", "bye"],
    "in base64": lambda text: ["hello", b64(text)],
    "two messages": lambda text: ["hello", text[:15], text[15:]],
    "messages of a letter": lambda text: ["hello", *text],
}


@pytest.mark.parametrize("say", SAID.values(), ids=SAID)
def test_a_secret_in_a_websocket_stays_inside(say: Callable[[str], list[str]]) -> None:
    """What came before it has arrived; then the socket is closed, and says why."""

    async def go() -> None:
        async with world() as all_, all_.tunnel() as (reader, writer):
            writer.write(UPGRADE.replace(b"PORT", b"%d" % all_.server_port))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            for text in say(OWN):
                writer.write(framed(Message(text.encode(), 1), b"mask"))
            opcode, _, *code = await reader.readexactly(4)
            assert (opcode, bytes(code)) == (0x88, (1008).to_bytes(2))
            await until(lambda: all_.received.rpartition(b"\r\n\r\n")[2])
            frames = bytes(all_.received.partition(b"\r\n\r\n")[2])
            arrived = [one.payload for one in Messages(masked=True).feed(frames)]
            assert arrived[0] == b"hello"
            assert OWN[: len(OWN) // 2 + 1].encode() not in b"".join(arrived)
            all_.plane.check(all_.plane.loop.time())
            assert all_.codes == ["secret.blocked"]

    uvloop.run(go())
