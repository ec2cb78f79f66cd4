"""A sieve tells what regexes tell, whatever it is made of."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect import sieve
from stopper.detect.gate import PATTERNS
from stopper.detect.sieve import Sieve

KINDS = {
    "a row": "a[bc]d",
    "a row that counts": "x[ab]{3}y",
    "others between": "a[ .]*b[0-9]*c",
    "others at the end": "zz[ab]*",
    "a set it begins with comes again": "aab",
    "a run": "[a-c]{9}",
    "a run and its end": "[a-c]{9}[.\n]",
    "a run that may end in itself": "[ab]{8}[bc]",
    "signs": r"\[\x1b[\]\\]",
}
PIECES = st.sampled_from([b"a", b"b", b"c", b"d", b"x", b"y", b"z", b" ", b".", b"\n", b"7", b"[", b"]", b"\\", b"\x1b", b"abc", b"aabb"])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map(b"".join)
SIEVE = Sieve({1 << place: (text,) for place, text in enumerate(KINDS.values())})


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "sift", None)


def by_regexes(data: bytes) -> set[str]:
    return {name for name, text in KINDS.items() if re.search(text.encode(), data)}


def names(found: int) -> set[str]:
    return {name for place, name in enumerate(KINDS) if found >> place & 1}


@settings(max_examples=1500)
@given(TEXTS)
def test_it_tells_what_regexes_tell(data: bytes) -> None:
    assert names(SIEVE.scan(data)) == by_regexes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_told_at_the_very_end(kind: str) -> None:
    """Bytes of all kinds stand before, so that nothing is told by chance."""
    text = {"a row": b"abd", "a row that counts": b"xabay", "others between": b"a ..b12c", "others at the end": b"zz",
            "a set it begins with comes again": b"aaab", "a run": b"abcabcabc", "a run and its end": b"abcabcabca.",
            "a run that may end in itself": b"abababab" + b"b", "signs": b"[\x1b]"}[kind]  # fmt: skip
    assert kind in names(SIEVE.scan(b"-" * 70_000 + text))
    assert kind not in names(SIEVE.scan(b"-" * 70_000 + text[:-1] + b"-"))


@pytest.mark.usefixtures("slow")
def test_hyperscan_looks_where_nothing_is_compiled() -> None:
    pytest.importorskip("hyperscan")
    other = Sieve({1 << place: (text,) for place, text in enumerate(KINDS.values())})
    for data in (b"", b"abd", b"a.b7c zz", b"abcabcabc.", b"[\x1b\\"):
        assert names(other.scan(data)) == by_regexes(data)


@pytest.mark.usefixtures("slow")
def test_everything_may_be_there_where_nothing_can_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "HAS_HYPERSCAN", False)
    assert Sieve({1: ("a",), 4: ("b",)}).scan(b"") == 5


FAULTS = {
    "a choice": "a|b",
    "a group": "(?:ab)",
    "a dot": "a.b",
    "an optional set": "ab?",
    "others before all": "[ab]*c",
    "no more room": "a" * 65,
}


@pytest.mark.parametrize("text", FAULTS.values(), ids=FAULTS)
def test_what_it_cannot_look_for(text: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|too many"):
        Sieve({1: (text,)})


def test_runs_have_an_end() -> None:
    with pytest.raises(ValueError, match="one run too many"):
        Sieve({1: [f"[ab]{{{count}}}" for count in range(8, 17)]})


def test_the_gate_has_room() -> None:
    assert Sieve(PATTERNS).scan(b"") == 0
