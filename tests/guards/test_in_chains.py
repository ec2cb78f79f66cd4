"""Guards with a memory, used through a chain and in no other way."""

import random
import string
from collections.abc import Callable
from typing import Any

import pytest

from stopper.guards.budget import BudgetGuard
from stopper.guards.chain import GuardChain
from stopper.guards.models import Guard, GuardBlocked
from stopper.guards.output_size import OutputSizeGuard
from stopper.guards.plan_shape import PlanShapeGuard
from stopper.guards.runaway import RunawayGuard
from stopper.guards.saturation import SaturationGuard
from stopper.guards.sensitive_data import SensitiveDataGuard
from stopper.guards.taint import TaintGuard
from stopper.guards.timeout_budget import TimeoutBudgetGuard

RANDOM = random.Random(3)  # noqa: S311  samples
AWS = "AKIA" + "".join(RANDOM.choices(string.ascii_uppercase + "234567", k=16))


class Clock:
    """Ten milliseconds pass every time that somebody looks."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 10_000_000
        return self.now


def runs(chain: GuardChain, tool: str, args: dict[str, Any], output: Any) -> str:
    """The code that stopped the call; empty when it went."""
    try:
        with chain.guarded(tool, args) as call:
            call.finish(output)
    except GuardBlocked as blocked:
        return blocked.result.code
    return ""


CLOCK = Clock()
CASES: dict[str, tuple[Guard, Callable[[int], dict[str, Any]], int, str]] = {
    # guard           itself                                    arguments            calls that go, code of the next
    "budget":        (BudgetGuard(max_calls_per_turn=4),        lambda n: {"n": n},  4, "budget.calls_per_turn"),
    "plan shape":    (PlanShapeGuard(max_chain_length=6),       lambda n: {"n": n},  6, "plan.chain_too_long"),
    "runaway":       (RunawayGuard(),                           lambda _: {"n": 1},  3, "runaway.same_call"),
    "time":          (TimeoutBudgetGuard(per_turn_budget_ms=200, clock=CLOCK), lambda n: {"n": n}, 20, "timeout.turn_exceeded"),
}  # fmt: skip


@pytest.mark.parametrize(("guard", "args", "count", "code"), CASES.values(), ids=CASES)
def test_guards_tick(
    guard: Guard, args: Callable[[int], dict[str, Any]], count: int, code: str
) -> None:
    chain = GuardChain([guard], clock=CLOCK)
    codes = [
        runs(chain, "t", args(number), {"done": "a result that stays the same"})
        for number in range(count + 1)
    ]
    assert codes == [""] * count + [code]
    chain.reset()
    assert runs(chain, "t", args(0), None) == ""


def test_what_others_stop_was_never_made() -> None:
    budget, plan = BudgetGuard(max_calls_per_run=3), PlanShapeGuard()
    chain = GuardChain([budget, plan, SensitiveDataGuard()])
    for _ in range(10):
        assert runs(chain, "t", {"a": AWS}, None) == "sensitive.found"
    assert (budget.spent().calls, plan.get_state().total_calls) == (0, 0)
    assert [runs(chain, "t", {}, None) for _ in range(4)] == ["", "", "", "budget.calls_per_run"]


def test_reads_taint_what_is_sent_later() -> None:
    chain = GuardChain([TaintGuard()])
    assert runs(chain, "get_secret", {"name": "x"}, {"value": AWS}) == ""
    assert runs(chain, "send_mail", {"body": f"see {AWS[::-1]}"}, None) == "taint.secret"
    assert runs(chain, "send_mail", {"body": "hello"}, None) == ""


def test_degenerate_results_count_once_each() -> None:
    chain = GuardChain([SaturationGuard(cdf_tools={"cdf"}, degenerate_values={1.0})])
    said = [chain.check_output("cdf", {}, {"result": 1.0}).warned for _ in range(3)]
    assert said == [False, False, True]


@pytest.mark.parametrize("place", range(60, 110, 7))
def test_outputs_lose_their_secrets_before_they_are_cut(place: int) -> None:
    """A secret across the cut would leave a part that no rule knows."""
    size = OutputSizeGuard(truncation_mode="truncate", max_bytes=150, max_string_length=100)
    chain = GuardChain([size, SensitiveDataGuard(redact_mode="redact")])
    with chain.guarded("t", {}) as call:
        output = call.finish({"text": "word " * (place // 5) + AWS + " more" * 60})
    assert not any(AWS[at : at + 6] in str(output) for at in range(len(AWS) - 5))
    assert len(output["text"]) <= 100
