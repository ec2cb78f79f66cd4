"""What upstreams may answer: any well-formed reply, and nothing two readers could take differently."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from stopper.egress.plane import Plane
from stopper.stores.memory import MemoryLedger
from stopper.testing.plane import loopback_plane
from stopper.testing.raw import RawClient, RawReply

Answers = Callable[[int, asyncio.StreamWriter], bool]
"""Writes the answer to the n-th request of a connection; False closes the connection after it."""


@asynccontextmanager
async def upstream(answer: Answers) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers by a script; gives its port, and the heads it has read."""
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(100):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            if not answer(number, writer):
                return

    async with serving(script) as port:
        yield port, heads


@asynccontextmanager
async def serving(
    script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
) -> AsyncIterator[int]:
    """A server on a free port; whatever it still does when the block ends is ended with it."""
    under_way: dict[asyncio.Task[Any] | None, asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way[asyncio.current_task()] = writer
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await script(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in under_way.items():
            if task is not None:
                task.cancel()
            writer.transport.abort()
        await asyncio.gather(*(task for task in under_way if task), return_exceptions=True)
        await asyncio.sleep(0)


@asynccontextmanager
async def plane_to(answer: Answers) -> AsyncIterator[tuple[Plane, RawClient, bytes, list[bytes]]]:
    """A plane that allows one scripted host, with a client and the start of its requests."""
    async with upstream(answer) as (port, heads):
        async with loopback_plane(MemoryLedger(), {}, allow=[f"http://127.0.0.1:{port}"]) as (
            plane,
            url,
        ):
            async with RawClient(int(url.rpartition(":")[2])) as client:
                line = f"http://127.0.0.1:{port}/ HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
                yield plane, client, line.encode(), heads


def say(data: bytes, *, alive: bool = True) -> Answers:
    """Answer everything alike."""

    def answer(_: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(data)
        return alive

    return answer


def ask(answer: Answers, method: bytes = b"GET", more: bytes = b"\r\n") -> RawReply:
    """One request, and what came back."""

    async def go() -> RawReply:
        async with plane_to(answer) as (_, client, line, _heads):
            return await client.ask(method + b" " + line + more)

    return asyncio.run(go())


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
PASSED = {
    # what the upstream says           bytes                                                                                          alive   status  body
    "a length":                        (OK,                                                                                            True,   200,    b"ok"),
    "chunks":                          (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",         True,   200,    b"ok"),
    "chunks with trailers":            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n",      True,   200,    b"ok"),
    "a body until it closes":          (b"HTTP/1.1 200 OK\r\n\r\nok",                                                                  False,  200,    b"ok"),
    "HTTP/1.0":                        (b"HTTP/1.0 200 OK\r\n\r\nok",                                                                  False,  200,    b"ok"),
    "no content":                      (b"HTTP/1.1 204 No Content\r\n\r\n",                                                            True,   204,    b""),
    "not modified":                    (b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n",                                               True,   304,    b""),
    "early hints first":               (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK,                                           True,   200,    b"ok"),
    "a redirect, which goes back":     (b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",       True,   302,    b""),
    "an error":                        (b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\nno",                                           True,   503,    b"no"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "alive", "status", "body"), PASSED.values(), ids=PASSED)
def test_passed_on(data: bytes, alive: bool, status: int, body: bytes) -> None:
    """Each row reaches the caller as it is, and whole."""
    reply = ask(say(data, alive=alive))
    assert (reply.status, reply.body, reply.whole) == (status, body, True)


BROKEN = {
    # what the upstream says           bytes                                                                                                 code
    "nothing":                         (b"",                                                                                                 "http.truncated"),
    "no HTTP":                         (b"SSH-2.0-OpenSSH_9.9\r\n",                                                                          "http.upstream"),
    "both lengths":                    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",              "http.upstream"),
    "two lengths":                     (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk",                             "http.upstream"),
    "another transfer coding":         (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok",                                             "http.upstream"),
    "a switch nobody asked for":       (b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",                             "http.upstream"),
    "a head without end":              (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000,                                                          "http.upstream"),
    "more headers than anybody needs": (b"HTTP/1.1 200 OK\r\n" + b"x: a\r\n" * 300 + b"\r\n",                                                "http.upstream"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "code"), BROKEN.values(), ids=BROKEN)
def test_broken(data: bytes, code: str) -> None:
    """Each row comes out as a fault with the code in its last column, for the caller to judge."""
    reply = ask(say(data, alive=False))
    assert (reply.code, reply.status) == (code, 502)
    assert "x-should-retry" not in reply.headers


def test_a_body_that_breaks_off_is_never_made_to_look_whole() -> None:
    for head in (b"content-length: 100", b"transfer-encoding: chunked"):
        reply = ask(say(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n5\r\nhello\r\n", alive=False))
        assert (reply.status, reply.whole) == (200, False)


def test_trailers_reach_the_caller() -> None:
    data = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n"

    async def go() -> bytes:
        async with plane_to(say(data)) as (_, client, line, _heads):
            client.send(b"GET " + line + b"\r\n")
            return await client.reader.readuntil(b"x-sum: 1\r\n\r\n")

    assert asyncio.run(go()).endswith(b"0\r\nx-sum: 1\r\n\r\n")


def test_a_head_request_has_a_length_and_no_body() -> None:
    async def go() -> None:
        async with plane_to(say(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n")) as (
            _,
            client,
            line,
            _h,
        ):
            client.send(b"HEAD " + line + b"\r\n")
            assert b"content-length: 99" in await client.reader.readuntil(b"\r\n\r\n")
            client.send(b"HEAD " + line + b"\r\n")
            assert b"content-length: 99" in await client.reader.readuntil(b"\r\n\r\n")

    asyncio.run(go())


def test_connections_are_kept_and_used_again() -> None:
    async def go() -> None:
        ports: set[object] = set()

        def answer(_: int, writer: asyncio.StreamWriter) -> bool:
            ports.add(writer.get_extra_info("peername"))
            writer.write(OK)
            return True

        async with plane_to(answer) as (_, client, line, _heads):
            for _unused in range(5):
                assert (await client.ask(b"GET " + line + b"\r\n")).status == 200
        assert len(ports) == 1

    asyncio.run(go())


def test_a_kept_connection_that_died_costs_the_caller_nothing() -> None:
    def answer(number: int, writer: asyncio.StreamWriter) -> bool:
        if number == 0:
            writer.write(OK)
        return number == 0  # the second request on a connection meets its end

    async def go() -> None:
        async with plane_to(answer) as (_, client, line, heads):
            for _unused in range(3):
                assert (await client.ask(b"GET " + line + b"\r\n")).status == 200
            assert len(heads) == 5

    asyncio.run(go())


def test_what_an_upstream_says_unasked_is_never_the_next_answer() -> None:
    def answer(_: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        return True

    async def go() -> None:
        async with plane_to(answer) as (_, client, line, _heads):
            for _unused in range(3):
                assert (await client.ask(b"GET " + line + b"\r\n")).body == b"ok"

    asyncio.run(go())


def test_headers_of_the_hop_stay_on_the_hop() -> None:
    more = b"proxy-authorization: Basic x\r\nconnection: close, x-hop\r\nx-hop: 1\r\nx-end: 2\r\nte: trailers\r\n\r\n"

    async def go() -> bytes:
        async with plane_to(say(OK)) as (_, client, line, heads):
            await client.ask(b"GET " + line + more)
            return heads[0].lower()

    head = asyncio.run(go())
    assert b"x-end: 2" in head
    assert not [name for name in (b"x-hop", b"proxy-", b"te:", b"connection") if name in head]


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_uploads_stream(framing: str) -> None:
    async def go() -> None:
        got = bytearray()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            while got.count(b"x") < 3_000_000:
                got.extend(await reader.read(65536))
            writer.write(OK)

        async with (
            serving(serve) as port,
            loopback_plane(MemoryLedger(), {}, allow=[f"http://127.0.0.1:{port}"]) as (_, url),
        ):
            async with RawClient(int(url.rpartition(":")[2])) as client:
                head = (
                    f"POST http://127.0.0.1:{port}/ HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n".encode()
                )
                if framing == "length":
                    client.send(head + b"content-length: 3000000\r\n\r\n")
                else:
                    client.send(head + b"transfer-encoding: chunked\r\n\r\n")
                for _unused in range(30):
                    data = b"x" * 100_000
                    client.send(data if framing == "length" else b"186a0\r\n" + data + b"\r\n")
                    await client.writer.drain()
                client.send(b"" if framing == "length" else b"0\r\n\r\n")
                assert (await client.reply()).status == 200
        assert got.count(b"x"[0]) == 3_000_000

    asyncio.run(go())


def test_a_caller_that_does_not_read_slows_the_upstream_down() -> None:
    """Bytes wait at the upstream, not in our memory."""
    sent = [0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 300000000\r\n\r\n")
        for _unused in range(3000):
            writer.write(bytes(100_000))
            await writer.drain()
            sent[0] += 100_000

    async def go() -> None:
        async with (
            serving(serve) as port,
            loopback_plane(MemoryLedger(), {}, allow=[f"http://127.0.0.1:{port}"]) as (_, url),
        ):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", int(url.rpartition(":")[2]), limit=1024
            )
            writer.write(
                f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()
            )
            await reader.readuntil(b"\r\n\r\n")
            before = -1
            while before != sent[0]:
                before = sent[0]
                await asyncio.sleep(0.2)
            assert sent[0] < 40_000_000
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    asyncio.run(go())
