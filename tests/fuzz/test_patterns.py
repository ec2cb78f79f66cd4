"""Every regular expression of the product, on texts like those it looks for that never quite fit.

One that can read a text in many ways tries all of them before it gives up, which takes for ever.
"""

import importlib
import pkgutil
import random
import re
import signal
from collections.abc import Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from types import FrameType
from typing import Any

import pytest

import stopper
from stopper.detect.inspection import packaged_rules
from stopper.detect.lazy import lazy

LAZY = type(lazy(""))
GROUPS = (tuple, list, dict, set, frozenset)
MAX_DEPTH = 3
MAX_TEXT = 3000
ENDS = ("\0", "!", "~Z", "\n")
PRINTABLE = range(0x20, 0x7F)
CATEGORIES = {
    op.CATEGORY_DIGIT: "0123456789",
    op.CATEGORY_SPACE: " \t",
    op.CATEGORY_WORD: "aZ0_",
}
SECONDS = 5
"""Of processor time, for texts that take a thousandth of that where there is one way to read."""


def inside(value: Any, depth: int = 0) -> Iterator[tuple[str | bytes, int]]:
    """The patterns in a value of a module, with their flags."""
    if isinstance(value, (re.Pattern, LAZY)):
        yield value.pattern, value.flags & ~re.UNICODE
    elif isinstance(value, GROUPS) and depth < MAX_DEPTH:
        for one in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from inside(one, depth + 1)


def patterns() -> dict[tuple[str | bytes, int], str]:
    """Each with a module that has it."""
    found: dict[tuple[str | bytes, int], str] = {}
    for module in pkgutil.walk_packages(stopper.__path__, "stopper."):
        if not module.name.endswith("__main__"):
            for value in vars(importlib.import_module(module.name)).values():
                found.update(dict.fromkeys(inside(value), module.name))
    return found | {(rule.pattern.encode(), 0): rule.id for rule in packaged_rules()}


class Writer:
    """Writes texts that a pattern matches, or nearly so, with long repetitions."""

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)  # noqa: S311  no secret

    def text(self, tree: Any, most: int) -> str:
        parts: list[str] = []
        for code, given in tree:
            parts.append(self.part(code, given, most))
            if sum(map(len, parts)) > MAX_TEXT:
                break
        return "".join(parts)[:MAX_TEXT]

    def part(self, code: Any, given: Any, most: int) -> str:
        if code is op.LITERAL:
            return chr(given)
        if code is op.NOT_LITERAL:
            return "a" if given != ord("a") else "b"
        if code is op.ANY:
            return self.chance.choice("aB0 ")
        if code is op.IN:
            return chr(self.chance.choice(self.members(given)))
        if code is op.BRANCH:
            return self.text(self.chance.choice(given[1]), most)
        if code is op.SUBPATTERN:
            return self.text(given[3], most)
        if code is op.ATOMIC_GROUP:
            return self.text(given, most)
        if code in {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}:
            low, high, item = given
            return self.repeated(low, high, item, most)
        return ""

    def repeated(self, low: int, high: int, tree: Any, most: int) -> str:
        high = max(low, min(high, most))
        count = self.chance.choice([high, high, low, min(high, low + 1)])
        if self.chance.random() < 0.4:
            return self.text(tree, most // 4 + 1) * count
        return "".join(self.text(tree, most // 4 + 1) for _ in range(count))

    def members(self, items: Any) -> list[int]:
        if items[0][0] is op.NEGATE:
            taken = set(self.members(items[1:]))
            return [char for char in PRINTABLE if char not in taken] or [ord("a")]
        found: list[int] = []
        for code, given in items:
            if code is op.LITERAL:
                found.append(given)
            elif code is op.RANGE:
                found += range(given[0], min(given[1], given[0] + 200) + 1)
            elif code is op.CATEGORY:
                found += map(ord, CATEGORIES.get(given, "-!a "))
        return found or [ord("a")]


def out_of_time(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError


def stuck(pattern: str | bytes, flags: int, rounds: int) -> str | None:
    """A text that the pattern does not come to an end with; None where there was none."""
    regex = re.compile(pattern, flags)
    tree = _parser.parse(pattern, flags)
    writer = Writer(repr(pattern))
    for number in range(rounds):
        near = writer.text(tree, 60 if number % 2 else 30)
        text = near[: writer.chance.choice([60, 120, 800, MAX_TEXT])] + ENDS[number % len(ENDS)]
        given: Any = text.encode("latin-1", "replace") if isinstance(pattern, bytes) else text
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            regex.search(given)
            regex.fullmatch(given)
        except TimeoutError:
            return text
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None


@pytest.fixture
def clock() -> Iterator[None]:
    before = signal.signal(signal.SIGVTALRM, out_of_time)
    yield
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("rounds", [16, pytest.param(400, marks=pytest.mark.soak)])
def test_no_pattern_reads_a_text_in_too_many_ways(rounds: int) -> None:
    found = patterns()
    assert len(found) > 1000
    told = {
        (place, pattern): text
        for (pattern, flags), place in found.items()
        if (text := stuck(pattern, flags, rounds)) is not None
    }
    assert not told


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("pattern", [r"(?:[A-Z]{2,6}|[A-Z]?[0-9]{1,5})+x", rb"(?:a+ ?)+b"])
def test_a_pattern_with_too_many_ways_is_seen(pattern: str | bytes) -> None:
    assert stuck(pattern, 0, 40) is not None
