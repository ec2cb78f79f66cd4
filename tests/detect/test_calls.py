"""Known values that leave in pieces, one in each call."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.detect.calls import MAX_NAMES, MAX_SAID, Calls
from stopper.detect.known import KnownValues

RANDOM = random.Random(5)  # noqa: S311  samples
VALUE = "".join(RANDOM.choices(string.ascii_letters + string.digits, k=32))
KNOWN = KnownValues({"KEY": VALUE}, b"key")


@given(st.lists(st.integers(1, 11), min_size=2, max_size=8))
def test_found_wherever_it_is_cut(sizes: list[int]) -> None:
    """With a number and what never changes beside each piece."""
    calls, at, found = Calls(KNOWN), 0, []
    for number, size in enumerate(sizes):
        said = [
            (b"at", b"%d" % number),
            (b"same", b"of all"),
            (b"text", VALUE[at : at + size].encode()),
        ]
        found += calls.add("a.example", said)
        at += size
    is_enough = min(at, len(VALUE)) >= len(VALUE) // 2 and sizes[0] < len(VALUE) // 2
    assert bool(found) >= is_enough
    assert all(one.name == "KEY" for one in found)


@pytest.mark.parametrize("names", [(b"a", b"b", b"c"), (b"a", b"a", b"a")])
def test_names_may_change(names: tuple[bytes, ...]) -> None:
    calls = Calls(KNOWN)
    pieces = [VALUE[at : at + 8].encode() for at in (0, 8, 16)]
    found = [calls.add("", [pair]) for pair in zip(names, pieces, strict=True)]
    assert not found[0]
    assert found[1]


def test_places_are_apart() -> None:
    calls = Calls(KNOWN)
    assert not calls.add("a", [(b"d", VALUE[:11].encode())])
    assert not calls.add("b", [(b"d", VALUE[11:22].encode())])
    assert calls.add("a", [(b"d", VALUE[11:22].encode())])


def test_what_is_whole_is_for_others() -> None:
    assert not Calls(KNOWN).add("", [(b"d", VALUE.encode()), (b"e", VALUE.encode())])


def test_memory_is_bounded() -> None:
    calls = Calls(KNOWN)
    for number in range(3 * MAX_NAMES):
        calls.add("", [(b"%d" % number, b"x%d" % number)])
        calls.add(f"{number}", [(b"a", b"x" * 10_000)])
    assert len(calls._trails) <= MAX_NAMES
    assert len(calls._said) <= MAX_NAMES
    assert len(b"".join(b"".join(trail.ends) for trail in calls._trails.values())) < 300 * MAX_NAMES
    assert not calls.add("", ((b"%d" % number, b"a") for number in range(10 * MAX_SAID)))
