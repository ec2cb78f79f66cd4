"""One metered request of an SDK: read, checked against budgets, clamped, followed, recorded."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from msgspec import Struct

from stopper.core.provider import Provider
from stopper.core.reason import Refusal, refuse
from stopper.core.usage import Quality, Usage
from stopper.egress.encoding import Decoder
from stopper.errors import MeterError, StoreError
from stopper.io_budget import BudgetResult, ProviderBudget, budget_of, check_budget
from stopper.io_budget.tokens import CHARS_PER_TOKEN, counter_for
from stopper.meter.estimate import IMAGE_TOKENS, estimate_output
from stopper.meter.wire import Ask, Reply, Wire
from stopper.meter.wires import WIRES
from stopper.stores.ledger import Calibration

__all__ = ["Exchange", "Meter", "Recorder"]

_NO_SUCCESS: Final = 300
_MS: Final = 1000


class Burn(Protocol):
    """What is gone of a day's limit."""

    @property
    def used_tokens(self) -> int:
        """So many tokens are."""

    @property
    def daily_limit(self) -> int:
        """Of so many."""


class Recorder(Protocol):
    """Keeps what calls used: `stopper.telemetry.TokenLedger` does. Both raise StoreError."""

    def record_usage(  # noqa: PLR0917  as documented
        self,
        provider: str,
        model: str,
        input_tokens: int,
        output_tokens: int,
        latency_ms: float | None = None,
        operation: str = "",
        *,
        cache_write_tokens: int = 0,
        cache_read_tokens: int = 0,
        quality: Quality | str = Quality.MEASURED,
    ) -> object:
        """Keep it."""

    def check_burn_rate(self, provider: str) -> Burn:
        """How much of the day's limit is gone."""


class Held(Struct, frozen=True):
    """What a request may come to while it is under way."""

    input: int
    output: int

    @property
    def total(self) -> int:
        """Both."""
        return self.input + self.output


class Meter:
    """What the exchanges of one transport share; usable from threads."""

    def __init__(
        self,
        ledger: Recorder | None,
        budget: ProviderBudget | None,
        operation: str,
        *,
        count_unbounded: bool,
    ) -> None:
        self.ledger = ledger
        self.operation = operation
        self.count_unbounded = count_unbounded
        self._budget = budget
        self._mutex = threading.Lock()
        self._held: dict[str, int] = {}

    def budget(self, provider: str) -> ProviderBudget:
        """The caller's own, or the provider's packaged one."""
        return self._budget or budget_of(provider)

    def hold(self, provider: str, held: Held) -> Refusal | None:
        """Set it aside in this process; a refusal where the day's limit has no room for it."""
        with self._mutex:
            before = self._held.get(provider, 0)
            if self.ledger is not None:
                try:
                    burn = self.ledger.check_burn_rate(provider)
                except StoreError as error:
                    return refuse("store.unavailable", str(error))
                if burn.used_tokens + before + held.total > burn.daily_limit:
                    return refuse(
                        "burn.exhausted",
                        f"{burn.used_tokens:,} of {burn.daily_limit:,} tokens are used, and it "
                        f"may take {held.total:,}",
                    )
            self._held[provider] = before + held.total
        return None

    def release(self, provider: str, held: Held) -> None:
        """It is not under way any more."""
        with self._mutex:
            self._held[provider] -= held.total


class Exchange:
    """In order: `begin`, then with `body` sent `follow`, `feed` for all bytes, and `end` once."""

    def __init__(
        self, meter: Meter, provider: Provider, wire: str, monotonic: Callable[[], float]
    ) -> None:
        self.body = b""
        self.budget: BudgetResult | None = None
        self._meter = meter
        self._provider = provider
        self._wire: Wire = WIRES[wire]
        self._monotonic = monotonic
        self._began = monotonic()
        self._ask: Ask | None = None
        self._held: Held | None = None
        self._reply: Reply | None = None
        self._coding = ""
        self._decoder: Decoder | None = None

    def begin(self, path: str, headers: Mapping[str, str], body: bytes) -> Refusal | None:
        """Read the request, and make of it the `body` to send; or a refusal."""
        if headers.get("authorization", "").startswith("AWS4-"):
            return refuse("credential.signed_body", self._provider.name)
        try:
            ask = self._ask = self._wire.ask(path, body)
        except MeterError as error:
            return refuse("meter.unreadable", str(error))
        if ask.unbounded and not self._meter.count_unbounded:
            return refuse("meter.unbounded", ask.unbounded)
        name = self._provider.name
        limits = self._meter.budget(name)
        tokens = _tokens(ask)
        result = self.budget = check_budget(tokens, 0, name, budget=limits)
        if not result.allowed:
            worst = result.worst
            return refuse("context.exceeded", f"{worst.tokens:,} of {worst.limit:,} tokens")
        most = min(ask.max_output or limits.max_output_tokens, limits.max_output_tokens)
        held = Held(tokens, most * ask.choices)
        if refusal := self._meter.hold(name, held):
            return refusal
        self._held = held
        self.body = self._wire.limited(ask, most)
        return None

    def error(self, refusal: Refusal) -> tuple[int, dict[str, str], bytes]:
        """A refusal as a reply in the provider's own shape, which its SDK does not try again."""
        headers = {
            "content-type": "application/json",
            "x-should-retry": "false",
            "x-stopper-reason": refusal.code,
        }
        status = self._wire.refusal_status or refusal.status
        return status, headers, self._wire.error(refusal)

    def follow(self, status: int, headers: Mapping[str, str]) -> bool:
        """Whether the reply is to be fed; one that is an error costs nothing."""
        assert self._ask is not None  # noqa: S101  `begin` comes first
        if status >= _NO_SUCCESS:
            self._release()
            return False
        self._coding = headers.get("content-encoding", "").strip().lower()
        self._reply = self._wire.reply(self._ask, status, headers.get("content-type", ""))
        return True

    def feed(self, data: bytes | None) -> bytes:
        """What may go on of these bytes; None is their end. MeterError where a format is broken."""
        assert self._reply is not None  # noqa: S101  `follow` comes first
        if data is None:
            return self._reply.end()
        if self._coding:
            self._decoder, self._coding = Decoder.of(self._coding), ""
        return self._reply.feed(self._decoder.feed(data) if self._decoder else data)

    def end(self) -> None:
        """Record what it used, however it ended; the first time counts. Raises StoreError."""
        held, ask = self._held, self._ask
        if held is None or ask is None:
            return
        self._release()
        if self._meter.ledger is None:
            return
        usage = self._used(held)
        self._meter.ledger.record_usage(
            self._provider.name,
            (self._reply.model if self._reply else "") or ask.model,
            usage.input,
            usage.output,
            (self._monotonic() - self._began) * _MS,
            self._meter.operation,
            cache_write_tokens=usage.cache_write,
            cache_read_tokens=usage.cache_read,
            quality=usage.quality,
        )

    def drop(self) -> None:
        """It was never answered: nothing is recorded."""
        self._release()

    def _release(self) -> None:
        if self._held is not None:
            self._meter.release(self._provider.name, self._held)
        self._held = None

    def _used(self, held: Held) -> Usage:
        """The provider's own last word, or what was seen, or all that it may have been."""
        reply = self._reply
        if reply is None:
            return Usage(input=held.input, output=held.output, quality=Quality.UNKNOWN)
        stated = reply.usage
        if stated is not None and reply.final:
            return stated
        seen = min(estimate_output(reply.live, Calibration()), held.output)
        if stated is None:
            return Usage(input=held.input, output=seen, quality=Quality.ESTIMATED)
        return Usage(
            input=stated.input,
            output=max(stated.output, seen),
            cache_write=stated.cache_write,
            cache_read=stated.cache_read,
            quality=Quality.ESTIMATED,
        )


def _tokens(ask: Ask) -> int:
    """The input by the tokenizer; where there are images, their text by its size."""
    payload = len(ask.json) - ask.text_bytes
    if payload > 0:
        return ask.text_bytes // CHARS_PER_TOKEN + ask.media * IMAGE_TOKENS
    return counter_for(ask.model)(ask.json.decode()) + ask.media * IMAGE_TOKENS


def plain_headers(headers: Any) -> dict[str, str]:
    """Names in lower case."""
    return {name.lower(): value for name, value in headers.items()}
