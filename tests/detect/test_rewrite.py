"""The way back out of changed lines: each byte to its own place, or to all of what was changed."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.detect.gate import Decoder
from stopper.detect.rewrite import Changed, Replace, joined, quoted_printable, regrouped

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


SOFT = {
    "a token":             (b"key_aB3dE=\nfG7hJ9", b"key_aB3dEfG7hJ9"),
    "a filled line":       (b"x" * 74 + b" =\nfG7hJ9", b"x" * 74 + b" fG7hJ9"),
    "a sign beside it":    (b"a=3Db=\nc", b"a=bc"),
    "code":                (b"total =\n  1", b""),
    "code that adds":      (b"total +=\n  1", b""),
    "base64 of 20 bytes":  (b"aB3d" * 6 + b"aB3=\nnext", b""),
    "one sign of a query": (b"?w=20&h=30", b""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "plain"), SOFT.values(), ids=SOFT)
def test_soft_breaks(text: bytes, plain: bytes) -> None:
    found = quoted_printable(b" " + text)
    assert (found[1].strip() if found else b"") == plain


LINES = {
    "a token":           (b"aB3dE5gH7jK9mN\n1pQ3s", b"aB3dE5gH7jK9mN1pQ3s"),
    "a name, a value":   (b"SECRET_TOKEN=\naB3dE5gH", b"SECRET_TOKEN=aB3dE5gH"),
    "base64, filled up": (b"aB3dE5gH7jK9mNo=\naB3dE5gH7jK9mNo=", b""),
    "a short word":      (b"and then\nthis", b""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "plain"), LINES.values(), ids=LINES)
def test_lines_that_one_token_may_be_on(text: bytes, plain: bytes) -> None:
    found = [one[1].strip() for one in joined(text, Decoder.LINES) if one]
    assert found == ([plain] if plain else [])
