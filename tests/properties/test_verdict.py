"""Laws of verdicts and of chains."""

import asyncio
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stopper.core.verdict import Verdict, join
from stopper.guards.chain import GuardChain
from stopper.guards.models import GuardResult, allow, block, escalate, repair, repair_output, warn

VERDICTS = st.sampled_from(Verdict)
FIELDS = ("a", "b", "c")
LAST = 4
Call = dict[str, int]


class Pure:
    """Judges one field by a table; a repair counts it up by one."""

    def __init__(self, field: str, table: dict[int, Verdict]) -> None:
        self.field = field
        self.table = table

    def __repr__(self) -> str:
        return f"Pure({self.field!r}, { {k: v.value for k, v in self.table.items()} })"

    def check(self, _tool: str, args: Call) -> GuardResult:
        result = self._look(args)
        better = result.repaired_output
        return replace(result, repaired_args=better, repaired_output=None) if better else result

    def check_output(self, _tool: str, _args: Any, output: Call) -> GuardResult:
        return self._look(output)

    def _look(self, value: Call) -> GuardResult:
        match self.table.get(value[self.field], Verdict.ALLOW):
            case Verdict.BLOCK:
                return block("test.block", "no")
            case Verdict.ESCALATE:
                return escalate("test.escalate", "ask")
            case Verdict.WARN:
                return warn("test.warn", "hm")
            case Verdict.REPAIR if value[self.field] < LAST:
                better = value | {self.field: value[self.field] + 1}
                return repair_output(better, "test.repair", "one more")
            case _:
                return allow()


GUARDS = st.builds(
    Pure,
    st.sampled_from(FIELDS),
    st.dictionaries(st.integers(0, LAST), VERDICTS, max_size=3),
)
CALLS = st.fixed_dictionaries({field: st.integers(0, LAST) for field in FIELDS})


@given(VERDICTS, VERDICTS, VERDICTS)
def test_join_is_a_semilattice(a: Verdict, b: Verdict, c: Verdict) -> None:
    assert join([a, a]) is a
    assert join([a, b]) is join([b, a])
    assert join([join([a, b]), c]) is join([a, join([b, c])])
    assert join([a, Verdict.ALLOW]) is a
    assert join([a, Verdict.BLOCK]) is Verdict.BLOCK
    assert join([a, b]) >= a


@given(st.lists(GUARDS, max_size=5), GUARDS, CALLS)
def test_adding_a_guard_never_loosens(guards: list[Pure], more: Pure, args: Call) -> None:
    for position in range(len(guards) + 1):
        longer = [*guards[:position], more, *guards[position:]]
        before, after = (GuardChain(chain).check_all("t", args) for chain in (guards, longer))
        assert after.final_verdict >= before.final_verdict
        before, after = (
            GuardChain(chain).check_output("t", {}, args) for chain in (guards, longer)
        )
        assert after.final_verdict >= before.final_verdict


@given(st.data(), st.lists(GUARDS, max_size=6), CALLS)
def test_no_order_changes_the_outcome(data: st.DataObject, guards: list[Pure], args: Call) -> None:
    turned = data.draw(st.permutations(guards))
    one, other = (GuardChain(chain).check_all("t", args) for chain in (guards, turned))
    assert (one.final_verdict, one.repaired_args) == (other.final_verdict, other.repaired_args)
    one, other = (GuardChain(chain).check_output("t", {}, args) for chain in (guards, turned))
    assert (one.final_verdict, one.repaired_output) == (other.final_verdict, other.repaired_output)


@given(st.lists(GUARDS, min_size=1, max_size=5), CALLS)
def test_a_repair_reaches_the_caller_and_no_guard_would_repair_it_again(
    guards: list[Pure], args: Call
) -> None:
    result = GuardChain(guards).check_all("t", args)
    if result.repaired:
        assert result.repaired_args is not None
        assert result.repaired_args != args
        assert not [g for g in guards if g.check("t", result.repaired_args).verdict > Verdict.WARN]
    output = GuardChain(guards).check_output("t", {}, args)
    assert output.final_verdict is result.final_verdict
    assert output.repaired_output == result.repaired_args


@given(st.lists(GUARDS, max_size=4), CALLS)
def test_with_and_without_await_the_verdicts_are_the_same(guards: list[Pure], args: Call) -> None:
    chain = GuardChain(guards, clock=count().__next__)
    other = GuardChain(guards, clock=count().__next__)
    assert asyncio.run(chain.check_all_async("t", args)) == other.check_all("t", args)


@given(GUARDS, CALLS)
def test_a_shadow_changes_nothing(guard: Pure, args: Call) -> None:
    result = GuardChain().shadow(guard).check_all("t", args)
    assert (result.final_verdict, result.repaired_args) == (Verdict.ALLOW, None)
    assert result.results["pure"].verdict is guard.check("t", args).verdict


def test_one_guard_alone_is_its_own_chain() -> None:
    class Fixed:
        def check(self, _tool: str, args: dict[str, Any]) -> GuardResult:
            return repair({**args, "x": 1}, "test.repair", "x is one")

    result = GuardChain([Fixed()]).check_all("t", {})
    assert (result.final_verdict, result.repaired_args) == (Verdict.REPAIR, {"x": 1})
