"""What is compiled gives what Python gives."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect import passes
from stopper.detect.passes import runs, runs_in_python, unescaped, unescaped_in_python
from stopper.detect.pattern import parse, ways

LETTERS = bytes(byte in b"ab" for byte in range(256))
compiled = pytest.mark.skipif(passes.sift is None, reason="there was no compiler")


def test_a_plain_install_is_compiled() -> None:
    """Where the tests run there is a compiler; were it slower by mistake, this would tell."""
    assert passes.sift


@settings(max_examples=400)
@given(
    least=st.integers(1, 9),
    data=st.lists(st.sampled_from([b"a", b"b", b"-", b"ab" * 6]), max_size=40).map(b"".join),
)
def test_runs(least: int, data: bytes) -> None:
    assert runs(LETTERS, least, data) == runs_in_python(LETTERS, least, data)


def test_runs_of_many_bytes() -> None:
    data = b"".join(b"ab" * (place % 41) + b"-" for place in range(5_000))
    assert runs(LETTERS, 30, data) == runs_in_python(LETTERS, 30, data)


@settings(max_examples=600)
@given(
    st.lists(
        st.sampled_from(
            [
                b"\\n",
                b"\\u0041",
                b"\\u00e9",
                b"\\u005c",
                b"\\\\",
                b"\\x",
                b"\\",
                b'\\"',
                b'"',
                b"a",
                b"\\u00",
                b"\0",
            ]
        ),
        max_size=12,
    ).map(b"".join)
)
def test_unescaped(data: bytes) -> None:
    assert unescaped(data) == unescaped_in_python(data)


@compiled
@pytest.mark.parametrize("table", [b"", bytes(256), bytes(40_000)])
def test_a_table_that_is_none(table: bytes) -> None:
    assert passes.sift
    with pytest.raises(ValueError, match="table"):
        passes.sift(table, b"text")


@compiled
@pytest.mark.parametrize(("members", "least"), [(b"", 3), (LETTERS, 0), (LETTERS, -1)])
def test_runs_of_nothing(members: bytes, least: int) -> None:
    with pytest.raises(ValueError, match="runs takes"):
        runs(members, least, b"text")


TABLE, _ = ways(parse("(?<![-x])(?i:ab|c)[0-9]{3}"))


@compiled
@settings(max_examples=400)
@given(
    st.lists(st.sampled_from([b"a", b"B", b"b", b"c", b"12", b"3", b"-"]), max_size=20).map(
        b"".join
    )
)
def test_begins(data: bytes) -> None:
    """Every place is told, in any part of the data, and none beyond."""
    assert passes.begins
    for start in range(len(data) + 1):
        for end in (start, (start + len(data)) // 2, len(data), len(data) + 3):
            last = min(end, len(data)) - 3
            places = [at for at in range(start, last) if HEAD.match(data, at)]
            assert passes.begins(TABLE, data, start, end) == (places[0] if places else -1)


HEAD = re.compile(rb"(?<![-x])(?i:ab[0-9]{2}|c[0-9]{3})")


@compiled
@pytest.mark.parametrize(("table", "start"), [(b"", 0), (bytes(8447), 0), (bytes(8448), -1)])
def test_ways_of_another_size(table: bytes, start: int) -> None:
    assert passes.begins
    with pytest.raises(ValueError, match="8448"):
        passes.begins(table, b"abcd", start, 4)
