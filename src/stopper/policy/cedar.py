"""A policy written in Cedar, decided by cedarpy: `pip install 'stopper[cedar]'`."""

from hashlib import sha256
from typing import Any, Final

import msgspec

from stopper.errors import SettingsError
from stopper.policy.decision import ALLOWED, Action, PolicyDecision, block, escalate

__all__ = ["CedarPolicy"]

_PRINCIPAL: Final = {"type": "Agent", "id": "agent"}
_RESOURCE: Final = {"type": "System", "id": "system"}
_MAX_LONG: Final = 2**63
_ESCAPES: Final = frozenset({"__entity", "__extn", "__expr"})


class CedarPolicy:
    """Decides by Cedar policies: what none permits or any forbids is forbidden.

    The principal is `Agent::"agent"`, the action `Action::"deploy"` and its kin, the resource
    `System::"system"`, and `context` the action's own, without its nulls and with fractions as
    texts, for Cedar has neither. A `forbid` with `@approval("human")` asks a person instead, and
    `@reason("...")` is what is told. A policy that cannot be evaluated forbids: Cedar itself would
    leave it out.
    """

    def __init__(self, text: str) -> None:
        """Read the policies. SettingsError where they do not read, or cedarpy is missing."""
        try:
            import cedarpy  # noqa: PLC0415  an extra
        except ImportError:
            raise SettingsError(
                "Cedar policies need cedarpy: pip install 'stopper[cedar]'"
            ) from None
        try:
            self._policies = cedarpy.PolicySet.from_str(text)
            self._annotations = _annotations(cedarpy.policies_to_json_str(text))
        except ValueError as error:
            raise SettingsError(f"no Cedar policies that read: {error}") from None
        self._entities = cedarpy.Entities.from_json_str("[]")
        self._is_authorized = cedarpy.is_authorized
        self.version = sha256(text.encode()).hexdigest()

    def decide(self, action: Action) -> PolicyDecision:
        """What the policies say about one action."""
        request = {
            "principal": _PRINCIPAL,
            "action": {"type": "Action", "id": action.type.value},
            "resource": _RESOURCE,
            "context": _cedar(action.context),
        }
        result = self._is_authorized(request, self._policies, self._entities)
        if result.diagnostics.errors:
            return block("policy.unreadable", "A Cedar policy could not be evaluated")
        if result.allowed:
            return ALLOWED
        forbids = [self._annotations.get(name, {}) for name in result.diagnostics.reasons]
        if not forbids:
            return block("policy.not_permitted", "No Cedar policy permits this")
        final = [one for one in forbids if one.get("approval") != "human"]
        reason = (final or forbids)[0].get("reason") or "A Cedar policy forbids this"
        if final:
            return block("policy.forbidden", reason)
        return escalate("policy.approval_required", reason)


def _annotations(written: str) -> dict[str, dict[str, str]]:
    """The annotations of each policy by its id."""
    policies = msgspec.json.decode(written)["staticPolicies"]
    return {name: one.get("annotations") or {} for name, one in policies.items()}


def _cedar(value: Any) -> Any:
    """A value as Cedar's JSON has it; ValueError for what would be read as something else."""
    if isinstance(value, dict):
        if not _ESCAPES.isdisjoint(value):
            raise ValueError("a name that Cedar reads as an escape")
        return {name: _cedar(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_cedar(item) for item in value if item is not None]
    if isinstance(value, float) or (isinstance(value, int) and not -_MAX_LONG <= value < _MAX_LONG):
        return str(value)
    return value
