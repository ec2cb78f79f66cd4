"""The policy gate: the decisions of `stopper.policy`, with a clock, a lock and approvals."""

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from stopper.core.reason import Refusal
from stopper.core.verdict import Verdict
from stopper.detect.allow import Allow, parse_rule
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.known import KnownValues
from stopper.errors import SettingsError, UsageError
from stopper.guards.canonical import digest, signature
from stopper.guards.capability import (
    Capability,
    Key,
    UsedCapabilities,
    check_key,
    issue_capability,
    read_capability,
)
from stopper.guards.decision import Decision, Observer, observers_of, recorded
from stopper.guards.result import ChainResult
from stopper.guards.shown import shown
from stopper.guards.world import Clock, fresh_key, monotonic_ns, wall_ms
from stopper.policy.decision import (
    ALLOWED,
    Action,
    ActionType,
    Policy,
    PolicyDecision,
    block,
    escalate,
)
from stopper.policy.gate import GateRules, judge_action
from stopper.policy.limits import Rate, Rates, parse_rate
from stopper.policy.reading import Unreadable, plain
from stopper.safety.plugins import DEFAULT_TIMEOUT, Watched

__all__ = ["PolicyGate", "issue_approval"]

_KEY: Final = b"policy"
_TOOL: Final = "policy gate: "
_GATE: Final = "gate"
_UNREAD: Final = "unread"
_VERSION_DIGITS: Final = 16
_MS: Final = timedelta(milliseconds=1)
_SAYS: Final = {
    "capability.missing": "is empty",
    "capability.no_key": "cannot be checked: the gate has no approval_key",
    "capability.forged": "is not signed with the gate's key",
    "capability.expired": "is over",
    "capability.other_tool": "is for another action",
    "capability.other_arguments": "is for another context",
    "capability.other_policy": "was given under other rules",
    "capability.no_requester": "cannot be checked: nobody is named who asks",
    "capability.self_approved": "was given by the one who asks",
    "capability.used": "was used before",
    "capability.too_many": "cannot be used: too many are in use",
}


class PolicyGate:
    """Decides whether an agent may do something; threads may share it.

    Code execution and network access are on by default, deployments and billing off. Deployments,
    billing and deletions always need a person: `allowed` stays false until `check_action` is given
    an `approval` that was made with `approval_key`, which the agent must not have, by someone
    else than the `requester`. The same goes for commands that may destroy something; some are
    refused whoever agrees.

    `allowlist` holds the operator's rules (`api.example.com`, `*.example.com:8443`,
    `GET api.example.com/v1/*`); without one every destination is allowed that looks public. Lists
    in the context of an action can only narrow that. Names are not resolved here.

    `rate_limits` bounds allowed actions by their kind, such as `{"execute_code": "10/minute"}`,
    within this process. `policies` by their names can only forbid more. `known` are secrets to
    look for besides those that Stopper knows by their shapes. Each of `on_decision` is told every
    decision as a chain of guards tells its own; where one raises, the action is refused. Building
    the first gate of a process takes a second or more.
    """

    def __init__(
        self,
        enable_code_execution: bool = True,
        enable_network_access: bool = True,
        enable_deployments: bool = False,
        enable_billing: bool = False,
        *,
        enable_file_deletion: bool = True,
        allowlist: Iterable[str | Allow] | None = None,
        workspace: str = "/workspace",
        rate_limits: Mapping[ActionType | str, str] | None = None,
        policies: Mapping[str, Policy] | None = None,
        policy_timeout: timedelta = DEFAULT_TIMEOUT,
        approval_key: Key | None = None,
        requester: str = "",
        known: KnownValues | None = None,
        clock: Clock = monotonic_ns,
        wall_clock: Clock = wall_ms,
        on_decision: Observer | Iterable[Observer] = (),
    ) -> None:
        _check(
            {
                "enable_code_execution": (enable_code_execution, bool),
                "enable_network_access": (enable_network_access, bool),
                "enable_deployments": (enable_deployments, bool),
                "enable_billing": (enable_billing, bool),
                "enable_file_deletion": (enable_file_deletion, bool),
                "allowlist": (allowlist, Iterable),
                "workspace": (workspace, str),
                "rate_limits": (rate_limits, Mapping),
                "policies": (policies, Mapping),
                "policy_timeout": (policy_timeout, timedelta),
                "requester": (requester, str),
            }
        )
        enabled = {
            ActionType.EXECUTE_CODE: enable_code_execution,
            ActionType.NETWORK_ACCESS: enable_network_access,
            ActionType.DEPLOY: enable_deployments,
            ActionType.CREATE_BILLING: enable_billing,
            ActionType.DELETE_FILES: enable_file_deletion,
        }
        self._rules = GateRules(
            frozenset(kind for kind, is_on in enabled.items() if is_on),
            None if allowlist is None else tuple(map(_rule, allowlist)),
            workspace,
        )
        self._inspector = Inspector(packaged_detector(_KEY), known)
        self._rates = Rates(_rates(rate_limits or {}))
        self._policies = [
            Watched(name, policy, policy_timeout) for name, policy in (policies or {}).items()
        ]
        if approval_key is not None:
            check_key(approval_key)
        self._key = approval_key
        self._requester = requester
        self.version = _version(self._rules, rate_limits or {}, policies or {})
        """Changes when the rules do; an approval is good for the version that it was given for."""
        self._used = UsedCapabilities()
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._observers = observers_of(on_decision)
        self._call_key = fresh_key()

    def check_action(
        self,
        action: ActionType | str,
        context: Mapping[str, Any] | None = None,
        *,
        approval: str | None = None,
        requester: str | None = None,
    ) -> PolicyDecision:
        """Whether the action may be done now; if so it counts, and its approval is used up.

        `requester` is who asks, where that is not the gate's own. What is wrong with a call is
        refused by a decision too; nothing raises.
        """
        asked, by = None, _GATE
        try:
            asked = _asked(action, {} if context is None else context)
            said, by = self._decide(
                asked, approval, self._requester if requester is None else requester
            )
            said = replace(said, reason=shown(said.reason))  # hosts, and what policies say
        except Unreadable as error:
            said = block(error.code, str(error))
        except Exception as error:  # noqa: BLE001  our own fault is a refusal
            said = block("policy.fault", f"Stopper failed while deciding ({type(error).__name__})")
        return self._told(asked, said, by) if self._observers else said

    def _decide(
        self, asked: Action, approval: str | None, requester: str
    ) -> tuple[PolicyDecision, str]:
        """What is decided, and who decided it: the gate itself, or a policy by its name."""
        said, by = judge_action(asked, self._rules, self._inspector), _GATE
        for policy in self._policies:
            if said.verdict is Verdict.BLOCK:
                return said, by
            own = policy.decide(Action(asked.type, plain(asked.context)))
            if own.verdict >= said.verdict:
                said, by = own, policy.name
        if said.verdict is Verdict.BLOCK:
            return said, by
        with self._lock:
            admitted = self._admit(asked, said, approval, requester)
        return admitted, by if admitted is said else _GATE

    def _admit(
        self, asked: Action, said: PolicyDecision, approval: str | None, requester: str
    ) -> PolicyDecision:
        """Count what is allowed, once a person agreed where that is needed."""
        capability = None
        if said.requires_approval:
            if approval is None:
                return said
            found = self._approved(asked, approval, requester)
            if isinstance(found, Refusal):
                return escalate(found.code, f"{said.reason}; the approval {_SAYS[found.code]}")
            capability = found
        if not self._rates.admit(asked.type, self._clock()):
            return block("policy.rate_limited", f"Too many actions of kind {asked.type}; wait")
        if capability is not None:
            full = self._used.use(capability, self._wall_clock())
            if full is not None:
                return escalate(full.code, f"{said.reason}; the approval {_SAYS[full.code]}")
        return ALLOWED

    def _approved(self, asked: Action, approval: str, requester: str) -> Capability | Refusal:
        if self._key is None:
            return Refusal("capability.no_key")
        found = read_capability(
            self._key,
            approval,
            _TOOL + asked.type,
            asked.context,
            self._wall_clock(),
            requester=requester,
            policy=self.version,
        )
        if isinstance(found, Capability) and found in self._used:
            return Refusal("capability.used")
        return found

    def _told(self, asked: Action | None, said: PolicyDecision, by: str) -> PolicyDecision:
        """Tell everybody who watches; what nobody can record may not happen."""
        kind = asked.type.value if asked else _UNREAD
        call = signature(kind, asked.context if asked else None, self._call_key).hex()
        result = ChainResult(
            final_verdict=said.verdict,
            stopped_at=None if said.allowed else by,
            reason=said.reason,
            code=said.code,
        )
        try:
            for observer in self._observers:
                recorded(observer, Decision("action", kind, call, result))
        except Exception as error:  # noqa: BLE001  see above
            kind_of = type(error).__name__
            return block("policy.unrecorded", f"The decision could not be recorded ({kind_of})")
        return said


def issue_approval(
    key: Key,
    action: ActionType | str,
    context: Mapping[str, Any],
    *,
    approver: str,
    version: str,
    lifetime: timedelta = timedelta(hours=1),
    clock: Callable[[], int] = wall_ms,
) -> str:
    """A person's word that this action with this very context may be done, once, for a while.

    `key` is a secret of at least 32 bytes, or an Ed25519 private key whose public half the gate
    has. `approver` is that person, never the one who asks, and `version` is the gate's.
    SettingsError for another key, no name, or a lifetime that is not between a millisecond and a
    day; UsageError for an action or a context that the gate would not take.
    """
    try:
        asked = _asked(action, context)
    except Unreadable as error:
        raise UsageError(str(error)) from None
    return issue_capability(
        key,
        _TOOL + asked.type,
        asked.context,
        lifetime_ms=lifetime // _MS,
        approver=approver,
        policy=version,
        clock=clock,
    )


def _asked(action: ActionType | str, context: Mapping[str, Any]) -> Action:
    """The action as it is judged; Unreadable for what is none."""
    if not isinstance(action, str) or action not in _KINDS:
        allowed = ", ".join(ActionType)
        raise Unreadable("policy.unknown_action", f"No such action; use one of: {allowed}")
    return Action(ActionType(action), plain(context))


def _version(
    rules: GateRules, rates: Mapping[ActionType | str, str], policies: Mapping[str, Policy]
) -> str:
    """A short hash of what was configured; policies count by their names and versions."""
    lists = None if rules.allowlist is None else sorted(map(str, rules.allowlist))
    limits = sorted((str(kind), rate) for kind, rate in rates.items())
    own = sorted((name, str(getattr(one, "version", ""))) for name, one in policies.items())
    every = (sorted(rules.enabled), lists, rules.workspace, limits, own)
    return digest({"rules": every})[:_VERSION_DIGITS]


_KINDS: Final = frozenset(ActionType)


def _check(given: Mapping[str, tuple[Any, type]]) -> None:
    """Name the first setting that is not of its type; those that may be left out may be None."""
    for name, (value, kind) in given.items():
        is_none = value is None and kind in (Iterable, Mapping)
        is_fit = isinstance(value, kind) and not (kind is Iterable and isinstance(value, str))
        if not (is_none or is_fit):
            raise SettingsError(f"PolicyGate.{name}: a {type(value).__name__}; {_GIVE[kind]}")


_GIVE: Final[dict[type, str]] = {
    bool: "use one of: True, False",
    str: "give a text",
    Iterable: 'give a list of rules, such as ["api.example.com"], or None for every public host',
    Mapping: 'give a dict: {"execute_code": "10/minute"} for rates, {"mine": policy} for policies',
    timedelta: "give a timedelta, such as timedelta(seconds=1)",
}


def _rule(entry: str | Allow) -> Allow:
    if not isinstance(entry, str | Allow):
        raise SettingsError(f"allowlist: a {type(entry).__name__}; give texts, each a rule")
    try:
        return entry if isinstance(entry, Allow) else parse_rule(entry)
    except ValueError as error:
        raise SettingsError(shown(f"allowlist: {entry!r} is {error}")) from None


def _rates(given: Mapping[ActionType | str, str]) -> dict[ActionType, Rate]:
    for kind, text in given.items():
        if not isinstance(text, str):
            raise SettingsError(
                f"rate_limits: {kind} has a {type(text).__name__}; write a text such as 10/minute"
            )
        if kind not in _KINDS:
            allowed = ", ".join(ActionType)
            raise SettingsError(
                f"rate_limits: {shown(str(kind))} is no kind of action; use one of: {allowed}"
            )
    try:
        return {ActionType(kind): parse_rate(text) for kind, text in given.items()}
    except ValueError as error:
        raise SettingsError(shown(f"rate_limits: {error}")) from None
