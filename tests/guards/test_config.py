"""Configurations are checked when they are made, and frozen then."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any

import pytest
from msgspec import Meta
from msgspec.structs import replace

from stopper.errors import SettingsError
from stopper.guards.config import Config, allowed_values, configure
from stopper.guards.models import EnforcementLevel


class Example(Config, frozen=True, kw_only=True):
    mode: EnforcementLevel = EnforcementLevel.BLOCK
    count: Annotated[int, Meta(ge=0)] = 3
    names: AbstractSet[str] = frozenset()
    steps: Sequence[str] = ()
    limits: Mapping[str, int] = {}


def test_any_collection_is_taken_and_kept_frozen() -> None:
    names, limits = {"a"}, {"x": 1}
    config = Example(names=names, steps=["b"], limits=limits)
    names.add("c")
    limits["y"] = 2
    assert (config.names, config.steps, config.limits) == (frozenset({"a"}), ("b",), {"x": 1})
    assert Example(mode="warn").mode is EnforcementLevel.WARN  # type: ignore[arg-type]


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a word":        ({"mode": "on"},          "Example.mode: read 'on'; use one of: off, warn, block"),
    "a number":      ({"count": -1},           "Example.count: read -1; use a whole number from 0 on"),
    "a type":        ({"count": "3"},          "Example.count: read '3'; use a whole number from 0 on"),
    "a text":        ({"names": "abc"},        "Example.names: read 'abc'; use a list, each of it a text"),
    "an item":       ({"steps": [1]},          "Example.steps: read [1]; use a list, each of it a text"),
    "a value below": ({"limits": {"a": "b"}},  "Example.limits: read {'a': 'b'}; use a map from names, each to a whole number"),
    "a long one":    ({"count": "x" * 99},     "and more; use a whole number from 0 on"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "complaint"), FAULTS.values(), ids=FAULTS)
def test_complaints(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Example(**fields)
    assert complaint in str(caught.value)
    with pytest.raises(SettingsError) as caught:
        replace(Example(), **fields)
    assert complaint in str(caught.value)


def test_fields_by_name_go_before_a_configuration() -> None:
    assert configure(Example, None, {"count": 1}).count == 1
    assert configure(Example, Example(count=1, steps=["a"]), {"count": 2}) == Example(
        count=2, steps=["a"]
    )
    given = Example(count=7)
    assert configure(Example, given, {}) is given
    with pytest.raises(SettingsError, match=r"Example has no field 'cuont'; allowed: mode, count"):
        configure(Example, None, {"cuont": 1})
    with pytest.raises(SettingsError, match="config is a dict; give a Example"):
        configure(Example, {}, {})  # type: ignore[arg-type]


ALLOWED: dict[str, tuple[Any, str, str]] = {
    # what it is       type                                    said of all               said of an entry
    "a level":        (EnforcementLevel | None,               "one of: off, warn, block", "one of: off, warn, block"),
    "levels by name": (Mapping[str, EnforcementLevel],        "one of: off, warn, block", "one of: off, warn, block"),
    "a switch":       (bool,                                  "true or false",            "true or false"),
    "a number":       (float,                                 "a number",                 "a number"),
    "a count":        (int | None,                            "a whole number",           "a whole number"),
    "from one on":    (Annotated[int, Meta(ge=1)],            "a whole number from 1 on", "a whole number from 1 on"),
    "names":          (AbstractSet[str] | None,               "a list, each of it a text", "a text"),
    "limits":         (Mapping[str, Annotated[int, Meta(ge=0)]], "a map from names, each to a whole number from 0 on", "a whole number from 0 on"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "whole", "entry"), ALLOWED.values(), ids=ALLOWED)
def test_what_is_allowed_has_words(kind: Any, whole: str, entry: str) -> None:
    assert allowed_values(kind) == f"use {whole}"
    assert allowed_values(kind, is_entry=True) == f"use {entry}"
