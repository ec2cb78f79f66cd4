"""Calls of the official SDKs are metered, held to budgets and tried again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest

from stopper.core.usage import Quality
from stopper.errors import StoreError, UsageError
from stopper.http import Limiter, MeteredTransport, Timing
from stopper.io_budget import BudgetViolation, ProviderBudget
from stopper.telemetry import TokenLedger
from stopper.testing.clock import Clock
from stopper.testing.provider import Encoding, Fault, Provider, Script
from stopper.testing.raw import RawServer

ASK: Any = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hi."}],
}
CHAT: Any = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hi."}]}


@pytest.fixture
def ledger(tmp_path: Path) -> TokenLedger:
    return TokenLedger(tmp_path / "usage.jsonl", environ={})


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 30))


def transport(ledger: TokenLedger | None, provider: str, **options: Any) -> MeteredTransport:
    clock = Clock()
    timing = Timing(clock.monotonic, clock, clock.sleep, clock.sleep_async, lambda: 0.0)
    given = {"limiter": Limiter(), "timing": timing, **options}
    return MeteredTransport(ledger, provider=provider, **given)


def claude(under: MeteredTransport, url: str) -> anthropic.AsyncAnthropic:
    http = httpx2.AsyncClient(transport=under)
    return anthropic.AsyncAnthropic(api_key="k", base_url=url, http_client=http, max_retries=0)


def gpt(under: MeteredTransport, url: str) -> openai.AsyncOpenAI:
    http = httpx2.AsyncClient(transport=under)
    return openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1", http_client=http, max_retries=0)


def test_the_ledger_equals_the_providers_own_books(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            async with claude(transport(ledger, "anthropic"), provider.url) as sdk:
                provider.say(Script(tokens=20, cache_read=300, cache_write=50))
                await sdk.messages.create(**ASK)
                async with sdk.messages.stream(**ASK) as stream:
                    assert await stream.get_final_text()
            async with gpt(transport(ledger, "openai"), provider.url) as sdk_:
                await sdk_.chat.completions.create(**CHAT)
                chunks = [c async for c in await sdk_.chat.completions.create(**CHAT, stream=True)]
                assert all(chunk.usage is None for chunk in chunks)
                await sdk_.responses.create(model="gpt-5-mini", input="Hi.")
            billed = (await provider.settled()).total.billed
        entries = [*ledger.entries()]
        assert len(entries) == billed.requests == 5
        assert {entry.quality for entry in entries} == {Quality.MEASURED}
        assert sum(e.input_tokens for e in entries) == billed.input
        assert sum(e.output_tokens for e in entries) == billed.output
        assert sum(e.cache_read_tokens for e in entries) == billed.cache_read == 300
        assert {(e.provider, e.model) for e in entries} == {
            ("anthropic", "claude-sonnet-5"),
            ("openai", "gpt-5-mini"),
        }

    run(work)


def test_it_is_tried_again(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            provider.say(Script(fault=Fault(status=429, headers={"retry-after": "9"})))
            async with claude(transport(ledger, "anthropic"), provider.url) as sdk:
                await sdk.messages.create(**ASK)
        assert len([*ledger.entries()]) == 1

    run(work)


def test_an_error_costs_nothing(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            provider.say(Script(fault=Fault(status=500)))
            async with claude(transport(ledger, "anthropic"), provider.url) as sdk:
                with pytest.raises(anthropic.InternalServerError):
                    await sdk.messages.create(**ASK)
        assert [*ledger.entries()] == []

    run(work)


def test_input_over_budget_is_refused_in_the_providers_own_shape(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            small = transport(ledger, "anthropic", budget=ProviderBudget(200, 100))
            async with claude(small, provider.url) as sdk:
                ask = {**ASK, "messages": [{"role": "user", "content": "word " * 300}]}
                with pytest.raises(anthropic.APIStatusError) as caught:
                    await sdk.messages.create(**ask)
            assert "[stopper context.exceeded]" in caught.value.message
            assert caught.value.response.headers["x-should-retry"] == "false"
            assert provider.requests() == []

    run(work)


def test_output_is_clamped_and_the_budget_is_told(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            small = transport(ledger, "openai", budget=ProviderBudget(34, 60))
            provider.say(Script(tokens=500))
            async with gpt(small, provider.url) as sdk:
                reply = await sdk.chat.completions.with_raw_response.create(**CHAT, max_tokens=400)
            completion = reply.parse()
            assert completion.usage is not None
            assert completion.usage.completion_tokens == 60
            result = reply.http_response.extensions["stopper.budget"]
            assert result.violation is BudgetViolation.SOFT

    run(work)


def test_the_days_limit_counts_what_is_under_way(tmp_path: Path) -> None:
    """Twenty at once, of which the limit pays for some: it is never passed."""
    ledger = TokenLedger(tmp_path / "usage.jsonl", daily_limits={"anthropic": 1_000}, environ={})

    async def work() -> None:
        async with Provider() as provider:
            async with claude(transport(ledger, "anthropic"), provider.url) as sdk:
                asks = [sdk.messages.create(**ASK) for _ in range(20)]
                done = await asyncio.gather(*asks, return_exceptions=True)
                refused = [one for one in done if isinstance(one, anthropic.APIStatusError)]
                assert 0 < len(refused) < 20
                assert all("burn.exhausted" in one.message for one in refused)
                assert len(provider.requests()) == 20 - len(refused)
                await sdk.messages.create(**ASK)
        assert ledger.check_burn_rate("anthropic").used_tokens <= 1_000

    run(work)


def test_a_stream_that_is_left_is_estimated(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            provider.say(Script(tokens=1000, delay_ms=1))
            async with gpt(transport(ledger, "openai"), provider.url) as sdk:
                stream = await sdk.chat.completions.create(**CHAT, stream=True)
                seen = 0
                async for _ in stream:
                    seen += 1
                    if seen == 10:
                        break
                await stream.close()
        (entry,) = ledger.entries()
        assert entry.quality is Quality.ESTIMATED
        assert entry.output_tokens >= 8
        assert entry.input_tokens > 0

    run(work)


def test_a_reply_that_breaks_off_counts(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            provider.say(Script(tokens=50, disconnect_after=20))
            async with claude(transport(ledger, "anthropic"), provider.url) as sdk:
                with pytest.raises((anthropic.APIError, httpx2.HTTPError)):
                    async with sdk.messages.stream(**ASK) as stream:
                        await stream.get_final_text()
        (entry,) = ledger.entries()
        assert (entry.quality, entry.output_tokens >= 20) == (Quality.ESTIMATED, True)

    run(work)


def test_a_reply_that_never_came_counts_at_its_upper_bound(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with RawServer(None) as server:
            async with claude(transport(ledger, "anthropic"), server.url) as sdk:
                with pytest.raises(anthropic.APIConnectionError):
                    await sdk.messages.create(**ASK)
        (entry,) = ledger.entries()
        assert (entry.quality, entry.output_tokens) == (Quality.UNKNOWN, 100)
        async with claude(transport(ledger, "anthropic"), server.url) as sdk:
            with pytest.raises(anthropic.APIConnectionError):
                await sdk.messages.create(**ASK)
        assert len([*ledger.entries()]) == 1

    run(work)


def test_a_reply_that_is_no_reply(ledger: TokenLedger) -> None:
    async def work() -> None:
        body = b'{"usage": "none"}'
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        async with RawServer(head.encode() + body) as server:
            async with claude(transport(ledger, "anthropic"), server.url) as sdk:
                with pytest.raises(anthropic.APIError):
                    await sdk.messages.create(**ASK)
        assert [entry.quality for entry in ledger.entries()] != [Quality.MEASURED]
        assert len([*ledger.entries()]) == 1

    run(work)


@pytest.mark.parametrize("coding", Encoding)
def test_a_provider_that_compresses_unasked(ledger: TokenLedger, coding: Encoding) -> None:
    async def work() -> None:
        async with Provider() as provider:
            provider.say(Script(tokens=30, encoding=coding, force_encoding=True))
            async with claude(transport(ledger, "anthropic"), provider.url) as sdk:
                assert (await sdk.messages.create(**ASK)).usage.output_tokens == 30
        assert [entry.output_tokens for entry in ledger.entries()] == [30]

    run(work)


REFUSED = {
    # what it asks for            method  path                        body                   code
    "an unknown path":            ("POST", "/v1/messages/batches",     {},                    "meter.unknown_path"),
    "no JSON object":             ("POST", "/v1/messages",             [],                    "meter.unreadable"),
    "no model":                   ("POST", "/v1/messages",             {"messages": []},      "meter.unreadable"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_metered(
    ledger: TokenLedger, method: str, path: str, body: object, code: str
) -> None:
    with httpx2.Client(transport=transport(ledger, "anthropic")) as http:
        reply = http.request(method, f"http://127.0.0.1:1{path}", json=body)
    assert reply.headers["x-stopper-reason"] == code
    assert code in reply.text
    assert [*ledger.entries()] == []


def test_what_has_no_bound_passes_where_it_is_to_be_counted(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            ask: Any = {"model": "gpt-5-mini", "input": "Hi.", "previous_response_id": "resp_1"}
            async with gpt(transport(ledger, "openai"), provider.url) as sdk:
                with pytest.raises(openai.APIStatusError, match=r"meter\.unbounded"):
                    await sdk.responses.create(**ask)
            counting = transport(ledger, "openai", count_unbounded=True)
            async with gpt(counting, provider.url) as sdk:
                await sdk.responses.create(**ask)
        assert [entry.quality for entry in ledger.entries()] == [Quality.MEASURED]

    run(work)


def test_a_host_of_nobody_is_refused(ledger: TokenLedger) -> None:
    with httpx2.Client(transport=MeteredTransport(ledger)) as http:
        reply = http.get("http://127.0.0.1:1/v1/models")
    assert (reply.status_code, reply.headers["x-stopper-reason"]) == (403, "meter.unknown_path")


def test_what_costs_nothing_passes(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            async with claude(transport(ledger, "claude"), provider.url) as sdk:
                count = await sdk.messages.count_tokens(
                    model="claude-sonnet-5", messages=ASK["messages"]
                )
                assert count.input_tokens > 0
        assert [*ledger.entries()] == []

    run(work)


def test_a_ledger_that_fails_lets_nothing_out(ledger: TokenLedger) -> None:
    class Broken(TokenLedger):
        def check_burn_rate(self, provider: str) -> Any:  # noqa: ARG002
            raise StoreError("the disk is gone")

    with httpx2.Client(transport=transport(Broken(ledger.path), "anthropic")) as http:
        reply = http.post("http://127.0.0.1:1/v1/messages", json=ASK)
    assert reply.headers["x-stopper-reason"] == "store.unavailable"


def test_a_provider_that_is_none() -> None:
    with pytest.raises(UsageError, match="no provider"):
        MeteredTransport(provider="nobody")


@pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_both_packages_and_clients_that_wait(ledger: TokenLedger, package: Any) -> None:
    """SDKs of either generation: the transport sends through one of the package that asks."""

    async def work() -> None:
        async with Provider() as provider:

            def ask() -> None:
                under = transport(ledger, "anthropic", inner=package.HTTPTransport())
                with package.Client(transport=under, trust_env=False) as http:
                    reply = http.post(f"{provider.url}/v1/messages", json=ASK)
                    assert reply.json()["usage"]["output_tokens"] > 0
                    asked = {**ASK, "stream": True}
                    with http.stream("POST", f"{provider.url}/v1/messages", json=asked) as stream:
                        assert b"message_stop" in b"".join(stream.iter_bytes())
                    refused = http.post(f"{provider.url}/v1/none", json={})
                    assert refused.headers["x-stopper-reason"] == "meter.unknown_path"

            await asyncio.to_thread(ask)
            under = transport(ledger, "anthropic", inner=package.AsyncHTTPTransport())
            async with package.AsyncClient(transport=under, trust_env=False) as http:
                assert (await http.post(f"{provider.url}/v1/messages", json=ASK)).status_code == 200
            billed = (await provider.settled()).total.billed
        assert sum(entry.output_tokens for entry in ledger.entries()) == billed.output

    run(work)


def test_gzip_is_not_asked_for(ledger: TokenLedger) -> None:
    async def work() -> None:
        async with Provider() as provider:
            async with claude(transport(ledger, "anthropic"), provider.url) as sdk:
                await sdk.messages.create(**ASK)
            assert provider.requests()[0].headers["accept-encoding"] == "identity"

    run(work)


def test_the_provider_is_known_by_its_host(ledger: TokenLedger) -> None:
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    said = {"object": "list", "data": [], "model": "text-embedding-3-small", "usage": usage}

    class Inner(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            assert request.url.host == "api.openai.com"
            return httpx2.Response(200, json=said)

    under = MeteredTransport(ledger, inner=Inner(), operation="search")
    with httpx2.Client(transport=under) as http:
        ask = {"model": "text-embedding-3-small", "input": "hello there"}
        http.post("https://api.openai.com/v1/embeddings", json=ask)
    (entry,) = ledger.entries()
    assert (entry.provider, entry.input_tokens, entry.output_tokens) == ("openai", 2, 0)
    assert entry.operation == "search"
