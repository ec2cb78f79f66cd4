"""The first stream waits for what streams need, and nobody else does."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
import uvloop

from stopper.control.engines import complete, open_detector, open_engine
from stopper.core.reason import Refusal, refuse
from stopper.detect.engine import Engine, HyperscanEngine, RegexEngine
from stopper.detect.handling import Choice, OnReply
from stopper.detect.inspection import packaged_rules
from stopper.detect.rules import Rule, fill
from stopper.detect.secrets import Detector
from stopper.egress.prepared import Prepared
from stopper.egress.screen import Screen
from stopper.testing.siege import Siege, besiege, framed, until

KEY = b"a key of the tests"
TOKEN = fill("ghp_{alnum:36}", "prepared").encode()
OK = framed(b"{}")


@pytest.fixture
def fresh() -> Iterator[None]:
    """As in a process that has opened nothing yet."""
    open_engine.cache_clear()
    yield
    open_engine.cache_clear()


def screen(
    detector: Detector, prepare: Callable[[], None], reply: OnReply = OnReply.IGNORE
) -> Screen:
    """One that has `prepare` done before the first stream."""
    return Screen(
        detector,
        now=lambda: datetime.now(UTC),
        on_reply=Choice(provider=reply, other=reply),
        prepare=prepare,
    )


def few(make: Callable[[tuple[Rule, ...]], Engine]) -> Detector:
    """A detector of few rules, of which no stream was followed yet."""
    rules = tuple(rule for rule in packaged_rules() if rule.id.startswith("g"))
    return Detector(rules, KEY, make(rules))


def chunked(siege: Siege, body: bytes) -> bytes:
    """A request whose body is followed as it streams."""
    host = b"127.0.0.1:%d" % siege.server.port
    head = b"POST http://%b/ HTTP/1.1\r\nhost: %b\r\ntransfer-encoding: chunked\r\n\r\n"
    return head % (host, host) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


ENGINES = {"hyperscan": HyperscanEngine, "regex": RegexEngine}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_others_are_answered_while_the_first_stream_waits(
    engine: Callable[[tuple[Rule, ...]], Engine],
) -> None:
    """Then it leaves, or stays where it holds a secret, and the next one does not wait."""
    detector, go_on = few(engine), Event()
    done: list[str] = []

    def prepare() -> None:
        assert go_on.wait(10)
        detector.engine.complete()
        done.append("prepared")

    async def go() -> None:
        looking = screen(detector, prepare)
        async with (
            besiege(OK, OK, OK, screen=looking) as siege,
            siege.client() as first,
            siege.client() as second,
        ):
            first.send(chunked(siege, b"it is " + TOKEN))
            await until(lambda: siege.plane.following.is_waited_for)
            for _ in range(2):
                assert (await second.ask(siege.get())).status == 200
            assert not done
            go_on.set()
            assert (await first.reply()).code == "secret.blocked"
            assert (await second.ask(chunked(siege, b"it is none"))).status == 200
            assert TOKEN not in siege.server.received
        assert done == ["prepared"]

    uvloop.run(go())


def test_a_request_whose_reply_is_looked_at_waits_as_well() -> None:
    detector, go_on = few(HyperscanEngine), Event()

    def prepare() -> None:
        assert go_on.wait(10)
        detector.engine.complete()

    async def go() -> None:
        looking = screen(detector, prepare, OnReply.BLOCK)
        async with (
            besiege(framed(b'{"a": "%b"}' % TOKEN), screen=looking) as siege,
            siege.client() as client,
        ):
            client.send(siege.get())
            await until(lambda: siege.plane.following.is_waited_for)
            assert not siege.server.requests
            go_on.set()
            assert TOKEN not in (await client.reply()).body

    uvloop.run(go())


def test_a_cut_reaches_who_waits() -> None:
    detector, go_on = few(HyperscanEngine), Event()

    def prepare() -> None:
        assert go_on.wait(10)

    async def go() -> None:
        looking = screen(detector, prepare)
        async with besiege(OK, screen=looking) as siege, siege.client() as client:
            client.send(chunked(siege, b"it is none"))
            await until(lambda: siege.plane.following.is_waited_for)
            siege.plane.cut(refuse("bottle.cut"))
            assert (await client.reply()).code == "bottle.cut"
            go_on.set()
            await until(lambda: not siege.plane.following.is_waited_for)
            assert not siege.server.requests

    uvloop.run(go())


def test_what_fails_is_refused_and_tried_again() -> None:
    told: list[str] = []
    answers: list[Refusal | None] = []

    def work() -> None:
        if len(told) == 1:
            raise OSError("no room")

    async def go() -> None:
        prepared = Prepared(work, lambda: told.append("waits"), is_done=False)
        for count in (1, 2):
            prepared.wait(answers.append)
            assert len(answers) == count - 1
            await until(lambda: len(answers) == count)  # noqa: B023  waited for at once
        prepared.wait(answers.append)
        assert [one and one.code for one in answers] == ["egress.fault", None, None]
        assert told == ["waits", "waits"]

    asyncio.run(go())


def test_who_is_ready_at_the_start_waits_for_nothing() -> None:
    async def go() -> None:
        answers: list[Refusal | None] = []
        Prepared(lambda: pytest.fail("done anew"), pytest.fail, is_done=True).wait(answers.append)
        assert answers == [None]

    asyncio.run(go())


@pytest.mark.soak
@pytest.mark.usefixtures("fresh")
def test_an_empty_cache_stalls_nobody(tmp_path: Path) -> None:
    """With all rules: while the first stream's seconds pass, another connection is served."""
    detector = open_detector(tmp_path)
    served: list[int] = []

    async def go() -> None:
        looking = screen(detector, lambda: complete(tmp_path))
        async with (
            besiege(*[OK] * 50, screen=looking) as siege,
            siege.client() as first,
            siege.client() as second,
        ):
            first.send(chunked(siege, b"it is none"))
            await until(lambda: siege.plane.following.is_waited_for)
            while siege.plane.following.is_waited_for and len(served) < 40:
                served.append((await second.ask(siege.get())).status)
            assert (await first.reply()).status == 200

    uvloop.run(go())
    assert served == [200] * 40
    open_engine.cache_clear()
    assert open_detector(tmp_path).engine.is_complete
