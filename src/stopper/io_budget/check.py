"""Checks tokens against a provider's budget, with what the environment says of thresholds."""

import os
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import msgspec

from stopper.data.tables import load_table, provider_named
from stopper.io_budget.budget import (
    BudgetResult,
    BudgetViolation,
    NarrowingMode,
    ProviderBudget,
    Share,
    Thresholds,
    judge,
)
from stopper.io_budget.iterations import IterationTracker

__all__ = ["budget_of", "check_budget", "get_narrowing_instructions", "provider_budgets", "track"]

DEFAULT: Final = "default"
MAX_CONTEXT_CHARS: Final = 2000


def check_budget(
    current_input_tokens: int,
    current_output_tokens: int,
    provider: str,
    *,
    budget: ProviderBudget | None = None,
    hard_fail: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> BudgetResult:
    """How full a request's input and output are for this provider, whatever its name's case.

    An unknown provider has the default budget. ValueError for tokens below 0, SettingsError for
    thresholds that do not read.
    """
    if current_input_tokens < 0 or current_output_tokens < 0:
        raise ValueError("tokens are counted from 0")
    limits = budget or budget_of(provider)
    shares = (
        Share("input", current_input_tokens, limits.max_input_tokens),
        Share("output", current_output_tokens, limits.max_output_tokens),
    )
    return judge(provider_named(provider), shares, Thresholds.of(environ), hard_fail=hard_fail)


def track(
    provider: str, *, limit: int | None = None, environ: Mapping[str, str] = os.environ
) -> IterationTracker:
    """A tracker for an agent's loop with this provider."""
    return IterationTracker(
        provider_named(provider),
        budget_of(provider),
        limit=limit,
        thresholds=Thresholds.of(environ),
    )


def get_narrowing_instructions(result: BudgetResult, context: object = "") -> str:
    """What to tell a model so that it needs less; empty where nothing has to be done.

    `context` is what it is at, and is quoted as text.
    """
    if result.narrowing_mode is None:
        return ""
    text = str(context).strip()[:MAX_CONTEXT_CHARS]
    about = f" You are at: {text}" if text else ""
    urgent = "Do this now. " if result.violation is BudgetViolation.HARD else ""
    return (
        f"{result.message} {urgent}{_INSTRUCTIONS[result.narrowing_mode]} "
        f"Aim at {result.target_tokens:,} input tokens.{about}"
    )


def budget_of(provider: str) -> ProviderBudget:
    """The packaged budget of a provider, or the default one."""
    budgets = provider_budgets()
    return budgets.get(provider_named(provider), budgets[DEFAULT])


@lru_cache(maxsize=1)
def provider_budgets() -> Mapping[str, ProviderBudget]:
    """All packaged budgets by provider; `default` is for all others."""
    return MappingProxyType(
        msgspec.convert(load_table("io_budgets"), dict[str, ProviderBudget], strict=True)
    )


_INSTRUCTIONS: Final = {
    NarrowingMode.SUMMARIZE: (
        "Summarize what was done so far: decisions, open questions, names of files and functions. "
        "Then go on from the summary, and read only the slices of files that you need."
    ),
    NarrowingMode.TRUNCATE_HEAD: (
        "Leave out the oldest parts of the conversation. Ask for differences instead of whole "
        "files, and for the last lines of logs."
    ),
    NarrowingMode.TRUNCATE_TAIL: (
        "Leave out the newest parts of the conversation, and go on from where they began."
    ),
    NarrowingMode.SEMANTIC_FILTER: (
        "Keep only what bears on the task; leave out results and files that do not."
    ),
}
