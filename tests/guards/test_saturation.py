"""Extreme Z-scores and degenerate results; nothing odd raises."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.guards.models import EnforcementLevel
from stopper.guards.saturation import SaturationGuard, SaturationGuardConfig

TOOLS = {"normal_cdf"}


def make(**fields: Any) -> SaturationGuard:
    config = SaturationGuardConfig(cdf_tools=TOOLS, degenerate_values={0.0, 1.0})
    return SaturationGuard(config, **fields)


INPUTS: dict[str, tuple[str, Any, str]] = {
    # arguments              tool              arguments                                   code
    "extreme":              ("normal_cdf",     {"x": 100, "mean": 0, "std": 1},            "saturation.extreme_input"),
    "extreme below":        ("normal_cdf",     {"x": -100},                                "saturation.extreme_input"),
    "at the threshold":     ("normal_cdf",     {"x": 8, "mean": 0, "std": 1},              ""),
    "past it":              ("normal_cdf",     {"x": 8.01},                                "saturation.extreme_input"),
    "as text":              ("normal_cdf",     {"x": "100", "mean": "0", "std": "1"},      "saturation.extreme_input"),
    "a Z-score":            ("normal_cdf",     {"z": 9},                                   "saturation.extreme_input"),
    "in a namespace":       ("math.normal_cdf", {"x": 100},                                "saturation.extreme_input"),
    "of a server":          ("mcp__m__normal_cdf", {"x": 100},                             "saturation.extreme_input"),
    "another tool":         ("mean",           {"x": 100},                                 ""),
    "no spread":            ("normal_cdf",     {"x": 1, "std": 0},                         "saturation.extreme_input"),
    "no spread, the mean":  ("normal_cdf",     {"x": 1, "mean": 1, "std": 0},              ""),
    "a huge integer":       ("normal_cdf",     {"x": 10**400},                             "saturation.extreme_input"),
    "a mean that is text":  ("normal_cdf",     {"x": 1, "mean": "abc"},                    ""),
    "not a number":         ("normal_cdf",     {"x": math.nan, "mean": math.inf},          ""),
    "infinite less itself": ("normal_cdf",     {"x": math.inf, "mean": math.inf},          ""),
    "lists":                ("normal_cdf",     {"x": [1], "mean": {}, "std": None},        ""),
    "nothing":              ("normal_cdf",     {},                                         ""),
    "no arguments at all":  ("normal_cdf",     None,                                       ""),
    "a list of arguments":  ("normal_cdf",     [("x", 100)],                               ""),
    "a decimal":            ("normal_cdf",     {"x": Decimal(100)},                        "saturation.extreme_input"),
    "a huge decimal":       ("normal_cdf",     {"x": Decimal("-1e999")},                   "saturation.extreme_input"),
    "a decimal that is none": ("normal_cdf",   {"x": Decimal("sNaN")},                     ""),
    "a fraction":           ("normal_cdf",     {"z": Fraction(100, 3)},                    "saturation.extreme_input"),
    "a huge fraction":      ("normal_cdf",     {"x": Fraction(10**400, 3)},                "saturation.extreme_input"),
    "a huge fraction below": ("normal_cdf",    {"x": Fraction(-(10**400), 3)},             "saturation.extreme_input"),
    "a huge text":          ("normal_cdf",     {"x": "9" * 400},                           "saturation.extreme_input"),
}  # fmt: skip


@pytest.mark.parametrize(("tool", "args", "code"), INPUTS.values(), ids=INPUTS)
def test_inputs(tool: str, args: dict[str, Any], code: str) -> None:
    result = make().check(tool, args)
    assert result.code == code
    assert result.warned == bool(code)
    assert make(block_on_extreme=True).check(tool, args).blocked == bool(code)


def test_the_documented_words() -> None:
    result = make().check("normal_cdf", {"x": 100, "mean": 0, "std": 1})
    assert result.reason.startswith(
        "SATURATION_WARNING: `normal_cdf` called with extreme Z-score |Z|=100.00 > 8.0."
    )


OUTPUTS: dict[str, tuple[list[Any], int]] = {
    # results in a row                results                                      warned from
    "three":                         ([1.0, 0.0, 1.0],                             3),
    "in dicts":                      ([{"result": 1.0}] * 3,                       3),
    "as texts":                      (["1.0"] * 3,                                 3),
    "as decimals":                   ([Decimal(1), {"p_value": Decimal(0)}] * 2,   3),
    "nearly":                        ([1 - 1e-10] * 3,                             3),
    "not nearly":                    ([1 - 1e-6] * 3,                              0),
    "broken by another":             ([1.0, 1.0, 0.5, 1.0],                        0),
    "broken by none":                ([1.0, 1.0, {"error": "x"}, 1.0],             4),
    "truth is no number":            ([True] * 5,                                  0),
}  # fmt: skip


@pytest.mark.parametrize(("outputs", "first"), OUTPUTS.values(), ids=OUTPUTS)
def test_outputs(outputs: list[Any], first: int) -> None:
    guard, other = make(), make()
    for number, output in enumerate(outputs, 1):
        result = guard.check_output("normal_cdf", output)
        assert result.warned == (0 < first <= number)
        assert other.admit_output("normal_cdf", {}, output) == result
    guard.reset()
    assert guard.get_status() == {"consecutive_degenerate": 0, "recent_results": []}


def test_what_is_kept_is_bounded() -> None:
    guard = make()
    for number in range(100):
        guard.check_output("normal_cdf", {}, {"result": number})
    assert guard.get_status()["recent_results"] == [float(number) for number in range(90, 100)]


def test_nothing_is_watched_unless_named() -> None:
    assert SaturationGuard().check("normal_cdf", {"x": 100}).allowed
    off = make(mode=EnforcementLevel.OFF, block_on_extreme=True)
    assert off.check("normal_cdf", {"x": 100}).allowed
    assert (
        make(mode=EnforcementLevel.WARN, block_on_extreme=True)
        .check("normal_cdf", {"x": 100})
        .warned
    )


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(ODD, ODD, ODD, ODD)
def test_odd_values_never_raise(x: Any, mean: Any, std: Any, output: Any) -> None:
    guard = make()
    guard.check("normal_cdf", {"x": x, "mean": mean, "std": std, "z": output})
    guard.check_output("normal_cdf", {"result": output})
