"""Policies in Cedar: its own worked example, and every way in which it may not decide."""

import sys
from pathlib import Path
from typing import Any

import pytest

from stopper.core.verdict import Verdict
from stopper.errors import SettingsError
from stopper.policy.cedar import CedarPolicy
from stopper.policy.decision import Action, ActionType

EXAMPLE = Path(__file__).parents[2] / "examples" / "policies" / "deployments.cedar"
CODE, DEPLOY = ActionType.EXECUTE_CODE, ActionType.DEPLOY
PERMIT = "permit(principal, action, resource);"
ALLOW, ESCALATE, BLOCK = Verdict.ALLOW, Verdict.ESCALATE, Verdict.BLOCK

EXAMPLES: dict[str, tuple[ActionType, dict[str, Any], Verdict, str]] = {
    "what is permitted": (CODE, {"command": "npm install"}, ALLOW, ""),
    "staging":           (DEPLOY, {"environment": "staging"}, ALLOW, ""),
    "production":        (DEPLOY, {"environment": "production"}, BLOCK, "policy.forbidden"),
    "nowhere":           (DEPLOY, {}, BLOCK, "policy.forbidden"),
    "publishing":        (CODE, {"command": "npm publish"}, ESCALATE, "policy.approval_required"),
}  # fmt: skip
CASES: dict[str, tuple[str, dict[str, Any], Verdict, str]] = {
    "nothing at all":         ("", {}, BLOCK, "policy.not_permitted"),
    "no permit that fits":    ('permit(principal, action == Action::"deploy", resource);', {}, BLOCK, "policy.not_permitted"),
    # Cedar leaves out what it cannot evaluate, and a forbid that is left out forbids nothing
    "a forbid with an error": (f"{PERMIT} forbid(principal, action, resource) when {{ context.x == 1 }};", {}, BLOCK, "policy.unreadable"),
    "one of two is final":    (f'{PERMIT} @approval("human") forbid(principal, action, resource); forbid(principal, action, resource);', {}, BLOCK, "policy.forbidden"),
    "all kinds of values":    (f"{PERMIT} forbid(principal, action, resource) when {{ context.a.b == 3 }};", {"a": {"b": 2, "n": None}, "l": [1, None, "x", True], "f": 1.5, "big": 2**80}, ALLOW, ""),
    "a fraction is a text":   (f'{PERMIT} forbid(principal, action, resource) when {{ context.f == "1.5" }};', {"f": 1.5}, BLOCK, "policy.forbidden"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "context", "verdict", "code"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_example(
    kind: ActionType, context: dict[str, Any], verdict: Verdict, code: str
) -> None:
    said = CedarPolicy(EXAMPLE.read_text(encoding="utf-8")).decide(Action(kind, context))
    assert (said.verdict, said.code) == (verdict, code)


@pytest.mark.parametrize(("text", "context", "verdict", "code"), CASES.values(), ids=CASES)
def test_a_policy(text: str, context: dict[str, Any], verdict: Verdict, code: str) -> None:
    said = CedarPolicy(text).decide(Action(CODE, context))
    assert (said.verdict, said.code) == (verdict, code)


def test_a_reason_is_the_operators() -> None:
    text = f'{PERMIT} @reason("not today") forbid(principal, action, resource);'
    assert CedarPolicy(text).decide(Action(CODE, {})).reason == "not today"


@pytest.mark.parametrize("name", ["__entity", "__extn", "__expr"])
def test_a_context_cannot_pass_for_something_else(name: str) -> None:
    with pytest.raises(ValueError, match="escape"):
        CedarPolicy(PERMIT).decide(Action(CODE, {"a": [{name: {"type": "Agent", "id": "root"}}]}))


def test_a_policy_that_does_not_read_is_a_clear_error() -> None:
    with pytest.raises(SettingsError, match="no Cedar policies that read"):
        CedarPolicy("permit(")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    with pytest.raises(SettingsError, match=r"pip install 'stopper\[cedar\]'"):
        CedarPolicy(PERMIT)
