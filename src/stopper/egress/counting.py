"""Asks a provider's own endpoint how large a request is, before it is held."""

from collections.abc import Callable
from typing import Final

from stopper.core.reason import Refusal
from stopper.egress.dial import Target
from stopper.egress.message import Headers, ReplyHead
from stopper.egress.upstream import Pool, Upstream
from stopper.errors import MeterError
from stopper.meter.counts import counted

__all__ = ["COUNT_SECONDS", "Counting"]

COUNT_SECONDS: Final = 5.0
MAX_REPLY_BYTES: Final = 64 * 1024
_OK: Final = 200


class Counting:
    """One count. `answer` gets the tokens once, or None where the endpoint did not say in time."""

    def __init__(self, pool: Pool, answer: Callable[[int | None], None]) -> None:
        self._pool = pool
        self._answer: Callable[[int | None], None] | None = answer
        self._upstream: Upstream | None = None
        self._request = b""
        self._status = 0
        self._body = bytearray()

    def ask(self, target: Target, request: bytes) -> None:
        """Send the whole request."""
        self._request = request
        self._pool.loop.call_later(COUNT_SECONDS, self._end, None)
        upstream = self._pool.take(target)
        if upstream is not None:
            self._opened(upstream)
        else:
            self._pool.open(target, self._opened)

    def cancel(self) -> None:
        """The count is not wanted any more: whatever is under way ends, and nothing is sent."""
        self._answer = None
        self._end(None)

    def _opened(self, upstream: Upstream | Refusal) -> None:
        if isinstance(upstream, Refusal):
            self._end(None)
        elif self._answer is None:
            self._pool.put(upstream)
        else:
            self._upstream = upstream
            upstream.attach(self, "POST")
            upstream.write(self._request)

    def _end(self, tokens: int | None) -> None:
        answer, self._answer = self._answer, None
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.close()
        if answer is not None:
            answer(tokens)

    # Receiver

    def on_reply_head(self, head: ReplyHead) -> None:
        """The status decides whether the body is a count."""
        self._status = head.status

    def on_reply_data(self, data: bytes) -> None:
        """Gather the body, which is short."""
        self._body += data
        if len(self._body) > MAX_REPLY_BYTES:
            self._end(None)

    def on_reply_end(self, trailers: Headers) -> None:  # noqa: ARG002  a count has none
        """Read the count."""
        self._upstream = None
        try:
            tokens = counted(bytes(self._body)) if self._status == _OK else None
        except MeterError:
            tokens = None
        self._end(tokens)

    def on_reply_lost(self, refusal: Refusal) -> None:  # noqa: ARG002  any loss is no count
        """No count."""
        self._upstream = None
        self._end(None)

    def on_reply_upgrade(self, head: ReplyHead, data: bytes) -> None:  # noqa: ARG002
        """Was not asked for."""
        self._end(None)

    def on_reply_raw(self, data: bytes) -> None:
        """Cannot come after an upgrade that ended it."""

    def on_upstream_blocked(self, blocked: bool) -> None:
        """The request is small enough to wait in the transport's buffer."""
