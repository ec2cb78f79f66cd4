"""Budgets of context: how full a request is, and what makes it fit."""

from typing import TYPE_CHECKING

from stopper.io_budget.budget import (
    DEFAULT_HARD_THRESHOLD,
    DEFAULT_SOFT_THRESHOLD,
    BudgetResult,
    BudgetViolation,
    NarrowingMode,
    ProviderBudget,
    Share,
    Thresholds,
)
from stopper.io_budget.check import (
    budget_of,
    check_budget,
    get_narrowing_instructions,
    provider_budgets,
    track,
)
from stopper.io_budget.files import (
    FileReadPolicy,
    FileSlice,
    file_read_policy,
    read_file_within,
)
from stopper.io_budget.iterations import IterationTracker, Spent
from stopper.io_budget.narrowing import Summarize, narrow
from stopper.io_budget.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    PROVIDER_BUDGETS: Mapping[str, ProviderBudget]

__all__ = [
    "DEFAULT_HARD_THRESHOLD",
    "DEFAULT_SOFT_THRESHOLD",
    "PROVIDER_BUDGETS",
    "BudgetResult",
    "BudgetViolation",
    "FileReadPolicy",
    "FileSlice",
    "IterationTracker",
    "NarrowingMode",
    "ProviderBudget",
    "Share",
    "Spent",
    "Summarize",
    "Thresholds",
    "budget_of",
    "check_budget",
    "estimate_tokens",
    "file_read_policy",
    "get_narrowing_instructions",
    "narrow",
    "provider_budgets",
    "read_file_within",
    "track",
]


def __getattr__(name: str) -> object:
    """`PROVIDER_BUDGETS` is read when it is asked for."""
    if name == "PROVIDER_BUDGETS":
        return provider_budgets()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
