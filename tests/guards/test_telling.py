"""Commands, SQL and code are found by names, however deep they stand; other texts are not."""

from typing import Any

import pytest

from stopper.guards.telling import ANYTHING, Kind, Runs, is_sql, tells, told_in
from stopper.guards.texts import Texts, TooMuch

SHELL = Runs(commands=True)
ASKS = Runs(asks=True)
REPL = Runs(code=True, text_is_code=True)
GIT = Runs(heads=("git", "git push"))

CASES: dict[str, tuple[Runs, Any, list[tuple[Kind, str]]]] = {
    # what we try                   tool      arguments                                     what is found
    "a command":                 (ANYTHING, {"command": "ls"},                           [(Kind.COMMAND, "ls")]),
    "under a longer name":       (ANYTHING, {"a": [{"preBuildCmd": "ls"}]},              [(Kind.COMMAND, "ls")]),
    "a text":                    (ANYTHING, {"text": "ls"},                              []),
    "a text for a shell":        (SHELL,    {"text": "ls"},                              [(Kind.COMMAND, "ls")]),
    "a text for Python":         (REPL,     {"text": "1"},                               [(Kind.CODE, "1")]),
    "a command for Python":      (REPL,     {"command": "1"},                            [(Kind.SCRIPT, "1")]),
    "SQL":                       (ANYTHING, {"rawSql": "x"},                             [(Kind.SQL, "x")]),
    "a text that may be SQL":    (ASKS,     {"q": "select 1", "query": "what is it"},    [(Kind.SQL, "select 1")]),
    "a name inside says which":  (ANYTHING, {"command": {"cmd": "ls", "about": "it's"}}, [(Kind.COMMAND, "ls")]),
    "arguments of a program":    (ANYTHING, {"bin": "rm", "argv": ["x"]},                [(Kind.COMMAND, "rm x")]),
    "a program alone":           (ANYTHING, {"program": "news"},                         []),
    "a word that may be one":    (ANYTHING, {"run": "x"},                                [(Kind.MAYBE, "x")]),
    "more than a word":          (ANYTHING, {"run": "x y"},                              [(Kind.COMMAND, "x y")]),
    "one in a command":          (SHELL,    {"cmd": {"run": "x"}},                       [(Kind.MAYBE, "x"), (Kind.COMMAND, "x")]),
    "a method":                  (ANYTHING, {"method": "PUT"},                           [(Kind.METHOD, "PUT")]),
    "arguments of a tool":       (GIT,      {"args": ["x"]},                             [(Kind.MAYBE, "git x"), (Kind.MAYBE, "git push x")]),
    "with the tool's name":      (GIT,      {"args": ["git", "x"]},                      [(Kind.MAYBE, "git x"), (Kind.MAYBE, "git x")]),
    "a number":                  (ANYTHING, {"command": [1], "sql": 2},                  []),
}  # fmt: skip


@pytest.mark.parametrize(("runs", "args", "expected"), CASES.values(), ids=CASES)
def test_told(runs: Runs, args: Any, expected: list[tuple[Kind, str]]) -> None:
    assert [(one.kind, one.text) for one in told_in(args, runs)] == expected
    if expected:
        assert tells(Texts(args), runs)


def test_a_quick_look_passes_over_ordinary_calls() -> None:
    args = {"url": "x", "query": "x", "options": {"lang": "command"}}
    assert not tells(Texts(args), ANYTHING)
    assert tells(Texts(args), SHELL)


def test_what_has_no_end_is_too_much() -> None:
    circle: dict[str, Any] = {}
    circle["command"] = [circle]
    with pytest.raises(TooMuch):
        list(told_in(circle, ANYTHING))


STATEMENTS = {
    "drop table x": True, "-- tidy\ndrop table x": True, "(select 1)": True,
    "with x as (select 1) select 2": True, "update t set a=1": True, "drop it": False,
    "how to drop table manners": False, "update me on it": False, "create a plan": False, "": False,
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STATEMENTS.items(), ids=repr)
def test_what_reads_like_sql(text: str, expected: bool) -> None:
    assert is_sql(text) is expected
