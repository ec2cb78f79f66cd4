"""How often to try again, for how long, and what may be tried again at all."""

from typing import Final

from msgspec import Struct

from stopper.io_budget import provider_budgets

__all__ = ["INITIAL_BACKOFF", "MAX_RETRIES", "RETRY_CODES", "RetryPolicy", "policy_for"]

MAX_RETRIES: Final = 5
RETRY_CODES: Final = frozenset({429, 502, 503, 504})
INITIAL_BACKOFF: Final = 1.0
CEREBRAS_INITIAL_BACKOFF: Final = 3.0
MAX_PACE: Final = 100_000


class RetryPolicy(Struct, frozen=True):
    """When a request is tried again. Times are in seconds.

    A wait doubles from `initial` to `longest`, unless the server names one; up to `jitter` of it
    is added, never taken away. `tries` counts the first one too. Within `deadline` all tries begin
    and all waits end; what is left of it is also the most that a try may wait for bytes.

    A request that may not be repeated (POST) is tried again where it was surely not carried out:
    refused with one of `statuses`, or never sent. `retry_unanswered` also repeats it where it was
    sent and no reply began, which may be billed twice; an `Idempotency-Key` has the same effect.

    Of all clients that share a limiter, no more than `requests_per_minute` are sent in a minute.
    """

    tries: int = MAX_RETRIES
    initial: float = INITIAL_BACKOFF
    longest: float = 60.0
    jitter: float = 0.25
    deadline: float = 600.0
    statuses: frozenset[int] = RETRY_CODES
    retry_unanswered: bool = False
    requests_per_minute: int | None = None

    def __post_init__(self) -> None:
        if self.requests_per_minute is not None and not 0 < self.requests_per_minute <= MAX_PACE:
            raise ValueError(f"from 1 to {MAX_PACE} requests a minute are needed")
        if self.tries < 1 or not (0 < self.initial <= self.longest) or self.deadline <= 0:
            raise ValueError("at least one try, a wait above 0 and a deadline above 0 are needed")

    def wait(self, retry: int, said: float | None, chance: float) -> float:
        """The seconds before retry number `retry`, from 0; `said` is the server's own word."""
        base = self.backoff(retry) if said is None else said
        return base + self.jitter * chance * min(base, self.longest)

    def backoff(self, retry: int) -> float:
        """The wait without a word from the server, and without jitter."""
        return float(min(self.longest, self.initial * 2 ** min(retry, 32)))


def policy_for(provider: str) -> RetryPolicy:
    """The policy for a provider, at the pace of its budget; Cerebras cools down for 3 s."""
    initial = CEREBRAS_INITIAL_BACKOFF if provider == "cerebras" else INITIAL_BACKOFF
    budget = provider_budgets().get(provider)
    pace = None if budget is None else budget.requests_per_minute
    return RetryPolicy(initial=initial, requests_per_minute=pace)
