"""The provider inside an event loop."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stopper.testing.provider import Provider, Script

BODY = b'{"model":"m","stream":true,"max_tokens":99,"messages":[{"role":"user","content":"hi"}]}'
REQUEST = b"POST /v1/messages HTTP/1.1\r\nhost: m\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
MANY = 200


async def ask(provider: Provider, tls: ssl.SSLContext | None = None) -> bytes:
    """One stream to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", provider.port, ssl=tls)
    writer.write(REQUEST)
    reply = await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return reply


def test_scripts_and_tally() -> None:
    """Scripts go in and sums come out without HTTP."""

    async def scenario() -> None:
        async with Provider(models={"m": Script(tokens=4)}) as provider:
            provider.say(Script(tokens=2))
            await ask(provider)
            await ask(provider)
            tally = await provider.settled()
            assert (tally.total.completed.output, len(provider.requests())) == (6, 2)
            provider.reset()
            assert provider.tally().total.billed.requests == 0

    asyncio.run(scenario())


def test_many_streams_at_once() -> None:
    """Streams that all stand open are all billed, and none disturbs another."""

    async def scenario() -> None:
        async with Provider(models={"m": Script(tokens=9, stall_after=3)}) as provider:
            lines = [await asyncio.open_connection("127.0.0.1", provider.port) for _ in range(MANY)]
            for reader, writer in lines:
                writer.write(REQUEST)
                for _ in range(3):
                    await reader.readuntil(b"text_delta")
            assert provider.tally().open == MANY
            for _, writer in lines:
                writer.close()
                await writer.wait_closed()
            total = (await provider.settled()).total
            assert (total.billed.requests, total.billed.output) == (MANY, 3 * MANY)

    asyncio.run(scenario())


def test_stopping_ends_open_streams(tmp_path: Path) -> None:
    """A provider that stops drops its clients, and the file has what they owe."""

    async def scenario() -> None:
        async with Provider(models={"m": Script(stall_after=3)}, tally_path=tmp_path / "t") as p:
            reader, writer = await asyncio.open_connection("127.0.0.1", p.port)
            writer.write(REQUEST)
            await reader.readuntil(b"Hello!")
        assert b"message_stop" not in await reader.read()
        writer.close()
        await writer.wait_closed()

    asyncio.run(scenario())
    assert (tmp_path / "t").read_text().count('"outcome":"abandoned"') == 1


def test_tls(tmp_path: Path) -> None:
    """With a context it speaks TLS, and a stream is the same."""
    server, client = contexts(tmp_path)

    async def scenario() -> None:
        async with Provider(tls=server, models={"m": Script(tokens=50)}) as provider:
            assert provider.url == f"https://127.0.0.1:{provider.port}"
            assert (await ask(provider, client)).count(b"text_delta") == 50
            assert (await provider.settled()).total.completed.output == 50

    asyncio.run(scenario())


def test_websockets_may_be_hung_up_on() -> None:
    """With status 0 an upgrade ends the connection without a word."""

    async def scenario() -> None:
        async with Provider(websocket_status=0) as provider:
            reader, writer = await asyncio.open_connection("127.0.0.1", provider.port)
            writer.write(b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    asyncio.run(scenario())


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for loopback, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mock")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    chain = folder / "chain.pem"
    chain.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, ssl.create_default_context(cafile=chain)
