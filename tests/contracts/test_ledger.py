"""What every ledger back end does: one suite, run against each of them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stopper.core.budget import Budget, Enforce, Unit, Window
from stopper.core.hold import Account, Denial, Need
from stopper.core.scope import GLOBAL, Scope, ScopeKind, path_of
from stopper.core.usage import Quality, Usage, Weights
from stopper.errors import StoreError
from stopper.stores import open_ledger
from stopper.stores.ledger import (
    Calibration,
    Grant,
    Grow,
    Hold,
    Ledger,
    Op,
    Pending,
    Release,
    Run,
    Settle,
    Total,
    UsageRow,
)

NOON = datetime(2026, 3, 31, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIFETIME = timedelta(minutes=5)

BACK_ENDS: dict[str, Callable[[Path], str]] = {
    "memory": lambda _: "memory:",
    "sqlite": lambda folder: f"sqlite:{folder / 'stopper.db'}",
}

Open = Callable[..., Ledger]


@pytest.fixture(params=BACK_ENDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens a ledger, with the run `r` (agent `a`, bottle `b` below `p`) recorded in it."""
    ledgers: list[Ledger] = []

    def open_one(**terms: Any) -> Ledger:
        ledger = open_ledger(BACK_ENDS[request.param](tmp_path), **{"lifetime": LIFETIME, **terms})
        ledgers.append(ledger)
        ledger.add_run(a_run("r"))
        return ledger

    yield open_one
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(opened: Open) -> Ledger:
    return opened()


def a_run(id_: str, bottle: str = "b", agent: str = "a", parents: tuple[str, ...] = ("p",)) -> Run:
    return Run(id_, bottle, agent, path_of(id_, agent, bottle, parents), NOON)


def bottle(name: str = "b") -> Scope:
    return Scope(ScopeKind.BOTTLE, name)


def tokens(
    limit: int,
    scope: Scope = GLOBAL,
    window: Window = Window.LIFETIME,
    provider: str | None = None,
) -> Budget:
    return Budget(scope, Unit.TOKENS, limit, window, provider)


def dollars(limit: int, scope: Scope = GLOBAL) -> Budget:
    return Budget(scope, Unit.MICROS, limit)


def a_hold(
    id_: str = "h",
    fixed: int = 10,
    asked: int = 90,
    *,
    run: str = "r",
    provider: str = "anthropic",
    least: int = 1,
    micros: int = 0,
    pico: int = 0,
    priced: bool = True,
) -> Hold:
    need = Need(fixed, micros, 1000, pico, priced)
    return Hold(id_, run, provider, "claude", need, asked, least)


def a_row(
    id_: str = "h",
    used: int = 40,
    *,
    run: str = "r",
    provider: str = "anthropic",
    micros: int | None = 7,
    at: datetime = NOON,
    quality: Quality = Quality.MEASURED,
    **more: Any,
) -> UsageRow:
    usage = Usage(output=used, quality=quality)
    return UsageRow(id_, run, provider, "claude", usage, micros, at, **more)


def settle(id_: str = "h", used: int = 40, **more: Any) -> Settle:
    return Settle(a_row(id_, used, **more))


def standing(ledger: Ledger, now: datetime = NOON) -> dict[str, tuple[int, int]]:
    return {a.budget.key: (a.spent, a.held) for a in ledger.accounts(None, now)}


def acts(ledger: Ledger) -> list[str]:
    return [row.act for row in ledger.audit()]


# -- hold, settle, release, grow


def test_a_hold_takes_room_until_it_is_settled(ledger: Ledger) -> None:
    ledger.set_budget(tokens(1000), NOON)
    assert ledger.apply([a_hold()], NOON) == [Grant("h", 90, 100, 0)]
    assert standing(ledger) == {"global/*/tokens/lifetime": (0, 100)}
    assert ledger.open_holds() == 1
    assert ledger.apply([settle()], NOON) == [None]
    assert standing(ledger) == {"global/*/tokens/lifetime": (40, 0)}
    assert ledger.open_holds() == 0
    assert ledger.rows() == [(1, a_row())]


def test_a_released_hold_leaves_nothing(ledger: Ledger) -> None:
    ledger.set_budget(tokens(1000), NOON)
    assert ledger.apply([a_hold(), Release("h"), Release("h")], NOON)[1:] == [None, None]
    assert standing(ledger) == {"global/*/tokens/lifetime": (0, 0)}
    ledger.apply([a_hold("h2")], NOON)
    ledger.apply([Release("h2"), Release("never seen")], NOON)
    assert standing(ledger) == {"global/*/tokens/lifetime": (0, 0)}
    assert (ledger.open_holds(), ledger.rows()) == (0, [])


def test_output_is_clamped_to_what_the_budget_buys(ledger: Ledger) -> None:
    ledger.set_budget(tokens(150), NOON)
    outcomes = ledger.apply([a_hold("one"), a_hold("two"), a_hold("three")], NOON)
    assert outcomes[:2] == [Grant("one", 90, 100, 0), Grant("two", 40, 50, 0)]
    assert outcomes[2] == Denial(Account(tokens(150), 0, 150), waiting=True)
    assert ledger.open_holds() == 2


def test_the_operations_of_a_batch_see_each_other(ledger: Ledger) -> None:
    ledger.set_budget(tokens(100), NOON)
    outcomes = ledger.apply(
        [
            a_hold("one"),
            settle("one", 30),
            a_hold("two"),
            Release("two"),
            a_hold("three"),
            Grow("three", 71, 0),
            Grow("three", 70, 0),
            settle("three", 20),
            settle("three", 20),
        ],
        NOON,
    )
    assert outcomes == [
        Grant("one", 90, 100, 0),
        None,
        Grant("two", 60, 70, 0),
        None,
        Grant("three", 60, 70, 0),
        Denial(Account(tokens(100), 30, 70), waiting=False),
        Grant("three", 0, 70, 0),
        None,
        None,
    ]
    assert standing(ledger) == {"global/*/tokens/lifetime": (50, 0)}
    assert [id_ for id_, _ in ledger.rows()] == [1, 2]


WAITING = {
    # what stands in the way             spent  held  asked for  waiting
    "only another hold":                 (0,    80,   30,        True),
    "only what was spent":               (80,   0,    30,        False),
    "a hold, but spent is enough":       (75,   10,   30,        False),
    "both, and the hold is decisive":    (70,   10,   30,        True),
    "more than the whole budget":        (0,    0,    101,       False),
    "more than the budget, and a hold":  (0,    10,   101,       False),
}  # fmt: skip


@pytest.mark.parametrize(("spent", "held", "needed", "waiting"), WAITING.values(), ids=WAITING)
def test_a_denial_says_whether_room_comes_back(
    ledger: Ledger, spent: int, held: int, needed: int, *, waiting: bool
) -> None:
    ledger.set_budget(tokens(100), NOON)
    ledger.apply([a_hold("s", 0), settle("s", spent), a_hold("h", 0, held, least=0)], NOON)
    (outcome,) = ledger.apply([a_hold("x", 0, needed, least=needed)], NOON)
    assert outcome == Denial(Account(tokens(100), spent, held), waiting)


def test_of_two_budgets_the_one_that_cannot_recover_is_named(opened: Open) -> None:
    ledger = opened(enforce=Enforce.ALL)
    ledger.set_budget(tokens(100, bottle()), NOON)
    ledger.set_budget(tokens(110), NOON)
    ledger.add_run(a_run("r2", "other"))
    ledger.apply([a_hold("h", 0, 60), a_hold("s", 0, 50, run="r2")], NOON)
    ledger.apply([settle("s", 50, run="r2")], NOON)
    (outcome,) = ledger.apply([a_hold("x", 70)], NOON)
    assert outcome == Denial(Account(tokens(110), 50, 60), waiting=False)


def test_a_hold_grows_only_into_room(ledger: Ledger) -> None:
    ledger.set_budget(tokens(150), NOON)
    ledger.apply([a_hold()], NOON)
    assert ledger.apply([Grow("h", 150, 0)], NOON) == [Grant("h", 0, 150, 0)]
    denied = Denial(Account(tokens(150), 0, 150), waiting=True)
    assert ledger.apply([a_hold("x")], NOON) == [denied]
    (outcome,) = ledger.apply([Grow("h", 151, 0)], NOON)
    assert isinstance(outcome, Denial)
    assert standing(ledger) == {"global/*/tokens/lifetime": (0, 150)}
    assert ledger.apply([Grow("h", 20, 0)], NOON) == [Grant("h", 0, 150, 0)]
    ledger.apply([settle(used=1)], NOON)
    assert standing(ledger) == {"global/*/tokens/lifetime": (1, 0)}
    assert ledger.apply([Grow("h", 10, 0), Grow("never seen", 10, 0)], NOON) == [None, None]


def test_a_hold_without_a_price_takes_no_dollars(ledger: Ledger) -> None:
    ledger.set_budget(tokens(1000, bottle()), NOON)
    ledger.set_budget(dollars(1000), NOON)
    ledger.apply([a_hold(micros=55, priced=False)], NOON)
    held = {a.budget.unit: a.held for a in ledger.accounts(None, NOON)}
    assert held == {Unit.TOKENS: 100, Unit.MICROS: 0}


def test_a_hold_without_a_price_fits_no_dollar_budget(ledger: Ledger) -> None:
    ledger.set_budget(dollars(10**6), NOON)
    (outcome,) = ledger.apply([a_hold(priced=False)], NOON)
    assert outcome == Denial(Account(dollars(10**6), 0, 0), waiting=False)


def test_dollars_and_tokens_bind_at_once(ledger: Ledger) -> None:
    ledger.set_budget(tokens(100), NOON)
    ledger.set_budget(dollars(300), NOON)
    (grant,) = ledger.apply([a_hold(fixed=10, asked=90, micros=100, pico=5_000_000)], NOON)
    assert grant == Grant("h", 40, 50, 300)
    assert standing(ledger) == {
        "global/*/micros/lifetime": (0, 300),
        "global/*/tokens/lifetime": (0, 50),
    }
    ledger.apply([settle(used=20, micros=150)], NOON)
    assert standing(ledger) == {
        "global/*/micros/lifetime": (150, 0),
        "global/*/tokens/lifetime": (20, 0),
    }


def test_a_row_without_a_price_takes_tokens_and_no_dollars(ledger: Ledger) -> None:
    ledger.set_budget(dollars(300), NOON)
    ledger.apply([a_hold(micros=200), settle(used=20, micros=None)], NOON)
    assert standing(ledger) == {"global/*/micros/lifetime": (0, 0)}
    (total,) = ledger.totals([])
    assert (total.micros, total.unpriced) == (0, 1)


def test_weights_decide_what_a_row_takes(opened: Open) -> None:
    ledger = opened(weights=Weights.parse({"cache_read": 0.1, "output": 2}))
    ledger.set_budget(tokens(10_000), NOON)
    usage = Usage(100, 200, 300, 405, quality=Quality.MEASURED)
    ledger.apply([a_hold(), Settle(replace(a_row(), usage=usage))], NOON)
    assert standing(ledger) == {"global/*/tokens/lifetime": (100 + 400 + 300 + 41, 0)}
    assert ledger.totals([])[0].usage == usage


# -- which budgets


def test_usage_rolls_up_to_every_scope_and_the_nearest_governs(ledger: Ledger) -> None:
    scopes = {
        "agent": Scope(ScopeKind.AGENT, "a"),
        "bottle": bottle(),
        "parent": bottle("p"),
        "global": GLOBAL,
        "another": bottle("x"),
    }
    ledger.set_budget(tokens(500, scopes["agent"]), NOON)
    for scope in list(scopes.values())[1:]:
        ledger.set_budget(tokens(1, scope), NOON)
    assert ledger.apply([a_hold()], NOON) == [Grant("h", 90, 100, 0)]
    held = {key.partition("/")[0]: held for key, (_, held) in standing(ledger).items()}
    assert held == {"agent:a": 100, "bottle:b": 100, "bottle:p": 100, "global": 100, "bottle:x": 0}
    ledger.apply([settle()], NOON)
    spent = {key.partition("/")[0]: spent for key, (spent, _) in standing(ledger).items()}
    assert spent == {"agent:a": 40, "bottle:b": 40, "bottle:p": 40, "global": 40, "bottle:x": 0}


def test_every_scope_governs_where_all_are_enforced(opened: Open) -> None:
    ledger = opened(enforce=Enforce.ALL)
    ledger.set_budget(tokens(500, bottle()), NOON)
    ledger.set_budget(tokens(60, bottle("p")), NOON)
    ledger.set_budget(tokens(70), NOON)
    assert ledger.apply([a_hold()], NOON) == [Grant("h", 50, 60, 0)]


def test_a_budget_for_a_provider_sees_only_that_provider(ledger: Ledger) -> None:
    ledger.set_budget(tokens(100, provider="openai"), NOON)
    ledger.apply([a_hold("one"), a_hold("two", provider="openai")], NOON)
    assert standing(ledger) == {"global/openai/tokens/lifetime": (0, 100)}
    outcomes = ledger.apply([a_hold("three", provider="openai"), a_hold("four")], NOON)
    assert isinstance(outcomes[0], Denial)
    assert isinstance(outcomes[1], Grant)
    ledger.apply([settle("one"), settle("two", 5, provider="openai")], NOON)
    assert standing(ledger) == {"global/openai/tokens/lifetime": (5, 0)}


def test_without_a_budget_everything_is_granted_and_recorded(ledger: Ledger) -> None:
    assert ledger.apply([a_hold(asked=10**9), settle()], NOON)[0] == Grant(
        "h", 10**9, 10**9 + 10, 0
    )
    assert ledger.totals([])[0].requests == 1


def test_a_new_limit_keeps_what_was_spent_and_governs_the_next_request(ledger: Ledger) -> None:
    ledger.set_budget(tokens(100), NOON)
    ledger.apply([a_hold("one"), settle("one", 100)], NOON)
    assert isinstance(ledger.apply([a_hold("two")], NOON)[0], Denial)
    ledger.set_budget(tokens(250), NOON)
    assert ledger.apply([a_hold("two")], NOON) == [Grant("two", 90, 100, 0)]
    ledger.set_budget(tokens(150), NOON)
    assert ledger.accounts(None, NOON) == [Account(tokens(150), 100, 100)]
    assert isinstance(ledger.apply([Grow("two", 101, 0)], NOON)[0], Denial)


def test_a_new_budget_starts_with_what_its_scope_has_used(ledger: Ledger) -> None:
    ledger.add_run(a_run("r2", "other", parents=()))
    earlier = NOON - timedelta(days=1)
    ledger.apply([a_hold("old"), settle("old", 3), a_hold("oldest")], earlier)
    ledger.apply([a_hold("one"), settle("one", 5), a_hold("two")], NOON)
    ledger.apply([a_hold("x", run="r2"), settle("x", 1000, run="r2")], NOON)
    ledger.set_budget(tokens(900, bottle()), NOON)
    ledger.set_budget(tokens(900, bottle(), Window.DAY), NOON)
    ledger.set_budget(tokens(900, bottle(), provider="openai"), NOON)
    assert standing(ledger) == {
        "bottle:b/*/tokens/lifetime": (8, 200),
        "bottle:b/*/tokens/day": (5, 100),
        "bottle:b/openai/tokens/lifetime": (0, 0),
    }
    ledger.apply([settle("oldest", 7), settle("two", 2)], NOON)
    assert standing(ledger)["bottle:b/*/tokens/lifetime"] == (17, 0)
    assert standing(ledger)["bottle:b/*/tokens/day"] == (7, 0)
    assert standing(ledger, earlier)["bottle:b/*/tokens/day"] == (10, 0)


def test_a_dropped_budget_governs_no_more_and_comes_back_complete(ledger: Ledger) -> None:
    ledger.set_budget(tokens(100), NOON)
    ledger.apply([a_hold("one"), settle("one", 60)], NOON)
    assert ledger.drop_budget(tokens(100).key, NOON)
    assert not ledger.drop_budget(tokens(100).key, NOON)
    assert ledger.budgets() == []
    ledger.apply([a_hold("two"), settle("two", 80)], NOON)
    ledger.set_budget(tokens(150), NOON)
    assert ledger.accounts(None, NOON) == [Account(tokens(150), 140, 0)]


def test_accounts_on_a_path_come_nearest_first(ledger: Ledger) -> None:
    here = [tokens(3, bottle(), Window.DAY), dollars(2, bottle("p")), tokens(1)]
    for budget in [*reversed(here), tokens(9, bottle("x"))]:
        ledger.set_budget(budget, NOON)
    found = ledger.accounts(a_run("r").path, NOON)
    assert [account.budget for account in found] == here
    assert ledger.budgets() == sorted([*here, tokens(9, bottle("x"))], key=lambda b: b.key)


# -- windows

EDGES = {
    # window          the last moment of one              the first of the next
    Window.MINUTE:   ("2026-03-31T12:00:59.999+00:00",    "2026-03-31T12:01:00+00:00"),
    Window.DAY:      ("2026-03-31T23:59:59.999+00:00",    "2026-04-01T00:00:00+00:00"),
    Window.MONTH:    ("2028-02-29T23:59:59.999+00:00",    "2028-03-01T00:00:00+00:00"),
}  # fmt: skip


@pytest.mark.parametrize(("window", "moments"), EDGES.items(), ids=EDGES)
def test_a_window_ends_at_its_edge(
    ledger: Ledger, window: Window, moments: tuple[str, str]
) -> None:
    last, first = map(datetime.fromisoformat, moments)
    budget = tokens(100, window=window)
    ledger.set_budget(budget, last)
    ledger.apply([a_hold("one"), settle("one", 100)], last)
    assert isinstance(ledger.apply([a_hold("two")], last)[0], Denial)
    assert ledger.apply([a_hold("two")], first) == [Grant("two", 90, 100, 0)]
    assert ledger.accounts(None, last) == [Account(budget, 100, 0)]
    assert ledger.accounts(None, first) == [Account(budget, 0, 100)]


@pytest.mark.parametrize(("window", "moments"), EDGES.items(), ids=EDGES)
def test_a_request_is_charged_to_the_window_in_which_it_was_held(
    ledger: Ledger, window: Window, moments: tuple[str, str]
) -> None:
    last, first = map(datetime.fromisoformat, moments)
    budget = tokens(120, window=window)
    ledger.set_budget(budget, last)
    ledger.apply([a_hold()], last)
    assert ledger.apply([Grow("h", 120, 0), a_hold("next")], first) == [
        Grant("h", 0, 120, 0),
        Grant("next", 90, 100, 0),
    ]
    assert isinstance(ledger.apply([Grow("h", 121, 0)], first)[0], Denial)
    ledger.apply([settle(used=33, at=first)], first)
    assert ledger.accounts(None, last) == [Account(budget, 33, 0)]
    assert ledger.accounts(None, first) == [Account(budget, 0, 100)]


def test_days_are_those_of_utc_whatever_zone_a_clock_shows(ledger: Ledger) -> None:
    ledger.set_budget(tokens(100, window=Window.DAY), NOON)
    evening = datetime.fromisoformat("2026-03-31T23:30:00-05:00")
    ledger.apply([a_hold("one"), settle("one", 60)], NOON)
    ledger.apply([a_hold("two"), settle("two", 50, at=evening)], evening)
    assert ledger.accounts(None, NOON)[0].spent == 60
    assert ledger.accounts(None, evening)[0].spent == 50
    assert [total.group for total in ledger.totals(["day"])] == [("2026-03-31",), ("2026-04-01",)]
    assert [row.at for _, row in ledger.rows()] == [NOON, evening]


# -- what is repeated, late, or lost


def test_a_batch_can_be_repeated_when_its_outcome_is_in_doubt(ledger: Ledger) -> None:
    ledger.set_budget(tokens(150), NOON)
    ops: list[Op] = [a_hold("one"), a_hold("two"), settle("two", 9)]
    first = ledger.apply(ops[:2], NOON)
    assert ledger.apply(ops[:2], NOON + SECOND) == first
    assert ledger.apply(ops[2:], NOON) == ledger.apply(ops[2:], NOON + SECOND) == [None]
    assert standing(ledger) == {"global/*/tokens/lifetime": (9, 100)}
    assert len(ledger.rows()) == 1


REFUSED: dict[str, Op] = {
    "a hold for a run that is not recorded": a_hold("x", run="ghost"),
    "a row for a run that is not recorded": settle("x", run="ghost"),
    "the id of a hold that was settled": a_hold("settled"),
    "the id of another run's hold": a_hold("open", run="r2"),
}


@pytest.mark.parametrize("op", REFUSED.values(), ids=REFUSED)
def test_a_batch_that_is_refused_leaves_nothing_of_it(ledger: Ledger, op: Op) -> None:
    ledger.add_run(a_run("r2"))
    ledger.set_budget(tokens(1000), NOON)
    ledger.apply([a_hold("open"), a_hold("settled"), settle("settled")], NOON)
    before = (standing(ledger), ledger.rows(), ledger.open_holds(), acts(ledger))
    with pytest.raises(StoreError):
        ledger.apply([a_hold("good"), op, settle("open", 1)], NOON)
    assert (standing(ledger), ledger.rows(), ledger.open_holds(), acts(ledger)) == before
    assert ledger.apply([a_hold("good")], NOON) == [Grant("good", 90, 100, 0)]


def test_a_row_without_a_hold_is_never_dropped(ledger: Ledger) -> None:
    ledger.set_budget(tokens(1000), NOON)
    ledger.apply([settle("never held", 70), settle("never held", 70)], NOON)
    assert standing(ledger) == {"global/*/tokens/lifetime": (70, 0)}
    assert acts(ledger)[-1] == "settle.unheld"


def test_a_hold_that_outlives_its_owner_is_charged_in_full(ledger: Ledger) -> None:
    ledger.set_budget(tokens(1000), NOON)
    ledger.set_budget(dollars(1000), NOON)
    ledger.apply([a_hold("old", micros=55)], NOON)
    ledger.apply([a_hold("new")], NOON + SECOND)
    assert ledger.expire(NOON + LIFETIME - timedelta(milliseconds=1)) == []
    (lost,) = ledger.expire(NOON + LIFETIME)
    assert lost == Pending("old", "r", "b", "anthropic", "claude", 100, 55, NOON)
    assert ledger.pending() == [lost]
    assert ledger.open_holds() == 1
    assert standing(ledger) == {
        "global/*/micros/lifetime": (55, 0),
        "global/*/tokens/lifetime": (100, 100),
    }
    (_, row), *rest = ledger.rows()
    assert rest == []
    assert (row.usage.quality, row.ending, row.at) == (Quality.UNKNOWN, "lost", NOON + LIFETIME)
    assert acts(ledger)[-1] == "expire"
    assert ledger.expire(NOON + LIFETIME) == []


def test_a_lost_hold_without_a_price_is_not_free(ledger: Ledger) -> None:
    ledger.apply([a_hold(priced=False)], NOON)
    ledger.expire(NOON + LIFETIME)
    assert ledger.rows()[0][1].micros is None


def test_a_hold_that_is_renewed_does_not_expire(ledger: Ledger) -> None:
    ledger.apply([a_hold("one"), a_hold("two"), a_hold("three")], NOON)
    later = NOON + 2 * LIFETIME
    ledger.renew(["one", "two", "never seen"], later)
    ledger.renew(["two"], NOON)
    assert [pending.hold for pending in ledger.expire(later - SECOND)] == ["three"]
    assert [pending.hold for pending in ledger.expire(later)] == ["one", "two"]


def test_a_late_row_corrects_a_lost_hold_once(ledger: Ledger) -> None:
    midnight = datetime(2026, 4, 1, tzinfo=UTC)
    held = midnight - SECOND
    ledger.set_budget(tokens(1000), held)
    ledger.set_budget(tokens(1000, window=Window.DAY), held)
    ledger.apply([a_hold()], held)
    ledger.expire(midnight + LIFETIME)
    assert ledger.apply([Grow("h", 500, 0)], midnight + LIFETIME) == [None]
    for _ in range(2):
        ledger.apply([settle(used=40)], midnight + LIFETIME)
    assert ledger.pending() == []
    assert standing(ledger, held)["global/*/tokens/day"] == (40, 0)
    assert standing(ledger, midnight)["global/*/tokens/day"] == (0, 0)
    assert standing(ledger)["global/*/tokens/lifetime"] == (40, 0)
    assert [(id_, row.ending) for id_, row in ledger.rows()] == [(1, "lost"), (2, "complete")]
    (total,) = ledger.totals(["day"])
    assert (total.group, total.requests, total.usage.output) == (("2026-03-31",), 1, 40)
    assert total.by_quality == {"measured": 1}
    (note,) = [row for row in ledger.audit() if row.act == "correct"]
    assert (note.fact["was_tokens"], note.fact["tokens"]) == (100, 40)


def test_a_late_row_may_cost_more_than_was_held(ledger: Ledger) -> None:
    ledger.set_budget(tokens(120), NOON)
    ledger.apply([a_hold()], NOON)
    ledger.expire(NOON + LIFETIME)
    ledger.apply([settle(used=300)], NOON + LIFETIME)
    assert ledger.accounts(None, NOON) == [Account(tokens(120), 300, 0)]


def test_a_lost_hold_that_never_left_costs_nothing(ledger: Ledger) -> None:
    ledger.set_budget(tokens(1000), NOON)
    ledger.apply([a_hold()], NOON)
    ledger.expire(NOON + LIFETIME)
    ledger.apply([Release("h"), Release("h"), settle(used=5)], NOON + LIFETIME)
    assert standing(ledger) == {"global/*/tokens/lifetime": (0, 0)}
    assert ledger.pending() == []
    assert [row.ending for _, row in ledger.rows()] == ["lost", "unsent"]


def test_an_operator_corrects_what_is_unknown(ledger: Ledger) -> None:
    ledger.set_budget(tokens(1000), NOON)
    ledger.set_budget(dollars(1000), NOON)
    ledger.apply([a_hold("one", micros=500), a_hold("two"), settle("two")], NOON)
    ledger.expire(NOON + LIFETIME)
    assert ledger.correct("one", 12, 34, NOON + LIFETIME)
    assert not ledger.correct("one", 99, 99, NOON + LIFETIME)
    assert not ledger.correct("two", 0, 0, NOON + LIFETIME)
    assert not ledger.correct("never seen", 0, 0, NOON + LIFETIME)
    assert ledger.pending() == []
    assert standing(ledger) == {
        "global/*/micros/lifetime": (41, 0),
        "global/*/tokens/lifetime": (52, 0),
    }
    row = ledger.rows()[-1][1]
    assert row.usage == Usage(output=12, quality=Quality.ESTIMATED)
    assert acts(ledger)[-2:] == ["expire", "correct"]


def test_what_the_provider_says_later_replaces_what_the_operator_found(ledger: Ledger) -> None:
    ledger.set_budget(tokens(1000), NOON)
    ledger.apply([a_hold()], NOON)
    ledger.expire(NOON + LIFETIME)
    ledger.correct("h", 1, None, NOON + LIFETIME)
    ledger.apply([settle(used=40)], NOON + LIFETIME)
    assert standing(ledger) == {"global/*/tokens/lifetime": (40, 0)}
    assert [row.usage.output for _, row in ledger.rows()] == [100, 1, 40]
    assert ledger.totals([])[0].requests == 1


def test_a_settlement_of_unknown_quality_waits_for_somebody_to_find_out(ledger: Ledger) -> None:
    ledger.set_budget(tokens(1000), NOON)
    row = a_row(quality=Quality.UNKNOWN, ending="disconnected", status=200)
    ledger.apply([a_hold(), Settle(row)], NOON)
    assert [pending.tokens for pending in ledger.pending()] == [40]
    ledger.apply([settle(used=1)], NOON)
    assert standing(ledger) == {"global/*/tokens/lifetime": (40, 0)}
    assert ledger.correct("h", 30, None, NOON)
    assert standing(ledger) == {"global/*/tokens/lifetime": (30, 0)}
    assert ledger.rows()[-1][1].status == 200


IMPOSSIBLE = {
    "a negative count":  (Usage(output=-5, input=3, quality=Quality.MEASURED), 1,       3),
    "a negative price":  (Usage(output=5, quality=Quality.MEASURED),           -1,      5),
    "a huge count":      (Usage(output=2**80, quality=Quality.MEASURED),       1,       10**15),
    "a huge price":      (Usage(output=5, quality=Quality.MEASURED),           2**80,   5),
    "a huge cost":       (Usage(output=5, quality=Quality.MEASURED, cost=2**70), None,  5),
}  # fmt: skip


@pytest.mark.parametrize(("usage", "micros", "charged"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_impossible_numbers_give_nothing_back_and_break_nothing(
    ledger: Ledger, usage: Usage, micros: int | None, charged: int
) -> None:
    ledger.set_budget(tokens(1000), NOON)
    ledger.set_budget(dollars(1000), NOON)
    ledger.apply([a_hold("x"), Settle(replace(a_row("x"), usage=usage, micros=micros))], NOON)
    assert standing(ledger)["global/*/tokens/lifetime"] == (charged, 0)
    assert standing(ledger)["global/*/micros/lifetime"][0] >= 0
    assert ledger.rows()[0][1].usage.quality is Quality.UNKNOWN


def test_an_absurd_request_is_held_within_bounds(ledger: Ledger) -> None:
    (grant,) = ledger.apply([a_hold(asked=2**90, pico=10**9)], NOON)
    assert grant == Grant("h", 10**15, 10**15, 10**15)
    assert ledger.apply([a_hold("less than none", asked=-90)], NOON) == [
        Grant("less than none", 0, 10, 0)
    ]
    ledger.set_budget(tokens(10**15), NOON)
    assert isinstance(ledger.apply([a_hold("x")], NOON)[0], Denial)


# -- totals, rows, calibration


def test_usage_is_grouped_by_whatever_one_asks(ledger: Ledger) -> None:
    ledger.add_run(a_run("r2", "other", "a2"))
    usage = Usage(1, 2, 3, 4, 1, 2, Quality.MEASURED, 9)
    rows = [
        replace(a_row("one"), usage=usage, micros=10),
        replace(a_row("two", run="r2"), usage=usage, micros=None),
        a_row("three", 5, provider="openai", quality=Quality.ESTIMATED, micros=1),
    ]
    ledger.apply([op for row in rows for op in (a_hold(row.hold, run=row.run), Settle(row))], NOON)
    one = Total(("anthropic",), 2, Usage(2, 4, 6, 8, 2, 4, Quality.MEASURED, 18), 10, 1, {})
    other = Total(("openai",), 1, Usage(output=5, quality=Quality.ESTIMATED), 1, 0, {})
    assert ledger.totals(["provider"]) == [
        replace(one, by_quality={"measured": 2}),
        replace(other, by_quality={"estimated": 1}),
    ]
    groups = [total.group for total in ledger.totals(["day", "bottle", "agent", "run", "model"])]
    assert groups == [
        ("2026-03-31", "b", "a", "r", "claude"),
        ("2026-03-31", "other", "a2", "r2", "claude"),
    ]
    assert [total.requests for total in ledger.totals([], run="r")] == [2]
    assert ledger.totals([])[0].usage.quality is Quality.ESTIMATED


def test_usage_can_be_summed_since_a_moment(ledger: Ledger) -> None:
    ledger.apply([a_hold("one"), settle("one", 1)], NOON)
    ledger.apply([a_hold("two"), settle("two", 2)], NOON + SECOND)
    assert ledger.totals([], since=NOON + SECOND)[0].usage.output == 2
    assert ledger.totals(["run"], since=NOON + 2 * SECOND) == []
    assert ledger.totals([], since=NOON + 2 * SECOND) == []


def test_a_word_that_nothing_is_grouped_by_is_an_error(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="colour"):
        ledger.totals(["provider", "colour"])


def test_rows_come_in_pages_and_keep_everything(ledger: Ledger) -> None:
    ledger.add_run(a_run("r2"))
    row = UsageRow(
        "one", "r", "anthropic", "claude", Usage(1, 2, 3, 4, 1, 2, Quality.MEASURED, 7), None,
        NOON + timedelta(milliseconds=123), "anthropic", "cut", "budget.overrun", 200, 11, 12, 13,
    )  # fmt: skip
    ledger.apply([a_hold("one"), Settle(row)], NOON)
    for number in range(2, 6):
        run = "r2" if number % 2 else "r"
        ledger.apply([a_hold(str(number), run=run), settle(str(number), number, run=run)], NOON)
    assert ledger.rows(limit=1) == [(1, row)]
    assert [id_ for id_, _ in ledger.rows(after=1, limit=2)] == [2, 3]
    assert [id_ for id_, _ in ledger.rows(run="r2")] == [3, 5]
    assert [id_ for id_, _ in ledger.rows(run="r2", after=3)] == [5]
    assert ledger.rows(run="never seen") == []


def taught(ledger: Ledger, times: int, usage: Usage, **more: Any) -> None:
    for _ in range(times):
        row = replace(a_row(f"taught-{len(ledger.rows())}"), usage=usage, **more)
        ledger.apply([a_hold(row.hold), Settle(row)], NOON)


def test_finished_rows_teach_how_dense_a_model_is(ledger: Ledger) -> None:
    usual = Usage(98, 50, 1, 1, quality=Quality.MEASURED)
    odd = Usage(900, 1, quality=Quality.MEASURED)
    taught(ledger, 7, usual, text_bytes=400, chars=200)
    assert ledger.calibration("anthropic", "claude") == Calibration()
    taught(ledger, 3, odd, text_bytes=1, chars=9000, ending="cut")
    taught(ledger, 3, odd, text_bytes=1, chars=9000, model="other")
    taught(ledger, 3, replace(odd, quality=Quality.ESTIMATED), text_bytes=1, chars=9000)
    taught(ledger, 3, odd)
    assert ledger.calibration("anthropic", "claude") == Calibration()
    taught(ledger, 1, usual, text_bytes=300, chars=100)
    assert ledger.calibration("anthropic", "claude") == Calibration(334, 3750)


def test_old_rows_teach_nothing_any_more(ledger: Ledger) -> None:
    taught(ledger, 1, Usage(4000, quality=Quality.MEASURED), text_bytes=1000)
    batch = [
        op
        for number in range(256)
        for op in (
            a_hold(str(number)),
            settle(str(number), 10, text_bytes=1000, chars=40),
        )
    ]
    ledger.apply(batch[:510], NOON)
    assert ledger.calibration("anthropic", "claude").milli_tokens_per_byte == 4000
    ledger.apply(batch[510:], NOON)
    assert ledger.calibration("anthropic", "claude").milli_tokens_per_byte == 0


# -- runs, orders, audit


def test_runs_are_recorded_until_they_end(ledger: Ledger) -> None:
    run = replace(a_run("r2", "b"), started=NOON + SECOND, fact={"agent": "claude", "pid": 7})
    ledger.add_run(run)
    ledger.add_run(run)
    assert ledger.runs() == [run, a_run("r")]
    ledger.end_run("r2", "killed", 137, NOON + 2 * SECOND)
    ended = replace(run, status="killed", exit_code=137, ended=NOON + 2 * SECOND)
    assert ledger.runs() == [ended, a_run("r")]
    assert ledger.runs(live=True) == [a_run("r")]
    assert ledger.find_run("b") == ledger.find_run("r2") == ended
    assert ledger.find_run("r") == a_run("r")
    assert ledger.find_run("never seen") is None
    assert acts(ledger) == ["run.start", "run.start", "run.end"]


def test_a_run_that_cannot_be_is_refused(ledger: Ledger) -> None:
    with pytest.raises(StoreError):
        ledger.add_run(a_run("r", "another bottle"))
    with pytest.raises(StoreError):
        ledger.end_run("never seen", "ended", 0, NOON)
    assert acts(ledger) == ["run.start"]


def test_orders_reach_their_run_once(ledger: Ledger) -> None:
    first = ledger.give_order("r", "cut", "bottle.cut", NOON)
    ledger.give_order("r2", "kill", "bottle.killed", NOON)
    third = ledger.give_order("r", "kill", "bottle.killed", NOON)
    assert ledger.orders("r") == [first, third]
    assert ledger.orders("r", after=first.id) == [third]
    assert ledger.orders("r", after=third.id) == []
    assert first.id < third.id
    assert acts(ledger)[1:] == ["order"] * 3


def test_every_act_is_chained_in_the_audit(ledger: Ledger) -> None:
    fact: dict[str, str | int | float | bool | None] = {
        "text": "é \u2028 \x00",
        "count": 2**53,
        "share": 0.1,
        "yes": True,
        "none": None,
    }
    ledger.note("r", "denial", "budget.exhausted", fact, NOON)
    ledger.set_budget(tokens(5), NOON)
    ledger.set_budget(tokens(5), NOON)
    ledger.set_budget(tokens(6), NOON)
    ledger.drop_budget(tokens(6).key, NOON)
    rows = list(ledger.audit())
    assert [row.id for row in rows] == [1, 2, 3, 4, 5]
    assert [row.act for row in rows][1:] == ["denial", "budget.set", "budget.set", "budget.drop"]
    assert rows[1].fact == fact
    assert rows[3].fact == {"budget": tokens(6).key, "limit": 6, "was": 5}
    assert list(ledger.audit(after=3)) == rows[3:]
    assert list(ledger.audit(run="r")) == rows[:2]
    assert ledger.verify_audit() is None


def test_a_long_audit_is_read_to_its_end(ledger: Ledger) -> None:
    ledger.apply([settle(str(number)) for number in range(2500)], NOON)
    assert len(list(ledger.audit())) == 2501
    assert ledger.verify_audit() is None


def test_a_closed_ledger_refuses_everything(ledger: Ledger) -> None:
    ledger.close()
    for use in (
        lambda: ledger.apply([a_hold()], NOON),
        ledger.budgets,
        lambda: ledger.note("", "x", "", {}, NOON),
    ):
        with pytest.raises(StoreError):
            use()
