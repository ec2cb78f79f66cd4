"""What is remembered of outputs, and what is found again."""

import random
import string
from typing import Any

import pytest

from stopper.guards.texts import TooMuch
from stopper.guards.traces import Source, carried, trace

RANDOM = random.Random(11)  # noqa: S311  samples
SECRET = "".join(RANDOM.choices(string.ascii_letters + string.digits, k=24)) + "7"
PAGE = "The quarterly numbers of the northern region were revised in the second table."
NUMBER = 84_618_275_931_502


def remembered(output: Any, *, is_secret: bool, args: dict[str, Any] | None = None) -> Source:
    return trace("tool", args or {}, output, b"key", is_secret=is_secret)


FOUND: dict[str, tuple[Any, bool, Any, bool]] = {
    # what is remembered            output            secret  what is looked at     whether it is found
    "a sentence":                (PAGE,              False,  {"a": PAGE[4:60]},    True),
    "a sentence elsewhere":      (PAGE,              False,  {"a": "the numbers"}, False),
    "a secret in half":          ({"a": SECRET},     True,   [SECRET[:14]],        True),
    "a word of a stranger":      ({"a": SECRET},     False,  [SECRET[:14]],        False),
    "a number":                  ({"a": NUMBER},     True,   {"b": NUMBER},        True),
    "a number in a text":        ([{NUMBER: 1}],     True,   f"x {NUMBER}",        True),
    "a small number":            ({"a": 1234},       True,   {"b": 1234},          False),
    "a key with digits":         ({SECRET: 1},       True,   {SECRET: 1},          True),
    "a key that is a name":      ({"password": 1},   True,   {"password": 1},      False),
}  # fmt: skip


@pytest.mark.parametrize(("output", "secret", "args", "found"), FOUND.values(), ids=FOUND)
def test_found_again(output: Any, secret: bool, args: Any, found: bool) -> None:
    source = remembered(output, is_secret=secret)
    assert (carried(args, [source]) is source) is found


def test_what_a_call_was_given_is_not_remembered() -> None:
    source = remembered([PAGE], is_secret=False, args={"q": PAGE})
    assert carried({"a": PAGE}, [source]) is None


def test_what_is_too_large_may_be_in_everything() -> None:
    circle: list[Any] = []
    circle.append(circle)
    words = " ".join(f"{SECRET}{number}" for number in range(2000))
    for output in (circle, "x" * 10**6, words):
        assert not remembered(output, is_secret=True).whole
    with pytest.raises(TooMuch):
        carried(circle, [])
