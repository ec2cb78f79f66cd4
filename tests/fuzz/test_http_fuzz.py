"""Damaged HTTP from both sides: never a fault, and nothing passed on that two could read differently.

The judge is a strict reader of its own, which shares no code with the product or its parser: what
leaves the plane must be one message to its last byte.
"""

import asyncio
import random
import re

import pytest
import uvloop

from stopper.detect.inspection import packaged_detector
from stopper.testing.raw import RawServer
from stopper.testing.siege import Siege, besiege, framed, message, until

ROUNDS = [400, pytest.param(20_000, marks=pytest.mark.soak)]
TURNS = 60
"""How often the loop goes round before a connection that says nothing more is left."""

MOST_CHANGES = 3
OK = framed(b'{"usage":{"input_tokens":3,"output_tokens":5}}')
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[\x21-\x7e]*) HTTP/1\.1")
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-9]\d\d) [\x20-\x7e]*")
FIELD = re.compile(rb"(%b):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)" % TOKEN)
CHUNK = re.compile(rb"([0-9a-f]{1,8})\r\n")
PIECES = (
    *(b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b"\x0b", b"\x85", b"\xff", b"\x7f"),
    *(b":", b";", b",", b"#", b"@", b"?", b"\\", b"%0d%0a", b"+", b"-", b"0x", b"_", b'"'),
    *(b"0", b"9", b"f", b"0\r\n\r\n", b"ffffffffffffffff", b"1;a=b", b"1\n", b" 1"),
    *(b"content-length: 0\r\n", b"content-length: 4, 4\r\n", b"Content-Length : 4\r\n"),
    *(b"transfer-encoding: chunked\r\n", b"Transfer-Encoding:\x0bchunked\r\n"),
    *(b"transfer-encoding: identity\r\n", b"transfer-encoding: chunked, identity\r\n"),
    *(b"x: a\r\n b: c\r\n", b"x: a\n", b"host: evil\r\n", b"expect: 100-continue\r\n"),
    *(b"connection: content-length, transfer-encoding, host\r\n", b"connection: upgrade\r\n"),
    *(b"upgrade: h2c\r\n", b"upgrade: websocket\r\n", b" HTTP/1.1", b" HTTP/1.0", b"HTTP/1.1 200 OK\r\n"),
    *(b"GET http://evil/ HTTP/1.1\r\nhost: evil\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n", b"CONNECT "),
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def prepared() -> None:
    """Compile what streams need once; it takes longer than `until` is patient."""
    packaged_detector(b"any").engine.complete()


def change(data: bytes, chance: random.Random) -> bytes:
    """Put pieces in, take bytes out, or say some twice, at a few places."""
    for _ in range(chance.randint(1, MOST_CHANGES)):
        place = chance.randrange(len(data) + 1)
        until_ = place + chance.choice((0, 0, 1, 2, 9))
        piece = chance.choice((b"", *PIECES, *PIECES, data[place : place + 40]))
        data = data[:place] + piece + data[until_:]
    return data


def requests(siege: Siege) -> list[bytes]:
    """Sound requests, each of which reaches the upstream."""
    host = b"127.0.0.1:%d" % siege.server.port
    line = b" http://%b/a/b?c=d HTTP/1.1\r\nhost: %b\r\n" % (host, host)
    chunks = b"4\r\nabcd\r\n2;x=y\r\nef\r\n0\r\nx-sum: 1\r\n\r\n"
    plain = b"GET" + line + b"accept: */*\r\n\r\n"
    return [
        plain,
        plain + plain,
        b"POST" + line + b"content-length: 6\r\n\r\nabcdef",
        b"POST" + line + b"content-length: 6\r\n\r\nabcdef" + plain,
        b"POST" + line + b"transfer-encoding: chunked\r\n\r\n" + chunks,
        b"PUT" + line + b"transfer-encoding: chunked\r\n\r\n" + chunks + plain,
        message(),
        message(stream=True) + plain,
    ]


REPLIES = (
    OK,
    framed(b"abcdef", b"content-type: text/plain\r\n"),
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n2;x=y\r\nef\r\n0\r\nx: 1\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK,
    b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nlocation: http://a/\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nto the end",
)  # fmt: skip


@pytest.mark.parametrize("rounds", ROUNDS)
def test_requests(rounds: int) -> None:
    """Whatever a caller sends, an upstream gets whole requests for itself alone."""
    chance = random.Random(rounds)  # noqa: S311  a choice of tests, no secret

    async def go() -> None:
        async with besiege(OK) as siege:
            own = {b"127.0.0.1:%d" % siege.server.port}
            for _ in range(rounds):
                data = change(chance.choice(requests(siege)), chance)
                await say(siege, data, chance.randrange(len(data) + 1))
                for request in siege.server.requests:
                    line, fields, _ = read_strictly(request)
                    assert REQUEST_LINE.fullmatch(line), request
                    assert {value for name, value in fields if name == b"host"} == own, request
                siege.server.requests.clear()
            assert siege.server.heads > rounds // 20
            await until(lambda: not siege.plane._clients)
            await until(lambda: not siege.plane.kept.size and not siege.ledger.open_holds())

    uvloop.run(go())


@pytest.mark.parametrize("rounds", ROUNDS)
def test_replies(rounds: int) -> None:
    """Whatever an upstream answers, its caller gets one whole reply, or one that breaks off."""
    chance = random.Random(rounds)  # noqa: S311  a choice of tests, no secret
    answers = [change(chance.choice(REPLIES), chance) + RawServer.CLOSE for _ in range(rounds)]

    async def go() -> None:
        async with besiege(*answers) as siege:
            whole = 0
            for number in range(rounds):
                async with siege.client() as client:
                    close = "connection: close\r\n"
                    client.send(message(headers=close) if number % 2 else siege.get("/", close))
                    async with asyncio.timeout(10):
                        reply = await client.reader.read(-1)
                whole += is_one_reply(reply)
            assert whole > rounds // 3
            await until(lambda: not siege.plane._clients and not siege.server.connections)

    uvloop.run(go())


async def say(siege: Siege, data: bytes, cut: int) -> None:
    """Send bytes in two parts, let them have their effect, and leave."""
    async with siege.client() as client:
        for part in (data[:cut], data[cut:]):
            client.send(part)
            for _ in range(TURNS):
                await asyncio.sleep(0)


def is_one_reply(data: bytes) -> bool:
    """Whether it is whole; what there is of it reads as one reply in any case."""
    while data.startswith(b"HTTP/1.1 1"):
        data = data.partition(b"\r\n\r\n")[2]
    if not data:
        return False
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert STATUS_LINE.fullmatch(head[0]), data
    assert all(FIELD.fullmatch(line) for line in head[1:]), data
    try:
        read_strictly(data)
    except EOFError:
        return False
    return True


def read_strictly(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """First line, fields and body of exactly one message; EOFError where it breaks off."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        raise EOFError
    first, *lines = head.split(b"\r\n")
    fields = []
    for line in lines:
        field = FIELD.fullmatch(line)
        assert field, data
        fields.append((field[1].lower(), field[2]))
    framing = [pair for pair in fields if pair[0] in (b"content-length", b"transfer-encoding")]
    assert len(framing) <= 1, data
    name, value = framing[0] if framing else (b"content-length", b"0")
    body, left = (read_chunks if name == b"transfer-encoding" else read_length)(rest, value)
    assert not left, data
    return first, fields, body


def read_length(data: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A body with a length, and what lies behind it."""
    assert re.fullmatch(rb"\d+", value)
    size = int(value)
    if len(data) < size:
        raise EOFError
    return data[:size], data[size:]


def read_chunks(data: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A chunked body without extensions, and what lies behind it."""
    assert value == b"chunked"
    body = b""
    while data:
        size = CHUNK.match(data)
        assert size, data
        length, data = int(size[1], 16), data[size.end() :]
        if length == 0:
            return body, read_trailers(data)
        if len(data) < length + 2:
            raise EOFError
        assert data[length : length + 2] == b"\r\n"
        body, data = body + data[:length], data[length + 2 :]
    raise EOFError


def read_trailers(data: bytes) -> bytes:
    """What lies behind the trailers."""
    while not data.startswith(b"\r\n"):
        line, end, data = data.partition(b"\r\n")
        if not end:
            raise EOFError
        assert FIELD.fullmatch(line)
    return data[2:]


DIFFERENT: dict[str, bytes] = {
    "a length besides chunks": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
    "bytes behind a body": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nab",
    "a bare line feed": b"GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n",
    "an extension": b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;a\r\nb\r\n0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("data", DIFFERENT.values(), ids=DIFFERENT)
def test_the_judge_is_strict(data: bytes) -> None:
    """What it is there to find, it finds."""
    with pytest.raises(AssertionError):
        read_strictly(data)
