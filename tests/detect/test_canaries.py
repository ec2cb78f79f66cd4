"""Nothing that detection says of a secret, or keeps of it, holds a part of the secret."""

import base64
import contextlib
import json
import random
import string
import traceback
from collections.abc import Iterator

import msgspec
import pytest

from stopper.detect.allowlist import Allowed, Allowlist
from stopper.detect.budget import Budget
from stopper.detect.decode import decoded_views
from stopper.detect.inspection import Inspector, packaged_detector, packaged_rules
from stopper.detect.known import KnownValues
from stopper.detect.live import LiveInspector
from stopper.detect.redact import Redactor, SecretPattern
from stopper.detect.rules import read_rules
from stopper.detect.secrets import scan_token_patterns

KEY = b"a key for tests"
RANDOM = random.Random(29)  # noqa: S311  samples
LETTERS = string.ascii_letters + string.digits
SHOWN = 6
"""So many characters in a row are a part of a secret, and no accident."""


def canary(prefix: str, size: int) -> str:
    return prefix + "".join(RANDOM.choices(LETTERS, k=size))


TOKEN = canary("ghp_", 36)
VALUE = canary("", 32)
PASSWORD = canary("", 14)
PEM = f"-----BEGIN PRIVATE KEY-----\n{canary('', 64)}\n{canary('', 64)}\n-----END PRIVATE KEY-----"
PLANTED = (TOKEN[4:], VALUE, PASSWORD, *PEM.split("\n")[1:3])
KNOWN = KnownValues({"VALUE": VALUE}, KEY, canaries=["VALUE"])
DETECTOR = packaged_detector(KEY)


def spelled() -> Iterator[str]:
    for secret in (TOKEN, VALUE, f"password = '{PASSWORD}'", f"redis://u:{PASSWORD}@h/0", PEM):
        yield secret
        yield json.dumps({"a": secret})
        yield base64.b64encode(f"x {secret} y".encode()).decode()
        yield "".join(f"%{byte:02x}" for byte in secret.encode())


TEXTS = [f"before {text} after" for text in spelled()]


def parts() -> Iterator[str]:
    """All stretches of all secrets, also as they look in base64, hex and backwards."""
    for secret in PLANTED:
        raw = secret.encode()
        shifted = (base64.b64encode(b" " * shift + raw).decode()[4:-4] for shift in range(3))
        for shown in (secret, secret[::-1], *shifted):
            yield from stretches(shown.lower(), SHOWN)
        yield from stretches(raw.hex(), 2 * SHOWN)


def stretches(text: str, size: int) -> Iterator[str]:
    """All of this size but numbers, which hashes hold by chance."""
    for at in range(len(text) - size + 1):
        if not text[at : at + size].isdecimal():
            yield text[at : at + size]


PARTS = frozenset(parts())


def shows(said: str) -> bool:
    """Whether any stretch of a secret stands in what was said."""
    lower = said.lower()
    return any(part in PARTS for size in (SHOWN, 2 * SHOWN) for part in stretches(lower, size))


def said_of(text: str) -> Iterator[object]:
    """All that the package says of a text, but what redaction leaves for the reader."""
    inspector = Inspector(DETECTOR, KNOWN)
    inspection = inspector.inspect(text)
    yield inspection
    yield msgspec.json.encode(inspection)
    yield scan_token_patterns(text)
    yield decoded_views(text)
    yield Redactor(known=KNOWN, key=KEY).redact(text)
    live = LiveInspector(inspector)
    for at in range(0, len(text), 9):
        yield live.feed(text[at : at + 9].encode()).findings
    yield live
    yield live.finish().findings
    yield Allowlist([Allowed.value(text.encode(), KEY)])
    yield Inspector(DETECTOR, budget=Budget(depth=0)).inspect(text)


def test_the_search_finds_what_is_shown() -> None:
    """Or else the tests below would pass whatever is said."""
    assert all(shows(text) or "%" in text for text in TEXTS)
    assert not shows("nothing of the kind is said here, by anyone")


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_nothing_said_of_a_text_shows_its_secrets(number: int) -> None:
    for said in said_of(TEXTS[number]):
        text = said.decode() if isinstance(said, bytes) else f"{said!r} {said}"
        assert not shows(text), type(said)


def test_nothing_kept_of_known_values_shows_them() -> None:
    kept = (
        KNOWN,
        vars(KNOWN),
        [vars(plane) for plane in KNOWN.planes],
        DETECTOR,
        vars(Inspector(DETECTOR, KNOWN)),
    )
    assert not any(shows(repr(one)) for one in kept)


def faults() -> Iterator[str]:
    """What is said when something cannot be done, with the whole traceback."""
    wrong = (
        lambda: KnownValues({"A": VALUE * 999}, KEY),
        lambda: KnownValues({"A": VALUE[:7]}, KEY),
        lambda: KnownValues({"A": VALUE}, b""),
        lambda: SecretPattern("A", f"({VALUE}"),
        lambda: SecretPattern(VALUE + "\n", "x"),
        lambda: read_rules([{"id": "a", "name": "n", "severity": "low", "tier": "prefix", "pattern": "abcd", "hits": [TOKEN]}]),
        lambda: Inspector(DETECTOR).inspect(TOKEN.encode() + b"\xff\x00"),
    )  # fmt: skip
    for do in wrong:
        with contextlib.suppress(Exception):
            try:
                do()
            except Exception as error:  # noqa: BLE001  whatever it is, it must not tell
                yield "".join(traceback.format_exception_only(error))


def test_no_error_shows_a_secret() -> None:
    said = list(faults())
    assert len(said) >= 5
    assert not any(map(shows, said)), said


def test_no_rule_holds_a_live_looking_value() -> None:
    """Samples are templates; what is written out is a public example."""
    for rule in packaged_rules():
        for text in (*rule.hits, *rule.misses):
            assert not shows(text)
