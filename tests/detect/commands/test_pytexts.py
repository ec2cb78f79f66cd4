import pytest

from stopper.detect.commands.pytexts import decoded, unbase64, unhex
from stopper.detect.commands.taint import REMOTE, UNKNOWN

CODINGS = {
    # a text         coding      what it holds
    "rot13":         ("yf /",    "rot_13", "ls /"),
    "hex":           ("6c73",     "hex",    "ls"),
    "base64":        ("bHM=",     "base64", "ls"),
    "no such one":   ("ls",       "utf-8",  "ls"),
    "no hex":        ("6z",       "hex",    UNKNOWN),
    "what is not known": (REMOTE, "hex",    REMOTE),
}  # fmt: skip


@pytest.mark.parametrize(("text", "coding", "plain"), CODINGS.values(), ids=CODINGS)
def test_codings(text: str, coding: str, plain: str) -> None:
    assert decoded(text, coding) == plain


def test_lengths_and_letters_do_not_matter() -> None:
    """A text that was cut, or is spelled for addresses, is read as far as it goes."""
    assert unbase64("bHMh-") == "ls!"
    assert unhex("6c7") == UNKNOWN
