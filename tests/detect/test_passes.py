"""What is compiled gives what Python gives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect import passes
from stopper.detect.passes import runs, runs_in_python, unescaped, unescaped_in_python

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
