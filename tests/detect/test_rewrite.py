"""The way back out of changed lines: each byte to its own place, or to all of what was changed."""

import re
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from stopper.detect.rewrite import Changed, Replace, quoted_printable, regrouped

CHANGED = re.compile(rb"=(?:=|[0-9]{1,2}|\n)|b(?<=ab)")
TEXTS = st.lists(st.sampled_from([b"=", b"1", b"23", b"\n", b"a", b"b", b"c "]), max_size=30).map(
    b"".join
)


def replaced(found: re.Match[bytes]) -> bytes:
    return {b"==": b"", b"=1": b"xyz"}.get(found[0], b"x")


def one_by_one(
    data: bytes, regex: re.Pattern[bytes], replace: Replace
) -> Iterator[tuple[int, int]]:
    """Where each byte that comes out is from."""
    done = 0
    for found in regex.finditer(data):
        yield from ((at, at + 1) for at in range(done, found.start()))
        yield from [found.span()] * len(replace(found))
        done = found.end()
    yield from ((at, at + 1) for at in range(done, len(data)))


@given(TEXTS, TEXTS, TEXTS)
def test_each_byte_leads_back(before: bytes, text: bytes, behind: bytes) -> None:
    """Whatever stands around the stretch, as each match tells by itself."""
    span = len(before), len(before) + len(text)
    back = Changed(before + text + behind, span, CHANGED, replaced)
    for at, (start, end) in enumerate(one_by_one(text, CHANGED, replaced)):
        assert (back.begin(at), back.finish(at + 1)) == (span[0] + start, span[0] + end)


@given(
    st.lists(st.sampled_from([b"4142 ", b"0x41, ", b"=41", b"=\n", b"a", b"\n", b"41:42:"])).map(
        b"".join
    )
)
def test_what_was_kept_leads_back_to_itself(text: bytes) -> None:
    for one in regrouped(text):
        if one:
            _, data, back = one
            for at, byte in enumerate(data.rstrip(b"\n")):
                start, end = back(at, at + 1)
                assert text[start:end] == bytes([byte])


def test_a_byte_of_each_line_leads_back() -> None:
    text = b"one\nt=41o\n" + b"." * 20_000 + b"\n=42=43\n"
    found = quoted_printable(text)
    assert found
    _, data, back = found
    for sign, place in ((b"A", b"=41"), (b"B", b"=42"), (b"C", b"=43")):
        at = data.index(sign)
        assert text[slice(*back(at, at + 1))] == place
