"""What callers may send: any well-formed request, and nothing two servers could read differently."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from stopper.stores.memory import MemoryLedger
from stopper.testing.plane import loopback_plane
from stopper.testing.provider import Provider
from stopper.testing.raw import RawClient, RawReply

BODY = b'{"model":"mock","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}'
POST = b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\n"
GET = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n"

REFUSED = {
    # what is sent                        bytes                                                                            expected code
    "both lengths":                       (POST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",           "http.malformed"),
    "two lengths":                        (POST + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc",                         "http.malformed"),
    "a length with a sign":               (POST + b"content-length: +3\r\n\r\nabc",                                              "http.malformed"),
    "an unknown transfer coding":         (POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",                              "http.malformed"),
    "gzip as a transfer coding":          (POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",                         "http.malformed"),
    "chunked in HTTP/1.0":                (b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",                    "http.malformed"),
    "a folded header":                    (GET + b"x: a\r\n b\r\n\r\n",                                                          "http.malformed"),
    "bare line feeds":                    (b"GET / HTTP/1.1\nhost: a\n\n",                                                       "http.malformed"),
    "a space before the colon":           (b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",                                                "http.malformed"),
    "a NUL in a header":                  (GET + b"x: a\x00b\r\n\r\n",                                                           "http.malformed"),
    "no Host":                            (b"GET / HTTP/1.1\r\n\r\n",                                                            "http.malformed"),
    "two Hosts":                          (GET + b"host: 127.0.0.1\r\n\r\n",                                                     "http.malformed"),
    "a head without end":                 (GET + b"x: " + b"a" * 600_000,                                                        "http.too_large"),
    "too many headers":                   (GET + b"x: a\r\n" * 200 + b"\r\n",                                                    "http.malformed"),
    "an upgrade with a body":             (POST + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 3\r\n\r\nabc",        "http.malformed"),
    "a CONNECT without port":             (b"CONNECT example.com HTTP/1.1\r\nhost: example.com\r\n\r\n",                         "network.bad_url"),
    "a CONNECT with early data":          (b"CONNECT api.anthropic.com:443 HTTP/1.1\r\nhost: a\r\n\r\nSSH-2.0-x",                "network.not_tls"),
    "HTTP/2 with prior knowledge":        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",                                                  "http.malformed"),
    "another scheme":                     (b"GET ftp://example.com/ HTTP/1.1\r\nhost: example.com\r\n\r\n",                      "network.bad_url"),
    "TRACE":                              (b"TRACE / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",                                       "http.malformed"),
    "a Host of somebody else":            (b"GET / HTTP/1.1\r\nhost: evil.example.com\r\n\r\n",                                  "network.host_mismatch"),
    "a URL and another Host":             (b"GET http://example.com/ HTTP/1.1\r\nhost: evil.com\r\n\r\n",                        "network.host_mismatch"),
}  # fmt: skip


def talk(script: Callable[[RawClient], Coroutine[Any, Any, RawReply]]) -> RawReply:
    """Run a conversation with a plane in front of the mock provider."""

    async def go() -> RawReply:
        async with Provider() as provider:
            upstreams = {"anthropic": provider.url, "openai": provider.url}
            async with (
                loopback_plane(MemoryLedger(), upstreams) as (_, url),
                RawClient(int(url.rpartition(":")[2])) as client,
            ):
                return await script(client)

    return asyncio.run(go())


@pytest.mark.parametrize(("data", "code"), REFUSED.values(), ids=REFUSED)
def test_refused(data: bytes, code: str) -> None:
    """Each row is refused with the code in its last column; a connection that closes does so cleanly."""

    async def script(client: RawClient) -> RawReply:
        reply = await client.ask(data)
        if reply.headers.get("connection") == "close":
            assert await client.closed()
        return reply

    reply = talk(script)
    assert reply.code == code
    assert reply.status >= 400
    assert reply.headers["x-should-retry"] == "false"


def _whole(body: bytes) -> bytes:
    return POST + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def _chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return POST + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


ACCEPTED = {
    "a plain request": _whole(BODY),
    "a chunked body": _chunked(BODY, 7),
    "a chunked body with extensions": _chunked(BODY, 7).replace(
        b"\r\n\r\n7\r\n", b"\r\n\r\n7;a=b\r\n"
    ),
    "HTTP/1.0": _whole(BODY).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "an offer of h2c is not taken": GET + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "a probe": b"HEAD / HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "the bare path": _whole(BODY).replace(b"/anthropic", b""),
    "the provider's own URL": _whole(BODY)
    .replace(b"/anthropic/v1/messages", b"https://api.anthropic.com/v1/messages")
    .replace(b"host: 127.0.0.1", b"host: api.anthropic.com"),
}


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(data: bytes) -> None:
    """Each row gets its reply."""
    method = data.partition(b" ")[0]

    async def script(client: RawClient) -> RawReply:
        client.send(data)
        if method == b"HEAD":
            return RawReply(status=int((await client.reader.readline()).split()[1]))
        return await client.reply()

    assert talk(script).status == 200


def test_every_split_of_a_request_is_the_same_request() -> None:
    data = _chunked(BODY, 30)

    async def script(client: RawClient) -> RawReply:
        reply = RawReply()
        for cut in range(1, len(data), 3):
            client.send(data[:cut])
            await client.writer.drain()
            await asyncio.sleep(0)
            client.send(data[cut:])
            reply = await client.reply()
            assert (reply.status, reply.whole) == (200, True), cut
        return reply

    talk(script)


def test_expect_continue() -> None:
    head = POST + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY)

    async def script(client: RawClient) -> RawReply:
        client.send(head)
        assert await client.reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert await client.reader.readline() == b"\r\n"
        return await client.ask(BODY)

    assert talk(script).status == 200


def test_a_refused_request_is_told_before_its_body_is_sent() -> None:
    head = b"POST http://example.com/ HTTP/1.1\r\nhost: example.com\r\nexpect: 100-continue\r\n"

    async def script(client: RawClient) -> RawReply:
        return await client.ask(head + b"content-length: 1000000\r\n\r\n")

    assert talk(script).code == "network.not_allowed"


def test_pipelined_requests_are_answered_in_order() -> None:
    async def script(client: RawClient) -> RawReply:
        client.send(_whole(BODY) + GET + b"\r\n" + _whole(BODY))
        first, second, third = [await client.reply() for _ in range(3)]
        assert b"usage" in first.body
        assert b"gateway" in second.body
        assert b"usage" in third.body
        return first

    assert talk(script).status == 200


def test_too_many_pipelined_requests_end_the_connection() -> None:
    async def script(client: RawClient) -> RawReply:
        client.send(_whole(BODY) + (GET + b"\r\n") * 40)
        reply = await client.reply()
        assert await client.closed()
        return reply

    assert talk(script).status in (200, 400)


def test_a_body_over_the_bound_is_refused() -> None:
    async def script(client: RawClient) -> RawReply:
        client.send(POST + b"content-length: 40000000\r\n\r\n")
        for _ in range(34):
            client.send(b" " * 2**20)
        return await client.reply()

    assert talk(script).code == "http.too_large"
