"""What an agent may do, what it may spend and what it must not tell, in one import."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stopper.detect.redact import Redactor, SecretPattern
    from stopper.policy.decision import Action, ActionType, Policy, PolicyDecision
    from stopper.safety.budgets import BudgetExceeded, BudgetNotFound, BudgetStatus, BudgetTracker
    from stopper.safety.gate import PolicyGate, issue_approval
    from stopper.safety.plugins import load_policies

__all__ = [
    "Action",
    "ActionType",
    "BudgetExceeded",
    "BudgetNotFound",
    "BudgetStatus",
    "BudgetTracker",
    "Policy",
    "PolicyDecision",
    "PolicyGate",
    "Redactor",
    "SecretPattern",
    "issue_approval",
    "load_policies",
]

_PLACES: Final = {
    "stopper.detect.redact": "Redactor SecretPattern",
    "stopper.policy.decision": "Action ActionType Policy PolicyDecision",
    "stopper.safety.budgets": "BudgetExceeded BudgetNotFound BudgetStatus BudgetTracker",
    "stopper.safety.gate": "PolicyGate issue_approval",
    "stopper.safety.plugins": "load_policies",
}
_MODULES: Final = {name: module for module, names in _PLACES.items() for name in names.split()}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    """Each name is loaded when it is asked for: who counts dollars needs no detectors."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value
