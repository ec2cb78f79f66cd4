"""What waits for a person in a run, read from its audit, and the person's answer."""

import re
from datetime import datetime
from typing import Final

from msgspec import Struct

from stopper.control.home import Home
from stopper.control.orders import wake
from stopper.control.suggest import listed
from stopper.errors import UsageError
from stopper.stores.ledger import Ledger, Run

__all__ = ["ANSWERS", "Question", "answer", "open_questions"]

ANSWERS: Final = {"approve": "secret.passed", "deny": "secret.denied"}
"""What a person can say, and the reason code that it is recorded with."""

_ASKED: Final = re.compile(r"#(\d{1,9}) (.*)", re.DOTALL)


class Question(Struct, frozen=True):
    """One request that waits: its number in the run, and what it is about."""

    number: int
    what: str


def open_questions(ledger: Ledger, run: Run) -> list[Question]:
    """What waits, in the order of asking."""
    waiting: dict[int, Question] = {}
    for row in ledger.audit(run=run.id):
        asked = _ASKED.fullmatch(str(row.fact.get("detail") or ""))
        if asked is None or not row.code.startswith("secret."):
            continue
        number = int(asked[1])
        if row.act == "hold":
            waiting[number] = Question(number, asked[2])
        else:
            waiting.pop(number, None)
    return list(waiting.values())


def answer(home: Home, run: Run, act: str, number: int | None, now: datetime) -> Question:
    """Say `approve` or `deny`; None means the only question. Raises UsageError where none is."""
    questions = {one.number: one for one in open_questions(home.ledger, run)}
    if number is None and len(questions) == 1:
        (number,) = questions
    if number not in questions:
        open_ = listed(f"{one.number} ({one.what})" for one in questions.values())
        have = f"Waiting are: {open_}." if questions else "Nothing waits for an answer."
        which = "Say which." if number is None else f"There is no question {number}."
        raise UsageError(f"{which} {have}" if questions or number is not None else have)
    home.ledger.give_order(run.id, f"{act} {number}", ANSWERS[act], now)
    wake(home.folder, run.id)
    return questions[number]
