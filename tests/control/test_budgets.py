"""Budgets as people write them: read, set, listed, removed."""

from datetime import UTC, datetime

import pytest

from stopper.control.budgets import (
    budget_text,
    drop_budgets,
    list_budgets,
    nobody_named,
    parse_scope,
    read_budget,
    set_budget,
)
from stopper.control.home import Home
from stopper.core.budget import Budget, Unit, Window
from stopper.core.scope import GLOBAL, Scope, ScopeKind
from stopper.errors import UsageError
from stopper.testing.past import Past

NAMES = {"anthropic": "anthropic", "claude": "anthropic", "openai": "openai", "codex": "openai"}

SCOPES = {
    # what is written     expected, or what is said
    "global":             GLOBAL,
    "bottle:fox":         Scope(ScopeKind.BOTTLE, "fox"),
    "agent:claude":       Scope(ScopeKind.AGENT, "claude"),
    "run:0123456789ab":   Scope(ScopeKind.RUN, "0123456789ab"),
    "globall":            "Did you mean 'global'?",
    "botle:fox":          "Did you mean 'bottle:fox'?",
    "bottle":             "all others need one.",
    "bottle:":            "all others need one.",
    "global:fox":         "global takes no name",
    "fox":                "write global, bottle:NAME, agent:NAME or run:ID",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SCOPES.items(), ids=str)
def test_a_scope_is_read_or_says_what_is_allowed(text: str, expected: Scope | str) -> None:
    if isinstance(expected, Scope):
        assert parse_scope(text) == expected
        return
    with pytest.raises(UsageError) as raised:
        parse_scope(text)
    assert expected in str(raised.value)
    assert f"Did you mean {text!r}" not in str(raised.value)


READ = {
    # scope, amount, provider                     expected
    ("global", "5M/day", None):                   Budget(GLOBAL, Unit.TOKENS, 5_000_000, Window.DAY),
    ("bottle:fox", "$2.50", None):                Budget(Scope(ScopeKind.BOTTLE, "fox"), Unit.MICROS, 2_500_000),
    ("global", "claude=1k", None):                Budget(GLOBAL, Unit.TOKENS, 1_000, provider="anthropic"),
    ("global", "1k", "codex"):                    Budget(GLOBAL, Unit.TOKENS, 1_000, provider="openai"),
    ("global", "all=1k", None):                   Budget(GLOBAL, Unit.TOKENS, 1_000),
}  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), READ.items(), ids=str)
def test_a_budget_is_read(given: tuple[str, str, str | None], expected: Budget) -> None:
    assert read_budget(*given, NAMES) == expected


MISREAD = {
    # what is wrong                  scope      amount      provider   needle
    "two payers":                   ("global",  "claude=1k", "codex",  "names a provider, and so does --provider"),
    "a payer mistyped":             ("global",  "cladue=1k", None,     "did you mean 'claude'?"),
    "the dollar that a shell ate":  ("global",  ".50",       None,     "the shell took it: use single quotes, as in '$2.50'"),
    "the same with a payer":        ("global",  "claude=.5", None,     "the shell took it"),
    "something else":               ("global",  "5X",        None,     "'5X' is no amount"),
    "the scope":                    ("globe",   "5M",        None,     "is no scope"),
}  # fmt: skip


@pytest.mark.parametrize(("scope", "amount", "provider", "needle"), MISREAD.values(), ids=MISREAD)
def test_what_is_no_budget(scope: str, amount: str, provider: str | None, needle: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_budget(scope, amount, provider, NAMES)
    assert needle in str(raised.value)


WORDS = {
    # expected                              budget
    "200,000 tokens":                       Budget(GLOBAL, Unit.TOKENS, 200_000),
    "5,000,000 tokens a day of anthropic":  Budget(GLOBAL, Unit.TOKENS, 5_000_000, Window.DAY, "anthropic"),
    "$2.50 a month":                        Budget(GLOBAL, Unit.MICROS, 2_500_000, Window.MONTH),
}  # fmt: skip


@pytest.mark.parametrize(("expected", "budget"), WORDS.items(), ids=WORDS)
def test_a_budget_in_words(expected: str, budget: Budget) -> None:
    assert budget_text(budget) == expected


def test_setting_gives_the_account_with_what_was_spent_before(home: Home, past: Past) -> None:
    fox = past.run("fox")
    past.call(fox)
    past.hold(fox, tokens=300)
    account = set_budget(home.ledger, read_budget("bottle:fox", "1k", None, NAMES), past.now)
    assert (account.budget.limit, account.spent, account.held, account.room) == (
        1000,
        120,
        300,
        580,
    )


def test_the_list_says_when_a_window_starts_again_and_whose_a_run_is(
    home: Home, past: Past
) -> None:
    noon = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
    fox = past.run("fox")
    for scope, amount in (("global", "5M"), ("bottle:fox", "5M/month"), (f"run:{fox.id}", "1k")):
        set_budget(home.ledger, read_budget(scope, amount, None, NAMES), noon)
    found = [(r.account.budget.key, r.renewed, r.bottle) for r in list_budgets(home.ledger, noon)]
    assert found == [
        ("bottle:fox/*/tokens/month", datetime(2026, 4, 1, tzinfo=UTC), None),
        ("global/*/tokens/lifetime", None, None),
        (f"run:{fox.id}/*/tokens/lifetime", None, "fox"),
    ]


OVER = {
    # what became of the run                 its runs, oldest first       over
    "it lives":                             (["running"],                 False),
    "it ended":                             (["ended"],                   True),
    "it was killed":                        (["killed"],                  True),
    "it is frozen":                         (["frozen"],                  False),
    "it was frozen and lives again":        (["frozen", "running"],       False),
    "it was frozen and ended in the end":   (["frozen", "ended"],         True),
    "it was frozen again":                  (["frozen", "frozen"],        False),
}  # fmt: skip


@pytest.mark.parametrize(("statuses", "over"), OVER.values(), ids=OVER)
def test_a_budget_is_over_when_its_run_is(
    home: Home, past: Past, statuses: list[str], over: bool
) -> None:
    first = past.run("fox", status=statuses[0])
    for status in statuses[1:]:
        past.run("fox", status=status, resumes=first.id)
    set_budget(home.ledger, Budget(first.path[0], Unit.TOKENS, 1_000), past.now)
    [report] = list_budgets(home.ledger, past.now)
    assert (report.bottle, report.over) == ("fox", over)


def test_a_budget_for_a_run_that_is_not_known_waits(home: Home, past: Past) -> None:
    set_budget(home.ledger, Budget(Scope(ScopeKind.RUN, "nobody"), Unit.TOKENS, 1), past.now)
    [report] = list_budgets(home.ledger, past.now)
    assert (report.bottle, report.over) == (None, False)


DROPPED = {
    # what is dropped        what goes
    "global":                ["global/*/micros/day", "global/*/tokens/lifetime"],
    "global/*/micros/day":   ["global/*/micros/day"],
    "agent:claude":          ["agent:claude/*/tokens/lifetime"],
}  # fmt: skip


@pytest.mark.parametrize(("what", "gone"), DROPPED.items(), ids=str)
def test_a_key_drops_one_budget_and_a_scope_all_of_its_own(
    home: Home, past: Past, what: str, gone: list[str]
) -> None:
    for scope, amount in (("global", "5M"), ("global", "$1/day"), ("agent:claude", "1k")):
        set_budget(home.ledger, read_budget(scope, amount, None, NAMES), past.now)
    before = {budget.key for budget in home.ledger.budgets()}
    assert [budget.key for budget in drop_budgets(home.ledger, what, past.now)] == gone
    assert {budget.key for budget in home.ledger.budgets()} == before - {*gone}


def test_what_is_not_set_cannot_be_dropped(home: Home, past: Past) -> None:
    with pytest.raises(UsageError, match=r"There is no budget 'global'\. None is set\."):
        drop_budgets(home.ledger, "global", past.now)
    set_budget(home.ledger, Budget(GLOBAL, Unit.TOKENS, 1), past.now)
    with pytest.raises(UsageError, match=r"Did you mean 'global'\? Set are: global/\*/tokens"):
        drop_budgets(home.ledger, "globl", past.now)


NAMED = {
    # scope            whether there is a warning
    "global":          None,
    "bottle:fox":      None,
    "bottle:parent":   None,
    "agent:claude":    None,
    "bottle:fxo":      "No bottle 'fxo' has run yet; the budget waits for it. Did you mean 'fox'?",
    "agent:codex":     "No agent 'codex' has run yet; the budget waits for it.",
}  # fmt: skip


@pytest.mark.parametrize(("scope", "warning"), NAMED.items(), ids=str)
def test_a_scope_that_nothing_ran_in_may_be_mistyped(
    home: Home, past: Past, scope: str, warning: str | None
) -> None:
    past.run("fox", parents=("parent",))
    assert nobody_named(home.ledger, parse_scope(scope)) == warning
