"""Compressed bytes, recognised and made plain, up to a limit."""

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
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
    "zipped",
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
_ANY_MAGIC = re.compile(b"|".join(map(re.escape, (_GZIP, _ZSTD, _BZIP2, _XZ, _ZIP))))
MAGICS: Final = (*_ZLIB, _GZIP, _ZSTD, _BZIP2, _XZ)
"""What compressed bytes may begin with, but for archives."""

_ZIP_HEADER: Final = 30
_NO_KIND: Final = 3
_STORED: Final = 0
_DEFLATED: Final = 8
_XZ_MEMORY: Final = 2**26
_STEP: Final = 256
_ZLIB_STEP: Final = 1024
"""No more is handed over at once: what is left of it behind a stream is copied."""

_MAX_WINDOW: Final = 2**23
_MIN_BYTES: Final = 8
MIN_HEADERLESS: Final = 24
_FEW: Final = 64
_MANY: Final = 16_384
"""Streams of a kind, where one takes a millisecond and where it takes a hundredth of that."""

_MAX_VAIN: Final = 64
"""Magics of a kind that no whole stream follows."""


class TooBig(Exception):  # noqa: N818  it is an answer, not an error
    """What comes out is larger than the limit, or there are too many streams to try."""


def compressed(
    data: bytes, limit: int, is_late: Callable[[], bool] = lambda: False
) -> Iterator[Inflated]:
    """Every stream in `data` that a magic marks, and zlib at its start; raises TooBig past `limit`.

    A stream that breaks off gives what it has, and hides none behind it. All of them together have
    at most `limit` bytes. Where it `is_late`, which is asked before each, there are no more.
    """
    view = memoryview(data)
    for name, magic, inflate, most in _MARKED if is_packed(data) else ():
        start, tried, vain = data.find(magic), 0, 0
        while start >= 0:
            if is_late():
                return
            plain, used = inflate(view[start:], limit)
            tried += 1
            vain += not used
            if tried > most or vain > _MAX_VAIN:
                raise TooBig
            if plain:
                limit -= len(plain)
                yield name, start, start + used if used else len(data), plain
            start = data.find(magic, start + (used or len(magic)))
    yield from zipped(data, limit)


def zipped(data: bytes, limit: int) -> Iterator[Inflated]:
    """The zlib that `data` begins with, if any, as `compressed` gives it."""
    if data.startswith(_ZLIB):
        plain, used = _zlib(data, limit, zlib.MAX_WBITS)
        if plain:
            yield "deflate", 0, used or len(data), plain


def may_be_packed(data: bytes) -> bool:
    """Whether `compressed` or `headerless` have anything to try in `data`, which is not text."""
    return len(data) >= MIN_HEADERLESS or data.startswith(_ZLIB) or is_packed(data)


def is_packed(data: bytes) -> bool:
    """Whether the magic of a compressed stream stands anywhere in `data`."""
    return _ANY_MAGIC.search(data) is not None


def headerless(data: bytes, limit: int) -> Iterator[Inflated]:
    """`data` as one whole brotli or raw deflate stream, which nothing marks as such."""
    if len(data) < _MIN_BYTES:
        return
    for name, inflate in _HEADERLESS if _may_be_deflate(data) else _HEADERLESS[1:]:
        plain, used = inflate(data, limit)
        if plain and len(data) - used <= 3:  # noqa: PLR2004  what base64 was filled up with
            yield name, 0, len(data), plain


def _may_be_deflate(data: bytes) -> bool:
    """Whether it begins with a block of a kind that there is, by RFC 1951, 3.2.3 and 3.2.4."""
    kind = data[0] >> 1 & 3
    if kind == _NO_KIND:
        return False
    length, complement = unpack_from("<HH", data, 1)
    return kind != _STORED or length ^ complement == 0xFFFF  # noqa: PLR2004  all bits


def _gunzip(data: _Buffer, limit: int) -> tuple[bytes, int]:
    return _zlib(data, limit, zlib.MAX_WBITS | 16)


def _deflate(data: _Buffer, limit: int) -> tuple[bytes, int]:
    return _zlib(data, limit, -zlib.MAX_WBITS, whole=True)


def _zlib(data: _Buffer, limit: int, window: int, *, whole: bool = False) -> tuple[bytes, int]:
    """What is in a stream and how long it is: of no length if it has no end."""
    stream, plain, fed = zlib.decompressobj(window), bytearray(), 0
    try:
        while fed < len(data) and not stream.eof:
            plain += stream.decompress(data[fed : fed + _ZLIB_STEP], limit + 1 - len(plain))
            fed += _ZLIB_STEP
            if len(plain) > limit:
                raise TooBig
    except zlib.error:
        return b"" if whole else _salvaged(data, limit, window), 0
    if not stream.eof:
        return b"" if whole else bytes(plain), 0
    return bytes(plain), min(fed, len(data)) - len(stream.unused_data)


def _salvaged(data: _Buffer, limit: int, window: int) -> bytes:
    """What comes out of a damaged stream before the damage."""
    stream, plain = zlib.decompressobj(window), bytearray()
    try:
        for start in range(0, len(data), _STEP):
            plain += stream.decompress(data[start : start + _STEP], limit + 1)
            if len(plain) > limit:
                raise TooBig
    except zlib.error:
        pass
    return bytes(plain)


def _unzstd(data: _Buffer, limit: int) -> tuple[bytes, int]:
    stream = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
    plain = bytearray()
    try:
        for start in range(0, len(data), _STEP):
            plain += stream.decompress(data[start : start + _STEP])
            if len(plain) > limit:
                raise TooBig
            if stream.eof:
                return bytes(plain), min(start + _STEP, len(data)) - len(stream.unused_data)
    except zstandard.ZstdError:
        pass
    return bytes(plain), 0


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
    if not stream.eof:
        return plain, 0
    return plain, len(data) - len(stream.unused_data)


def _unzip(data: _Buffer, limit: int) -> tuple[bytes, int]:
    """One member of an archive, by its local header (PKWARE's APPNOTE, 4.3.7).

    What is stored as it is needs no unpacking; it may have members of its own.
    """
    if len(data) < _ZIP_HEADER:
        return b"", 0
    (method,) = unpack_from("<H", data, 8)
    name, extra = unpack_from("<HH", data, 26)
    start = _ZIP_HEADER + name + extra
    if method == _STORED:
        return b"", len(_ZIP)
    if method != _DEFLATED:
        return b"", 0
    plain, used = _zlib(data[start:], limit, -zlib.MAX_WBITS)
    return plain, start + used if used else 0


def _brotli(data: _Buffer, limit: int) -> tuple[bytes, int]:
    stream = brotli.Decompressor()
    try:
        plain: bytes = stream.process(data, output_buffer_limit=limit + 1)
    except brotli.error:
        return b"", 0
    if len(plain) > limit:
        raise TooBig
    return (plain, len(data)) if stream.is_finished() else (b"", 0)


_HEADERLESS: Final = (("deflate", _deflate), ("br", _brotli))
_MARKED: Final = (
    ("gzip", _GZIP, _gunzip, _MANY),
    ("zstd", _ZSTD, _unzstd, _FEW),
    ("bzip2", _BZIP2, _bunzip2, _FEW),
    ("xz", _XZ, _unxz, _FEW),
    ("zip", _ZIP, _unzip, _MANY),
)
