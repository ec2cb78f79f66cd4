"""What becomes of one request, try by try; whoever drives it sends, waits and reads."""

from collections.abc import Generator, Mapping
from enum import Enum
from typing import Final

from msgspec import Struct

from stopper.http.advice import body_wait, header_wait, should_retry
from stopper.http.limiter import Limiter
from stopper.http.policy import RetryPolicy
from stopper.http.timing import Timing

__all__ = ["Ask", "Event", "Fault", "Peek", "Reply", "Send", "Step", "TooLong", "Wait", "attempts"]

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110, 9.2.2."""

_ERROR: Final = 400
_PAUSES: Final = frozenset({429, 503})


class Ask(Struct, frozen=True):
    """A request: whether its body can be sent again, and whether it carries an idempotency key."""

    method: str
    replayable: bool
    has_key: bool

    @property
    def idempotent(self) -> bool:
        """By its method, or by a key that it carries."""
        return self.method in IDEMPOTENT or self.has_key


class Reply(Struct, frozen=True):
    """The head of a reply; names in lower case."""

    status: int
    headers: Mapping[str, str]


class Fault(Enum):
    """No reply: the request never left, or it did and nothing came."""

    UNSENT = "unsent"
    UNANSWERED = "unanswered"


class Send(Struct, frozen=True):
    """Send it, and wait for bytes no longer than this. Answered by a Reply or a Fault."""

    seconds: float


class Peek(Struct, frozen=True):
    """Read the beginning of the reply's body. Answered by bytes."""


class Wait(Struct, frozen=True):
    """Drop the reply, if there is one, and wait."""

    seconds: float


class TooLong(Struct, frozen=True):
    """Do not send: it would have to wait for its turn, and for longer than the deadline."""

    seconds: float


Step = Send | Peek | Wait | TooLong
Event = Reply | Fault | bytes | None


def attempts(
    ask: Ask, policy: RetryPolicy, limiter: Limiter, timing: Timing
) -> Generator[Step, Event, None]:
    """Steps, until the last Reply or Fault is the answer."""
    end = timing.monotonic() + policy.deadline
    for retry in range(policy.tries):
        now = timing.monotonic()
        blocked = limiter.wait(now, policy, timing.chance())
        blocked += limiter.turn(now + blocked, policy)
        if now + blocked > end:
            yield TooLong(blocked)
            return
        if blocked:
            yield Wait(blocked)
        sent = timing.monotonic()
        outcome = yield Send(max(0.001, end - sent))
        pause = yield from _judged(outcome, sent, retry, ask, policy, limiter, timing)
        if pause is None or retry + 1 == policy.tries or timing.monotonic() + pause > end:
            return
        yield Wait(pause)


def _judged(  # noqa: PLR0917  all that a decision takes
    outcome: Event,
    sent: float,
    retry: int,
    ask: Ask,
    policy: RetryPolicy,
    limiter: Limiter,
    timing: Timing,
) -> Generator[Step, Event, float | None]:
    """The seconds before it is tried again; None where it is not."""
    now = timing.monotonic()
    if isinstance(outcome, Reply):
        limiter.note(outcome.status, now)
        if not _is_retried(outcome, policy):
            return None
        said = header_wait(outcome.headers, timing.wall())
        if said is None and outcome.status in _PAUSES:
            body = yield Peek()
            said = body_wait(body) if isinstance(body, bytes) else None
        if outcome.status in _PAUSES:
            limiter.strike(sent, now, said, policy)
    else:
        limiter.note(0, now)
        unsure = outcome is not Fault.UNSENT
        if unsure and not (ask.idempotent or policy.retry_unanswered):
            return None
        said = None
    if not ask.replayable:
        return None
    return policy.wait(retry, said, timing.chance())


def _is_retried(reply: Reply, policy: RetryPolicy) -> bool:
    said = should_retry(reply.headers)
    if said is None:
        return reply.status in policy.statuses
    return said and reply.status >= _ERROR
