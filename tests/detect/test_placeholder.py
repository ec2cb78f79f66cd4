"""What documentation writes is told from what a generator draws."""

import random
import string

import pytest

from stopper.detect.inspection import packaged_detector
from stopper.detect.placeholder import is_placeholder
from stopper.detect.rules import fill

DETECTOR = packaged_detector(b"a key for tests")
ROW = string.ascii_lowercase + string.digits

CASES = {
    # what stands where a secret would    the text                                     whether it is none
    "one character":                      ("x" * 24,                                    True),
    "one character in parts":             (f"{'X' * 8}.{'X' * 8}",                      True),
    "zeros":                              ("0" * 16,                                    True),
    "letters in their order":             (ROW,                                         True),
    "in alternating case":                ("".join(map("".join, zip(ROW[::2].upper(), ROW[1::2], strict=True))), True),
    "three and three":                    ("abc123def456ghi789jkl012",                  True),
    "digits that count up":               ("1234567890" * 2,                            True),
    "a letter and a digit":               ("a1b2c3d4e5f6g7h8i9j0",                      True),
    "a word again and again":             ("deadbeef" * 4,                              True),
    "an identifier of one digit each":    ("11111111-2222-3333-4444-555555555555",      True),
    "words":                              ("your-api-key-here",                         True),
    "words without separators":           ("thisIsNotARealTokenJustAnExample",          True),
    "words and a row":                    ("YOURACCESSKEYID12",                         True),
    "too little to tell":                 ("abcde",                                     False),
    "a short row, which might be real":   ("1234567890abcdef",                          False),
    "random with a word in it":           (f"{fill('{alnum:30}')}EXAMPLEKEY",           False),
    "digits in no order":                 (fill("{digit:20}"),                          False),
    "nothing":                            ("",                                          False),
    "more than any token has":            ("x" * 1000,                                  False),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_placeholders(text: str, *, expected: bool) -> None:
    """Each row is told for what stands in its last column."""
    assert is_placeholder(text.encode()) is expected


@pytest.mark.parametrize(
    ("alphabet", "size"),
    [
        (string.hexdigits[:16], 16),
        (string.hexdigits[:16], 32),
        (string.ascii_lowercase, 16),
        (string.ascii_uppercase + "234567", 16),
        (string.digits, 16),
        (string.ascii_letters + string.digits, 10),
        (string.ascii_letters + string.digits, 40),
    ],
)
def test_random_tokens_are_none(alphabet: str, size: int) -> None:
    source = random.Random(size)  # noqa: S311  samples
    drawn = ("".join(source.choices(alphabet, k=size)) for _ in range(4000))
    assert not [text for text in drawn if is_placeholder(text.encode())]


WRITTEN = {
    # how it is written                      the text                                      whether it is found
    "a key of one letter":                   (f"OPENAI_API_KEY=sk-{'x' * 24}",              False),
    "an access key of one letter":           (f"id AKIA{'X' * 16}",                         False),
    "a token of one letter":                 (f"token: ghp_{'x' * 36}",                     False),
    "a token of one letter, and what follows": (f"token=ghp_{'x' * 36}\nPORT=3000",         False),
    "a token that counts":                   (f"token ghp_{ROW}",                           False),
    "a webhook of zeros":                    (f"https://hooks.slack.com/services/T{'0' * 8}/B{'0' * 8}/{'X' * 24}", False),
    "the documentation's access key":        ("id AKIAIOSFODNN7EXAMPLE",                    True),
    "a token":                               (fill("token ghp_{alnum:36}"),                 True),
    "the first line of a private key":       ("-----BEGIN RSA PRIVATE KEY-----",            True),
}  # fmt: skip


@pytest.mark.parametrize(("text", "found"), WRITTEN.values(), ids=WRITTEN)
def test_in_their_places(text: str, *, found: bool) -> None:
    """Whatever the rule is, a placeholder behind its prefix is no finding."""
    assert bool(DETECTOR.scan(text)) is found
