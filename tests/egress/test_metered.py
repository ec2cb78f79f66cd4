"""Model calls through the egress: held, limited, followed, settled; and what a cut looks like."""

import asyncio
import secrets
import string
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from stopper.core.budget import Budget, Unit, Window
from stopper.core.reason import refuse
from stopper.core.scope import GLOBAL
from stopper.core.usage import Quality
from stopper.egress.plane import Plane
from stopper.stores.ledger import UsageRow
from stopper.stores.memory import MemoryLedger
from stopper.testing.plane import loopback_plane
from stopper.testing.provider import Encoding, Fault, Provider, Script, Tool
from stopper.testing.raw import RawClient

PATHS = {
    "anthropic": "/anthropic/v1/messages",
    "openai": "/openai/v1/chat/completions",
    "responses": "/openai/v1/responses",
    "gemini": "/gemini/v1beta/models/mock:streamGenerateContent?alt=sse",
    "ollama": "/ollama/api/chat",
}
DRAINED = {"gemini"}
"""What goes on billing when it is left, so that its reply is read to the end."""

SAY = [{"role": "user", "content": "hi"}]
MEASURED, ESTIMATED, UNKNOWN = Quality.MEASURED, Quality.ESTIMATED, Quality.UNKNOWN


def body_of(format_name: str, *, stream: bool = True, most: int = 1000) -> bytes:
    """A small request in a wire format."""
    bodies: dict[str, dict[str, Any]] = {
        "anthropic": {"max_tokens": most, "messages": SAY, "stream": stream},
        "openai": {"max_tokens": most, "messages": SAY, "stream": stream},
        "responses": {"max_output_tokens": most, "input": "hi", "stream": stream},
        "gemini": {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "generationConfig": {"maxOutputTokens": most},
        },
        "ollama": {"messages": SAY, "stream": stream, "options": {"num_predict": most}},
    }
    return msgspec.json.encode({"model": "mock", **bodies[format_name]})


class World(Struct):
    """A plane between a raw client and the mock provider."""

    provider: Provider
    plane: Plane
    ledger: MemoryLedger
    port: int

    def client(self) -> RawClient:
        """A new connection."""
        return RawClient(self.port)

    async def row(self) -> UsageRow:
        """The only usage row, once it is written."""
        async with asyncio.timeout(10):
            while not (rows := self.ledger.rows()):  # noqa: ASYNC110  a ledger tells nobody
                await asyncio.sleep(0.005)
        assert len(rows) == 1
        return rows[0][1]


def post(format_name: str, body: bytes, headers: bytes = b"") -> bytes:
    """The bytes of a request."""
    path = PATHS[format_name].encode()
    head = b"POST %b HTTP/1.1\r\nhost: 127.0.0.1\r\n%bcontent-length: %d\r\n\r\n"
    return head % (path, headers, len(body)) + body


@asynccontextmanager
async def world(
    *budgets: Budget, keys: dict[str, str] | None = None, upstream: str = ""
) -> AsyncIterator[World]:
    """Everything, on loopback."""
    ledger = MemoryLedger()
    async with Provider() as provider:
        url = upstream or provider.url
        upstreams = dict.fromkeys(("anthropic", "openai", "gemini", "ollama"), url)
        async with loopback_plane(
            ledger, upstreams, budgets=budgets, keys=keys, hold_wait=timedelta(seconds=2)
        ) as (plane, base):
            yield World(provider, plane, ledger, int(base.rpartition(":")[2]))


def tokens(limit: int, window: Window = Window.LIFETIME) -> Budget:
    """A global budget in tokens."""
    return Budget(GLOBAL, Unit.TOKENS, limit, window)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "in one piece"])
@pytest.mark.parametrize("name", PATHS)
def test_the_ledger_equals_the_providers_own_books(name: str, stream: bool) -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            all_.provider.say(Script(tokens=40, thinking=5, cache_read=70, tools=(Tool("ls"),)))
            reply = await client.ask(post(name, body_of(name, stream=stream)))
            assert (reply.status, reply.whole) == (200, True)
            row = await all_.row()
            billed = (await all_.provider.settled()).total.billed
            used = row.usage
            assert (used.quality, row.ending) == (MEASURED, "complete")
            kinds = (billed.input, billed.cache_read)
            if name == "ollama":  # which has no word for a cache
                kinds = (sum(kinds), 0)
            assert (used.input, used.cache_read) == kinds
            assert used.output == billed.output > 40
            assert all_.ledger.open_holds() == 0

    asyncio.run(go())


@pytest.mark.parametrize("name", PATHS)
def test_a_request_is_clamped_to_what_the_budget_buys(name: str) -> None:
    async def go() -> None:
        async with world(tokens(500)) as all_, all_.client() as client:
            all_.provider.say(Script(tokens=5000))
            reply = await client.ask(post(name, body_of(name, most=4000)))
            assert reply.status == 200
            row = await all_.row()
            assert 300 < row.usage.total <= 500
            assert (await all_.provider.settled()).total.billed.total == row.usage.total

    asyncio.run(go())


@pytest.mark.parametrize("name", PATHS)
def test_a_provider_that_ignores_the_limit_is_cut(name: str) -> None:
    async def go() -> None:
        async with world(tokens(500)) as all_, all_.client() as client:
            all_.provider.say(Script(tokens=1500, ignore_limit=True, delay_ms=0.2))
            reply = await client.ask(post(name, body_of(name, most=4000)))
            assert reply.whole
            assert b"budget.overrun" in reply.body
            row = await all_.row()
            assert (row.ending, row.code) == ("cut", "budget.overrun")
            assert row.usage.quality is (MEASURED if name in DRAINED else ESTIMATED)

    asyncio.run(go())


@pytest.mark.parametrize("name", PATHS)
def test_an_operators_cut_ends_a_stream_in_its_own_protocol(name: str) -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            all_.provider.say(Script(tokens=400, delay_ms=5))
            client.send(post(name, body_of(name, most=8000)))
            await client.reader.readuntil(b"\r\n\r\n")
            all_.plane.cut(refuse("bottle.cut"))
            rest = await client.reader.read()
            assert b"bottle.cut" in rest
            assert rest.endswith(b"\r\n0\r\n\r\n")
            row = await all_.row()
            assert (row.ending, row.code) == ("cut", "bottle.cut")

    asyncio.run(go())


def test_after_a_cut_every_request_is_refused_and_none_leaves() -> None:
    async def go() -> None:
        async with world() as all_:
            all_.plane.cut(refuse("bottle.cut"))
            async with all_.client() as client:
                reply = await client.ask(post("anthropic", body_of("anthropic")))
            assert (reply.status, reply.code) == (403, "bottle.cut")
            assert all_.provider.tally().total.billed.requests == 0

    asyncio.run(go())


def test_a_budget_that_is_used_up_refuses_in_the_providers_shape() -> None:
    async def go() -> None:
        async with world(tokens(120)) as all_, all_.client() as client:
            all_.provider.say(Script(tokens=100), Script(tokens=100))
            await client.ask(post("anthropic", body_of("anthropic")))
            reply = await client.ask(post("anthropic", body_of("anthropic")))
            assert (reply.status, reply.code) == (402, "budget.exhausted")
            assert reply.headers["x-should-retry"] == "false"
            assert msgspec.json.decode(reply.body)["error"]["type"] == "billing_error"

    asyncio.run(go())


def test_a_request_larger_than_the_whole_budget_is_no_exhaustion() -> None:
    async def go() -> None:
        async with world(tokens(10)) as all_, all_.client() as client:
            reply = await client.ask(post("openai", body_of("openai")))
            assert (reply.status, reply.code) == (402, "budget.too_small")

    asyncio.run(go())


def test_a_budget_by_the_minute_paces() -> None:
    async def go() -> None:
        async with world(tokens(120, Window.MINUTE)) as all_, all_.client() as client:
            all_.provider.say(Script(tokens=100))
            await client.ask(post("openai", body_of("openai")))
            reply = await client.ask(post("openai", body_of("openai")))
            assert (reply.status, reply.code) == (429, "budget.paced")
            assert 0 < int(reply.headers["retry-after"]) <= 60

    asyncio.run(go())


def test_a_dollar_budget_refuses_a_model_without_a_price() -> None:
    async def go() -> None:
        budget = Budget(GLOBAL, Unit.MICROS, 1_000_000)
        async with world(budget) as all_, all_.client() as client:
            body = body_of("openai").replace(b'"mock"', b'"no-such-model"')
            reply = await client.ask(post("openai", body))
            assert (reply.status, reply.code) == (402, "budget.unpriced")

    asyncio.run(go())


def test_a_hold_waits_for_others_to_settle() -> None:
    async def go() -> None:
        async with world(tokens(1300)) as all_, all_.client() as one, all_.client() as two:
            all_.provider.say(Script(tokens=20, delay_ms=10), Script(tokens=20))
            one.send(post("anthropic", body_of("anthropic", most=5000)))
            await one.reader.readuntil(b"\r\n\r\n")
            second = await two.ask(post("anthropic", body_of("anthropic", most=5000)))
            assert second.status == 200
            assert len(all_.ledger.rows()) == 2

    asyncio.run(go())


LEFT = {
    # how the reply comes             script                                          quality     output at least
    "a stream":                       (Script(tokens=4000, delay_ms=2),                ESTIMATED,  1),
    "a stream of slow thought":       (Script(tokens=10, thinking=4000, delay_ms=2),   ESTIMATED,  0),
}  # fmt: skip


@pytest.mark.parametrize(("script", "quality", "least"), LEFT.values(), ids=LEFT)
def test_a_caller_that_leaves(script: Script, quality: Quality, least: int) -> None:
    async def go() -> None:
        async with world() as all_:
            all_.provider.say(script)
            async with all_.client() as client:
                client.send(post("anthropic", body_of("anthropic", most=8000)))
                await client.reader.readuntil(b"content_block_delta")
            row = await all_.row()
            assert (row.ending, row.usage.quality) == ("disconnected", quality)
            assert row.usage.output >= least
            assert (await all_.provider.settled()).total.billed.output < 4000

    asyncio.run(go())


BEGUN = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",'
    b'"role":"assistant","model":"m","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
)
LAST_WORD = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":7}}\n\n'
)


@pytest.mark.parametrize(
    ("said", "ending"),
    [(BEGUN, "disconnected"), (BEGUN + LAST_WORD, "complete")],
    ids=["in the middle", "behind the last word"],
)
def test_a_caller_that_leaves_before_the_body_ends(said: bytes, ending: str) -> None:
    """Behind the last word nothing is missing: SDKs hang up on the last event."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(said), said)
        )
        while await reader.read(65_536):  # the body never ends
            pass
        writer.close()

    async def go() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, world(upstream=url) as all_:
            async with all_.client() as client:
                client.send(post("anthropic", body_of("anthropic")))
                await client.reader.readuntil(said[-12:])
            assert (await all_.row()).ending == ending

    asyncio.run(go())


def test_a_provider_that_goes_on_billing_is_read_to_the_end() -> None:
    async def go() -> None:
        async with world() as all_:
            all_.provider.say(Script(tokens=200, delay_ms=1, bills_abandoned=True))
            async with all_.client() as client:
                client.send(post("gemini", body_of("gemini")))
                await client.reader.readuntil(b"data:")
            row = await all_.row()
            assert (row.ending, row.usage.quality) == ("disconnected", MEASURED)
            assert row.usage.output == (await all_.provider.settled()).total.billed.output

    asyncio.run(go())


FAULTS = {
    # what the provider does          script                                                   status  quality    ending
    "refuses the request":            (Script(fault=Fault(400)),                                400,    MEASURED,  "error"),
    "is overloaded":                  (Script(fault=Fault(529)),                                529,    MEASURED,  "error"),
    "fails in mid-stream":            (Script(tokens=50, fault=Fault(500, after=10)),           200,    ESTIMATED, "complete"),
    "hangs up in mid-stream":         (Script(tokens=50, disconnect_after=10),                  200,    ESTIMATED, "cut"),
    "says no usage":                  (Script(tokens=50, omit_usage=True),                      200,    ESTIMATED, "complete"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "status", "quality", "ending"), FAULTS.values(), ids=FAULTS)
def test_faults(script: Script, status: int, quality: Quality, ending: str) -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            all_.provider.say(script)
            reply = await client.ask(post("anthropic", body_of("anthropic")))
            assert (reply.status, reply.whole) == (status, True)
            row = await all_.row()
            assert (row.usage.quality, row.ending) == (quality, ending)
            assert row.status == status

    asyncio.run(go())


def test_a_reply_that_never_states_its_usage_stands_at_its_upper_bound() -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            all_.provider.say(Script(tokens=50, omit_usage=True))
            await client.ask(post("anthropic", body_of("anthropic", stream=False, most=777)))
            row = await all_.row()
            assert (row.usage.quality, row.usage.output) == (UNKNOWN, 777)

    asyncio.run(go())


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("stream", [True, False])
def test_compressed_replies_are_metered_and_passed_on_plain(
    encoding: Encoding, stream: bool
) -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            all_.provider.say(Script(tokens=50, encoding=encoding, force_encoding=True))
            reply = await client.ask(post("anthropic", body_of("anthropic", stream=stream)))
            assert "content-encoding" not in reply.headers
            assert b"output_tokens" in reply.body
            assert (await all_.row()).usage.output == 50

    asyncio.run(go())


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_oddly_chunked_streams_come_through_whole(size: int) -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            all_.provider.say(Script(tokens=30), Script(tokens=30, write_bytes=size))
            plain = await client.ask(post("openai", body_of("openai")))
            odd = await client.ask(post("openai", body_of("openai")))
            assert plain.body.count(b"data:") == odd.body.count(b"data:")
            assert odd.body.endswith(b"data: [DONE]\n\n")

    asyncio.run(go())


def _key() -> str:
    alphabet = string.ascii_letters + string.digits
    return "sk-ant-api03-" + "".join(secrets.choice(alphabet) for _ in range(40))


def test_the_key_goes_in_outside_and_never_comes_back() -> None:
    key = _key()

    async def go() -> None:
        async with world(keys={"anthropic": key}) as all_, all_.client() as client:
            mark = all_.plane.table.mounts["anthropic"].provider.placeholder
            echo = Script(text=f"your key is {key}", headers={"x-echo": key}, write_bytes=3)
            all_.provider.say(echo)
            headers = f"x-api-key: {mark}\r\n".encode()
            reply = await client.ask(post("anthropic", body_of("anthropic"), headers))
            assert reply.status == 200
            assert key.encode() not in reply.body
            assert key not in str(reply.headers)
            seen = all_.provider.requests()[-1]
            assert mark not in str(seen)
            assert all_.provider.tally().total.billed.requests == 1

    asyncio.run(go())


def test_without_a_key_outside_the_placeholder_goes_nowhere() -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            mounts = all_.plane.table.mounts
            assert mounts["anthropic"].credential is None
            reply = await client.ask(post("anthropic", body_of("anthropic")))
            assert reply.status == 200

    asyncio.run(go())


def test_an_upstream_that_does_not_answer_costs_nothing() -> None:
    async def go() -> None:
        async with world(upstream="http://127.0.0.1:1") as all_, all_.client() as client:
            reply = await client.ask(post("anthropic", body_of("anthropic")))
            assert (reply.status, reply.code) == (502, "network.unreachable")
            assert "x-should-retry" not in reply.headers
            await asyncio.sleep(0)
            assert all_.ledger.open_holds() == 0
            assert not all_.ledger.rows()

    asyncio.run(go())


UNMETERED = {
    "a batch": b"POST /anthropic/v1/messages/batches",
    "a file": b"POST /openai/v1/files",
    "another version": b"POST /anthropic/v2/messages",
    "an encoded slash": b"POST /anthropic/v1%2fmessages",
    "dots": b"POST /anthropic/v1/x/../messages",
    "another provider": b"POST /elsewhere/v1/messages",
}


@pytest.mark.parametrize("line", UNMETERED.values(), ids=UNMETERED)
def test_what_cannot_be_metered_does_not_leave(line: bytes) -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            reply = await client.ask(
                line + b" HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\n\r\n{}"
            )
            assert (reply.status, reply.code) == (403, "meter.unknown_path")

    asyncio.run(go())


def test_a_request_whose_body_is_signed_cannot_be_limited() -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            signed = b"authorization: AWS4-HMAC-SHA256 Credential=x\r\n"
            reply = await client.ask(post("anthropic", body_of("anthropic"), signed))
            assert (reply.status, reply.code) == (403, "credential.signed_body")

    asyncio.run(go())


UNREADABLE: dict[str, Sequence[bytes]] = {
    "no JSON": (b"x",),
    "a list": (b"[]",),
    "no limit": (b'{"model":"m","messages":[]}',),
    "a limit below zero": (b'{"model":"m","max_tokens":-1,"messages":[]}',),
    "a limit that is a text": (b'{"model":"m","max_tokens":"9","messages":[]}',),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_does_not_leave(body: Sequence[bytes]) -> None:
    async def go() -> None:
        async with world() as all_, all_.client() as client:
            reply = await client.ask(post("anthropic", body[0]))
            assert (reply.status, reply.code) == (400, "meter.unreadable")

    asyncio.run(go())
