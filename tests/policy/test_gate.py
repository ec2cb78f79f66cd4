"""The gate without clock and world: what is refused, asked about and allowed."""

from string import ascii_uppercase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.core.verdict import Verdict
from stopper.detect.allow import parse_rule
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.policy.decision import Action, ActionType
from stopper.policy.gate import GateRules, judge_action

ALL = GateRules(frozenset(ActionType))
ONE = GateRules(frozenset(ActionType), (parse_rule("api.example.com"),))
NO_NETWORK = GateRules(frozenset({ActionType.EXECUTE_CODE}))
CODE, DEPLOY, BILLING, DELETE, NETWORK = ActionType
ALLOW, ESCALATE, BLOCK = Verdict.ALLOW, Verdict.ESCALATE, Verdict.BLOCK

CASES: dict[str, tuple[GateRules, ActionType, dict[str, Any], Verdict, str]] = {
    "a command":                   (ALL, CODE, {"command": "npm install"},              ALLOW, ""),
    "a destructive command":       (ALL, CODE, {"command": "rm -rf /"},                 BLOCK, "command.deletes_tree"),
    "a doubtful command":          (ALL, CODE, {"command": "git push -f"},              ESCALATE, "command.git_forces_push"),
    "no command":                  (ALL, CODE, {"note": "rm -rf /"},                    BLOCK, "policy.malformed"),
    "an empty command":            (ALL, CODE, {"command": ""},                         BLOCK, "policy.malformed"),
    "a blank one and blank code":  (ALL, CODE, {"command": " \n", "code": ["", " "]},    BLOCK, "policy.malformed"),
    "an empty one for a program":  (ALL, CODE, {"program": "", "input": "ls"},          BLOCK, "policy.malformed"),
    "empty SQL":                   (ALL, CODE, {"sql": ""},                             BLOCK, "policy.malformed"),
    "an empty one beside code":    (ALL, CODE, {"command": "", "code": "print(1)"},     ALLOW, ""),
    "empty, and its arguments":    (ALL, CODE, {"command": "", "args": ["rm", "-rf", "/"]}, BLOCK, "command.deletes_tree"),
    "a URL in a command":          (ONE, CODE, {"command": "curl https://evil.com"},    BLOCK, "network.not_allowed"),
    "a URL in code":               (ALL, CODE, {"code": "get('http://169.254.169.254')"}, BLOCK, "network.metadata"),
    "a URL with the network off":  (NO_NETWORK, CODE, {"command": "curl https://a.com"}, BLOCK, "policy.disabled"),
    "a command with it off":       (NO_NETWORK, CODE, {"command": "make"},              ALLOW, ""),
    "a destination":               (ALL, NETWORK, {"url": "https://a.com"},             ALLOW, ""),
    "one beside the list":         (ONE, NETWORK, {"url": "https://a.com"},             BLOCK, "network.not_allowed"),
    "no destination":              (ALL, NETWORK, {"to": "a.com"},                      BLOCK, "policy.malformed"),
    "what is off":                 (NO_NETWORK, NETWORK, {"url": "https://a.com"},      BLOCK, "policy.disabled"),
    "a deployment":                (ALL, DEPLOY, {"service": "shop"},                   ESCALATE, "policy.approval_required"),
    "a deployment that destroys":  (ALL, DEPLOY, {"command": "rm -rf /"},               BLOCK, "command.deletes_tree"),
    "a bill":                      (ALL, BILLING, {"amount": 5},                        ESCALATE, "policy.approval_required"),
    "a deletion":                  (ALL, DELETE, {"path": "build"},                     ESCALATE, "policy.approval_required"),
    "a deletion of everything":    (ALL, DELETE, {"path": "/"},                         BLOCK, "command.deletes_tree"),
    "a deletion of nothing":       (ALL, DELETE, {"recursive": True},                   BLOCK, "policy.malformed"),
    "more than anybody judges":    (ALL, CODE, {"commands": [f"ls {n}" for n in range(1001)]}, BLOCK, "policy.too_much"),
    "half of a character":         (ALL, CODE, {"command": "echo \ud800"},              BLOCK, "policy.malformed"),
}  # fmt: skip


@pytest.fixture(scope="module", name="inspector")
def _inspector() -> Inspector:
    return Inspector(packaged_detector(b"key"))


@pytest.mark.parametrize(("rules", "kind", "context", "verdict", "code"), CASES.values(), ids=CASES)
def test_an_action(
    rules: GateRules,
    kind: ActionType,
    context: dict[str, Any],
    verdict: Verdict,
    code: str,
    inspector: Inspector,
) -> None:
    said = judge_action(Action(kind, context), rules, inspector)
    assert (said.verdict, said.code) == (verdict, code)


@pytest.mark.parametrize("kind", ActionType)
def test_a_secret_goes_nowhere_and_is_not_told(kind: ActionType, inspector: Inspector) -> None:
    secret = "AK" + "IA" + (ascii_uppercase[7:] * 2)[:16]
    context = {"command": "ls", "url": "https://a.com", "path": "x", "note": {secret: 1}}
    said = judge_action(Action(kind, context), ALL, inspector)
    assert (said.verdict, said.code) == (BLOCK, "policy.secret")
    assert secret not in said.reason


WORDS = st.sampled_from(
    ["ls", "rm -rf /", "https://evil.com", "http://10.0.0.1", "x", "DROP TABLE x"]
)
NAMES = st.sampled_from(["command", "url", "path", "code", "sql", "allowlist", "note"])
CONTEXTS = st.dictionaries(NAMES, WORDS | st.lists(WORDS, max_size=2), max_size=4)


@settings(deadline=None)
@given(st.sampled_from(list(ActionType)), CONTEXTS)
def test_a_stricter_operator_never_allows_more(kind: ActionType, context: dict[str, Any]) -> None:
    """A list, or fewer kinds, leave every verdict as strict as it was."""
    inspector = Inspector(None)
    free = judge_action(Action(kind, context), ALL, inspector).verdict
    for rules in (ONE, NO_NETWORK):
        assert judge_action(Action(kind, context), rules, inspector).verdict >= free


@settings(deadline=None)
@given(CONTEXTS)
def test_the_reason_quotes_no_command(context: dict[str, Any]) -> None:
    said = judge_action(Action(CODE, context), ALL, Inspector(None))
    assert "rm -rf" not in said.reason
    assert "DROP" not in said.reason
