"""How full a request is: what a provider takes, and how far tokens are from it."""

import math
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final, Self

from msgspec import Struct

from stopper.errors import SettingsError

__all__ = [
    "DEFAULT_HARD_THRESHOLD",
    "DEFAULT_SOFT_THRESHOLD",
    "BudgetResult",
    "BudgetViolation",
    "NarrowingMode",
    "ProviderBudget",
    "Share",
    "Thresholds",
    "judge",
]

DEFAULT_SOFT_THRESHOLD: Final = 0.70
DEFAULT_HARD_THRESHOLD: Final = 0.95

_SOFT_VARIABLE: Final = "STOPPER_BUDGET_SOFT_THRESHOLD"
_HARD_VARIABLE: Final = "STOPPER_BUDGET_HARD_THRESHOLD"


class BudgetViolation(IntEnum):
    """How far a budget is used; ordered."""

    NONE = 0
    SOFT = 1
    HARD = 2


class NarrowingMode(StrEnum):
    """How a conversation becomes shorter.

    `TRUNCATE_HEAD` takes away from the head, the oldest first; `TRUNCATE_TAIL` from the tail, the
    newest first.
    """

    SUMMARIZE = "summarize"
    TRUNCATE_HEAD = "truncate_head"
    TRUNCATE_TAIL = "truncate_tail"
    SEMANTIC_FILTER = "semantic_filter"


class ProviderBudget(Struct, frozen=True):
    """What one request may carry, and what a provider allows in a minute and a day."""

    max_input_tokens: int
    max_output_tokens: int
    requests_per_minute: int | None = None
    daily_token_limit: int | None = None


class Thresholds(Struct, frozen=True):
    """The shares of a budget from which on it is used too far: compact, or do not send."""

    soft: float = DEFAULT_SOFT_THRESHOLD
    hard: float = DEFAULT_HARD_THRESHOLD

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """What the environment says, over the defaults; SettingsError where that does not read."""
        soft = _share(environ, _SOFT_VARIABLE, DEFAULT_SOFT_THRESHOLD)
        hard = _share(environ, _HARD_VARIABLE, DEFAULT_HARD_THRESHOLD)
        if soft > hard:
            raise SettingsError(
                f"{_SOFT_VARIABLE} is {soft:g} and {_HARD_VARIABLE} {hard:g}: the first must not "
                f"be above the second"
            )
        return cls(soft, hard)

    def violation(self, share: float) -> BudgetViolation:
        """What using this share of a budget means."""
        if share >= self.hard:
            return BudgetViolation.HARD
        return BudgetViolation.SOFT if share >= self.soft else BudgetViolation.NONE


class Share(Struct, frozen=True):
    """Tokens beside their limit."""

    what: str
    tokens: int
    limit: int

    @property
    def used(self) -> float:
        """The part of the limit that is used; 1 is all of it."""
        return self.tokens / self.limit if self.limit else math.inf

    @property
    def left(self) -> int:
        """What is left, never below 0."""
        return max(0, self.limit - self.tokens)


class BudgetResult(Struct, frozen=True):
    """What was found; `shares` are what was looked at, `worst` is the fullest of them.

    `narrowing_mode` is what to do about it, None where nothing has to be done.
    """

    provider: str
    violation: BudgetViolation
    shares: tuple[Share, ...]
    thresholds: Thresholds
    narrowing_mode: NarrowingMode | None
    message: str

    @property
    def allowed(self) -> bool:
        """Whether the request may be sent as it is."""
        return self.violation < BudgetViolation.HARD

    @property
    def worst(self) -> Share:
        """The fullest share."""
        return max(self.shares, key=lambda share: share.used)

    @property
    def target_tokens(self) -> int:
        """Input tokens that would be no violation: what `narrow` is to be given."""
        limit = next(share.limit for share in self.shares if share.what == "input")
        return max(0, math.ceil(limit * self.thresholds.soft) - 1)


def judge(
    provider: str, shares: tuple[Share, ...], thresholds: Thresholds, *, hard_fail: bool = True
) -> BudgetResult:
    """The result for these shares; with `hard_fail` off, what would be HARD is SOFT."""
    worst = max(shares, key=lambda share: share.used)
    violation = thresholds.violation(worst.used)
    if violation is BudgetViolation.HARD and not hard_fail:
        violation = BudgetViolation.SOFT
    return BudgetResult(
        provider, violation, shares, thresholds, _mode(worst, violation), _said(worst, violation)
    )


def _mode(worst: Share, violation: BudgetViolation) -> NarrowingMode | None:
    """A summary while there is room to write one; past that, the oldest goes."""
    if violation is BudgetViolation.NONE:
        return None
    if violation is BudgetViolation.HARD or worst.what != "input":
        return NarrowingMode.TRUNCATE_HEAD
    return NarrowingMode.SUMMARIZE


def _said(worst: Share, violation: BudgetViolation) -> str:
    used = f"{worst.tokens:,} of {worst.limit:,} {worst.what} tokens"
    if worst.limit:
        used += f" ({worst.used:.0%})"
    match violation:
        case BudgetViolation.NONE:
            return f"Within budget: {used}."
        case BudgetViolation.SOFT:
            return f"Nearly over budget: {used}. Compact the conversation."
        case _:
            return f"Over budget: {used}. Do not send it; narrow it first."


def _share(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise SettingsError(f"{name}={text[:40]}: write a share above 0 and up to 1, such as 0.7")
    return share
