"""Content codings undone as they stream: a meter reads plain bytes, whatever the provider sends."""

import zlib
from typing import Final, Protocol

import brotli
import zstandard

from stopper.errors import MeterError

__all__ = ["MAX_GROWTH_BYTES", "Decoder", "undone"]

MAX_GROWTH_BYTES: Final = 64 * 2**20
"""The most that one read from the network may grow to."""

MAX_CODINGS: Final = 4
_FRAMED: Final = "aws-chunked"
"""Signatures between pieces of the body, which stands there as it is."""

_ZSTD_BYTES: Final = 256
"""Taken at a time, since zstd alone has no limit for what comes out: 4 bytes may be 128 KiB."""


class _Stream(Protocol):
    def __call__(self, data: bytes) -> bytes: ...


class _Ending(Protocol):
    @property
    def unused_data(self) -> bytes: ...


class Decoder:
    """Undoes one coding; raises MeterError where the bytes do not follow it or grow too much."""

    def __init__(self, stream: _Stream, ending: _Ending | None = None) -> None:
        self._stream = stream
        self._ending = ending  # brotli takes nothing behind its end

    @property
    def has_more(self) -> bool:
        """Whether something stood behind the end of the compressed stream, which is left out."""
        return self._ending is not None and bool(self._ending.unused_data)

    @classmethod
    def of(cls, encoding: str) -> "Decoder | None":
        """The decoder for a Content-Encoding; None for identity, MeterError for an unknown one."""
        match encoding:
            case "" | "identity":
                return None
            case "gzip" | "x-gzip":
                return cls(*_zlib(zlib.MAX_WBITS | 16))
            case "deflate":
                return cls(*_zlib(zlib.MAX_WBITS))
            case "br":
                return cls(_brotli())
            case "zstd":
                return cls(*_zstd())
            case _:
                raise MeterError(f"the reply's coding {encoding[:40]!r} is unknown")

    def feed(self, data: bytes) -> bytes:
        """The plain bytes that `data` completes."""
        try:
            return self._stream(data)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise MeterError("the reply does not follow its own content coding") from error


def undone(encoding: str, body: bytes) -> bytes:
    """A whole body without the codings that a Content-Encoding names; MeterError as in `Decoder`.

    So it is where something stands behind the end of a compressed stream: who reads it there may
    take it for a part of the body or not.
    """
    codings = encoding.lower().split(",")
    if len(codings) > MAX_CODINGS:
        raise MeterError(f"more than {MAX_CODINGS} codings")
    for coding in reversed(codings):
        decoder = None if coding.strip() == _FRAMED else Decoder.of(coding.strip())
        body = decoder.feed(body) if decoder else body
        if decoder and decoder.has_more:
            raise MeterError("the body goes on behind the end of its content coding")
    return body


def _zlib(window: int) -> tuple[_Stream, _Ending]:
    inflate = zlib.decompressobj(window)

    def stream(data: bytes) -> bytes:
        out = inflate.decompress(data, MAX_GROWTH_BYTES)
        if inflate.unconsumed_tail:
            raise MeterError(f"the reply grows past {MAX_GROWTH_BYTES} bytes at once")
        return out

    return stream, inflate


def _brotli() -> _Stream:
    inflate = brotli.Decompressor()

    def stream(data: bytes) -> bytes:
        out: bytes = inflate.process(data, output_buffer_limit=MAX_GROWTH_BYTES)
        if len(out) > MAX_GROWTH_BYTES or not inflate.can_accept_more_data():
            raise MeterError(f"the reply grows past {MAX_GROWTH_BYTES} bytes at once")
        return out

    return stream


def _zstd() -> tuple[_Stream, _Ending]:
    inflate = zstandard.ZstdDecompressor(max_window_size=MAX_GROWTH_BYTES).decompressobj()

    def stream(data: bytes) -> bytes:
        out = bytearray()
        for start in range(0, len(data), _ZSTD_BYTES):
            out += inflate.decompress(data[start : start + _ZSTD_BYTES])
            if len(out) > MAX_GROWTH_BYTES:
                raise MeterError(f"the reply grows past {MAX_GROWTH_BYTES} bytes at once")
        return bytes(out)

    return stream, inflate
