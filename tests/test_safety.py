"""`stopper.safety` is one import: what an agent may do, spend and tell."""

import subprocess
import sys

import pytest

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
BACK = ("cedarpy", "regopy", "click", "uvloop", "sqlite3", "stopper.stores.memory")
COMMANDS = ("stopper.detect.commands", "tree_sitter", "stopper.guards")
DETECTORS = (*COMMANDS, "hyperscan", "stopper.detect.inspection")
LOADS = {
    # what is imported       code                                          what stays out
    "all of it":            ("import stopper.safety",                      (*BACK, *DETECTORS)),
    "budgets":              ("from stopper.safety import BudgetTracker",   ("cedarpy", "sqlite3", *DETECTORS)),
    "redaction":            ("from stopper.safety import Redactor",        (*BACK, *COMMANDS)),
    "decisions":            ("from stopper.safety import PolicyDecision",  (*BACK, *DETECTORS)),
    "the gate":             ("from stopper.safety import PolicyGate",      BACK),
}  # fmt: skip


def test_all_that_is_documented_is_there() -> None:
    assert set(stopper.safety.__all__) >= DOCUMENTED
    assert all(hasattr(stopper.safety, name) for name in stopper.safety.__all__)


@pytest.mark.parametrize(("code", "outside"), LOADS.values(), ids=LOADS)
def test_it_loads_no_more_than_it_needs(code: str, outside: tuple[str, ...]) -> None:
    code = f"import sys; {code}; print([m for m in {outside!r} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        stopper.safety.Nothing  # noqa: B018
    assert set(stopper.safety.__all__) <= set(dir(stopper.safety))
