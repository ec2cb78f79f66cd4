"""Counts what an agent's loop uses: in this iteration, and in all of them."""

from typing import Final

from msgspec import Struct

from stopper.io_budget.budget import (
    BudgetResult,
    ProviderBudget,
    Share,
    Thresholds,
    judge,
)

__all__ = ["IterationTracker", "Spent"]

MAX_ITERATIONS: Final = 1000
"""Of so many iterations, the last ones, what each used is kept; the sum counts them all."""


class Spent(Struct, frozen=True):
    """Tokens of one iteration, or of several."""

    input: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.input + self.output

    def plus(self, input_tokens: int, output_tokens: int) -> "Spent":
        """With these on top."""
        return Spent(self.input + input_tokens, self.output + output_tokens)


class IterationTracker:
    """What a loop has used with one provider; `limit` is the most tokens of all its iterations.

    `limit` is the provider's daily limit by default, and None is no limit.
    """

    def __init__(
        self,
        provider: str,
        budget: ProviderBudget,
        *,
        limit: int | None = None,
        thresholds: Thresholds | None = None,
    ) -> None:
        self.provider = provider
        self.cumulative = Spent()
        self.iteration = Spent()
        self.finished: list[Spent] = []
        self.number = 1
        self._budget = budget
        self._limit = budget.daily_token_limit if limit is None else limit
        self._thresholds = thresholds or Thresholds()

    def record(self, input_tokens: int, output_tokens: int) -> BudgetResult:
        """Count a call, and say how full everything is now. ValueError below 0."""
        if input_tokens < 0 or output_tokens < 0:
            raise ValueError("tokens are counted from 0")
        self.iteration = self.iteration.plus(input_tokens, output_tokens)
        self.cumulative = self.cumulative.plus(input_tokens, output_tokens)
        return self.check()

    def next_iteration(self) -> Spent:
        """Begin another iteration; gives what the last one used."""
        ended, self.iteration = self.iteration, Spent()
        self.finished = [*self.finished[-(MAX_ITERATIONS - 1) :], ended]
        self.number += 1
        return ended

    def check(self) -> BudgetResult:
        """How full this iteration is, and the sum of all."""
        shares: tuple[Share, ...] = (
            Share("input", self.iteration.input, self._budget.max_input_tokens),
            Share("output", self.iteration.output, self._budget.max_output_tokens),
        )
        if self._limit is not None:
            shares = (*shares, Share("cumulative", self.cumulative.total, self._limit))
        return judge(self.provider, shares, self._thresholds)
