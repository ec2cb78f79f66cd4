"""Policies in Rego: its own worked example, and every way in which it may not decide."""

import sys
from pathlib import Path
from typing import Any

import pytest

from stopper.core.verdict import Verdict
from stopper.errors import SettingsError
from stopper.policy.decision import Action, ActionType
from stopper.policy.rego import RegoPolicy

EXAMPLE = Path(__file__).parents[2] / "examples" / "policies" / "billing.rego"
CODE, BILLING = ActionType.EXECUTE_CODE, ActionType.CREATE_BILLING
ALLOW, ESCALATE, BLOCK = Verdict.ALLOW, Verdict.ESCALATE, Verdict.BLOCK
OPEN = "package stopper\nallow := true\n"

EXAMPLES: dict[str, tuple[ActionType, dict[str, Any], Verdict, str]] = {
    "anything else":     (CODE, {"command": "ls"}, ALLOW, ""),
    "little":            (BILLING, {"amount": 15, "currency": "EUR"}, ALLOW, ""),
    "more":              (BILLING, {"amount": 50, "currency": "EUR"}, ESCALATE, "policy.approval_required"),
    "too much":          (BILLING, {"amount": 500, "currency": "EUR"}, BLOCK, "policy.not_permitted"),
    "another currency":  (BILLING, {"amount": 15, "currency": "USD"}, BLOCK, "policy.forbidden"),
    "no amount":         (BILLING, {"currency": "EUR"}, BLOCK, "policy.not_permitted"),
}  # fmt: skip
CASES: dict[str, tuple[str, Verdict, str]] = {
    "allowed":            (OPEN, ALLOW, ""),
    "nothing at all":     ("package stopper", BLOCK, "policy.not_permitted"),
    "not quite true":     ('package stopper\nallow := "yes"', BLOCK, "policy.not_permitted"),
    "two values":         ("package stopper\nallow := true if input.action\nallow := false if input.context", BLOCK, "policy.unreadable"),
    "denied":             (OPEN + 'deny contains "no" if true', BLOCK, "policy.forbidden"),
    "denied by a text":   (OPEN + 'deny := "no"', BLOCK, "policy.forbidden"),
    "denied by a value":  (OPEN + "deny := true", BLOCK, "policy.forbidden"),
    "denied by nothing":  (OPEN + "deny := false", ALLOW, ""),
    "asked":              (OPEN + 'escalate contains "who?" if true', ESCALATE, "policy.approval_required"),
    "denied and asked":   (OPEN + 'deny := ["a", "b"]\nescalate := ["c"]', BLOCK, "policy.forbidden"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "context", "verdict", "code"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_example(
    kind: ActionType, context: dict[str, Any], verdict: Verdict, code: str
) -> None:
    said = RegoPolicy(EXAMPLE.read_text(encoding="utf-8")).decide(Action(kind, context))
    assert (said.verdict, said.code) == (verdict, code)


@pytest.mark.parametrize(("text", "verdict", "code"), CASES.values(), ids=CASES)
def test_a_policy(text: str, verdict: Verdict, code: str) -> None:
    said = RegoPolicy(text).decide(Action(CODE, {"a": [1, 2.5, None, {"b": "c"}]}))
    assert (said.verdict, said.code) == (verdict, code)


def test_one_decision_knows_nothing_of_another() -> None:
    policy = RegoPolicy("package stopper\nallow if input.context.a == 1")
    assert policy.decide(Action(CODE, {"a": 1})).allowed
    assert not policy.decide(Action(CODE, {})).allowed


def test_all_reasons_are_told() -> None:
    said = RegoPolicy(OPEN + 'deny := ["a", "b"]').decide(Action(CODE, {}))
    assert said.reason == "a; b"


def test_a_policy_that_does_not_read_is_a_clear_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match="no Rego policy that reads"):
        RegoPolicy("package stopper\nallow if {")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["other", "data.stopper", "stoppers"])
def test_a_policy_of_another_package_is_a_clear_error(name: str) -> None:
    with pytest.raises(SettingsError, match="begin with `package stopper`"):
        RegoPolicy(f"package {name}\nallow := true")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "regopy", None)
    with pytest.raises(SettingsError, match=r"pip install 'stopper\[rego\]'"):
        RegoPolicy(OPEN)
