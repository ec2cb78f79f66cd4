"""Outputs that are too large, of every make; what is cut fits, and what is paged is all there."""

import json
from collections import UserList
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.errors import SettingsError
from stopper.guards.models import EnforcementLevel
from stopper.guards.output_size import OutputSizeConfig, OutputSizeGuard, TruncationMode


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def bomb() -> Any:
    value: Any = "lol"
    for _ in range(15):
        value = [value] * 10
    return value


def bomb_of_objects() -> Any:
    value: Any = UserList(["lol"])
    for _ in range(60):
        value = UserList([value, value])
    return value


def circle() -> Any:
    value: dict[str, Any] = {"n": 1}
    value["self"] = [value]
    return value


class Shows(list[Any]):
    """An empty list that shows others."""

    def __iter__(self) -> Iterator[Any]:
        return iter(["y" * 1000] * 500)


class ShowsNumbers(list[Any]):
    """The same, in lists that are not long themselves."""

    def __iter__(self) -> Iterator[Any]:
        return iter([[*range(200)]] * 400)


class Endless:
    """A list of as many items as anybody asks for."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, _place: int) -> str:
        return "x" * 1000


UNMEASURED: dict[str, Any] = {
    "more than anybody looks at":      lambda: range(10**6),
    "a list without end":              Endless,
    "an iterator":                     lambda: iter(["x" * 10**6]),
    "a generator":                     lambda: ("x" for _ in range(3)),
    "a list that shows more":          Shows,
    "a list that shows more numbers":  ShowsNumbers,
    "one in a list":                   lambda: [range(10**6)],
    "one that shows more in a list":   lambda: [Shows()],
}  # fmt: skip


@pytest.mark.parametrize("make", UNMEASURED.values(), ids=UNMEASURED)
def test_what_cannot_be_measured_is_too_large(make: Any) -> None:
    for mode in (TruncationMode.ERROR, TruncationMode.PAGINATE):
        result = OutputSizeGuard(truncation_mode=mode).check_output("t", {}, make())
        assert (result.blocked, result.code) == (True, "output.bytes_exceeded")
    cut = OutputSizeGuard(truncation_mode=TruncationMode.TRUNCATE).check_output("t", {}, make())
    assert cut.repaired
    fits(cut.repaired_output, OutputSizeConfig())
    assert OutputSizeGuard(mode=EnforcementLevel.WARN).check_output("t", {}, make()).warned


@pytest.mark.parametrize("cursor", [None, 5, b"x", "", "x", "x.1", ["x"]])
def test_what_is_no_cursor_has_no_page(cursor: Any) -> None:
    assert OutputSizeGuard(truncation_mode=TruncationMode.PAGINATE).page(cursor) is None


LIMITS: dict[str, tuple[dict[str, Any], Any, str]] = {
    # what is returned        limits                     output                       reason
    "a long list":           ({},                        {"items": list(range(2000))}, "array_length_exceeded: 2000 > 1000"),
    "a list that fits":      ({},                        {"items": list(range(1000))}, ""),
    "a long tuple":          ({},                        tuple(range(1001)),          "array_length_exceeded: 1001 > 1000"),
    "many keys":             ({},                        {str(n): n for n in range(2000)}, ""),
    "many bytes":            ({},                        {"d": "x" * 200_000},        "bytes_exceeded: 200008 > 100000"),
    "many bytes of text":    ({},                        "x" * 100_000,               "bytes_exceeded: 100002 > 100000"),
    "a text that fits":      ({},                        "x" * 99_998,                ""),
    "bytes, not characters": ({"max_bytes": 100},        "é" * 60,                    "bytes_exceeded: 122 > 100"),
    "deep":                  ({},                        nested(21),                  "depth_exceeded: 21 > 20"),
    "as deep as may be":     ({},                        nested(20),                  ""),
    "many tokens":           ({"max_tokens": 10},        {"d": "x" * 200},            "tokens_exceeded: 52 > 10"),
    "a circle":              ({},                        circle(),                    "depth_exceeded: 21 > 20"),
    "little that is huge":   ({},                        bomb(),                      "bytes_exceeded"),
    "a date":                ({},                        {"at": datetime.now(UTC)},   ""),
    "odd keys":              ({},                        {(1, 2): {3}},               ""),
    "half a character":      ({},                        "\ud800",                    ""),
    "nothing":               ({},                        None,                        ""),
}  # fmt: skip


@pytest.mark.parametrize(("limits", "output", "reason"), LIMITS.values(), ids=LIMITS)
def test_limits(limits: dict[str, Any], output: Any, reason: str) -> None:
    result = OutputSizeGuard(**limits).check_output("t", {}, output)
    assert result.blocked == bool(reason)
    assert result.reason.startswith(reason)
    assert result.code == (f"output.{reason.partition(':')[0]}" if reason else "")
    warned = OutputSizeGuard(mode=EnforcementLevel.WARN, **limits).check_output("t", {}, output)
    assert warned.warned == bool(reason)
    off = OutputSizeGuard(mode=EnforcementLevel.OFF, **limits).check_output("t", {}, output)
    assert off.code == ""


@dataclass
class Record:
    name: str
    more: Any


class Faulty:
    def __str__(self) -> str:
        raise RuntimeError


ODD = [
    datetime(2026, 1, 1, tzinfo=UTC), Decimal("1.5"), b"\xff\x00", {1, 2}, (1, 2), Record("a", [1]),
    Faulty(), object(), float("nan"), float("inf"), 10**30, 10**9000, "\ud800", {(1, 2): 3}, {None: 1},
]  # fmt: skip


def odd(place: int) -> Any:
    return ODD[place]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=200)
    | st.sampled_from(range(len(ODD))).map(odd),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(), inner, max_size=20),
    max_leaves=60,
)  # fmt: skip


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def fits(value: Any, config: OutputSizeConfig) -> None:
    """In the longest and in the shortest JSON; every part of it too."""
    for text in (json.dumps(value, allow_nan=False), json.dumps(value, ensure_ascii=False)):
        assert len(text.encode()) <= config.limits.bytes
        assert json.loads(text) == value
    assert depth_of(value) <= config.max_depth
    parts = [value]
    for part in parts:
        if isinstance(part, dict):
            parts.extend(part.values())
        elif isinstance(part, list):
            assert len(part) <= config.max_array_length
            parts.extend(part)
        elif isinstance(part, str):
            assert len(part) <= config.max_string_length


@given(
    VALUES, st.integers(2, 400), st.integers(0, 10), st.integers(0, 4), st.integers(0, 50),
    st.none() | st.integers(1, 50),
)  # fmt: skip
def test_what_is_cut_fits(
    value: Any, size: int, items: int, depth: int, chars: int, tokens: int | None
) -> None:
    config = OutputSizeConfig(
        truncation_mode=TruncationMode.TRUNCATE, max_bytes=size, max_array_length=items,
        max_depth=depth, max_string_length=chars, max_tokens=tokens,
    )  # fmt: skip
    guard = OutputSizeGuard(config)
    result = guard.check_output("t", {}, value)
    assert result.repaired or result.allowed
    if result.repaired:
        fits(result.repaired_output, config)
        assert guard.check_output("t", {}, result.repaired_output).allowed


@pytest.mark.parametrize(
    "make",
    [
        circle,
        bomb,
        bomb_of_objects,
        lambda: nested(5000),
        lambda: [Faulty()] * 2000,
    ],
)
def test_what_has_no_end_is_cut(make: Any) -> None:
    config = OutputSizeConfig(truncation_mode=TruncationMode.TRUNCATE, max_bytes=1000)
    result = OutputSizeGuard(config).check_output("t", {}, make())
    assert result.repaired
    fits(result.repaired_output, config)


def test_the_shape_of_what_is_cut() -> None:
    guard = OutputSizeGuard(truncation_mode="truncate")
    output = {"data": "x" * 200_000, "items": list(range(2000)), "ok": True}
    result = guard.check_output("t", {}, output)
    cut = result.repaired_output
    assert (len(cut["data"]), len(cut["items"]), cut["ok"]) == (10_000, 1000, True)
    assert cut["data"].endswith("x... [200000 characters]")
    assert cut["items"][-1] == "... [1001 more items]"
    assert result.details["returned_bytes"] == len(json.dumps(cut))


def test_json_in_a_text_stays_json() -> None:
    guard = OutputSizeGuard(truncation_mode="truncate", max_bytes=2000)
    text = json.dumps({"rows": [{"id": number, "name": '"quoted"'} for number in range(900)]})
    cut = guard.check_output("t", {}, text).repaired_output
    assert json.loads(cut)["rows"][0] == {"id": 0, "name": '"quoted"'}
    assert len(json.dumps(cut)) <= 2000


def pages_of(guard: OutputSizeGuard, first: dict[str, Any]) -> list[dict[str, Any]]:
    pages = [first]
    while cursor := pages[-1]["next_cursor"]:
        page = guard.page(cursor)
        assert page is not None
        pages.append(page)
    return pages


@given(
    st.lists(st.integers() | st.text(max_size=30) | st.lists(st.integers(), max_size=3), max_size=80)
    | st.text(max_size=2000)
    | st.dictionaries(st.text(), st.text(max_size=50), min_size=1, max_size=20),
    st.integers(140, 400),
)  # fmt: skip
def test_pages_put_together_are_the_whole(value: Any, size: int) -> None:
    config = OutputSizeConfig(
        truncation_mode=TruncationMode.PAGINATE, max_bytes=size, max_array_length=10
    )
    guard = OutputSizeGuard(config)
    result = guard.check_output("t", {}, value)
    if result.allowed:
        return
    assert result.repaired
    pages = pages_of(guard, result.repaired_output)
    for number, page in enumerate(pages, 1):
        fits(page, config)
        assert page["page"] == number
    parts = [page["data"] for page in pages]
    if all(isinstance(part, list) for part in parts):
        assert [item for part in parts for item in part] == value
    else:
        whole = "".join(parts)
        assert whole == value if isinstance(value, str) else json.loads(whole) == value


def test_cursors() -> None:
    guard = OutputSizeGuard(truncation_mode="paginate")
    first = guard.check_output("t", {}, list(range(2500))).repaired_output
    assert [len(page["data"]) for page in pages_of(guard, first)] == [1000, 1000, 500]
    name = first["next_cursor"].partition(".")[0]
    for cursor in (
        "",
        "x",
        f"{name}.",
        f"{name}.3",
        f"{name}.-1",
        f"{name}.{'9' * 50}",
        f"{name}.²",
    ):
        assert guard.page(cursor) is None
    guard.reset()
    assert guard.page(first["next_cursor"]) is None


def test_what_is_kept_for_pages_is_bounded() -> None:
    guard = OutputSizeGuard(truncation_mode="paginate", max_bytes=1000)
    cursors = [
        guard.check_output("t", {}, f"{number}" * 2000).repaired_output["next_cursor"]
        for number in range(70)
    ]
    gone = [guard.page(cursor) is None for cursor in cursors]
    assert gone == [True] * 6 + [False] * 64
    assert guard.check_output("t", {}, "x" * 2**24).blocked
    for output in (circle(), bomb(), bomb_of_objects(), nested(5000)):
        assert guard.check_output("t", {}, output).blocked
    big = guard.check_output("t", {}, "y" * (2**24 - 10)).repaired_output
    assert guard.page(cursors[-1]) is None
    assert guard.page(big["next_cursor"]) is not None


def test_what_does_not_read() -> None:
    with pytest.raises(SettingsError, match="error, truncate, paginate"):
        OutputSizeGuard(truncation_mode="shorten")
    rows: list[dict[str, Any]] = [{"max_bytes": -1}, {"max_depth": 65}, {"chars_per_token": 0}]
    for row in rows:
        with pytest.raises(
            SettingsError, match=r"OutputSizeConfig\.\w+: read -?\d+; use a whole number from"
        ):
            OutputSizeGuard(**row)
