"""A provider may count a request's input before it is held; where it does not, the estimate holds."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from stopper.core.budget import Budget, Unit
from stopper.core.scope import GLOBAL
from stopper.stores.memory import MemoryLedger
from stopper.testing.plane import loopback_plane
from stopper.testing.provider import Provider, Script
from stopper.testing.raw import RawClient

LONG = "word " * 2000  # 10,000 bytes: 2,500 tokens by the mock's rule, more by any estimate
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "anthropic": (
        "/anthropic/v1/messages",
        {"max_tokens": 400, "messages": [{"role": "user", "content": LONG}]},
    ),
    "responses": ("/openai/v1/responses", {"max_output_tokens": 400, "input": LONG}),
    "gemini": (
        "/gemini/v1beta/models/mock:generateContent",
        {
            "contents": [{"role": "user", "parts": [{"text": LONG}]}],
            "generationConfig": {"maxOutputTokens": 400},
        },
    ),
    "chat, which nobody counts": (
        "/openai/v1/chat/completions",
        {"max_tokens": 400, "messages": [{"role": "user", "content": LONG}]},
    ),
}


@pytest.mark.parametrize(("path", "fields"), BODIES.values(), ids=BODIES)
def test_what_is_held_is_what_the_provider_counts(path: str, fields: dict[str, Any]) -> None:
    body = msgspec.json.encode({"model": "mock", **fields})
    request = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"

    async def held(*, remotely: bool) -> int:
        ledger = MemoryLedger()
        async with Provider() as provider:
            provider.say(Script(tokens=5, first_delay_ms=200), model="mock")
            upstreams = dict.fromkeys(("anthropic", "openai", "gemini"), provider.url)
            budget = Budget(GLOBAL, Unit.TOKENS, 10**6)
            async with (
                loopback_plane(ledger, upstreams, budgets=[budget], counts_remotely=remotely) as (
                    _,
                    url,
                ),
                RawClient(int(url.rpartition(":")[2])) as client,
            ):
                client.send(request.encode() + body)
                async with asyncio.timeout(5):
                    while not ledger.open_holds():  # noqa: ASYNC110  a ledger tells nobody
                        await asyncio.sleep(0.005)
                (account,) = ledger.accounts(None, datetime.now(UTC))
                assert (await client.reply()).status == 200
                return account.held - 400

    counted, estimated = asyncio.run(held(remotely=True)), asyncio.run(held(remotely=False))
    if "chat" in path:
        assert counted == estimated
    else:
        assert 2500 <= counted <= 2700 < estimated


def test_an_endpoint_that_fails_leaves_the_estimate() -> None:
    path, fields = BODIES["anthropic"]
    body = msgspec.json.encode({"model": "mock", **fields})
    request = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"

    async def go() -> None:
        async with (
            loopback_plane(
                MemoryLedger(), {"anthropic": "http://127.0.0.1:1"}, counts_remotely=True
            ) as (_, url),
            RawClient(int(url.rpartition(":")[2])) as client,
        ):
            assert (await client.ask(request.encode() + body)).code == "network.unreachable"

    asyncio.run(go())
