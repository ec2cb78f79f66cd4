"""Gathers what is known now: burn from the ledger, health from the limiters, prices from a list."""

import time
from datetime import UTC, datetime
from typing import Final

from stopper.data import load_providers
from stopper.data.tables import provider_named
from stopper.io_budget import budget_of
from stopper.meter.prices import FINE, rates
from stopper.routing.model import ModelPool
from stopper.routing.score import Situation
from stopper.telemetry.ledger import TokenLedger

__all__ = ["current_situation"]

INPUT_SHARE: Final = 3
"""A price is that of three parts of input to one of output, as agents use them."""

_THOUSAND: Final = 1000
_MICROS: Final = 10**6


def current_situation(
    pool: ModelPool,
    ledger: TokenLedger | None = None,
    *,
    at: datetime | None = None,
    prices: bool = True,
) -> Situation:
    """All that is known of the providers of a pool; looking up prices takes 0.3 s once.

    Health is what this process has seen of them. Raises StoreError where the ledger fails.
    """
    from stopper.http.limiter import limiter_for  # noqa: PLC0415  brings an HTTP client

    named = {model.provider: provider_named(model.provider) for model in pool.models.values()}
    burns = {p: ledger.check_burn_rate(name) for p, name in named.items()} if ledger else {}
    now = time.monotonic()
    return Situation(
        burn={p: burn.alert_level for p, burn in burns.items()},
        left={p: burn.remaining_tokens for p, burn in burns.items()},
        budgets={p: budget_of(name).max_input_tokens for p, name in named.items()},
        health={p: limiter_for(name).health(now) for p, name in named.items()},
        prices=_prices(pool, at or datetime.now(UTC)) if prices else {},
    )


def _prices(pool: ModelPool, at: datetime) -> dict[str, float]:
    """Dollars for a thousand tokens, of models that the list knows."""
    providers = load_providers()
    found = {}
    for model in pool.models.values():
        provider = providers.get(provider_named(model.provider))
        if provider is None or provider.pricing is None:
            continue
        known = rates(provider.pricing, model.model_id, at)
        if known is not None:
            band = known.bands[0]
            fine = (INPUT_SHARE * band.input + band.output) / (INPUT_SHARE + 1)
            found[model.model_id] = fine * _THOUSAND / FINE / _MICROS
    return found
