"""What waits for a person is read from the audit, and the answer is an order."""

import pytest

from stopper.control.approvals import Question, answer, open_questions
from stopper.control.home import Home
from stopper.errors import UsageError
from stopper.testing.past import Past

ROWS = {
    # what happened                 act and code, with its number           what waits
    "nothing":                     ([],                                     []),
    "one was asked":               ([("hold", "secret.held", 1)],           [1]),
    "two were asked":              ([("hold", "secret.held", 1), ("hold", "secret.held", 2)],      [1, 2]),
    "approved":                    ([("hold", "secret.held", 1), ("approve", "secret.passed", 1)], []),
    "denied":                      ([("hold", "secret.held", 1), ("refuse", "secret.denied", 1)],  []),
    "nobody came":                 ([("hold", "secret.held", 1), ("refuse", "secret.undecided", 1)], []),
    "another was answered":        ([("hold", "secret.held", 1), ("hold", "secret.held", 2), ("refuse", "secret.denied", 2)], [1]),
    "something else":              ([("refuse", "network.not_allowed", 1)], []),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "waiting"), ROWS.values(), ids=ROWS)
def test_what_waits(
    home: Home, past: Past, rows: list[tuple[str, str, int]], waiting: list[int]
) -> None:
    """Each row of the audit opens a question or closes it."""
    fox = past.run("fox")
    for act, code, number in rows:
        home.ledger.note(fox.id, act, code, {"detail": f"#{number} a token"}, past.now)
    found = open_questions(home.ledger, fox)
    assert found == [Question(number, "a token") for number in waiting]


@pytest.mark.parametrize("act", ["approve", "deny"])
@pytest.mark.parametrize("number", [2, None], ids=["by its number", "the only one"])
def test_an_answer_is_an_order(home: Home, past: Past, act: str, number: int | None) -> None:
    fox = past.run("fox")
    home.ledger.note(fox.id, "hold", "secret.held", {"detail": "#2 a token"}, past.now)
    assert answer(home, fox, act, number, past.now) == Question(2, "a token")
    assert [order.act for order in home.ledger.orders(fox.id)] == [f"{act} 2"]


NO_ANSWER = {
    # how many wait    which   what is said
    "none":            (0,     None, "Nothing waits for an answer"),
    "which of two":    (2,     None, "Say which. Waiting are: 1"),
    "another":         (1,     7,    "There is no question 7. Waiting are: 1"),
}  # fmt: skip


@pytest.mark.parametrize(("count", "number", "said"), NO_ANSWER.values(), ids=NO_ANSWER)
def test_no_answer(home: Home, past: Past, count: int, number: int | None, said: str) -> None:
    """What cannot be told apart, or does not wait, is an error that says what does."""
    fox = past.run("fox")
    for each in range(1, count + 1):
        home.ledger.note(fox.id, "hold", "secret.held", {"detail": f"#{each} x"}, past.now)
    with pytest.raises(UsageError, match=said):
        answer(home, fox, "approve", number, past.now)
    assert home.ledger.orders(fox.id) == []
