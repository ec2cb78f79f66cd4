"""`stopper.safety` is one import: what an agent may do, spend and tell."""

import subprocess
import sys

import stopper.safety

DOCUMENTED = {
    "ActionType",
    "BudgetStatus",
    "BudgetTracker",
    "PolicyDecision",
    "PolicyGate",
    "Redactor",
    "SecretPattern",
}
HEAVY = ("cedarpy", "regopy", "click", "uvloop", "sqlite3", "stopper.stores.memory")


def test_all_that_is_documented_is_there() -> None:
    assert set(stopper.safety.__all__) >= DOCUMENTED
    assert all(hasattr(stopper.safety, name) for name in stopper.safety.__all__)


def test_it_loads_no_policy_language_and_no_back_end() -> None:
    code = f"import sys, stopper.safety; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
