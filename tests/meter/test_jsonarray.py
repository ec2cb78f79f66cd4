import pytest

from stopper.errors import MeterError
from stopper.meter.jsonarray import ArraySplitter, Element
from stopper.meter.wire import MAX_EVENT_BYTES

ARRAYS = {
    # what comes                      bytes                               elements with what stands before them
    "one after the other":           (b'[{"a":1}\n,\r\n{"b":2}\n]',       [(b"[", b'{"a":1}'), (b"\n,\r\n", b'{"b":2}'), (b"\n]", b"")]),
    "brackets inside text":          (b'[{"a":"]}[{,"},{"b":"\\"}"}]',    [(b"[", b'{"a":"]}[{,"}'), (b",", b'{"b":"\\"}"}'), (b"]", b"")]),
    "a backslash before the quote":  (b'[{"a":"\\\\"},{}]',               [(b"[", b'{"a":"\\\\"}'), (b",", b"{}"), (b"]", b"")]),
    "objects within objects":        (b'[{"a":[{"b":[]}]}]',              [(b"[", b'{"a":[{"b":[]}]}'), (b"]", b"")]),
    "no elements":                   (b"[]",                              [(b"[]", b"")]),
    "blanks around":                 (b" [ ] \n",                         [(b" [ ]", b""), (b" \n", b"")]),
    "an object in its place":        (b'{"error":{"a":[1]}}',             [(b"", b'{"error":{"a":[1]}}')]),
    "nothing":                       (b"",                                []),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), ARRAYS.values(), ids=ARRAYS)
def test_elements(data: bytes, expected: list[tuple[bytes, bytes]]) -> None:
    """Each row is cut into exactly these elements, at once and byte by byte."""
    elements = [Element(own, before + own) for before, own in expected]
    splitter, slow = ArraySplitter(), ArraySplitter()
    assert [*splitter.feed(data), *filter(None, [splitter.end()])] == elements
    found = [element for byte in data for element in slow.feed(bytes([byte]))]
    assert [*found, *filter(None, [slow.end()])] == elements


FAULTS = {
    "an element that is text":       b'["a",{}]',
    "an element that is a number":   b"[1,{}]",
    "an element that is an array":   b"[[{}]]",
    "a number at the end":           b"[{},1]",
    "two arrays":                    b"[{}][{}]",
    "text after the array":          b'[{}]"a"',
    "two objects":                   b"{}{}",
    "words":                         b"upstream connect error",
    "an end without a beginning":    b"]",
    "no end":                        b"[{}",
    "half an element":               b'[{"a":',
    "half a text":                   b'[{"a',
    "server-sent events":            b"data: {}\n\n",
}  # fmt: skip


@pytest.mark.parametrize("data", FAULTS.values(), ids=FAULTS)
def test_fault(data: bytes) -> None:
    """All but one array of objects is a fault, at its end at the latest."""
    splitter = ArraySplitter()
    with pytest.raises(MeterError):
        _ = splitter.feed(data), splitter.end()


def test_an_element_without_end() -> None:
    """What is held back has a bound."""
    splitter = ArraySplitter()
    splitter.feed(b'[{"a":"' + b"x" * (MAX_EVENT_BYTES - 7))
    with pytest.raises(MeterError):
        splitter.feed(b"x")


CLOSINGS = {
    # what has come      bytes             what makes {} the last element
    "nothing":          (b"",              b"[{}]"),
    "the bracket":      (b"[",             b"[{}]"),
    "half an element":  (b'[{"a"',         b"[{}]"),
    "an element":       (b"[{}",           b",{}]"),
    "and half":         (b'[{},{"a"',      b",{}]"),
    "all of it":        (b"[{}]",          b""),
    "half an object":   (b'{"a"',          b"{}"),
    "an object":        (b"{}",            b""),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), CLOSINGS.values(), ids=CLOSINGS)
def test_closing(data: bytes, expected: bytes) -> None:
    """After what was given out, the closing bytes make one array again."""
    splitter = ArraySplitter()
    splitter.feed(data)
    assert splitter.closing(b"{}") == expected
