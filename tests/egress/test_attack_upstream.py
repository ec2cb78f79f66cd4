"""Upstreams that break HTTP, echo keys or never end: refused in bounds, and every hold is settled."""

import gzip
import secrets
import string
import zlib
from collections.abc import Callable

import brotli
import pytest
import uvloop
import zstandard

from stopper.core.usage import Quality
from stopper.testing.raw import RawReply, RawServer
from stopper.testing.siege import besiege, framed, message, until

USAGE = b'{"usage":{"input_tokens":3,"output_tokens":5}}'
OK = framed(USAGE)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
CLOSE = RawServer.CLOSE

BROKEN = {
    # what the upstream says                 bytes                                                          expected code
    "another protocol, unasked":            (SWITCH + b"raw",                                                "http.upstream"),
    "a switch to no protocol":              (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,               "http.upstream"),
    "two lengths":                          (HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}}",    "http.upstream"),
    "a length and chunks":                  (HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}", "http.upstream"),
    "chunks twice":                         (HEAD + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "http.upstream"),
    "gzip as a transfer coding":            (HEAD + b"transfer-encoding: gzip\r\n\r\n0\r\n\r\n" + CLOSE,      "http.upstream"),
    "a length below zero":                  (HEAD + b"content-length: -1\r\n\r\n{}",                         "http.upstream"),
    "a length of eighty digits":            (HEAD + b"content-length: " + b"9" * 80 + b"\r\n\r\n{}",         "http.upstream"),
    "a bare line feed":                     (b"HTTP/1.1 200 OK\ncontent-length: 2\n\n{}",                    "http.upstream"),
    "a NUL in a header":                    (b"HTTP/1.1 200 OK\r\nx: a\x00b\r\ncontent-length: 0\r\n\r\n",   "http.upstream"),
    "another protocol altogether":          (b"SSH-2.0-OpenSSH_9.9\r\n",                                     "http.upstream"),
    "HTTP/2":                               (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",                        "http.upstream"),
    "a chunk without a size":               (CHUNKED + b"xyz\r\n",                                           "http.upstream"),
    "a chunk longer than it says":          (CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n",                            "http.upstream"),
    "a chunk of eighty digits":             (CHUNKED + b"f" * 80 + b"\r\n",                                  "http.upstream"),
    "a head without end":                   (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 900_000,                     "http.upstream"),
    "headers without end":                  (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000,                 "http.upstream"),
    "interim replies without end":          (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 50_000,        "http.upstream"),
    "interim replies without a header":     (b"HTTP/1.1 102 Processing\r\n\r\n" * 50_000,                    "http.upstream"),
    "a trailer without end":                (CHUNKED + b"2\r\n{}\r\n0\r\nx: " + b"a" * 900_000,              "http.upstream"),
    "a chunk extension without end":        (CHUNKED + b"2;a=" + b"a" * 900_000,                             "http.upstream"),
    "a status of one digit":                (b"HTTP/1.1 4 \r\ncontent-length: 0\r\n\r\n",                  "http.upstream"),
    "nothing":                              (CLOSE,                                                          "http.truncated"),
    "half a head":                          (b"HTTP/1.1 200 O" + CLOSE,                                      "http.truncated"),
    "half a body":                          (HEAD + b"content-length: 60\r\n\r\n{" + CLOSE,                   "http.truncated"),
    "half a chunk":                         (CHUNKED + b"ff\r\n{" + CLOSE,                                   "http.truncated"),
    "a coding that nobody knows":           (framed(b"{}", b"content-encoding: rot13\r\n"),                  "meter.unreadable_reply"),
    "a coding that it does not follow":     (framed(b"{}", b"content-encoding: gzip\r\n"),                   "meter.unreadable_reply"),
    "two codings":                          (framed(b"{}", b"content-encoding: gzip, br\r\n"),               "meter.unreadable_reply"),
    "no JSON":                              (framed(b"<html>"),                                              "meter.unreadable_reply"),
    "usage below zero":                     (framed(b'{"usage":{"input_tokens":-3,"output_tokens":5}}'),     "meter.unreadable_reply"),
    "usage beyond all reason":              (framed(b'{"usage":{"input_tokens":1e30,"output_tokens":5}}'),   "meter.unreadable_reply"),
    "JSON nested deeper than the stack":    (framed(b"[" * 100_000 + b"]" * 100_000),                        "meter.unreadable_reply"),
    "a body that grows without end (gzip)": (framed(gzip.compress(bytes(100_000_000), 1), b"content-encoding: gzip\r\n"), "meter.unreadable_reply"),
    "a body that grows without end (zstd)": (framed(zstandard.compress(bytes(300_000_000)), b"content-encoding: zstd\r\n"), "meter.unreadable_reply"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "code"), BROKEN.values(), ids=BROKEN)
def test_a_broken_reply(answer: bytes, code: str) -> None:
    """The caller hears the code in the last column; what may have been spent is settled once."""

    async def go() -> None:
        async with besiege(answer) as siege, siege.client() as client:
            reply = await client.ask(message())
            assert (reply.code, reply.whole) == (code, True)
            (row,) = await siege.rows()
            assert row.usage.quality is Quality.UNKNOWN
            assert row.usage.output == 100
            assert len(siege.server.requests) == 1

    uvloop.run(go())


MODEST = {
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, USAGE),
    "a needless continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, USAGE),
    "until the connection ends": (HEAD + b"\r\n" + USAGE + CLOSE, USAGE),
    "chunk extensions": (CHUNKED + b'2e;a="b;c"\r\n%b\r\n0\r\n\r\n' % USAGE, USAGE),
    "trailers": (CHUNKED + b"2e\r\n%b\r\n0\r\nx-a: b\r\n\r\n" % USAGE, USAGE),
    "bytes outside ASCII": (OK.replace(b"content-type", b"x: \xff\xfe\r\ncontent-type"), USAGE),
    "a second reply behind it": (OK + OK, USAGE),
    "an error page of HTML": (
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
        b"<html>",
    ),
}


@pytest.mark.parametrize(("answer", "body"), MODEST.values(), ids=MODEST)
def test_an_odd_reply_that_is_sound(answer: bytes, body: bytes) -> None:
    async def go() -> None:
        async with besiege(answer) as siege, siege.client() as client:
            reply = await client.ask(message())
            assert (reply.body, reply.whole, reply.code) == (body, True, "")
            (row,) = await siege.rows()
            assert row.usage.quality is Quality.MEASURED

    uvloop.run(go())


def test_a_second_reply_is_never_taken_for_the_next() -> None:
    evil = framed(b'{"evil":1,"usage":{"input_tokens":0,"output_tokens":0}}')

    async def go() -> None:
        async with besiege(OK + evil, OK) as siege, siege.client() as client:
            for _ in range(2):
                assert (await client.ask(message())).body == USAGE
            siege.server.say(evil)
            await until(lambda: not siege.plane.pool._count)
            assert (await client.ask(message())).body == USAGE

    uvloop.run(go())


def test_trailers_that_a_reader_might_take_for_headers_do_not_pass() -> None:
    trailers = b"set-cookie: a=b\r\nproxy-authenticate: x\r\ncontent-type: y\r\nx-a: b\r\n"

    async def go() -> bytes:
        answer = CHUNKED + b"2\r\n{}\r\n0\r\n" + trailers + b"\r\n"
        async with besiege(answer) as siege, siege.client() as client:
            client.send(siege.get())
            return await client.reader.readuntil(b"x-a: b\r\n\r\n")

    assert uvloop.run(go()).endswith(b"\r\n0\r\nx-a: b\r\n\r\n")


def test_trailers_of_a_request_are_sifted_too() -> None:
    async def go() -> bytes:
        async with besiege(OK) as siege, siege.client() as client:
            host = f"127.0.0.1:{siege.server.port}".encode()
            head = b"POST http://%b/ HTTP/1.1\r\nhost: %b\r\ntransfer-encoding: chunked\r\n\r\n"
            body = b"2\r\n{}\r\n0\r\nhost: evil\r\nauthorization: x\r\nx-a: b\r\n\r\n"
            assert (await client.ask(head % (host, host) + body)).status == 200
            return siege.server.requests[0]

    assert uvloop.run(go()).endswith(b"\r\n0\r\nx-a: b\r\n\r\n")


def _key() -> str:
    alphabet = string.ascii_letters + string.digits
    return "sk-ant-api03-" + "".join(secrets.choice(alphabet) for _ in range(40))


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
ECHOES = {
    # where the key comes back     made of the coding's name, the body and the key
    "in a body with a length":    lambda coding, body, _: framed(body, b"content-type: application/json\r\ncontent-encoding: %b\r\n" % coding),
    "in chunks of one byte":      lambda coding, body, _: CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-encoding: %b\r\n\r\n" % coding) + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n",
    "in a body without a length": lambda coding, body, _: HEAD + b"content-encoding: %b\r\n\r\n" % coding + body + CLOSE,
    "in headers and trailers":    lambda coding, body, key: CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-encoding: %b\r\nx-key: a%bb\r\nlocation: /?k=%b\r\n\r\n" % (coding, key, key)) + b"%x\r\n%b\r\n0\r\nx-again: %b\r\n\r\n" % (len(body), body, key),
    "in an error":                lambda coding, body, _: framed(body, b"content-encoding: %b\r\n" % coding).replace(b"200 OK", b"401 Unauthorized"),
}  # fmt: skip


@pytest.mark.parametrize("path", ["POST /v1/messages", "GET /v1/models", "GET /v1/models/x"])
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_no_echo_shows_the_key(
    echo: Callable[[bytes, bytes, bytes], bytes], coding: str, path: str
) -> None:
    key = _key()
    body = b'{"a":"%b","b":"%b!","usage":{"input_tokens":3,"output_tokens":5}}'
    packed = CODINGS[coding](body % (key.encode(), key.encode()))
    answer = echo(coding.encode(), packed, key.encode())

    async def go() -> RawReply:
        async with besiege(answer, keys={"anthropic": key}) as siege, siege.client() as client:
            mark = siege.plane.table.mounts["anthropic"].provider.placeholder
            method, _, below = path.partition(" ")
            data = message(headers=f"x-api-key: {mark}\r\naccept-encoding: gzip, br\r\n")
            data = data.replace(
                b"POST /anthropic/v1/messages", f"{method} /anthropic{below}".encode()
            )
            reply = await client.ask(data)
            assert key.encode() in siege.server.requests[0]
            assert siege.server.requests[0].count(b"accept-encoding: ") == 1
            assert b"accept-encoding: identity\r\n" in siege.server.requests[0]
            return reply

    reply = uvloop.run(go())
    assert key not in f"{reply.body!r}{reply.headers}"
    assert b'"b":"%b!"' % (b"*" * len(key)) in reply.body
    assert "content-encoding" not in reply.headers


def test_an_echo_of_the_key_cannot_be_asked_for_in_parts() -> None:
    """Half a key in each of two ranges is a whole key, and neither half is known for one."""

    async def go() -> None:
        async with besiege(OK, keys={"anthropic": _key()}) as siege, siege.client() as client:
            head = b"GET /anthropic/v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            ranged = b"range: bytes=0-20\r\nif-range: x\r\n\r\n"
            assert (await client.ask(head + ranged)).status == 200
            assert b"range" not in siege.server.requests[0]

    uvloop.run(go())


def test_a_key_shows_in_no_repr() -> None:
    key = _key()

    async def go() -> str:
        async with besiege(OK, keys={"anthropic": key}) as siege:
            table = siege.plane.table
            return f"{table!r}{table.mounts!r}{[*vars(siege.plane).values()]!r}"

    assert key not in uvloop.run(go())


def test_an_upstream_that_took_a_request_gets_it_once() -> None:
    """What a connection was lost with may have been billed; asking again would spend unheld."""

    async def go() -> None:
        async with besiege(OK, None) as siege, siege.client() as client:
            assert (await client.ask(message())).status == 200
            reply = await client.ask(message())
            assert reply.code == "http.truncated"
            assert len(siege.server.requests) == 2
            first, second = await siege.rows(2)
            assert (first.usage.quality, second.usage.quality) == (
                Quality.MEASURED,
                Quality.UNKNOWN,
            )

    uvloop.run(go())


def test_a_request_that_a_dead_connection_never_took_is_sent_again() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            assert (await client.ask(message())).status == 200
            ((idle,),) = siege.plane.pool._idle.values()
            idle.hold_reading(True)  # so that its end is not heard in time
            siege.server.drop()
            await until(lambda: not siege.server.connections)
            assert idle.usable
            assert (await client.ask(message())).status == 200
            rows = await siege.rows(2)
            assert {row.usage.quality for row in rows} == {Quality.MEASURED}
            assert len(siege.server.requests) == 2

    uvloop.run(go())


def test_a_dial_that_fails_in_an_unknown_way_answers_its_caller() -> None:
    class Broken:
        async def connect(self, *_: object) -> None:
            raise RuntimeError("no such thing")

    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            siege.plane.pool._dialer = Broken()  # type: ignore[assignment]
            reply = await client.ask(message())
            assert (reply.code, reply.status) == ("egress.fault", 403)
            await until(lambda: not siege.ledger.open_holds())
            assert not siege.ledger.rows()

    uvloop.run(go())


def test_a_pool_keeps_no_trace_of_hosts_that_are_gone() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            await client.ask(message())
            assert siege.plane.pool._idle
            siege.server.drop()
            await until(lambda: not siege.plane.pool._idle)

    uvloop.run(go())


def test_an_upload_that_is_answered_early_leaves_no_connection_behind() -> None:
    async def go() -> None:
        async with besiege(b"") as siege, siege.client() as client:
            host = f"127.0.0.1:{siege.server.port}".encode()
            head = b"POST http://%b/ HTTP/1.1\r\nhost: %b\r\ncontent-length: 9000000\r\n\r\n"
            client.send(head % (host, host) + b"GET / HTTP/1.1\r\n")
            await until(lambda: siege.server.heads)
            siege.server.say(OK)
            assert (await client.reply()).status == 200
            await until(lambda: not siege.server.connections)
            assert not siege.plane.pool._count

    uvloop.run(go())


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_body_where_there_may_be_none_is_not_the_next_reply(method: str) -> None:
    evil = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    status = b"200 OK" if method == "HEAD" else b"304 Not Modified"

    async def go() -> None:
        answer = b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n" % (status, len(evil)) + evil
        async with besiege(answer, OK) as siege:
            async with siege.client() as client:
                client.send(siege.get().replace(b"GET", method.encode()))
                assert (await client.reader.readuntil(b"\r\n\r\n")).split()[1] == status.split()[0]
            async with siege.client() as client:
                assert (await client.ask(siege.get())).body == USAGE

    uvloop.run(go())
