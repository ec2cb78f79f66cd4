from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from stopper.core.usage import Usage
from stopper.meter.prices import FINE, MAX_MODEL_CHARS, STANDARD, Terms, rates, terms
from stopper.meter.wire import Ask

AT = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)

COSTS = {
    # what is priced               provider     model                         usage, micro-dollars
    "a cache write, once":        ("anthropic", "claude-3-7-sonnet-20250219", Usage(input=3, cache_write=12_304, output=550), 54_399),
    "a cache write, rounded up":  ("anthropic", "claude-opus-4-5-20251101",   Usage(input=6, cache_write=159_217, output=2_745), 1_063_762),
    "writes for an hour":         ("anthropic", "claude-3-7-sonnet-20250219", Usage(cache_write=1_000, cache_write_1h=400), 4_650),
    "cache reads":                ("anthropic", "claude-3-7-sonnet-20250219", Usage(cache_read=1_000), 300),
    "a read without its price":   ("openai",    "gpt-4-turbo",                Usage(cache_read=1_000), 10_000),
    "reasoning is output":        ("openai",    "gpt-5",                      Usage(output=100, reasoning=90), 1_000),
    "up to the tier":             ("google",    "gemini-2.5-pro",             Usage(input=190_000, cache_read=10_000, output=1_000), 248_750),
    "past the tier, all of it":   ("google",    "gemini-2.5-pro",             Usage(input=190_001, cache_read=10_000, output=1_000), 492_503),
    "a fee for each request":     ("perplexity", "sonar",                     Usage(input=1_000, output=1_000), 14_000),
    "what the provider says":     ("openrouter", "openai/gpt-4o",             Usage(input=1_000_000, cost=17), 17),
    "nothing said is no price":   ("openrouter", "openai/gpt-4o",             Usage(input=1_000, cost=0), 2_500),
    "through a region's profile": ("aws",       "us.anthropic.claude-3-7-sonnet-20250219-v1:0", Usage(input=1_000), 3_000),
    "one token of a cheap model": ("openai",    "gpt-5-nano",                 Usage(input=1), 1),
    "nothing":                    ("openai",    "gpt-5-nano",                 Usage(), 0),
    "more reasoning than output": ("openai",    "gpt-5",                      Usage(output=10, reasoning=90), 100),
    "images cost more than text": ("google",    "gemini-2.5-flash-image",     Usage(output=1_000), 30_000),
}  # fmt: skip


@pytest.mark.parametrize(("pricing", "model", "usage", "micros"), COSTS.values(), ids=COSTS)
def test_cost(pricing: str, model: str, usage: Usage, micros: int) -> None:
    """Each row costs exactly the micro-dollars in its last column."""
    found = rates(pricing, model, AT)
    assert found is not None
    assert found.cost(usage) == micros


UNPRICED = {
    "an unknown model":            ("openai", "gpt-99-enormous", STANDARD),
    "an unknown provider":         ("nobody", "gpt-4o", STANDARD),
    "a name without end":          ("openai", "gpt-4o" + "-" * MAX_MODEL_CHARS, STANDARD),
    "billed by the hour":          ("openai", "whisper-1", STANDARD),
    "sound billed by the hour":    ("mistral", "voxtral-small-24b-2507", Terms(sound=True)),
    "listed without any price":    ("cerebras", "qwen-3-coder-480b", STANDARD),
}  # fmt: skip


@pytest.mark.parametrize(("pricing", "model", "given"), UNPRICED.values(), ids=UNPRICED)
def test_unpriced(pricing: str, model: str, given: Terms) -> None:
    """None of these rows has a price that could be trusted."""
    assert rates(pricing, model, AT, given) is None


TERMS = {
    # what the request says          pricing      model                    terms                    input, output
    "nothing":                      ("openai",    "gpt-5.2",               STANDARD,                1_750, 14_000),
    "a dearer tier":                ("openai",    "gpt-5.2",               Terms(tier="priority"),  3_500, 28_000),
    "a dearer tier in capitals":    ("openai",    "gpt-5.2",               Terms(tier="Priority"),  3_500, 28_000),
    "a cheaper tier is not sure":   ("openai",    "gpt-5.2",               Terms(tier="flex"),      1_750, 14_000),
    "a tier that does not exist":   ("openai",    "gpt-5.2",               Terms(tier="gold"),      1_750, 14_000),
    "fast":                         ("anthropic", "claude-opus-4-8",       Terms(speed="fast"),     10_000, 50_000),
    "sound":                        ("google",    "gemini-2.5-flash",      Terms(sound=True),       1_000, 2_500),
    "no sound":                     ("google",    "gemini-2.5-flash",      STANDARD,                300, 2_500),
}  # fmt: skip


@pytest.mark.parametrize(
    ("pricing", "model", "given", "entry", "output"), TERMS.values(), ids=TERMS
)
def test_terms_change_the_price(
    pricing: str, model: str, given: Terms, entry: int, output: int
) -> None:
    """A thousand tokens cost what the last columns say."""
    found = rates(pricing, model, AT, given)
    assert found is not None
    assert (found.cost(Usage(input=1_000)), found.cost(Usage(output=1_000))) == (entry, output)


BODIES: dict[str, tuple[dict[str, Any], int, Terms]] = {
    "nothing special":        ({"model": "m"}, 0, STANDARD),
    "a tier":                 ({"service_tier": "priority"}, 0, Terms(tier="priority")),
    "a tier in camel case":   ({"serviceTier": "priority"}, 0, Terms(tier="priority")),
    "a speed":                ({"speed": "fast"}, 0, Terms(speed="fast")),
    "a tier of another type": ({"service_tier": ["priority"]}, 0, Terms()),
    "a long tier is cut":     ({"service_tier": "x" * 99}, 0, Terms(tier="x" * 32)),
    "sound":                  ({"contents": [{"inlineData": {"mimeType": "audio/wav"}}]}, 1, Terms(sound=True)),
    "sound for chat":         ({"messages": [{"content": [{"type": "input_audio"}]}]}, 1, Terms(sound=True)),
    "an image":               ({"contents": [{"inlineData": {"mimeType": "image/png"}}]}, 1, STANDARD),
    "talk about sound":       ({"messages": [{"content": "audio/wav"}]}, 0, STANDARD),
}  # fmt: skip


@pytest.mark.parametrize(("body", "media", "expected"), BODIES.values(), ids=BODIES)
def test_terms_of_a_request(body: dict[str, Any], media: int, expected: Terms) -> None:
    """Only what changes a price is read from a request."""
    ask = Ask("m", stream=False, max_output=1, text_bytes=1, body=body, json=b"", media=media)
    assert terms(ask) == expected


def test_price_of_the_day() -> None:
    """A price that changed counts from the day it changed, in UTC."""
    change = datetime(2025, 6, 10, tzinfo=UTC)
    usage = Usage(input=1_000)
    before = rates("openai", "o3", change - timedelta(seconds=1))
    after = rates("openai", "o3", change)
    elsewhere = rates("openai", "o3", change.astimezone(timezone(timedelta(hours=-8))))
    assert before is not None
    assert after is not None
    assert before.cost(usage) > after.cost(usage)
    assert elsewhere == after


def test_hold_before_and_after_a_tier() -> None:
    """A hold pays the dearest kind of the dearest tier that its input may reach."""
    found = rates("anthropic", "claude-sonnet-4-5-20250929", AT)
    assert found is not None
    low, high = found.bands
    assert found.input_micros(high.above) == high.above * low.cache_write_1h // FINE
    assert found.output_pico(high.above) == low.output // 10**6
    assert found.input_micros(high.above + 1) == (high.above + 1) * high.cache_write_1h // FINE
    assert found.output_pico(high.above + 1) == high.output // 10**6
    assert found.input_micros(0) == 0
