"""Both engines find the same; databases go out as bytes and come back; threads share an engine."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.allowance import Allowance
from stopper.detect.engine import (
    Begun,
    Engine,
    HyperscanEngine,
    RegexEngine,
    engine_for,
    engine_stamp,
)
from stopper.detect.inspection import packaged_rules
from stopper.detect.rules import Rule, fill, read_rules

pytest.importorskip("hyperscan")

ROWS = [
    {"id": "word", "name": "w", "severity": "high", "tier": "prefix", "pattern": r"key_[a-z]{4,8}", "hits": ["key_abcd"]},
    {"id": "bound", "name": "b", "severity": "high", "tier": "prefix", "pattern": r"(?<![A-Za-z0-9])ab[0-9]{3}", "hits": ["ab123"]},
    {"id": "part", "name": "p", "severity": "high", "tier": "prefix", "pattern": r"pw(?:=|: )(?P<secret>[a-z]{4,6}[0-9]{0,2})", "hits": ["pw=abcd"]},
    {"id": "choice", "name": "c", "severity": "high", "tier": "prefix", "pattern": r"(?:aa|aab|b{2,3})c{2,600}", "hits": ["aabcc"]},
    {"id": "folded", "name": "f", "severity": "high", "tier": "prefix", "pattern": r"(?i:tok)en(?:[.-][0-9]{2}){1,3}", "hits": ["TOKen.12"]},
    {"id": "lazy", "name": "l", "severity": "high", "tier": "prefix", "pattern": r"<<[^>]{2,9}?>>", "hits": ["<<ab>>"]},
    {"id": "digits", "name": "d", "severity": "high", "tier": "prefix", "pattern": r"(?<![0-9])e[0-9]{4}", "hits": ["e1234"]},
    {"id": "letters", "name": "a", "severity": "high", "tier": "prefix", "pattern": r"(?<![0-9])e[f-h]{4}", "hits": ["efghf"]},
]  # fmt: skip
RULES = read_rules(ROWS)
SMALL: tuple[Engine, Engine] = (HyperscanEngine(RULES), RegexEngine(RULES))
ALL: tuple[Engine, Engine] = (engine_for(packaged_rules()), RegexEngine(packaged_rules()))

CASES = {
    # what stands in the text             text                                 rule numbers
    "nothing":                            (b"",                                []),
    "none":                               (b"hello world",                     []),
    "one":                                (b"see key_abcdefgh.",               [0]),
    "one that goes on":                   (b"key_abcdefghijkl",                [0]),
    "two of one rule, close together":    (b"key_abcd.key_abcd",               [0, 0]),
    "not behind a letter":                (b"xab123 ab123",                    [1]),
    "at the start of the text":           (b"ab123",                           [1]),
    "a part of a match":                  (b"pw: abcdef12",                    [2]),
    "the first option that fits":         (b"aabccc",                          [3]),
    "a long repetition":                  (b"bb" + b"c" * 700,                 [3]),
    "small and large letters":            (b"token.12-34 TOKen.99",            [4, 4]),
    "as little as possible":              (b"<<ab>>>>",                        [5]),
    "several rules at one place":         (b"pw=key_abcd",                     [0]),
    "NUL around":                         (b"\0key_abcd\0",                    [0]),
    "ends that are none":                 (b"xab123" * 500,                    []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_matches(text: bytes, expected: list[int]) -> None:
    """Each row matches exactly the rules in its last column, with either engine."""
    for engine in SMALL:
        assert [match.rule for match in engine.matches(text)] == expected
    assert SMALL[0].matches(text) == SMALL[1].matches(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"key_abcd", []),
        (b"key_abcd pw=1", []),
        (b"key_abcd ab123", [0, 1]),
        (b"key_abcd xab123", []),
        (b"ab123", [1]),
    ],
)
def test_beside(text: bytes, expected: list[int]) -> None:
    """Rules that say nothing but beside others are left out where no other one matches."""
    for engine in SMALL:
        assert [match.rule for match in engine.some(text, Allowance(), None, {0, 2})] == expected


OPEN = {
    # what the text ends in          text                 where the match starts, and its secret
    "nothing":                       (b"hello wo. ",      None),
    "one letter":                    (b"see k",           (4, 4)),
    "half a word":                   (b"see key_ab",      (4, 4)),
    "a match that may go on":        (b"see key_abcd",    (4, 4)),
    "a match that is full":          (b"key_abcdefgh.",   None),
    "context before its secret":     (b"x pw: ",          (2, 6)),
    "half a secret":                 (b"x pw: ab",        (2, 6)),
    "behind a letter":               (b"xab12 ",          None),
    "one that others begin in":      (b"see ke",           (4, 4)),
    "the earliest of several":       (b"<<pw=key_a",      (0, 0)),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), OPEN.values(), ids=OPEN)
def test_what_the_end_leaves_open(text: bytes, expected: tuple[int, int] | None) -> None:
    """Each row leaves open exactly what stands in its last column."""
    begun = Begun(*(expected or (len(text), len(text))))
    for engine in SMALL:
        assert engine.begun(text) == begun


PIECES = st.sampled_from(
    [b"key_", b"abcd", b"efgh", b"ab", b"12", b"3", b"pw", b"=", b": ", b"aa", b"b", b"cc", b"tok", b"EN", b"en", b".",
     b"-99", b"<<", b">", b"\0", b" ", b"\xc3\xa9", b"\n"]
)  # fmt: skip
SMALL_TEXTS = st.lists(PIECES, max_size=16).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(SMALL_TEXTS, st.integers(0, 12), st.dictionaries(st.integers(0, 5), st.integers(0, 20)))
def test_both_engines_agree(text: bytes, floor: int, taken: dict[int, int]) -> None:
    floor = min(floor, len(text))
    assert SMALL[0].matches(text, floor, taken) == SMALL[1].matches(text, floor, taken)
    assert SMALL[0].begun(text, floor) == SMALL[1].begun(text, floor)


HITS = st.sampled_from(packaged_rules()).flatmap(
    lambda rule: st.sampled_from([fill(hit, rule.id) for hit in rule.hits])
)
TEXTS = st.lists(
    HITS | st.sampled_from(["key", "=", '"', " ", "\n", "x", ": ", "token"]), max_size=5
)


@settings(max_examples=25, deadline=None)
@given(TEXTS, st.integers(0, 99))
def test_both_engines_agree_on_the_packaged_rules(texts: list[str], percent: int) -> None:
    """Also on a text that breaks off anywhere."""
    data = "".join(texts).encode()
    data = data[: len(data) * (percent + 1) // 100]
    assert ALL[0].matches(data) == ALL[1].matches(data)
    assert ALL[0].begun(data) == ALL[1].begun(data)


class TestDump:
    def test_a_loaded_engine_finds_the_same(self) -> None:
        engine = HyperscanEngine.load(RULES, HyperscanEngine(RULES).dump())
        for text, _ in CASES.values():
            assert engine.matches(text) == SMALL[0].matches(text)
        for text, _ in OPEN.values():
            assert engine.begun(text) == SMALL[0].begun(text)
        assert HyperscanEngine.load(RULES, engine.dump()).matches(b"key_abcd")

    def test_bytes_of_other_rules_and_damaged_ones_are_refused(self) -> None:
        dumped = HyperscanEngine(RULES).dump()
        flipped = bytearray(dumped)
        flipped[-100] ^= 1
        for rules, data in (
            (RULES[:-1], dumped), (RULES, b""), (RULES, dumped[:-1]), (RULES, dumped[:90]), (RULES, bytes(flipped)),
        ):  # fmt: skip
            with pytest.raises(ValueError, match="not dumped by an engine of these rules"):
                HyperscanEngine.load(rules, data)

    def test_the_stamp_is_of_the_patterns(self) -> None:
        other: tuple[Rule, ...] = read_rules([{**ROWS[0], "pattern": "key_[a-z]{4,9}"}, *ROWS[1:]])
        assert engine_stamp(RULES) == engine_stamp(read_rules(ROWS))
        assert engine_stamp(RULES) != engine_stamp(other)
        assert engine_stamp(RULES) != engine_stamp(RULES[1:] + RULES[:1])


def test_any_number_of_threads_share_an_engine() -> None:
    """Hyperscan lets other threads run while it scans, and its scratch space serves one at a time."""
    engine = SMALL[0]
    text = b"key_abcd " * 3000
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            counts = list(pool.map(lambda _: len(engine.matches(text)), range(64)))
            begun = list(pool.map(lambda _: engine.begun(text + b"key_a"), range(64)))
    finally:
        sys.setswitchinterval(before)
    assert counts == [3000] * 64
    assert set(begun) == {Begun(len(text), len(text))}


def test_one_engine_for_one_set_of_rules() -> None:
    assert engine_for(RULES) is engine_for(read_rules(ROWS))


MANY = {
    "nothing begun": b"",
    "a header": b"-----BEGIN RSA PRIV",
    "a body": b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN",
    "a header in dashes": b"-----BEGIN PRIVATE KEY" + b"-" * 4,
}


@pytest.mark.parametrize("tail", MANY.values(), ids=MANY)
def test_more_beginnings_than_are_tried(tail: bytes) -> None:
    """Behind the first of them all are looked for at once, with the same answer."""
    rules = tuple(rule for rule in packaged_rules() if rule.id.startswith("private-key"))
    data = b"-" * 3_000 + tail
    assert engine_for(rules).begun(data) == RegexEngine(rules).begun(data)


def test_many_long_beginnings_are_held_back_unasked() -> None:
    """More places where something long may have begun than are looked at, and then no more."""
    rules = tuple(rule for rule in packaged_rules() if rule.id == "kerberos-keytab")
    for number, is_held in ((4, False), (40, True)):
        data = b"the keytab of a host, and " * number
        exact = RegexEngine(rules).begun(data)
        begun = engine_for(rules).begun(data)
        assert begun.start <= exact.start
        assert begun.secret <= exact.secret
        assert (begun != exact) is is_held
