"""The fields of a body: the same in whatever pieces it comes."""

import json
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.detect.fields import EDGE, Field, Reader, fields

BODIES = {
    # what is sent            the body                                           its values
    "an object":              (b'{"a":"x","b" : ["1", "2"], "c":{"d":"y"}}',     [b"x", b"1", b"2", b"y"]),
    "escapes":                (rb'["a\u0041\n\"\/\\", "\ud83d\ude00b"]',         [b'aA"/\\', b"b"]),
    "escapes of nothing":     (rb'["\\u00\41", "x\41"]',                         [rb"\u00\41", rb"x\41"]),
    "lines":                  (b'{"a":"x"}\n{"a":"y"}\n',                        [b"x", b"y"]),
    "events":                 (b'data: {"a":"x"}\n\ndata: {"a":"y"}\n\n',        [b"x", b"y"]),
    "named events":           (b'event: one\ndata: {"a":"x"}\n\n',               [b"x"]),
    "an end that is missing": (b'\n {"a":"x',                                    [b"x"]),
    "half an escape":         (b'["x\\u00',                                      [b"x"]),
    "a form":                 (b"a=1%32&b=x=y;c&d=",                             [b"12", b"x=y"]),
    "a query":                (b"/path?a=1&b=2",                                 [b"1", b"2"]),
    "half a percent":         (b"date=3%4",                                      [b"3%4"]),
    "parts":                  (b"--X\r\nname: n\r\n\r\none\r\n--X\r\nn: a=b\r\n\r\n=t%41;o\r\n--X--\r\n",
                               [b"=t%41;o"]),
    "words":                  (b"the date is unknown", []),
    "blanks":                 (b" \r\n ", []),
    "nothing":                (b"", []),
}  # fmt: skip


def cut(data: bytes, places: Iterable[int]) -> Iterator[bytes]:
    for start, end in pairwise([0, *places, len(data)]):
        yield data[start:end]


def read(chunks: Iterable[bytes]) -> list[Field]:
    reader = Reader()
    found = [field for chunk in chunks for field in reader.feed(chunk)]
    return [*found, *reader.finish()]


def said(found: Iterable[Field]) -> list[tuple[bytes, bytes]]:
    return [(field.name, field.text) for field in found if field.text]


@pytest.mark.parametrize(("body", "values"), BODIES.values(), ids=BODIES)
def test_values(body: bytes, values: list[bytes]) -> None:
    """Those of the row, in whichever two pieces the body comes, and byte by byte."""
    assert [text for _, text in said(fields(body))] == values
    for place in range(len(body) + 1):
        assert said(read(cut(body, [place]))) == said(fields(body))
    assert said(read(cut(body, range(1, len(body))))) == said(fields(body))


@given(
    body=st.lists(
        st.sampled_from(
            [b'"', b"\\", b"\\u00", b"41", b":", b"{", b",", b"a" * 100, b"=", b"&", b"%", b"\r\n",
             b"--", b"\r", b" ", b"x", b"data:"]
        )
    ).map(b"".join),
    places=st.lists(st.integers(0, 400), max_size=8),
)  # fmt: skip
def test_cuts_change_nothing(body: bytes, places: list[int]) -> None:
    places = sorted(min(place, len(body)) for place in places)
    assert said(read(cut(body, places))) == said(fields(body))


def test_both_ends_of_a_long_value_count() -> None:
    body = json.dumps({"a": "x" * EDGE + "y" * 9 + "z" * EDGE, "b": "w"}).encode()
    assert said(fields(body)) == [(b"a", b"x" * EDGE), (b"a", b"z" * EDGE), (b"b", b"w")]
    first, last, other = fields(body)
    assert first.number == last.number != other.number
