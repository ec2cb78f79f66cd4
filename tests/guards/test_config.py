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
    "a number":      ({"count": -1},           "Example.count: read -1; Expected `int` >= 0"),
    "a type":        ({"count": "3"},          "Example.count: read '3'; Expected `int`"),
    "a text":        ({"names": "abc"},        "Example.names: read 'abc'; Expected `array`"),
    "an item":       ({"steps": [1]},          "Example.steps: read [1]; Expected `str`"),
    "a value below": ({"limits": {"a": "b"}},  "Example.limits: read {'a': 'b'}; Expected `int`"),
    "a long one":    ({"count": "x" * 99},     "and more; Expected `int`"),
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


def test_words_of_an_enumeration_are_found_in_any_type() -> None:
    assert allowed_values(EnforcementLevel | None) == "use one of: off, warn, block"
    assert allowed_values(Mapping[str, EnforcementLevel]) == "use one of: off, warn, block"
    assert allowed_values(int) == ""
