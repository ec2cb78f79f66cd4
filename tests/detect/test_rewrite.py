"""Escapes undone in a few steps are those undone one by one; all lead back to their places."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect import rewrite
from stopper.detect.rewrite import unescaped

PIECES = st.sampled_from(
    [b"\\", b"\\\\", b"\\n", b'\\"', b"\\u0041", b"\\x4", b"n", b"r", b"t", b"a", b"\\a", b"\\d", b"\\/", b"/", "\u00e9".encode(),
     "\u2014".encode(), "\uff4e".encode(), "\uff3c".encode(), "\u200b".encode(), b"\xff", b"abc ", b"'", b"\\`", b"\\v", b"%41", b"&lt;"]
)  # fmt: skip
LINES = st.lists(PIECES, max_size=10).map(b"".join)


@settings(max_examples=600, deadline=None)
@given(LINES)
def test_at_once_and_one_by_one_are_the_same(line: bytes) -> None:
    """The quick way is only taken where it gives what the exact one gives."""
    names = rewrite._escapes(line)
    if not names or "percent" in names or "html" in names:
        return
    quick = rewrite._at_once(line)
    if quick is not None:
        assert quick == rewrite._REGEXES[names].sub(rewrite._Plain().of, line)


@settings(max_examples=300, deadline=None)
@given(LINES, st.sampled_from([b"", b"\n"]))
def test_every_byte_leads_back_into_the_line(line: bytes, end: bytes) -> None:
    found = unescaped(line + end)
    if found is None:
        return
    _, plain, back = found
    last = 0
    for at in range(len(plain)):
        start, stop = back(at, at + 1)
        assert last <= start <= stop <= len(line + end)
        last = start
