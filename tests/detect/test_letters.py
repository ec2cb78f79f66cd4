"""Letters at random told from those of names and words."""

import pytest

from stopper.detect.letters import is_unreadable
from stopper.detect.rules import fill

READABLE = {
    "a name in camel case": "getUserNameFromAccessToken",
    "a class of many capitals": "HTTPSConnectionPool",
    "words with hyphens": "correct-horse-battery-staple",
    "a word of a function": "subjectKeyID",
    "a rare word": "acknowledge",
    "German": "Rechtschreibpruefung",
    "Dutch": "wachtwoordherstel",
    "Finnish": "Unohditko",
    "too little to tell": "xkqzvb",
    "nothing": "",
    "no letters": "1234-5678-9012-3456",
}


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE)
def test_names(text: str) -> None:
    """Names and words are none, whatever the language and however they are joined."""
    assert not is_unreadable(text.encode())


def test_letters_at_random() -> None:
    """Of rows of letters that were drawn nine in ten are told."""
    rows = [fill("{alpha:14}", str(number)) for number in range(1000)]
    assert sum(is_unreadable(row.encode()) for row in rows) > 900


def test_any_bytes() -> None:
    """What is no ASCII has an answer as well."""
    assert not is_unreadable(bytes(range(128, 256)) * 4)
