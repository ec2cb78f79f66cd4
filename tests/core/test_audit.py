"""The audit chain shows every change."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stopper.core.audit import GENESIS, AuditRow, Fact, chain_hash, verify

Rows = list[AuditRow]


def chain(facts: list[Fact]) -> Rows:
    rows: Rows = []
    head = GENESIS
    for id_, fact in enumerate(facts, start=1):
        row = AuditRow(id_, 1000 + id_, "run", "denial", "budget.exhausted", fact)
        head = chain_hash(head, row)
        rows.append(replace(row, hash=head))
    return rows


FIVE = chain([{"number": number, "text": "x", "none": None} for number in range(5)])


def changed(**fields: object) -> Callable[[Rows], Rows]:
    return lambda rows: [*rows[:2], replace(rows[2], **fields), *rows[3:]]


TAMPERED: dict[str, tuple[Callable[[Rows], Rows], int]] = {
    # what is done to five rows            how                                            break
    "another time":                       (changed(at=1),                                 3),
    "another run":                        (changed(run="x"),                              3),
    "another act":                        (changed(act="x"),                              3),
    "another code":                       (changed(code="x"),                             3),
    "another fact":                       (changed(fact={"number": 3}),                   3),
    "a fact of another type":             (changed(fact={**FIVE[2].fact, "number": 2.0}), 3),
    "another id":                         (changed(id=9),                                 9),
    "another hash":                       (changed(hash="0" * 64),                        3),
    "no hash":                            (changed(hash=""),                              3),
    "the first row dropped":              (lambda rows: rows[1:],                         2),
    "a row dropped":                      (lambda rows: rows[:2] + rows[3:],              4),
    "the last row dropped":               (lambda rows: rows[:4],                         5),
    "all rows dropped":                   (lambda _: [],                                  1),
    "two rows moved":                     (lambda rows: [rows[1], rows[0], *rows[2:]],    2),
    "a row twice":                        (lambda rows: [*rows[:2], rows[1], *rows[2:]],  2),
    "a row forged behind the end":        (lambda rows: chain([r.fact for r in rows]
                                                              + [{"forged": True}]),      7),
}  # fmt: skip


def test_a_chain_holds() -> None:
    assert verify(FIVE) is None
    assert verify(FIVE, FIVE[-1].hash) is None
    assert verify([]) is None
    assert verify([], GENESIS) is None


@pytest.mark.parametrize(("tamper", "first"), TAMPERED.values(), ids=TAMPERED)
def test_tampering_shows_where_it_begins(tamper: Callable[[Rows], Rows], first: int) -> None:
    broken = verify(tamper(FIVE), FIVE[-1].hash)
    assert broken is not None
    assert broken.id == first
    assert broken.expected != broken.found


def test_the_hash_does_not_depend_on_the_order_of_facts() -> None:
    row = FIVE[0]
    turned = replace(row, fact=dict(reversed(row.fact.items())))
    assert chain_hash(GENESIS, turned) == row.hash


FACTS = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    max_size=3,
)


@given(st.lists(FACTS, min_size=1, max_size=6), st.data())
def test_any_row_that_is_changed_or_dropped_shows(facts: list[Fact], data: st.DataObject) -> None:
    rows = chain(facts)
    head = rows[-1].hash
    place = data.draw(st.integers(0, len(rows) - 1))
    other = data.draw(FACTS.filter(lambda fact: fact != rows[place].fact))
    assert verify(rows, head) is None
    assert verify([*rows[:place], replace(rows[place], fact=other), *rows[place + 1 :]], head)
    assert verify(rows[:place] + rows[place + 1 :], head)
