"""`RetryTransport`: tries again what may be tried again, for clients that wait and for loops."""

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any, Final

import httpx2

from stopper.core.provider import Provider
from stopper.data import load_providers
from stopper.data.tables import provider_named
from stopper.http.advice import MAX_BODY_BYTES
from stopper.http.family import async_stream, family_of, fault_of, sync_stream
from stopper.http.flow import Ask, Event, Peek, Reply, Send, TooLong, Wait, attempts
from stopper.http.limiter import Limiter, limiter_for
from stopper.http.policy import RetryPolicy, policy_for
from stopper.http.timing import SYSTEM, Timing

__all__ = ["TRIES", "RetryTransport", "provider_at"]

TRIES: Final = "stopper.tries"
"""The extension of a response that tells how often its request was sent."""

_KEY: Final = "idempotency-key"


class RetryTransport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A transport for `Client` and `AsyncClient` alike; `policy` says what is tried again.

    What the last try gave is the answer: a reply with its status, or the error. A reply that has
    begun to be read is never asked for again, and neither is a request whose body cannot be read
    twice. All clients of a provider wait together when it tells one of them to.

    `inner` sends, and is httpx2's own by default; one of httpx serves clients of httpx. `provider`
    is known by the host where it is not named.
    """

    def __init__(
        self,
        inner: Any = None,
        *,
        provider: str = "",
        policy: RetryPolicy | None = None,
        limiter: Limiter | None = None,
        timing: Timing = SYSTEM,
    ) -> None:
        self._sync = self._async = inner
        self._provider = provider_named(provider) if provider else ""
        self._policy = policy
        self._limiter = limiter
        self._timing = timing

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it, as often as need be."""
        if self._sync is None:
            self._sync = httpx2.HTTPTransport()
        work = _Work(self, request)
        for step in work.steps():
            match step:
                case Send():
                    work.prepare(step.seconds)
                    try:
                        work.got(self._sync.handle_request(request))
                    except Exception as error:  # noqa: BLE001  `failed` raises others
                        work.failed(error)
                case Peek():
                    pieces = iter(work.response.stream)
                    head = _first(pieces)
                    close = work.response.stream.close
                    work.peeked(head, sync_stream(work.package, _after(head, pieces), close))
                case Wait():
                    work.drop()
                    if work.closing is not None:
                        work.closing.close()
                    self._timing.sleep(step.seconds)
        return work.answer()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The same in an event loop."""
        if self._async is None:
            self._async = httpx2.AsyncHTTPTransport()
        work = _Work(self, request)
        for step in work.steps():
            match step:
                case Send():
                    work.prepare(step.seconds)
                    try:
                        work.got(await self._async.handle_async_request(request))
                    except Exception as error:  # noqa: BLE001  `failed` raises others
                        work.failed(error)
                case Peek():
                    pieces = aiter(work.response.stream)
                    head = await _first_async(pieces)
                    close = work.response.stream.aclose
                    stream = async_stream(work.package, _after_async(head, pieces), close)
                    work.peeked(head, stream)
                case Wait():
                    work.drop()
                    if work.closing is not None:
                        await work.closing.aclose()
                    await self._timing.sleep_async(step.seconds)
        return work.answer()

    def close(self) -> None:
        """Close what sends."""
        if self._sync is not None:
            self._sync.close()

    async def aclose(self) -> None:
        """The same in an event loop."""
        if self._async is not None:
            await self._async.aclose()

    def _terms(self, host: str) -> tuple[str, RetryPolicy, Limiter]:
        name = self._provider or provider_at(host)
        return (
            name,
            self._policy or policy_for(name),
            self._limiter or limiter_for(name),
        )


class _Work:
    """One request under way: its last reply or error, for whoever drives it."""

    def __init__(self, transport: RetryTransport, request: httpx2.Request) -> None:
        self.package = family_of(request)
        self.closing: Any = None
        self.tries = 0
        self._request = request
        self._given: Any = request.extensions
        self._name, policy, limiter = transport._terms(request.url.host)  # noqa: SLF001
        self._flow = attempts(_ask(request), policy, limiter, transport._timing)  # noqa: SLF001
        self._response: httpx2.Response | None = None
        self._error: Exception | None = None
        self._event: Event = None

    @property
    def response(self) -> Any:
        """The reply of the last try."""
        return self._response

    def steps(self) -> Iterator[Send | Peek | Wait]:
        """What to do, in turn; its outcome is told before the next is taken."""
        try:
            step = next(self._flow)
            while True:
                if isinstance(step, TooLong):
                    raise self.package.PoolTimeout(
                        f"{self._name} lets this process wait {step.seconds:.0f} s, beyond "
                        f"the deadline",
                        request=self._request,
                    )
                self._event = None
                yield step
                step = self._flow.send(self._event)
        except StopIteration:
            return

    def prepare(self, seconds: float) -> None:
        """Let the try wait no longer than is left."""
        limits = self._given.get("timeout") or {}
        kinds = ("connect", "read", "write", "pool")
        bounded = {kind: min(limits.get(kind) or seconds, seconds) for kind in kinds}
        self._request.extensions = {**self._given, "timeout": bounded}
        self._response = self._error = None
        self.tries += 1

    def got(self, response: httpx2.Response) -> None:
        """A reply began."""
        self._response = response
        headers = {name.lower(): value for name, value in response.headers.items()}
        self._event = Reply(response.status_code, headers)

    def failed(self, error: Exception) -> None:
        """There is none; what is no error of the network goes on to the caller."""
        fault = fault_of(error)
        if fault is None:
            raise error
        self._error, self._event = error, fault

    def peeked(self, head: list[bytes], stream: Any) -> None:
        """The beginning of the body was read, and stands before the rest of it again."""
        self.response.stream = stream
        encoded = self.response.headers.get("content-encoding", "identity") != "identity"
        self._event = b"" if encoded else b"".join(head)

    def drop(self) -> None:
        """The reply is not the answer."""
        self.closing = None if self._response is None else self.response.stream
        self._response = None

    def answer(self) -> httpx2.Response:
        """The last reply; raises the last error."""
        self._request.extensions = self._given
        if self._response is None:
            assert self._error is not None  # noqa: S101  one of the two is there after a try
            raise self._error
        self._response.extensions = {**self._response.extensions, TRIES: self.tries}
        return self._response


def provider_at(host: str) -> str:
    """The provider that a host belongs to; a host that is nobody's stands for itself."""
    name = host.lower()
    for provider in known_providers().values():
        if provider.serves(name):
            return provider.name
    return name


@lru_cache(maxsize=1)
def known_providers() -> dict[str, Provider]:
    """All packaged providers."""
    return load_providers()


def _ask(request: Any) -> Ask:
    try:
        request.content  # noqa: B018  raises where the body is a stream that ends once
    except family_of(request).RequestNotRead:
        replayable = False
    else:
        replayable = True
    return Ask(request.method.upper(), replayable, _KEY in request.headers)


def _first(pieces: Iterator[bytes]) -> list[bytes]:
    head: list[bytes] = []
    for piece in pieces:
        head.append(piece)
        if sum(map(len, head)) > MAX_BODY_BYTES:
            break
    return head


async def _first_async(pieces: AsyncIterator[bytes]) -> list[bytes]:
    head: list[bytes] = []
    async for piece in pieces:
        head.append(piece)
        if sum(map(len, head)) > MAX_BODY_BYTES:
            break
    return head


def _after(head: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from head
    yield from rest


async def _after_async(head: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in head:
        yield piece
    async for piece in rest:
        yield piece
