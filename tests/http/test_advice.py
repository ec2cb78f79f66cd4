"""What replies say about trying again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.http.advice import body_wait, header_wait, should_retry
from stopper.testing.clock import NOON

WAITS: dict[str, tuple[dict[str, str], float | None]] = {
    # what it says                    headers                                                        seconds
    "nothing":                        ({},                                                           None),
    "seconds":                        ({"retry-after": "7"},                                         7),
    "parts of seconds":               ({"retry-after": " 0.5 "},                                     0.5),
    "milliseconds":                   ({"retry-after-ms": "250", "retry-after": "7"},                0.25),
    "milliseconds of Azure":          ({"x-ms-retry-after-ms": "1500"},                              1.5),
    "an HTTP date":                   ({"retry-after": "Tue, 31 Mar 2026 12:00:30 GMT"},             30),
    "a date that is past":            ({"retry-after": "Tue, 31 Mar 2026 11:00:00 GMT"},             0),
    "a date without a zone":          ({"retry-after": "Tue, 31 Mar 2026 12:00:30"},                 30),
    "below zero":                     ({"retry-after": "-7"},                                        None),
    "no number":                      ({"retry-after": "nan"},                                       None),
    "for ever":                       ({"retry-after": "inf"},                                       None),
    "nonsense":                       ({"retry-after": "soon"},                                      None),
    "Anthropic":                      ({"anthropic-ratelimit-tokens-remaining": "0",
                                        "anthropic-ratelimit-tokens-reset": "2026-03-31T12:00:20Z",
                                        "anthropic-ratelimit-requests-remaining": "9",
                                        "anthropic-ratelimit-requests-reset": "2026-03-31T12:55:00Z"}, 20),
    "OpenAI":                         ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2.5s",
                                        "x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "6h"}, 62.5),
    "Groq":                           ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2m59.56s"}, 179.56),
    "Cerebras":                       ({"x-ratelimit-remaining-tokens-minute": "0", "x-ratelimit-reset-tokens-minute": "12.3"}, 12.3),
    "the later of two":               ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s",
                                        "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 1),
    "OpenRouter":                     ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON.timestamp() + 9) * 1000)}, 9),
    "the epoch":                      ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON.timestamp() + 9))}, 9),
    "nothing is used up":             ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "1m"}, None),
    "Retry-After comes first":        ({"retry-after": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"}, 2),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "seconds"), WAITS.values(), ids=WAITS)
def test_waits(headers: dict[str, str], seconds: float | None) -> None:
    assert header_wait(headers, NOON) == pytest.approx(seconds)


BODIES = {
    "Google": (b'{"error":{"code":429,"details":[{"@type":"x"},{"retryDelay":"22s"}]}}', 22),
    "a list": (b'[{"error":{"details":[{"retryDelay":"1.5s"}]}}]', 1.5),
    "no delay": (b'{"error":{"message":"slow down"}}', None),
    "another shape": (b'{"error":"slow down"}', None),
    "no JSON": (b"slow down", None),
    "not a duration": (b'{"error":{"details":[{"retryDelay":"x"}]}}', None),
    "nothing": (b"", None),
}


@pytest.mark.parametrize(("body", "seconds"), BODIES.values(), ids=BODIES)
def test_bodies(body: bytes, seconds: float | None) -> None:
    assert body_wait(body) == seconds


@pytest.mark.parametrize(
    ("text", "said"), [("true", True), ("False", False), ("", None), ("1", None)]
)
def test_a_word_of_the_server(text: str, said: bool | None) -> None:
    assert should_retry({"x-should-retry": text}) is said


@given(text=st.text(max_size=60), body=st.binary(max_size=200))
def test_nothing_hostile_breaks_it(text: str, body: bytes) -> None:
    headers = dict.fromkeys(("retry-after", "retry-after-ms", "x-ratelimit-reset"), text)
    wait = header_wait({**headers, "x-ratelimit-remaining": "0"}, NOON)
    assert wait is None or wait >= 0
    delay = body_wait(body)
    assert delay is None or delay >= 0
