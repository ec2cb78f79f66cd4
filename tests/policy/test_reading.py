"""Contexts are copied as plain values or refused."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.policy.reading import (
    MAX_CHARS,
    MAX_DEPTH,
    MAX_ITEMS,
    Role,
    Unreadable,
    parts,
    plain,
    role_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)  # fmt: skip


class Word(StrEnum):
    GO = "rm -rf /"


class Sly(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "ls"


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def circle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["a"] = value
    return value


REFUSED: dict[str, tuple[Any, str]] = {
    "bytes":               ({"command": b"rm"},                    "policy.malformed"),
    "a path":              ({"path": Path("x")},                   "policy.malformed"),
    "a time":              ({"at": datetime.now(UTC)},             "policy.malformed"),
    "a set":               ({"command": {"rm"}},                   "policy.malformed"),
    "a number for a name": ({1: "rm"},                             "policy.malformed"),
    "no mapping":          (["rm"],                                "policy.malformed"),
    "too deep":            (nested(MAX_DEPTH + 1),                 "policy.too_much"),
    "a circle":            (circle(),                              "policy.too_much"),
    "too many items":      ({"a": [0] * (MAX_ITEMS + 1)},          "policy.too_much"),
    "too much text":       ({"a": "x" * (MAX_CHARS + 1)},          "policy.too_much"),
    "too long a name":     ({"x" * (MAX_CHARS + 1): 1},            "policy.too_much"),
}  # fmt: skip
NAMES = {
    "command":           Role.COMMAND,
    "postCommand":       Role.COMMAND,
    "shell-cmd":         Role.COMMAND,
    "python_code":       Role.CODE,
    "workingDirectory":  Role.FOLDER,
    "WORKING_DIRECTORY": Role.FOLDER,
    "cwd":               Role.FOLDER,
    "webhookUrl":        Role.DESTINATION,
    "allowedDomains":    Role.NARROW,
    "domains":           Role.DESTINATION,
    "hostnames":         Role.DESTINATION,
    "ipAddress":         Role.DESTINATION,
    "client_ip":         Role.NONE,
    "smtpServer":        Role.PLACE,
    "http_proxy":        Role.PROXY,
    "filePaths":         Role.PATH,
    "args":              Role.ARGUMENTS,
    "timeout":           Role.NONE,
    "":                  Role.NONE,
}  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_plain_values_are_copied(value: dict[str, Any]) -> None:
    assert plain(value) == value


def test_a_copy_shares_nothing() -> None:
    given_ = {"a": [{"b": "c"}]}
    copied = plain(given_)
    given_["a"][0]["b"] = "d"
    assert copied == {"a": [{"b": "c"}]}


def test_a_text_is_what_it_holds_and_not_what_it_says() -> None:
    copied = plain({"a": Sly("rm"), "b": Word.GO, "c": ("x", "y")})
    assert copied == {"a": "rm", "b": "rm -rf /", "c": ["x", "y"]}
    assert type(copied["a"]) is type(copied["b"]) is str


@pytest.mark.parametrize(("value", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_plain_is_refused(value: Any, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        plain(value)
    assert refused.value.code == code


@pytest.mark.parametrize(("name", "role"), NAMES.items(), ids=NAMES)
def test_the_words_of_a_name_tell_what_stands_under_it(name: str, role: Role) -> None:
    assert role_of(name) is role


def test_what_belongs_together_stands_together() -> None:
    found = list(parts({"command": "a", "cwd": "/", "steps": [{"command": "b"}, {"n": 1}]}))
    assert found == [
        {Role.COMMAND: ["a"], Role.FOLDER: ["/"]},
        {},
        {Role.COMMAND: ["b"]},
    ]
