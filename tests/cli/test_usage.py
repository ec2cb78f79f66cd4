"""`stopper usage`: who used what, by kind, and where the figures come from."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from stopper.core.usage import Quality, Usage
from stopper.testing.past import Past

Typed = Callable[..., Result]
DAYS = timedelta(days=1)


@pytest.fixture
def used(past: Past) -> Past:
    """Two bottles at two providers, on two days, with figures of every quality."""
    fox, owl = past.run("fox"), past.run("owl", "codex")
    cached = Usage(
        input=1_000, output=200, cache_write=30, cache_read=4_000, quality=Quality.MEASURED
    )
    past.call(fox, usage=cached, micros=1_500)
    past.call(fox, model="claude-opus-5", ago=3 * DAYS, micros=20_000)
    reasoned = Usage(input=50, output=80, reasoning=20, quality=Quality.ESTIMATED)
    past.call(owl, "gpt-5", provider="openai", usage=reasoned, micros=None, ending="cut")
    past.lose(owl, "gpt-5", provider="openai")
    return past


def rows_of(text: str) -> list[list[str]]:
    """The cells of a piped table."""
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


ASKED = {
    # what is asked for            words                                        first cells
    "by provider, if not said":    ((),                                         ["anthropic", "openai", "total"]),
    "by model":                    (("--by", "model"),                          ["claude-opus-5", "claude-sonnet-5", "gpt-5", "total"]),
    "by bottle":                   (("--by", "bottle"),                         ["fox", "owl", "total"]),
    "by agent":                    (("--by", "agent"),                          ["claude", "codex", "total"]),
    "one bottle":                  (("--bottle", "fox", "--by", "model"),       ["claude-opus-5", "claude-sonnet-5", "total"]),
    "one run, by its id":          (("--bottle", "000000000002"),               ["openai"]),
    "of the last twelve hours":    (("--since", "12h", "--by", "model"),        ["claude-sonnet-5", "gpt-5", "total"]),
}  # fmt: skip


@pytest.mark.usefixtures("used")
def test_kinds_are_apart_and_add_up(typed: Typed) -> None:
    _, header, *rows = rows_of(typed("usage").stdout)
    assert header[:6] == ["provider", "calls", "input", "write", "read", "output"]
    anthropic, openai, total = (row[1:] for row in rows)
    assert anthropic[:5] == ["2", "1,100", "30", "4,000", "220"]
    assert anthropic[5:] == ["-", "5,350", "$0.0215", "0", "measured"]
    assert openai[:5] == ["2", "50", "0", "0", "580"]
    assert openai[5:] == ["3%", "630", "$0.002", "1", "1 estimated, 1 unknown"]
    assert total[5:] == ["2%", "5,980", "$0.0235", "1", "2 measured, 1 estimated, 1 unknown"]


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize(("words", "names"), ASKED.values(), ids=ASKED)
def test_groups(typed: Typed, words: tuple[str, ...], names: list[str]) -> None:
    shown = typed("usage", *words)
    assert shown.exit_code == 0
    assert [row[0] for row in rows_of(shown.stdout)[2:]] == names


@pytest.mark.usefixtures("used")
def test_two_groups_at_once(typed: Typed) -> None:
    rows = rows_of(typed("usage", "--by", "bottle", "--by", "model").stdout)[2:]
    assert [row[:2] for row in rows[:3]] == [
        ["fox", "claude-opus-5"],
        ["fox", "claude-sonnet-5"],
        ["owl", "gpt-5"],
    ]


@pytest.mark.usefixtures("used")
def test_missing_prices_are_told(typed: Typed) -> None:
    shown = typed("usage")
    assert "unpriced" in shown.stdout
    assert shown.stderr == "No price is known for unpriced calls; they are not in the cost.\n"


def test_one_group_needs_no_total_and_no_idle_columns(typed: Typed, past: Past) -> None:
    past.call(past.run("fox"))
    shown = typed("usage")
    assert "total  " not in shown.stdout.splitlines()[-1]
    assert "reasoning" not in shown.stdout
    assert "unpriced" not in shown.stdout
    assert shown.stderr == ""


@pytest.mark.usefixtures("used")
def test_weights_are_told(typed: Typed, home: Path) -> None:
    (home / "settings.yml").write_text("weights: {cache_read: 0.1}\n")
    shown = typed("usage")
    assert "Token budgets count input 1, output 1, cache write 1, cache read 0.1." in shown.stderr
    assert json.loads(typed("usage", "--json").stdout)["weights"]["cache_read"] == 0.1


@pytest.mark.usefixtures("used")
def test_json(typed: Typed) -> None:
    shown = typed("usage", "--by", "provider", "--by", "day", "--since", "12h", "--json")
    said = json.loads(shown.stdout)
    assert shown.stderr == ""
    assert set(said) == {"by", "since", "groups", "total", "weights"}
    assert said["by"] == ["provider", "day"]
    assert [group["provider"] for group in said["groups"]] == ["anthropic", "openai"]
    first = said["groups"][0]
    assert {name: first[name] for name in ("input", "output", "cache_write", "cache_read")} == {
        "input": 1_000,
        "output": 200,
        "cache_write": 30,
        "cache_read": 4_000,
    }
    assert first["total"] == 5_230
    assert said["total"]["figures"] == {"measured": 1, "estimated": 1, "unknown": 0}
    assert said["total"]["unpriced"] == 1


NOTHING = {
    # what is asked for      words                             what is said
    "everything":           ((),                               "Nothing was used yet."),
    "of late":              (("--since", "1d"),                "Nothing was used."),
    "in JSON":              (("--json",),                      ""),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said"), NOTHING.values(), ids=NOTHING)
def test_nothing_was_used(typed: Typed, words: tuple[str, ...], said: str) -> None:
    shown = typed("usage", *words)
    assert (shown.exit_code, shown.stderr.strip()) == (0, said)
    assert not said or shown.stdout == ""
    assert said or json.loads(shown.stdout)["groups"] == []


REFUSED = {
    # what is asked for            words                     needle
    "a bottle that is unknown":    (("--bottle", "fxo"),     "no bottle 'fxo'. Did you mean 'fox'? Known are: fox, owl."),
    "a time that is none":         (("--since", "soon"),     "'soon' is no time: write 30m, 12h, 1d or 2w, or a day as 2026-01-31"),
    "a day that is none":          (("--since", "2026-02-30"), "is no time"),
}  # fmt: skip


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize(("words", "needle"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_shown(typed: Typed, words: tuple[str, ...], needle: str) -> None:
    shown = typed("usage", *words)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert needle in shown.stderr


def test_a_model_cannot_steer_the_terminal(typed: Typed, past: Past) -> None:
    past.call(past.run("fox"), "\x1b]0;owned\x07\u202egpt")
    shown = typed("usage", "--by", "model")
    assert r"\x1b]0;owned\x07\u202egpt" in shown.stdout
    assert typed("usage", "--by", "model", "--json").stdout.isascii()
