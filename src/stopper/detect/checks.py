"""What can be told of a value alone: checksums and structure that make it certain.

A checksum that holds raises the tier of a finding. One that fails means nothing: a vendor may have
changed it, or a character may be mistyped.
"""

import base64
import binascii
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import reduce
from hashlib import sha256
from operator import xor
from typing import Final

__all__ = [
    "CHECKS",
    "DIGITS",
    "ITSELF",
    "NO_DIGITS",
    "WEAK",
    "aws_account",
    "decoded",
    "entropy",
    "luhn",
]

_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE36 = b"0123456789abcdefghijklmnopqrstuvwxyz"
_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32 = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_VALUES = bytes.maketrans(_BECH32, bytes(range(32)))
# What the five bits that leave the residue take off it, together.
_BECH32_STEPS = tuple(
    reduce(xor, (step for bit, step in enumerate(_BECH32_GENERATOR) if top >> bit & 1), 0)
    for top in range(32)
)
_BECH32_LENGTH = 6
_CRC_LENGTH = 6
_HEX_CRC_LENGTH = 8
_GITLAB_CRC_LENGTH = 7
_GLSA_SIGNED = 37
_MAX_JSON = 8192
DIGITS = b"0123456789"
NO_DIGITS = bytes(byte for byte in range(256) if byte not in DIGITS)
_TO_NUMBERS = bytes.maketrans(DIGITS, bytes(range(10)))
_DOUBLED = bytes.maketrans(bytes(range(10)), bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
ITSELF = frozenset(
    b"password passwd pass pwd guest token secret redacted anonymous anoncvs passwort kennwort"
    b" wachtwoord senha contrasena contrase\xc3\xb1a motdepasse mot_de_passe haslo parola clave"
    b" salasana adgangskode".split()
)
"""Words for a password, and what a broker's documentation has for its default user."""

_LOCATION = re.compile(rb"\x02\x01(.)", re.DOTALL)


def aws_account(key_id: bytes) -> str | None:
    """The twelve-digit account that an AWS access key id names; None when it names none.

    It tells one's own accounts from others; nearly every string of the right letters names one.
    """
    body = key_id[4:].decode("latin-1")
    try:
        number = int.from_bytes(base64.b32decode(body)[:6], "big")
    except (binascii.Error, ValueError):
        return None
    account = str((number & 0x7FFF_FFFF_FF80) >> 7).zfill(12)
    return account if len(account) == len("123456789012") else None


def entropy(value: bytes) -> float:
    """Shannon entropy in bits a byte; a value of n different bytes can reach log2(n)."""
    counts = Counter(value).values()
    return math.log2(len(value)) - sum(n * math.log2(n) for n in counts if n > 1) / len(value)


def luhn(digits: bytes) -> bool:
    """Whether the check digit of a card number is right; separators are skipped."""
    bare = digits.translate(_TO_NUMBERS, NO_DIGITS)
    total = sum(bare[-1::-2]) + sum(bare[-2::-2].translate(_DOUBLED))
    return len(bare) > 1 and total % 10 == 0


def _digits(number: int, alphabet: bytes, length: int) -> bytes:
    found = bytearray()
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        found.append(alphabet[digit])
    return bytes(reversed(found))


def _base62_crc(value: bytes) -> bool:
    """GitHub's and npm's: six base62 digits of the CRC32 of what follows the prefix."""
    body = value.partition(b"_")[2]
    if len(body) <= _CRC_LENGTH:
        return False
    crc = zlib.crc32(body[:-_CRC_LENGTH])
    return _digits(crc, _BASE62, _CRC_LENGTH) == body[-_CRC_LENGTH:]


def _hex_crc(value: bytes) -> bool:
    """Atlassian's and Bitbucket's: eight hex digits of the CRC32 of all before them."""
    signed, tail = value[:-_HEX_CRC_LENGTH], value[-_HEX_CRC_LENGTH:]
    return f"{zlib.crc32(signed):08X}".encode() == tail.upper()


def _grafana_crc(value: bytes) -> bool:
    """The CRC32 of prefix and secret, its bytes in little-endian order."""
    crc = zlib.crc32(value[:_GLSA_SIGNED]).to_bytes(4, "little").hex()
    return value[_GLSA_SIGNED + 1 :] == crc.encode()


def _gitlab_crc(value: bytes) -> bool:
    """Seven base36 digits of the CRC32 of all before them, in routable tokens."""
    signed, tail = value[:-_GITLAB_CRC_LENGTH], value[-_GITLAB_CRC_LENGTH:]
    return b"." in signed and _digits(zlib.crc32(signed), _BASE36, _GITLAB_CRC_LENGTH) == tail


def _bech32(value: bytes) -> bool:
    """BIP 173, as age keys have it."""
    prefix, _, data = value.lower().rpartition(b"1")
    if len(data) <= _BECH32_LENGTH or data.translate(None, _BECH32):
        return False
    high, low = [byte >> 5 for byte in prefix], [byte & 31 for byte in prefix]
    residue = 1
    for number in (*high, 0, *low, *data.translate(_BECH32_VALUES)):
        residue = (residue & 0x1FF_FFFF) << 5 ^ number ^ _BECH32_STEPS[residue >> 25]
    return residue == 1


def _base58_sum(value: bytes) -> bool:
    """Bitcoin's: the first four bytes of the doubled SHA-256 of all before them."""
    number = 0
    for byte in value:
        digit = _BASE58.find(byte)
        if digit < 0:
            return False
        number = number * len(_BASE58) + digit
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return sha256(sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def _nkey_crc(value: bytes) -> bool:
    """CRC-16/XMODEM over the decoded bytes, little-endian at their end."""
    try:
        data = base64.b32decode(value + b"=" * (-len(value) % 8))
    except binascii.Error:
        return False
    return binascii.crc_hqx(data[:-2], 0) == int.from_bytes(data[-2:], "little")


def decoded(value: bytes) -> bytes:
    """Base64 of either alphabet, with or without padding; empty when it is none."""
    text = value.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _json(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data[:_MAX_JSON])
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _jwt(value: bytes) -> bool:
    """A header that names its algorithm, before a payload that is JSON."""
    start = value.find(b"ey")
    header, _, rest = value[max(start, 0) :].partition(b".")
    return "alg" in _json(decoded(header)) and bool(rest)


def _basic(value: bytes) -> bool:
    """`user:password` in printable characters."""
    user, colon, password = decoded(value).partition(b":")
    if password.lower() in ITSELF:
        return False
    return bool(colon and user and password) and (user + password).isascii()


def _discord(value: bytes) -> bool:
    """The first part is the bot's number."""
    return decoded(value.partition(b".")[0]).isdigit()


def _base64_json(value: bytes) -> bool:
    """JSON in base64 behind a prefix."""
    start = value.find(b"eyJ")
    return start >= 0 and bool(_json(decoded(re.split(rb"[._]", value[start:])[0])))


def _macaroon(value: bytes) -> bool:
    """PyPI's: a version byte, then a location of the length that stands before it."""
    data = decoded(value.partition(b"-")[2])
    found = _LOCATION.match(data)
    return found is not None and b"." in data[found.end() : found.end() + found[1][0]]


def _jfrog(value: bytes) -> bool:
    """Base58 of which every character is in the alphabet, and base64 that begins with `reftkn:`."""
    if value.startswith(b"cmVmdGtu"):
        return decoded(value).startswith(b"reftkn:")
    return all(byte in _BASE58 for byte in value) and len(value) == len(b"AKCp") + 69


WEAK: Final = frozenset({"luhn"})
"""Checks that one of ten numbers passes."""

CHECKS: Mapping[str, Callable[[bytes], bool]] = {
    "base62_crc": _base62_crc,
    "hex_crc": _hex_crc,
    "grafana_crc": _grafana_crc,
    "gitlab_crc": _gitlab_crc,
    "base58_sum": _base58_sum,
    "bech32": _bech32,
    "nkey_crc": _nkey_crc,
    "luhn": luhn,
    "jwt": _jwt,
    "basic": _basic,
    "discord": _discord,
    "base64_json": _base64_json,
    "macaroon": _macaroon,
    "jfrog": _jfrog,
}
