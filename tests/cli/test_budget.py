"""`stopper budget`: limits as people write them, kept in the ledger."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from stopper.stores.ledger import Ledger
from stopper.testing.past import Past

Typed = Callable[..., Result]

SET = {
    # what is limited            words                                             key and limit
    "everyone":                  (("global", "5M/day"),                            ("global/*/tokens/day", 5_000_000)),
    "a bottle, in dollars":      (("bottle:fox", "$2.50"),                         ("bottle:fox/*/micros/lifetime", 2_500_000)),
    "an agent of a provider":    (("agent:claude", "200k", "--provider", "anthropic"), ("agent:claude/anthropic/tokens/lifetime", 200_000)),
    "an agent by its own name":  (("global", "claude=5M/month"),                   ("global/anthropic/tokens/month", 5_000_000)),
    "a provider by an agent":    (("global", "1k/minute", "--provider", "codex"),  ("global/openai/tokens/minute", 1_000)),
    "a run":                     (("run:0123456789ab", "10_000"),                  ("run:0123456789ab/*/tokens/lifetime", 10_000)),
}  # fmt: skip


@pytest.mark.parametrize(("words", "expected"), SET.values(), ids=SET)
def test_a_limit_is_set(
    typed: Typed, ledger: Ledger, words: tuple[str, ...], expected: tuple[str, int]
) -> None:
    shown = typed("budget", "set", *words)
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"{expected[0]} may use ")
    assert [(budget.key, budget.limit) for budget in ledger.budgets()] == [expected]


REFUSED = {
    # what is wrong              words                                            needle
    "no scope":                  (("", "5M"),                                     "'' is no scope"),
    "a scope without a name":    (("bottle", "5M"),                               "global takes no name, all others need one"),
    "a scope mistyped":          (("agnet:claude", "5M"),                         "Did you mean 'agent:claude'?"),
    "no amount":                 (("global", "lots"),                             "'lots' is no amount: write tokens as 200000, 200k or 5M, dollars as $2.50"),
    "a window that is none":     (("global", "5M/week"),                          "/minute, /day or /month"),
    "a dollar that is gone":     (("global", ".50"),                              "the shell took it: use single quotes, as in '$2.50'"),
    "a fraction of a token":     (("global", "1.5"),                              "finer than one token"),
    "more than can be":          (("global", "9000000000b"),                      "out of range"),
    "a provider mistyped":       (("global", "cluade=5M"),                        "did you mean 'claude'?"),
    "two providers":             (("global", "claude=5M", "--provider", "codex"), "keep one"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "needle"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_limit_changes_nothing(
    typed: Typed, ledger: Ledger, words: tuple[str, ...], needle: str
) -> None:
    shown = typed("budget", "set", *words)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert needle in shown.stderr
    assert ledger.budgets() == []


def test_a_new_limit_keeps_what_was_spent(typed: Typed, past: Past) -> None:
    past.call(past.run("fox"))
    said = typed("budget", "set", "bottle:fox", "200")
    assert said.stdout == (
        "bottle:fox/*/tokens/lifetime may use 200 tokens; 120 is spent so far.\n"
    )
    assert said.stderr == ""
    assert "may use 1,000 tokens; 120 is spent" in typed("budget", "set", "bottle:fox", "1k").stdout


HINTS = {
    # what is odd                 words                    hint
    "a name nobody ran under":   (("bottle:fxo", "5M"),    "No bottle 'fxo' has run yet; the budget waits for it. Did you mean 'fox'?"),
    "an agent nobody ran":       (("agent:claud", "5M"),   "No agent 'claud' has run yet; the budget waits for it. Did you mean 'claude'?"),
    "nothing at all":            (("global", "0"),         "A limit of 0 lets no request out. If you meant dollars, use single quotes: '$2.50'"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "hint"), HINTS.values(), ids=HINTS)
def test_what_is_odd_is_hinted_at(
    typed: Typed, past: Past, words: tuple[str, ...], hint: str
) -> None:
    past.run("fox")
    shown = typed("budget", "set", *words)
    assert shown.exit_code == 0
    assert shown.stderr == f"{hint}\n"


def cells(text: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in text.splitlines()[2:]]


def test_the_list_shows_what_is_spent_held_and_left(typed: Typed, past: Past) -> None:
    fox = past.run("fox")
    past.call(fox)
    past.hold(fox, tokens=500)
    typed("budget", "set", "global", "1000")
    typed("budget", "set", "agent:claude", "claude=1M/day")
    typed("budget", "set", f"run:{fox.id}", "$0.01")
    first, everyone, run = cells(typed("budget", "list").stdout)
    assert first[:6] == ["agent:claude", "anthropic", "1,000,000/day", "120", "500", "999,380"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", first[-1])
    assert everyone == ["global", "all", "1,000", "120", "500", "380", "██████░░░░", "62%", "never"]
    assert run[:6] == [f"run:{fox.id} (fox)", "all", "$0.01", "$0.001", "$0.002", "$0.007"]


def test_json(typed: Typed, past: Past) -> None:
    fox = past.run("fox")
    past.call(fox)
    typed("budget", "set", f"run:{fox.id}", "1000")
    typed("budget", "set", "global", "5M/day")
    everyone, run = json.loads(typed("budget", "list", "--json").stdout)
    assert everyone.pop("starts_again").endswith("T00:00:00Z")
    assert everyone == {
        "key": "global/*/tokens/day",
        "scope": "global",
        "provider": None,
        "unit": "tokens",
        "window": "day",
        "limit": 5_000_000,
        "spent": 120,
        "held": 0,
        "left": 4_999_880,
        "bottle": None,
        "over": False,
    }
    assert (run["bottle"], run["over"], run["starts_again"]) == ("fox", False, None)


def test_budgets_of_runs_that_are_over_are_listed_on_demand(typed: Typed, past: Past) -> None:
    ended, frozen = past.run("ended", status="ended"), past.run("frozen", status="frozen")
    typed("budget", "set", f"run:{ended.id}", "1000")
    shown = typed("budget", "list")
    assert shown.stdout == ""
    assert shown.stderr == (
        "Nothing limits what a new bottle may use.\n"
        "`stopper budget list --all` lists those of runs that are over, too.\n"
    )
    typed("budget", "set", f"run:{frozen.id}", "1000")
    assert [row[0] for row in cells(typed("budget", "list").stdout)] == [
        f"run:{frozen.id} (frozen)"
    ]
    assert len(json.loads(typed("budget", "list", "--all", "--json").stdout)) == 2
    assert typed("budget", "list", "--all").stderr == ""


def test_no_budget_is_said_to_limit_nothing(typed: Typed) -> None:
    shown = typed("budget", "list")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr == (
        "No budget is set: nothing limits what a bottle may use.\n"
        "Set one with `stopper budget set global 5M/day`.\n"
    )
    assert typed("budget", "list", "--json").stdout == "[]\n"


def test_a_budget_is_removed_by_its_key(typed: Typed, ledger: Ledger) -> None:
    typed("budget", "set", "global", "5M")
    typed("budget", "set", "global", "$1/day")
    shown = typed("budget", "rm", "global/*/tokens/lifetime")
    assert shown.stdout == "Removed global/*/tokens/lifetime, which was 5,000,000 tokens.\n"
    assert [budget.key for budget in ledger.budgets()] == ["global/*/micros/day"]


def test_all_budgets_of_a_scope_are_removed(typed: Typed, ledger: Ledger) -> None:
    for words in (("global", "5M"), ("global", "$1/day"), ("agent:claude", "1k")):
        typed("budget", "set", *words)
    assert typed("budget", "rm", "global").stdout.count("Removed global/") == 2
    assert [budget.key for budget in ledger.budgets()] == ["agent:claude/*/tokens/lifetime"]


def test_what_the_settings_set_comes_back_and_that_is_said(typed: Typed, home: Path) -> None:
    home.mkdir(parents=True)
    (home / "settings.yml").write_text("budget: 5M\n")
    typed("budget", "set", "global", "1M")
    shown = typed("budget", "rm", "global")
    assert shown.stderr == ("The settings set global/*/tokens/lifetime again at the next run.\n")


def test_what_is_not_there_cannot_be_removed(typed: Typed) -> None:
    assert "None is set." in typed("budget", "rm", "global").stderr
    typed("budget", "set", "global", "5M")
    shown = typed("budget", "rm", "globl")
    assert shown.exit_code == 2
    assert "There is no budget 'globl'. Did you mean 'global'? Set are: global/*/" in shown.stderr
