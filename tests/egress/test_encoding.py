"""Content codings come off as they stream, and bombs do not go off."""

import gzip
import zlib

import brotli
import pytest
import zstandard

from stopper.egress.encoding import MAX_GROWTH_BYTES, Decoder, undone
from stopper.errors import MeterError

TEXT = b'data: {"delta": "some words, and some more of them"}\n\n' * 50
CODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstandard.compress(TEXT),
}


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("encoding", CODED)
def test_every_split_gives_the_text(encoding: str, size: int) -> None:
    decoder = Decoder.of(encoding)
    assert decoder is not None
    coded = CODED[encoding]
    parts = [decoder.feed(coded[at : at + size]) for at in range(0, len(coded), size)]
    assert b"".join(parts) == TEXT


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_plain_bytes_need_no_decoder(encoding: str) -> None:
    assert Decoder.of(encoding) is None


@pytest.mark.parametrize("encoding", ["compress", "gzip, br", "x" * 100])
def test_an_unknown_coding_is_refused(encoding: str) -> None:
    with pytest.raises(MeterError):
        Decoder.of(encoding)


@pytest.mark.parametrize("encoding", CODED)
def test_what_does_not_follow_its_coding_is_refused(encoding: str) -> None:
    decoder = Decoder.of(encoding)
    assert decoder is not None
    with pytest.raises(MeterError):
        decoder.feed(b"\xff\x00 not compressed at all" * 9)


@pytest.mark.parametrize("encoding", CODED)
def test_a_whole_body_ends_where_its_coding_does(encoding: str) -> None:
    assert undone(f"identity, {encoding}", CODED[encoding]) == TEXT
    for more in (b"x", CODED[encoding]):
        with pytest.raises(MeterError):
            undone(encoding, CODED[encoding] + more)


BOMB = bytes(MAX_GROWTH_BYTES + 2**20)


@pytest.mark.parametrize(
    ("encoding", "coded"),
    [
        ("gzip", gzip.compress(BOMB)),
        ("br", brotli.compress(BOMB, quality=1)),
        ("zstd", zstandard.compress(BOMB)),
    ],
    ids=["gzip", "br", "zstd"],
)
def test_a_bomb_is_refused(encoding: str, coded: bytes) -> None:
    decoder = Decoder.of(encoding)
    assert decoder is not None
    with pytest.raises(MeterError):
        decoder.feed(coded)
