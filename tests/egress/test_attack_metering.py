"""No way to spend without a hold, or to leave one open: endings of every kind at every stage."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import uvloop
from msgspec import Struct

from stopper.core.budget import Budget, Unit
from stopper.core.reason import Refusal, refuse
from stopper.core.scope import GLOBAL
from stopper.core.usage import Quality, Usage
from stopper.egress.gate import Answer
from stopper.egress.route import Table
from stopper.meter.anthropic import MESSAGES
from stopper.meter.wire import Ask, Live, Reply
from stopper.stores.ledger import Grow
from stopper.stores.memory import MemoryLedger
from stopper.testing.faults import FaultyLedger
from stopper.testing.plane import loopback_plane
from stopper.testing.provider import Fault, Provider, Script
from stopper.testing.raw import RawClient
from stopper.testing.siege import Siege, besiege, framed, message, settled, until

OK = framed(b'{"usage":{"input_tokens":3,"output_tokens":5}}')
START = b'data: {"message":{"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
DELTA = b'data: {"delta":{"text":"hello"}}\n\n'
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Never:
    """A dialer whose connections hang."""

    async def connect(self, *_: object) -> None:
        await asyncio.get_running_loop().create_future()


async def _sent(siege: Siege, client: RawClient, *, stream: bool = True) -> None:
    client.send(message(stream=stream))
    await until(lambda: siege.server.requests)


async def half_a_head(_: Siege, client: RawClient) -> None:
    client.send(message()[:20])


async def half_a_body(_: Siege, client: RawClient) -> None:
    client.send(message()[:-5])


async def dialling(siege: Siege, client: RawClient) -> None:
    siege.plane.pool._dialer = Never()  # type: ignore[assignment]
    client.send(message())
    await until(siege.ledger.open_holds)


async def waiting_for_room(siege: Siege, client: RawClient) -> None:
    siege.ledger.set_budget(Budget(GLOBAL, Unit.TOKENS, 200), siege.plane.gate.now())
    other = siege.client()
    await other.__aenter__()
    other.send(message(most=10_000))
    await until(lambda: siege.server.requests)
    client.send(message())
    await until(lambda: siege.plane.gate._waiting)
    other.writer.transport.abort()


async def sent(siege: Siege, client: RawClient) -> None:
    await _sent(siege, client)


async def sent_in_one_piece(siege: Siege, client: RawClient) -> None:
    await _sent(siege, client, stream=False)


async def a_head(siege: Siege, client: RawClient) -> None:
    await _sent(siege, client)
    siege.server.say(STREAM)


async def half_a_stream(siege: Siege, client: RawClient) -> None:
    await _sent(siege, client)
    siege.server.say(STREAM + chunk(START) + chunk(DELTA) + chunk(DELTA[:9]))
    await client.reader.readuntil(b"hello")


async def half_a_reply(siege: Siege, client: RawClient) -> None:
    await _sent(siege, client, stream=False)
    siege.server.say(OK[:-10])


async def behind_another(siege: Siege, client: RawClient) -> None:
    client.send(message(stream=True) + message(stream=True))
    await until(lambda: siege.server.requests)


async def behind_half_another(siege: Siege, client: RawClient) -> None:
    await half_a_stream(siege, client)
    client.send(message()[:-5])


STAGES = (
    half_a_head,
    half_a_body,
    dialling,
    waiting_for_room,
    sent,
    sent_in_one_piece,
    a_head,
    half_a_stream,
    half_a_reply,
    behind_another,
    behind_half_another,
)


async def leave(_: Siege, client: RawClient) -> None:
    client.writer.close()


async def reset(_: Siege, client: RawClient) -> None:
    client.writer.transport.abort()


async def half_close(_: Siege, client: RawClient) -> None:
    client.writer.write_eof()


async def flood(_: Siege, client: RawClient) -> None:
    client.send(b"\x00" * 100)


async def cut(siege: Siege, _: RawClient) -> None:
    siege.plane.cut(refuse("bottle.cut"))


async def cut_and_go_on(siege: Siege, client: RawClient) -> None:
    siege.plane.cut(refuse("bottle.cut"))
    client.send(message() * 3)
    siege.server.say(OK)


async def silence(siege: Siege, _: RawClient) -> None:
    siege.age(700)
    siege.age(1400)


async def upstream_lost(siege: Siege, client: RawClient) -> None:
    siege.server.drop()
    client.writer.close()


async def end(siege: Siege, _: RawClient) -> None:
    await siege.plane.close()


ENDINGS = (leave, reset, half_close, flood, cut, cut_and_go_on, silence, upstream_lost, end)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_ending_at_every_stage(
    stage: Callable[[Siege, RawClient], Awaitable[None]],
    ending: Callable[[Siege, RawClient], Awaitable[None]],
) -> None:
    """No hold stays open; each request that left has one row, and none that did not has any."""

    async def go() -> None:
        async with besiege(b"") as siege:
            async with siege.client() as client:
                await stage(siege, client)
                await ending(siege, client)
                if ending in (cut, cut_and_go_on, silence):
                    assert await client.closed()
                client.writer.transport.abort()
            await until(lambda: not siege.plane._clients)
            for exchange in [*siege.plane.draining]:
                exchange.abandon()
            await settled(siege.ledger, siege.server.heads)
            rows = [row for _, row in siege.ledger.rows()]
            assert len(rows) == siege.server.heads
            assert all(row.usage.total for row in rows)
            assert siege.plane.kept.size == 0

    uvloop.run(go())


def test_after_a_cut_nothing_leaves_not_even_a_count() -> None:
    async def go() -> None:
        async with besiege(b"", counts_remotely=True) as siege, siege.client() as client:
            opened: list[Callable[[], None]] = []
            dial = siege.plane.pool.open
            siege.plane.pool.open = lambda *a: opened.append(lambda: dial(*a))  # type: ignore[method-assign]
            client.send(message())
            await until(lambda: opened)
            siege.plane.cut(refuse("bottle.cut"))
            assert (await client.reply()).code == "bottle.cut"
            opened[0]()
            await until(lambda: siege.plane.pool._idle)
            assert not siege.server.heads
            assert not siege.ledger.rows()

    uvloop.run(go())


@asynccontextmanager
async def mocked(name: str) -> AsyncIterator[tuple[Provider, MemoryLedger, Any, int]]:
    ledger = MemoryLedger()
    async with Provider() as provider, loopback_plane(ledger, {name: provider.url}) as (plane, url):
        yield provider, ledger, plane, int(url.rpartition(":")[2])


GEMINI = msgspec.json.encode(
    {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"maxOutputTokens": 2000},
    }
)


@pytest.mark.parametrize("abandoned", [False, True])
@pytest.mark.parametrize("how", [cut, leave])
def test_what_goes_on_billing_is_never_counted_below_its_bill(
    how: Callable[[Any, Any], Awaitable[None]], abandoned: bool
) -> None:
    """A cut ends the caller's stream at once; the provider's own goes on, and so does the bill."""

    async def go() -> None:
        async with mocked("gemini") as (provider, ledger, plane, port), RawClient(port) as client:
            provider.say(Script(tokens=1200, delay_ms=1, bills_abandoned=True))
            head = b"POST /gemini/v1beta/models/mock:streamGenerateContent?alt=sse HTTP/1.1\r\n"
            client.send(head + b"host: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(GEMINI))
            client.send(GEMINI)
            await client.reader.readuntil(b"data:")
            await how(Siege(plane, ledger, None, port, [], []), client)  # type: ignore[arg-type]
            if how is cut:
                assert b"bottle.cut" in await client.reader.read()
            await until(lambda: plane.draining)
            if abandoned:
                await plane.close()
            await settled(ledger, 1)
            ((_, row),) = ledger.rows()
            billed = (await provider.settled()).total.billed
            assert row.usage.output >= billed.output > 200
            assert (row.usage.quality is Quality.MEASURED) is not abandoned

    asyncio.run(go())


@pytest.mark.parametrize("ignoring", [False, True])
@pytest.mark.parametrize("how", [cut, leave])
def test_what_was_written_and_never_read_is_counted_too(
    how: Callable[[Any, Any], Awaitable[None]], ignoring: bool
) -> None:
    """A provider bills what it had written before it noticed that its stream was dropped."""

    async def go() -> None:
        async with (
            mocked("anthropic") as (provider, ledger, plane, port),
            RawClient(port) as client,
        ):
            provider.say(Script(tokens=9000, delay_ms=0.1, ignore_limit=ignoring))
            client.send(message(stream=True, most=100 if ignoring else 9000))
            seen = b""
            while seen.count(b"event: content_block_delta") < 300:
                seen += await client.reader.read(1000)
            await how(Siege(plane, ledger, None, port, [], []), client)  # type: ignore[arg-type]
            await settled(ledger, 1)
            ((_, row),) = ledger.rows()
            billed = (await provider.settled()).total.billed
            assert row.usage.total >= billed.total > 200
            assert row.usage.output < 3 * billed.output

    asyncio.run(go())


def test_a_flood_beyond_the_limit_is_left_with_the_upstream() -> None:
    """An upstream that keeps to no limit is read no further until its hold has grown."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n"
    body = START + DELTA * 100_000
    waiting: list[Answer] = []

    def keep(_: Grow, answer: Answer) -> None:
        waiting.append(answer)

    async def go() -> None:
        async with besiege(head % len(body) + body) as siege, siege.client() as client:
            siege.plane.gate.grow = keep  # type: ignore[assignment, method-assign]
            client.send(message(stream=True))
            reading = asyncio.create_task(client.reader.read(-1))
            await until(lambda: waiting)
            for _ in range(500):
                await asyncio.sleep(0)
            waiting[0](refuse("budget.exhausted"))
            said = await reading
            assert b"[stopper budget.overrun]" in said
            (row,) = await siege.rows()
            assert 100 < said.count(b"hello") <= row.usage.output < 20_000

    uvloop.run(go())


class Wrong(Struct):
    """Anthropic's wire format with a fault of ours in one of its steps."""

    step: str
    name: str = "anthropic.messages"
    refusal_status: int | None = None

    def _check(self, step: str) -> None:
        if step == self.step:
            raise RuntimeError(step)

    def ask(self, path: str, body: bytes) -> Ask:
        self._check("ask")
        return MESSAGES.ask(path, body)

    def limited(self, ask: Ask, max_output: int) -> bytes:
        self._check("limited")
        return MESSAGES.limited(ask, max_output)

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:
        self._check("reply")
        return WrongReply(MESSAGES.reply(ask, status, content_type), self._check)

    def error(self, refusal: Refusal) -> bytes:
        self._check("error")
        return MESSAGES.error(refusal)


class WrongReply:
    def __init__(self, reply: Reply, check: Callable[[str], None]) -> None:
        self._reply, self._check = reply, check
        self.live: Live = reply.live

    def feed(self, data: bytes) -> bytes:
        self._check("feed")
        return self._reply.feed(data)

    def end(self) -> bytes:
        self._check("end")
        return self._reply.end()

    def cut(self, refusal: Refusal) -> bytes:
        self._check("cut")
        return self._reply.cut(refusal)

    @property
    def usage(self) -> Usage | None:
        self._check("usage")
        return self._reply.usage

    @property
    def final(self) -> bool:
        self._check("final")
        return self._reply.final

    @property
    def model(self) -> str:
        return self._reply.model


STEPS = ("ask", "limited", "reply", "feed", "end", "usage", "final", "cut", "error")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_fault_of_ours_hurts_one_request_only(step: str, stream: bool) -> None:
    """It ends refused and settled; its connection may close, others hear nothing of it."""

    async def go() -> None:
        stop = chunk(b'data: {"usage":{"output_tokens":9}}\n\n') + b"0\r\n\r\n"
        full = STREAM + chunk(START) + chunk(DELTA) + (b"" if step == "cut" else stop)
        async with besiege(full if stream else OK) as siege:
            wires = siege.plane.table.wires
            table = msgspec.structs.replace(
                siege.plane.table, wires={**wires, "anthropic.messages": Wrong(step)}
            )
            assert isinstance(table, Table)
            sound, siege.plane.table = siege.plane.table, table
            async with siege.client() as one:
                one.send(message(stream=stream))
                if step in ("cut", "error"):
                    if step == "cut" and stream:
                        await one.reader.readuntil(b"hello")
                    siege.plane.cut(refuse("bottle.cut"))
                said = await asyncio.wait_for(_all_of(one, closes=step in ("cut", "error")), 10)
                assert said or step in ("cut", "error")
            siege.plane.revoked = None
            siege.plane.table = sound
            siege.plane._routes.clear()
            siege.server._answers = [OK]
            async with siege.client() as two:
                assert (await two.ask(message())).status == 200
            await settled(siege.ledger, siege.server.heads)
            assert len(siege.ledger.rows()) == siege.server.heads
            assert not siege.plane._clients or await gone(siege)

    uvloop.run(go())


def test_a_stream_that_states_its_length_is_framed_anew() -> None:
    """What the meter lets go need not be as long, so it goes in chunks, and says so."""

    async def go() -> None:
        events = framed(START + DELTA, b"content-type: text/event-stream\r\n")
        async with besiege(events) as siege, siege.client() as client:
            reply = await client.ask(message(stream=True))
            assert reply.headers["transfer-encoding"] == "chunked"
            assert "content-length" not in reply.headers
            assert (reply.whole, reply.body[: len(START)]) == (True, START)

    uvloop.run(go())


async def _all_of(client: RawClient, *, closes: bool) -> bytes:
    if closes:
        return await client.reader.read()
    reply = await client.reply()
    return reply.body or b"ended"


async def gone(siege: Siege) -> bool:
    await until(lambda: not siege.plane._clients)
    return True


GROWING = STREAM + chunk(START) + chunk(DELTA) * 50


@pytest.mark.parametrize("how", ["fails", "expired"])
def test_a_reply_whose_hold_cannot_grow_ends_and_is_no_exhaustion(how: str) -> None:
    """A store that fails while a reply outgrows its hold is no budget that is used up."""

    async def go() -> None:
        ledger = FaultyLedger(MemoryLedger())
        spent: list[Refusal] = []
        async with besiege(b"", ledger=ledger) as siege, siege.client() as client:
            siege.plane._on_exhausted = spent.append
            client.send(message(stream=True, most=20))
            await until(lambda: siege.server.requests)
            if how == "fails":
                ledger.fail()
            else:
                ledger.expire(siege.plane.gate.now().replace(year=2100))
            siege.server.say(GROWING)
            said = await client.reader.readuntil(b"\r\n0\r\n\r\n")
            assert b"store.unavailable" in said
            ledger.mend()
            await settled(ledger, 1)
            assert not spent
            row = [row for _, row in ledger.rows()][-1]
            assert (row.ending, row.code) == ("cut", "store.unavailable")

    uvloop.run(go())


ODD_STATUS = {
    # a status that should not carry a paid reply     expected quality       output
    300: (Quality.UNKNOWN, 100),
    304: (Quality.UNKNOWN, 100),
    307: (Quality.UNKNOWN, 100),
    399: (Quality.UNKNOWN, 100),
    400: (Quality.MEASURED, 0),
    500: (Quality.MEASURED, 0),
    599: (Quality.MEASURED, 0),
}


@pytest.mark.parametrize(("status", "row"), ODD_STATUS.items())
def test_a_status_that_is_no_success(status: int, row: tuple[Quality, int]) -> None:
    """An error is free; what is neither success nor error stands at most."""

    async def go() -> None:
        answer = OK.replace(b"200 OK", b"%d Odd" % status)
        async with besiege(answer) as siege, siege.client() as client:
            assert (await client.ask(message())).status == status
            (only,) = await siege.rows()
            assert (only.usage.quality, only.usage.output) == row

    uvloop.run(go())


METHODS = {
    "HEAD": "meter.unknown_path",
    "GET": "meter.unknown_path",
    "PUT": "meter.unknown_path",
    "OPTIONS": "meter.unknown_path",
    "QUERY": "http.malformed",
    "post": "http.malformed",
}


@pytest.mark.parametrize(("method", "code"), METHODS.items())
def test_other_methods_on_a_metered_path(method: str, code: str) -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            client.send(message().replace(b"POST", method.encode()))
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert f"x-stopper-reason: {code}\r\n".encode() in head
            assert not siege.server.heads

    uvloop.run(go())


OVERRIDES = (
    "x-http-method-override: POST",
    "x-http-method: POST",
    "x-method-override: DELETE",
    "x-original-url: /v1/images",
    "x-rewrite-url: /v1/images",
)


@pytest.mark.parametrize("header", OVERRIDES)
def test_a_header_that_stands_for_another_request(header: str) -> None:
    """What is judged is the request line; no header may make it another one further on."""

    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            assert (await client.ask(siege.get(headers=f"{header}\r\n"))).code == "http.malformed"
            assert not siege.server.heads

    uvloop.run(go())


TYPES = (
    "content-type: text/plain; charset=utf-7",
    "content-type: application/x-www-form-urlencoded",
    "content-type: application/json\r\ncontent-type: multipart/form-data; boundary=x",
    "content-encoding: gzip",
    "content-encoding: identity",
    "digest: sha-256=x",
    "content-range: bytes 0-1/9",
)


@pytest.mark.parametrize("header", TYPES)
def test_what_is_sent_is_described_as_what_it_is(header: str) -> None:
    async def go() -> bytes:
        async with besiege(OK) as siege, siege.client() as client:
            assert (await client.ask(message(headers=f"{header}\r\n"))).status == 200
            return siege.server.requests[0]

    head, _, body = uvloop.run(go()).partition(b"\r\n\r\n")
    assert head.count(b"content-type: ") == head.count(b"content-type: application/json") == 1
    assert b"content-encoding" not in head
    assert b"digest" not in head
    assert b"range" not in head
    assert msgspec.json.decode(body)["max_tokens"] == 100


PATHS = (
    "/v1/models/..",
    "/v1/models/%2e%2e",
    "/v1/models/.%2e/",
    "/v1/models/..%2fmessages",
    "/v1/models/%252e%252e",
    "/v1/models/..;x",
    "/v1/models/x%5c..",
    "/v1/models/%00",
    "/v1//models",
    "/V1/models",
    "/v1/models;/x",
    "//v1/messages",
    "/./v1/messages",
    "/v1/messages/",
    "/v1/messages%20",
    "/v1/messages%3f",
    "/v1/messages;x",
    "/v1/Messages",
    "/v1/m%65ssages",
    "/v1/models/x%0d%0ay",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_a_server_might_take_for_another(path: str) -> None:
    async def go() -> None:
        async with besiege(OK) as siege:
            for method in (b"GET", b"POST"):
                async with siege.client() as client:
                    line = b"%b /anthropic%b HTTP/1.1\r\n" % (method, path.encode())
                    data = line + message().partition(b"\r\n")[2]
                    assert (await client.ask(data)).code in (
                        "meter.unknown_path",
                        "network.bad_url",
                    )
            assert not siege.server.heads

    uvloop.run(go())


def test_budgets_hold_when_a_provider_fails_at_once() -> None:
    """Refused and failing requests in a row leave the budget as it was."""

    async def go() -> None:
        async with mocked("anthropic") as (provider, ledger, _, port), RawClient(port) as client:
            provider.say(*[Script(fault=Fault(529))] * 5)
            for _unused in range(5):
                assert (await client.ask(message())).status == 529
            await settled(ledger, 5)
            assert sum(row.usage.total for _, row in ledger.rows()) == 0

    uvloop.run(go())
