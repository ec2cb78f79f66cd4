"""What is asked of the gate, what it answers, and the Protocol of policies that add to it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, Protocol, runtime_checkable

from msgspec import Struct

from stopper.core.verdict import Verdict

__all__ = [
    "ALLOWED",
    "Action",
    "ActionType",
    "Policy",
    "PolicyDecision",
    "block",
    "escalate",
    "strictest",
]


class ActionType(StrEnum):
    """The five kinds of action that the gate decides about."""

    EXECUTE_CODE = "execute_code"
    DEPLOY = "deploy"
    CREATE_BILLING = "create_billing"
    DELETE_FILES = "delete_files"
    NETWORK_ACCESS = "network_access"


class Action(Struct, frozen=True):
    """One action, with all that is known of it as plain JSON values."""

    type: ActionType
    context: dict[str, Any]


class PolicyDecision(Struct, frozen=True):
    """Whether an action may be done now; `allowed` is false while a person has yet to agree.

    `reason` is for people and `code` for programs. Of the action's values a reason names no more
    than a host, and what a policy of the operator's own says; a `PolicyGate` shows neither what
    looks like a key in it.
    """

    allowed: bool
    reason: str
    requires_approval: bool = False
    code: str = ""

    def __post_init__(self) -> None:
        if self.allowed and self.requires_approval:
            raise ValueError("an action is not allowed while it requires approval")

    @property
    def verdict(self) -> Verdict:
        """The same as one word: `ALLOW`, `ESCALATE` or `BLOCK`."""
        if self.allowed:
            return Verdict.ALLOW
        return Verdict.ESCALATE if self.requires_approval else Verdict.BLOCK


@runtime_checkable
class Policy(Protocol):
    """An operator's own rule; it can forbid what the gate allows, and never the other way round.

    It may be asked from several threads at once. One that raises or is late forbids. Where it has a
    text as `version`, approvals that were given under another one do not count.
    """

    def decide(self, action: Action) -> PolicyDecision:
        """The decision on one action, whose context is a copy of its own."""


ALLOWED: Final = PolicyDecision(True, "Action allowed by policy")


def block(code: str, reason: str) -> PolicyDecision:
    """The action may not be done, whoever agrees."""
    return PolicyDecision(False, reason, code=code)


def escalate(code: str, reason: str) -> PolicyDecision:
    """The action may be done once a person has agreed."""
    return PolicyDecision(False, reason, requires_approval=True, code=code)


def strictest(decisions: Iterable[PolicyDecision]) -> PolicyDecision:
    """The first of the strictest; `ALLOWED` of none."""
    return max(decisions, key=_rank, default=ALLOWED)


def _rank(decision: PolicyDecision) -> int:
    return decision.verdict.rank
