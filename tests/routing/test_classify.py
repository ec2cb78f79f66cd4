"""What kind of task a text is."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.routing import TaskClass, classify_task, explain_task


def labelled(name: str) -> list[list[str]]:
    lines = Path(__file__).with_name(name).read_text().splitlines()
    return [line.split("\t") for line in lines]


LABELLED = labelled("tasks.tsv")
UNSEEN = labelled("tasks-unseen.tsv")
LEAST_RIGHT = 0.95
LEAST_UNSEEN = 0.4


def test_most_of_a_labelled_set_is_told_right() -> None:
    wrong = [
        (task, classify_task(text), text) for task, text in LABELLED if classify_task(text) != task
    ]
    assert len(wrong) <= (1 - LEAST_RIGHT) * len(LABELLED), wrong


def test_what_the_words_were_not_chosen_by() -> None:
    """Indirect wishes, which words alone tell badly: the floor keeps it from getting worse."""
    right = sum(classify_task(text) == task for task, text in UNSEEN)
    assert right >= LEAST_UNSEEN * len(UNSEEN)


def test_every_class_is_told_more_often_than_not() -> None:
    right = Counter(task for task, text in LABELLED if classify_task(text) == task)
    asked = Counter(task for task, _ in LABELLED)
    assert set(asked) == set(TaskClass)
    assert all(right[task] > asked[task] / 2 for task in asked)


ODD = {
    # what it is            text                     class
    "a question":           ("Really?",              TaskClass.SIMPLE_QA),
    "nothing":              ("",                     TaskClass.CODE_GENERATION),
    "another language":     ("Mach das schneller",   TaskClass.CODE_GENERATION),
    "shouted":              ("FIX THE BUG",          TaskClass.DEBUGGING),
}  # fmt: skip


@pytest.mark.parametrize(("text", "task"), ODD.values(), ids=ODD)
def test_odd_texts(text: str, task: TaskClass) -> None:
    assert classify_task(text) is task


def test_it_says_what_told_it() -> None:
    told = explain_task("Fix the crash, then review the diff")
    assert told.task_class is TaskClass.DEBUGGING
    assert set(told.words) == {"fix*", "crash*"}
    assert told.scores[TaskClass.CODE_REVIEW] > 0


@given(st.text(max_size=500))
def test_any_text_has_a_class(text: str) -> None:
    assert classify_task(text) in TaskClass
