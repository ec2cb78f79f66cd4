"""One call in one block, or in one decorated function."""

import asyncio
import copy
import inspect
import random
import string
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pickle import dumps, loads
from typing import Any

import pytest

from stopper.core.verdict import Verdict
from stopper.errors import GuardError, SettingsError
from stopper.guards.chain import GuardChain
from stopper.guards.concurrency import ConcurrencyGuard
from stopper.guards.decision import Decision
from stopper.guards.models import (
    Guard,
    GuardBlocked,
    GuardResult,
    Outcome,
    Unavailable,
    allow,
    block,
    error_class,
    repair,
    repair_output,
)
from stopper.guards.slots import LocalSlots

Args = dict[str, Any]
MS = 1_000_000


class Upper:
    """Makes the argument `text` upper case, takes `secret` out of outputs, and keeps outcomes."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def check(self, _tool: str, args: Args) -> GuardResult:
        text = args.get("text", "")
        if text == "bad":
            return block("test.bad", "bad text")
        if text == text.upper():
            return allow()
        return repair({**args, "text": text.upper()}, "test.upper", "upper case")

    def check_output(self, _tool: str, _args: Args, output: Any) -> GuardResult:
        if output == "poison":
            return block("test.poison", "poison")
        if output == "secret":
            return repair_output("", "test.secret", "taken out")
        return allow()

    def settle(self, _tool: str, _args: Args, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def setup() -> tuple[GuardChain, Upper, LocalSlots]:
    upper, slots = Upper(), LocalSlots()
    ticks = iter(range(0, 10**12, MS))
    return (
        GuardChain([upper, ConcurrencyGuard(slots=slots)], clock=lambda: next(ticks)),
        upper,
        slots,
    )


def test_a_block_around_a_call() -> None:
    chain, upper, slots = setup()
    with chain.guarded("t", {"text": "abc"}) as call:
        assert call.args == {"text": "ABC"}
        assert call.result.repaired
        assert slots.in_flight
        assert call.finish("secret") == ""
    assert call.output == ""
    assert slots.in_flight == {}
    assert [(one.error, one.output, one.elapsed_ms > 0) for one in upper.outcomes] == [
        (None, "secret", True)
    ]


def test_a_block_around_an_async_call() -> None:
    chain, upper, slots = setup()

    async def run() -> str:
        async with chain.guarded("t", {"text": "abc"}) as call:
            await asyncio.sleep(0)
            output: str = await call.finish(call.args["text"])
            return output

    assert asyncio.run(run()) == "ABC"
    assert (len(upper.outcomes), slots.in_flight) == (1, {})


def test_a_call_that_may_not_go_never_begins() -> None:
    chain, upper, slots = setup()
    with pytest.raises(GuardBlocked, match=r"\[stopper test.bad\] t: bad text") as caught:
        with chain.guarded("t", {"text": "bad"}):
            pytest.fail("it began")
    assert caught.value.result.code == "test.bad"
    assert (upper.outcomes, slots.in_flight) == ([], {})


def test_an_output_that_may_not_be_used_does_not_come_out() -> None:
    chain, upper, slots = setup()
    with pytest.raises(GuardBlocked, match="poison"):
        with chain.guarded("t", {}) as call:
            call.finish("poison")
    assert call.output is None
    assert (upper.outcomes[0].error, slots.in_flight) == (None, {}), "the call itself went well"


def test_an_error_of_the_call_comes_out_as_it_is() -> None:
    chain, upper, slots = setup()
    with pytest.raises(ZeroDivisionError):
        with chain.guarded("t", {}):
            raise ZeroDivisionError
    assert (upper.outcomes[0].error, slots.in_flight) == ("ZeroDivisionError", {})


def test_an_output_that_nobody_looked_at_is_an_error() -> None:
    chain, _, slots = setup()
    with pytest.raises(GuardError, match=r"end the block with call.finish"):
        with chain.guarded("t", {}):
            pass
    assert slots.in_flight == {}


def test_a_block_is_for_one_call() -> None:
    chain, _, slots = setup()
    block = chain.guarded("t", {})
    with block as call:
        call.finish(1)
    with pytest.raises(GuardError, match="make another"):
        with block:
            pytest.fail("twice")
    assert slots.in_flight == {}


def test_a_cancelled_call_gives_its_slot_back() -> None:
    chain, upper, slots = setup()

    async def work() -> None:
        async with chain.guarded("t", {}):
            await asyncio.Event().wait()

    async def run() -> None:
        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        assert slots.in_flight
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert (upper.outcomes[0].error, slots.in_flight) == ("CancelledError", {})


class Breaks:
    """Fails at whatever it is told."""

    def __init__(self, *where: str) -> None:
        self.where = where

    def fail(self, where: str) -> None:
        if where in self.where:
            raise OSError("hunter2")

    def check(self, _tool: str, _args: Args) -> GuardResult:
        return allow()

    def enter(self, _tool: str, _args: Args, _session: str | None) -> GuardResult:
        return allow()

    def leave(self, _tool: str, _args: Args, _session: str | None) -> None:
        self.fail("leave")

    def settle(self, _tool: str, _args: Args, _outcome: Outcome) -> None:
        self.fail("settle")

    def admit(self, _tool: str, _args: Args) -> GuardResult:
        return block("test.late", "someone was faster") if "admit" in self.where else allow()

    def revoke(self, _tool: str, _args: Args) -> None:
        self.fail("revoke")


class OddlyClassed(Exception):  # noqa: N818
    @property
    def error_class(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("where", [("settle",), ("leave",), ("settle", "leave")])
def test_a_guard_that_fails_in_the_end_keeps_no_slot_and_hides_no_exception(
    where: tuple[str, ...],
) -> None:
    upper, slots, told = Upper(), LocalSlots(), list[Decision]()
    taken = ConcurrencyGuard(slots=slots)
    chain = GuardChain([taken, Breaks(*where), ("more", taken), upper], on_decision=told.append)

    def went_well() -> None:
        with chain.guarded("t", {}) as call:
            call.finish(1)

    def failed(error: Exception) -> None:
        with chain.guarded("t", {}):
            raise error

    async def failed_later(error: Exception) -> None:
        async with chain.guarded("t", {}):
            raise error

    with pytest.raises(GuardBlocked, match=r"guard\.error") as caught:
        went_well()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ZeroDivisionError):
        failed(ZeroDivisionError())
    with pytest.raises(OddlyClassed):
        failed(OddlyClassed())
    with pytest.raises(ZeroDivisionError):
        asyncio.run(failed_later(ZeroDivisionError()))
    assert (len(upper.outcomes), slots.in_flight) == (4, {})
    assert [one.result.code for one in told if one.phase == "output"] == ["", *["guard.error"] * 4]


def test_a_guard_that_fails_where_a_call_is_taken_back_changes_no_verdict() -> None:
    slots = LocalSlots()
    guards: list[Guard] = [
        ConcurrencyGuard(slots=slots),
        Breaks("leave", "revoke"),
        Breaks("admit", "leave"),
    ]
    with pytest.raises(GuardBlocked, match=r"test\.late"):
        with GuardChain(guards).guarded("t", {}):
            pytest.fail("it began")
    assert slots.in_flight == {}


def test_a_slot_is_given_back_where_a_later_guard_refuses_to_count() -> None:
    class Late:
        def check(self, _tool: str, _args: Args) -> GuardResult:
            return allow()

        def admit(self, _tool: str, _args: Args) -> GuardResult:
            return block("test.late", "someone was faster")

    slots = LocalSlots()
    with pytest.raises(GuardBlocked, match="someone was faster"):
        with GuardChain([ConcurrencyGuard(slots=slots), Late()]).guarded("t", {}):
            pytest.fail("it began")
    assert slots.in_flight == {}


def test_a_session_is_counted() -> None:
    chain = GuardChain([ConcurrencyGuard(per_session_max=1)])
    with chain.guarded("t", {}, session="s") as call:
        with pytest.raises(GuardBlocked, match="session s"):
            with chain.guarded("t", {}, session="s"):
                pytest.fail("two at once")
        with chain.guarded("t", {}, session="other") as other:
            other.finish(1)
        call.finish(1)


def test_a_decorated_function() -> None:
    chain, upper, _ = setup()
    seen: list[Args] = []

    @chain.protect
    def shout(text: str, *more: str, times: int = 2, **rest: Any) -> str:
        """Says it loud."""
        seen.append({"text": text, "more": more, "times": times, **rest})
        return text

    assert shout("abc", "d", tone="high") == "ABC"
    assert seen == [{"text": "ABC", "more": ("d",), "times": 2, "tone": "high"}]
    assert shout(text="secret".upper(), times=3) == "SECRET"
    assert shout.__doc__ == "Says it loud."
    with pytest.raises(GuardBlocked):
        shout("bad")
    assert (len(seen), len(upper.outcomes)) == (2, 2)
    with pytest.raises(TypeError, match="missing a required argument"):
        shout()  # type: ignore[call-arg]


def test_a_decorated_coroutine_and_a_method() -> None:
    chain, upper, _ = setup()

    class Tools:
        @chain.protect(tool="speech.shout", session="s")
        async def shout(self, text: str) -> str:
            return f"{text}!"

    assert asyncio.run(Tools().shout("abc")) == "ABC!"
    assert upper.outcomes[0].output == "ABC!"


def test_a_decorated_function_does_not_get_what_a_guard_consumes() -> None:
    class Takes:
        consumes = frozenset({"_token"})

        def check(self, _tool: str, args: Args) -> GuardResult:
            return allow() if args.get("_token") == "open" else block("test.shut", "shut")

    chain = GuardChain([Takes()])

    @chain.protect
    def door(number: int) -> int:
        return number

    assert door(7, _token="open") == 7  # type: ignore[call-arg]
    with pytest.raises(GuardBlocked):
        door(7)


def test_a_generator_cannot_be_guarded() -> None:
    chain, _, _ = setup()

    def lines() -> Iterator[str]:
        yield "secret"

    async def later() -> AsyncIterator[str]:
        yield "secret"

    for function in (lines, later):
        with pytest.raises(SettingsError, match="is a generator"):
            chain.protect(function)


def stopped() -> list[GuardError]:
    """One of each kind that a guarded call raises."""
    clear = GuardResult(verdict=Verdict.BLOCK, code="test.no", reason="no")
    return [
        GuardBlocked("t", GuardChain([Upper()]).check_all("t", {"text": "bad"})),
        GuardBlocked("t", block("test.no", "no", more=[1])),
        Unavailable(clear),
        GuardError("a call was not ended"),
    ]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: loads(dumps(one))])  # noqa: S301  our own
def test_what_a_guarded_call_raises_can_be_sent_to_another_process(again: Any) -> None:
    for error in stopped():
        same = again(error)
        assert (type(same), str(same)) == (type(error), str(error))
        assert getattr(same, "result", None) == getattr(error, "result", None)


def test_no_error_shows_a_key_that_stands_for_a_tool() -> None:
    key = "ghp_" + "".join(random.choices(string.ascii_letters + string.digits, k=36))  # noqa: S311
    chain, used = GuardChain([Upper()]), GuardChain([Upper()]).guarded(key, {})
    with pytest.raises(GuardError) as unseen, used:
        pass
    with pytest.raises(GuardError) as twice, used:
        pass
    with pytest.raises(GuardError) as once, chain.guarded(key, {}) as call:
        call.finish(secret_lines())
    with pytest.raises(GuardBlocked) as blocked, chain.guarded(key, {"text": "bad"}):
        pass
    with pytest.raises(GuardError) as untaken:
        LocalSlots().give(((f"tool {key}", 1),))
    for error in (unseen.value, twice.value, once.value, blocked.value, untaken.value):
        assert key not in f"{error!r} {error}"
        assert "[...]" in str(error)


async def secret_later() -> str:
    return "secret"


def secret_lines() -> Iterator[str]:
    yield "secret"


async def secrets_later() -> AsyncIterator[str]:
    yield "secret"


class Later:
    def __await__(self) -> Any:
        return secret_later().__await__()


ONCE: dict[str, Any] = {
    # what a plain function gives     it
    "a coroutine":                   secret_later,
    "a generator":                   secret_lines,
    "an async generator":            secrets_later,
    "an iterator":                   lambda: iter(["secret"]),
    "a map":                         lambda: map(str.upper, ["secret"]),
    "an object to await":            Later,
}  # fmt: skip


@pytest.mark.parametrize("make", ONCE.values(), ids=ONCE)
def test_what_can_be_looked_at_only_once_does_not_come_out(make: Any) -> None:
    chain, upper, slots = setup()

    def hidden() -> Any:
        return make()

    with pytest.raises(GuardError, match="nobody can look at what comes of it"):
        chain.protect(hidden)()
    assert (upper.outcomes[0].error, slots.in_flight) == ("GuardError", {})

    async def run() -> None:
        async with chain.guarded("t", {}) as call:
            await call.finish(make())

    with pytest.raises(GuardError, match="nobody can look at what comes of it"):
        asyncio.run(run())
    assert slots.in_flight == {}


def find(place: str, text: str = "abc") -> str:
    """Finds it."""
    return f"{text} in {place}"


async def find_later(place: str, text: str = "abc") -> str:
    return find(place, text)


class Finder:
    """Finds what it is asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, place: str, text: str = "abc") -> str:
        self.asked += 1
        return find(place, text)


class LaterFinder:
    async def __call__(self, place: str, text: str = "abc") -> str:
        return find(place, text)


CALLABLES: dict[str, tuple[Any, str, tuple[Any, ...], str]] = {
    # what is protected              it                                             tool           called with   gives
    "a function":                   (find,                                          "find",        ("x",),       "ABC in x"),
    "a partial":                    (partial(find, "x"),                            "find",        (),           "ABC in x"),
    "a partial by name":            (partial(find, text="def"),                     "find",        ("x",),       "DEF in x"),
    "a partial of a partial":       (partial(partial(find, "x"), text="def"),       "find",        (),           "DEF in x"),
    "a method":                     (Finder().__call__,                             "__call__",    ("x",),       "ABC in x"),
    "an object":                    (Finder(),                                      "Finder",      ("x", "d"),   "D in x"),
    "a partial of an object":       (partial(Finder(), "x"),                        "Finder",      ("d",),       "D in x"),
    "a class":                      (Finder,                                        "Finder",      (),           ""),
    "a coroutine":                  (find_later,                                    "find_later",  ("x",),       "ABC in x"),
    "a partial of a coroutine":     (partial(find_later, "x", text="def"),          "find_later",  (),           "DEF in x"),
    "an object that waits":         (LaterFinder(),                                 "LaterFinder", ("x",),       "ABC in x"),
    "a partial of one that waits":  (partial(LaterFinder(), text="d"),              "LaterFinder", ("x",),       "D in x"),
}  # fmt: skip


@pytest.mark.parametrize(("what", "tool", "args", "gives"), CALLABLES.values(), ids=CALLABLES)
def test_whatever_can_be_called_can_be_guarded(
    what: Any, tool: str, args: tuple[Any, ...], gives: str
) -> None:
    told: list[Decision] = []
    protected = GuardChain([Upper()], on_decision=told.append).protect(what)
    found = protected(*args)
    found = asyncio.run(found) if inspect.iscoroutine(found) else found
    assert found == gives if gives else isinstance(found, Finder)
    assert {one.tool for one in told} == {tool}
    assert protected.__name__ == tool
    assert inspect.signature(protected) == inspect.signature(what)


def test_guards_see_what_a_partial_was_given() -> None:
    chain = GuardChain([Upper()])
    for bad in (partial(find, "x", "bad"), partial(find, "x", text="bad")):
        with pytest.raises(GuardBlocked, match=r"test\.bad"):
            chain.protect(bad)()


def bit_by_bit(self: Any) -> Iterator[str]:
    yield "secret"


UNPROTECTABLE: dict[str, tuple[Any, str]] = {
    # what is given          it                                                 what to do
    "the name of a tool":    ("search",                                         r"protect\(tool='search'\)"),
    "a number":              (7,                                                "a int is no function"),
    "a partial of lines":    (partial(bit_by_bit, 1),                           "bit_by_bit is a generator"),
    "an object of lines":    (type("Lines", (), {"__call__": bit_by_bit})(),    "Lines is a generator"),
    "a class method":        (classmethod(bit_by_bit),                          "@classmethod stands above @protect"),
    "a static method":       (staticmethod(find),                               "@staticmethod stands above @protect"),
    "no names":              (dict,                                             "names of the arguments"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "says"), UNPROTECTABLE.values(), ids=UNPROTECTABLE)
def test_what_cannot_be_guarded_says_what_to_do(given: Any, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        GuardChain().protect(given)


def fetch(url: str, /, **more: str) -> str:
    return f"{url} {more}"


def fetch_all(*urls: str, **more: Any) -> str:
    return f"{urls} {more}"


class Fetcher:
    def fetch(self, /, **more: str) -> str:
        return f"{more}"


CLASHES: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any], str]] = {
    # what clashes                   function      by place             by name                  the name, if any
    "a name that has a place":      (fetch,        ("http://10.0.0.1",), {"url": "https://a.b"},  "url"),
    "the name of the rest":         (fetch,        ("https://a.b",),     {"more": "x"},           "more"),
    "the name of all places":       (fetch_all,    ("http://10.0.0.1",), {"urls": ["x"]},         "urls"),
    "the name of the object":       (Fetcher.fetch, (Fetcher(),),        {"self": "x"},           "self"),
    "none":                         (fetch,        ("https://a.b",),     {"other": "x"},          ""),
}  # fmt: skip


@pytest.mark.parametrize(("function", "args", "named", "name"), CLASHES.values(), ids=CLASHES)
def test_no_argument_takes_the_place_of_another(
    function: Any, args: tuple[Any, ...], named: dict[str, Any], name: str
) -> None:
    protected = GuardChain([Upper()]).protect(function)
    if not name:
        assert protected(*args, **named) == function(*args, **named)
        return
    with pytest.raises(GuardError, match=f"two arguments are '{name}'"):
        protected(*args, **named)


def test_a_class_method_is_guarded_under_its_own_decorator() -> None:
    class Tools:
        @classmethod
        @GuardChain([Upper()]).protect
        def shout(cls, text: str) -> str:
            return f"{cls.__name__} {text}"

        @staticmethod
        @GuardChain([Upper()]).protect
        def whisper(text: str) -> str:
            return text

    assert (Tools.shout("abc"), Tools.whisper("abc")) == ("Tools ABC", "ABC")


def test_what_a_tool_does_to_its_arguments_is_its_own_affair() -> None:
    chain, upper, _ = setup()
    given = {"text": "ABC"}
    with chain.guarded("t", given) as call:
        call.args.clear()
        call.finish(1)
    assert given == {"text": "ABC"}
    assert len(upper.outcomes) == 1


class Own(Exception):  # noqa: N818
    error_class = "quota"


ERRORS: dict[str, tuple[BaseException, str]] = {
    "validation": (ValueError(), "validation"),
    "a type":     (TypeError(), "validation"),
    "permission": (PermissionError(), "permission"),
    "a file":     (FileNotFoundError(), "not_found"),
    "a key":      (KeyError(), "not_found"),
    "time":       (TimeoutError(), "timeout"),
    "network":    (ConnectionResetError(), "network"),
    "its own":    (Own(), "quota"),
    "another":    (RuntimeError("hunter2"), "RuntimeError"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "word"), ERRORS.values(), ids=ERRORS)
def test_classes_of_errors(error: BaseException, word: str) -> None:
    assert error_class(error) == word
