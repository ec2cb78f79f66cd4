"""Tokens, dollars and budgets, as tables and JSON show them."""

from typing import Any

from stopper.cli.colour import Style
from stopper.cli.table import Cell, compact
from stopper.core.budget import MICROS_PER_DOLLAR, Budget, Unit, Window, format_amount
from stopper.core.hold import Account
from stopper.core.usage import Quality
from stopper.stores.ledger import Total

__all__ = [
    "account_json",
    "amount_cell",
    "cost_cell",
    "figures_cell",
    "left_style",
    "limit_cell",
    "limit_text",
    "total_json",
]

_FEW_LEFT = 0.2
_UNSURE = {Quality.ESTIMATED: "est.", Quality.UNKNOWN: "unk."}
_LEAST_SHOWN = 100


def limit_text(budget: Budget) -> str:
    """A budget's limit as people write it: `200,000/day`, `$2.50`."""
    return f"{format_amount(budget.unit, budget.limit)}{_window(budget)}"


def amount_cell(unit: Unit, amount: int, style: Style | None = None) -> Cell:
    """Tokens or dollars; where there is no room, three digits of tokens or the cents."""
    return Cell(format_amount(unit, amount), style, _shortest(unit, amount))


def limit_cell(budget: Budget) -> Cell:
    """A budget's limit as people write it."""
    return Cell(limit_text(budget), short=_shortest(budget.unit, budget.limit) + _window(budget))


def left_style(account: Account) -> Style:
    """Green while there is room, yellow near the end, red at it."""
    if account.room <= 0:
        return Style.RED
    return Style.YELLOW if account.room < account.budget.limit * _FEW_LEFT else Style.GREEN


def cost_cell(total: Total) -> Cell | None:
    """Dollars; a dash where no price is known for any request."""
    if total.requests and total.unpriced == total.requests:
        return None
    return amount_cell(Unit.MICROS, total.micros)


def figures_cell(total: Total) -> Cell | None:
    """Where the figures come from; a dash where there are none.

    Where there is no room, only what is not measured is counted.
    """
    counts = {quality: total.by_quality.get(quality, 0) for quality in Quality}
    if not any(counts.values()):
        return None
    if not any(counts[quality] for quality in _UNSURE):
        return Cell(str(Quality.MEASURED))
    whole = ", ".join(f"{count:,} {quality}" for quality, count in counts.items() if count)
    short = ", ".join(
        f"{counts[quality]:,} {brief}" for quality, brief in _UNSURE.items() if counts[quality]
    )
    return Cell(whole, Style.YELLOW, short)


def account_json(account: Account) -> dict[str, Any]:
    """A budget with what is spent, held and left in its window; dollars are micro-dollars."""
    budget = account.budget
    return {
        "key": budget.key,
        "scope": str(budget.scope),
        "provider": budget.provider,
        "unit": budget.unit,
        "window": budget.window,
        "limit": budget.limit,
        "spent": account.spent,
        "held": account.held,
        "left": account.room,
    }


def total_json(total: Total) -> dict[str, Any]:
    """Usage of a group; the four kinds of tokens add up to the total, reasoning is in output."""
    usage = total.usage
    return {
        "requests": total.requests,
        "input": usage.input,
        "output": usage.output,
        "cache_write": usage.cache_write,
        "cache_read": usage.cache_read,
        "reasoning": usage.reasoning,
        "total": usage.total,
        "micros": total.micros,
        "unpriced": total.unpriced,
        "figures": {str(quality): total.by_quality.get(quality, 0) for quality in Quality},
    }


def _window(budget: Budget) -> str:
    return "" if budget.window is Window.LIFETIME else f"/{budget.window}"


def _shortest(unit: Unit, amount: int) -> str:
    return min(format_amount(unit, amount), _short(unit, amount), key=len)


def _short(unit: Unit, amount: int) -> str:
    """`1.23M` tokens; dollars to the cent from one on, below to a hundredth of a cent."""
    if unit is Unit.TOKENS:
        return compact(amount)
    if 0 < amount < _LEAST_SHOWN:
        return "<$0.0001"
    decimals = 2 if amount == 0 or abs(amount) >= MICROS_PER_DOLLAR else 4
    return f"{'-' if amount < 0 else ''}${abs(amount) / MICROS_PER_DOLLAR:,.{decimals}f}"
