"""Laws of streams: no cut changes what is found, and all that goes in comes out."""

import random
import string
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.allowance import NEVER
from stopper.detect.budget import Budget
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.live import LiveInspector
from stopper.detect.secrets import Detector
from stopper.detect.stream import Scanner

EXAMPLES = 120
DETECTOR: Detector = packaged_detector(b"a key for tests")
INSPECTOR = Inspector(DETECTOR, budget=Budget(seconds=NEVER))
RANDOM = random.Random(17)  # noqa: S311  samples


def sample(prefix: str, size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return prefix + "".join(RANDOM.choices(alphabet, k=size))


TOKENS = [
    sample("ghp_", 36),
    sample("AKIA", 16, string.ascii_uppercase),
    sample("sk-ant-api03-", 93),
    sample("npm_", 36),
]
PIECES = st.sampled_from(
    [*TOKENS, sample("a9", 8), "password", "token", "key", " = ", ": ", '"', "'", "\\", "\n", " ", "{", "https://u:", "@", "%", ",", "ghp_", "sk-"]
)  # fmt: skip
BODIES = st.lists(PIECES | st.text(max_size=4), max_size=12).map(
    lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
)
CUTS = st.lists(st.integers(0, 400), max_size=8)
ESCAPED = st.sampled_from(TOKENS).flatmap(
    lambda token: st.lists(st.booleans(), min_size=len(token), max_size=len(token)).map(
        lambda which: "".join(
            f"\\u{ord(char):04x}" if is_escaped else char
            for char, is_escaped in zip(token, which, strict=True)
        )
    )
)


def parts(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [data[start:end] for start, end in pairwise(places)]


@settings(max_examples=EXAMPLES, deadline=None)
@given(BODIES, CUTS)
def test_a_scanner_finds_exactly_what_the_whole_holds(data: bytes, cuts: list[int]) -> None:
    scanner = Scanner(DETECTOR)
    released = [*(scanner.feed(part) for part in parts(data, cuts)), scanner.finish()]
    assert b"".join(one.data for one in released) == data
    assert [finding for one in released for finding in one.findings] == DETECTOR.scan(data)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from("\"'"), st.lists(PIECES, min_size=1, max_size=6), CUTS)
def test_a_quoted_password_is_found_whole_in_any_cut(
    quote: str, words: list[str], cuts: list[int]
) -> None:
    """Whatever goes on behind its first word."""
    data = f"a password: {quote}{sample('b7', 8)} {' '.join(words)}{quote}".encode()
    scanner = Scanner(DETECTOR)
    released = [*(scanner.feed(part) for part in parts(data, cuts)), scanner.finish()]
    assert [finding for one in released for finding in one.findings] == DETECTOR.scan(data)


@settings(max_examples=EXAMPLES, deadline=None)
@given(BODIES, CUTS)
def test_what_goes_into_a_live_inspector_comes_out(data: bytes, cuts: list[int]) -> None:
    """And each of its findings lies in what was let go with it or before."""
    live, gone = LiveInspector(INSPECTOR), b""
    for part in parts(data, cuts):
        released = live.feed(part)
        gone += released.data
        assert all(0 <= one.start <= one.end <= len(gone) for one in released.findings)
    assert gone + live.finish().data == data


@settings(max_examples=EXAMPLES, deadline=None)
@given(ESCAPED, CUTS)
def test_escaped_tokens_are_found_in_any_cut(token: str, cuts: list[int]) -> None:
    """Inside a JSON string, cut in the middle of escapes too."""
    data = f'{{"a": "x {token} y"}}'.encode()
    live = LiveInspector(INSPECTOR)
    released = [*(live.feed(part) for part in parts(data, cuts)), live.finish()]
    found = {finding.fingerprint for one in released for finding in one.findings}
    assert found == {finding.fingerprint for finding in INSPECTOR.inspect(data).findings} != set()
