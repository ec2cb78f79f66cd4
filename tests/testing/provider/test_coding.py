import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stopper.testing.provider import Encoding, Script
from stopper.testing.provider.ask import RequestError
from stopper.testing.provider.coding import MAX_BODY_BYTES, Coder, chosen, unpack

READERS: dict[Encoding, Callable[[], Callable[[bytes], bytes]]] = {
    Encoding.GZIP: lambda: zlib.decompressobj(wbits=31).decompress,
    Encoding.DEFLATE: lambda: zlib.decompressobj().decompress,
    Encoding.BR: lambda: brotli.Decompressor().process,
    Encoding.ZSTD: lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
}


@pytest.mark.parametrize("encoding", Encoding)
@given(events=st.lists(st.binary(min_size=1), max_size=5))
def test_events_can_be_read_at_once(encoding: Encoding, events: list[bytes]) -> None:
    """Nothing is held back from one event to the next, and the end adds nothing."""
    coder, read = Coder(encoding), READERS[encoding]()
    assert [read(coder.feed(event)) for event in events] == events
    assert read(coder.end()) == b""


@pytest.mark.parametrize("encoding", Encoding)
@given(body=st.binary())
def test_bodies_unpack(encoding: Encoding, body: bytes) -> None:
    """What one side packs the other unpacks."""
    coder = Coder(encoding)
    assert unpack(coder.feed(body) + coder.end(), encoding) == body


@pytest.mark.parametrize("encoding", Encoding)
def test_bombs_are_refused(encoding: Encoding) -> None:
    """A small body that grows past the bound is refused, as is one that is no such body."""
    coder = Coder(encoding)
    bomb = coder.feed(bytes(MAX_BODY_BYTES + 1)) + coder.end()
    for body in (bomb, b"no such thing"):
        with pytest.raises(RequestError, match="content-encoding"):
            unpack(body, encoding)


def test_unknown_codings_are_refused() -> None:
    """A body in a coding that nobody knows is not taken for text."""
    assert unpack(b"{}", "") == b"{}"
    with pytest.raises(RequestError, match="compress"):
        unpack(b"{}", "compress")


ACCEPTED = {
    # what the client says          accepted                    coded
    "all of them":                  ("gzip, deflate, br, zstd", True),
    "this one alone":               ("br", True),
    "with a weight":                ("gzip;q=0.1, br;q=0.5", True),
    "anything":                     ("*", True),
    "in capitals":                  ("BR", True),
    "others":                       ("gzip, zstd", False),
    "not this one":                 ("gzip, br;q=0", False),
    "nothing":                      ("", False),
}  # fmt: skip


@pytest.mark.parametrize(("accepted", "coded"), ACCEPTED.values(), ids=ACCEPTED)
def test_chosen(accepted: str, coded: bool) -> None:
    """A coding is used where the client accepts it, or always when forced."""
    script = Script(encoding=Encoding.BR)
    assert chosen(script, accepted) == (Encoding.BR if coded else None)
    assert chosen(Script(encoding=Encoding.BR, force_encoding=True), accepted) is Encoding.BR
    assert chosen(Script(), accepted) is None
