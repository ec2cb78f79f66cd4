import pytest

from stopper.errors import MeterError
from stopper.meter.ndjson import Line, LineSplitter
from stopper.meter.wire import MAX_EVENT_BYTES

LINES = {
    # what comes                   bytes                lines, what is left at the end
    "two lines":                  (b'{"a":1}\n{}\n',    [b'{"a":1}\n', b"{}\n"], None),
    "carriage returns":           (b"{}\r\n{}\r\n",     [b"{}\r\n", b"{}\r\n"], None),
    "a return that ends no line": (b"{}\r{}\n",         [b"{}\r{}\n"], None),
    "a blank line":               (b"{}\n\n",           [b"{}\n", b"\n"], None),
    "no line feed at the end":    (b"{}\n{}",           [b"{}\n"], b"{}"),
    "nothing":                    (b"",                 [], None),
}  # fmt: skip


@pytest.mark.parametrize(("data", "lines", "left"), LINES.values(), ids=LINES)
def test_lines(data: bytes, lines: list[bytes], left: bytes | None) -> None:
    """Each row is cut into exactly these lines, at once and byte by byte."""
    splitter, slow = LineSplitter(), LineSplitter()
    expected = [Line(line.strip(), line) for line in lines]
    assert splitter.feed(data) == expected
    assert [line for byte in data for line in slow.feed(bytes([byte]))] == expected
    assert splitter.end() == slow.end() == (None if left is None else Line(left, left))
    assert splitter.end() is None


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_without_end(end: bytes) -> None:
    """A line above the bound is refused, whether its end has come or not."""
    splitter = LineSplitter()
    splitter.feed(b" " * MAX_EVENT_BYTES)
    with pytest.raises(MeterError):
        splitter.feed(b" " + end)
