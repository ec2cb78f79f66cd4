"""Rows and loops that get nowhere, and those that do."""

from typing import Any

import pytest

from stopper.errors import SettingsError
from stopper.guards.chain import GuardChain
from stopper.guards.models import EnforcementLevel, GuardBlocked, Outcome
from stopper.guards.runaway import RunawayConfig, RunawayGuard

LONG = "the file was not found, look elsewhere for it"


def drive(guard: RunawayGuard, steps: str, results: str = "") -> list[str]:
    """The code for each step; a step is a letter, which is the argument, and so is its result."""
    codes = []
    for number, step in enumerate(steps):
        result = guard.admit("tool", {"step": step, "more": [1, 2]})
        codes.append(result.code)
        if not result.blocked and results:
            output = {"text": results[number]}
            guard.settle("tool", {"more": [1, 2], "step": step}, Outcome(1, output))
    return codes


CALLS = {
    # what goes on             calls            results          first blocked, and why
    "three times":            ("aaa",           "",              0, ""),
    "four times":             ("aaaa",          "",              4, "runaway.same_call"),
    "the same results":       ("aaaa",          "xxxx",          4, "runaway.same_call"),
    "polling":                ("aaaaaaaa",      "01234567",      0, ""),
    "polling that stops":     ("aaaaaa",        "011111",        5, "runaway.same_call"),
    "broken by another":      ("aaabaaab",      "",              0, ""),
    "two in turn":            ("abababa",       "",              7, "runaway.loop"),
    "two, with results":      ("abababa",       "xyxyxyx",       7, "runaway.loop"),
    "two, with progress":     ("ababababab",    "x0x1x2x3x4",    0, ""),
    "three in turn":          ("abcabcabca",    "",              10, "runaway.loop"),
    "four in turn":           ("abcdabcdabcda", "",              13, "runaway.loop"),
    "five in turn":           ("abcde" * 5,     "",              0, ""),
    "a loop that is left":    ("abababc",       "",              0, ""),
    "a loop from its middle": ("abababb",       "",              7, "runaway.loop"),
    "another call of a round": ("abcabcabcc",   "",              10, "runaway.loop"),
    "a loop after a while":   ("qrsabababa",    "",              10, "runaway.loop"),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "results", "place", "code"), CALLS.values(), ids=CALLS)
def test_calls(steps: str, results: str, place: int, code: str) -> None:
    codes = drive(RunawayGuard(), steps, results)
    first = next((number for number, one in enumerate(codes, 1) if one), 0)
    assert first == place
    assert (codes[first - 1] if first else "") == code


MARKS = {
    # what goes on              calls                  which of them were blocked
    "two in turn for ever":    ("ab" * 30,            "." * 6 + "B" * 54),
    "three in turn for ever":  ("abc" * 20,           "." * 9 + "B" * 51),
    "one for ever":            ("a" * 20,             "." * 3 + "B" * 17),
    "out of order":            ("abababbbaabb",       "......BBBBBB"),
    "something else":          ("abababab" + "cab",   "......BB..."),
    "the same again after it": ("abababa" + "cabababa", "......B.......B"),
    "one of three":            ("abcabcabca" + "da",  ".........B.."),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "marks"), MARKS.values(), ids=MARKS)
def test_a_loop_stays_blocked_until_something_else_is_done(steps: str, marks: str) -> None:
    codes = drive(RunawayGuard(), steps, "x" * len(steps))
    assert "".join("B" if code else "." for code in codes) == marks


def test_a_loop_in_a_chain_stays_blocked_until_a_reset() -> None:
    chain = GuardChain([RunawayGuard()])

    def goes(tool: str) -> bool:
        try:
            with chain.guarded(tool, {"n": 1}) as call:
                call.finish({"found": False})
        except GuardBlocked:
            return False
        return True

    assert [goes("AB"[number % 2]) for number in range(60)] == [True] * 6 + [False] * 54
    chain.reset()
    assert goes("A")
    assert goes("B")


class Faulty:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


def test_equal_calls_are_told_by_their_values() -> None:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    odd: list[Any] = [Faulty(), {(1, 2): 3}, "\ud800", 10**400, {1, "a"}, object, 1, "1", 1.5]
    guard = RunawayGuard()
    for value in (*odd, circle):
        assert [guard.judge("t", {"a": value}).blocked for _ in range(2)] == [False, False]
        guard.check("t", {"a": value})
    same = RunawayGuard()
    rows: list[dict[str, Any]] = [{"a": {"x": 1, "y": 2}, "b": 3}, {"b": 3, "a": {"y": 2, "x": 1}}]
    assert [same.check("t", rows[number % 2]).blocked for number in range(4)] == [False] * 3 + [
        True
    ]


def test_results_of_any_arguments() -> None:
    guard = RunawayGuard()
    for number in range(7):
        result = guard.admit("read", {"n": number})
        assert result.warned == (number >= 5)
        assert guard.admit("other", {"n": number}).allowed
        guard.settle("read", {"n": number}, Outcome(1, LONG))
    guard.settle("read", {"n": 6}, Outcome(1, LONG + "!"))
    assert guard.judge("read", {"n": 8}).code == ""


def test_short_results_tell_nothing() -> None:
    guard = RunawayGuard()
    for number in range(20):
        assert guard.check("write", {"n": number}).code == ""
        guard.record_result("write", {"n": number}, {"ok": True})


def test_errors_are_results() -> None:
    guard = RunawayGuard()
    for _ in range(3):
        assert guard.admit("t", {}).allowed
        guard.settle("t", {}, Outcome(1, error="validation"))
    assert guard.admit("t", {}).code == "runaway.same_call"


def test_a_judgement_counts_nothing_and_a_check_does() -> None:
    guard = RunawayGuard()
    assert all(guard.judge("t", {}).allowed for _ in range(9))
    assert [guard.check("t", {}).blocked for _ in range(4)] == [False, False, False, True]
    guard.reset()
    assert guard.check("t", {}).allowed


def test_a_revoked_call_was_never_made() -> None:
    guard = RunawayGuard()
    for _ in range(9):
        assert guard.admit("t", {}).allowed
        guard.revoke("t", {})


def test_what_is_kept_is_bounded() -> None:
    guard = RunawayGuard()
    for number in range(3000):
        guard.check(f"t{number}", {"n": number})
        guard.record_result(f"t{number}", {"n": number}, LONG)
    assert len(guard._steps) == guard.config.window
    assert len(guard._results) == 1024


def test_levels_and_exemptions() -> None:
    args: dict[str, Any] = {}
    for fields in ({"mode": EnforcementLevel.OFF}, {"exempt_tools": {"t"}}):
        guard = RunawayGuard(**fields)
        assert all(guard.check("t", args).allowed for _ in range(9))
    warns = RunawayGuard(mode=EnforcementLevel.WARN)
    assert [warns.check("t", args).warned for _ in range(5)] == [False, False, False, True, True]


def test_what_does_not_read() -> None:
    rows: list[dict[str, Any]] = [
        {"max_same_call": 0},
        {"max_loop_length": 99, "max_loop_rounds": 99},
    ]
    for fields in rows:
        with pytest.raises(SettingsError, match=r"from 1 on|at most 1024"):
            RunawayConfig(**fields)
