"""Compressed bytes, recognised and made plain, up to a limit."""

import bz2
import lzma
import zlib
from collections.abc import Iterator
from struct import unpack_from
from typing import Final

import brotli
import zstandard

__all__ = [
    "MAGICS",
    "MIN_HEADERLESS",
    "Inflated",
    "TooBig",
    "compressed",
    "headerless",
    "is_packed",
    "may_be_packed",
]

_Buffer = bytes | memoryview
Inflated = tuple[str, int, int, bytes]
"""Name of the coding, where the compressed bytes start and end, and what is in them."""

_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZLIB: Final = tuple(bytes([0x78, flags]) for flags in (0x01, 0x5E, 0x9C, 0xDA))
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\0"
_ZIP: Final = b"PK\x03\x04"
MAGICS: Final = (*_ZLIB, _GZIP, _ZSTD, _BZIP2, _XZ)
"""What compressed bytes may begin with, but for archives."""

_ZIP_HEADER: Final = 30
_DEFLATED: Final = 8
_XZ_MEMORY: Final = 2**26
_ZSTD_STEP: Final = 256
_MAX_WINDOW: Final = 2**23
_MIN_BYTES: Final = 8
MIN_HEADERLESS: Final = 24
_MAX_STREAMS: Final = 64


class TooBig(Exception):  # noqa: N818  it is an answer, not an error
    """What comes out is larger than the limit, or there are too many streams to try."""


def compressed(data: bytes, limit: int) -> Iterator[Inflated]:
    """Every stream in `data` that a magic marks, and zlib at its start; raises TooBig past `limit`.

    A stream that breaks off gives what it has. 64 streams of a kind are tried.
    """
    view = memoryview(data)
    for name, magic, inflate in _MARKED if is_packed(data) else ():
        start, tried = data.find(magic), 0
        while start >= 0:
            tried += 1
            if tried > _MAX_STREAMS:
                raise TooBig
            plain, used = inflate(view[start:], limit)
            if plain:
                yield name, start, start + used, plain
            start = data.find(magic, start + (used if plain else len(magic)))
    if data.startswith(_ZLIB):
        plain, used = _zlib(view, limit, zlib.MAX_WBITS)
        if plain:
            yield "deflate", 0, used, plain


def may_be_packed(data: bytes) -> bool:
    """Whether `compressed` or `headerless` have anything to try in `data`, which is not text."""
    return len(data) >= MIN_HEADERLESS or data.startswith(_ZLIB) or is_packed(data)


def is_packed(data: bytes) -> bool:
    """Whether the magic of a compressed stream stands anywhere in `data`."""
    return _GZIP in data or _ZSTD in data or _BZIP2 in data or _XZ in data or _ZIP in data


def headerless(data: bytes, limit: int) -> Iterator[Inflated]:
    """`data` as one whole brotli or raw deflate stream, which nothing marks as such."""
    if len(data) < _MIN_BYTES:
        return
    for name, inflate in (("deflate", _deflate), ("br", _brotli)):
        plain, used = inflate(data, limit)
        if plain and len(data) - used <= 3:  # noqa: PLR2004  what base64 was filled up with
            yield name, 0, len(data), plain


def _gunzip(data: _Buffer, limit: int) -> tuple[bytes, int]:
    return _zlib(data, limit, zlib.MAX_WBITS | 16)


def _deflate(data: _Buffer, limit: int) -> tuple[bytes, int]:
    return _zlib(data, limit, -zlib.MAX_WBITS, whole=True)


def _zlib(data: _Buffer, limit: int, window: int, *, whole: bool = False) -> tuple[bytes, int]:
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(data, limit + 1)
    except zlib.error:
        return b"" if whole else _salvaged(data, limit, window), len(data)
    if len(plain) > limit:
        raise TooBig
    if whole and not stream.eof:
        return b"", 0
    return plain, len(data) - len(stream.unused_data)


def _salvaged(data: _Buffer, limit: int, window: int) -> bytes:
    """What comes out of a damaged stream before the damage."""
    stream, plain = zlib.decompressobj(window), bytearray()
    try:
        for start in range(0, len(data), _ZSTD_STEP):
            plain += stream.decompress(data[start : start + _ZSTD_STEP], limit + 1)
            if len(plain) > limit:
                raise TooBig
    except zlib.error:
        pass
    return bytes(plain)


def _unzstd(data: _Buffer, limit: int) -> tuple[bytes, int]:
    stream = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
    plain = bytearray()
    try:
        for start in range(0, len(data), _ZSTD_STEP):
            plain += stream.decompress(data[start : start + _ZSTD_STEP])
            if len(plain) > limit:
                raise TooBig
            if stream.eof:
                return bytes(plain), start + _ZSTD_STEP - len(stream.unused_data)
    except zstandard.ZstdError:
        pass
    return bytes(plain), len(data)


def _bunzip2(data: _Buffer, limit: int) -> tuple[bytes, int]:
    return _streamed(bz2.BZ2Decompressor(), data, limit)


def _unxz(data: _Buffer, limit: int) -> tuple[bytes, int]:
    return _streamed(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), data, limit)


def _streamed(
    stream: bz2.BZ2Decompressor | lzma.LZMADecompressor, data: _Buffer, limit: int
) -> tuple[bytes, int]:
    try:
        plain = stream.decompress(data, limit + 1)
    except (OSError, lzma.LZMAError):
        return b"", 0
    if len(plain) > limit:
        raise TooBig
    return plain, len(data) - len(stream.unused_data)


def _unzip(data: _Buffer, limit: int) -> tuple[bytes, int]:
    """One member of an archive, by its local header (PKWARE's APPNOTE, 4.3.7)."""
    if len(data) < _ZIP_HEADER:
        return b"", len(data)
    (method,) = unpack_from("<H", data, 8)
    name, extra = unpack_from("<HH", data, 26)
    start = _ZIP_HEADER + name + extra
    if method != _DEFLATED or start >= len(data):
        return b"", len(_ZIP)
    plain, used = _zlib(data[start:], limit, -zlib.MAX_WBITS)
    return plain, start + used


def _brotli(data: _Buffer, limit: int) -> tuple[bytes, int]:
    stream = brotli.Decompressor()
    try:
        plain: bytes = stream.process(data, output_buffer_limit=limit + 1)
    except brotli.error:
        return b"", 0
    if len(plain) > limit:
        raise TooBig
    return (plain, len(data)) if stream.is_finished() else (b"", 0)


_MARKED: Final = (
    ("gzip", _GZIP, _gunzip),
    ("zstd", _ZSTD, _unzstd),
    ("bzip2", _BZIP2, _bunzip2),
    ("xz", _XZ, _unxz),
    ("zip", _ZIP, _unzip),
)
