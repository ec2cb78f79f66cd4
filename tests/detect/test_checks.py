import zlib
from base64 import b32encode, b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest

from stopper.detect.checks import CHECKS, aws_account, entropy, luhn
from stopper.detect.rules import fill

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
JSON = b'{"o":"1"}'
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def _based(number: int, alphabet: str, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        digits = alphabet[digit] + digits
    return digits


def _github() -> str:
    body = fill("{alnum:30}")
    return f"ghp_{body}{_based(zlib.crc32(body.encode()), BASE62, 6)}"


def _atlassian() -> str:
    signed = fill("ATATT3{url:180}=")
    return f"{signed}{zlib.crc32(signed.encode()):08X}"


def _grafana() -> str:
    signed = fill("glsa_{alnum:32}")
    return f"{signed}_{zlib.crc32(signed.encode()).to_bytes(4, 'little').hex()}"


def _gitlab() -> str:
    signed = fill("glpat-{url:27}.01.{b36:2}")
    return f"{signed}{_based(zlib.crc32(signed.encode()), BASE36, 7)}"


def _bitcoin() -> str:
    payload = b"\x80" + bytes(range(32)) + b"\x01"
    signed = payload + sha256(sha256(payload).digest()).digest()[:4]
    return _based(int.from_bytes(signed, "big"), BASE58, 52)


def _nats() -> str:
    seed = b"\x90\xa0" + bytes(range(32))
    crc = 0
    for byte in seed:  # CRC-16/XMODEM, bit by bit
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return b32encode(seed + crc.to_bytes(2, "little")).decode().rstrip("=")


def _segment(text: bytes) -> str:
    return urlsafe_b64encode(text).decode().rstrip("=")


def _jwt() -> str:
    header = b'{"alg":"HS256"}'
    return f"{_segment(header)}.{_segment(JSON)}.{fill('{url:43}')}"


CHECKED = {
    # what we try                 check          a value that passes
    "GitHub's checksum":         ("base62_crc",  _github()),
    "Atlassian's checksum":      ("hex_crc",     _atlassian()),
    "Grafana's checksum":        ("grafana_crc", _grafana()),
    "GitLab's checksum":         ("gitlab_crc",  _gitlab()),
    "a NATS seed":               ("nkey_crc",    _nats()),
    "Bitcoin's checksum":        ("base58_sum",  _bitcoin()),
    "a card":                    ("luhn",        "4111 1111 1111 1111"),
    "a JWT":                     ("jwt",         _jwt()),
    "a user and a password":     ("basic",       b64encode(b"alice:wonderland").decode()),
    "a bot's number":            ("discord",     f"{_segment(b'102345678901234567')}.abc.def"),
    "JSON behind a prefix":      ("base64_json", f"glc_{_segment(JSON)}"),
    "a reference token":         ("jfrog",       b64encode(b"reftkn:01:0000000000:abcdefgh").decode()),
}  # fmt: skip


@pytest.mark.parametrize(("check", "value"), CHECKED.values(), ids=CHECKED)
def test_checks(check: str, value: str) -> None:
    """What is right passes, and stops to pass when a character of it changes."""
    assert CHECKS[check](value.encode())
    if check.endswith(("crc", "sum")) or check == "luhn":
        last = "1" if value[-1] != "1" else "2"
        assert not CHECKS[check](f"{value[:-1]}{last}".encode())


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    "value", [b"", b"_", b".", b"=", b"\xff" * 40, b"a" * 5000, b"ey.ey.", b"1"]
)
def test_no_value_breaks_a_check(check: str, value: bytes) -> None:
    """Whatever a rule may match, a check has an answer."""
    assert CHECKS[check](value) in {True, False}


def test_aws_account() -> None:
    """The account is in the key's own letters."""
    number = (123_456_789_012 << 7) & 0x7FFF_FFFF_FF80
    body = b32encode(number.to_bytes(6, "big") + bytes(4)).decode()
    assert aws_account(f"AKIA{body}".encode()) == "123456789012"
    assert aws_account(b"AKIA!") is None


def test_entropy() -> None:
    """Two equally frequent bytes are one bit; one byte is none."""
    assert entropy(b"abab") == 1
    assert entropy(b"aaaa") == 0


def test_luhn_needs_digits() -> None:
    """A single digit, or none, is no card."""
    assert not luhn(b"0")
    assert not luhn(b"")
