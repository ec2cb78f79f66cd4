"""Hostile texts for the decoders: no crash, spans inside the text, and time that grows linearly."""

import base64
import gzip
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.budget import Budget
from stopper.detect.decode import decoded_views

MEGABYTE = 1_000_000
PIECES = st.sampled_from(
    [
        b"%41", b"%25", b"%", b"\\u0041", b"\\", b"\\\\", b"\\x4", b"\\ud835", b"\\udc1a", b"\\777",
        b"&lt;", b"&amp;", b"&#65;", b"&#x110000;", b"&#9999999;", b"=41", b"=\n", b"=", b'"+"', b'" "', b"\n",
        b"\0", b" ", b"YWJjZGVmZ2hpamtsbW5vcHFyc3R1dg", b"6162636465666768696a6b6c6d6e6f70",
        b"MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO", b'87cURD]i,"Ebo80', b"Xk~0{Zv", b"41 42 43 44 45 46 47",
        b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x78\x9c", b"\xff\xfe", b"\xef\xbc\xa1", b"\xe2\x80\x8b", b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80", b"a\0b\0c\0d\0e\0f\0g\0h\0i\0", gzip.compress(b"hello"), "İ\ufdfa".encode(),
    ]
)  # fmt: skip


def zip_member() -> bytes:
    written = BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as file:
        file.writestr("a", b"hello there " * 9)
    return written.getvalue()


HOSTILE = {
    "letters": b"a", "capitals": b"A", "escapes": b"%41", "escaped percent": b"%25", "percent signs": b"%",
    "backslashes": b"\\", "unicode escapes": b"\\u0041", "half pairs": b"\\ud835", "ampersands": b"&",
    "escaped ampersands": b"&amp;", "nearly escaped": b"&amp", "entities": b"&#65;", "equal signs": b"=",
    "quoted bytes": b"=41", "soft breaks": b"=\n", "lines": b"abcdefghijklm\n", "indented lines": b"abcdefghijklm\n   ",
    "blanks": b" ", "empty lines": b"\n", "quotes": b'"', "sums": b'a"+"', "literals": b"a' '", "wide blanks": b"a'        ",
    "zeros": b"\0", "wide letters": b"a\0", "pairs of digits": b"41 ", "letters apart": b"a ", "groups": b"abcd-",
    "small base64": b"YWFhYWFhYWFhYWFhYWFhYWFh ", "small hex": b"616161616161616161616161 ",
    "small base32": b"MFQWCYLBMFQWCYLBMFQWCYLB ", "base32": b"MFQWCYLB", "ascii85": b"87cUR", "nearly ascii85": b"+!!!!",
    "base85": b"VPaz%", "double base64": base64.b64encode(base64.b64encode(b"hello there")) + b"\n",
    "magic of gzip": b"\x1f\x8b\x08", "magic of zstd": b"\x28\xb5\x2f\xfd", "broken streams": gzip.compress(bytes(99))[:-9],
    "magic in base64": base64.b64encode(b"\x1f\x8b\x08"), "fullwidth": "\uff21".encode(), "invisible": "\u200b".encode(),
    "combining": "a\u0301\u0316".encode(), "ligatures": "\ufdfa".encode(), "half characters": b"\xc3", "dots": b"abcdefghijklmnopqrstuvwxy.",
    "numbers": b"12,", "code points": b"U+0061 ", "tags": "\U000e0061".encode(), "selectors": "\U000e0151".encode(), "marked up": b"a<b>", "marks": b"a<b",
    "colours": b"a\x1b[3m", "seams": b"a]]><![CDATA[", "indented seams": b"a\\\n  ", "bits": b"01", "bits apart": b"01100001 ", "numbers and blanks": b"12                        ", "calls of chr": b"chr(65)+", "pieces": b'"a1",', "quoted pieces": b"'a1'   ,   ",
    "lines of a dump": b"00000000: 6162 6364 6566\n", "begun uuencode": b"begin 644 a\n", "uuencode": b"begin 644 a\nM" + b"=" * 60 + b"\n",
    "magic of zip": b"PK\x03\x04", "members": zip_member(), "short streams": gzip.compress(b"x"), "magic of bzip2": b"BZh91AY&SY", "magic of xz": b"\xfd7zXZ\0", "signs apart": b"a - ",
    "headers": b"user,password\n", "rows of bars": b"pw|a\n", "columns": b"a  token  b\n", "names": b"key,", "variables": b"a='b12'\n", "sums of variables": b"a='b12'+a,", "variables in strings": b"a='b1'\n${a}x{a}", "short lists": b'["a1","b2"]', "assignments": b"x=1y",
    "rich text": b"\\'61", "style sheets": b"\\61 ", "bytes that are cast": b"(byte)0x61,", "bytes of an assembler": b"061h, ",
    "objects": b'{"c": 97}, ', "objects without end": b'{"c": 97', "base64 turned round": base64.b64encode(b"hello there, all of you!")[::-1] + b"\n", "odd words": b"a1B ", "odd words apart": b"a1B,,,,,,,,", "odd names": b"a1B=a1B\n", "odd words far apart": b"a1B" + b", x" * 40,
    "lines of base64": b"YUdWc2JHOGdkR2hsY21VPQ==\n", "added pieces": b"'a'\nk +=", "single letters": b"a, ", "lines of ascii85": b"9jqo^" * 12 + b"\r\n", "headers of one": b"a,pwd\nx\n", "dumps in one line": b'"0000 41414141 ', "brotli in base64": base64.b64encode(b"\x1b\xff\xff\x0f\x0c" + bytes(19)) + b"\n", "sealed zeros": b"&#" + b"0" * 5_000 + b"65;", "percent and u": b"%u0041", "escapes of style sheets": b"\\000041",
}  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=4), max_size=24).map(b"".join), st.booleans())
def test_every_span_lies_in_the_text(data: bytes, as_text: bool) -> None:
    """No input raises, and what a view shows leads to a part of the input."""
    given_data: str | bytes = data.decode("utf-8", "surrogateescape") if as_text else data
    for view in decoded_views(given_data):
        length = len(view.data)
        for start, end in ((0, length), (0, 1), (length - 1, length), (length // 3, length // 2)):
            first, last = view.origin(start, end)
            assert 0 <= first <= last <= len(given_data)
        assert view.origin(0, length)[0] <= view.origin(length // 2, length)[0]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(PIECES | st.binary(max_size=4), max_size=24).map(b"".join),
    st.integers(1, 4),
    st.floats(0, 1),
    st.booleans(),
)
def test_what_comes_from_behind_a_place_is_in_what_is_reached(
    piece: bytes, times: int, part: float, as_text: bool
) -> None:
    """However often the text was decoded: nothing outside of the stretches leads there."""
    data = piece * times
    text: str | bytes = data.decode("utf-8", "surrogateescape") if as_text else data
    place = int(part * len(text))
    views = decoded_views(text)
    reached = dict(views.reached(place, len(text)))
    for view in views:
        spans = reached.get(view, [])
        assert all(one[1] < other[0] for one, other in pairwise(spans))
        for at in range(0, len(view.data), 1 + len(view.data) // 50):
            if view.origin(at, at + 1)[1] >= place:
                assert any(start <= at + 1 and at <= end for start, end in spans)


def looked_at(data: bytes) -> int:
    return sum(len(view.data) for view in decoded_views(data))


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_stays_within_its_budget(piece: bytes) -> None:
    """However it is filled, what is decoded is bounded by the length."""
    data = piece * (MEGABYTE // len(piece))
    assert looked_at(data) <= Budget().growth * len(data)


MIXED: dict[str, Callable[[int], bytes]] = {
    "everything in turn": lambda size: b'%25\\\\u0041&amp;lt;=41\n"+"abcdefghijklmn\n' * (size // 40),
    "nested": lambda size: base64.b64encode(base64.b64encode(b"%41 secret " * (size // 20))),
}  # fmt: skip


@pytest.mark.parametrize("make", MIXED.values(), ids=MIXED)
def test_twice_the_text_is_twice_the_work(make: Callable[[int], bytes]) -> None:
    """What comes out grows as what goes in."""
    once, twice = looked_at(make(50_000)), looked_at(make(100_000))
    assert once * 1.5 < twice < once * 2.5
