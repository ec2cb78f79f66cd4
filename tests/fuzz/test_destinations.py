"""Hostile destinations: every parser answers with a value, and large input costs little."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.reason import REASONS, Refusal
from stopper.detect.allow import Allow, judge, parse_rule
from stopper.detect.hosts import Host, classify_host, parse_host
from stopper.detect.urls import Url, forbidden, parse_authority, parse_url

MEGABYTE = 1_000_000
PIECES = st.sampled_from(
    [
        "http://", "https://", "//", "/", "\\", "@", ":", ":443", "#", "?", "%", "%00", "%2e", ".",
        "..", "[", "]", "::1", "::ffff:", "127.0.0.1", "0x7f", "2130706433", "localhost", "xn--",
        "example.com", "*", "*.", " at ", "10.0.0.0/8", "\x00", "\r\n", " ", "\t", "\u200b", "①",
        "。", "\ud800", "é", "ß", "İ", "\u0660", "\ufdfa", "GET ", "169.254.169.254", ".nip.io",
    ]
)  # fmt: skip
TEXT = st.text() | st.lists(PIECES, max_size=12).map("".join)
HUGE = {
    "letters":               "a" * MEGABYTE,
    "dots":                  "." * MEGABYTE,
    "digits":                "1" * MEGABYTE,
    "numbers":               "1." * (MEGABYTE // 2),
    "brackets":              "[" * MEGABYTE,
    "colons":                ":" * MEGABYTE,
    "at signs":              "@" * MEGABYTE,
    "slashes":               "http://" + "/" * MEGABYTE,
    "escapes":               "http://a.com/" + "%25" * (MEGABYTE // 3),
    "umlauts":               "ü" * MEGABYTE,
    "expanding characters":  "\ufdfa" * MEGABYTE,
    "combining characters":  "a" + "\u0301\u0316" * (MEGABYTE // 2),
    "punycode":              "xn--" + "9" * MEGABYTE,
    "a query":               "http://example.com/?" + "=&" * (MEGABYTE // 2),
    "fragments":             "http://example.com/" + "#" * MEGABYTE,
    "echoed addresses":      "1-" * (MEGABYTE // 2) + ".nip.io",
    "dot segments":          "/" + "../" * (MEGABYTE // 3),
    "nearly dot segments":   "/" + "..a" * (MEGABYTE // 3),
}  # fmt: skip


@given(TEXT | st.binary() | st.binary().map(lambda data: b"http://" + data))
def test_every_parser_answers_with_a_value(text: str | bytes) -> None:
    """No input raises, and every refusal has a known code and a sentence on one line."""
    for answer in (parse_host(text), parse_authority(text, 443), parse_url(text), forbidden(text)):
        if isinstance(answer, Refusal):
            assert answer.code in REASONS
            assert answer.sentence.isprintable()
        if isinstance(answer, Host):
            assert classify_host(answer) in {None, *REASONS}


@given(TEXT)
def test_a_rule_reads_or_says_why_not(text: str) -> None:
    """ValueError is the only way out of a rule that does not read."""
    try:
        rule = parse_rule(text)
    except ValueError:
        return
    assert isinstance(rule, Allow)


@given(TEXT)
def test_any_path_is_judged(path: str) -> None:
    """A path from the wire never raises."""
    rule = parse_rule("example.com/a/*")
    assert judge(Host("example.com"), 443, "GET", f"/a/{path}", (rule,))


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_a_megabyte_is_refused_cheaply(text: str) -> None:
    """Length is looked at before anything whose cost grows with it."""
    assert isinstance(parse_host(text), Refusal)
    assert isinstance(parse_authority(text, 443), Refusal)
    assert not isinstance(parse_url(text), Url)
    assert isinstance(forbidden(text), Refusal)
    assert isinstance(parse_host(text.encode()), Refusal)
    with pytest.raises(ValueError, match="rule"):
        parse_rule(text)
    assert judge(Host("example.com"), 443, "GET", text, (parse_rule("example.com/a/*"),))


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_the_longest_input_that_is_read_is_cheap(text: str) -> None:
    """At every parser's own bound the work is still small, also below a path rule."""
    parse_host(text[:253])
    parse_url(text[:65_536])
    judge(Host("example.com"), 443, "GET", f"/a/{text}", (parse_rule("example.com/a/*"),))
