"""The same call, again and again."""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from stopper.errors import SettingsError
from stopper.guards.chain import GuardChain
from stopper.guards.models import EnforcementLevel
from stopper.guards.retry import RetrySafetyConfig, RetrySafetyGuard

MS = 1_000_000


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def codes(guard: RetrySafetyGuard, *calls: dict[str, Any]) -> list[str]:
    return [guard.check("t", args).code for args in calls]


OBJECT = object()
SAME: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    # what we try            one call                        another                          the same
    "equal":               ({"a": 1},                       {"a": 1},                        True),
    "another order":       ({"a": 1, "b": 2},               {"b": 2, "a": 1},                True),
    "another order below": ({"a": {"x": 1, "y": [{"p": 1, "q": 2}]}}, {"a": {"y": [{"q": 2, "p": 1}], "x": 1}}, True),
    "another key":         ({"a": 1, "_idempotency_key": "k"}, {"a": 1, "_idempotency_key": "l"}, True),
    "another value":       ({"a": 1},                       {"a": 2},                        False),
    "another type":        ({"a": 1},                       {"a": "1"},                      False),
    "a list's order":      ({"a": [1, 2]},                  {"a": [2, 1]},                   False),
    "a tuple and a list":  ({"a": (1, 2)},                  {"a": [1, 2]},                   True),
    "sets":                ({"a": {1, 2, 3}},               {"a": {3, 2, 1}},                True),
    "a path":              ({"a": Path("/x")},              {"a": Path("/x")},               True),
    "another path":        ({"a": Path("/x")},              {"a": Path("/y")},               False),
    "another huge number": ({"a": 10**30},                  {"a": 10**31},                   False),
    "another object":      ({"a": OBJECT},                  {"a": object()},                 False),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "same"), SAME.values(), ids=SAME)
def test_what_the_same_call_is(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    guard = RetrySafetyGuard(max_same_signature_retries=1)
    assert codes(guard, one, other) == ["", "retry.too_many" if same else ""]


def test_what_nests_without_end_counts_as_one_call() -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    assert codes(RetrySafetyGuard(max_same_signature_retries=1), circle, circle)[1]


def test_the_fourth_try_is_one_too_many() -> None:
    guard = RetrySafetyGuard()
    assert codes(guard, *[{"a": 1}] * 5) == ["", "", "", "retry.too_many", "retry.too_many"]
    assert guard.check("other", {"a": 1}).allowed
    guard.record_success("t", {"a": 1})
    assert guard.check("t", {"a": 1}).allowed
    assert guard.get_retry_count("t", {"a": 1}) == 1


def test_back_off_grows_up_to_a_bound() -> None:
    clock = Time()
    guard = RetrySafetyGuard(clock=clock, max_same_signature_retries=9, max_backoff_ms=300)
    waits = []
    for _ in range(4):
        assert guard.check("t", {}).allowed
        guard.record_error("t", {}, "timeout")
        wait = guard.get_required_backoff_ms("t", {})
        waits.append(wait)
        clock.now += wait * MS - 1
        too_soon = guard.check("t", {})
        assert (too_soon.code, too_soon.details["retry_after_ms"]) == ("retry.too_soon", 1)
        clock.now += 1
    assert waits == [100, 200, 300, 300]
    assert RetrySafetyGuard(enforce_backoff=False).get_required_backoff_ms("t", {}) == 0


def test_a_huge_number_of_errors_stays_within_the_bound() -> None:
    guard = RetrySafetyGuard(clock=Time(), backoff_multiplier=1.0, max_tracked=1)
    for _ in range(2000):
        guard.record_error("t", {}, "timeout")
    assert guard.get_required_backoff_ms("t", {}) == 100


ERRORS: dict[str, tuple[Any, str]] = {
    # what is recorded          it                             the class that is final, if it is
    "a validation":            ("validation",                  "validation"),
    "an auth":                 ("auth",                        "auth"),
    "a permission":            ("permission",                  "permission"),
    "what is not there":       ("not_found",                   "not_found"),
    "in other letters":        ("Validation",                  "Validation"),
    "with a line's end":       ("NOT_FOUND\n",                 "NOT_FOUND\n"),
    "a value":                 (ValueError("x"),               "validation"),
    "a lookup":                (KeyError("x"),                 "not_found"),
    "a file":                  (FileNotFoundError("x"),        "not_found"),
    "a timeout":               (TimeoutError(),                ""),
    "a timeout's class":       ("timeout",                     ""),
    "one of one's own":        (type("Gone", (Exception,), {})(), "Gone"),
    "its name":                ("gone",                        "gone"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "final"), ERRORS.values(), ids=ERRORS)
def test_some_errors_are_final(error: Any, final: str) -> None:
    classes = {"validation", "auth", "permission", "not_found", "Gone"}
    guard = RetrySafetyGuard(enforce_backoff=False, non_retryable_errors=classes)
    guard.record_error("t", {"a": 1}, error)
    reason = f"Error class '{final}' is non-retryable" if final else ""
    assert guard.check("t", {"a": 1}).reason == reason
    assert guard.check("t", {"a": 2}).allowed


@pytest.mark.parametrize("error", [None, 5, b"validation", ValueError])
def test_what_is_no_error_is_not_recorded_as_one(error: Any) -> None:
    with pytest.raises(TypeError, match="an exception or its class"):
        RetrySafetyGuard().record_error("t", {}, error)


KEYS: dict[str, tuple[str, dict[str, Any], str]] = {
    # what we try                 tool            arguments                            code
    "a write without a key":    ("create_order", {},                                  "retry.no_key"),
    "a write with a key":       ("create_order", {"_idempotency_key": "k"},           ""),
    "an empty key":             ("create_order", {"_idempotency_key": ""},            "retry.bad_key"),
    "a key that is true":       ("create_order", {"_idempotency_key": True},          "retry.bad_key"),
    "a key without end":        ("create_order", {"_idempotency_key": "k" * 257},     "retry.bad_key"),
    "a read":                   ("get_order",    {},                                  ""),
    "a query":                  ("db_query",     {"sql": "SELECT *"},                 ""),
    "a query that writes":      ("db_query",     {"sql": "INSERT INTO t VALUES (1)"}, "retry.no_key"),
    "an unknown tool":          ("weather",      {},                                  "retry.no_key"),
    "known to be idempotent":   ("put_order",    {},                                  ""),
    "known not to be":          ("get_ticket",   {},                                  "retry.no_key"),
}  # fmt: skip


@pytest.mark.parametrize(("tool", "args", "code"), KEYS.values(), ids=KEYS)
def test_keys(tool: str, args: dict[str, Any], code: str) -> None:
    guard = RetrySafetyGuard(
        require_idempotency_key=True,
        idempotent_tools={"put_order"},
        non_idempotent_tools={"get_ticket"},
    )
    assert guard.check(tool, args).code == code


def test_a_key_is_for_one_call() -> None:
    guard = RetrySafetyGuard()
    assert codes(
        guard,
        {"a": 1, "_idempotency_key": "k"},
        {"a": 1, "_idempotency_key": "k"},
        {"a": 2, "_idempotency_key": "k"},
    ) == ["", "", "retry.key_reused"]


def test_memory_is_bounded() -> None:
    guard = RetrySafetyGuard(max_tracked=100)

    def fill(count: int) -> int:
        for number in range(count):
            guard.check("t", {"n": number, "_idempotency_key": str(number)})
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before, after = fill(500), fill(5000)
    finally:
        tracemalloc.stop()
    assert after - before < 20_000


def test_levels() -> None:
    off = RetrySafetyGuard(mode=EnforcementLevel.OFF, max_same_signature_retries=1)
    warn = RetrySafetyGuard(
        RetrySafetyConfig(mode=EnforcementLevel.WARN, max_same_signature_retries=1)
    )
    assert [off.check("t", {}).verdict.value for _ in range(3)] == ["allow"] * 3
    assert [warn.check("t", {}).verdict.value for _ in range(3)] == ["allow", "warn", "warn"]
    with pytest.raises(SettingsError, match="max_same_signature_retries: read 0"):
        RetrySafetyGuard(max_same_signature_retries=0)


def test_a_file_that_is_not_there_says_nothing_of_another() -> None:
    chain = GuardChain([RetrySafetyGuard()])

    @chain.protect
    def read_file(path: Path) -> str:
        return path.read_text(encoding="utf-8")

    with pytest.raises(FileNotFoundError):
        read_file(Path("/nowhere/at/all"))
    assert read_file(Path(__file__))


def test_in_a_chain_tries_are_counted_and_outcomes_told() -> None:
    clock = Time()
    guard = RetrySafetyGuard(clock=clock)
    chain = GuardChain([guard])
    assert [chain.check_all("t", {"a": 1}).blocked for _ in range(4)] == [False, False, False, True]
    with chain.guarded("u", {"a": 1}) as call:
        call.finish(1)
    assert guard.get_retry_count("u", {"a": 1}) == 0, "it succeeded"
    with pytest.raises(PermissionError):
        with chain.guarded("u", {"a": 1}):
            raise PermissionError("no")
    assert chain.check_all("u", {"a": 1}).code == "retry.not_retryable"
    guard.reset()
    assert chain.check_all("t", {"a": 1}).allowed
