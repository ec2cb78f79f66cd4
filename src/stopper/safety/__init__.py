"""What an agent may do, what it may spend and what it must not tell, in one import."""

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
