"""Content codings: replies compressed piece by piece, requests unpacked within a bound."""

import zlib
from collections.abc import Callable
from io import BytesIO

import brotli
import zstandard

from stopper.testing.provider.ask import RequestError
from stopper.testing.provider.script import Encoding, Script

__all__ = ["MAX_BODY_BYTES", "Coder", "chosen", "unpack"]

MAX_BODY_BYTES = 64 * 2**20
"""The largest request body, packed or not."""

_GZIP_WINDOW = 31


class Coder:
    """Compresses a stream; what went in can be read at the other end after each `feed`."""

    def __init__(self, encoding: Encoding | None) -> None:
        self._pack, self._flush, self._finish = _CODERS[encoding]()

    def feed(self, data: bytes) -> bytes:
        """Compress an event."""
        return self._pack(data) + self._flush()

    def end(self) -> bytes:
        """What closes the stream."""
        return self._finish()


def chosen(script: Script, accepted: str) -> Encoding | None:
    """The coding that the script asks for, where the client accepts it or must."""
    if script.encoding is None or script.force_encoding:
        return script.encoding
    names = (name.split(";") for name in accepted.lower().replace(" ", "").split(","))
    taken = {name for name, *weight in names if weight not in (["q=0"], ["q=0.0"])}
    return script.encoding if taken & {script.encoding, "*"} else None


def unpack(body: bytes, coding: str) -> bytes:
    """The plain body of a request; raises RequestError where it does not unpack in the bound."""
    if coding in ("", "identity"):
        return body
    unpacker = _UNPACKERS.get(coding)
    if unpacker is None:
        raise RequestError(f"content-encoding: {coding!r} is not supported")
    try:
        plain = unpacker(body)
    except (zlib.error, zstandard.ZstdError, brotli.error, ValueError) as error:
        raise RequestError(f"content-encoding: the body is no valid {coding}: {error}") from None
    if len(plain) > MAX_BODY_BYTES:
        raise RequestError(f"content-encoding: more than {MAX_BODY_BYTES} bytes when unpacked")
    return plain


_Trio = tuple[Callable[[bytes], bytes], Callable[[], bytes], Callable[[], bytes]]


def _plain() -> _Trio:
    return (lambda data: data), bytes, bytes


def _zlib(window: int) -> Callable[[], _Trio]:
    def make() -> _Trio:
        packer = zlib.compressobj(wbits=window)
        return packer.compress, lambda: packer.flush(zlib.Z_SYNC_FLUSH), packer.flush

    return make


def _brotli() -> _Trio:
    packer = brotli.Compressor(quality=4)
    return packer.process, packer.flush, packer.finish


def _zstd() -> _Trio:
    packer = zstandard.ZstdCompressor().compressobj()
    block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    return packer.compress, lambda: packer.flush(block), packer.flush


_CODERS: dict[Encoding | None, Callable[[], _Trio]] = {
    None: _plain,
    Encoding.GZIP: _zlib(_GZIP_WINDOW),
    Encoding.DEFLATE: _zlib(zlib.MAX_WBITS),
    Encoding.BR: _brotli,
    Encoding.ZSTD: _zstd,
}


def _inflate(window: int) -> Callable[[bytes], bytes]:
    def inflate(body: bytes) -> bytes:
        unpacker = zlib.decompressobj(wbits=window)
        plain = unpacker.decompress(body, MAX_BODY_BYTES + 1)
        if not unpacker.eof and len(plain) <= MAX_BODY_BYTES:
            raise ValueError("it ends too early")
        return plain

    return inflate


def _unzstd(body: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(BytesIO(body)) as reader:
        return reader.read(MAX_BODY_BYTES + 1)


def _unbrotli(body: bytes) -> bytes:
    unpacker = brotli.Decompressor()
    plain: bytes = unpacker.process(body, output_buffer_limit=MAX_BODY_BYTES + 1)
    return plain


_UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    Encoding.GZIP: _inflate(_GZIP_WINDOW),
    Encoding.DEFLATE: _inflate(zlib.MAX_WBITS),
    Encoding.BR: _unbrotli,
    Encoding.ZSTD: _unzstd,
}
