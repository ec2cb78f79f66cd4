"""The settings about secrets: what each text means, and what is said about one that does not read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from stopper.core.located import read_yaml
from stopper.detect.allow import parse_rule
from stopper.detect.handling import ON_SECRET, Choice, Exempt, OnSecret
from stopper.errors import SettingsError
from stopper.settings.kinds import Reader
from stopper.settings.secrets import read_choices, read_exempt

NAMES = {"anthropic": "anthropic", "claude": "anthropic", "openai": "openai"}
CHOICES = read_choices(OnSecret, ON_SECRET)
NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)
PRINT = "0123456789abcdef" * 2

READ: dict[str, tuple[Reader, str, Any]] = {
    "one word for all": (CHOICES, "warn", Choice(OnSecret.WARN, OnSecret.WARN)),
    "by agent and by host": (
        CHOICES,
        "{claude: block, 'api.example.com:8443': hold}",
        Choice(
            OnSecret.REDACT,
            OnSecret.BLOCK,
            {"anthropic": OnSecret.BLOCK},
            ((parse_rule("api.example.com:8443"), OnSecret.HOLD),),
        ),
    ),
    "a variable": (read_exempt, "TOKEN", (Exempt("TOKEN"),)),
    "a variable, to a host": (read_exempt, "TOKEN to a.com", (Exempt("TOKEN", "a.com"),)),
    "to all below": (read_exempt, "[TOKEN to *.a.com]", (Exempt("TOKEN", "*.a.com"),)),
    "until a day": (read_exempt, "T until 2030-01-01", (Exempt("T", None, NEW_YEAR),)),
    "all of it": (
        read_exempt,
        "[T to a.com until 2030-01-01, U]",
        (Exempt("T", "a.com", NEW_YEAR), Exempt("U")),
    ),
    "a fingerprint": (read_exempt, PRINT, (Exempt(PRINT),)),
}


@pytest.mark.parametrize(("read", "text", "value"), READ.values(), ids=READ)
def test_read(read: Reader, text: str, value: Any) -> None:
    """Each text means what its row says."""
    assert read(read_yaml(text, "file", "setting"), NAMES) == value


FAULTS: dict[str, tuple[Reader, str, str]] = {
    "a word that is none": (CHOICES, "warm", "did you mean 'warn'"),
    "a provider that is none": (CHOICES, "{antropic: warn}", "did you mean 'anthropic'"),
    "a provider twice": (CHOICES, "{claude: warn, anthropic: block}", "keep one"),
    "no rule": (CHOICES, "{'a.com/*/b': warn}", "no path of a rule"),
    "a list": (CHOICES, "[warn]", "write one word"),
    "a host that is none": (read_exempt, "T to a..com", "no host"),
    "a day that is none": (read_exempt, "T until 2030-02-30", "no such date"),
    "something else": (read_exempt, "T for a.com", "write NAME [to HOST]"),
}


@pytest.mark.parametrize(("read", "text", "said"), FAULTS.values(), ids=FAULTS)
def test_fault(read: Reader, text: str, said: str) -> None:
    """A value that does not read is an error that says where it is and what is allowed."""
    with pytest.raises(SettingsError) as caught:
        read(read_yaml(text, "settings.yml", "setting"), NAMES)
    assert said in str(caught.value)
    assert str(caught.value).startswith("settings.yml:1:")


def test_a_secret_in_its_place_is_not_shown() -> None:
    """Who writes the secret itself instead of its name does not find it in the error."""
    text = "p@ss-word!"
    with pytest.raises(SettingsError) as caught:
        read_exempt(read_yaml(f"['{text}']", "settings.yml", "allow_secrets"), NAMES)
    assert text not in str(caught.value)


def test_a_wish_is_for_a_destination() -> None:
    """The provider's wish, else the first rule that fits, else the default."""
    read = CHOICES(read_yaml("{openai: hold, 'GET *.a.com': warn}", "f", "on_secret"), NAMES)
    rule = parse_rule("x.a.com")
    rows = [
        ("openai", "GET", OnSecret.HOLD),
        ("anthropic", "GET", OnSecret.REDACT),
        ("", "GET", OnSecret.WARN),
        ("", "POST", OnSecret.BLOCK),
    ]
    for provider, method, wish in rows:
        assert read.of(provider, rule.host, 443, method, "/") is wish
