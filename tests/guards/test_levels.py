"""What a level means, for every guard that a file can name."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from stopper.core.verdict import Verdict
from stopper.errors import GuardError
from stopper.guards.budget import BudgetGuard
from stopper.guards.capability import issue_capability
from stopper.guards.chain import GuardChain
from stopper.guards.concurrency import ConcurrencyGuard
from stopper.guards.decision import Decision
from stopper.guards.kinds import KINDS
from stopper.guards.models import Guard, GuardBlocked, GuardResult, allow, block
from stopper.guards.provenance import ProvenanceGuard
from stopper.guards.retry import RetrySafetyGuard
from stopper.guards.schema import SchemaStrictnessGuard
from stopper.guards.side_effect import SideEffectGuard
from stopper.guards.slots import Limits, LocalSlots
from stopper.guards.timeout_budget import TimeoutBudgetGuard

Args = dict[str, Any]
KEY = bytes(range(32))
LEVEL = {"side_effect": "enforcement_level"}


class Down:
    """A ledger, a store of slots or of tokens, that answers nothing."""

    def _fail(self, *_given: Any, **_named: Any) -> Any:
        raise OSError("hunter2")

    totals = full = take = give = use = give_back = __contains__ = _fail


def down(*_given: Any) -> Any:
    """A getter or a clock that fails."""
    raise OSError("hunter2")


async def down_later(*_given: Any) -> Any:
    """The same for one that is awaited."""
    raise OSError("hunter2")


class DownLater:
    """A store of slots that has to be awaited, and then answers nothing."""

    full = take = give = staticmethod(down_later)


class Sometimes(LocalSlots):
    """A store of slots that is down now and then."""

    is_down = False

    def full(self, limits: Limits) -> str | None:
        return down() if self.is_down else super().full(limits)


class Unreadable:
    """Fails whatever is asked of it."""

    def _fail(self, *_given: Any) -> Any:
        raise OSError("hunter2")

    __str__ = __repr__ = __len__ = __iter__ = __getitem__ = _fail


GIVEN: dict[str, dict[str, Any]] = {
    # guard               what it is given, all of it down, and what makes it ask
    "schema_strictness": {"get_schema": down},
    "side_effect":       {"get_classification": down, "get_annotations": down, "used": Down(), "clock": down},
    "concurrency":       {"slots": Down()},
    "timeout_budget":    {"clock": down},
    "retry_safety":      {"clock": down},
    "provenance":        {"clock": down},
    "budget":            {"spending": Down(), "run": "r", "max_tokens_per_run": 5},
    "taint":             {"secret_tools": ["t"]},
    "saturation":        {"cdf_tools": ["t"]},
}  # fmt: skip
BAD: Args = {
    "url": "http://127.0.0.1/",
    "z": 1e9,
    "_ref": "forged",
    "x": "${y}",
    "_capability_token": "token",
    "odd": Unreadable(),
}


def made(name: str, level: str) -> Guard:
    guard: Guard = KINDS[name].guard(**{LEVEL.get(name, "mode"): level}, **GIVEN.get(name, {}))
    return guard


class Late:
    """Says no when it comes to it, so that all others take back what they counted."""

    def check(self, _tool: str, _args: Args) -> GuardResult:
        return allow()

    def admit(self, _tool: str, _args: Args) -> GuardResult:
        return block("test.late", "no")


WITH_TOKEN: Args = {"require_capability_token": True, "requester": "bot", "capability_key": KEY}
TOKEN = issue_capability(KEY, "t", {"n": 1}, lifetime_ms=86_400_000, approver="ann")


class Fails:
    """A clock that fails from its second answer on."""

    def __init__(self) -> None:
        self.left = 1

    def __call__(self) -> int:
        self.left -= 1
        return 0 if self.left >= 0 else down()


ASKS: dict[str, tuple[Callable[..., Guard], str]] = {
    # what fails                   whose it is                                                                                        code
    "the schema":                  (partial(SchemaStrictnessGuard, get_schema=down),                                                  "schema.unavailable"),
    "the schema, later":           (partial(SchemaStrictnessGuard, get_schema=down_later),                                            "schema.unavailable"),
    "the class":                   (partial(SideEffectGuard, get_classification=down),                                                "guard.unavailable"),
    "the class, later":            (partial(SideEffectGuard, get_classification=down_later),                                          "guard.unavailable"),
    "a word that is no class":     (partial(SideEffectGuard, get_classification=lambda _: "mild"),                                    "guard.unavailable"),
    "the annotations":             (partial(SideEffectGuard, get_annotations=down),                                                   "guard.unavailable"),
    "what was used":               (partial(SideEffectGuard, used=Down(), **WITH_TOKEN),                                              "guard.unavailable"),
    "the clock of tokens":         (partial(SideEffectGuard, clock=down, **WITH_TOKEN),                                               "guard.unavailable"),
    "the slots":                   (partial(ConcurrencyGuard, slots=Down()),                                                          "guard.unavailable"),
    "the slots, later":            (partial(ConcurrencyGuard, slots=DownLater()),                                                     "guard.unavailable"),
    "the ledger":                  (partial(BudgetGuard, spending=Down(), run="r", max_tokens_per_run=5),                             "guard.unavailable"),
    "the clock of a turn":         (partial(TimeoutBudgetGuard, clock=down),                                                          "guard.unavailable"),
    "the clock of retries":        (partial(RetrySafetyGuard, clock=Fails()),                                                         "guard.unavailable"),
    "the clock of references":     (partial(ProvenanceGuard, clock=down),                                                             "guard.unavailable"),
}  # fmt: skip
CALL = {"n": 1, "_capability_token": TOKEN}


def told_of(guard: Guard) -> set[tuple[str, str]]:
    """What is said of faults about a call that goes well, and one that fails and comes again."""
    told = list[Decision]()
    chain = GuardChain([guard], on_decision=told.append)
    chain.check_all("t", CALL)
    chain.check_output("t", CALL, 1)
    asyncio.run(chain.check_all_async("t", CALL))
    with suppress(GuardBlocked), chain.guarded("t", CALL) as call:
        call.finish(1)
    with suppress(GuardBlocked, TimeoutError), chain.guarded("u", CALL):
        raise TimeoutError
    chain.check_all("u", CALL)
    return {
        (one.verdict.value, one.code)
        for decision in told
        for one in decision.result.results.values()
        if one.code.endswith("unavailable") or one.code == "guard.error"
    }


@pytest.mark.parametrize("level", ["warn", "block"])
@pytest.mark.parametrize(("guard", "code"), ASKS.values(), ids=ASKS)
def test_what_a_guard_asks_and_does_not_get_is_as_strict_as_its_level(
    guard: Callable[..., Guard], code: str, level: str
) -> None:
    kind: Any = guard.func  # type: ignore[attr-defined]
    field = "enforcement_level" if kind is SideEffectGuard else "mode"
    one = guard(**{field: level})
    if level == "block" and kind is BudgetGuard:
        with pytest.raises(GuardError, match=r"guard\.unavailable"):
            GuardChain([one]).reset()
    else:
        GuardChain([one]).reset()
    assert told_of(one) == {(level, code)}


@pytest.mark.parametrize("name", KINDS)
def test_a_guard_whose_own_code_fails_blocks_at_any_level(name: str) -> None:
    guard: Any = made(name, "warn")
    for of in ("check", "check_async", "judge", "judge_async"):
        if hasattr(guard, of):
            setattr(guard, of, down)
    chain = GuardChain([guard])
    for result in (chain.check_all("t", {}), asyncio.run(chain.check_all_async("t", {}))):
        assert (result.blocked, result.code) == (True, "guard.error")


def test_a_slot_that_was_never_taken_is_not_given_back() -> None:
    slots = Sometimes()
    guard = ConcurrencyGuard(slots=slots, mode="warn", global_max=5)
    chain = GuardChain([guard])
    with chain.guarded("t", {}) as call:
        slots.is_down = True
        with chain.guarded("t", {}) as other:
            assert other.result.code == "guard.unavailable"
            slots.is_down = False
            other.finish(1)
        assert slots.in_flight == {"all calls": 1, "tool t": 1}
        call.finish(1)
    assert slots.in_flight == {}

    async def run() -> None:
        slots.is_down = True
        async with guard.slot("t"):
            assert (await guard.acquire("t")).code == "guard.unavailable"
        await guard.release("t")

    asyncio.run(run())


def test_a_turn_of_a_guard_that_warns_goes_on_where_the_ledger_does_not_tell() -> None:
    guard = BudgetGuard(spending=Down(), run="r", max_tokens_per_run=5, mode="warn")
    for _ in range(3):
        assert guard.check("t", {}).code == "guard.unavailable"
    guard.start_turn()
    guard.start_run()
    assert guard.check("t", {}).warned


@pytest.mark.parametrize("name", KINDS)
def test_a_guard_that_is_off_looks_at_nothing(name: str) -> None:
    chain = GuardChain([(name, made(name, "off"))])
    chain.reset()
    chain.start_run()
    for _ in range(30):
        assert chain.check_all("t", BAD).final_verdict is Verdict.ALLOW
        assert chain.check_output("t", BAD, BAD).final_verdict is Verdict.ALLOW
        with chain.guarded("t", BAD) as call:
            assert call.args == BAD
            assert call.finish(BAD) is BAD
        with pytest.raises(TimeoutError), chain.guarded("t", BAD):
            raise TimeoutError
    if isinstance(guard := chain.get(name), RetrySafetyGuard):
        guard.record_error("t", BAD, "timeout")
    result = chain.add(Late()).check_all("t", BAD)
    assert (result.code, result.results[name].verdict) == ("test.late", Verdict.ALLOW)
    chain.reset()


def test_a_guard_that_is_off_leaves_a_token_where_it_is() -> None:
    off = SideEffectGuard(enforcement_level="off")
    chain = GuardChain([off])
    assert off.check("t", BAD).verdict is Verdict.ALLOW

    @chain.protect
    def tool(**given: Any) -> Any:
        return given

    assert tool(_capability_token="token") == {"_capability_token": "token"}
