"""CONNECT: the host that was asked for, the name in TLS and the Host header are one, or nothing."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anthropic
import httpx2
import pytest
from msgspec import Struct

from stopper.core.reason import refuse
from stopper.egress.plane import Plane
from stopper.egress.websocket import Messages
from stopper.stores.memory import MemoryLedger
from stopper.testing.plane import loopback_plane
from stopper.testing.provider import Provider, Script
from stopper.testing.raw import RawClient

HOST = "api.anthropic.com"


class World(Struct):
    """A plane whose anthropic is the mock."""

    plane: Plane
    provider: Provider
    ledger: MemoryLedger
    url: str
    codes: list[str]

    @property
    def port(self) -> int:
        """Where the plane listens."""
        return int(self.url.rpartition(":")[2])

    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts the bottle's CA and nothing else."""
        return ssl.create_default_context(cadata=self.plane.authority.pem.decode())


@asynccontextmanager
async def world(allow: Sequence[str] = ()) -> AsyncIterator[World]:
    """Everything, on loopback."""
    ledger = MemoryLedger()
    codes: list[str] = []
    async with (
        Provider() as provider,
        loopback_plane(
            ledger,
            {"anthropic": provider.url},
            allow=allow,
            on_events=lambda events: codes.extend(event.refusal.code for event in events),
        ) as (plane, url),
    ):
        yield World(plane, provider, ledger, url, codes)


@asynccontextmanager
async def tunnel(
    world_: World, authority: str, sni: str | None, flags: int = 0
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """CONNECT to `authority`, then shake hands with `sni` as the server name."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world_.port)
    try:
        writer.write(f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            code = head.partition(b"x-stopper-reason: ")[2].split()[0]
            raise ConnectionRefusedError(code.decode())
        context = world_.trust()
        context.check_hostname = False
        context.verify_flags |= flags
        await writer.start_tls(context, server_hostname=sni)
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def test_a_proxy_style_client_is_metered() -> None:
    async def go() -> None:
        async with world() as all_:
            http = httpx2.AsyncClient(proxy=all_.url, verify=all_.trust(), trust_env=False)
            async with anthropic.AsyncAnthropic(api_key="x", http_client=http) as client:
                for stream in (False, True):
                    reply = await client.messages.create(
                        model="mock",
                        max_tokens=50,
                        messages=[{"role": "user", "content": "hi"}],
                        stream=stream,
                    )
                    if not isinstance(reply, anthropic.types.Message):
                        async for _ in reply:
                            pass
            billed = (await all_.provider.settled()).total.billed
            (total,) = all_.ledger.totals([])
            assert (total.requests, total.usage.total) == (2, billed.total)

    asyncio.run(go())


def test_a_cut_reaches_into_a_tunnel() -> None:
    async def go() -> None:
        async with world() as all_:
            all_.provider.say(Script(tokens=4000, delay_ms=2))
            http = httpx2.AsyncClient(proxy=all_.url, verify=all_.trust(), trust_env=False)
            async with anthropic.AsyncAnthropic(api_key="x", http_client=http) as client:
                with pytest.raises(anthropic.APIStatusError, match=r"bottle\.cut"):  # noqa: PT012
                    async with client.messages.stream(
                        model="mock", max_tokens=8000, messages=[{"role": "user", "content": "x"}]
                    ) as stream:
                        async for _ in stream:
                            all_.plane.cut(refuse("bottle.cut"))

    asyncio.run(go())


def test_after_a_cut_a_new_tunnel_says_why() -> None:
    """Clients take a refused CONNECT for a network fault, and try again for minutes."""

    async def go() -> None:
        async with world() as all_:
            all_.plane.cut(refuse("bottle.cut"))
            async with tunnel(all_, f"{HOST}:443", HOST) as (reader, writer):
                writer.write(b"GET /v1/models HTTP/1.1\r\nhost: %b\r\n\r\n" % HOST.encode())
                head = await reader.readuntil(b"\r\n\r\n")
            assert b"x-stopper-reason: bottle.cut\r\n" in head
            assert b"x-should-retry: false\r\n" in head
            assert not all_.provider.requests()

    asyncio.run(go())


REFUSED = {
    # what is asked for              authority                   code
    "a host that is not allowed":    ("example.com:443",          "network.not_allowed"),
    "another port of a provider":    ("api.anthropic.com:22",     "network.not_allowed"),
    "plain HTTP of a provider":      ("api.anthropic.com:80",     "network.not_allowed"),
    "another provider's host":       ("api.groq.com:443",         "network.not_allowed"),
    "loopback":                      ("127.0.0.1:443",            "network.loopback"),
    "loopback in another spelling":  ("2130706433:443",           "network.odd_address"),
    "metadata":                      ("169.254.169.254:443",      "network.metadata"),
    "metadata inside IPv6":          ("[::ffff:a9fe:a9fe]:443",   "network.metadata"),
    "a private address":             ("10.0.0.1:443",             "network.private_address"),
    "a name of this machine":        ("localhost:443",            "network.loopback"),
    "a suffix without its dot":      ("evil-api.anthropic.com:443", "network.not_allowed"),
    "user information":              ("api.anthropic.com@evil.com:443", "network.bad_url"),
    "a NUL":                         ("api.anthropic.com%00.evil.com:443", "network.bad_host"),
    "brackets around a name":        ("[api.anthropic.com]:443",  "network.bad_host"),
}  # fmt: skip


@pytest.mark.parametrize(("authority", "code"), REFUSED.values(), ids=REFUSED)
def test_refused_by_its_name(authority: str, code: str) -> None:
    async def go() -> None:
        async with world() as all_:
            with pytest.raises(ConnectionRefusedError, match=code.replace(".", r"\.")):
                async with tunnel(all_, authority, HOST):
                    pass

    asyncio.run(go())


SPELT = {
    "as it is": "api.anthropic.com:443",
    "in capitals": "API.Anthropic.COM:443",
    "with a trailing dot": "api.anthropic.com.:443",
}


@pytest.mark.parametrize("authority", SPELT.values(), ids=SPELT)
def test_one_host_in_several_spellings(authority: str) -> None:
    async def go() -> None:
        async with world() as all_, tunnel(all_, authority, HOST):
            pass

    asyncio.run(go())


HANDSHAKES = {
    # what TLS is sent for           server name          code
    "another name":                 ("evil.example.com",  "network.sni_mismatch"),
    "a name below":                 ("x.api.anthropic.com", "network.sni_mismatch"),
    "no name":                      (None,                "network.sni_mismatch"),
}  # fmt: skip


@pytest.mark.parametrize(("sni", "code"), HANDSHAKES.values(), ids=HANDSHAKES)
def test_refused_by_its_server_name(sni: str | None, code: str) -> None:
    async def go() -> list[str]:
        async with world() as all_:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                async with tunnel(all_, f"{HOST}:443", sni):
                    pass
        return all_.codes

    assert code in asyncio.run(go())


def test_what_is_not_tls_ends_at_once() -> None:
    async def go() -> list[str]:
        async with world() as all_, RawClient(all_.port) as client:
            client.send(f"CONNECT {HOST}:443 HTTP/1.1\r\nhost: {HOST}:443\r\n\r\n".encode())
            await client.reader.readuntil(b"\r\n\r\n")
            client.send(b"SSH-2.0-OpenSSH_9.9\r\n")
            assert await client.reader.read() == b""
        return all_.codes

    assert "network.not_tls" in asyncio.run(go())


HOSTS = {
    # Host header inside the tunnel    value                          status
    "the same":                        (b"api.anthropic.com",          200),
    "with its port":                   (b"api.anthropic.com:443",      200),
    "in capitals":                     (b"API.anthropic.com",          200),
    "another":                         (b"evil.example.com",           403),
    "another port":                    (b"api.anthropic.com:8443",     403),
    "none":                            (b"",                           403),
}  # fmt: skip


@pytest.mark.parametrize(("host", "status"), HOSTS.values(), ids=HOSTS)
def test_host_header_inside_a_tunnel(host: bytes, status: int) -> None:
    async def go() -> None:
        async with world() as all_, tunnel(all_, f"{HOST}:443", HOST) as (reader, writer):
            writer.write(b"GET /v1/models HTTP/1.1\r\nhost: %b\r\n\r\n" % host)
            line = await reader.readline()
            assert int(line.split()[1]) == status

    asyncio.run(go())


def test_a_tunnel_in_a_tunnel_is_refused() -> None:
    async def go() -> None:
        async with world() as all_, tunnel(all_, f"{HOST}:443", HOST) as (reader, writer):
            writer.write(b"CONNECT evil.com:443 HTTP/1.1\r\nhost: evil.com\r\n\r\n")
            assert (await reader.readline()).split()[1] == b"400"

    asyncio.run(go())


def test_the_leaf_verifies_strictly() -> None:
    """AKI equal to the CA's SKI, SAN, short life: what Python 3.13 and others ask for."""

    async def go() -> None:
        async with world() as all_:
            async with tunnel(all_, f"{HOST}:443", HOST, ssl.VERIFY_X509_STRICT) as (_, writer):
                certificate = writer.get_extra_info("peercert")
                assert certificate["subjectAltName"] == (("DNS", HOST),)

    asyncio.run(go())


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that accepts any WebSocket and sends back what it gets."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
    )
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


UPGRADE = (
    b"GET http://127.0.0.1:%d/ws HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n"
    b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n"
)


FRAME = b"\x81\x85\0\0\0\0frame"


@pytest.mark.parametrize("relayed", [True, False])
def test_a_websocket_is_relayed_only_where_a_rule_says_so(relayed: bool) -> None:
    async def go() -> None:
        server = await asyncio.start_server(_echo, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        rule = f"http://127.0.0.1:{port}"
        async with (
            server,
            Provider() as provider,
            loopback_plane(
                MemoryLedger(),
                {"anthropic": provider.url},
                allow=[rule],
                websockets=[rule] if relayed else [],
            ) as (plane, url),
            RawClient(int(url.rpartition(":")[2])) as client,
        ):
            client.send(UPGRADE % (port, port))
            line = await client.reader.readline()
            if not relayed:
                assert line.split()[1] == b"426"
                return
            assert line.split()[1] == b"101"
            await client.reader.readuntil(b"\r\n\r\n")
            client.send(FRAME)
            echoed = await client.reader.readexactly(len(FRAME))
            assert Messages(masked=True).feed(echoed) == Messages(masked=True).feed(FRAME)
            plane.cut(refuse("bottle.cut"))
            assert (await client.reader.readexactly(4))[2:] == (1008).to_bytes(2)

    asyncio.run(go())


def test_a_listener_is_all_that_a_bottle_can_reach() -> None:
    """The plane never connects to its own listener: a loop would be a way to speak as another."""

    async def go() -> None:
        async with world() as all_, RawClient(all_.port) as client:
            target = f"GET http://127.0.0.1:{all_.port}/ HTTP/1.1\r\nhost: 127.0.0.1:{all_.port}"
            reply = await client.ask(target.encode() + b"\r\n\r\n")
            assert reply.code == "network.loopback"

    asyncio.run(go())
