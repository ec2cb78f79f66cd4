"""How far a request is clamped, and when it is denied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.budget import Budget, Unit
from stopper.core.hold import Account, Admission, Denial, Need, admit
from stopper.core.scope import GLOBAL

TOKENS, MICROS = Unit.TOKENS, Unit.MICROS


def account(room: int, unit: Unit = TOKENS, spent: int = 0, held: int = 0) -> Account:
    return Account(Budget(GLOBAL, unit, room + spent + held), spent, held)


PLAIN = Need(10, 100, 1000, 10**6)
HALF = Need(10, 0, 500, 0)
FREE = Need(10, 0, 0, 0)
DEAR = Need(0, 3000, 1000, 15 * 10**6)

ADMITTED = {
    # what                            need    asked accounts                                 output
    "no budget at all":              (PLAIN, 50,   [],                                      50),
    "all of it fits":                (PLAIN, 50,   [account(60)],                           50),
    "clamped to the room":           (PLAIN, 50,   [account(59)],                           49),
    "clamped to the smallest room":  (PLAIN, 50,   [account(40), account(30), account(99)], 20),
    "one token is enough":           (PLAIN, 50,   [account(11)],                           1),
    "none is not":                   (PLAIN, 50,   [account(10)],                           None),
    "not even the input":            (PLAIN, 50,   [account(9)],                            None),
    "overspent":                     (PLAIN, 50,   [account(-5)],                           None),
    "nothing asked, input fits":     (PLAIN, 0,    [account(10)],                           0),
    "nothing asked, input does not": (PLAIN, 0,    [account(9)],                            None),
    "output at half price":          (HALF,  50,   [account(20)],                           20),
    "output at half price, rounded": (HALF,  51,   [account(35)],                           50),
    "free output fits whole":        (FREE,  50,   [account(10)],                           50),
    "free output, dear input":       (FREE,  50,   [account(9)],                            None),
    "dollars":                       (DEAR,  500,  [account(6000, MICROS)],                 200),
    "dollars and tokens":            (DEAR,  500,  [account(6000, MICROS), account(150)],   150),
}  # fmt: skip


@pytest.mark.parametrize(("need", "asked", "accounts", "output"), ADMITTED.values(), ids=ADMITTED)
def test_a_request_is_clamped_to_what_is_left(
    need: Need, asked: int, accounts: list[Account], output: int | None
) -> None:
    verdict = admit(accounts, need, asked)
    assert (verdict.output if isinstance(verdict, Admission) else None) == output


def test_least_is_what_makes_sense_at_all() -> None:
    accounts = [account(30)]
    assert admit(accounts, PLAIN, 50, least=20) == Admission(20)
    assert admit(accounts, PLAIN, 50, least=21) == Denial(accounts[0], waiting=False)
    assert admit(accounts, PLAIN, 5, least=21) == Admission(5)


UNFIT = {
    "no price":  (Need(1, 0, 1000, 0, priced=False),  MICROS, TOKENS),
    "no bound":  (Need(1, 0, 1000, 0, bounded=False),  MICROS, None),
}  # fmt: skip


@pytest.mark.parametrize(("need", "denied", "admitted"), UNFIT.values(), ids=UNFIT)
def test_what_cannot_be_bound_fits_no_such_budget(
    need: Need, denied: Unit, admitted: Unit | None
) -> None:
    tight = account(10**9, denied, held=5)
    assert admit([tight], need, 1) == Denial(tight, waiting=False)
    assert admit([], need, 7) == Admission(7)
    if admitted is not None:
        assert admit([account(10**9, admitted)], need, 7) == Admission(7)


HELD, SPENT, SMALL = account(5, held=50), account(5, spent=50), account(5, held=5)

WAITING = {
    # what denies                                     accounts        named waiting
    "a hold in the way":                              ([HELD],         0,    True),
    "a hold, but without it there is no room either": ([SMALL],        0,    False),
    "what was spent":                                 ([SPENT],        0,    False),
    "the first of two that may recover":              ([HELD, HELD],   0,    True),
    "one that cannot recover, behind one that may":   ([HELD, SPENT],  1,    False),
    "one that cannot recover, before one that may":   ([SMALL, HELD],  0,    False),
}  # fmt: skip


@pytest.mark.parametrize(("accounts", "named", "waiting"), WAITING.values(), ids=WAITING)
def test_a_denial_names_what_stands_in_the_way(
    accounts: list[Account], named: int, *, waiting: bool
) -> None:
    need = Need(10, 0, 1000, 0)
    accounts = [*accounts, account(10**6)]
    assert admit(accounts, need, 50) == Denial(accounts[named], waiting)


NEEDS = st.builds(
    Need,
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from([0, 1, 333, 500, 1000, 1001, 7000]),
    st.sampled_from([0, 1, 333_333, 10**6, 15 * 10**6]),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([True, True, True, False]),
)
ACCOUNTS = st.lists(
    st.builds(
        account,
        st.integers(-20, 120),
        st.sampled_from(Unit),
        st.integers(0, 50),
        st.integers(0, 50),
    ),
    max_size=4,
)


@given(ACCOUNTS, NEEDS, st.integers(0, 150), st.integers(0, 20))
def test_admission_is_what_trying_every_output_finds(
    accounts: list[Account], need: Need, asked: int, least: int
) -> None:
    def fits(output: int, *, settled: bool = False) -> bool:
        return all(
            need.fits(a.budget.unit)
            and need.amount(a.budget.unit, output) <= a.room + (a.held if settled else 0)
            for a in accounts
        )

    floor = min(least, asked)
    best = max((n for n in range(floor, asked + 1) if fits(n)), default=None)
    verdict = admit(accounts, need, asked, least)
    if isinstance(verdict, Admission):
        assert verdict.output == best
    else:
        assert best is None
        assert verdict.account in accounts
        assert verdict.waiting == fits(floor, settled=True)


@given(ACCOUNTS, NEEDS, st.integers(0, 150), st.integers(0, 50))
def test_more_room_never_admits_less(
    accounts: list[Account], need: Need, asked: int, more: int
) -> None:
    roomier = [Account(a.budget, a.spent - more, a.held) for a in accounts]
    before, after = admit(accounts, need, asked), admit(roomier, need, asked)
    if isinstance(before, Admission):
        assert isinstance(after, Admission)
        assert after.output >= before.output


@given(ACCOUNTS, NEEDS, st.integers(0, 150))
def test_the_order_of_accounts_changes_no_verdict(
    accounts: list[Account], need: Need, asked: int
) -> None:
    one, two = admit(accounts, need, asked), admit(accounts[::-1], need, asked)
    if isinstance(one, Denial):
        assert isinstance(two, Denial)
        assert one.waiting == two.waiting
    else:
        assert one == two


@given(NEEDS, st.sampled_from(Unit), st.integers(0, 200), st.integers(0, 200))
def test_more_output_never_costs_less(need: Need, unit: Unit, one: int, more: int) -> None:
    assert need.amount(unit, one) <= need.amount(unit, one + more)
