"""Tokens, dollars and budgets, as tables and JSON show them."""

from typing import Any

from stopper.cli.colour import Style
from stopper.cli.table import Cell
from stopper.core.budget import Budget, Unit, Window, format_amount
from stopper.core.hold import Account
from stopper.core.usage import Quality
from stopper.stores.ledger import Total

__all__ = [
    "account_json",
    "cost_cell",
    "figures_cell",
    "left_cell",
    "left_style",
    "limit_text",
    "total_json",
]

_FEW_LEFT = 0.2


def limit_text(budget: Budget) -> str:
    """A budget's limit as people write it: `200,000/day`, `$2.50`."""
    window = "" if budget.window is Window.LIFETIME else f"/{budget.window}"
    return f"{format_amount(budget.unit, budget.limit)}{window}"


def left_cell(account: Account) -> Cell:
    """What a new request may take, in colours that warn."""
    return Cell(format_amount(account.budget.unit, account.room), left_style(account))


def left_style(account: Account) -> Style:
    """Green while there is room, yellow near the end, red at it."""
    if account.room <= 0:
        return Style.RED
    return Style.YELLOW if account.room < account.budget.limit * _FEW_LEFT else Style.GREEN


def cost_cell(total: Total) -> Cell | str | None:
    """Dollars; a dash where no price is known for any request."""
    if total.requests and total.unpriced == total.requests:
        return None
    return format_amount(Unit.MICROS, total.micros)


def figures_cell(total: Total) -> Cell | None:
    """Where the figures come from; a dash where there are none."""
    counts = [
        f"{total.by_quality[quality]:,} {quality}"
        for quality in Quality
        if total.by_quality.get(quality)
    ]
    if not counts:
        return None
    sure = set(total.by_quality) == {Quality.MEASURED}
    return Cell(str(Quality.MEASURED)) if sure else Cell(", ".join(counts), Style.YELLOW)


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
