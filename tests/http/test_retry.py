"""Requests are tried again as they should be, against real servers, in no time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import httpx2
import pytest

from stopper.http import Limiter, RetryingAsyncClient, RetryPolicy, RetryTransport, Timing
from stopper.http.retry import TRIES
from stopper.testing.clock import NOON, Clock
from stopper.testing.raw import RawServer

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def answer(status: int, headers: str = "", body: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def timing(clock: Clock, chance: float = 0.0) -> Timing:
    return Timing(clock.monotonic, clock, clock.sleep, clock.sleep_async, lambda: chance)


def client(clock: Clock, provider: str = "test", **options: Any) -> RetryingAsyncClient:
    given = {"limiter": Limiter(), "timing": timing(clock), "trust_env": False, **options}
    return RetryingAsyncClient(provider=provider, **given)


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 20))


CASES: dict[str, tuple[str, str, list[bytes | None], int, list[float]]] = {
    # what happens                   method  provider    answers                                                    status  waits
    "all is well":                   ("POST", "test",     [OK],                                                      200, []),
    "429, then well":                ("POST", "test",     [answer(429), OK],                                         200, [1]),
    "each status that is retried":   ("POST", "test",     [answer(429), answer(502), answer(503), answer(504), OK],  200, [1, 2, 4, 8]),
    "five tries":                    ("GET",  "test",     [answer(503)],                                             503, [1, 2, 4, 8]),
    "Cerebras cools down":           ("POST", "Cerebras", [answer(429), answer(429), OK],                            200, [3, 6]),
    "Cerebras may say otherwise":    ("POST", "cerebras", [answer(429, "retry-after: 1\r\n"), OK],                   200, [1]),
    "Retry-After":                   ("POST", "test",     [answer(429, "Retry-After: 17\r\n"), OK],                  200, [17]),
    "a date":                        ("POST", "test",     [answer(503, "retry-after: Tue, 31 Mar 2026 12:00:40 GMT\r\n"), OK], 200, [40]),
    "milliseconds":                  ("POST", "test",     [answer(429, "retry-after-ms: 40\r\n"), OK],               200, [0.04]),
    "the body says when":            ("POST", "test",     [answer(429, "", b'{"error":{"details":[{"retryDelay":"22s"}]}}'), OK], 200, [22]),
    "no status to retry":            ("POST", "test",     [answer(500)],                                             500, []),
    "not found":                     ("GET",  "test",     [answer(404)],                                             404, []),
    "the server says no":            ("POST", "test",     [answer(429, "x-should-retry: false\r\n")],                429, []),
    "the server says yes":           ("POST", "test",     [answer(529, "x-should-retry: true\r\n"), OK],             200, [1]),
    "yes to what is well":           ("POST", "test",     [answer(200, "x-should-retry: true\r\n")],                 200, []),
    "beyond the deadline":           ("POST", "test",     [answer(429, "retry-after: 601\r\n")],                     429, []),
    "no reply to what may repeat":   ("GET",  "test",     [None, OK],                                                200, [1]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "provider", "answers", "status", "waits"), CASES.values(), ids=CASES
)
def test_cases(
    method: str, provider: str, answers: list[bytes | None], status: int, waits: list[float]
) -> None:
    clock = Clock()

    async def work() -> None:
        async with RawServer(*answers) as server, client(clock, provider) as http:
            body = b"hello" if method == "POST" else None
            reply = await http.request(method, server.url, content=body)
            assert reply.status_code == status
            assert clock.waits == pytest.approx(waits)
            assert len(server.requests) == len(waits) + 1 == reply.extensions[TRIES]
            assert len({request.split(b"\r\n\r\n")[1] for request in server.requests}) == 1

    run(work)


def test_an_error_keeps_its_body() -> None:
    """It was read to look for a delay."""

    async def work() -> None:
        said = answer(429, "content-type: text/plain\r\n", b"x" * 200_000)
        async with RawServer(said) as server, client(Clock()) as http:
            assert (await http.post(server.url, content=b"")).content == b"x" * 200_000

    run(work)


def test_an_unanswered_post_may_have_been_billed() -> None:
    async def work() -> None:
        async with RawServer(None, OK) as server:
            async with client(Clock()) as http:
                with pytest.raises(httpx2.RemoteProtocolError):
                    await http.post(server.url, content=b"x")
            async with client(Clock()) as http:
                assert (await http.post(server.url, content=b"x")).status_code == 200

    run(work)


@pytest.mark.parametrize("how", ["key", "policy"])
def test_an_unanswered_post_that_may_be_repeated(how: str) -> None:
    async def work() -> None:
        policy = RetryPolicy(retry_unanswered=how == "policy")
        headers = {"Idempotency-Key": "k"} if how == "key" else {}
        async with RawServer(None, OK) as server, client(Clock(), policy=policy) as http:
            reply = await http.post(server.url, content=b"x", headers=headers)
            assert reply.extensions[TRIES] == 2

    run(work)


def test_nobody_listens() -> None:
    """What was never sent is tried again, whatever it is."""
    clock = Clock()

    async def work() -> None:
        async with RawServer(OK) as server:
            url = server.url
        async with client(clock) as http:
            with pytest.raises(httpx2.ConnectError):
                await http.post(url, content=b"x")
        assert clock.waits == [1, 2, 4, 8]

    run(work)


def test_a_reply_that_has_begun_is_never_asked_for_again() -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf" + RawServer.CLOSE

    async def work() -> None:
        async with RawServer(half) as server, client(Clock()) as http:
            with pytest.raises(httpx2.RemoteProtocolError):
                await http.post(server.url, content=b"x", headers={"idempotency-key": "k"})
            assert len(server.requests) == 1

    run(work)


def test_a_body_that_is_a_stream_is_sent_once() -> None:
    async def body() -> Any:
        yield b"once"

    async def work() -> None:
        async with RawServer(answer(429)) as server, client(Clock()) as http:
            assert (await http.post(server.url, content=body())).status_code == 429
            assert len(server.requests) == 1

    run(work)


def test_the_deadline_bounds_all_of_it() -> None:
    clock = Clock()

    async def work() -> None:
        policy = RetryPolicy(deadline=6)
        async with RawServer(answer(503)) as server, client(clock, policy=policy) as http:
            assert (await http.get(server.url)).status_code == 503
        assert clock.waits == [1, 2]

    run(work)


def test_a_try_waits_no_longer_than_is_left() -> None:
    seen: list[dict[str, float]] = []

    class Inner(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            seen.append(request.extensions["timeout"])
            return httpx2.Response(503)

    async def work() -> None:
        policy = RetryPolicy(deadline=10)
        async with client(Clock(), policy=policy, transport=Inner(), timeout=8) as http:
            reply = await http.get("http://127.0.0.1:1/")
            assert reply.request.extensions["timeout"]["read"] == 8

    run(work)
    assert [limits["read"] for limits in seen] == [8, 8, 7, 3]


def test_jitter_is_added_and_never_taken_away() -> None:
    clock = Clock()

    async def work() -> None:
        options: dict[str, Any] = {"timing": timing(clock, chance=1.0)}
        said = answer(429, "retry-after: 8\r\n")
        async with RawServer(answer(502), said, OK) as server, client(clock, **options) as http:
            await http.get(server.url)
        assert clock.waits == [1.25, 10]

    run(work)


def test_all_clients_of_a_provider_wait_together() -> None:
    """Twenty at once are told to wait once: none of the others asks before that is over."""
    clock, limiter = Clock(), Limiter()

    async def work() -> None:
        async with RawServer(answer(429, "retry-after: 30\r\n"), OK) as server:
            async with client(clock, limiter=limiter) as one, client(clock, limiter=limiter) as two:
                assert (await one.post(server.url, content=b"1")).status_code == 200
                assert clock.waits == [30]
                limiter.strike(clock.monotonic(), clock.monotonic(), 12, RetryPolicy())
                assert (await two.post(server.url, content=b"2")).status_code == 200
                assert clock.waits == [30, 12]

    run(work)


def test_the_pace_of_a_provider() -> None:
    """Fifty a minute at Cerebras, whoever of this process sends them; each turn is one's own."""
    clock = Clock()

    async def work() -> None:
        async with RawServer(OK) as server, client(clock, "cerebras") as http:
            for _ in range(50):
                await http.get(server.url)
            assert clock.waits == []
            clock.go(seconds=20)
            for _ in range(3):
                await http.get(server.url)
            assert clock.waits == [40]

    run(work)


def test_turns_are_taken_one_by_one() -> None:
    limiter, policy = Limiter(), RetryPolicy(requests_per_minute=2)
    assert [limiter.turn(10, policy) for _ in range(6)] == [0, 0, 60, 60, 120, 120]
    assert limiter.turn(1000, policy) == 0


def test_who_would_wait_beyond_the_deadline_does_not_ask() -> None:
    clock, limiter = Clock(), Limiter()

    async def work() -> None:
        async with RawServer(OK) as server:
            policy = RetryPolicy(deadline=10)
            limiter.strike(clock.monotonic(), clock.monotonic(), 60, RetryPolicy())
            async with client(clock, limiter=limiter, policy=policy) as http:
                with pytest.raises(
                    httpx2.PoolTimeout, match="test lets this process wait 60 s, beyond"
                ):
                    await http.get(server.url)
            assert server.requests == []

    run(work)


@pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_both_packages_and_clients_that_wait(package: Any) -> None:
    clock = Clock()

    async def work() -> None:
        said = answer(429, "content-type: text/plain\r\n", b"slow")
        async with RawServer(None, said, answer(503), OK) as server:
            transport = RetryTransport(
                package.HTTPTransport(),
                provider="test",
                policy=RetryPolicy(tries=3, retry_unanswered=True),
                limiter=Limiter(),
                timing=timing(clock),
            )

            def ask() -> tuple[int, bytes]:
                with package.Client(transport=transport, trust_env=False) as http:
                    last = http.post(server.url, json={"a": 1})
                    return last.status_code, last.content

            assert await asyncio.to_thread(ask) == (503, b"")
            assert await asyncio.to_thread(ask) == (200, b"ok")
            inner = package.AsyncHTTPTransport()
            again = RetryTransport(inner, provider="test", limiter=Limiter(), timing=timing(clock))
            async with package.AsyncClient(transport=again, trust_env=False) as http:
                assert (await http.get(server.url)).text == "ok"

    run(work)


def test_cancelling_ends_the_waiting() -> None:
    async def work() -> None:
        async with RawServer(answer(429, "retry-after: 300\r\n")) as server:
            async with RetryingAsyncClient(
                provider="t", limiter=Limiter(), trust_env=False
            ) as http:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await http.get(server.url)

    run(work)


@pytest.mark.parametrize(
    "options",
    [
        *({"tries": 0}, {"initial": 0}, {"deadline": 0}, {"longest": 0.5}),
        {"requests_per_minute": 0},
    ],
)
def test_policies_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needed"):
        RetryPolicy(**options)


def test_health_is_of_the_last_minutes() -> None:
    clock, limiter = Clock(NOON), Limiter()
    for status in (200, 200, 429, 500, 0):
        limiter.note(status, clock.monotonic())
    limiter.strike(clock.monotonic(), clock.monotonic(), 30, RetryPolicy())
    health = limiter.health(clock.monotonic())
    assert (health.requests, health.errors, health.limits) == (5, 2, 1)
    assert (health.blocked_seconds, health.failing) == (30, 0.6)
    clock.go(minutes=6)
    assert limiter.health(clock.monotonic()).requests == 0


def test_strikes_of_one_moment_count_once() -> None:
    """A hundred requests under way are refused together: the pause is that of one refusal."""
    limiter, policy = Limiter(), RetryPolicy()
    for _ in range(100):
        limiter.strike(10, 11, None, policy)
    assert limiter.wait(11, policy, 0) == 1
    limiter.strike(12, 12, None, policy)
    assert limiter.wait(12, policy, 0) == 2
    limiter.note(200, 13)
    limiter.strike(20, 20, None, policy)
    assert limiter.wait(20, policy, 0) == 1
