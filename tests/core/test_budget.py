"""Amounts, precedence and windows."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.budget import (
    Amount,
    Budget,
    Enforce,
    Unit,
    Window,
    applicable,
    format_amount,
    governing,
    parse_amount,
    window_end,
    window_start,
)
from stopper.core.scope import GLOBAL, Scope, ScopeKind, path_of

TOKENS, MICROS = Unit.TOKENS, Unit.MICROS

GOOD = {
    # text             what it means
    "0":               Amount(TOKENS, 0),
    "200000":          Amount(TOKENS, 200_000),
    "200k":            Amount(TOKENS, 200_000),
    "200K":            Amount(TOKENS, 200_000),
    "1.5k":            Amount(TOKENS, 1_500),
    "0.001k":          Amount(TOKENS, 1),
    "5M":              Amount(TOKENS, 5_000_000),
    "2b":              Amount(TOKENS, 2_000_000_000),
    "1_000_000":       Amount(TOKENS, 1_000_000),
    "  7  ":           Amount(TOKENS, 7),
    "5M/day":          Amount(TOKENS, 5_000_000, Window.DAY),
    "9/minute":        Amount(TOKENS, 9, Window.MINUTE),
    "9/lifetime":      Amount(TOKENS, 9),
    "$2.50":           Amount(MICROS, 2_500_000),
    "$0.000001":       Amount(MICROS, 1),
    "$10/month":       Amount(MICROS, 10_000_000, Window.MONTH),
    "$1k":             Amount(MICROS, 1_000_000_000),
    "$1.000001k":      Amount(MICROS, 1_000_001_000),
    "1000000b":        Amount(TOKENS, 10**15),
    "1" + "0" * 15:    Amount(TOKENS, 10**15),
}  # fmt: skip

BAD = {
    "nothing": "",
    "a space": " ",
    "only a suffix": "k",
    "only a dollar": "$",
    "a negative number": "-1",
    "a signed number": "+1",
    "an exponent": "1e5",
    "a fraction of a token": "0.5",
    "finer than a token": "1.2345k",
    "finer than a micro-dollar": "$0.0000001",
    "finer than six decimals, whatever the suffix": "$1.0000001k",
    "another window": "5M/week",
    "an empty window": "5M/",
    "two windows": "5M/day/day",
    "a window in capitals": "5M/Day",
    "a comma": "1,000",
    "an underscore in the wrong place": "1_00",
    "a trailing underscore": "1_",
    "a space inside": "5 M",
    "two suffixes": "5kM",
    "the dollar behind": "5$",
    "another currency": "€5",
    "no digit before the point": ".5k",
    "no digit behind the point": "5.k",
    "digits of another script": "٣٤",
    "full-width digits": "\uff11\uff12",
    "a superscript": "5²",
    "infinity": "inf",
    "hexadecimal": "0x10",
    "more than the most": "1000000000000001",
    "more than the most by a suffix": "1000001b",
    "more dollars than the most": "$1000000001",
    "absurdly many digits": "9" * 5000,
    "absurdly many groups": "1" + "_000" * 5000,
}


@pytest.mark.parametrize(("text", "amount"), GOOD.items(), ids=GOOD)
def test_an_amount_reads(text: str, amount: Amount) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_amount_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"is (no amount|out of range|finer than)"):
        parse_amount(text)


@given(st.text(alphabet="0123456789_.kKmMbB$/dayminute -", max_size=12))
def test_any_text_is_an_amount_in_range_or_a_value_error(text: str) -> None:
    try:
        amount = parse_amount(text)
    except ValueError:
        return
    assert 0 <= amount.limit <= 10**15


@given(st.integers(0, 10**15), st.sampled_from(Unit))
def test_a_formatted_amount_reads_back(limit: int, unit: Unit) -> None:
    text = format_amount(unit, limit).replace(",", "")
    assert parse_amount(text) == Amount(unit, limit)


FORMATTED = {
    # unit, amount             text
    (TOKENS, 0):               "0",
    (TOKENS, 1234567):         "1,234,567",
    (TOKENS, -1234):           "-1,234",
    (MICROS, 0):               "$0.00",
    (MICROS, 1):               "$0.000001",
    (MICROS, 2_500_000):       "$2.50",
    (MICROS, 1_234_567_800):   "$1,234.5678",
    (MICROS, -30_000):         "-$0.03",
}  # fmt: skip


@pytest.mark.parametrize(("amount", "text"), FORMATTED.items())
def test_an_amount_is_written_for_people(amount: tuple[Unit, int], text: str) -> None:
    assert format_amount(*amount) == text


# -- precedence

PATH = path_of("r", "a", "b", ("p", "g"))
RUN, AGENT, BOTTLE, PARENT, GRAND, _ = PATH
STRANGER = Scope(ScopeKind.BOTTLE, "x")


def budget(scope: Scope, provider: str | None = None, unit: Unit = TOKENS) -> Budget:
    return Budget(scope, unit, 1, provider=provider)


GOVERNING = {
    # budgets                                                      the places of those that govern
    "none at all":             ([],                                                            []),
    "global alone":            ([budget(GLOBAL)],                                              [0]),
    "bottle before global":    ([budget(GLOBAL), budget(BOTTLE)],                              [1]),
    "agent before bottle":     ([budget(BOTTLE), budget(AGENT)],                               [1]),
    "run before agent":        ([budget(RUN), budget(AGENT)],                                  [0]),
    "bottle before parent":    ([budget(PARENT), budget(BOTTLE)],                              [1]),
    "parent before its own":   ([budget(GRAND), budget(PARENT), budget(GLOBAL)],               [1]),
    "a stranger never":        ([budget(STRANGER), budget(GLOBAL)],                            [1]),
    "another provider never":  ([budget(BOTTLE, "openai"), budget(GLOBAL)],                    [1]),
    "all of one scope":        ([budget(BOTTLE), budget(BOTTLE, "anthropic"),
                                 budget(BOTTLE, unit=MICROS), budget(GLOBAL)],          [2, 0, 1]),
}  # fmt: skip


@pytest.mark.parametrize(("budgets", "places"), GOVERNING.values(), ids=GOVERNING)
def test_the_nearest_scope_governs(budgets: list[Budget], places: list[int]) -> None:
    for order in permutations(budgets):
        assert list(governing(order, PATH, "anthropic")) == [budgets[place] for place in places]


ANY_BUDGETS = st.lists(
    st.builds(
        Budget,
        st.sampled_from([*PATH, STRANGER]),
        st.sampled_from(Unit),
        st.integers(0, 100),
        st.sampled_from(Window),
        st.sampled_from([None, "anthropic", "openai"]),
    ),
    unique_by=lambda b: b.key,
    max_size=12,
)


@given(ANY_BUDGETS)
def test_what_governs_applies_and_what_applies_is_on_the_path(budgets: list[Budget]) -> None:
    found = applicable(budgets, PATH, "openai")
    nearest = governing(budgets, PATH, "openai")
    assert set(nearest) <= set(found) <= set(budgets)
    assert governing(budgets, PATH, "openai", Enforce.ALL) == found
    assert bool(nearest) == bool(found)
    assert {b.scope for b in nearest} == {b.scope for b in found[:1]}
    assert [PATH.index(b.scope) for b in found] == sorted(PATH.index(b.scope) for b in found)
    assert all(b.provider in (None, "openai") for b in found)


NAMES = st.text(min_size=1, max_size=6, alphabet="ab/:*")


@given(st.tuples(NAMES, NAMES), st.tuples(st.sampled_from(ScopeKind), st.sampled_from(ScopeKind)))
def test_different_budgets_have_different_keys(
    names: tuple[str, str], kinds: tuple[ScopeKind, ScopeKind]
) -> None:
    scopes = [
        GLOBAL if kind is ScopeKind.GLOBAL else Scope(kind, name)
        for kind, name in zip(kinds, names, strict=True)
    ]
    keys = [
        Budget(scope, unit, 1, window, provider).key
        for scope in set(scopes)
        for unit in Unit
        for window in Window
        for provider in (None, "openai")
    ]
    assert len(keys) == len(set(keys))


def test_a_new_limit_is_the_same_budget() -> None:
    assert budget(BOTTLE).key == Budget(BOTTLE, TOKENS, 99).key == "bottle:b/*/tokens/lifetime"


# -- windows

MOMENTS = st.timedeltas(timedelta(0), timedelta(days=365_000)).map(
    lambda past: datetime(1970, 1, 1, tzinfo=UTC) + past
)


@given(MOMENTS, st.sampled_from(Window))
def test_a_window_holds_its_moment_and_meets_the_next(now: datetime, window: Window) -> None:
    start, end = window_start(window, now), window_end(window, now)
    assert start <= now
    assert window_start(window, start) == start
    if end is None:
        assert window is Window.LIFETIME
        return
    assert now < end
    assert window_start(window, end) == end
    assert window_start(window, end - timedelta(microseconds=1)) == start


@given(MOMENTS, MOMENTS, st.sampled_from(Window))
def test_later_moments_have_later_windows(one: datetime, two: datetime, window: Window) -> None:
    first, second = sorted((one, two))
    assert window_start(window, first) <= window_start(window, second)


@given(MOMENTS, st.integers(-14 * 60, 14 * 60), st.sampled_from(Window))
def test_a_window_does_not_depend_on_the_zone(now: datetime, shift: int, window: Window) -> None:
    there = now.astimezone(timezone(timedelta(minutes=shift)))
    assert window_start(window, there) == window_start(window, now)


EDGES = {
    # window, moment                          start                  end
    (Window.MINUTE, "2026-03-29T01:59:59.9"): ("2026-03-29T01:59:00", "2026-03-29T02:00:00"),
    (Window.DAY,    "2026-10-25T23:59:59"):   ("2026-10-25T00:00:00", "2026-10-26T00:00:00"),
    (Window.DAY,    "2026-10-25T00:00:00"):   ("2026-10-25T00:00:00", "2026-10-26T00:00:00"),
    (Window.MONTH,  "2026-12-31T23:59:59"):   ("2026-12-01T00:00:00", "2027-01-01T00:00:00"),
    (Window.MONTH,  "2028-02-29T12:00:00"):   ("2028-02-01T00:00:00", "2028-03-01T00:00:00"),
    (Window.MONTH,  "2026-01-31T00:00:00"):   ("2026-01-01T00:00:00", "2026-02-01T00:00:00"),
}  # fmt: skip


@pytest.mark.parametrize(("given_", "expected"), EDGES.items())
def test_windows_are_those_of_utc(given_: tuple[Window, str], expected: tuple[str, str]) -> None:
    window, text = given_
    now = datetime.fromisoformat(text).replace(tzinfo=UTC)
    start, end = (datetime.fromisoformat(edge).replace(tzinfo=UTC) for edge in expected)
    assert (window_start(window, now), window_end(window, now)) == (start, end)
