"""Known values in every spelling, in parts and in any cut; no value comes out again."""

import base64
import gzip
import json
import random
import secrets
import string
from codecs import encode
from itertools import pairwise
from urllib.parse import quote

import msgspec
import pytest

from stopper.detect.decode import decoded_views
from stopper.detect.finding import Finding
from stopper.detect.known import MAX_VALUE, Follower, KnownValues, encoded_variants

KEY = b"a key for tests"
RANDOM = random.Random(11)  # noqa: S311  samples
TOKEN = "".join(RANDOM.choices(string.ascii_letters + string.digits + "-_", k=40))
PASSWORD = "".join(RANDOM.choices(string.ascii_letters + string.digits, k=12))
SYMBOLS = "".join(RANDOM.choices("!$%&()=?*+#;:,.-_", k=14)) + "x7Q"
VALUES = {"API_TOKEN": TOKEN, "DB_PASSWORD": PASSWORD, "SYMBOLS": SYMBOLS}
KNOWN = KnownValues(VALUES, KEY, canaries=["API_TOKEN"])


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def grouped(text: str, size: int, separator: str) -> str:
    return separator.join(text[at : at + size] for at in range(0, len(text), size))


def names(findings: list[Finding]) -> set[str]:
    return {finding.name for finding in findings}


SPELLINGS = {
    "raw": TOKEN,
    "in capitals": TOKEN.upper(),
    "in small letters": TOKEN.lower(),
    "glued to letters": f"abc{TOKEN}xyz",
    "reversed": TOKEN[::-1],
    "base64": b64(TOKEN),
    "base64 after one byte": b64("x" + TOKEN),
    "base64 after two bytes": b64("xy" + TOKEN),
    "base64 without padding": b64("x" + TOKEN).rstrip("="),
    "url-safe base64": base64.urlsafe_b64encode(b"\xff\xfb" + TOKEN.encode()).decode(),
    "wrapped base64": grouped(b64(TOKEN), 9, "\n  "),
    "base32": base64.b32encode(b"abc" + TOKEN.encode()).decode(),
    "hex": TOKEN.encode().hex(),
    "hex in capitals": TOKEN.encode().hex().upper(),
    "hex with colons": TOKEN.encode().hex(":"),
    "percent": "".join(f"%{byte:02X}" for byte in TOKEN.encode()),
    "quoted": quote(TOKEN, safe=""),
    "base64, from its end": b64("x" + TOKEN)[::-1],
    "hex, from its end": TOKEN.encode().hex()[::-1],
    "base64 of each letter": " ".join(map(b64, TOKEN)),
    "rot13": encode(TOKEN, "rot13"),
    "a list of letters": json.dumps(list(TOKEN)),
    "a list of codes": json.dumps(list(TOKEN.encode())),
    "a list of octal codes": " ".join(f"{byte:03o}" for byte in TOKEN.encode()),
    "in a path": f"/a/{b64(TOKEN)}/b",
    "separated by blanks": " ".join(TOKEN),
    "separated by several": grouped(TOKEN, 3, " - / "),
    "separated by NUL": "\0".join(TOKEN),
    "separated by zero-width spaces": "\u200b".join(TOKEN),
    "in two arguments": f'["{TOKEN[:22]}", "{TOKEN[22:]}"]',
    "its first half": TOKEN[:23],
    "its second half": TOKEN[19:],
}
DECODED = {
    "UTF-16 in base64": b64(TOKEN.encode("utf-16-le")),
    "the same, between two bytes": b64(b"x" + TOKEN.encode("utf-16-be")),
    "JSON escapes": "".join(f"\\u{ord(char):04x}" for char in TOKEN),
    "entities": "".join(f"&#{ord(char)};" for char in TOKEN),
    "gzip in base64": b64(gzip.compress(TOKEN.encode())),
    "base64 twice": b64(b64(TOKEN)),
    "fullwidth": "".join(chr(ord(char) + 0xFEE0) for char in TOKEN),
    "quoted-printable": "".join(f"={byte:02X}" for byte in TOKEN.encode()),
    "JSON in JSON": json.dumps(json.dumps({"a": "".join(f"\\u{ord(c):04x}" for c in TOKEN)})),
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("before", ["", "value = ", "\u03b1\u03b2 "])
def test_every_spelling(before: str, spelled: str) -> None:
    text = f"{before}{spelled}. ?!"
    findings = KNOWN.scan(text)
    assert names(findings) == {"API_TOKEN"}
    assert min(finding.start for finding in findings) >= len(before)
    assert max(finding.end for finding in findings) <= len(text) - len(". ?!")
    assert KNOWN.scan(text.encode())
    rest = text
    for finding in reversed(findings):
        rest = rest[: finding.start] + rest[finding.end :]
    assert not KNOWN.scan(rest)


@pytest.mark.parametrize("spelled", DECODED.values(), ids=DECODED)
def test_what_has_to_be_decoded(spelled: str) -> None:
    text = f"see {spelled} end"
    findings = KNOWN.scan(text, decoded_views(text))
    assert names(findings) == {"API_TOKEN"}
    assert findings[0].decoded
    assert findings[0].start >= len("see ")


def test_short_values_and_values_of_symbols() -> None:
    assert names(KNOWN.scan(f"x {PASSWORD} y")) == {"DB_PASSWORD"}
    assert names(KNOWN.scan(f"x {SYMBOLS} y {b64(SYMBOLS)}")) == {"SYMBOLS"}
    assert KNOWN.scan(f"x {PASSWORD[:-1]} y") == []


def test_a_key_is_known_by_the_bytes_that_it_stands_for() -> None:
    key = secrets.token_bytes(24)
    for value, other in ((key.hex(), b64(b"x" + key)), (b64(key), key.hex(":"))):
        known = KnownValues({"KEY": value}, b"a key for tests")
        assert names(known.scan(f"it is {other}.")) == {"KEY"}


def test_rules_tell_canaries_and_parts() -> None:
    assert [finding.rule for finding in KNOWN.scan(TOKEN)] == ["canary"]
    assert [finding.rule for finding in KNOWN.scan(TOKEN[:30])] == ["canary-part"]
    assert [finding.rule for finding in KNOWN.scan(PASSWORD)] == ["known-value"]


def test_a_value_has_one_fingerprint_however_it_is_spelled() -> None:
    raw, hexed = KNOWN.scan(TOKEN), KNOWN.scan(TOKEN.encode().hex())
    assert raw[0].fingerprint == hexed[0].fingerprint
    other = KnownValues(VALUES, b"another key").scan(TOKEN)
    assert other[0].fingerprint != raw[0].fingerprint


def test_ordinary_text_is_clean() -> None:
    text = "The quick brown fox jumps over the lazy dog 0123456789 times. " * 200
    assert KNOWN.scan(text, decoded_views(text)) == []
    assert KNOWN.scan("") == []


TEXT = f"a {TOKEN} b {b64(TOKEN)} c {PASSWORD}{PASSWORD} d {' '.join(TOKEN)} {SYMBOLS} {TOKEN[:25]}".encode()


def parted(places: list[int]) -> list[Finding]:
    follower = Follower(KNOWN)
    bounds = [0, *places, len(TEXT)]
    found = [
        finding for start, end in pairwise(bounds) for finding in follower.feed(TEXT[start:end])
    ]
    return sorted(found + follower.finish(), key=lambda one: (one.start, one.end))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 16, 64, 100])
def test_chunks_of_one_size_find_the_same(size: int) -> None:
    assert parted(list(range(size, len(TEXT), size))) == KNOWN.scan(TEXT)


def test_every_cut_finds_the_same() -> None:
    whole = KNOWN.scan(TEXT)
    assert len(whole) == 7
    for place in range(len(TEXT)):
        assert parted([place]) == whole


def test_a_follower_says_where_a_value_may_have_begun() -> None:
    follower = KNOWN.follow()
    follower.feed(b"clean text ")
    assert follower.open_since is None
    follower.feed(TOKEN[:10].encode())
    assert follower.open_since == len("clean text ")
    follower.feed(b" and something else")
    assert follower.open_since is None


def test_what_a_follower_keeps_is_bounded() -> None:
    follower = KNOWN.follow()
    for _ in range(100):
        follower.feed(b"abcdefghij " * 1000)
    assert all(len(track._tail) <= 8 * len(TOKEN) for track in follower._tracks)


REFUSED = {
    # what it is       value
    "too short":       "aB3$xY7",
    "too long":        TOKEN * (MAX_VALUE // len(TOKEN) + 1),
    "a word":          "production",
    "a title":         "Localhost",
    "one letter":      "a" * 40,
    "two letters":     "ab" * 20,
    "a repetition":    "abc1" * 12,
    "nothing":         "",
}  # fmt: skip


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_values_that_match_everything_are_refused_by_name(value: str) -> None:
    with pytest.raises(ValueError, match="the value of NAME cannot be watched for") as error:
        KnownValues({"NAME": value}, KEY)
    assert len(value) < 2 or value not in str(error.value)


def test_a_key_is_needed() -> None:
    with pytest.raises(ValueError, match="key"):
        KnownValues(VALUES, b"")


def test_no_value_is_kept_or_told() -> None:
    """Nothing that it is made of, and nothing that it says, holds a value or a part of one."""
    told = [msgspec.json.encode(finding).decode() for finding in KNOWN.scan(TEXT)]
    texts = [*told, repr(KNOWN), repr(vars(KNOWN)), *(repr(vars(plane)) for plane in KNOWN.planes)]
    for text in texts:
        for value in VALUES.values():
            assert value[:8] not in text
            assert value[:8].lower() not in text


class TestEncodedVariants:
    def test_raw_comes_first_and_each_once(self) -> None:
        variants = encoded_variants(TOKEN)
        assert variants[0] == TOKEN
        assert len(variants) == len(set(variants))

    def test_the_usual_spellings_are_there(self) -> None:
        secret = "a?b>c/+ secret"
        raw = secret.encode()
        assert {
            b64(raw), b64(raw).rstrip("="), base64.urlsafe_b64encode(raw).decode(), quote(secret, safe=""),
            raw.hex(), raw.hex().upper(), secret[::-1], base64.b32encode(raw).decode(),
        } <= set(encoded_variants(secret))  # fmt: skip

    @pytest.mark.parametrize("secret", ["", "a", "ä\u200b", "\ud800", "0000"])
    def test_any_text_has_variants(self, secret: str) -> None:
        variants = encoded_variants(secret)
        assert len(variants) == len(set(variants))
