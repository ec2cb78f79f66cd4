"""HTTP as it is on the wire, and the ways it breaks."""

import socket
import zlib
from collections.abc import Callable, Iterator
from http.client import IncompleteRead
from typing import BinaryIO, NamedTuple

import pytest

from stopper.testing.provider import Encoding, Fault, Remote, Script

Post = Callable[..., tuple[int, dict[str, str], bytes]]

BODY = b'{"model":"m","max_tokens":9999,"messages":[{"role":"user","content":"hi"}]}'
STREAM = BODY.replace(b'{"model"', b'{"stream":true,"model"')
DELTA = b"event: content_block_delta"


class Line(NamedTuple):
    """A bare connection."""

    socket: socket.socket
    file: BinaryIO

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def line(provider: Remote) -> Iterator[Line]:
    plain = socket.create_connection(("127.0.0.1", provider.port), timeout=30)
    line = Line(plain, plain.makefile("rb"))
    yield line
    line.close()


def request(body: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    top = (b"POST /v1/messages HTTP/" + version, b"host: mock", *headers)
    return b"\r\n".join((*top, b"content-length: %d" % len(body), b"", body))


def read_head(line: Line) -> dict[bytes, bytes]:
    """Status and headers."""
    found = {b"status": line.file.readline().split()[1]}
    while (row := line.file.readline()) != b"\r\n":
        name, _, value = row.partition(b": ")
        found[name] = value.strip()
    return found


def read_chunks(line: Line) -> Iterator[bytes]:
    """Chunks as they come; trailers, if any, are left."""
    while size := int(line.file.readline(), 16):
        yield line.file.read(size)
        assert line.file.readline() == b"\r\n"


def read_deltas(line: Line, count: int) -> None:
    """Read a stream up to a number of deltas."""
    read_head(line)
    chunks = read_chunks(line)
    while count:
        count -= DELTA in next(chunks)


def test_clients_that_leave_a_stream(provider: Remote, line: Line) -> None:
    """What was generated is billed, at least all that the client saw, and nothing is completed."""
    provider.say(Script(tokens=10_000_000, ignore_limit=True, input=5, thinking=4))
    line.send(request(STREAM))
    read_deltas(line, 200)
    assert provider.tally().open == 1
    line.close()
    total = provider.settled().total
    assert 200 <= total.billed.output < 10_000_000
    assert (total.billed.requests, total.billed.input, total.billed.reasoning) == (1, 5, 4)
    assert total.completed.requests == 0


def test_stalls(provider: Remote, line: Line) -> None:
    """A stream falls silent after as many tokens as it was told."""
    provider.say(Script(tokens=50, stall_after=10))
    line.send(request(STREAM))
    read_deltas(line, 10)
    line.close()
    assert provider.settled().total.billed.output == 10


def test_providers_that_go_on_billing(provider: Remote, line: Line) -> None:
    """Some generate to the end although nobody listens."""
    provider.say(Script(tokens=50, stall_after=10, bills_abandoned=True))
    line.send(request(STREAM))
    read_deltas(line, 10)
    line.close()
    total = provider.settled().total
    assert (total.billed.output, total.completed.output) == (50, 0)


def test_clients_that_leave_a_whole_reply(provider: Remote, line: Line) -> None:
    """A reply in one piece is generated, and billed, whoever waits for it."""
    provider.say(Script(tokens=50, stall_after=0))
    line.send(request(BODY))
    read_head(line)
    line.close()
    total = provider.settled().total
    assert (total.billed.output, total.completed.output) == (50, 0)


@pytest.mark.parametrize("body", [STREAM, BODY], ids=["stream", "whole"])
def test_disconnects(body: bytes, provider: Remote, post: Post) -> None:
    """The provider leaves in the middle of its reply."""
    provider.say(Script(tokens=50, disconnect_after=10))
    with pytest.raises(IncompleteRead) as error:
        post("/v1/messages", body)
    total = provider.settled().total
    assert error.value.partial.count(DELTA) == (10 if body is STREAM else 0)
    assert total.billed.output == (10 if body is STREAM else 50)
    assert total.completed.output == 0


def test_odd_chunks(provider: Remote, line: Line) -> None:
    """A body in pieces of seven bytes is the same body."""
    provider.say(Script(tokens=9, write_bytes=7))
    line.send(request(STREAM))
    read_head(line)
    chunks = list(read_chunks(line))
    assert {len(chunk) for chunk in chunks} <= set(range(1, 8))
    assert b"".join(chunks).count(DELTA) == 9
    assert b"".join(chunks).endswith(b'data: {"type":"message_stop"}\n\n')


def test_trailers(provider: Remote, line: Line) -> None:
    """Trailers are named in the head and follow the last chunk, streamed or not."""
    provider.say(*[Script(tokens=9, trailers={"x-sum": "5", "x-end": "y"})] * 2)
    for body in (STREAM, BODY):
        line.send(request(body))
        assert read_head(line)[b"trailer"] == b"x-sum, x-end"
        assert list(read_chunks(line))
        rest = [line.file.readline() for _ in range(3)]
        assert rest == [b"x-sum: 5\r\n", b"x-end: y\r\n", b"\r\n"]


def test_coded_streams_flow(provider: Remote, line: Line) -> None:
    """Each delta of a compressed stream can be read before the next is sent."""
    provider.say(Script(tokens=50, stall_after=5, encoding=Encoding.GZIP))
    line.send(request(STREAM, b"accept-encoding: gzip"))
    assert read_head(line)[b"content-encoding"] == b"gzip"
    reader, text, chunks = zlib.decompressobj(wbits=31), b"", read_chunks(line)
    while text.count(DELTA) < 5:
        text += reader.decompress(next(chunks))
    line.close()
    assert provider.settled().total.billed.output == 5


def test_coded_replies(provider: Remote, post: Post) -> None:
    """A whole reply is compressed where the client accepts it."""
    provider.say(*[Script(tokens=9, encoding=Encoding.DEFLATE)] * 2)
    _, headers, body = post("/v1/messages", BODY, {"accept-encoding": "deflate"})
    _, plain_headers, plain = post("/v1/messages", BODY)
    assert headers["content-encoding"] == "deflate"
    assert b"usage" in zlib.decompress(body)
    assert "content-encoding" not in plain_headers
    assert b"usage" in plain


def test_coded_requests(provider: Remote, post: Post) -> None:
    """Clients may compress what they send."""
    headers = {"content-encoding": "deflate"}
    assert post("/v1/messages", zlib.compress(BODY), headers)[0] == 200
    assert post("/v1/messages", BODY, headers)[0] == 400
    assert provider.requests()[0].limits == {"max_tokens": 9999}


def test_pipelined_requests(provider: Remote, line: Line) -> None:
    """Requests that come at once are answered in their order, streams and all."""
    provider.say(*(Script(tokens=tokens) for tokens in (3, 1, 2)))
    line.send(request(STREAM) + request(BODY) + request(STREAM))
    read_head(line)
    assert b"".join(read_chunks(line)).count(DELTA) == 3
    line.file.readline()
    length = int(read_head(line)[b"content-length"])
    assert b'"output_tokens":1' in line.file.read(length)
    read_head(line)
    assert b"".join(read_chunks(line)).count(DELTA) == 2


def test_bodies_in_chunks(provider: Remote, line: Line) -> None:
    """A request's body may be chunked, and may wait for a word to go on."""
    top = request(b"", b"transfer-encoding: chunked", b"expect: 100-continue")
    line.send(top.replace(b"content-length: 0\r\n", b""))
    assert read_head(line)[b"status"] == b"100"
    line.send(b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (9, BODY[:9], len(BODY) - 9, BODY[9:]))
    assert read_head(line)[b"status"] == b"200"
    assert provider.requests()[0].body_bytes == len(BODY)


def test_old_clients(provider: Remote, line: Line) -> None:
    """HTTP/1.0 knows no chunks: the stream ends with the connection."""
    provider.say(Script(tokens=3))
    line.send(request(STREAM, version=b"1.0"))
    head = read_head(line)
    assert b"transfer-encoding" not in head
    assert head[b"connection"] == b"close"
    assert line.file.read().count(DELTA) == 3
    assert provider.tally().total.completed.output == 3


@pytest.mark.parametrize("body", [STREAM, BODY], ids=["stream", "whole"])
def test_clients_that_close(body: bytes, line: Line) -> None:
    """A client that wants the connection closed gets it closed after a whole reply."""
    line.send(request(body, b"connection: close"))
    assert read_head(line)[b"connection"] == b"close"
    assert b"usage" in line.file.read()


def test_whole_urls(line: Line) -> None:
    """A target may be a whole URL, as proxies are sent."""
    line.send(request(BODY).replace(b"POST ", b"POST http://mock", 1))
    assert read_head(line)[b"status"] == b"200"


REFUSED = {
    # what is sent: (bytes, status)
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"400"),
    "an endless head": (b"GET / HTTP/1.1\r\na: ".ljust(256 * 2**10 + 1, b"x"), b"431"),
    "a WebSocket": (
        b"GET /v1/responses HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        b"426",
    ),
}


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(sent: bytes, status: bytes, line: Line) -> None:
    """What cannot be answered ends the connection with a reason."""
    line.send(sent)
    head = read_head(line)
    assert (head[b"status"], head[b"connection"]) == (status, b"close")
    assert len(line.file.read()) == int(head[b"content-length"])


def test_websockets_are_logged(provider: Remote, line: Line) -> None:
    """Who tries an upgrade is seen."""
    line.send(REFUSED["a WebSocket"][0])
    read_head(line)
    assert [(seen.method, seen.path) for seen in provider.requests()] == [("GET", "/v1/responses")]


def test_faults_keep_the_connection(provider: Remote, line: Line) -> None:
    """After an error in mid-stream the next request is answered."""
    provider.say(Script(tokens=9, fault=Fault(after=2)))
    line.send(request(STREAM) + request(BODY))
    read_head(line)
    assert b"api_error" in b"".join(read_chunks(line))
    line.file.readline()
    assert read_head(line)[b"status"] == b"200"
