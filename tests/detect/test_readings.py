"""Lists of texts, and every command that they may be."""

from typing import Any

import pytest

from stopper.detect.readings import readings, with_arguments

CASES: dict[str, tuple[Any, bool, list[str]]] = {
    # what is given                   value                     many   what it may be
    "a text":                       ("ls -l",                   False, ["ls -l"]),
    "nothing":                      ([],                        False, []),
    "words":                        (["rm", "-rf", "/"],        False, ["rm -rf /"]),
    "words and numbers":            (["kill", -9, 1.5],         False, ["kill -9 1.5"]),
    "one text of several words":    (["ls -l"],                 False, ["'ls -l'", "ls -l"]),
    "words, one with blanks":       (["ls", "rm -rf /"],        False, ["ls 'rm -rf /'", "rm -rf /", "ls\nrm -rf /"]),
    "words, one of a sentence":     (["git", "-m", "it's ok"],  False, ["git -m 'it'\"'\"'s ok'"]),
    "words, one a long option":      (["git", "log", "--grep=a b"], False, ["git log '--grep=a b'"]),
    "with a line behind":           (["a", "b c\nit's"],        False, ["a 'b c\nit'\"'\"'s'", "b c\nit's", "a\nb c\nit's"]),
    "words, called many":           (["cd", "ls"],              True,  ["cd ls", "cd", "ls", "cd\nls"]),
    "with an operator":             (["a", "&&", "b"],          False, ["a '&&' b", "a && b"]),
    "with an operator at an end":   (["a;", "b"],               False, ["'a;' b", "a; b"]),
    "into a file":                  (["a", ">", "b"],           False, ["a '>' b", "a > b"]),
    "lists":                        ([["a"], ["b", "c"]],       True,  ["a b c", "a", "b c"]),
    "a list beside words":          (["a", ["b", "c"]],         False, ["a b c", "b c"]),
}  # fmt: skip


@pytest.mark.parametrize(("value", "are_many", "expected"), CASES.values(), ids=CASES)
def test_readings(value: Any, are_many: bool, expected: list[str]) -> None:
    found = list(readings(value, are_many=are_many))
    assert list(dict.fromkeys(found)) == expected


ARGUMENTS: dict[str, tuple[Any, list[Any], list[str]]] = {
    # what is given      command    beside it                  what it may be
    "none":            ("rm",      [],                        ["rm"]),
    "a text":          ("rm",      ["-rf /"],                 ["rm -rf /"]),
    "words":           ("rm",      [["-rf", "a b"]],          ["rm -rf 'a b'"]),
    "several":         (["rm"],    [["-rf"], "/"],            ["rm -rf /"]),
    "an operator":     ("ls",      [["&&", "rm", 1]],         ["ls '&&' rm 1", "ls && rm 1"]),
}  # fmt: skip


@pytest.mark.parametrize(("command", "beside", "expected"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(command: Any, beside: list[Any], expected: list[str]) -> None:
    found = list(with_arguments(command, beside, are_many=False))
    assert list(dict.fromkeys(found)) == expected
