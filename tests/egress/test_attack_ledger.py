"""A ledger that fails at any moment: nothing passes, nothing is lost, nobody waits for ever."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import uvloop

from stopper.core.budget import Budget, Unit
from stopper.core.hold import Need
from stopper.core.reason import Refusal
from stopper.core.scope import GLOBAL, path_of
from stopper.core.usage import Quality, Usage
from stopper.egress import gate as gates
from stopper.egress.gate import Gate
from stopper.errors import StoreError
from stopper.stores.ledger import Grant, Grow, Hold, Ledger, Run, UsageRow
from stopper.stores.memory import MemoryLedger
from stopper.stores.sqlite import SqliteLedger
from stopper.testing.faults import FaultyLedger
from stopper.testing.plane import loopback_plane
from stopper.testing.provider import Provider, Script
from stopper.testing.raw import RawClient
from stopper.testing.siege import besiege, framed, message, settled, until

OK = framed(b'{"usage":{"input_tokens":3,"output_tokens":5}}')
NOW = datetime(2020, 1, 1, tzinfo=UTC)
FAULTS: dict[str, Exception] = {
    "as it may": StoreError("the disk is full"),
    "as it may not": RuntimeError("a defect"),
    "in its memory": MemoryError(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_while_it_fails_nothing_leaves(fault: Exception) -> None:
    async def go() -> None:
        ledger = FaultyLedger(MemoryLedger())
        async with besiege(OK, ledger=ledger) as siege, siege.client() as client:
            ledger.fail(fault=fault)
            for _ in range(3):
                reply = await client.ask(message())
                assert (reply.status, reply.code) == (403, "store.unavailable")
                assert reply.headers["x-should-retry"] == "false"
            assert not siege.server.heads
            ledger.mend()
            assert (await client.ask(message())).status == 200
            await siege.rows(1)

    uvloop.run(go())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("stream", [False, True])
def test_what_was_spent_while_it_failed_is_written_once_it_works(
    fault: Exception, stream: bool
) -> None:
    async def go() -> None:
        ledger = FaultyLedger(MemoryLedger())
        async with besiege(b"", ledger=ledger) as siege, siege.client() as client:
            client.send(message(stream=stream))
            await until(lambda: siege.server.requests)
            ledger.fail(fault=fault)
            siege.server.say(OK)
            assert (await client.reply()).status == 200
            assert (await client.ask(message())).code == "store.unavailable"
            assert not ledger.rows()
            ledger.mend()
            (row,) = await siege.rows(1)
            assert (row.usage.output, row.usage.quality) == (5, Quality.MEASURED)

    uvloop.run(go())


def test_a_write_in_doubt_is_written_once() -> None:
    """The ledger has it and says that it has not: the same again changes nothing."""

    async def go() -> None:
        ledger = FaultyLedger(MemoryLedger())
        async with besiege(b"", ledger=ledger) as siege, siege.client() as client:
            client.send(message())
            await until(lambda: siege.server.requests)
            ledger.fail(after=True)
            siege.server.say(OK)
            assert (await client.reply()).status == 200
            await until(lambda: len(ledger.batches) > 4)
            ledger.mend()
            await until(lambda: not siege.plane.gate._unsettled)
            assert len(await siege.rows(1)) == 1

    uvloop.run(go())


def test_renewals_outlive_faults() -> None:
    async def go() -> None:
        memory = MemoryLedger(lifetime=timedelta(seconds=30))
        ledger = FaultyLedger(memory)
        async with besiege(b"", ledger=ledger) as siege, siege.client() as client:
            client.send(message())
            await until(lambda: siege.server.requests)
            ledger.fail(fault=RuntimeError("a defect"))
            siege.plane.gate._renew_at = 0
            await asyncio.sleep(2 * gates.TICK)
            ledger.mend()
            siege.plane.gate._renew_at = 0
            (hold,) = siege.plane.gate._open
            before = memory._holds[hold].expires
            await until(lambda: memory._holds[hold].expires > before)

    uvloop.run(go())


def gate_on(ledger: Ledger, limit: int = 1000) -> Gate:
    """A gate with a budget in tokens over one run."""
    ledger.add_run(Run("run", "b", "a", path_of("run", "a", "b"), NOW))
    ledger.set_budget(Budget(GLOBAL, Unit.TOKENS, limit), NOW)
    return Gate(ledger, lifetime=timedelta(seconds=60))


def hold(name: str, tokens: int = 100, asked: int = 0) -> Hold:
    return Hold(name, "run", "anthropic", "m", Need(tokens, 0, 1000, 0), asked, min(asked, 1))


def row(name: str, output: int = 1) -> UsageRow:
    usage = Usage(output=output, quality=Quality.MEASURED)
    return UsageRow(name, "run", "anthropic", "m", usage, None, NOW)


def test_an_answer_that_is_not_taken_hurts_no_other() -> None:
    async def go() -> None:
        faults: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        gate = gate_on(MemoryLedger())
        answers: list[Grant | Refusal] = []

        def broken(_: Grant | Refusal) -> None:
            raise RuntimeError("a defect")

        gate.hold(hold("one"), answers.append)
        gate.hold(hold("two"), broken)
        gate.hold(hold("three"), answers.append)
        await until(lambda: len(answers) == 2)
        assert [answer.id for answer in answers if isinstance(answer, Grant)] == ["one", "three"]
        assert gate._open == {"one", "two", "three"}
        assert len(faults) == 1
        gate.close()

    uvloop.run(go())


def test_what_is_granted_at_the_very_end_is_given_back() -> None:
    async def go() -> None:
        ledger = MemoryLedger()
        gate = gate_on(ledger)
        gate.hold(hold("one"), lambda _: gate.release("one"))
        gate.close()
        assert ledger.open_holds() == 0

    uvloop.run(go())


def test_who_waited_longest_comes_first() -> None:
    async def go() -> None:
        gate = gate_on(MemoryLedger(), 100)
        got: list[str] = []

        def ask(name: str) -> None:
            gate.hold(hold(name), lambda a: got.append(name) if isinstance(a, Grant) else None)

        ask("first")
        await until(lambda: got)
        ask("second")
        await until(lambda: gate._waiting)
        ask("third")
        await until(lambda: len(gate._waiting) == 2)
        ask("fourth")
        gate.release("first")
        await until(lambda: len(got) == 2)
        gate.release("second")
        ask("fifth")
        await until(lambda: len(got) == 3)
        assert got == ["first", "second", "third"]
        gate.close()

    uvloop.run(go())


def test_settlements_that_wait_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "MAX_UNSETTLED", 10)

    async def go() -> None:
        ledger = FaultyLedger(MemoryLedger())
        gate = gate_on(ledger, 10**6)
        granted: list[Grant | Refusal] = []
        for number in range(30):
            gate.hold(hold(f"h{number}"), granted.append)
        await until(lambda: len(granted) == 30)
        ledger.fail()
        for number in range(30):
            gate.settle(row(f"h{number}"))
            await asyncio.sleep(0)
        assert len(gate._unsettled) == 10
        ledger.mend()
        await until(lambda: not gate._unsettled)
        assert (len(ledger.rows()), ledger.open_holds()) == (10, 20)  # these expire at most
        gate.close()

    uvloop.run(go())


def test_a_hold_that_grew_and_ended_in_one_turn_is_not_renewed_for_ever() -> None:
    async def go() -> None:
        gate = gate_on(MemoryLedger())
        got: list[Grant | Refusal] = []
        gate.hold(hold("one"), got.append)
        await until(lambda: got)
        gate.grow(Grow("one", 200, 0), got.append)
        gate.settle(row("one"))
        await until(lambda: len(got) == 2)
        assert not gate._open
        gate.close()

    uvloop.run(go())


MODELS = {
    "a NUL": "m\u0000x",
    "quotes": "m'\"; DROP TABLE runs; --",
    "two hundred characters of four bytes": "\U0001f600" * 200,
    "bidirectional controls": "\u202egpt",
    "line ends": "a\r\nb\nc",
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_names_that_an_agent_makes_up_do_no_harm(model: str, tmp_path: Path) -> None:
    async def go() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.db")
        async with besiege(OK, ledger=ledger) as siege, siege.client() as client:
            body = message().replace(b'"mock"', msgspec.json.encode(model))
            size = len(body.partition(b"\r\n\r\n")[2])
            body = body.replace(
                b"content-length: %d" % len(message().partition(b"\r\n\r\n")[2]),
                b"content-length: %d" % size,
            )
            assert (await client.ask(body)).status == 200
            assert (await client.ask(message())).status == 200
            rows = await siege.rows(2)
            assert {row.model for row in rows} == {model, "mock"}
            assert ledger.verify_audit() is None
        ledger.close()

    uvloop.run(go())


def test_a_lone_surrogate_is_no_name() -> None:
    async def go() -> None:
        async with besiege(OK) as siege, siege.client() as client:
            data = message().replace(b'"mock"', b'"\\ud8"')
            assert (await client.ask(data)).code == "meter.unreadable"
            assert not siege.server.heads

    uvloop.run(go())


def test_two_planes_on_one_ledger_never_pass_its_budget(tmp_path: Path) -> None:
    """Each hold is judged against what all processes hold, in whatever order they come."""

    async def go() -> None:
        path = tmp_path / "ledger.db"
        ledgers = [SqliteLedger(path) for _ in range(2)]
        budget = Budget(GLOBAL, Unit.TOKENS, 2000)
        async with Provider() as provider:
            provider.say(*[Script(tokens=80)] * 80)
            urls = {"anthropic": provider.url}
            async with (
                loopback_plane(ledgers[0], urls, run="one", budgets=[budget]) as (_, first),
                loopback_plane(ledgers[1], urls, run="two") as (_, second),
            ):
                await asyncio.gather(*(_one(url) for url in (first, second) * 20))
                for ledger in ledgers:
                    await until(lambda ledger=ledger: not ledger.open_holds())  # type: ignore[misc]
            billed = (await provider.settled()).total.billed.total
            spent = sum(row.usage.total for _, row in ledgers[0].rows())
            assert spent == billed <= 2000
            assert billed > 1000
        for ledger in ledgers:
            ledger.close()

    uvloop.run(go())


async def _one(url: str) -> int:
    async with RawClient(int(url.rpartition(":")[2])) as client:
        return (await client.ask(message())).status


def test_other_runs_open_holds_are_settled_when_their_owner_is_gone() -> None:
    async def go() -> None:
        ledger = MemoryLedger()
        gate = gate_on(ledger)
        ledger.apply([hold("dead")], NOW)
        gate._renew_at = 0
        await settled(ledger, 1)
        ((_, only),) = ledger.rows()
        assert only.usage.quality is Quality.UNKNOWN
        gate.close()

    uvloop.run(go())
