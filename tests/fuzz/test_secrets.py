"""Hostile texts for all that looks for secrets: no crash, bounded answers, and time that grows linearly."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.finding import Finding
from stopper.detect.inspection import Inspector, packaged_detector, packaged_rules
from stopper.detect.known import KnownValues
from stopper.detect.live import LiveInspector
from stopper.detect.pattern import parse, prefixes, render, reverse, shortest, width
from stopper.detect.redact import Redactor
from stopper.detect.rules import fill
from stopper.detect.secrets import scan_token_patterns

KEY = b"a key for tests"
VALUE = "aB3dE5gH7jK9mN1pQ3sT5vX7"
DETECTOR = packaged_detector(KEY)
KNOWN = KnownValues({"VALUE": VALUE}, KEY)
INSPECTOR = Inspector(DETECTOR, KNOWN)
REDACTOR = Redactor(detector=DETECTOR, known=KNOWN)


def live(data: bytes) -> list[Finding]:
    inspector = LiveInspector(INSPECTOR)
    found: list[Finding] = []
    for start in range(0, len(data), 65_536):
        found += inspector.feed(data[start : start + 65_536]).findings
    return [*found, *inspector.finish().findings]


TARGETS: dict[str, Callable[[bytes], object]] = {
    "rules": DETECTOR.scan,
    "known values": KNOWN.scan,
    "inspector": INSPECTOR.inspect,
    "live inspector": live,
    "redactor": REDACTOR.redact,
    "fifteen shapes": scan_token_patterns,
}
HITS = [fill(hit, rule.id).encode() for rule in packaged_rules()[::9] for hit in rule.hits[:1]]
PIECES = st.sampled_from(
    [*HITS, b"ghp_", b"sk-", b"AKIA", b"eyJ", b".ey", b"-----BEGIN PRIVATE KEY-----\n", b"-----END", b"Bearer ", b"password", b"=",
     b'"', b"'", b"\\", b"\\u0067", b"%67", b"\n", b"{", b"}", b":", b"https://u:", b"@", b"\0", b"\xff", b"\xed\xa0\x80", VALUE.encode(),
     VALUE[:13].encode(), b"[REDACTED:A]", b"[REDACTED:", b"\x1f\x8b\x08", b"data: ", b"1e5", b"\xf0\x9f\x98\x80"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.binary(max_size=4), max_size=14).map(b"".join)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=TEXTS)
def test_nothing_raises(name: str, data: bytes) -> None:
    TARGETS[name](data)


@settings(max_examples=80, deadline=None)
@given(TEXTS, st.booleans())
def test_findings_lie_in_the_text_in_order(data: bytes, as_text: bool) -> None:
    given_data: str | bytes = data.decode("utf-8", "surrogateescape") if as_text else data
    last = 0
    for one in INSPECTOR.inspect(given_data).findings:
        assert last <= one.start <= one.end <= len(given_data)
        last = one.start


@settings(max_examples=300, deadline=None)
@given(st.text("ab(?:)[]{}|\\x4d-^0129,iP<secret>.*+", max_size=24))
def test_any_text_is_a_pattern_or_says_why_not(text: str) -> None:
    try:
        pattern = parse(text)
    except ValueError:
        return
    assert width(pattern.node)[0] <= width(pattern.node)[1]
    for node in (
        pattern.node,
        prefixes(pattern.node),
        shortest(pattern.node),
        reverse(pattern.node),
    ):
        assert isinstance(render(node), str)


HOSTILE = {
    "beginnings of tokens": b"ghp_", "short beginnings": b"sk-", "key ids": b"AKIA", "tokens": b"AKIAIOSFODNN7EXAMPLE ",
    "one long token": b"a1B2", "headers of keys": b"-----BEGIN PRIVATE KEY-----\n", "beginnings of JWT": b"eyJ",
    "dots of JWT": b"eyJhbGciOi.ey", "bearers": b"Bearer ", "users of URLs": b"https://u:", "colons and ats": b"a:b@",
    "names without values": b"password=", "names in JSON": b'"key": "', "passwords": b"password = 'hunter2a'\n",
    "card numbers": b"4111111111111111 ", "halves of a value": VALUE[:12].encode(), "values": f"{VALUE} ".encode(),
    "marks": b"[REDACTED:A]", "half marks": b"[REDACTED:", "braces": b"{[", "quotes": b'"', "backslashes": b"\\",
    "escapes": b"\\u0041", "percent": b"%41", "quoted bytes": b"=41", "blanks": b" ", "zeros": b"\0", "odd bytes": b"\xff",
}  # fmt: skip
SMALL, LARGE = 30_000, 120_000
MAX_RATIO = 9.0
"""Four times the text takes four times as long where time is linear, sixteen where it is not."""

QUICK = 0.02
"""Whatever takes no longer for the large text is fast enough, and too short to compare."""


def seconds(do: Callable[[bytes], object], data: bytes) -> float:
    """Processor time, the best of three: other load on the machine makes no difference to it."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        do(data)
        best = min(best, time.process_time() - begin)
        if best < QUICK:
            break
    return best


@pytest.mark.soak
@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", TARGETS)
def test_time_grows_as_the_text(name: str, piece: bytes) -> None:
    """Four times the text never takes much more than four times as long."""
    do = TARGETS[name]
    large = seconds(do, piece * (LARGE // len(piece)))
    if large > QUICK:
        assert large < MAX_RATIO * max(seconds(do, piece * (SMALL // len(piece))), QUICK / 4)


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_what_is_found_grows_as_the_text(piece: bytes) -> None:
    """The short form: the work that is told by numbers alone, of findings and of views."""
    once = INSPECTOR.inspect(piece * (4_000 // len(piece)))
    twice = INSPECTOR.inspect(piece * (16_000 // len(piece)))
    assert len(twice.findings) <= 6 * max(len(once.findings), 2)


ROWS = {
    "a list": '","',
    "lines of a list": '",\n    "',
    "a row of cells": " | ",
    "arguments": " --a ",
}


@pytest.mark.parametrize("between", ROWS.values(), ids=ROWS)
def test_time_grows_as_rows_of_tokens_do(between: str) -> None:
    """No word is followed over all the others again; pieces that repeat never show it."""
    words = fill(" ".join(["{alnum:40}"] * (LARGE // 40))).split()
    large = seconds(INSPECTOR.inspect, between.join(words).encode())
    if large > QUICK:
        few = between.join(words[: len(words) // 4]).encode()
        assert large < MAX_RATIO * max(seconds(INSPECTOR.inspect, few), QUICK / 4)
