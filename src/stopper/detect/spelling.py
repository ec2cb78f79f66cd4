"""How a secret may be written, and which values can be told from other text at all."""

import math
import re
from base64 import b32encode, b64decode, b64encode
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final
from urllib.parse import quote

__all__ = [
    "MAX_VALUE",
    "MIN_BITS",
    "MIN_VALUE",
    "ROT13",
    "check_value",
    "encoded_variants",
    "spellings",
]

MIN_VALUE: Final = 8
"""Shorter values, in characters, would match by chance."""

MIN_BITS: Final = 20.0
"""Values with less estimated entropy are words and numbers that any text may hold."""

MAX_VALUE: Final = 16_384
"""Longer values, in characters, are refused: a follower holds several times as much."""

_WORD_BITS: Final = 1.5
_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyz"
ROT13: Final = bytes.maketrans(
    _LETTERS + _LETTERS.upper(),
    _LETTERS[13:] + _LETTERS[:13] + _LETTERS[13:].upper() + _LETTERS[:13].upper(),
)
"""A table for `translate`, there and back."""

_MIN_BYTES: Final = 12
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2})+")
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/_-]{4})+(?:[A-Za-z0-9+/_-]{2}==|[A-Za-z0-9+/_-]{3}=)?")


def encoded_variants(secret: str) -> list[str]:
    """The usual spellings of `secret`, itself first, each once.

    Base64 and its url-safe kind with and without padding, base32, hex and percent in both cases,
    JSON and HTML escapes, and reversed.
    """
    raw = secret.encode("utf-8", "surrogatepass")
    standard, small = b64encode(raw).decode(), b32encode(raw).decode()
    units = secret.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    safe = standard.translate({ord("+"): "-", ord("/"): "_"})
    spelled = [
        secret,
        standard, standard.rstrip("="), safe, safe.rstrip("="),
        quote(raw), quote(raw, safe=""), "".join(f"%{byte:02X}" for byte in raw),
        "".join(f"%{byte:02x}" for byte in raw),
        raw.hex(), raw.hex().upper(),
        small, small.rstrip("="),
        "".join(f"\\u{unit}" for unit in units),
        "".join(f"\\x{byte:02x}" for byte in raw),
        "".join(f"&#{ord(char)};" for char in secret),
        secret[::-1],
    ]  # fmt: skip
    return list(dict.fromkeys(spelled))


def spellings(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """What is looked for, with its name; of base64 and base32 only what every context shares."""
    # Where two look the same the last one gives the name.
    yield "percent", quote(raw).encode()
    yield "rot13", raw.translate(ROT13)
    yield "decimal", "".join(map(str, raw)).encode()
    yield "octal", "".join(f"{byte:03o}" for byte in raw).encode()
    yield "base64 of each", b"".join(b64encode(bytes([byte])).rstrip(b"=") for byte in raw)
    yield "reversed", raw[::-1]
    yield "hex, reversed", raw.hex().encode()[::-1]
    yield "hex", raw.hex().encode()
    for shift in range(3):
        aligned = _aligned(b64encode(bytes(shift) + raw), shift, len(raw), 3, 4)
        yield "base64, reversed", aligned[::-1]
        yield "base64", aligned
    for held in _held(raw):
        yield "hex of its bytes", held.hex().encode()
        for shift in range(3):
            aligned = _aligned(b64encode(bytes(shift) + held), shift, len(held), 3, 4)
            yield "base64 of its bytes", aligned
    for shift in range(5):
        yield "base32", _aligned(b32encode(bytes(shift) + raw), shift, len(raw), 5, 8)
    yield "", raw


def _held(raw: bytes) -> Iterator[bytes]:
    """The bytes that a key in hex or base64 stands for."""
    if len(raw) < _MIN_BYTES:
        return
    if _HEX.fullmatch(raw):
        yield bytes.fromhex(raw.decode())
    elif _BASE64.fullmatch(raw):
        yield b64decode(raw, b"-_" if b"-" in raw or b"_" in raw else b"+/")


def _aligned(text: bytes, shift: int, length: int, size: int, chars: int) -> bytes:
    """The part of `text` that depends on the value alone, which `shift` bytes precede."""
    return text[-(-shift * chars // size) : (shift + length) * chars // size]


def check_value(name: str, value: str) -> None:
    """Raise ValueError, by name, for a value that other text may hold by chance."""
    if not MIN_VALUE <= len(value) <= MAX_VALUE:
        raise ValueError(
            f"the value of {name} cannot be watched for: it has {len(value)} characters, and only "
            f"{MIN_VALUE} to {MAX_VALUE} can be told from other text"
        )
    if _bits(value) < MIN_BITS:
        raise ValueError(
            f"the value of {name} cannot be watched for: it is a word or repeats itself, so other "
            "text would hold it too; leave it out or use a random one"
        )


def _bits(value: str) -> float:
    """An estimate of the entropy: of a word by its length, else of its characters."""
    if value.isalpha() and (value.islower() or value.isupper() or value.istitle()):
        most = _WORD_BITS
    else:
        most = math.inf
    counts = Counter(value)
    each = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return min(most, each) * min(len(value), len(set(pairwise(value))) + 1)
