"""What a request may cost at most, and what a reply did cost."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from stopper.core.hold import Need
from stopper.core.provider import Provider
from stopper.core.usage import Quality, Usage, Weights
from stopper.meter.estimate import count_tokens, estimate_output, floor_output
from stopper.meter.prices import Rates, rates, terms
from stopper.meter.wire import Ask, Live
from stopper.stores.ledger import Calibration

__all__ = ["Costing", "Quote", "overflows"]

MAX_MODELS: Final = 256
REQUESTS_A_CALIBRATION: Final = 256
_MILLI: Final = 1000


class Quote(Struct, frozen=True):
    """The upper bound of one request, and what is needed to price its reply.

    `input` is the most input tokens, of whatever kind; `choices` the replies that were asked for.
    """

    need: Need
    input: int
    choices: int
    rates: Rates | None
    calibration: Calibration

    def bound(self, output: int) -> Usage:
        """All that may have been used, for a reply that never said."""
        return Usage(input=self.input, output=output * self.choices, quality=Quality.UNKNOWN)

    def estimate(self, output: int, live: Live, stated: Usage | None) -> Usage:
        """What a reply that was not finished has used: what it stated, and what was seen of it.

        No more than the `output` tokens a choice that it was granted, unless it surely had more.
        """
        most = max(output * self.choices, floor_output(live))
        output = min(estimate_output(live, self.calibration), most)
        if stated is None:
            return Usage(input=self.input, output=output, quality=Quality.ESTIMATED)
        return Usage(
            input=stated.input,
            output=max(stated.output, output),
            cache_write=stated.cache_write,
            cache_read=stated.cache_read,
            reasoning=stated.reasoning,
            cache_write_1h=stated.cache_write_1h,
            quality=Quality.ESTIMATED,
        )

    def micros(self, usage: Usage) -> int | None:
        """The cost in micro-dollars; None where no price is known."""
        if usage.cost:
            return usage.cost
        return None if self.rates is None else self.rates.cost(usage)


class Costing:
    """Quotes requests; learns each model's calibration from the ledger every so often.

    Where a budget governs, a model without a price and a part without a bound are refused, unless
    they are to be counted: then the one costs tokens only, the other what is seen of it.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        count_unpriced: bool = False,
        count_unbounded: bool = False,
        calibration: Callable[[str, str], Calibration],
    ) -> None:
        self.weights = weights
        self._count_unpriced = count_unpriced
        self._count_unbounded = count_unbounded
        self._calibration = calibration
        self._known: dict[tuple[str, str], tuple[int, Calibration]] = {}

    def quote(self, provider: Provider, ask: Ask, at: datetime) -> Quote:
        """The upper bound for `ask`; a price that is not known is the budget's business."""
        calibration = self._calibrated(provider.name, ask.model)
        tokens = count_tokens(ask, provider.name, calibration)
        known = rates(provider.pricing, ask.model, at, terms(ask)) if provider.pricing else None
        need = Need(
            self._weighed(tokens),
            known.input_micros(tokens) if known else 0,
            self.weights.output * ask.choices,
            known.output_pico(tokens) * ask.choices if known else 0,
            priced=known is not None or self._count_unpriced,
            bounded=not ask.unbounded or self._count_unbounded,
        )
        return Quote(need, tokens, ask.choices, known, calibration)

    def requote(self, quote: Quote, tokens: int) -> Quote:
        """The same quote with an input of `tokens`, as the provider counted them."""
        rates_ = quote.rates
        need = replace(
            quote.need,
            tokens=self._weighed(tokens),
            micros=rates_.input_micros(tokens) if rates_ else 0,
            pico_per_output=rates_.output_pico(tokens) * quote.choices if rates_ else 0,
        )
        return replace(quote, need=need, input=tokens)

    def _weighed(self, tokens: int) -> int:
        return -(-tokens * self.weights.any_input // _MILLI)

    def _calibrated(self, provider: str, model: str) -> Calibration:
        uses, calibration = self._known.get((provider, model), (0, Calibration()))
        if uses & (uses - 1) == 0 or uses % REQUESTS_A_CALIBRATION == 0:  # 0, 1, 2, 4, 8, ...
            if len(self._known) >= MAX_MODELS:
                self._known.clear()
            calibration = self._calibration(provider, model)
        self._known[provider, model] = (uses + 1, calibration)
        return calibration


def overflows(quote: Quote, output: int, live: Live, stated: Usage | None) -> Usage | None:
    """The usage that a reply has surely reached, if that is more than was held for it."""
    reached = floor_output(live)
    if stated is None:
        if reached <= output * quote.choices:
            return None
        return Usage(input=quote.input, output=reached)
    reached = max(reached, stated.output)
    if stated.total - stated.output <= quote.input and reached <= output * quote.choices:
        return None
    return Usage(
        input=stated.input,
        output=reached,
        cache_write=stated.cache_write,
        cache_read=stated.cache_read,
        cache_write_1h=stated.cache_write_1h,
    )
