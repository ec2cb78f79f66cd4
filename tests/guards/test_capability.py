"""Tokens are for one call of one tool, and for nothing that cannot be spelled."""

from typing import Any

import pytest

from stopper.core.reason import Refusal
from stopper.guards.canonical import NO_SPELLING
from stopper.guards.capability import Capability, issue_capability, read_capability

KEY = bytes(range(32))
NOW = 1_000_000


def now() -> int:
    return NOW


def bomb() -> list[Any]:
    value: list[Any] = ["x"]
    for _ in range(60):
        value = [value, value]
    return value


def test_a_token_is_read_by_who_has_the_key() -> None:
    token = issue_capability(KEY, "t", {"a": 1}, lifetime_ms=1000, clock=now)
    found = read_capability(KEY, token, "t", {"a": 1}, NOW)
    assert isinstance(found, Capability)
    assert (found.tool, found.expires_ms) == ("t", NOW + 1000)


ODD: dict[str, Any] = {"an object": object(), "no end": bomb(), "half a character": "\ud800"}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_no_token_is_for_what_cannot_be_spelled(odd: Any) -> None:
    token = issue_capability(KEY, "t", {}, lifetime_ms=1000, clock=now)
    found = read_capability(KEY, token, "t", {"a": odd}, NOW)
    assert found == Refusal("capability.other_arguments")
    with pytest.raises(NO_SPELLING):
        issue_capability(KEY, "t", {"a": odd}, lifetime_ms=1000, clock=now)
