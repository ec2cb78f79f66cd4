from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.errors import MeterError
from stopper.meter.text import Parts, decode_body, encode_body, kind_of, label, objects

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def text_of(value: Any) -> int:
    """The bytes of every key and text in `value`, one by one."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return sum(text_of(key) + text_of(inner) for key, inner in value.items())
    return sum(map(text_of, value)) if isinstance(value, list) else 0


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_no_text_goes_uncounted(body: dict[str, Any]) -> None:
    """The measure of a body is never less than all of its texts together."""
    assert Parts().text_bytes(encode_body(body)) >= text_of(body)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.text(min_size=1))
def test_more_text_counts_more(body: dict[str, Any], text: str) -> None:
    """Whatever is added makes the measure grow by at least as much."""
    more = {"key": [body, text]}
    assert Parts().text_bytes(encode_body(more)) >= Parts().text_bytes(encode_body(body)) + len(
        text.encode()
    )


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_round_trip(body: dict[str, Any]) -> None:
    """What is encoded reads as it was."""
    assert decode_body(encode_body(body)) == msgspec.json.decode(msgspec.json.encode(body))


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Bytes are an object or a fault, and nothing else."""
    try:
        body = decode_body(data)
    except MeterError:
        return
    assert isinstance(body, dict)


def test_too_deep_to_encode() -> None:
    """Nesting that the stack cannot hold is a fault."""
    body: dict[str, Any] = {}
    for _ in range(100_000):
        body = {"a": body}
    with pytest.raises(MeterError):
        encode_body(body)


LABELS = {
    "web_search_20250305": "web_search_20250305",
    "a b": "unnamed",
    "": "unnamed",
    "x" * 65: "unnamed",
    "line\n": "unnamed",
    "{detail}": "unnamed",
}


@pytest.mark.parametrize(("value", "expected"), LABELS.items())
def test_label(value: str, expected: str) -> None:
    """A caller's word stands in a message only where it is short and plain."""
    assert label(value) == expected


KINDS = {
    # what stands there     what it is read as, None for a fault
    "nothing":              ({}, ""),
    "null":                 ({"type": None}, ""),
    "text":                 ({"type": "image"}, "image"),
    "a list":               ({"type": ["image"]}, None),
    "an object":            ({"type": {}}, None),
    "a number":             ({"type": 0}, None),
}  # fmt: skip


@pytest.mark.parametrize(("holder", "expected"), KINDS.values(), ids=KINDS)
def test_kind(holder: dict[str, Any], expected: str | None) -> None:
    """A type is a text."""
    if expected is None:
        with pytest.raises(MeterError):
            kind_of(holder)
    else:
        assert kind_of(holder) == expected


def test_names_have_an_end() -> None:
    """A refusal names the first few things, each once."""
    parts = Parts()
    for name in ["b", "a", "b", "c", "d", "e"]:
        parts.name(name)
    assert parts.unbounded == "b, a, c, d"


OBJECTS = {
    # what stands there     what it is read as, None for a fault
    "nothing":              ({}, []),
    "null":                 ({"x": None}, []),
    "objects":              ({"x": [{}, {"a": 1}]}, [{}, {"a": 1}]),
    "text":                 ({"x": "text"}, []),
    "an object":            ({"x": {}}, None),
    "a list of texts":      ({"x": ["a"]}, None),
    "a number":             ({"x": 0}, None),
}  # fmt: skip


@pytest.mark.parametrize(("holder", "expected"), OBJECTS.values(), ids=OBJECTS)
def test_objects(holder: dict[str, Any], expected: list[dict[str, Any]] | None) -> None:
    """A list of objects, or text where text may stand; anything else is a fault."""
    if expected is None:
        with pytest.raises(MeterError):
            objects(holder, "x", str)
    else:
        assert objects(holder, "x", str) == expected
