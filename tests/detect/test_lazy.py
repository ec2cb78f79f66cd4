"""Tests for patterns that are compiled when something is first sought with them."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module

import pytest

import stopper.detect as package
from stopper.detect.lazy import lazy

PATTERN = r"(?P<name>[a-z]+)-(\d+)"


def test_it_finds_what_the_compiled_one_finds() -> None:
    """All that modules do with a pattern, before and after its first use."""
    text = "ab-1, cd-22"
    plain = re.compile(PATTERN, re.IGNORECASE)
    for _ in range(2):
        later = lazy(PATTERN, re.IGNORECASE)
        assert later.pattern == PATTERN
        assert later.findall(text) == plain.findall(text)
        assert [m.span() for m in later.finditer(text)] == [m.span() for m in plain.finditer(text)]
        assert later.sub("x", text) == "x, x"
        assert later.split(text) == plain.split(text)
        assert later.match("AB-1") is not None
        assert later.fullmatch(text) is None
        found = later.search(text, 3)
        assert found is not None
        assert found["name"] == "cd"


def test_a_fault_shows_at_the_first_use() -> None:
    """Making one compiles nothing."""
    broken = lazy("(")
    with pytest.raises(re.error):
        broken.search("")


def _patterns(value: object, depth: int = 4) -> Iterator[tuple[str, int]]:
    if type(value) is type(lazy("")):
        yield value.pattern, vars(value)["_flags"]
    elif isinstance(value, (dict, tuple, list)) and depth:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _patterns(item, depth - 1)


def test_every_pattern_of_detection_compiles() -> None:
    """None waits with a fault, or a warning, for the first text that asks it."""
    names = [found.name for found in pkgutil.walk_packages(package.__path__, "stopper.detect.")]
    found = {one for name in names for one in _patterns(vars(import_module(name)))}
    assert len(found) > 100
    for pattern, flags in found:
        re.compile(pattern, flags)
