"""What a chain does with what its guards say, and with guards that misbehave."""

import asyncio
import random
import string
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from stopper.core.verdict import Verdict
from stopper.errors import SettingsError
from stopper.guards.audit import AuditTrail
from stopper.guards.budget import BudgetGuard
from stopper.guards.chain import GuardChain
from stopper.guards.decision import Decision
from stopper.guards.models import (
    Guard,
    GuardResult,
    Outcome,
    allow,
    block,
    escalate,
    repair,
    repair_output,
    warn,
)
from stopper.guards.plan_shape import PlanShapeGuard
from stopper.guards.taint import TaintGuard
from stopper.guards.tally import MAX_ROUNDS

Args = dict[str, Any]


class Says:
    """Says what a function says, about calls and outputs."""

    def __init__(self, say: Callable[[Any], Any]) -> None:
        self.say = say
        self.asked: list[Any] = []

    def check(self, _tool: str, args: Args) -> Any:
        self.asked.append(args)
        return self.say(args)


class SaysLater(Says):
    """Says it after a while."""

    async def check(self, _tool: str, args: Args) -> Any:
        await asyncio.sleep(0)
        return self.say(args)


class Outputs:
    """Looks at outputs only."""

    def __init__(self, say: Callable[[Any], GuardResult], *, last: bool = False) -> None:
        self.say = say
        self.is_last_on_output = last

    def check(self, _tool: str, _args: Args) -> GuardResult:
        return allow()

    def check_output(self, _tool: str, _args: Args, output: Any) -> GuardResult:
        return self.say(output)


YES, HM = Says(lambda _: allow()), Says(lambda _: warn("test.warn", "hm"))
ASK = Says(lambda _: escalate("test.escalate", "ask someone"))
NO = Says(lambda _: block("test.block", "no"))
FIX = Says(
    lambda args: allow() if "x" in args else repair({**args, "x": 1}, "test.fix", "x was missing")
)

VERDICTS: dict[str, tuple[list[Guard], Verdict, str | None, str]] = {
    # guards                     in a row            verdict            stopped at  reason
    "none":                    ([],                  Verdict.ALLOW,     None,       ""),
    "all agree":               ([YES, YES],          Verdict.ALLOW,     None,       ""),
    "one warns":               ([YES, HM],           Verdict.WARN,      None,       "hm"),
    "two warn alike":          ([HM, HM],            Verdict.WARN,      None,       "hm"),
    "one repairs":             ([FIX],               Verdict.REPAIR,    "fix",      "x was missing"),
    "a warning and a repair":  ([HM, FIX],           Verdict.REPAIR,    "fix",      "hm; x was missing"),
    "one asks":                ([ASK, FIX],          Verdict.ESCALATE,  "ask",      "ask someone; x was missing"),
    "one asks, one blocks":    ([ASK, NO],           Verdict.BLOCK,     "no",       "no"),
    "a repair, then a block":  ([FIX, NO],           Verdict.BLOCK,     "no",       "no"),
}  # fmt: skip
NAMES = {id(YES): "yes", id(HM): "hm", id(ASK): "ask", id(NO): "no", id(FIX): "fix"}


@pytest.mark.parametrize(
    ("guards", "verdict", "stopped_at", "reason"), VERDICTS.values(), ids=VERDICTS
)
def test_verdicts(
    guards: list[Guard], verdict: Verdict, stopped_at: str | None, reason: str
) -> None:
    named = [(f"{NAMES[id(guard)]}", guard) for guard in dict.fromkeys(guards)]
    result = GuardChain(named).check_all("t", {})
    assert (result.final_verdict, result.stopped_at, result.reason) == (verdict, stopped_at, reason)
    assert result.allowed is (verdict in {Verdict.ALLOW, Verdict.WARN})
    assert result.blocked is (verdict in {Verdict.ESCALATE, Verdict.BLOCK})
    assert result.warned is (verdict is Verdict.WARN)
    assert result.repaired is (verdict is Verdict.REPAIR)
    assert result.escalated is (verdict is Verdict.ESCALATE)
    assert result.repaired_args == ({"x": 1} if result.repaired else None)


def test_details_and_timings_are_by_name() -> None:
    ticks = iter(range(0, 9000, 1500))
    chain = GuardChain([("first", HM), YES], clock=lambda: next(ticks))
    result = chain.check_all("t", {})
    assert result.details == {
        "first": {"verdict": "warn", "code": "test.warn", "reason": "hm"},
        "says": {"verdict": "allow", "code": "", "reason": ""},
    }
    assert result.timings == {"first": 1.5, "says": 1.5}


def test_guards_before_a_repair_look_again() -> None:
    first, last = Says(lambda args: block("test.x", "no x") if "x" in args else allow()), FIX
    assert GuardChain([first, last]).check_all("t", {}).code == "test.x"
    assert first.asked == [{}, {"x": 1}]
    assert GuardChain([last, first]).check_all("t", {}).blocked


def test_what_came_is_not_changed() -> None:
    args: Args = {"y": 2}
    assert GuardChain([FIX]).check_all("t", args).repaired_args == {"x": 1, "y": 2}
    assert args == {"y": 2}


def test_an_empty_repair_counts() -> None:
    empties = Says(lambda args: repair({}, "test.empty", "nothing may go") if args else allow())
    result = GuardChain([empties]).check_all("t", {"a": 1})
    assert (result.repaired, result.repaired_args) == (True, {})


def test_a_repair_that_changes_a_type_alone_counts() -> None:
    fix = Says(lambda args: repair({"n": 1}, "t.f", "a number") if args["n"] is True else allow())
    result = GuardChain([FIX, fix]).check_all("t", {"n": True})
    assert result.repaired_args is not None
    assert result.repaired_args["n"] is not True


def test_guards_that_never_agree_block() -> None:
    up = Says(lambda args: repair({"n": args["n"] + 1}, "t.up", "more"))
    assert GuardChain([up]).check_all("t", {"n": 0}).code == "guard.unsettled"
    assert len(up.asked) == MAX_ROUNDS


def test_a_guard_that_always_repairs_to_the_same_is_settled() -> None:
    stamp = Says(lambda args: repair({**args, "by": "us"}, "t.stamp", "stamped"))
    assert GuardChain([stamp]).check_all("t", {}).repaired_args == {"by": "us"}


def raises(_: Any) -> GuardResult:
    raise ValueError("hunter2")


ODD: Any = repair
SAID: Any = GuardResult
BROKEN: dict[str, Guard] = {
    "it raises":                  Says(raises),
    "it raises later":            SaysLater(raises),
    "it says nothing":            Says(lambda _: None),
    "it says True":               Says(lambda _: True),
    "it repairs without a value": Says(lambda _: GuardResult(verdict=Verdict.REPAIR)),
    "it repairs to a number":     Says(lambda _: ODD(5, "test.odd", "odd")),
    "it repairs to a text":       Says(lambda _: ODD("x", "test.odd", "odd")),
    "it repairs to a list":       Says(lambda _: ODD([1], "test.odd", "odd")),
    "it repairs to odd names":    Says(lambda _: ODD({1: 2}, "test.odd", "odd")),
    "its verdict is a text":      Says(lambda _: SAID(verdict="block")),
    "its verdict is another one": Says(lambda _: SAID(verdict=None)),
    "its reason is a number":     Says(lambda _: SAID(verdict=Verdict.BLOCK, reason=5)),
    "its code is a number":       Says(lambda _: SAID(verdict=Verdict.WARN, code=5)),
    "its details are a list":     Says(lambda _: SAID(verdict=Verdict.WARN, details=[5])),
}  # fmt: skip


@pytest.mark.parametrize("guard", BROKEN.values(), ids=BROKEN)
def test_a_guard_that_fails_blocks(guard: Guard) -> None:
    chain = GuardChain([("guard", guard)])
    result = chain.check_all("t", {})
    assert (result.final_verdict, result.code) == (Verdict.BLOCK, "guard.error")
    assert "hunter2" not in repr(result)
    assert asyncio.run(chain.check_all_async("t", {})).code == "guard.error"
    assert (result.repaired_args, result.details["guard"]["code"]) == (None, "guard.error")
    watched = GuardChain().shadow(("guard", guard)).check_all("t", {})
    assert (watched.allowed, watched.details["guard"]["code"]) == (True, "guard.error")


def test_a_result_that_was_made_of_another_is_sound() -> None:
    guard = Says(lambda _: replace(allow(), verdict=Verdict.WARN, code="test.warn"))
    assert GuardChain([guard]).check_all("t", {}).details["says"]["code"] == "test.warn"


@pytest.mark.parametrize("guard", BROKEN.values(), ids=BROKEN)
def test_a_guard_that_fails_where_it_counts_blocks(guard: Any) -> None:
    class Counting:
        def check(self, _tool: str, _args: Args) -> GuardResult:
            return allow()

        def admit(self, tool: str, args: Args) -> Any:
            return guard.check(tool, args)

    assert GuardChain([Counting()]).check_all("t", {}).code == "guard.error"


def test_a_guard_that_fails_on_an_output_withholds_it() -> None:
    assert GuardChain([Outputs(raises)]).check_output("t", {}, 1).code == "guard.error"


def test_an_async_guard_says_the_same_to_all() -> None:
    chain = GuardChain([SaysLater(lambda _: warn("test.warn", "hm"))])
    assert chain.check_all("t", {}).reason == "hm"
    assert asyncio.run(chain.check_all_async("t", {})).reason == "hm"

    async def inside() -> GuardResult:
        return chain.check_all("t", {}).results["says_later"]

    assert asyncio.run(inside()).code == "guard.error", "a loop must not stand still"


def test_outputs() -> None:
    redacts = Outputs(
        lambda text: repair_output("***", "t.r", "secret") if text == "key" else allow()
    )
    chain = GuardChain([redacts])
    assert chain.check_output("t", None, "key").repaired_output == "***"
    assert chain.check_output("t", {}, "fine").allowed
    assert asyncio.run(chain.check_output_async("t", {}, "key")).repaired_output == "***"
    empties = Outputs(lambda value: repair_output(None, "t.e", "gone") if value else allow())
    result = GuardChain([empties]).check_output("t", {}, "key")
    assert (result.repaired, result.repaired_output) == (True, None)


def test_what_cuts_comes_after_what_redacts_wherever_it_stands() -> None:
    cuts = Outputs(
        lambda text: repair_output(text[:8], "t.c", "too long") if len(text) > 8 else allow(),
        last=True,
    )
    redacts = Outputs(
        lambda text: (
            repair_output(text.replace("hunter2hunter2", "***"), "t.r", "secret")
            if "hunter2hunter2" in text
            else allow()
        )
    )
    for guards in ([cuts, redacts], [redacts, cuts]):
        result = GuardChain(guards).check_output("t", {}, "a hunter2hunter2 z")
        assert result.repaired_output == "a *** z"


class Counts:
    """Lets a number of calls go."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self.lock = threading.Lock()

    def check(self, tool: str, args: Args) -> GuardResult:
        return self.admit(tool, args)

    def judge(self, _tool: str, _args: Args) -> GuardResult:
        return block("test.full", "full") if self.count >= self.limit else allow()

    def admit(self, tool: str, args: Args) -> GuardResult:
        with self.lock:
            result = self.judge(tool, args)
            self.count += result.allowed
            return result

    def revoke(self, _tool: str, _args: Args) -> None:
        with self.lock:
            self.count -= 1

    def reset(self) -> None:
        self.count = 0


def test_a_call_is_counted_once_and_only_if_it_goes() -> None:
    counts = Counts(3)
    chain = GuardChain([counts, FIX])
    assert chain.check_all("t", {}).repaired
    assert counts.count == 1, "although it was looked at twice"
    assert GuardChain([counts, NO]).check_all("t", {}).blocked
    assert GuardChain([counts, ASK]).check_all("t", {}).escalated
    assert counts.count == 1
    assert [chain.check_all("t", {}).blocked for _ in range(3)] == [False, False, True]
    chain.reset()
    assert not chain.check_all("t", {}).blocked


class Late:
    """Says yes, and no when it comes to it."""

    def check(self, _tool: str, _args: Args) -> GuardResult:
        return allow()

    def admit(self, _tool: str, _args: Args) -> GuardResult:
        return block("test.late", "someone was faster")


def test_all_guards_count_a_call_or_none() -> None:
    counts = Counts(9)
    assert GuardChain([counts, Late()]).check_all("t", {}).code == "test.late"
    assert counts.count == 0


class Forgets(Counts):
    """Counts, and fails wherever it is told how things went."""

    def revoke(self, _tool: str, _args: Args) -> None:
        raise ValueError("hunter2")

    def settle(self, _tool: str, _args: Args, _outcome: Outcome) -> None:
        raise ValueError("hunter2")


class Settles(Says):
    """Keeps how calls went."""

    def settle(self, tool: str, _args: Args, _outcome: Outcome) -> None:
        self.asked.append(tool)


def test_a_guard_that_fails_to_take_a_call_back_changes_no_verdict() -> None:
    for guards, code in (([NO], "test.block"), ([Late()], "test.late")):
        counts = Counts(9)
        result = GuardChain([counts, Forgets(9), *guards]).check_all("t", {})
        assert (result.code, counts.count) == (code, 0)

    def lost(_: Decision) -> None:
        raise OSError

    chain = GuardChain([counts, Forgets(9)], on_decision=lost)
    assert (chain.check_all("t", {}).code, counts.count) == ("guard.unrecorded", 0)


def test_a_guard_that_fails_to_hear_how_a_call_went_withholds_the_output() -> None:
    told: list[Decision] = []
    after = Settles(lambda _: allow())
    result = GuardChain([Forgets(9), after], on_decision=told.append).check_output("t", {}, 1)
    assert (result.code, result.stopped_at, after.asked) == ("guard.error", "forgets", ["t"])
    assert told[0].result == result
    assert "hunter2" not in repr(result)
    no = Outputs(lambda _: block("test.out", "no"))
    assert GuardChain([no, Forgets(9)]).check_output("t", {}, 1).code == "test.out"


class Remembers(Counts):
    """Counts by turns and by runs."""

    def __init__(self) -> None:
        super().__init__(9)
        self.runs = 0

    def start_run(self) -> None:
        self.runs += 1
        self.count = 0


class Stuck(Counts):
    """Cannot begin anew."""

    def reset(self) -> None:
        raise OSError


def test_a_turn_begins_for_all_guards_and_a_run_for_those_that_know_of_runs() -> None:
    counts, remembers = Counts(9), Remembers()
    chain = GuardChain([counts, remembers, YES]).shadow(Stuck(9))
    assert chain.check_all("t", {}).allowed
    chain.reset()
    assert (counts.count, remembers.runs) == (0, 0)
    assert chain.check_all("t", {}).allowed
    chain.start_run()
    assert (counts.count, remembers.count, remembers.runs) == (0, 0, 1)
    chain = GuardChain([Stuck(9), counts])
    counts.count = 1
    with pytest.raises(OSError):  # noqa: PT011
        chain.reset()
    assert counts.count == 0


def test_a_turn_takes_no_limit_of_the_run_away_and_forgets_nothing_that_was_read() -> None:
    chain = GuardChain([BudgetGuard(max_calls_per_run=3), TaintGuard()])
    secret = "".join(random.choices(string.ascii_letters + string.digits, k=24))  # noqa: S311
    codes = []
    for tool, args in (("get_secret", {}), ("t", {}), ("send_mail", {"body": secret}), ("t", {})):
        codes.append(chain.check_all(tool, args).code)
        chain.check_output(tool, args, {"value": secret})
        chain.reset()
    assert codes == ["", "", "taint.secret", ""]
    assert chain.check_all("t", {}).code == "budget.calls_per_run"
    chain.start_run()
    assert chain.check_all("send_mail", {"body": secret}).code == ""


def test_threads_cannot_get_more_than_the_limit() -> None:
    counts = Counts(500)
    chain = GuardChain([counts])
    went: list[int] = []

    def work() -> None:
        went.append(sum(not chain.check_all("t", {}).blocked for _ in range(300)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(went) == 500


def test_a_shadow_is_watched_and_does_not_count() -> None:
    chain = GuardChain([YES]).shadow(("new", NO))
    result = chain.check_all("t", {})
    assert (result.final_verdict, result.reason, result.stopped_at) == (Verdict.ALLOW, "", None)
    assert result.details["new"] == {
        "verdict": "block", "code": "test.block", "reason": "no", "shadow": True,
    }  # fmt: skip
    assert GuardChain().shadow(Says(raises)).check_all("t", {}).allowed
    assert GuardChain().shadow(FIX).check_all("t", {}).repaired_args is None
    redacts = Outputs(lambda _: repair_output("", "t.r", "all of it"))
    assert GuardChain().shadow(redacts).check_output("t", {}, 1).allowed


class Meddles(Outputs):
    """Changes and breaks whatever it can."""

    consumes = frozenset({"a"})

    def __init__(self) -> None:
        super().__init__(self.clear)
        self.heard: list[str] = []

    def clear(self, value: Any) -> GuardResult:
        value.clear()
        return allow()

    def check(self, _tool: str, args: Args) -> GuardResult:
        assert args["a"], "it sees what it would consume"
        args["a"].clear()
        args.clear()
        return allow()

    def admit(self, tool: str, args: Args) -> GuardResult:
        return self.check(tool, args)

    def admit_output(self, tool: str, args: Args, output: Any) -> GuardResult:
        self.check(tool, args)
        return self.clear(output)

    def revoke(self, tool: str, args: Args) -> None:
        self.check(tool, args)
        self.heard.append("revoke")
        raise ValueError

    def settle(self, tool: str, args: Args, outcome: Outcome) -> None:
        self.check(tool, args)
        outcome.output.clear()
        self.heard.append("settle")
        raise ValueError


class LooksOnly(Meddles):
    """The same without a memory of outputs."""

    admit_output = None  # type: ignore[assignment]


@pytest.mark.parametrize("kind", [Meddles, LooksOnly])
def test_a_shadow_changes_and_breaks_nothing(kind: type[Meddles]) -> None:
    shadow, seen = kind(), Says(lambda _: allow())
    chain = GuardChain().shadow(shadow).add(seen)
    args: Args = {"a": [1]}
    result = chain.check_all("t", args)
    assert (result.final_verdict, args, seen.asked) == (Verdict.ALLOW, {"a": [1]}, [{"a": [1]}])
    output = [1]
    result = chain.check_output("t", args, output)
    assert (result.final_verdict, args, output) == (Verdict.ALLOW, {"a": [1]}, [1])
    shown = result.details[next(iter(result.shadows))]
    assert (shown["code"], shown["shadow"]) == ("guard.error", True)
    with chain.guarded("t", args) as call:
        assert call.finish(output) is output
    assert chain.add(NO).check_all("t", args).code == "test.block"
    assert GuardChain([Late()]).shadow(shadow).check_all("t", args).code == "test.late"
    assert GuardChain().shadow(shadow).add(Late()).check_all("t", args).code == "test.late"
    assert (args, output) == ({"a": [1]}, [1])
    assert shadow.heard == ["settle", "settle", "revoke"]
    once = {"a": (letter for letter in "ab")}
    result = GuardChain().shadow(shadow).check_all("t", once)
    assert (result.allowed, list(once["a"])) == (True, ["a", "b"])
    assert result.results[next(iter(result.shadows))].code == "guard.error"


def test_a_shadow_that_waits_gets_copies_too() -> None:
    def clear(args: Args) -> GuardResult:
        args.clear()
        return allow()

    args: Args = {"a": 1}
    chain = GuardChain().shadow(SaysLater(clear))
    assert chain.check_all("t", args).allowed
    assert asyncio.run(chain.check_all_async("t", args)).allowed
    assert args == {"a": 1}


def test_names() -> None:
    chain = (
        GuardChain([YES, ("mine", HM)]).add(Outputs(lambda _: allow())).add(Says(lambda _: allow()))
    )
    assert [name for name, _ in chain] == ["says", "mine", "outputs", "says_2"]
    assert len(chain) == 4
    assert chain.get("mine") is HM
    assert chain.get("yours") is None
    with pytest.raises(SettingsError, match="two guards have the name 'mine'"):
        chain.add(("mine", YES))
    with pytest.raises(SettingsError, match=r"a str has no check\(tool, args\) method"):
        GuardChain(["network"])  # type: ignore[list-item]
    own = type("ChainGuard", (), {"check": YES.check})()
    assert [name for name, _ in GuardChain([own])] == ["chain_2"]


ENTRIES: dict[str, tuple[Any, str]] = {
    # what is given               it                      what is wrong with it
    "a class":                  ([TaintGuard],           r"TaintGuard is a class; give TaintGuard\(...\)"),
    "a class with a name":      ([("a", TaintGuard)],    "a: TaintGuard is a class"),
    "a name that is a number":  ([(5, YES)],             "a text that is not empty"),
    "a name that is empty":     ([(" ", YES)],           "a text that is not empty"),
    "a name of the chain":      ([("chain", YES)],       "'chain' is the name of the chain itself"),
    "a name alone":             ([("a",)],               "a guard with a name is a pair"),
    "more than a pair":         ([("a", YES, 1)],        "a guard with a name is a pair"),
    "nothing":                  ([None],                 "a NoneType has no check"),
    "no list":                  (5,                      "a list of guards; read a int"),
    "a guard alone":            (YES,                    "a list of guards; read a Says"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "says"), ENTRIES.values(), ids=ENTRIES)
def test_what_makes_no_chain_says_what_to_do(given: Any, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        GuardChain(given)


def test_decisions_are_told() -> None:
    told: list[Decision] = []
    chain = GuardChain([FIX], on_decision=told.append)
    chain.check_all("t", {"a": 1, "b": "hunter2"})
    chain.check_all("t", {"b": "hunter2", "a": 1})
    chain.check_output("t", {"a": 2}, "hunter2")
    first, same, output = told
    assert (first.phase, first.tool, first.result.final_verdict) == ("call", "t", Verdict.REPAIR)
    assert first.call == same.call != output.call
    assert output.phase == "output"
    assert "hunter2" not in first.call


def test_a_decision_that_nobody_can_record_blocks() -> None:
    def fails(_: Decision) -> None:
        raise OSError("disk full")

    for result in (
        GuardChain([FIX], on_decision=[fails]).check_all("t", {}),
        GuardChain(on_decision=fails).check_output("t", {}, 1),
    ):
        assert (result.final_verdict, result.code) == (Verdict.BLOCK, "guard.unrecorded")
        assert result.repaired_args is None


async def notes_later(_: Decision) -> None: ...


def notes_bit_by_bit(_: Decision) -> Iterator[None]:
    yield


class NotesLater:
    async def __call__(self, _: Decision) -> None: ...


NOT_AT_ONCE: dict[str, Any] = {
    "a coroutine":          notes_later,
    "a part of one":        partial(notes_later),
    "an object":            NotesLater(),
    "a part of an object":  partial(NotesLater()),
    "a method":             NotesLater().__call__,
    "a generator":          notes_bit_by_bit,
    "no function at all":   7,
}  # fmt: skip


@pytest.mark.parametrize("observer", NOT_AT_ONCE.values(), ids=NOT_AT_ONCE)
def test_what_would_record_nothing_by_itself_is_no_observer(observer: Any) -> None:
    for given in (observer, [observer]):
        with pytest.raises(SettingsError, match="on_decision: "):
            GuardChain(on_decision=given)
    with pytest.raises(SettingsError, match="write: "):
        AuditTrail(observer)


def test_a_decision_that_would_be_recorded_later_blocks() -> None:
    def hidden(told: Any) -> Any:
        return notes_later(told)

    for observer in (hidden, AuditTrail(hidden)):
        assert GuardChain(on_decision=observer).check_all("t", {}).code == "guard.unrecorded"

    async def run() -> str:
        later: Any = lambda _: asyncio.get_running_loop().create_future()  # noqa: E731
        return GuardChain(on_decision=later).check_all("t", {}).code

    assert asyncio.run(run()) == "guard.unrecorded"


def test_calls_that_were_answered_are_a_chain_and_those_that_were_not_run_at_once() -> None:
    chain = GuardChain([PlanShapeGuard(max_chain_length=5, max_fan_out=2)])
    codes = []
    for _ in range(6):
        codes.append(chain.check_all("t", {}).code)
        chain.check_output("t", {}, 1)
    assert codes == [""] * 5 + ["plan.chain_too_long"]
    chain.reset()
    assert [chain.check_all("t", {}).code for _ in range(3)] == ["", "", "plan.fan_out_too_large"]


def test_a_shadow_takes_back_only_what_it_counted() -> None:
    counts = Counts(1)
    chain = GuardChain([Late()]).shadow(counts)
    counts.count = 1
    assert chain.check_all("t", {}).blocked
    chain = GuardChain([]).shadow(counts).add(Late())
    assert chain.check_all("t", {}).blocked
    assert counts.count == 1
    counts.count = 0
    assert chain.check_all("t", {}).blocked
    assert counts.count == 0


def test_what_a_guard_consumed_does_not_come_back_by_its_repair() -> None:
    class Takes(Says):
        consumes = frozenset({"_token"})

    fix = Takes(lambda args: allow() if "x" in args else repair({**args, "x": 1}, "t.x", "x"))
    result = GuardChain([fix]).check_all("t", {"_token": "hunter2"})
    assert result.repaired_args == {"x": 1}
