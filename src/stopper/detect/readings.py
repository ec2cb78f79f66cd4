"""The commands that a list may stand for: one in words, several, or a script of lines."""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

__all__ = ["MAX_READINGS", "readings", "with_arguments", "words_in"]

MAX_READINGS: Final = 200
"""What may be read as more commands than this is not looked through: it is refused."""

_ENDS: Final = frozenset(";&|")
_OPERATOR: Final = re.compile(r"[<>()]|[0-9]?>{1,2}(?:&[0-9])?")


def readings(value: Any, *, are_many: bool) -> Iterator[str]:
    """Every command that a text, or a list of texts, numbers and such lists, may be.

    A list is the words of one command. Where its name says that there are several, or where an item
    has blanks, its texts are commands too, and all of them the lines of one script. Where an item
    is an operator of a shell, they are also a text. Lists inside of it are commands of their own.
    A word such as `it's fine` is no line of a script, as no shell would run it, nor is an option.
    """
    if isinstance(value, str):
        yield value
        return
    words = list(words_in([value]))
    if not words:
        return
    yield shlex.join(words)
    lines = [item for item in value if isinstance(item, str)]
    parts = lines
    if not are_many and len(words) > 1:
        lines = [line for line in lines if _is_line(line)]
        parts = [line for line in lines if len(line.split()) > 1]
    yield from (part for part in parts if not part.startswith("-"))
    if parts and len(lines) > 1:
        yield "\n".join(lines)
    if any(map(_is_operator, words)):
        yield " ".join(words)
    for item in value:
        if isinstance(item, list):
            yield from readings(item, are_many=False)


def with_arguments(value: Any, arguments: Sequence[Any], *, are_many: bool) -> Iterator[str]:
    """The same with what stands beside it as its arguments: texts as they are, lists as words."""
    joined = "".join(
        f" {one}" if isinstance(one, str) else f" {shlex.join(words_in([one]))}"
        for one in arguments
    )
    words = list(words_in(arguments))
    bare = " ".join(("", *words)) if any(map(_is_operator, words)) else joined
    for reading in readings(value, are_many=are_many):
        yield reading + joined
        if bare != joined:
            yield reading + bare


def words_in(values: Iterable[Any]) -> Iterator[str]:
    """The texts and numbers among `values` and in their lists, as a command line has them."""
    for value in values:
        if isinstance(value, str | int | float):
            yield str(value)
        elif isinstance(value, list):
            yield from words_in(value)


def _is_line(text: str) -> bool:
    """Whether a shell could run it: its quotes end, and it is no option of what is before it."""
    if text.startswith("-"):
        return False
    if "\n" in text:
        return True  # the first of its lines would run
    try:
        return bool(shlex.split(text, comments=True))
    except ValueError:
        return False


def _is_operator(word: str) -> bool:
    return word[:1] in _ENDS or word[-1:] in _ENDS or _OPERATOR.fullmatch(word) is not None
