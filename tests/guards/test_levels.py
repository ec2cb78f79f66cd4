"""What a level means, for every guard that a file can name."""

from typing import Any

import pytest

from stopper.core.verdict import Verdict
from stopper.guards.chain import GuardChain
from stopper.guards.kinds import KINDS
from stopper.guards.models import Guard, GuardResult, allow, block
from stopper.guards.side_effect import SideEffectGuard

Args = dict[str, Any]
LEVEL = {"side_effect": "enforcement_level"}


class Down:
    """A ledger, a store of slots or of tokens, that answers nothing."""

    def _fail(self, *_given: Any, **_named: Any) -> Any:
        raise OSError("hunter2")

    totals = full = take = give = use = give_back = __contains__ = _fail


def down(*_given: Any) -> Any:
    """A getter or a clock that fails."""
    raise OSError("hunter2")


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
