"""An egress that is killed at any moment: nothing it spent is lost, and nothing it held stays."""

# ruff: noqa: T201  the workers tell what they did

import asyncio
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import uvloop

from stopper.control.home import LEDGER_FILE
from stopper.core.budget import Budget, Unit
from stopper.core.scope import GLOBAL
from stopper.core.usage import Quality
from stopper.stores import open_ledger
from stopper.stores.ledger import Pending
from stopper.testing.plane import loopback_plane
from stopper.testing.provider import Remote
from stopper.testing.raw import RawClient
from stopper.testing.user import User

AT_ONCE = 12
"""Callers of each egress, each with one request open nearly all the time."""

MOST_REPLIES = 60
"""How many replies an egress lives for, at most."""

LIFETIME = timedelta(seconds=60)
MODEL = "claude-sonnet-4-5"
MOST = 80
BUDGET = Budget(GLOBAL, Unit.TOKENS, 10**9)


@pytest.mark.parametrize(
    "rounds", [4, pytest.param(100, marks=pytest.mark.soak)], ids=["short", "soak"]
)
def test_an_egress_survives_being_killed(tmp_path: Path, provider: Remote, rounds: int) -> None:
    user = User(tmp_path)
    path = user.state / LEDGER_FILE
    chance = random.Random(rounds)  # noqa: S311  moments of a test, no secret
    pending: dict[str, Pending] = {}
    for number in range(rounds):
        _live_and_die(path, provider.url, number, chance.randint(1, MOST_REPLIES))
        fresh = _check(path, provider)
        pending |= {hold.hold: hold for hold in fresh}
    assert len(pending) > rounds
    listed = user.table("ledger", "pending")
    assert {row["hold"] for row in listed} == pending.keys()


def _live_and_die(path: Path, url: str, number: int, replies: int) -> None:
    """Let an egress work until its callers have so many replies, then kill it."""
    command = [sys.executable, __file__, str(path), url, str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        for _ in range(replies):
            assert worker.stdout.readline() == b"reply\n"
        worker.kill()
    assert worker.returncode == -signal.SIGKILL


def _check(path: Path, provider: Remote) -> list[Pending]:
    """The books of all rounds so far; gives what the dead egress still held."""
    billed = provider.settled().total.billed
    ledger = open_ledger(path)
    try:
        assert ledger.verify_audit() is None
        held = ledger.open_holds()
        expired = ledger.expire(datetime.now(UTC) + LIFETIME)
        assert ledger.open_holds() == 0
        assert len(expired) == held
        rows = [row for _, row in ledger.rows(limit=10**6)]
        (account,) = ledger.accounts(None, datetime.now(UTC))
    finally:
        ledger.close()
    assert account.held == 0
    assert account.spent == sum(row.usage.total for row in rows) >= billed.total
    assert sum(row.usage.output for row in rows) >= billed.output
    assert len(rows) >= billed.requests
    unknown = {row.hold for row in rows if row.usage.quality is Quality.UNKNOWN}
    assert {pending.hold for pending in expired} <= unknown
    return expired


async def work(path: str, url: str, number: str) -> None:
    """One egress and its callers, until it is killed."""
    ledger = open_ledger(Path(path), lifetime=LIFETIME)
    async with loopback_plane(ledger, {"anthropic": url}, run=f"run{number}", budgets=[BUDGET]) as (
        _,
        base,
    ):
        port = int(base.rpartition(":")[2])
        chances = [random.Random(f"{number} {caller}") for caller in range(AT_ONCE)]  # noqa: S311
        await asyncio.gather(*(ask_for_ever(port, chance) for chance in chances))


async def ask_for_ever(port: int, chance: random.Random) -> None:
    """One caller: streams and replies in one piece, long and short."""
    async with RawClient(port) as client:
        while True:
            tokens, delay = chance.randint(1, MOST), chance.choice((0, 1, 3))
            prompt = f"[[mock: tokens={tokens} delay_ms={delay}]]"
            body = {"model": MODEL, "max_tokens": MOST, "stream": chance.random() < 0.7}
            data = msgspec.json.encode(body | {"messages": [{"role": "user", "content": prompt}]})
            head = b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            reply = await client.ask(head + b"content-length: %d\r\n\r\n" % len(data) + data)
            assert (reply.status, reply.whole) == (200, True), reply
            print("reply", flush=True)


if __name__ == "__main__":
    uvloop.run(work(*sys.argv[1:]))
