"""Token counts and what they weigh."""

from math import ceil, inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.usage import Quality, Usage, Weights, weakest

COUNTS = st.integers(0, 10**9)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS)
WEIGHTS = st.builds(Weights, *[st.integers(0, 5000)] * 4)


def test_usage_that_nobody_stated_is_unknown() -> None:
    assert Usage().quality is Quality.UNKNOWN
    assert Usage().cost is None


def test_shares_are_counted_once() -> None:
    usage = Usage(1, 20, 300, 4000, reasoning=15, cache_write_1h=200)
    assert usage.total == Weights().tokens(usage) == 4321


SUMS = {
    # parts                    quality of their sum
    "all measured":           (("measured", "measured"),             Quality.MEASURED),
    "one is estimated":       (("measured", "estimated"),            Quality.ESTIMATED),
    "one is unknown":         (("unknown", "measured", "estimated"), Quality.UNKNOWN),
    "nothing at all":         ((),                                   Quality.UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "quality"), SUMS.values(), ids=SUMS)
def test_a_sum_is_as_good_as_its_weakest_part(parts: tuple[str, ...], quality: Quality) -> None:
    assert weakest(parts) is quality


WEIGHED = {
    # weights                        usage                tokens
    "one for one":                  ({},                          Usage(1, 2, 3, 4),   10),
    "a tenth for cache reads":      ({"cache_read": 0.1},         Usage(0, 0, 0, 40),  4),
    "rounded up, once":             ({"cache_read": 0.1,
                                      "cache_write": 0.5},        Usage(0, 0, 1, 1),   1),
    "rounded up":                   ({"cache_read": 0.001},       Usage(0, 0, 0, 1),   1),
    "nothing for cache reads":      ({"cache_read": 0},           Usage(0, 0, 0, 9),   0),
    "five for output":              ({"output": 5},               Usage(1, 2, 0, 0),   11),
}  # fmt: skip


@pytest.mark.parametrize(("weights", "usage", "tokens"), WEIGHED.values(), ids=WEIGHED)
def test_weights_decide_what_a_token_takes(
    weights: dict[str, float], usage: Usage, tokens: int
) -> None:
    assert Weights.parse(weights).tokens(usage) == tokens


BAD = {
    "an unknown kind": {"reasoning": 1},
    "a negative weight": {"input": -0.1},
    "an absurd weight": {"input": 1001},
    "infinity": {"input": inf},
    "not a number": {"input": nan},
}


@pytest.mark.parametrize("weights", BAD.values(), ids=BAD)
def test_what_is_no_weight_says_so(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="is no weight"):
        Weights.parse(weights)


@given(WEIGHTS)
def test_weights_read_as_they_are_written(weights: Weights) -> None:
    assert Weights.parse(weights.by_kind) == weights


@given(USAGES, WEIGHTS)
def test_tokens_are_the_exact_sum_rounded_up(usage: Usage, weights: Weights) -> None:
    exact = (
        usage.input * weights.input
        + usage.output * weights.output
        + usage.cache_write * weights.cache_write
        + usage.cache_read * weights.cache_read
    )
    assert weights.tokens(usage) == ceil(exact / 1000) or exact > 2**52
    assert 0 <= weights.tokens(usage) * 1000 - exact < 1000


@given(COUNTS, WEIGHTS)
def test_input_of_any_kind_weighs_at_most_any_input(count: int, weights: Weights) -> None:
    most = -(-count * weights.any_input // 1000)
    for usage in (Usage(input=count), Usage(cache_write=count), Usage(cache_read=count)):
        assert weights.tokens(usage) <= most
