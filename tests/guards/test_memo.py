"""A memo tells of a value what is found out about it anew, and nothing of any other."""

import asyncio
import copy
import pickle
from typing import Any

import pytest

from stopper.guards import (
    GuardChain,
    GuardResult,
    NetworkPolicyGuard,
    OutputSizeGuard,
    RetrySafetyGuard,
    SensitiveDataGuard,
    allow,
    repair,
)
from stopper.guards.canonical import signature
from stopper.guards.memo import MAX_SEEN, Memo, Seen
from stopper.guards.models import allowing
from stopper.guards.texts import measure, walk

KEY = bytes(range(32))
INSIDE = "http://127.0.0.1/"


def test_a_value_is_known_by_what_it_is_and_not_by_what_it_equals() -> None:
    memo, value = Memo(), {"a": "x"}
    assert memo.of(value) is memo.of(value)
    assert memo.of(dict(value)) is not memo.of(value)


def test_only_some_values_are_kept() -> None:
    memo, value = Memo(), {"a": "x"}
    first = memo.of(value)
    for number in range(MAX_SEEN):
        memo.of({"n": number})
    assert memo.of(value) is not first


def test_what_is_seen_is_what_every_guard_would_find() -> None:
    value = {"a": ["x", {"b": b"y"}], "c": 1}
    seen = Seen(value)
    groups = [(name, text) for name, texts in seen.texts.groups for text in texts]
    assert groups == list(walk(value))
    assert seen.shape == measure(value)
    assert seen.json == b'{"a":["x",{"b":"eQ=="}],"c":1}'
    assert seen.signature("t", KEY) == signature("t", value, KEY)
    assert seen.signature("u", KEY) == signature("u", value, KEY)


def test_what_has_no_end_is_never_written_out() -> None:
    bomb: list[Any] = ["x"]
    for _ in range(60):
        bomb = [bomb, bomb]
    circle: list[Any] = []
    circle.append(circle)
    for value in (bomb, circle):
        seen = Seen(value)
        assert not seen.is_bounded
        assert not seen.texts.is_whole
        assert seen.json is None
        assert seen.signature("t", KEY) == signature("t", value, KEY)


class Changes:
    """A guard that breaks the rules: it changes the arguments in place and says nothing of it."""

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:  # noqa: ARG002
        args["url"] = INSIDE
        return allow()

    def check_output(self, tool: str, args: dict[str, Any], output: Any) -> GuardResult:  # noqa: ARG002
        output.append("x" * 200)
        return allow()


class ChangesLater(Changes):
    """The same, after a wait."""

    async def check_async(self, tool: str, args: dict[str, Any]) -> GuardResult:
        return self.check(tool, args)


class Repairs:
    """A guard that gives the very object that it changed as its repair."""

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:  # noqa: ARG002
        if args["url"] == INSIDE:
            return allow()
        args["url"] = INSIDE
        return repair(args, "test.repaired", "changed")


class Inherits(NetworkPolicyGuard):
    """A guard whose class makes the promise that its own method breaks."""

    def check(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:  # noqa: ARG002
        args["url"] = INSIDE
        return allow()


@pytest.mark.parametrize("guard", [Changes(), ChangesLater(), Repairs(), Inherits()])
def test_a_guard_that_changes_arguments_hides_nothing(guard: Any) -> None:
    chain = GuardChain([("first", NetworkPolicyGuard()), guard, ("last", NetworkPolicyGuard())])
    result = chain.check_all("fetch", {"url": "https://example.com/"})
    assert result.code == "network.loopback"


def test_a_guard_that_waits_hides_nothing() -> None:
    chain = GuardChain(
        [("first", NetworkPolicyGuard()), ChangesLater(), ("last", NetworkPolicyGuard())]
    )
    result = asyncio.run(chain.check_all_async("fetch", {"url": "https://example.com/"}))
    assert result.code == "network.loopback"


def test_a_guard_that_changes_the_output_hides_nothing() -> None:
    chain = GuardChain([SensitiveDataGuard(), Changes(), OutputSizeGuard(max_bytes=100)])
    result = chain.check_output("read", {"url": "x"}, ["y"])
    assert result.code == "output.bytes_exceeded"


def test_a_shadow_that_changes_arguments_changes_copies() -> None:
    chain = GuardChain([("first", NetworkPolicyGuard())]).shadow(Changes())
    chain.add(("last", NetworkPolicyGuard()))
    args = {"url": "https://example.com/"}
    assert chain.check_all("fetch", args).code == ""
    assert args == {"url": "https://example.com/"}


def test_observers_may_change_what_they_are_not_given() -> None:
    given: dict[str, Any] = {"deep": {"n": 1}}
    retry = RetrySafetyGuard()

    def observe(_decision: object) -> None:
        given["deep"]["n"] += 1

    chain = GuardChain([retry], on_decision=observe)
    chain.check_output("t", given, "out")
    assert retry.get_retry_count("t", given) == 0


def test_shared_details_cannot_be_written_into() -> None:
    for result in (allow(), allowing(classification="write")):
        with pytest.raises(TypeError):
            result.details["mine"] = 1
        with pytest.raises(TypeError):
            result.details.update(mine=1)
        with pytest.raises(TypeError):
            result.details.clear()
    for copied in (copy.deepcopy(allowing(a=1)), pickle.loads(pickle.dumps(allowing(a=1)))):  # noqa: S301
        assert copied.details == {"a": 1}
        copied.details["b"] = 2
    assert allow().details == {}
    assert allow(mine=1).details == {"mine": 1}
