"""`MeteredTransport`: under an SDK, meters its calls, holds them to budgets, tries them again."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

import httpx2

from stopper.core.provider import Provider
from stopper.core.reason import Refusal, refuse
from stopper.data.tables import provider_named
from stopper.errors import MeterError, UsageError
from stopper.http.exchange import Exchange, Meter, Recorder, plain_headers
from stopper.http.family import async_stream, family_of, fault_of, sync_stream
from stopper.http.flow import Fault
from stopper.http.limiter import Limiter
from stopper.http.policy import RetryPolicy
from stopper.http.retry import RetryTransport, known_providers, provider_at
from stopper.http.timing import SYSTEM, Timing
from stopper.io_budget import ProviderBudget

__all__ = ["BUDGET", "MeteredTransport", "Recorder"]

BUDGET: Final = "stopper.budget"
"""The extension of a response that holds the BudgetResult of its request."""

_REPLACED: Final = frozenset({"content-length", "accept-encoding", "transfer-encoding"})
_CHANGED: Final = frozenset({"content-length", "content-encoding"})


class MeteredTransport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A transport for the HTTP client of the anthropic or openai SDK, waiting or in a loop.

    Every model call is read by its wire format. One whose input is over the provider's budget, or
    for which the day's limit of `ledger` has no room, is refused in the provider's own shape and
    never sent; its `max_tokens` is lowered to the output budget. What the reply used is recorded,
    as measured, or as estimated where it was left before its end. Calls that nobody can meter are
    refused, and so are those that name what has no bound, such as a conversation that the provider
    keeps; with `count_unbounded` these pass, and count by what their reply states. Retries are
    those of `RetryTransport`, so give the SDK `max_retries=0`.

    The limit of the day is checked against all who share the ledger, and against what is under way
    in this transport; what others have under way is not known. `inner` of httpx serves SDKs that
    stand on httpx.
    """

    def __init__(
        self,
        ledger: Recorder | None = None,
        *,
        provider: str = "",
        budget: ProviderBudget | None = None,
        operation: str = "",
        count_unbounded: bool = False,
        inner: Any = None,
        policy: RetryPolicy | None = None,
        limiter: Limiter | None = None,
        timing: Timing = SYSTEM,
    ) -> None:
        if provider and provider_named(provider) not in known_providers():
            raise UsageError(f"{provider!r} is no provider: `stopper providers` lists them")
        self._provider = provider_named(provider) if provider else ""
        self._meter = Meter(ledger, budget, operation, count_unbounded=count_unbounded)
        self._retry = RetryTransport(
            inner, provider=provider, policy=policy, limiter=limiter, timing=timing
        )
        self._timing = timing

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Meter it, and send it."""
        exchange = self._begun(request, request.read())
        if not isinstance(exchange, Exchange):
            return exchange or self._retry.handle_request(request)
        try:
            response: Any = self._retry.handle_request(_rewritten(request, exchange.body))
        except BaseException as error:
            _unanswered(exchange, error)
            raise
        if not exchange.follow(response.status_code, plain_headers(response.headers)):
            return _told(response, exchange)
        inner = response.stream
        pieces = _metered(exchange, inner, family_of(request))

        def close() -> None:
            try:
                inner.close()
            finally:
                exchange.end()

        return _told(response, exchange, sync_stream(family_of(request), pieces, close))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The same in an event loop."""
        exchange = self._begun(request, await request.aread())
        if not isinstance(exchange, Exchange):
            return exchange or await self._retry.handle_async_request(request)
        try:
            sent = _rewritten(request, exchange.body)
            response: Any = await self._retry.handle_async_request(sent)
        except BaseException as error:
            _unanswered(exchange, error)
            raise
        if not exchange.follow(response.status_code, plain_headers(response.headers)):
            return _told(response, exchange)
        inner = response.stream
        pieces = _metered_async(exchange, inner, family_of(request))

        async def close() -> None:
            try:
                await inner.aclose()
            finally:
                exchange.end()

        return _told(response, exchange, async_stream(family_of(request), pieces, close))

    def close(self) -> None:
        """Close what sends."""
        self._retry.close()

    async def aclose(self) -> None:
        """The same in an event loop."""
        await self._retry.aclose()

    def _begun(self, request: Any, body: bytes) -> Exchange | httpx2.Response | None:
        """The exchange of a call; None where it costs nothing; a response that refuses it."""
        provider = self._known(request.url.host)
        path = request.url.path
        endpoint = provider.endpoint(request.method.upper(), path) if provider else None
        if provider is None or endpoint is None:
            refusal = refuse("meter.unknown_path", f"{request.method} {request.url.host}{path}")
            return _response(request, *_plain(refusal))
        if endpoint.wire is None:
            return None
        exchange = Exchange(self._meter, provider, endpoint.wire, self._timing.monotonic)
        below = request.url.raw_path.decode("ascii", "replace")
        refused = exchange.begin(below, plain_headers(request.headers), body)
        if refused is not None:
            return _response(request, *exchange.error(refused))
        return exchange

    def _known(self, host: str) -> Provider | None:
        return known_providers().get(self._provider or provider_at(host))


def _metered(exchange: Exchange, stream: Any, package: Any) -> Iterator[bytes]:
    try:
        for data in stream:
            if out := exchange.feed(data):
                yield out
        if out := exchange.feed(None):
            yield out
    except MeterError as error:
        raise package.RemoteProtocolError(str(error)) from error
    finally:
        exchange.end()


async def _metered_async(exchange: Exchange, stream: Any, package: Any) -> AsyncIterator[bytes]:
    try:
        async for data in stream:
            if out := exchange.feed(data):
                yield out
        if out := exchange.feed(None):
            yield out
    except MeterError as error:
        raise package.RemoteProtocolError(str(error)) from error
    finally:
        exchange.end()


def _unanswered(exchange: Exchange, error: BaseException) -> None:
    """What was never sent cost nothing; of all else nobody knows, so its upper bound counts."""
    if fault_of(error) is Fault.UNSENT:
        exchange.drop()
    else:
        exchange.end()


def _rewritten(request: Any, body: bytes) -> Any:
    """The request with the body that is to be sent; the reply is to come plain."""
    headers = [(n, v) for n, v in request.headers.raw if n.lower().decode() not in _REPLACED]
    headers.append((b"accept-encoding", b"identity"))
    return type(request)(
        request.method,
        request.url,
        headers=headers,
        content=body,
        extensions=request.extensions,
    )


def _told(response: Any, exchange: Exchange, stream: Any = None) -> httpx2.Response:
    """The response with what was found, and over `stream` if there is one.

    Its length and coding are then no longer the provider's. It is made anew, because one that was
    given its content at once would never read the stream.
    """
    told: httpx2.Response = response
    if stream is not None:
        headers = [(n, v) for n, v in response.headers.raw if n.lower().decode() not in _CHANGED]
        told = family_of(response).Response(response.status_code, headers=headers, stream=stream)
    told.extensions = {**response.extensions, BUDGET: exchange.budget}
    return told


def _plain(refusal: Refusal) -> tuple[int, Mapping[str, str], bytes]:
    headers = {
        "content-type": "text/plain",
        "x-should-retry": "false",
        "x-stopper-reason": refusal.code,
    }
    return refusal.status, headers, refusal.sentence.encode()


def _response(
    request: Any, status: int, headers: Mapping[str, str], body: bytes
) -> httpx2.Response:
    made: httpx2.Response = family_of(request).Response(
        status, headers=headers, content=body, request=request
    )
    return made
