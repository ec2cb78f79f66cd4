"""What kind of task a text is, by its words."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from stopper.routing.model import TaskClass

__all__ = ["Classified", "classify"]

MAX_CHARS: Final = 4000
"""Of a longer text only the beginning counts: that is where people say what they want."""

OPENING_WORDS: Final = 6
"""A word among the first ones weighs twice."""

_WORD: Final = re.compile(r"[^\W_](?:[\w'-]*[^\W_])?")
_ANY: Final = "*"


class Classified(Struct, frozen=True):
    """A task and what told it: the sum of the weights of each class, and the words that matched."""

    task_class: TaskClass
    scores: Mapping[TaskClass, int]
    words: tuple[str, ...]


def classify(text: str, table: Mapping[TaskClass, Mapping[str, int]]) -> Classified:
    """The class whose words weigh most; of none, a question is a question and all else is code."""
    words = [match[0].casefold() for match in _WORD.finditer(text[:MAX_CHARS])]
    scores: dict[TaskClass, int] = {}
    matched: dict[TaskClass, list[str]] = {}
    for task, patterns in table.items():
        for pattern, weight in patterns.items():
            place = _find(words, pattern.split(" "))
            if place is not None:
                scores[task] = scores.get(task, 0) + weight * (2 if place < OPENING_WORDS else 1)
                matched.setdefault(task, []).append(pattern)
    if not scores:
        asks = text.rstrip().endswith("?")
        return Classified(TaskClass.SIMPLE_QA if asks else TaskClass.CODE_GENERATION, {}, ())
    best = max(scores, key=lambda task: scores[task])
    return Classified(best, scores, tuple(matched[best]))


def _find(words: list[str], pattern: list[str]) -> int | None:
    """Where the words of a pattern stand behind each other for the first time."""
    for place in range(len(words) - len(pattern) + 1):
        if all(map(_fits, words[place : place + len(pattern)], pattern)):
            return place
    return None


def _fits(word: str, pattern: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith(_ANY) else word == pattern
