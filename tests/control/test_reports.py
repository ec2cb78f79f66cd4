"""What runs and what was used, as every face shows it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.control.home import Home, open_home
from stopper.control.reports import (
    GROUPS,
    LOST,
    find_run,
    parse_since,
    report_runs,
    report_usage,
    sum_of,
)
from stopper.core.budget import Budget, Unit, Window
from stopper.core.scope import GLOBAL, Scope, ScopeKind
from stopper.core.usage import Quality, Usage, Weights
from stopper.errors import UsageError
from stopper.stores.ledger import Total
from stopper.testing.past import Past

NOW = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)

SINCE = {
    # what is written    expected
    "30m":               NOW - timedelta(minutes=30),
    "12h":               NOW - timedelta(hours=12),
    "1d":                NOW - timedelta(days=1),
    "2w":                NOW - timedelta(weeks=2),
    "0m":                NOW,
    "2026-01-31":        datetime(2026, 1, 30, 18, 30, tzinfo=UTC),
    "2026-01-31T08:30":  datetime(2026, 1, 31, 3, 0, tzinfo=UTC),
    "2026-01-31T08:30Z": datetime(2026, 1, 31, 8, 30, tzinfo=UTC),
}  # fmt: skip


@pytest.fixture
def in_india(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock at +05:30."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "IST-5:30")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_india")
@pytest.mark.parametrize(("text", "expected"), SINCE.items(), ids=str)
def test_a_time_that_people_write(text: str, expected: datetime) -> None:
    assert parse_since(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "1", "d", "1y", "-1d", "1.5h", "1d ", "yesterday", "2026-13-01", "9999999w", "٣d"]
)
def test_a_time_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="write 30m, 12h, 1d or 2w, or a day as 2026-01-31"):
        parse_since(text, NOW)


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_a_usage_error(text: str) -> None:
    try:
        since = parse_since(text, NOW)
    except UsageError:
        return
    assert since.tzinfo is not None


def test_a_run_is_found_by_its_bottle_or_its_id(home: Home, past: Past) -> None:
    old, new = past.run("fox", status="ended"), past.run("fox")
    assert find_run(home.ledger, "fox").id == new.id
    assert find_run(home.ledger, old.id).id == old.id


def test_no_run_is_found(home: Home, past: Past) -> None:
    with pytest.raises(UsageError, match="nothing has run here yet"):
        find_run(home.ledger, "fox")
    for number in range(14):
        past.run(f"fox-{number:02}")
    with pytest.raises(UsageError, match=r"Did you mean 'fox-1\d'\? .*fox-11 and 2 more\."):
        find_run(home.ledger, "fox1")


STATUSES = {
    # what has become of it    the run                            an order  expected
    "it lives":               ({},                                None,     "running"),
    "it is cut and lives":    ({},                                "cut",    "cut"),
    "its process is gone":    ({"gone": True},                    None,     LOST),
    "cut, and then gone":     ({"gone": True},                    "cut",    LOST),
    "it ended after a cut":   ({"status": "cut"},                 "cut",    "cut"),
    "it was killed":          ({"status": "killed"},              "cut",    "killed"),
}  # fmt: skip


@pytest.mark.parametrize(("run", "act", "expected"), STATUSES.values(), ids=STATUSES)
def test_the_status_of_a_run(
    home: Home, past: Past, run: dict[str, str | bool], act: str | None, expected: str
) -> None:
    made = past.run("fox", **run)  # type: ignore[arg-type]
    other = past.run("owl", status="ended")
    home.ledger.note(other.id, "cut", "bottle.cut", {}, past.now)
    if act is not None:
        home.ledger.note(made.id, act, "bottle.cut", {}, past.now)
    reports = {report.run: report.status for report in report_runs(home, past.now, ended=True)}
    assert reports[made.id] == expected


RUN, BOTTLE = Scope(ScopeKind.RUN, "000000000001"), Scope(ScopeKind.BOTTLE, "fox")
TIGHTEST = {
    # budgets                        (scope, limit, provider)                        the key that is shown
    "none":                         ((),                                             None),
    "the only one":                 (((GLOBAL, 900, None),),                         "global/*/tokens/lifetime"),
    "the nearest, though roomier":  (((GLOBAL, 200, None), (RUN, 900, None)),        "run:000000000001/*/tokens/lifetime"),
    "the least share of several":   (((RUN, 900, None), (RUN, 200, "anthropic")),    "run:000000000001/anthropic/tokens/lifetime"),
    "one that binds one provider":  (((RUN, 900, "openai"), (GLOBAL, 200, None)),    "global/*/tokens/lifetime"),
    "of another bottle":            (((Scope(ScopeKind.BOTTLE, "owl"), 1, None),),   None),
    "a limit of nothing":           (((BOTTLE, 0, None), (GLOBAL, 900, None)),       "bottle:fox/*/tokens/lifetime"),
}  # fmt: skip


@pytest.mark.parametrize(("budgets", "key"), TIGHTEST.values(), ids=TIGHTEST)
def test_the_budget_with_the_least_left_is_shown(
    home: Home, past: Past, budgets: tuple[tuple[Scope, int, str | None], ...], key: str | None
) -> None:
    past.call(past.run("fox"))
    for scope, limit, provider in budgets:
        home.ledger.set_budget(Budget(scope, Unit.TOKENS, limit, provider=provider), past.now)
    [report] = report_runs(home, past.now)
    assert (report.budget and report.budget.budget.key) == key


def test_every_budget_on_the_path_counts_where_all_are_enforced(tmp_path: Path) -> None:
    environ = {"STOPPER_HOME": str(tmp_path), "STOPPER_ENFORCE": "all"}
    with open_home(environ) as home:
        past = Past(home.ledger)
        past.call(past.run("fox"))
        home.ledger.set_budget(Budget(RUN, Unit.TOKENS, 900), past.now)
        home.ledger.set_budget(Budget(GLOBAL, Unit.TOKENS, 200, Window.DAY), past.now)
        [report] = report_runs(home, past.now)
    assert report.budget is not None
    assert report.budget.budget.key == "global/*/tokens/day"


def test_a_run_shows_its_own_usage_alone(home: Home, past: Past) -> None:
    first, second = past.run("fox", status="ended"), past.run("fox")
    past.call(first)
    past.call(second)
    past.call(second)
    assert [report.used.requests for report in report_runs(home, past.now, ended=True)] == [2, 1]
    [report] = report_runs(home, past.now)
    assert (report.bottle, report.used.usage.total) == ("fox", 240)


def test_usage_of_a_bottle_is_of_all_its_runs_and_of_no_other(home: Home, past: Past) -> None:
    first, second = past.run("fox", status="ended"), past.run("fox")
    past.call(first)
    past.call(second, "claude-opus-5")
    past.call(past.run("owl"))
    both = report_usage(home, ("model",), bottle="fox")
    assert [total.group for total in both.groups] == [("claude-opus-5",), ("claude-sonnet-5",)]
    assert both.total.requests == 2
    assert report_usage(home, ("model",), bottle=first.id).total.requests == 1
    assert report_usage(home, (), bottle="fox").total.requests == 2


@pytest.mark.parametrize("group", GROUPS)
def test_groups_add_up_to_the_total(home: Home, past: Past, group: str) -> None:
    fox = past.run("fox")
    past.call(fox, ago=timedelta(days=2))
    past.call(fox, "gpt-5", provider="openai", micros=None)
    past.lose(past.run("owl", "codex"))
    report = report_usage(home, (group,))
    assert sum_of(report.groups) == report.total
    assert report.total.requests == 3
    assert report.total.unpriced == 1
    assert report.weights == Weights()


KINDS = ("input", "output", "cache_write", "cache_read", "reasoning", "cache_write_1h")
USAGES = st.builds(
    Usage, **{kind: st.integers(0, 10**9) for kind in KINDS}, quality=st.sampled_from(Quality)
)
TOTALS = st.builds(
    Total,
    st.just(("x",)),
    st.integers(0, 100),
    USAGES,
    st.integers(0, 10**9),
    st.integers(0, 100),
    st.dictionaries(st.sampled_from([*map(str, Quality)]), st.integers(1, 9)),
)


@given(st.lists(TOTALS, max_size=4), st.integers(0, 4))
def test_a_sum_is_the_same_however_it_is_split(totals: list[Total], cut: int) -> None:
    whole = sum_of(totals)
    assert sum_of([sum_of(totals[:cut]), sum_of(totals[cut:])]) == whole
    assert whole.usage.total == sum(total.usage.total for total in totals)
    assert sum(whole.by_quality.values()) == sum(sum(t.by_quality.values()) for t in totals)
