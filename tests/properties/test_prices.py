"""Laws of prices: our integers are genai-prices' decimals rounded up, and a hold is never short."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.usage import Usage
from stopper.data import load_providers
from stopper.meter.prices import Rates, rates

AT = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
PRICINGS = frozenset(load_providers()[name].pricing for name in load_providers())
MICROS = 10**6
SLACK = Fraction(1, 10**5)  # some prices are endless decimals, and each token's is rounded up
MEDIA = ("image", "audio", "live", "realtime", "banana", "omni", "sonic")
MODELS = [
    (provider.id, model.id)
    for provider in get_snapshot().providers
    if provider.id in PRICINGS
    for model in provider.models
    if not any(word in model.id for word in MEDIA)
]

counts = st.one_of(
    st.integers(0, 400_000),
    st.sampled_from([0, 1, 127_999, 128_000, 128_001, 199_999, 200_000, 200_001, 272_000, 272_001]),
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    output, write = draw(counts), draw(counts)
    return Usage(
        input=draw(counts),
        output=output,
        cache_write=write,
        cache_read=draw(counts),
        reasoning=draw(st.integers(0, output)),
        cache_write_1h=draw(st.integers(0, write)),
    )


@given(st.sampled_from(MODELS), usages())
def test_cost_is_their_price_rounded_up(model: tuple[str, str], usage: Usage) -> None:
    """For every priced text model, ours is theirs, at most one micro-dollar above."""
    found = rates(*model, AT)
    theirs = _theirs(model, usage)
    if found is None:
        assert theirs is None
        return
    assert theirs is not None
    assert 0 <= found.cost(usage) - theirs <= 1 + SLACK


@given(st.sampled_from(MODELS), usages(), st.integers(0, 100_000))
def test_a_hold_covers_the_cost(model: tuple[str, str], usage: Usage, slack: int) -> None:
    """What is held for at least this much input and output pays for it, whatever its kinds."""
    found = rates(*model, AT)
    if found is None:
        return
    bound = usage.input + usage.cache_write + usage.cache_read + slack
    assert found.cost(usage) <= _held(found, bound, usage.output)


@given(st.sampled_from(MODELS), counts, counts)
def test_a_larger_hold_costs_no_less(model: tuple[str, str], tokens: int, more: int) -> None:
    """Bounds grow with the input."""
    found = rates(*model, AT)
    if found is None:
        return
    assert found.input_micros(tokens) <= found.input_micros(tokens + more)
    assert found.output_pico(tokens) <= found.output_pico(tokens + more)


@pytest.mark.parametrize("model", MODELS[:: max(1, len(MODELS) // 200)], ids=str)
def test_each_model_once(model: tuple[str, str]) -> None:
    """A fixed usage with every kind, over models of every provider."""
    usage = Usage(
        input=5, output=12, cache_write=1_000, cache_read=7_777, reasoning=3, cache_write_1h=300
    )
    ours = rates(*model, AT)
    theirs = _theirs(model, usage)
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert 0 <= ours.cost(usage) - theirs <= 1 + SLACK


def _theirs(model: tuple[str, str], usage: Usage) -> Fraction | None:
    """Their price in micro-dollars; None where it has no price for input tokens."""
    tokens = TheirUsage(
        input_tokens=usage.input + usage.cache_write + usage.cache_read,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cache_write_1h_tokens=usage.cache_write_1h,
        output_tokens=usage.output,
        output_reasoning_tokens=usage.reasoning,
    )
    try:
        price = calc_price(tokens, model[1], provider_id=model[0], genai_request_timestamp=AT)
    except LookupError:  # some ids do not match their own model
        return None
    if price.model_price.input_mtok is None:
        return None
    return Fraction(price.total_price) * MICROS


def _held(found: Rates, tokens: int, output: int) -> int:
    return found.input_micros(tokens) + -(-output * found.output_pico(tokens) // MICROS)
