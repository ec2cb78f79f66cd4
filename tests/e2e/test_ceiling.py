"""Many streams, several processes, one ledger: a budget is a ceiling, to the token."""

# ruff: noqa: T201  the workers tell what they did

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from msgspec import Struct

from stopper.core.budget import Budget, Enforce, Unit
from stopper.core.scope import GLOBAL, Scope, ScopeKind
from stopper.core.usage import Quality, Usage
from stopper.meter.prices import Rates, rates
from stopper.stores import open_ledger
from stopper.testing.plane import loopback_plane
from stopper.testing.provider import Account, Remote
from stopper.testing.raw import RawClient

PROCESSES = 4
STREAMS = 50
"""In each process."""

PAID = 10
"""How many of all the streams the budget pays for."""

MODEL = "claude-sonnet-4-5"
MOST = 200
PROMPT = f"[[mock: tokens={MOST} per_delta=5 delay_ms=2]]"
INPUT = 14
"""What the mock provider counts for the prompt."""

TIMEOUT_SECONDS = 60
HEAD = (
    b"POST /anthropic/v1/messages HTTP/1.1\r\n"
    b"host: 127.0.0.1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
)
READ_BYTES = 1024
REPLY_BYTES = 6_000
REFUSED = b"x-stopper-reason"


class Case(Struct, frozen=True):
    """Which budgets bind, and whether callers leave in the middle of their replies."""

    budgets: tuple[Budget, ...]
    enforce: Enforce = Enforce.NEAREST
    leaving: bool = False


def price() -> Rates:
    """What the model costs."""
    found = rates("anthropic", MODEL, datetime.now(UTC))
    assert found is not None
    return found


TOKENS = Budget(GLOBAL, Unit.TOKENS, PAID * (INPUT + MOST))
DOLLARS = Budget(
    GLOBAL, Unit.MICROS, PAID * price().cost(Usage(input=INPUT, output=MOST)), provider="anthropic"
)
BOTTLE = Budget(Scope(ScopeKind.BOTTLE, "bottle"), Unit.TOKENS, TOKENS.limit * 2 // 3)
AGENT = Budget(Scope(ScopeKind.AGENT, "test"), Unit.TOKENS, TOKENS.limit * 3)

CASES = {
    "tokens": Case((TOKENS,)),
    "dollars": Case((DOLLARS,)),
    "every budget on the path": Case((TOKENS, DOLLARS, BOTTLE, AGENT), Enforce.ALL),
    "the nearest budget alone": Case((BOTTLE, Budget(GLOBAL, Unit.TOKENS, 10**9))),
    "callers that leave": Case((TOKENS, DOLLARS), leaving=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize(
    "rounds", [1, pytest.param(25, marks=pytest.mark.soak)], ids=["short", "soak"]
)
def test_no_token_goes_over_the_limit(
    tmp_path: Path, provider: Remote, case: Case, rounds: int
) -> None:
    for number in range(rounds):
        provider.settled()
        provider.reset()
        path = tmp_path / f"{number}.db"
        outcomes = run_workers(path, provider.url, case, seed=number)
        _check(path, case, outcomes, provider.settled().total)


def run_workers(path: Path, url: str, case: Case, seed: int) -> Counter[str]:
    """Let all processes loose at once; counts how their streams ended."""
    job = msgspec.json.encode(case).decode()
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, str(path), url, job, str(seed), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        told = [worker.communicate("go\n", timeout=TIMEOUT_SECONDS)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    return sum((Counter(json.loads(text)) for text in told), Counter())


def _check(path: Path, case: Case, outcomes: Counter[str], tally: Account) -> None:
    billed = tally.billed
    assert outcomes.total() == PROCESSES * STREAMS
    assert set(outcomes) <= {"complete", "budget.exhausted", "budget.held", "left", "refused"}
    if not case.leaving:
        assert PAID // 2 <= outcomes["complete"] == billed.requests < PAID * 3, outcomes
    ledger = open_ledger(path, enforce=case.enforce)
    try:
        rows = [row for _, row in ledger.rows()]
        accounts = ledger.accounts(None, datetime.now(UTC))
        assert ledger.open_holds() == 0
        assert ledger.verify_audit() is None
    finally:
        ledger.close()
    used = Counter[Unit](
        {Unit.TOKENS: billed.total, Unit.MICROS: _cost(billed.input, billed.output)}
    )
    for account in accounts:
        assert account.held == 0
        assert used[account.budget.unit] <= account.spent <= account.budget.limit, account
    assert len(rows) == billed.requests
    for row in rows:
        assert (row.usage.quality is Quality.MEASURED) or row.ending == "disconnected", row


def _cost(input_: int, output: int) -> int:
    return price().cost(Usage(input=input_, output=output))


async def work(path: str, url: str, case: Case, seed: int, number: int) -> None:
    """One process: an egress on the shared ledger, and its share of the streams."""
    chance = random.Random(seed * PROCESSES + number)  # noqa: S311  a load, no secret
    ledger = open_ledger(path, enforce=case.enforce)
    async with loopback_plane(
        ledger, {"anthropic": url}, run=f"run{number}", budgets=case.budgets
    ) as (_, base):
        port = int(base.rpartition(":")[2])
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        ended = await asyncio.gather(
            *(
                ask(port, chance.randrange(REPLY_BYTES) if case.leaving and number % 2 else None)
                for number in range(STREAMS)
            )
        )
    ledger.close()
    print(json.dumps(Counter(ended)))


async def ask(port: int, leave_after: int | None) -> str:
    """One stream; how it ended."""
    body: dict[str, Any] = {"model": MODEL, "max_tokens": MOST, "stream": True}
    body["messages"] = [{"role": "user", "content": PROMPT}]
    data = msgspec.json.encode(body)
    async with RawClient(port) as client:
        client.send(HEAD % len(data) + data)
        if leave_after is not None:
            return await leave(client, leave_after)
        reply = await client.reply()
        assert reply.whole
        return reply.code or "complete"


async def leave(client: RawClient, after: int) -> str:
    """Read so many bytes of the reply, and hang up."""
    seen = b""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while len(seen) < after and REFUSED not in seen:
            data = await client.reader.read(READ_BYTES)
            if not data:
                break
            seen += data
    client.writer.transport.abort()
    return "refused" if REFUSED in seen else "left"


if __name__ == "__main__":
    place, upstream, told_case, *numbers = sys.argv[1:]
    given = msgspec.json.decode(told_case, type=Case)
    uvloop.run(work(place, upstream, given, *map(int, numbers)))
