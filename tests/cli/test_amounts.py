"""Amounts as tables show them, whole and short."""

import pytest

from stopper.cli.amounts import (
    account_json,
    amount_cell,
    cost_cell,
    figures_cell,
    left_style,
    limit_cell,
    limit_text,
    total_json,
)
from stopper.cli.colour import Style
from stopper.core.budget import Budget, Unit, Window
from stopper.core.hold import Account
from stopper.core.scope import GLOBAL
from stopper.core.usage import Quality, Usage
from stopper.stores.ledger import Total

TOKENS, MICROS = Unit.TOKENS, Unit.MICROS

AMOUNTS = {
    # what                       unit     amount         whole            short
    "few tokens":                (TOKENS, 1_500,         "1,500",         "1,500"),
    "many tokens":               (TOKENS, 5_000_000,     "5,000,000",     "5.00M"),
    "tokens overspent":          (TOKENS, -250_000,      "-250,000",      "-250k"),
    "nothing at all":            (MICROS, 0,             "$0.00",         "$0.00"),
    "less than can be shown":    (MICROS, 99,            "$0.000099",     "<$0.0001"),
    "the least that is shown":   (MICROS, 100,           "$0.0001",       "$0.0001"),
    "a fraction of a dollar":    (MICROS, 13_343,        "$0.013343",     "$0.0133"),
    "dollars":                   (MICROS, 1_234_567_890, "$1,234.56789",  "$1,234.57"),
    "dollars overspent":         (MICROS, -500_000,      "-$0.50",        "-$0.50"),
}  # fmt: skip


@pytest.mark.parametrize(("unit", "amount", "whole", "short"), AMOUNTS.values(), ids=AMOUNTS)
def test_an_amount(unit: Unit, amount: int, whole: str, short: str) -> None:
    cell = amount_cell(unit, amount)
    assert (cell.text, cell.short) == (whole, short)


LIMITS = {
    # limit                                                  whole             short
    Budget(GLOBAL, TOKENS, 200_000):                         ("200,000",       "200k"),
    Budget(GLOBAL, TOKENS, 5_000_000, Window.DAY):           ("5,000,000/day", "5.00M/day"),
    Budget(GLOBAL, MICROS, 2_500_000, Window.MONTH):         ("$2.50/month",   "$2.50/month"),
}  # fmt: skip


@pytest.mark.parametrize(("budget", "texts"), LIMITS.items(), ids=str)
def test_a_limit_is_written_as_it_is_typed(budget: Budget, texts: tuple[str, str]) -> None:
    cell = limit_cell(budget)
    assert (cell.text, cell.short) == texts
    assert limit_text(budget) == texts[0]


LEFT = {
    # what is left      spent  held  expected
    "all":              (0,    0,    Style.GREEN),
    "a fifth":          (700,  100,  Style.GREEN),
    "less":             (700,  101,  Style.YELLOW),
    "nothing":          (900,  100,  Style.RED),
    "less than that":   (1100, 0,    Style.RED),
}  # fmt: skip


@pytest.mark.parametrize(("spent", "held", "style"), LEFT.values(), ids=LEFT)
def test_what_is_left_is_in_colours_that_warn(spent: int, held: int, style: Style) -> None:
    assert left_style(Account(Budget(GLOBAL, TOKENS, 1000), spent, held)) is style


FIGURES = {
    # where they come from                                             whole and short
    "nothing":          ({},                                           None),
    "all measured":     ({Quality.MEASURED: 3},                        ("measured", "")),
    "some estimated":   ({Quality.MEASURED: 3, Quality.ESTIMATED: 1},
                         ("3 measured, 1 estimated", "1 est.")),
    "all unknown":      ({Quality.UNKNOWN: 1200},                      ("1,200 unknown", "1,200 unk.")),
    "of every kind":    ({Quality.MEASURED: 3, Quality.ESTIMATED: 1, Quality.UNKNOWN: 2},
                         ("3 measured, 1 estimated, 2 unknown", "1 est., 2 unk.")),
}  # fmt: skip


@pytest.mark.parametrize(("counts", "expected"), FIGURES.values(), ids=FIGURES)
def test_figures_say_where_they_come_from(
    counts: dict[str, int], expected: tuple[str, str] | None
) -> None:
    cell = figures_cell(a_total(counts=counts))
    assert (cell and (cell.text, cell.short)) == expected


COSTS = {
    # what was priced     requests  unpriced  expected
    "everything":         (2,        0,       "$0.0015"),
    "some":               (2,        1,       "$0.0015"),
    "nothing":            (2,        2,       None),
    "no request at all":  (0,        0,       "$0.0015"),
}  # fmt: skip


@pytest.mark.parametrize(("requests", "unpriced", "expected"), COSTS.values(), ids=COSTS)
def test_a_cost_that_nobody_knows_is_no_zero(
    requests: int, unpriced: int, expected: str | None
) -> None:
    cell = cost_cell(a_total(requests=requests, unpriced=unpriced))
    assert (cell and cell.text) == expected


def test_json_of_an_account() -> None:
    budget = Budget(GLOBAL, MICROS, 2_500_000, Window.DAY, "anthropic")
    assert account_json(Account(budget, 500_000, 250_000)) == {
        "key": "global/anthropic/micros/day",
        "scope": "global",
        "provider": "anthropic",
        "unit": "micros",
        "window": "day",
        "limit": 2_500_000,
        "spent": 500_000,
        "held": 250_000,
        "left": 1_750_000,
    }


def test_json_of_a_total() -> None:
    assert total_json(a_total(counts={Quality.ESTIMATED: 2}, unpriced=1)) == {
        "requests": 2,
        "input": 1,
        "output": 2,
        "cache_write": 4,
        "cache_read": 8,
        "reasoning": 1,
        "total": 15,
        "micros": 1500,
        "unpriced": 1,
        "figures": {"measured": 0, "estimated": 2, "unknown": 0},
    }


def a_total(counts: dict[str, int] | None = None, *, requests: int = 2, unpriced: int = 0) -> Total:
    usage = Usage(input=1, output=2, cache_write=4, cache_read=8, reasoning=1)
    return Total(("x",), requests, usage, 1500, unpriced, counts or {})
