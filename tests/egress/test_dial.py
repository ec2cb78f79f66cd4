import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address

import pytest
import uvloop

from stopper.core.reason import Refusal
from stopper.detect.allow import Allow, parse_rule
from stopper.egress.dial import MAX_LOOKUPS, Dialer, Resolve, Target, resolve_by_system
from stopper.egress.tls import Authority

NAME = "upstream.example.com"
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
CA = Authority()

Run = Callable[[Coroutine[None, None, None]], None]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner.run


class Greeted(asyncio.Protocol):
    """Keeps the first bytes it receives; tells how often it was connected."""

    def __init__(self) -> None:
        self.connected = 0
        self.greeting = asyncio.get_running_loop().create_future()

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self.connected += 1

    def data_received(self, data: bytes) -> None:
        self.greeting.set_result(data)


def _answers(*texts: str) -> Resolve:
    return lambda _: texts


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=CA.pem.decode())
    context.set_alpn_protocols(["http/1.1"])
    return context


def _proof(host: str) -> ssl.SSLContext:
    """A server that shows the certificate of `host` whatever name it is asked for."""
    context = CA.context(host)
    context.sni_callback = None
    return context


@contextmanager
def _dialer(resolve: Resolve, **bounds: float) -> Iterator[Dialer]:
    dialer = Dialer(resolve, _trusting(), **bounds)
    try:
        yield dialer
    finally:
        dialer.close()


@asynccontextmanager
async def _server(
    tls: ssl.SSLContext | None = None, greeting: bytes = b"hello", host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, host, 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _target(port: int, rule: str = f"{NAME}:{{}} at 127.0.0.1", scheme: str = "http") -> Target:
    allow = parse_rule(rule.format(port))
    return Target(scheme, allow.host, port, allow)


async def _greeting(dialer: Dialer, target: Target) -> bytes | str:
    """What the server says, or the code of the refusal."""
    opened = await dialer.connect(Greeted, target)
    if isinstance(opened, Refusal):
        return opened.code
    transport, protocol = opened
    try:
        data: bytes = await protocol.greeting
    finally:
        transport.close()
    assert protocol.connected == 1
    return data


VETTED = {
    # what is answered    rule                           answers             code
    "public":             ("example.com",                 "1.1.1.1 1.0.0.1",  None),
    "nothing":            ("example.com",                 "",                 "unresolved"),
    "loopback":           ("example.com:443",             "127.0.0.1",        "loopback"),
    "metadata":           ("example.com",                 "169.254.169.254",  "metadata"),
    "mixed":              ("example.com",                 "1.1.1.1 10.0.0.1", "mixed_answers"),
    "mixed families":     ("example.com",                 "1.1.1.1 ::1",      "mixed_answers"),
    "a link-local zone":  ("example.com",                 "fe80::1%1",        "link_local"),
    "no address":         ("example.com",                 "1.1.1",            "unresolved"),
    "the rule's address": ("example.com:443 at 10.0.0.1", "10.0.0.1",         None),
    "another address":    ("example.com:443 at 10.0.0.1", "10.0.0.2",         "not_allowed"),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "answers", "code"), VETTED.values(), ids=VETTED)
def test_vet(run: Run, rule: str, answers: str, code: str | None) -> None:
    """All answers come back, or a refusal with the code in the last column."""

    async def main() -> None:
        allow = parse_rule(rule)
        with _dialer(_answers(*answers.split())) as dialer:
            vetted = await dialer.vet(allow.host, allow.port, allow)
        if code is None:
            assert vetted == tuple(map(ip_address, answers.split()))
        else:
            assert isinstance(vetted, Refusal)
            assert vetted.code == f"network.{code}"

    run(main())


def test_a_rule_for_another_host_opens_nothing(run: Run) -> None:
    """The rule that comes along must reach the host, and nothing is resolved if it does not."""

    async def main() -> None:
        rule = parse_rule("example.com:443")
        with _dialer(_never) as dialer:
            for host, port in ((parse_rule("example.org").host, 443), (rule.host, 80)):
                vetted = await dialer.vet(host, port, rule)
                assert isinstance(vetted, Refusal)
                assert vetted.code == "network.not_allowed"

    run(main())


def test_a_literal_is_not_resolved(run: Run) -> None:
    """An address is dialled as it is."""

    async def main() -> None:
        with _dialer(_never) as dialer:
            async with _server() as port:
                assert await _greeting(dialer, _target(port, "127.0.0.1:{}")) == b"hello"

    run(main())


def test_rebinding_changes_nothing(run: Run) -> None:
    """The answer that was vetted is dialled; what a second lookup would say is never asked."""
    asked: list[str] = []

    def rebinding(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async def main() -> None:
        with _dialer(rebinding) as dialer:
            async with _server() as port:
                opened = await dialer.connect(Greeted, _target(port))
                assert not isinstance(opened, Refusal)
                assert opened[0].get_extra_info("peername") == ("127.0.0.1", port)
                opened[0].close()
                assert asked == [NAME]
                assert await _greeting(dialer, _target(port)) == "network.not_allowed"

    run(main())


def test_the_next_address_is_tried(run: Run) -> None:
    """An address where nothing listens does not hide the one behind it."""

    async def main() -> None:
        with _dialer(_answers("127.0.0.3", "127.0.0.1")) as dialer:
            async with _server() as port:
                target = _target(port, f"{NAME}:{{}} at 127.0.0.0/8")
                assert await _greeting(dialer, target) == b"hello"

    run(main())


def test_ipv6(run: Run) -> None:
    """The family follows the address."""

    async def main() -> None:
        with _dialer(_answers("::1")) as dialer:
            async with _server(host="::1") as port:
                assert await _greeting(dialer, _target(port, f"{NAME}:{{}} at ::1")) == b"hello"

    run(main())


def test_nothing_listens(run: Run) -> None:
    """Refused connections are unreachable, not a fault."""

    async def main() -> None:
        async with _server() as port:
            pass
        with _dialer(_answers("127.0.0.1")) as dialer:
            assert await _greeting(dialer, _target(port)) == "network.unreachable"

    run(main())


def test_tls_proves_the_name(run: Run) -> None:
    """The certificate must be for the name that was asked, whatever the address."""

    async def main() -> None:
        with _dialer(_answers("127.0.0.1")) as dialer:
            async with _server(_proof(NAME)) as port:
                assert await _greeting(dialer, _target(port, scheme="https")) == b"hello"
                other = _target(port, "other.example.com:{} at 127.0.0.1", "https")
                assert await _greeting(dialer, other) == "network.bad_certificate"

    run(main())


def test_tls_proves_an_address(run: Run) -> None:
    """A literal is proved by an address in the certificate."""

    async def main() -> None:
        with _dialer(_never) as dialer:
            async with _server(_proof("127.0.0.1")) as port:
                target = _target(port, "127.0.0.1:{}", "https")
                assert await _greeting(dialer, target) == b"hello"

    run(main())


def test_tls_speaks_http_1_only(run: Run) -> None:
    """HTTP/1.1 is the one protocol that is offered."""

    async def main() -> None:
        server = _proof(NAME)
        server.set_alpn_protocols(["h2", "http/1.1"])
        with _dialer(_answers("127.0.0.1")) as dialer:
            async with _server(server) as port:
                opened = await dialer.connect(Greeted, _target(port, scheme="https"))
                assert not isinstance(opened, Refusal)
                secure = opened[0].get_extra_info("ssl_object")
                assert secure.selected_alpn_protocol() == "http/1.1"
                opened[0].close()

    run(main())


def test_an_unknown_authority_is_refused(run: Run) -> None:
    """The context that is used by default knows no authority of ours."""

    async def main() -> None:
        dialer = Dialer(_answers("127.0.0.1"))
        async with _server(_proof(NAME)) as port:
            target = _target(port, scheme="https")
            assert await _greeting(dialer, target) == "network.bad_certificate"
        dialer.close()

    run(main())


def test_a_certificate_that_fails_ends_the_attempt(run: Run) -> None:
    """No other address is tried until one of them proves the name."""

    async def main() -> None:
        async with _server(_proof("other.example.com")) as port:
            with _dialer(_answers("127.0.0.1", "127.0.0.2")) as dialer:
                target = _target(port, f"{NAME}:{{}} at 127.0.0.0/8", "https")
                assert await _greeting(dialer, target) == "network.bad_certificate"

    run(main())


def test_plain_bytes_are_no_tls(run: Run) -> None:
    """What answers a handshake with something else proves no name."""

    async def main() -> None:
        with _dialer(_answers("127.0.0.1")) as dialer:
            async with _server(greeting=b"SSH-2.0-OpenSSH_9.9\r\n") as port:
                target = _target(port, scheme="https")
                assert await _greeting(dialer, target) == "network.bad_certificate"

    run(main())


def test_a_silent_handshake_is_too_late(run: Run) -> None:
    """A server that accepts and says nothing holds a connection for its bound only."""

    async def main() -> None:
        accepted = asyncio.Event()

        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set()
            await over.wait()
            writer.close()

        over = asyncio.Event()
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with _dialer(_answers("127.0.0.1"), connect_seconds=0.05) as dialer:
                target = _target(port, scheme="https")
                assert await _greeting(dialer, target) == "network.unreachable"
            assert await accepted.wait()
            over.set()

    run(main())


def test_one_lookup_for_many_callers(run: Run) -> None:
    """Callers that ask for one name at one time share the answer."""
    asked: list[str] = []
    release = threading.Event()

    def slow(name: str) -> list[str]:
        asked.append(name)
        release.wait()
        return ["1.1.1.1"]

    async def main() -> None:
        rule = parse_rule("example.com")
        with _dialer(slow) as dialer:
            waiting = [asyncio.ensure_future(dialer.vet(rule.host, 443, rule)) for _ in range(200)]
            await asyncio.sleep(0)
            release.set()
            assert {await one for one in waiting} == {(ip_address("1.1.1.1"),)}
        assert asked == ["example.com"]

    run(main())


def test_slow_lookups_are_bounded(run: Run) -> None:
    """A resolver that hangs costs its threads and no more, and others hear so at once."""
    release = threading.Event()

    def hanging(_: str) -> list[str]:
        release.wait()
        raise OSError("too late for anyone")

    async def main() -> None:
        with _dialer(hanging, resolve_seconds=0.01) as dialer:
            rules = [parse_rule(f"n{number}.example.com") for number in range(MAX_LOOKUPS + 1)]
            verdicts = [await dialer.vet(rule.host, 443, rule) for rule in rules[:3]]
            verdicts += await asyncio.gather(
                *(dialer.vet(rule.host, 443, rule) for rule in rules[3:])
            )
            release.set()
        codes = [verdict.code for verdict in verdicts if isinstance(verdict, Refusal)]
        assert codes == ["network.unresolved"] * MAX_LOOKUPS + ["egress.busy"]

    run(main())


def test_any_fault_of_a_resolver_is_a_refusal(run: Run) -> None:
    """A resolver may raise whatever it likes."""

    def broken(name: str) -> list[str]:
        raise RuntimeError(name)

    async def main() -> None:
        with _dialer(broken) as dialer:
            assert await _greeting(dialer, _target(1)) == "network.unresolved"

    run(main())


def test_a_cancelled_attempt_leaves_nothing_open(run: Run) -> None:
    """Cancelling while a connection is made closes its socket (an open one would warn)."""

    async def main() -> None:
        accepted = asyncio.Event()
        ended = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set()
            await reader.read()  # to its end
            ended.set()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with _dialer(_answers("127.0.0.1")) as dialer:
                attempt = asyncio.ensure_future(
                    dialer.connect(Greeted, _target(port, scheme="https"))
                )
                await accepted.wait()
                attempt.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await attempt
                await ended.wait()

    run(main())


def test_the_system_knows_localhost() -> None:
    """The default resolver answers in plain addresses, without a network."""
    assert "127.0.0.1" in resolve_by_system("localhost")


def test_a_target_is_a_key() -> None:
    """Equal targets are one in a pool; another rule is another target."""
    one, two = _target(80), _target(80)
    assert {one: 1}[two] == 1
    assert Target("http", one.host, 80, Allow(one.host, 80)) != one
    assert str(one) == f"{NAME}:80"


def _never(name: str) -> list[str]:
    raise AssertionError(name)
