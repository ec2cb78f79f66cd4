"""What retries and metering add to a request of httpx2."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import httpx2

from bench.harness import Bench, Row
from stopper.http import MeteredTransport, RetryTransport
from stopper.telemetry import TokenLedger
from stopper.testing.provider import Remote, provider_process

__all__ = ["BENCH"]

REQUESTS: Final = 200
_MS: Final = 1e3
_ASK: Final = json.dumps(
    {
        "model": "claude-sonnet-5",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "Hello? [[mock: tokens=32]]"}],
    }
).encode()


def measure(rounds: int) -> Iterator[Row]:
    """The same request, one after the other, through three transports in turns."""
    with tempfile.TemporaryDirectory(prefix="stopper-bench-") as folder, provider_process() as mock:
        ledger = TokenLedger(Path(folder) / "usage.jsonl", environ={})
        asyncio.run(_turn(mock, ledger))
        turns = [asyncio.run(_turn(mock, ledger)) for _ in range(rounds)]
    bare, retried, metered = (median(turn[side] for turn in turns) for side in range(3))
    yield Row("a request that may be tried again", "ms", retried, bare)
    yield Row("a request that is metered and recorded too", "ms", metered, bare)


async def _turn(mock: Remote, ledger: TokenLedger) -> list[float]:
    return [
        await _timed(mock.url, transport)
        for transport in (
            httpx2.AsyncHTTPTransport(),
            RetryTransport(provider="anthropic"),
            MeteredTransport(ledger, provider="anthropic"),
        )
    ]


async def _timed(url: str, transport: httpx2.AsyncBaseTransport) -> float:
    headers = {"content-type": "application/json"}
    async with httpx2.AsyncClient(transport=transport, headers=headers) as client:
        await client.post(f"{url}/v1/messages", content=_ASK)
        began = time.perf_counter()
        for _ in range(REQUESTS):
            reply = await client.post(f"{url}/v1/messages", content=_ASK)
            assert reply.status_code == 200
        return (time.perf_counter() - began) * _MS / REQUESTS


BENCH = Bench("requests of the toolkit; reference: httpx2 as it is", measure, 5)
