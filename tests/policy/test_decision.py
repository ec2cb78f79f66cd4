"""What the gate answers, and which answer counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.core.verdict import Verdict
from stopper.policy.decision import (
    ALLOWED,
    ActionType,
    PolicyDecision,
    block,
    escalate,
    strictest,
)

DECISIONS = st.sampled_from([ALLOWED, escalate("a.b", "ask"), block("c.d", "no")])


def test_there_are_five_kinds_of_action() -> None:
    assert {kind.value for kind in ActionType} == {
        "execute_code", "deploy", "create_billing", "delete_files", "network_access",
    }  # fmt: skip


def test_nothing_is_allowed_that_requires_approval() -> None:
    with pytest.raises(ValueError, match="not allowed while it requires approval"):
        PolicyDecision(True, "go on", requires_approval=True)


@pytest.mark.parametrize(
    ("decision", "verdict"),
    [
        (ALLOWED, Verdict.ALLOW),
        (escalate("a.b", "ask"), Verdict.ESCALATE),
        (block("a.b", "no"), Verdict.BLOCK),
    ],
)
def test_a_decision_is_a_verdict(decision: PolicyDecision, verdict: Verdict) -> None:
    assert decision.verdict is verdict
    assert decision.allowed is (verdict is Verdict.ALLOW)


@settings(deadline=None)
@given(st.lists(DECISIONS), DECISIONS)
def test_one_more_decision_never_loosens(said: list[PolicyDecision], more: PolicyDecision) -> None:
    assert strictest([*said, more]).verdict >= strictest(said).verdict


@settings(deadline=None)
@given(st.lists(DECISIONS).flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))))
def test_the_order_of_decisions_never_matters(
    both: tuple[list[PolicyDecision], list[PolicyDecision]],
) -> None:
    assert strictest(both[0]).verdict is strictest(both[1]).verdict
