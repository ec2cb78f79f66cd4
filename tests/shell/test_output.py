"""Redacted before it is truncated, whatever its length and its cuts."""

import base64
import secrets
import string
from collections.abc import Callable

import pytest

from stopper.detect.rules import MAX_MATCH
from stopper.shell.environment import detector, redactor_for
from stopper.shell.lines import Limits
from stopper.shell.output import BLOCK, Output
from stopper.shell.result import OutputMode

ALNUM = string.ascii_letters + string.digits


def token() -> str:
    return "ghp_" + "".join(secrets.choice(ALNUM) for _ in range(36))


def pem() -> str:
    body = base64.b64encode(secrets.token_bytes(1200)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    name = "RSA PRIVATE KEY"
    return f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----"


def shown(data: bytes, limits: Limits, step: int = 1 << 16) -> tuple[str, int]:
    output = Output(limits, detector, lambda: redactor_for(frozenset()))
    for at in range(0, len(data), step):
        output.feed(data[at : at + step])
    kept = output.finish()
    return kept.text, kept.redactions


def leaks(text: str, secret: str) -> bool:
    """Whether any twelve characters in a row of the secret are there."""
    return any(secret[at : at + 12] in text for at in range(len(secret) - 12))


FILLING = b"just a line of words\n"
PLACES = {
    # where the secret is              bytes before it
    "at the start":                    0,
    "around the first cut":            BLOCK - 20,
    "where a block ends":              BLOCK + MAX_MATCH - 20,
    "right before a block ends":       BLOCK + MAX_MATCH - 200,
    "in the second block":             2 * BLOCK - 7,
}  # fmt: skip


@pytest.mark.parametrize("secret", [token, pem], ids=["a token", "a key of many lines"])
@pytest.mark.parametrize("before", PLACES.values(), ids=PLACES)
def test_a_secret_anywhere_in_a_long_output(before: int, secret: Callable[[], str]) -> None:
    value = secret()
    padding = (FILLING * (before // len(FILLING) + 1))[:before]
    data = padding + b"\n" + value.encode() + b"\n" + FILLING * 20_000
    text, redactions = shown(data, Limits(10**6, 10**8, OutputMode.HEAD), step=50_000)
    assert not leaks(text, value)
    assert redactions == 1


@pytest.mark.parametrize("lines", range(1, 40, 3))
def test_a_key_on_the_edge_of_what_is_shown(lines: int) -> None:
    """The original cut first, and half a secret looks like none."""
    value = pem()
    data = f"start\n{value}\n".encode() + FILLING * 20_000
    assert not leaks(shown(data, Limits(lines, 10**6, OutputMode.HEAD))[0], value)
    data = FILLING * 20_000 + f"{value}\nend\n".encode()
    assert not leaks(shown(data, Limits(lines, 10**6, OutputMode.TAIL))[0], value)
    assert not leaks(shown(data, Limits(lines, 10**6, OutputMode.SMART))[0], value)


def test_characters_are_cut_after_redacting() -> None:
    value = token()
    for chars in range(1, 80, 3):
        text, _ = shown(f"password is {value}".encode(), Limits(5, chars, OutputMode.TAIL))
        assert not leaks(text, value)


def test_an_encoded_secret_in_what_is_shown() -> None:
    value = token()
    encoded = base64.b64encode(f"export it={value}".encode())
    text, _ = shown(FILLING * 20_000 + encoded + b"\n", Limits(5, 10**6))
    assert not leaks(text, base64.b64encode(value.encode()[2:]).decode())
    assert "[REDACTED:" in text


def test_several_are_counted() -> None:
    text, redactions = shown(f"{token()} {token()}\n{token()}\n".encode(), Limits(5, 999))
    assert (text.count("[REDACTED:"), redactions) == (3, 3)
    assert shown(b"", Limits(5, 999)) == ("", 0)


def test_characters_of_several_bytes_are_not_torn() -> None:
    data = "grüße €\n".encode() * 60_000
    for step in (1, 7):
        output = Output(Limits(2, 999), detector, lambda: redactor_for(frozenset()))
        for at in range(0, len(data) // 8, step):
            output.feed(data[at : at + step])
        assert "\ufffd" not in output.finish().text.splitlines()[0]
    assert "\ufffd" not in shown(data, Limits(10**6, 10**8))[0]


def test_matches_that_overlap_without_end_do_not_fill_the_memory() -> None:
    output = Output(Limits(5, 999), detector, lambda: redactor_for(frozenset()))
    data = b"Authorization: Bearer " * 5000
    for _ in range(40):
        output.feed(data)
        assert len(output._pending) < (1 << 21)
    output.finish()
