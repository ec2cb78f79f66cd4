import zlib
from base64 import b32encode, b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest

from stopper.detect.checks import CHECKS, NEEDS, aws_account, entropy, luhn
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


NEEDED = {
    # what we try                 need          value                               whether it is met
    "a generated key":           ("random",     fill("{alnum:31}7"),                 True),
    "a hash, where it counts":   ("random",     fill("{hex:32}"),                    True),
    "letters whose case jumps":  ("key",        "VhSPwHxFgxGIngInlkMSGYogyZHF",      True),
    "a name in camel case":      ("random",     "getUserNameFromAccessToken",        False),
    "a class with a number":     ("key",        "Ed25519PrivateKey",                 False),
    "a private class":           ("key",        "_BedrockSigV4Auth",                 False),
    "an upper-case constant":    ("random",     "_X509_SUBJECT_TOKEN_TYPE",          False),
    "a name with a year":        ("random",     "wildcard-tls-cert-2024",            False),
    "a name with a date":        ("random",     "oauth-2025-04-20",                  False),
    "an attribute":              ("key",        "settings.api.KEY2",                 False),
    "a call":                    ("key",        "get_api_key(1)",                    False),
    "an expansion":              ("password",   "${DB_PASSWORD1}",                   False),
    "a YAML tag":                ("password",   "!vault",                            False),
    "a path":                    ("key",        "/run/secrets/api-key1",             False),
    "a placeholder":             ("key",        "your-api-key-123",                  False),
    "a row of letters":          ("random",     "abcdefghijklmnop1",                 False),
    "a .NET assembly's key":     ("random",     "31bf3856ad364e35",                  False),
    "a certificate":             ("random",     f"LS0tLS1CRUdJTiBDRVJU{fill('{b64:40}')}", False),
    "an integrity hash":         ("random",     f"sha512-{fill('{b64:86}')}==",      False),
    "a cipher's name":           ("random",     "EXO2-HMAC-SHA256",                  False),
    "a person's password":       ("password",   "Summer2024!",                       True),
    "words with a number":       ("password",   "correct-horse-battery-staple-7",    True),
    "a password of letters":     ("password",   "required",                          False),
    "a word with an accent":     ("password",   "Contraseña",                        False),
    "a hash is not mixed":       ("mixed",      fill("{hex:40}"),                    False),
    "a generated key is mixed":  ("mixed",      fill("{b36:32}"),                    True),
    "words are not mixed":       ("mixed",      "issue39579_dotted_name_offset",     False),
    "a card":                    ("card",       "5555 5555 5555 4444",               True),
    "a number that counts":      ("card",       "6543210123456788",                  False),
    "a number of zeros":         ("card",       "2238000000000000",                  False),
    "Basic, and decodes":        ("credentials", "YWxpY2U6d29uZGVybGFuZA==",          True),
    "Basic, and does not":       ("credentials", fill("{b64:29}7"),                   True),
    "Basic, and a word":         ("credentials", "authentication",                    False),
    "a password in a URL":       ("url_password", "pa55",                             True),
    "the word itself in a URL":  ("url_password", "PASSWORD",                         False),
    "a made-up name and number": ("random",     "Raven-Copper-0359",                  True),
    "one behind a dot":          ("password",   "Kestrel4131.quartz",                 True),
    "a constant with a number":  ("random",     "OAUTH2CLIENT_EXTRA_DEPENDENCIES",   False),
    "a class of a standard":     ("key",        "OAuth2Error",                       False),
    "a named argument":          ("key",        "minimum_port=8080",                 False),
    "a name in camel case, short": ("key",      "runsCountPerDag",                   False),
    "code points of one block":  ("card",       "5352 5354 5353 5351",               False),
    "one group four times":      ("card",       "4242 4242 4242 4242",               True),
    "the word itself, encoded":  ("basic",      b64encode(b"username:password").decode(), False),
    "a year behind a name":      ("random",     "Wildcard-Config-2024",               False),
    "an attribute with digits":  ("password",   "Sha256.digest",                      False),
    "a template in a URL":       ("url_password", "{password}",                       False),
    "letters at random":         ("password",   "jTkvayKiWhtc",                      True),
    "two words and a number":    ("password",   "ember.cobalt292",                   True),
    "an attribute with a size":  ("password",   "hashes.sha512",                     False),
    "a version":                 ("password",   "2024.10.1-beta3",                   False),
    "a type of GraphQL":         ("password",   "String!):",                         False),
    "an address of Ethereum":    ("random",     f"0x{fill('{hex:40}')}",             False),
    "what was sealed":           ("password",   f"AgB{fill('{b64:240}')}",           False),
    "small, capital, digit":     ("strong",     "Vr4fLLAFx",                         True),
    "small, digit, sign":        ("strong",     "hunter2!",                          True),
    "small and digit alone":     ("strong",     "hunter2-x",                         False),
    "a header":                  ("header",     "-----BEGIN PRIVATE KEY-----",       True),
    "a header and its end":      ("header",     "-----BEGIN PRIVATE KEY----- ... -----END PRIVATE KEY-----", False),
    "a header in code":          ("header",     '-----BEGIN PRIVATE KEY-----")',     False),
}  # fmt: skip


@pytest.mark.parametrize(("need", "value", "met"), NEEDED.values(), ids=NEEDED)
def test_needs(need: str, value: str, *, met: bool) -> None:
    """What a generic rule takes for a secret, and what it does not."""
    assert NEEDS[need](value.encode()) is met


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
