"""Decides on one action by the operator's rules; whatever is not understood is refused."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from stopper.core.verdict import Verdict
from stopper.detect.allow import Allow
from stopper.detect.inspection import Inspector
from stopper.policy.decision import Action, ActionType, PolicyDecision, block, escalate, strictest
from stopper.policy.destinations import (
    Reach,
    of_destinations,
    of_proxies,
    of_urls_in,
    reach_of,
)
from stopper.policy.rules import code_in, of_commands, of_paths, of_secrets

__all__ = ["ALWAYS_ASK", "MAX_JUDGED", "GateRules", "judge_action"]

ALWAYS_ASK: Final = frozenset(
    {ActionType.DEPLOY, ActionType.CREATE_BILLING, ActionType.DELETE_FILES}
)
"""What a person has to agree to, however harmless it looks."""

MAX_JUDGED: Final = 1000
"""An action with more commands, destinations or files than this is refused."""

_BLOCK: Final = Verdict.BLOCK
_SAID: Final = {
    ActionType.EXECUTE_CODE: "Code execution",
    ActionType.DEPLOY: "Deployment",
    ActionType.CREATE_BILLING: "Billing",
    ActionType.DELETE_FILES: "Deletion of files",
    ActionType.NETWORK_ACCESS: "Network access",
}
_NEEDS: Final = {
    ActionType.EXECUTE_CODE: "The context names no command or code: give it as command or code",
    ActionType.DELETE_FILES: "The context names no files: give them as path or paths",
    ActionType.NETWORK_ACCESS: "The context names no destination: give it as url or host",
}


class GateRules(Struct, frozen=True):
    """What may be done at all, and where.

    `allowlist` None is every public destination. `workspace` is the folder that code runs in.
    """

    enabled: frozenset[ActionType]
    allowlist: tuple[Allow, ...] | None = None
    workspace: str = "/workspace"

    @property
    def is_open(self) -> bool:
        """Whether anything may be reached."""
        return ActionType.NETWORK_ACCESS in self.enabled


def judge_action(action: Action, rules: GateRules, inspector: Inspector) -> PolicyDecision:
    """The strictest of what all rules say; of equals the one that comes first."""
    if action.type not in rules.enabled:
        return block("policy.disabled", f"{_SAID[action.type]} is disabled by policy")
    said = []
    for decision in _objections(action, rules, inspector):
        if decision.verdict is _BLOCK:
            return decision
        said.append(decision)
    if action.type in ALWAYS_ASK:
        said.append(
            escalate("policy.approval_required", f"{_SAID[action.type]} requires human approval")
        )
    return strictest(said)


def _objections(action: Action, rules: GateRules, inspector: Inspector) -> Iterator[PolicyDecision]:
    """Secrets first, so that nothing that holds one is remembered as a command."""
    kind, context = action.type, action.context
    yield from of_secrets(context, inspector)
    yield from _each(kind, ActionType.EXECUTE_CODE, of_commands(context, rules.workspace))
    texts = list(code_in(context))
    if texts or kind is ActionType.NETWORK_ACCESS:
        reach = reach_of(context, rules.allowlist, is_open=rules.is_open)
        yield from _of_network(action, texts, reach)
    if kind is ActionType.DELETE_FILES:
        yield from _each(kind, kind, of_paths(context, rules.workspace))


def _of_network(action: Action, texts: Iterable[str], reach: Reach) -> Iterator[PolicyDecision]:
    for text in texts:
        yield from of_urls_in(text, reach)
    yield from of_proxies(action.context, reach)
    kind = action.type
    if kind is ActionType.NETWORK_ACCESS:
        yield from _each(kind, kind, of_destinations(action.context, reach))


def _each(
    kind: ActionType, needing: ActionType, decisions: Iterable[PolicyDecision | None]
) -> Iterator[PolicyDecision]:
    """What was decided about each part; an action of the kind that needs one has to have one."""
    seen = 0
    for seen, decision in enumerate(decisions, start=1):
        if seen > MAX_JUDGED:
            yield block("policy.too_much", f"The context holds more than {MAX_JUDGED} parts")
            return
        if decision is not None:
            yield decision
    if not seen and kind is needing:
        yield block("policy.malformed", _NEEDS[kind])
