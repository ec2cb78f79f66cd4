"""One metered request: read, held, limited, followed and settled."""

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from stopper.core.provider import OnDisconnect, Provider
from stopper.core.reason import Refusal, refuse
from stopper.core.usage import Quality, Usage
from stopper.egress.costing import Quote, overflows
from stopper.egress.message import ReplyHead
from stopper.errors import MeterError
from stopper.meter.counts import CountCall, count_call
from stopper.meter.wire import Ask, Reply, Wire
from stopper.stores.ledger import Grant, Grow, Hold, UsageRow

if TYPE_CHECKING:
    from stopper.egress.plane import Plane

__all__ = ["Metering"]

LEAST_OUTPUT: Final = 16
"""Fewer output tokens than this are not worth their input: the request is refused instead."""

MOST_OUTPUT: Final = 32_768
"""What is held and asked for where neither the caller nor the provider's data gives a limit."""

RESERVE: Final = 8
"""Held beyond the limit of a clamped request, for what is read of a reply that ignores the limit
before it is cut."""

GROW_STEP: Final = 64

UNDER_WAY_SECONDS: Final = 0.5
"""How long a provider may go on writing before it notices that nobody reads."""

_ERROR: Final = 400
_FAULT: Final = 500
_PREFIX = os.urandom(8).hex()
_serial = iter(range(1, 2**62))


class Metering:
    """Everything about a request that costs money, and nothing about its connection.

    In order: `read`, `hold`, `limit`, then with `body` sent `follow`, `feed` and `end`; `settle`
    once. `left` tells that the upstream was left before its reply was whole. `on_growing` hears
    that a reply has outgrown its hold, of which no more may be read, and that it may go on.
    """

    def __init__(
        self,
        plane: "Plane",
        provider: Provider,
        wire: Wire,
        on_overrun: Callable[[Refusal], None],
        on_growing: Callable[[bool], None],
    ) -> None:
        self.body = b""
        self.sent = False
        self.left = False
        self._plane = plane
        self._provider = provider
        self._wire = wire
        self._on_overrun = on_overrun
        self._on_growing = on_growing
        self._id = f"{_PREFIX}{next(_serial):x}"
        self._ask: Ask | None = None
        self._quote: Quote | None = None
        self._grant: Grant | None = None
        self._asked = 0
        self._most = 0
        self._growing = False
        self._reply: Reply | None = None
        self._status = 0
        self._began = plane.loop.time()

    @property
    def streams(self) -> bool:
        """Whether the caller asked for a stream."""
        return self._ask is not None and self._ask.stream

    def status(self, refusal: Refusal) -> int:
        """The status that ends this wire format's clients instead of having them try again."""
        instead = self._wire.refusal_status
        final = _ERROR <= refusal.status < _FAULT and refusal.code != "budget.paced"
        return instead if instead and final else refusal.status

    def error(self, refusal: Refusal) -> bytes:
        """A refusal in the provider's own shape."""
        return self._wire.error(refusal)

    def read(self, path: str, body: bytes) -> Refusal | None:
        """Understand the request; a refusal where it cannot be metered."""
        try:
            ask = self._wire.ask(path, body)
        except MeterError as error:
            return refuse("meter.unreadable", str(error))
        shown = self._plane.screen.named(ask.model)
        ask = self._ask = ask if shown == ask.model else replace(ask, model=shown)
        self._quote = self._plane.costing.quote(self._provider, ask, self._plane.gate.now())
        return None

    def count_call(self, below: str) -> CountCall | None:
        """The call that has the provider count this request."""
        return count_call(self._wire.name, below, self._ask) if self._ask else None

    def counted(self, tokens: int) -> None:
        """The provider's own count replaces the estimate of the input."""
        if self._quote is not None:
            self._quote = self._plane.costing.requote(self._quote, tokens)

    def hold(self, answer: Callable[[Refusal | None], None]) -> None:
        """Set the upper bound aside; `answer` gets None when the request may leave."""
        ask, quote = self._ask, self._quote
        assert ask is not None and quote is not None  # noqa: S101, PT018  `read` comes first
        most = ask.max_output or self._provider.max_output(ask.model)
        hold = Hold(
            self._id,
            self._plane.run,
            self._provider.name,
            ask.model,
            quote.need,
            asked=most or MOST_OUTPUT,
            least=LEAST_OUTPUT,
        )
        self._asked = hold.asked

        def granted(grant: Grant | Refusal) -> None:
            if isinstance(grant, Refusal):
                unbounded = grant.code == "meter.unbounded"
                answer(refuse(grant.code, ask.unbounded) if unbounded else grant)
                return
            self._grant = grant
            answer(None)

        self._plane.gate.hold(hold, granted)

    def limit(self) -> Refusal | None:
        """Write the `body` to be sent, which asks for no more than was granted."""
        ask, grant = self._ask, self._grant
        assert ask is not None and grant is not None  # noqa: S101, PT018  `hold` comes first
        clamped = grant.output < self._asked and grant.output > 2 * RESERVE
        self._most = grant.output - RESERVE if clamped else grant.output
        try:
            self.body = self._wire.limited(ask, self._most)
        except MeterError as error:
            return refuse("meter.unreadable", str(error))
        self._ask = replace(ask, body={}, json=b"")  # large, and not needed again
        return None

    def follow(self, head: ReplyHead) -> None:
        """The reply begins."""
        assert self._ask is not None  # noqa: S101  `read` comes first
        self._status = head.status
        self._reply = self._wire.reply(self._ask, head.status, head.content_type)

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the decoded reply; give what may go to the caller. Raises MeterError."""
        reply = self._reply
        assert reply is not None  # noqa: S101  `follow` comes first
        out = reply.feed(data)
        if reply.live.deltas or reply.usage:
            self._watch(reply)
        return out

    def end(self) -> bytes:
        """The reply is whole; give what is left of it. Raises MeterError."""
        assert self._reply is not None  # noqa: S101  `follow` comes first
        return self._reply.end()

    @property
    def is_final(self) -> bool:
        """Whether the provider has had its last word on what it bills."""
        return self._reply is not None and self._reply.final

    def cut(self, refusal: Refusal) -> bytes:
        """The end of a reply that is cut here."""
        return self._reply.cut(refusal) if self._reply else self._wire.error(refusal)

    def settle(self, ending: str, code: str = "") -> None:
        """The end, however it came: write the usage row, or give back what was never sent."""
        self._on_overrun = _nobody  # what holds on to it is freed at once
        grant, self._grant = self._grant, None
        if grant is None:
            self._plane.gate.cancel(self._id)
        elif self.sent:
            self._plane.gate.settle(self._row(grant, ending, code))
        else:
            self._plane.gate.release(self._id)

    def _row(self, grant: Grant, ending: str, code: str) -> UsageRow:
        ask, quote, reply = self._ask, self._quote, self._reply
        assert ask is not None and quote is not None  # noqa: S101, PT018  a grant follows a quote
        usage = self._used(quote, grant, ask)
        micros = quote.micros(usage)
        if micros is not None and usage.quality is Quality.UNKNOWN:
            micros = max(micros, grant.micros)
        return UsageRow(
            hold=self._id,
            run=self._plane.run,
            provider=self._provider.name,
            model=ask.model,
            usage=usage,
            micros=micros,
            at=self._plane.gate.now(),
            wire=self._wire.name,
            ending="error" if self._status >= _ERROR else ending,
            code=code,
            status=self._status,
            text_bytes=ask.text_bytes,
            chars=reply.live.chars if reply else 0,
            millis=round((self._plane.loop.time() - self._began) * 1000),
        )

    def _used(self, quote: Quote, grant: Grant, ask: Ask) -> Usage:
        try:
            return self._usage(quote, grant, ask)
        except Exception:  # noqa: BLE001  a fault of the meter loses no row, so it stands at most
            return quote.bound(grant.output)

    def _usage(self, quote: Quote, grant: Grant, ask: Ask) -> Usage:
        """Measured where the provider had its last word; never less than may have been used."""
        reply = self._reply
        if reply is None:
            return quote.bound(grant.output)
        stated = reply.usage
        if self._status >= _ERROR:
            return stated or Usage(quality=Quality.MEASURED)
        if stated is not None and reply.final:
            return stated
        seen = quote.estimate(self._most, reply.live, stated)
        goes_on = self.left and self._provider.on_disconnect is OnDisconnect.DRAIN
        if ask.stream and not goes_on:
            return self._with_under_way(seen, quote, grant) if self.left else seen
        bound = quote.bound(grant.output)
        return replace(bound, output=max(bound.output, seen.output))

    def _with_under_way(self, seen: Usage, quote: Quote, grant: Grant) -> Usage:
        """What was seen, and what was written meanwhile and never received; both fit the hold."""
        seconds = max(self._plane.loop.time() - self._began, UNDER_WAY_SECONDS)
        more = math.ceil(seen.output * UNDER_WAY_SECONDS / seconds)
        most = self._most * quote.choices
        if seen.output <= most:  # a provider beyond its limit keeps to none
            more = min(more, most - seen.output)
        while more:
            usage = replace(seen, output=seen.output + more)
            tokens = self._plane.costing.weights.tokens(usage)
            if tokens <= grant.tokens and (quote.micros(usage) or 0) <= grant.micros:
                return usage
            more //= 2
        return seen

    def _watch(self, reply: Reply) -> None:
        """Hold more where the reply has outgrown its hold; end it where no budget pays for that."""
        quote, grant = self._quote, self._grant
        if quote is None or grant is None or self._growing:
            return
        reached = overflows(quote, self._most, reply.live, reply.usage)
        if reached is None:
            return
        reached = replace(reached, output=reached.output + GROW_STEP)
        tokens = self._plane.costing.weights.tokens(reached)
        micros = quote.micros(reached) or 0
        if tokens <= grant.tokens and micros <= grant.micros:
            return
        self._growing = True
        self._on_growing(True)
        grow = Grow(self._id, max(tokens, grant.tokens), max(micros, grant.micros))
        self._plane.gate.grow(grow, self._grown)

    def _grown(self, answer: Grant | Refusal) -> None:
        self._growing = False
        self._on_growing(False)
        grant = self._grant
        if grant is None:
            return
        if isinstance(answer, Refusal):
            short = answer.code.startswith("budget.")
            self._on_overrun(refuse("budget.overrun", answer.detail) if short else answer)
        else:
            self._grant = replace(grant, tokens=answer.tokens, micros=answer.micros)


def _nobody(refusal: Refusal) -> None:
    """A request that is settled is not cut any more."""
