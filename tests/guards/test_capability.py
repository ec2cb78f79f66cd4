"""Tokens are for one call of one tool, and for nothing that cannot be spelled."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stopper.core.reason import Refusal
from stopper.errors import SettingsError
from stopper.guards.canonical import NO_SPELLING
from stopper.guards.capability import (
    Capability,
    UsedCapabilities,
    UsedStore,
    issue_capability,
    read_capability,
)
from stopper.guards.side_effect import SideEffectGuard

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
    token = issue_capability(KEY, "t", {"a": 1}, lifetime_ms=1000, approver="ann", clock=now)
    found = read_capability(KEY, token, "t", {"a": 1}, NOW, requester="bot")
    assert isinstance(found, Capability)
    assert (found.tool, found.expires_ms, found.approver) == ("t", NOW + 1000, "ann")


REQUESTERS: dict[str, tuple[str, str, str]] = {
    # who asks               requester     approver      code
    "another":               ("bot",       "ann",        ""),
    "a longer name":         ("ann two",   "ann",        ""),
    "the approver":          ("ann",       "ann",        "capability.self_approved"),
    "in capital letters":    ("ANN",       "ann",        "capability.self_approved"),
    "in wide letters":       ("\uff41nn",  "ann",        "capability.self_approved"),
    "with no width between": ("a\u200bnn", "ann",        "capability.self_approved"),
    "with a soft hyphen":    ("an\u00adn", "ann",        "capability.self_approved"),
    "with a mark of order":  ("\u202eann", "ann",        "capability.self_approved"),
    "with a shape of none":  ("ann\ufe0f", "ann",        "capability.self_approved"),
    "with a filler":         ("ann\u3164", "ann",        "capability.self_approved"),
    "in two parts":          ("Jose\u200b\u0301", "jos\u00e9", "capability.self_approved"),
    "with an accent":        ("\u00e1nn",  "ann",        ""),
    "with more space":       (" ann\tx ",  "ann x",      "capability.self_approved"),
    "nobody":                ("",          "ann",        "capability.no_requester"),
    "nobody, in space":      (" \n",       "ann",        "capability.no_requester"),
    "nobody to be seen":     ("\u200b",    "ann",        "capability.no_requester"),
}  # fmt: skip


@pytest.mark.parametrize(("requester", "approver", "code"), REQUESTERS.values(), ids=REQUESTERS)
def test_nobody_permits_what_they_ask_for(requester: str, approver: str, code: str) -> None:
    token = issue_capability(KEY, "t", {}, lifetime_ms=1000, approver=approver, clock=now)
    found = read_capability(KEY, token, "t", {}, NOW, requester=requester)
    assert (found.code if isinstance(found, Refusal) else "") == code


def test_a_token_is_for_one_version_of_the_rules() -> None:
    token = issue_capability(
        KEY, "t", {}, lifetime_ms=1000, approver="ann", policy="one", clock=now
    )
    for policy, is_good in (("one", True), ("two", False), ("", False)):
        found = read_capability(KEY, token, "t", {}, NOW, requester="bot", policy=policy)
        assert isinstance(found, Capability) is is_good


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    # what is wrong              given                            what the error says
    "a key that is text":        ({"key": "k" * 32},               "the key is a str; use at least 32 random bytes"),
    "a key that can change":     ({"key": bytearray(32)},          "the key is a bytearray"),
    "no key":                    ({"key": None},                   "the key is a NoneType"),
    "a short key":               ({"key": b"k" * 31},              "the key has 31 bytes"),
    "half a millisecond":        ({"lifetime_ms": 1.5},            r"lifetime_ms: read 1.5; use a whole number"),
    "a lifetime as text":        ({"lifetime_ms": "60"},           "lifetime_ms: read '60'"),
    "a lifetime that is True":   ({"lifetime_ms": True},           "lifetime_ms: read True"),
    "no time at all":            ({"lifetime_ms": 0},              "lifetime_ms: read 0"),
    "a tool that is no text":    ({"tool": len},                   "tool: read a builtin_function"),
    "nobody":                    ({"approver": None},              "approver: read a NoneType"),
    "a number of a policy":      ({"policy": 7},                   "policy: read a int"),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_says_what_is_expected(wrong: dict[str, Any], says: str) -> None:
    fields: dict[str, Any] = {"key": KEY, "tool": "t", "lifetime_ms": 1000, "approver": "ann"}
    with pytest.raises(SettingsError, match=says):
        issue_capability(args={}, **fields | wrong)
    if wrong.get("key") is not None:
        with pytest.raises(SettingsError, match=says):
            SideEffectGuard(capability_key=wrong["key"])
        with pytest.raises(SettingsError, match=says):
            read_capability(wrong["key"], "x", "t", {}, NOW, requester="bot")


@pytest.mark.parametrize("approver", ["", " ", "\u3000"])
def test_somebody_has_to_permit(approver: str) -> None:
    with pytest.raises(SettingsError, match="approver"):
        issue_capability(KEY, "t", {}, lifetime_ms=1000, approver=approver)


def of_the_page(path: Path) -> UsedStore:
    page = (Path(__file__).parents[2] / "docs" / "guards.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    block = re.search(r"```python\n(import sqlite3.*?)```", page, re.DOTALL)
    assert block
    exec(block[1], names)  # noqa: S102  our own page
    store: UsedStore = names["SharedUses"](str(path / "used"))
    return store


def in_memory(_: Path) -> UsedStore:
    return UsedCapabilities()


@pytest.mark.parametrize("make", [in_memory, of_the_page])
def test_what_was_used_is_remembered(make: Callable[[Path], UsedStore], tmp_path: Path) -> None:
    store = make(tmp_path)
    one, other = (Capability("t", "", NOW + 9, nonce, "ann", "") for nonce in "ab")
    assert one not in store
    assert store.use(one, NOW) is None
    assert (one in store, other in store) == (True, False)
    assert store.use(one, NOW + 8) == Refusal("capability.used")
    assert store.use(other, NOW) is None
    store.give_back(one)
    assert (one in store, other in store) == (False, True)
    assert store.use(one, NOW) is None
    store.give_back(Capability("t", "", NOW, "c", "ann", ""))


ODD: dict[str, Any] = {"an object": object(), "no end": bomb(), "half a character": "\ud800"}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_no_token_is_for_what_cannot_be_spelled(odd: Any) -> None:
    token = issue_capability(KEY, "t", {}, lifetime_ms=1000, approver="ann", clock=now)
    found = read_capability(KEY, token, "t", {"a": odd}, NOW, requester="bot")
    assert found == Refusal("capability.other_arguments")
    with pytest.raises(NO_SPELLING):
        issue_capability(KEY, "t", {"a": odd}, lifetime_ms=1000, approver="ann", clock=now)
