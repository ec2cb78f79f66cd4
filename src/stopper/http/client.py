"""`RetryingAsyncClient`: httpx2's client, whose requests are tried again."""

from typing import Any, Final

import httpx2

from stopper.http.limiter import Limiter
from stopper.http.policy import RetryPolicy
from stopper.http.retry import RetryTransport
from stopper.http.timing import SYSTEM, Timing

__all__ = ["RetryingAsyncClient"]

DEFAULT_LIMITS: Final = httpx2.Limits(max_connections=100, max_keepalive_connections=20)


class RetryingAsyncClient(httpx2.AsyncClient):
    """`httpx2.AsyncClient` over a `RetryTransport`; takes all that it takes.

    `transport` is what the retries send through. Proxies of the environment are for a client
    without a transport of its own, so name one as `transport=httpx2.AsyncHTTPTransport(proxy=...)`.
    """

    def __init__(
        self,
        *,
        provider: str = "",
        policy: RetryPolicy | None = None,
        limiter: Limiter | None = None,
        timing: Timing = SYSTEM,
        transport: Any = None,
        verify: Any = True,
        http2: bool = False,
        limits: httpx2.Limits = DEFAULT_LIMITS,
        **options: Any,
    ) -> None:
        inner = transport or httpx2.AsyncHTTPTransport(verify=verify, http2=http2, limits=limits)
        super().__init__(
            transport=RetryTransport(
                inner, provider=provider, policy=policy, limiter=limiter, timing=timing
            ),
            **options,
        )
