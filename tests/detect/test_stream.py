"""A body in pieces gives what the whole gives, holds back beginnings only, and keeps little."""

import random
import string
from itertools import pairwise

import pytest

from stopper.detect.finding import Finding
from stopper.detect.inspection import packaged_detector
from stopper.detect.rules import MAX_MATCH
from stopper.detect.stream import Scanner

KEY = b"a key for tests"
DETECTOR = packaged_detector(KEY)
RANDOM = random.Random(13)  # noqa: S311  samples
LETTERS = string.ascii_letters + string.digits


def sample(prefix: str, size: int, alphabet: str = LETTERS) -> str:
    return prefix + "".join(RANDOM.choices(alphabet, k=size))


PEM = f"-----BEGIN PRIVATE KEY-----\n{sample('', 64)}\n{sample('', 64)}\n-----END PRIVATE KEY-----"
BODIES = {
    "nothing": "",
    "one token": f"see {sample('ghp_', 36)} end",
    "tokens side by side": f"{sample('ghp_', 36)} {sample('AKIA', 16, string.ascii_uppercase)} {sample('npm_', 36)}",
    "a token that ends the body": f"x {sample('glpat-', 20)}",
    "a beginning that ends the body": "x ghp_" + "a" * 20,
    "a password in a URL": f"postgres://user:{sample('', 12)}@db.example/x",
    "a token in a password's place": f'password = "{sample("ghp_", 36)}"',
    "a private key": f"a\n{PEM}\nb",
    "a private key without an end": f"a\n{PEM[:120]}",
    "JSON": f'{{"api_key": "{sample("", 40)}", "b": [1, "\\u0041\\n"], "token": "{sample("hf_", 34)}"}}',
    "overlaps": f"Authorization: Bearer {sample('sk-ant-api03-', 93)}",
    "other letters": f"gr\u00fc\u00dfe {sample('ghp_', 36)} \U0001f600",
    "NUL": f"\0{sample('ghp_', 36)}\0\0",
}  # fmt: skip


def told(data: bytes, cuts: list[int]) -> list[Finding]:
    """All findings in pieces; checks what is let go on the way."""
    scanner = Scanner(DETECTOR)
    found: list[Finding] = []
    gone = b""
    for start, end in pairwise([0, *cuts, len(data)]):
        released = scanner.feed(data[start:end])
        assert all(one.start >= len(gone) for one in released.findings)
        gone += released.data
        assert all(one.end <= len(gone) for one in released.findings)
        found += released.findings
    released = scanner.finish()
    assert all(one.start >= len(gone) for one in released.findings)
    assert gone + released.data == data
    return [*found, *released.findings]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_cut_gives_what_the_whole_gives(body: str) -> None:
    """The very same findings, whatever the sizes of the pieces."""
    data = body.encode()
    whole = DETECTOR.scan(data)
    for cut in range(1, len(data)):
        assert told(data, [cut]) == whole
    for size in (1, 2, 3, 7, 31):
        assert told(data, list(range(size, len(data), size))) == whole


def test_clean_text_is_never_held() -> None:
    """No byte of it after a blank, since no secret begins with one."""
    scanner, text = Scanner(DETECTOR), b"nothing to see here, move on.\n" * 50
    gone = 0
    for at in range(len(text)):
        gone += len(scanner.feed(text[at : at + 1]).data)
        if text[at : at + 1] in b" \n":
            assert gone == at + 1


def test_only_the_beginning_of_a_secret_is_held() -> None:
    scanner = Scanner(DETECTOR)
    assert scanner.feed(b"see ghp_").data == b"see "
    assert scanner.feed(b"abcdef").data == b""
    assert scanner.feed(b" no").data.startswith(b"ghp_abcdef ")


def test_what_is_kept_is_bounded() -> None:
    """Also while a secret has begun that never ends."""
    for text in (
        b"clean text of words. " * 500,
        b"-----BEGIN PRIVATE KEY-----\n" + b"QUJD" * 40_000,
    ):
        scanner = Scanner(DETECTOR)
        for start in range(0, len(text), 8192):
            scanner.feed(text[start : start + 8192])
            assert len(scanner._data) <= 2 * MAX_MATCH + 8192
