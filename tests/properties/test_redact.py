"""Laws of redaction: it settles, it spares what is no secret, and JSON stays JSON."""

import json
import random
import string
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.finding import Tier
from stopper.detect.inspection import packaged_detector
from stopper.detect.redact import Redactor
from stopper.detect.rules import fill

EXAMPLES = 150
REDACTOR = Redactor()
RANDOM = random.Random(3)  # noqa: S311  samples


def sample(prefix: str, size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return prefix + "".join(RANDOM.choices(alphabet, k=size))


SECRETS = [
    sample("ghp_", 36), sample("AKIA", 16, string.ascii_uppercase), sample("sk-", 48), sample("npm_", 36),
    f"-----BEGIN PRIVATE KEY-----\n{sample('', 64)}\n{sample('', 64)}\n-----END PRIVATE KEY-----",
]  # fmt: skip
WORDS = st.sampled_from(
    [
        "hello",
        "password",
        "token",
        "key",
        "=",
        ": ",
        '"',
        "'",
        "\\",
        "\n",
        " ",
        "{",
        "}",
        "https://",
        "@",
        "%",
        ",",
    ]
)
SECRET = st.sampled_from(SECRETS)
SET_APART = SECRET.map(lambda secret: f" {secret} ")
TEXTS = st.lists(WORDS | SET_APART | st.text(max_size=6), max_size=12).map("".join)
CLEAN = st.text(st.sampled_from("abcdefgh ÄÖ,.!?\n"), max_size=120)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def shape(value: Any) -> Any:
    """What is left when texts do not matter."""
    if isinstance(value, dict):
        return "keys may fall together"
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "" if isinstance(value, str) else value


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS)
def test_it_settles(text: str) -> None:
    """A second time changes nothing."""
    once = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == once


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS)
def test_no_secret_is_left(text: str) -> None:
    """Neither the detector nor a search finds anything of a secret that was put in whole."""
    redacted = REDACTOR.redact(text)
    for secret in SECRETS:
        assert secret not in redacted
    for finding in packaged_detector(b"a key").scan(redacted):
        assert "[REDACTED:" in redacted[finding.start : finding.end]


@settings(max_examples=EXAMPLES, deadline=None)
@given(CLEAN, SECRET, CLEAN)
def test_what_is_no_secret_stays(before: str, secret: str, after: str) -> None:
    """Only the secret and the token that it stands in are replaced."""
    redacted = REDACTOR.redact(f"{before}\n {secret}\n {after}")
    assert redacted.startswith(f"{before}\n [REDACTED:")
    assert redacted.endswith(f"]\n {after}")


@settings(max_examples=EXAMPLES, deadline=None)
@given(CLEAN)
def test_clean_text_is_returned_as_it_is(text: str) -> None:
    """The very same object, as text and as bytes."""
    data = text.encode()
    assert REDACTOR.redact(text) is text
    assert REDACTOR.redact(data) is data


@settings(max_examples=EXAMPLES, deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_json_stays_json(value: Any, ascii_only: bool, indent: int | None) -> None:
    """With the same shape and the same numbers."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    redacted = REDACTOR.redact(text)
    assert redacted.startswith("[REDACTED:") or shape(json.loads(redacted)) == shape(value)


@settings(max_examples=EXAMPLES, deadline=None)
@given(VALUES)
def test_objects_hide_what_their_json_would_show(value: Any) -> None:
    """What is odd beside it changes nothing, and stays."""
    odd, redacted = REDACTOR.redact((object, value))
    text = json.dumps(redacted)
    assert odd is object
    for finding in packaged_detector(b"a key").scan(text):
        assert finding.tier == Tier.GENERIC or "[REDACTED:" in text[finding.start : finding.end]
    assert not any(json.dumps(secret)[1:-1] in text for secret in SECRETS)


def test_what_is_put_together_reaches_over_no_null() -> None:
    """Signs that nobody sees stand between keys of their own."""
    key = fill("-----BEGIN PRIVATE KEY-----\n{b64:64}\n{b64:64}\n-----END PRIVATE KEY-----")
    value = [f" {key} \x19 {key}", None, f" {key} \x19"]
    assert shape(json.loads(REDACTOR.redact(json.dumps(value)))) == shape(value)
