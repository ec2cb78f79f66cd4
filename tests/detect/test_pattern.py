"""The subset that rules are written in: what it means, and what can be derived from it."""

import re
import sys
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.inspection import packaged_rules
from stopper.detect.pattern import (
    Chars,
    Choice,
    Node,
    Pattern,
    Repeat,
    Sequence,
    brief,
    head,
    literals,
    may_hold,
    parse,
    prefixes,
    render,
    reverse,
    secret_of,
    shortest,
    spelled,
    ways,
    width,
)
from stopper.detect.rules import Rule, fill

REFUSED = {
    # what is wrong              pattern               part of the message
    "nothing":                   ("",                  "nothing where something must match"),
    "an empty option":           ("a|",                "nothing where something must match"),
    "an empty group":            ("(?:)",              "nothing where something must match"),
    "a bare dot":                ("a.b",               r"a bare \."),
    "an anchor":                 ("^a",                r"a bare \^"),
    "a star":                    ("a*",                "a repetition without a bound"),
    "a plus":                    ("a+",                "a repetition without a bound"),
    "an open repetition":        ("a{2,}",             "a repetition without a bound"),
    "no repetition at all":      ("a{0}",              "a repetition without a bound"),
    "a repetition backwards":    ("a{3,2}",            "a repetition without a bound"),
    "too long a repetition":     ("a{99999}",          "a repetition without a bound"),
    "a capturing group":         ("(a)",               "a group that is neither"),
    "a named group":             ("(?P<x>a)",          "a group that is neither"),
    "a look-ahead":              ("a(?!b)",            "a group that is neither"),
    "a look-behind inside":      ("a(?<![b])c",        "a group that is neither"),
    "a group without an end":    ("(?:a",              "a group without an end"),
    "a parenthesis too many":    ("a)",                "a parenthesis too many"),
    "a set without an end":      ("[ab",               "an end too early"),
    "a range backwards":         ("[z-a]",             "a bad range"),
    "a range of a class":        (r"[\d-z]",           "a bad range"),
    "an unknown escape":         (r"\b",               r"the unknown escape \\b"),
    "half a byte":               (r"\x4",              r"a bad \\x"),
    "an escape at the end":      ("a\\",               "an end too early"),
    "too deep":                  ("(?:" * 40 + "a" + ")" * 40, "too deep a nesting"),
    "letters outside ASCII":     ("ä",                 "outside ASCII"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_outside_the_subset_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


DERIVED = {
    # pattern                    width      literals
    "abc":                       ((3, 3),   {b"abc"}),
    "ab?c":                      ((2, 3),   {b"a"}),
    "[ab]c{2,4}":                ((3, 5),   {b"c"}),
    "(?i:AbC)[0-9]":             ((4, 4),   {b"abc"}),
    "x(?:foo|barr)y":            ((5, 6),   {b"foo", b"barr"}),
    "(?:foo|[0-9])bar":          ((4, 6),   {b"bar"}),
    "(?P<secret>key_)[a-z]{3}":  ((7, 7),   {b"key_"}),
    "[0-9]{4}":                  ((4, 4),   set()),
    "(?:ab){2,3}":               ((4, 6),   {b"ab"}),
}  # fmt: skip


@pytest.mark.parametrize("text", DERIVED, ids=list(DERIVED))
def test_width_and_literals(text: str) -> None:
    """Each row has exactly the width and the literals in its other columns."""
    node = parse(text).node
    expected, words = DERIVED[text]
    assert width(node) == expected
    assert literals(node) == words


def test_sets_mean_what_re_means_by_them() -> None:
    for text in (
        r"[a-c]",
        r"[^a-c]",
        r"\d",
        r"\w",
        r"\s",
        r"\S",
        r"[\w-]",
        r"[a\]]",
        r"\x41",
        r"\n",
        r"\.",
    ):
        mask = parse(text).node
        assert isinstance(mask, Chars)
        regex = re.compile(text.encode())
        assert {byte for byte in range(256) if mask.mask >> byte & 1} == {
            byte for byte in range(256) if regex.fullmatch(bytes([byte]))
        }


CHARS = st.sampled_from(
    [1 << ord("a"), 1 << ord("b"), 3 << ord("a"), 7 << ord("a"), 1 << ord("\n") | 1 << ord("a")]
)
NODES: st.SearchStrategy[Node] = st.recursive(
    CHARS.map(Chars),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda items: Sequence(tuple(items))),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: Choice(tuple(items))),
        st.tuples(inner, st.integers(0, 2), st.integers(1, 2)).map(
            lambda row: Repeat(row[0], row[1], row[1] + row[2])
        ),
    ),
    max_leaves=5,
)
TEXTS = st.text("abc\n", max_size=7).map(str.encode)


def full(node: Node, text: bytes) -> bool:
    return bool(re.compile(render(node).encode()).fullmatch(text))


@settings(max_examples=300, deadline=None)
@given(NODES, TEXTS)
def test_what_is_derived_follows_from_the_pattern(node: Node, text: bytes) -> None:
    """Of every text that matches: its length, its beginnings, its mirror image and its words."""
    if not full(node, text):
        return
    low, high = width(node)
    assert low <= len(text) <= high
    assert all(full(prefixes(node), text[:end]) for end in range(1, len(text) + 1))
    assert full(reverse(node), text[::-1])
    assert not literals(node) or any(word in text.lower() for word in literals(node))
    assert re.compile(render(shortest(node)).encode()).match(text)
    table, _ = ways(Pattern(0, node))
    assert not table or lets_through(table, text)


@settings(max_examples=300, deadline=None)
@given(NODES, TEXTS)
def test_what_is_rendered_reads_as_the_same(node: Node, text: bytes) -> None:
    again = parse(render(node)).node
    assert full(again, text) == full(node, text)


@settings(max_examples=300, deadline=None)
@given(NODES, TEXTS, st.integers(1, 8))
def test_what_is_spelled_matches_the_same_together(node: Node, text: bytes, most: int) -> None:
    each = spelled(node, most)
    assert 1 <= len(each) <= most
    assert any(full(way, text) for way in each) == full(node, text)


SPELLED = {
    "k[ab]_[a-z]{8}": ["ka_[a-z]{8}", "kb_[a-z]{8}"],
    "k(?:at|pt)-": ["kat-", "kpt-"],
    "(?i:pw)[a-z]": ["(?i:pw)[a-z]"],
    "(?:[ab]c){1}d": ["(?:[ab]c){1}d"],
    "(?P<secret>[ab]c)d": ["acd", "bcd"],
    "[a-c][a-c]d": ["a[a-c]d", "b[a-c]d", "c[a-c]d"],
    "[a-i]b": ["[a-i]b"],
    "abcd[ef]": ["abcd[ef]"],
}


@pytest.mark.parametrize(("pattern", "expected"), SPELLED.items(), ids=SPELLED)
def test_spelled(pattern: str, expected: list[str]) -> None:
    found = [render(way) for way in spelled(parse(pattern).node, 8)]
    assert found == [render(parse(one).node) for one in expected]


@pytest.mark.parametrize("rule", packaged_rules(), ids=lambda rule: rule.id)
def test_packaged_rules_mean_the_same_after_reading(rule: Rule) -> None:
    """What the engine compiles is what the rule says to `re`."""
    ours = re.compile(render(parse(rule.pattern).node, groups=True).encode())
    before = rule.pattern.index(")") + 1 if parse(rule.pattern).before else 0
    theirs = re.compile(rule.pattern[before:].encode())
    for hit in rule.hits:
        text = fill(hit, rule.id).encode()
        assert [found.span() for found in ours.finditer(text)] == [
            found.span() for found in theirs.finditer(text)
        ]


HEADS = {
    # the pattern                        a match                 what every match begins with
    "a prefix":                          (r"key_[a-z]{8,40}",                "key_abcdefgh",       "key_"),
    "one of several":                    (r"(?:ab|cd)_[a-z]{8}",             "cd_abcdefgh",        "cd_"),
    "a kind before it":                  (r"key-[0-9]{2}-[a-z]{8}",          "key-12-abcdefgh",    "key-12-"),
    "none":                              (r"[a-z]{8}key",                    "abcdefghkey",        ""),
    "all of it":                         (r"key[0-9]{4}",                    "key1234",            "key1234"),
    "one that may be left out":          (r"k(?:ey)?_(?:[0-9]{9}|none)",     "key_123456789",      "key_"),
    "the part that is the secret":       (r"name=(?P<secret>ab[0-9]{9})",    "ab123456789",        "ab"),
}  # fmt: skip


@pytest.mark.parametrize(("pattern", "text", "expected"), HEADS.values(), ids=HEADS)
def test_the_head_ends_where_a_match_may_vary(pattern: str, text: str, expected: str) -> None:
    found = re.match(render(head(secret_of(parse(pattern).node))), text)
    assert found is not None
    assert found[0] == expected


def test_a_brief_pattern_matches_where_the_pattern_does() -> None:
    """Only a row of characters at the end gets shorter."""
    node = parse("ab(?P<secret>c[0-9]{30,40})").node
    assert width(brief(node, 20)) == (23, 23)
    assert brief(parse("ab[0-9]{3}").node, 20) == parse("ab[0-9]{3}").node
    assert brief(parse("[0-9]{30}z").node, 20) == parse("[0-9]{30}z").node


HOLDS = {
    # what we try             pattern                   whether it may hold a line's end
    "blanks":                ("a\\s{1,4}b",             True),
    "all but a letter":      ("[^a]",                   True),
    "one of two":            ("(?:ab|c[\\n])",          True),
    "deep below":            ("(?:a(?P<secret>b\\n?)){2}", True),
    "letters":               ("[a-z]{3}(?: |-)",        False),
    "all but a line's end":  ("[^\\n]{3}",              False),
}  # fmt: skip


@pytest.mark.parametrize(("pattern", "expected"), HOLDS.values(), ids=HOLDS)
def test_may_hold(pattern: str, *, expected: bool) -> None:
    assert may_hold(parse(pattern).node, ord("\n")) is expected


def lets_through(table: bytes, text: bytes) -> bool:
    """Whether a text begins in one of the ways."""
    rows = [table[2048 * place + 8 * text[place] :][:8] for place in range(4)]
    first, second, third, fourth = (int.from_bytes(row, sys.byteorder) for row in rows)
    return bool(first & second & third & fourth)


@pytest.mark.parametrize("rule", packaged_rules(), ids=lambda rule: rule.id)
def test_every_match_begins_in_one_of_the_ways(rule: Rule) -> None:
    table, _ = ways(parse(rule.pattern))
    for number, hit in enumerate(rule.hits):
        text = fill(hit, f"{rule.id} {number}").encode("utf-8", "surrogatepass")
        assert all(lets_through(table, found[0]) for found in rule.regex().finditer(text))


WAYS = {
    "abab": {b"abab"},
    "a?bcab": {b"abca", b"bcab"},
    "a{3}b": {b"aaab"},
    "(?:a|bc)dab": {b"adab", b"bcda"},
    "a{0,2}bcab": {b"aabc", b"abca", b"bcab"},
    "[ab](?P<secret>cad)": {b"acad", b"bcad"},
    "a|bcab": set(),
    "abcd?": set(),
}


@pytest.mark.parametrize(("pattern", "begins"), WAYS.items(), ids=WAYS)
def test_ways(pattern: str, begins: set[bytes]) -> None:
    table, through = ways(parse(pattern))
    every = map(bytes, product(b"abcd", repeat=4))
    assert begins == {text for text in every if table and lets_through(table, text)}
    assert through == len(begins)


def test_more_ways_than_bits_let_no_fewer_through() -> None:
    words = {f"{number:03}x".encode() for number in range(0, 1000, 7)}
    table, through = ways(parse("|".join(word.decode() for word in words)))
    found = {
        text for text in (b"%03dx" % number for number in range(1000)) if lets_through(table, text)
    }
    assert words <= found
    assert through == len(words) < len(found) < 500
