"""Orders, the check of the audit, and the settling of what nobody knew."""

from collections.abc import Callable

import pytest

from stopper.control.home import Home
from stopper.control.operate import (
    ORDERS,
    Outcome,
    await_orders,
    check_audit,
    find_live,
    give_order,
    settle_pending,
)
from stopper.core.reason import REASONS
from stopper.core.usage import Quality
from stopper.data import load_providers
from stopper.errors import UsageError
from stopper.stores.ledger import Ledger, Run
from stopper.testing.past import Past

Act = Callable[[Ledger, Run, Past], None]


def test_every_order_has_a_reason() -> None:
    assert set(ORDERS.values()) <= set(REASONS)


def test_a_live_run_is_found_by_its_bottle_or_its_id(home: Home, past: Past) -> None:
    fox = past.run("fox")
    past.run("owl")
    assert find_live(home, "fox").id == fox.id
    assert find_live(home, fox.id).id == fox.id


NOT_LIVE = {
    # what is named        the name   what is said
    "nobody":             ("crane",   "There is no bottle 'crane'. Running: fox."),
    "a name mistyped":    ("fxo",     "There is no bottle 'fxo'. Did you mean 'fox'? Running: fox."),
    "a run that is over": ("owl",     "Bottle 'owl' is not running: its status is killed. Running: fox."),
}  # fmt: skip


@pytest.mark.parametrize(("name", "said"), NOT_LIVE.values(), ids=NOT_LIVE)
def test_a_run_that_does_not_live(home: Home, past: Past, name: str, said: str) -> None:
    past.run("fox")
    past.run("owl", status="killed")
    with pytest.raises(UsageError) as raised:
        find_live(home, name)
    assert str(raised.value) == said


def test_nothing_lives(home: Home) -> None:
    with pytest.raises(UsageError, match=r"There is no bottle 'fox'\. Nothing is running\."):
        find_live(home, "fox")


@pytest.mark.parametrize("act", ["cut", "kill"])
def test_an_order_to_a_process_that_is_gone_ends_the_run(home: Home, past: Past, act: str) -> None:
    given = give_order(home, past.run("fox", gone=True), act, past.now)
    assert given.outcome is Outcome.GONE
    assert home.ledger.runs(live=True) == []
    assert await_orders(home, [given], 0, lambda: None) == [given]


def test_what_is_gone_cannot_be_frozen(home: Home, past: Past) -> None:
    fox = past.run("fox", gone=True)
    with pytest.raises(UsageError, match="`stopper kill fox` takes it off the list"):
        give_order(home, fox, "freeze", past.now)
    assert home.ledger.orders(fox.id) == []
    assert len(home.ledger.runs(live=True)) == 1


def noted(act: str) -> Act:
    """The run writes this down."""
    return lambda ledger, run, past: ledger.note(run.id, act, "bottle.cut", {}, past.now)


def ended(status: str) -> Act:
    """The run ends with this status."""
    return lambda ledger, run, past: ledger.end_run(run.id, status, 0, past.now)


ANSWERS: dict[str, tuple[str, Act, Outcome]] = {
    # what the run does                          order     its act             what became of the order
    "it is cut and lives":                      ("cut",    noted("cut"),       Outcome.DONE),
    "it is cut and ends":                       ("cut",    ended("cut"),       Outcome.DONE),
    "it ended before it was cut":               ("cut",    ended("ended"),     Outcome.ENDED),
    "it goes on":                               ("cut",    noted("refuse"),    Outcome.LATE),
    "it is killed":                             ("kill",   ended("killed"),    Outcome.DONE),
    "it is being killed":                       ("kill",   noted("kill"),      Outcome.LATE),
    "it ended before it was killed":            ("kill",   ended("ended"),     Outcome.ENDED),
    "it is frozen":                             ("freeze", ended("frozen"),    Outcome.DONE),
    "it is being frozen":                       ("freeze", noted("freeze"),    Outcome.LATE),
    "it could not be frozen":                   ("freeze", ended("ended"),     Outcome.ENDED),
    "it was killed while it was being frozen":  ("freeze", ended("killed"),    Outcome.ENDED),
}  # fmt: skip


@pytest.mark.parametrize(("act", "answer", "outcome"), ANSWERS.values(), ids=ANSWERS)
def test_an_order_is_awaited_so_long_and_no_longer(
    home: Home, past: Past, act: str, answer: Act, outcome: Outcome
) -> None:
    fox = past.run("fox")
    noted("cut")(home.ledger, fox, past)  # an answer to an earlier order
    given = give_order(home, fox, act, past.now)
    pauses: list[int] = []

    def pause() -> None:
        pauses.append(len(pauses))
        if len(pauses) == 2:
            answer(home.ledger, fox, past)

    [ordered] = await_orders(home, [given], 5, pause)
    assert ordered.outcome is outcome
    assert len(pauses) == (5 if outcome is Outcome.LATE else 2)
    assert [order.act for order in home.ledger.orders(fox.id)] == [act]


def test_several_orders_are_awaited_together(home: Home, past: Past) -> None:
    fox, owl = past.run("fox"), past.run("owl")
    given = [give_order(home, run, "kill", past.now) for run in (fox, owl)]
    ended("killed")(home.ledger, owl, past)
    outcomes = [one.outcome for one in await_orders(home, given, 1, lambda: None)]
    assert outcomes == [Outcome.LATE, Outcome.DONE]


def test_the_audit_holds(home: Home, past: Past) -> None:
    assert check_audit(home.ledger).rows == 0
    past.run("fox", status="ended")
    report = check_audit(home.ledger)
    assert (report.rows, report.broken) == (2, None)
    assert [row.hash for row in home.ledger.audit()][-1] == report.head


SETTLED = {
    # what is found out         output  tokens  micros
    "what it used":            (120,    120,    120 * 15),
    "that it used nothing":    (0,      0,      0),
    "nothing":                 (None,   500,    2_000),
}  # fmt: skip


@pytest.mark.parametrize(("output", "tokens", "micros"), SETTLED.values(), ids=SETTLED)
def test_what_was_found_out_is_charged_at_the_models_price(
    home: Home, past: Past, output: int | None, tokens: int, micros: int
) -> None:
    hold = past.lose(past.run("fox"), "claude-sonnet-4-5")
    row = settle_pending(home.ledger, hold, output, load_providers(), past.now)
    assert (row.hold, row.tokens) == (hold, 500)
    [total] = home.ledger.totals(("bottle",))
    assert (total.usage.total, total.micros) == (tokens, micros)
    assert total.by_quality == {Quality.ESTIMATED: 1}


UNPRICED = {
    # what has no price       provider       model
    "a model":               ("anthropic",   "claude-nobody-knows"),
    "a provider":            ("acme",        "claude-sonnet-4-5"),
}  # fmt: skip


@pytest.mark.parametrize(("provider", "model"), UNPRICED.values(), ids=UNPRICED)
def test_what_has_no_price_stays_unpriced(
    home: Home, past: Past, provider: str, model: str
) -> None:
    hold = past.lose(past.run("fox"), model, provider=provider)
    settle_pending(home.ledger, hold, 7, load_providers(), past.now)
    [total] = home.ledger.totals(("bottle",))
    assert (total.usage.total, total.unpriced) == (7, 1)


def test_what_is_not_pending_is_not_settled(home: Home, past: Past) -> None:
    with pytest.raises(UsageError, match=r"No request 'x' is pending\. Nothing is pending\."):
        settle_pending(home.ledger, "x", 1, {}, past.now)
    hold = past.lose(past.run("fox"))
    with pytest.raises(UsageError, match=f"Did you mean '{hold}'. Pending are: {hold}"):
        settle_pending(home.ledger, hold[:-1], 1, {}, past.now)
