"""Escapes undone in a few steps are those undone one by one; all lead back to their places."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stopper.detect import escapes, passes
from stopper.detect.escapes import unescaped
from stopper.detect.rewrite import Changed

PIECES = st.sampled_from(
    [b"\\", b"\\\\", b"\\n", b"\\ud835", b"\\udc1a", b"\\000041", b"\\\n  ", b"\xe2\x82", b'\\"', b"\\u0041", b"\\x4", b"n", b"r", b"t", b"a", b"\\a", b"\\d", b"\\/", b"/", "\u00e9".encode(),
     "\u2014".encode(), "\uff4e".encode(), "\uff3c".encode(), "\u200b".encode(), b"\xff", b"abc ", b"'", b"\\`", b"\\v", b"%41", b"&lt;"]
)  # fmt: skip
LINES = st.lists(PIECES, max_size=10).map(b"".join)


KINDS = st.sampled_from(["backslash", "unicode"])


@settings(max_examples=1200, deadline=None)
@given(LINES, KINDS)
def test_at_once_and_one_by_one_are_the_same(line: bytes, name: str) -> None:
    """The quick way gives what the exact one gives."""
    exact = escapes._REGEXES[name,].sub(escapes._Plain().of, line)
    assert escapes._undone(line, name) == exact


@settings(max_examples=600, deadline=None)
@given(LINES)
@example(b"\\\n  \\t")  # the tab is no part of what indents the line
def test_the_escapes_of_json_are_undone_as_all_others(line: bytes) -> None:
    """Where one pass undoes them, it gives the same as one by one."""
    exact = escapes._REGEXES["backslash",].sub(escapes._Plain().of, line)
    for one in (passes.unescaped, passes.unescaped_in_python):
        assert one(line) in {None, exact}
    assert escapes._undone(line, "backslash") == exact


@pytest.mark.parametrize("unescape", [passes.unescaped, passes.unescaped_in_python])
def test_a_line_of_json_is_undone_at_once(unescape: Callable[[bytes], bytes | None]) -> None:
    line = (
        rb'{"text":"a\tb\n\"c\" \/ \u0041 \u00e9 \u043f \u5bc6 \ud83d\ude00 ' + "é".encode() + b'"}'
    )
    assert unescape(line) == '{"text":"a\tb\n"c" / A é п 密 😀 é"}'.encode()
    assert unescape(rb'"\ud83d \u0041"') is None


@settings(max_examples=50, deadline=None)
@given(st.lists(LINES, min_size=4, max_size=24).map(lambda lines: b"".join(lines * 40)), KINDS)
def test_the_way_back_is_the_same_by_blocks(text: bytes, name: str) -> None:
    """However a text is cut to find the way back, each byte comes from where it does."""
    plain = escapes._undone(text, name)
    back = escapes._Blocks(text, name, len(plain))
    exact = Changed(text, (0, len(text)), escapes._REGEXES[name,], escapes._Plain().of)
    for at in range(0, len(plain), 7):
        assert back(at, at + 5) == (exact.begin(at), exact.finish(at + 5))


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=24).map(b"".join), KINDS)
def test_no_cut_is_inside_of_an_escape(text: bytes, name: str) -> None:
    """What comes out of the stretches is what comes out of all of it."""
    regex = escapes._REGEXES[name,]
    parts = [text[start:end] for start, end in pairwise(escapes._cuts(text, 16))]
    assert b"".join(parts) == text
    plain = [regex.sub(escapes._Plain().of, part) for part in parts]
    assert b"".join(plain) == regex.sub(escapes._Plain().of, text)


@settings(max_examples=300, deadline=None)
@given(LINES, st.sampled_from([b"", b"\n"]))
def test_every_byte_leads_back_into_the_line(line: bytes, end: bytes) -> None:
    found = unescaped(line + end)
    if found is None:
        return
    last = 0
    for at in range(len(found.data)):
        start, stop = found.back(at, at + 1)
        assert last <= start <= stop <= len(line + end)
        last = start
