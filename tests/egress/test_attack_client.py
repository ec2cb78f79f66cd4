"""Callers that send slowly, pipeline, never read, or leave: each is answered or ended, none grows."""

import asyncio
import socket

import pytest
import uvloop

from stopper.core.reason import refuse
from stopper.egress import kept
from stopper.egress.client import Client
from stopper.egress.gate import Answer
from stopper.stores.ledger import Hold
from stopper.testing.raw import RawClient
from stopper.testing.siege import Siege, besiege, framed, message, until

OK = framed(b'{"usage":{"input_tokens":3,"output_tokens":5}}')
PROBE = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
OFFER = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
CHUNKED = b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNKED = CHUNKED.replace(b"host: a", b"host: 127.0.0.1")
MOST_BUFFERED = 4 * 2**20


def buffered(siege: Siege) -> int:
    """The most bytes that wait to be sent to a caller."""
    sizes = [
        client._transport.get_write_buffer_size()
        for client in siege.plane._clients
        if client._transport is not None
    ]
    return max(sizes, default=0)


async def turns(count: int = 50) -> None:
    """Let the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_body_that_comes_in_parts_behind_another_request() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            second = message()
            client.send(message() + second[:-20])
            assert (await client.reply()).status == 200
            client.send(second[-20:])
            assert (await client.reply()).status == 200
            assert len(await siege.rows(2)) == 2

    uvloop.run(go())


def test_the_last_of_pipelined_requests_may_end_the_connection() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            client.send(message() + message(headers="connection: close\r\n"))
            first, second = await client.reply(), await client.reply()
            assert (first.status, second.status) == (200, 200)
            assert "connection" not in first.headers
            assert second.headers["connection"] == "close"
            assert await client.closed()

    uvloop.run(go())


@pytest.mark.parametrize("split", [False, True])
def test_who_waits_for_the_upstream_is_not_called_slow(split: bool) -> None:
    """The clocks of a head and of a body stop when the request is whole."""

    async def go() -> None:
        async with besiege(b"") as siege, siege.client() as client:
            data = message()
            client.send(data[:-10] if split else data)
            await turns()
            if split:
                client.send(data[-10:])
            await until(lambda: siege.server.requests)
            siege.age(100)
            siege.server.say(OK)
            assert (await client.reply()).status == 200

    uvloop.run(go())


def test_who_waits_for_room_in_a_budget_is_not_called_slow() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            waiting: list[Answer] = []

            def keep(hold: Hold, answer: Answer) -> None:
                waiting.append(answer)

            siege.plane.gate.hold = keep  # type: ignore[method-assign]
            client.send(message())
            await until(lambda: waiting)
            siege.age(60)
            await turns()
            assert siege.plane._clients
            waiting[0](refuse("budget.held"))
            assert (await client.reply()).code == "budget.held"

    uvloop.run(go())


def test_an_upstream_that_never_answers_is_called_silent() -> None:
    async def go() -> None:
        async with besiege(b"") as siege, siege.client() as client:
            client.send(message(stream=True))
            await until(lambda: siege.server.requests)
            siege.age(601)
            assert (await client.reply()).code == "http.silent"
            (row,) = await siege.rows()
            assert (row.ending, row.code) == ("cut", "http.silent")

    uvloop.run(go())


SLOW = {
    "a head that does not end": (b"GET / HTTP/1.1\r\nhost", 16),
    "a second head that does not end": (PROBE + b"GET / HTTP/1.1\r\nhost", 16),
    "a body that does not come": (message()[:-5], 31),
    "a chunk that does not come": (CHUNKED + b"ff\r\n{", 31),
}


@pytest.mark.parametrize(("data", "seconds"), SLOW.values(), ids=SLOW)
def test_slow_requests_end(data: bytes, seconds: int) -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            client.send(data)
            if data.startswith(PROBE):
                assert (await client.reply()).status == 200
            await turns()
            siege.age(seconds)
            assert (await client.reply()).code == "http.slow"
            assert not siege.server.requests

    uvloop.run(go())


def test_a_body_that_drips_has_an_end() -> None:
    async def go() -> None:
        loop = asyncio.get_running_loop()
        real, skipped = loop.time, 0.0
        async with besiege(OK) as siege, siege.client() as client:
            loop.time = lambda: real() + skipped  # type: ignore[method-assign]
            client.send(message(text="x" * 100)[:-50])
            for _ in range(20):
                await turns()
                skipped += 25
                siege.age(0)
                if siege.codes:
                    break
                client.send(b"x")
            loop.time = real  # type: ignore[method-assign]
            assert (await client.reply()).code == "http.slow"

    asyncio.run(go())


def test_a_caller_that_never_reads_is_not_read_either() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            for _ in range(400):
                client.send(PROBE * 2000)
                await turns(3)
                if client.writer.transport.get_write_buffer_size() > MOST_BUFFERED:
                    break
            else:
                pytest.fail("the plane went on reading")
            assert buffered(siege) < MOST_BUFFERED

    uvloop.run(go())


BIG = framed(b"x" * 400_000)
ENDLESS = b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n" + b"x" * 50_000_000


async def connected(siege: Siege, client: RawClient) -> Client:
    """The plane's side of a connection, with as little room in the kernel as there can be."""
    assert (await client.ask(PROBE)).status == 200
    (held,) = siege.plane._clients
    assert held._transport is not None
    for end in (held._transport, client.writer.transport):
        connection = end.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return held


def full_with_each_write(client: Client) -> None:
    """Have a transport say that its buffer is full whenever it is written to."""
    write = client.write

    def full(data: bytes) -> None:
        write(data)
        client.pause_writing()

    client.write = full  # type: ignore[method-assign]


def test_a_second_reply_waits_for_a_caller_that_has_not_read_the_first() -> None:
    async def go() -> None:
        async with besiege(OK, ENDLESS) as siege, siege.client() as client:
            held = await connected(siege, client)
            full_with_each_write(held)
            client.read(False)
            client.send(siege.get() + siege.get())
            await until(lambda: len(siege.server.requests) == 2)
            await asyncio.sleep(0.1)
            assert buffered(siege) < MOST_BUFFERED

    uvloop.run(go())


def test_a_connection_that_was_held_back_is_read_again_for_the_next_request() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as slow:
            held = await connected(siege, slow)
            full_with_each_write(held)
            assert (await slow.ask(siege.get())).status == 200
            async with siege.client() as other:
                assert (await other.ask(siege.get())).status == 200
            assert siege.server.connections == 1

    uvloop.run(go())


def test_a_reply_that_ends_its_connection_waits_for_a_slow_caller() -> None:
    async def go() -> None:
        async with besiege(framed(b"x" * 60_000)) as siege, siege.client() as client:
            await connected(siege, client)
            client.read(False)
            client.send(siege.get(headers="connection: close\r\n"))
            await until(lambda: buffered(siege))
            await turns()
            siege.age(5)
            client.read(True)
            assert len((await client.reply()).body) == 60_000

    uvloop.run(go())


def test_a_caller_that_never_reads_a_last_reply_is_dropped() -> None:
    async def go() -> None:
        async with besiege(ENDLESS) as siege, siege.client() as client:
            client.read(False)
            client.send(siege.get(headers="connection: close\r\n"))
            await until(lambda: siege.server.requests and buffered(siege))
            siege.plane.cut(refuse("bottle.cut"))
            siege.age(120)
            await until(lambda: not siege.plane._clients)

    uvloop.run(go())


def test_offers_of_another_protocol_in_great_number() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            client.send(OFFER * 3000)
            for _ in range(3000):
                assert (await client.reply()).status == 200

    uvloop.run(go())


FLOODS = {
    "a trailer that does not end": CHUNKED + b"2\r\n{}\r\n0\r\nx: ",
    "a trailer's name that does not end": CHUNKED + b"2\r\n{}\r\n0\r\nx",
    "a chunk extension that does not end": CHUNKED + b"2;a=",
    "a header that does not end": b"GET / HTTP/1.1\r\nx: ",
    "a target that does not end": b"GET /",
}


@pytest.mark.parametrize("start", FLOODS.values(), ids=FLOODS)
def test_floods_are_refused(start: bytes) -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            client.send(start)
            for _ in range(200):
                client.send(b"a" * 10_000)
                await turns(2)
            assert (await client.reply()).code == "http.too_large"
            assert not siege.server.requests

    uvloop.run(go())


def test_a_head_over_its_bound_in_one_piece() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            head = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n" + b"x: %b\r\n" % (b"a" * 9_000) * 10
            assert (await client.ask(head + b"\r\n")).code == "http.too_large"

    uvloop.run(go())


def test_a_body_of_tiny_chunks_takes_no_more_memory_than_its_bytes() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            client.send(CHUNKED)
            for _ in range(20):
                client.send(b"2\r\n[[\r\n" * 10_000)
                await client.writer.drain()
            await turns()
            [request] = [client._exchanges[0]._request for client in siege.plane._clients]
            assert request is not None
            assert isinstance(request._body, bytearray)

    uvloop.run(go())


def test_all_bodies_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent may open thousands of connections, and leave each just short of its end."""

    async def go() -> None:
        async with besiege(OK) as siege:
            monkeypatch.setattr(kept, "MAX_KEPT_BYTES", 10_000_000)
            clients = [siege.client() for _ in range(12)]
            for client in clients:
                await client.__aenter__()
                client.send(message(text="x" * 2_000_000)[:-10])
            replies = [await clients[-1].reply()]
            assert replies[0].code == "egress.busy"
            assert siege.plane.kept.size <= 12_000_000
            for client in clients:
                await client.__aexit__()
            await until(lambda: not siege.plane._clients)
            assert siege.plane.kept.size == 0

    uvloop.run(go())


def test_json_that_grows_when_it_is_read_is_refused() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            body = b'{"model":"m","max_tokens":1,"messages":[],"x":[' + b"[]," * 9_000_000 + b"[]]}"
            head = b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            client.send(head + b"content-length: %d\r\n\r\n" % len(body) + body)
            assert (await client.reply()).code == "egress.busy"
            assert not siege.server.requests

    uvloop.run(go())


def test_an_upgrade_that_the_upstream_does_not_take() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            head = "connection: upgrade\r\nupgrade: websocket\r\n"
            reply = await client.ask(siege.get("/ws", head))
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert await client.closed()

    uvloop.run(go())


def test_an_early_reply_to_an_upload_ends_the_connection() -> None:
    async def go() -> None:
        async with besiege(b"") as siege, siege.client() as client:
            host = f"127.0.0.1:{siege.server.port}".encode()
            head = b"POST http://%b/ HTTP/1.1\r\nhost: %b\r\ncontent-length: 9000000\r\n\r\n"
            client.send(head % (host, host) + b"x")
            await until(lambda: siege.server.heads)
            siege.server.say(OK)
            assert (await client.reply()).status == 200
            assert await client.closed()

    uvloop.run(go())


def test_a_cut_in_the_middle_of_a_handshake() -> None:
    async def go() -> None:
        async with besiege(OK, providers=["anthropic"]) as siege, siege.client() as client:
            client.send(b"CONNECT api.anthropic.com:443 HTTP/1.1\r\n\r\n")
            await client.reader.readuntil(b"\r\n\r\n")
            client.send(b"\x16\x03\x01")
            await turns()
            siege.plane.cut(refuse("bottle.cut"))
            client.send(b"\x02\x00")
            assert await client.reader.read() == b""

    uvloop.run(go())


def test_refusals_without_number_leave_few_events() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            for number in range(1000):
                reply = await client.ask(PROBE.replace(b"/ ", b"/nowhere/%d " % number))
                assert reply.code == "meter.unknown_path"
            siege.plane.check(siege.plane.loop.time())
            assert len(siege.codes) < 300

    uvloop.run(go())


def test_an_upload_waits_for_an_upstream_that_does_not_read() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            client.send(
                f"POST http://127.0.0.1:{siege.server.port}/ HTTP/1.1\r\n"
                f"host: 127.0.0.1:{siege.server.port}\r\ncontent-length: 900000000\r\n\r\n".encode()
                + b"x" * 250_000
            )
            await until(lambda: siege.server.connections)
            for transport in siege.server._transports:
                transport.pause_reading()
            for _ in range(400):
                client.send(b"x" * 200_000)
                await turns(3)
                if client.writer.transport.get_write_buffer_size() > MOST_BUFFERED:
                    break
            else:
                pytest.fail("the plane went on reading")

    uvloop.run(go())
