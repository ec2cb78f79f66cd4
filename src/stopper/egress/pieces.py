"""Marks for known values that are cut over the fields of a body, in each of the fields."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct

from stopper.detect.fields import Field
from stopper.detect.finding import Finding
from stopper.detect.jsontext import literals
from stopper.detect.known import KnownValues
from stopper.egress.spread import rows

__all__ = ["without_pieces"]

MAX_NAME: Final = 64
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


class _Mark(Struct, frozen=True, order=True):
    start: int
    end: int
    mark: str


def without_pieces(
    body: bytes, known: KnownValues, leaks: Callable[[list[Finding]], list[Finding]]
) -> bytes | None:
    """The body with a mark for each piece of what `leaks`; JSON stays JSON.

    Half of a value would be found by itself, and what is left of it then would not. None where a
    field is written otherwise than what it says, so that no mark can be put into it.
    """
    marks: list[_Mark] = []
    for row in rows(body):
        for one in leaks(known.scan(b"".join(field.text for field in row))):
            places = _places(body, row, one.start, one.end)
            if places is None:
                return None
            marks += [_Mark(start, end, _mark(one)) for start, end in places]
    return _marked(body, _disjoint(marks)) if marks else body


def _places(
    body: bytes, row: Iterable[Field], start: int, end: int
) -> list[tuple[int, int]] | None:
    """Where stands what the row holds from `start` to `end`; nowhere if in one field alone."""
    touched, numbers, at = [], set(), 0
    for field in row:
        first, last = max(start - at, 0), min(end - at, len(field.text))
        at += len(field.text)
        if first < last:
            touched.append((field, first, last))
            numbers.add(field.number)
    if len(numbers) < 2:  # noqa: PLR2004  both ends of one value are one field
        return []
    found = []
    for field, first, last in touched:
        begin = body.find(field.text, field.start, field.end)
        if begin < 0 or body.find(field.text, begin + 1, field.end) >= 0:
            return None
        found.append((begin + first, begin + last))
    return found


def _mark(one: Finding) -> str:
    return f"[REDACTED:{''.join(_NAME.findall(one.name))[:MAX_NAME] or 'SECRET'}]"


def _disjoint(marks: Iterable[_Mark]) -> list[_Mark]:
    disjoint: list[_Mark] = []
    for one in sorted(marks):
        last = disjoint[-1] if disjoint else None
        if last is not None and one.start < last.end:
            disjoint[-1] = _Mark(last.start, max(last.end, one.end), last.mark)
        else:
            disjoint.append(one)
    return disjoint


def _marked(body: bytes, marks: Sequence[_Mark]) -> bytes:
    text, parts, at = body.decode("latin-1"), list[str](), 0
    for start, end, mark in literals(text, marks):
        parts += [text[at:start], mark]
        at = end
    return "".join([*parts, text[at:]]).encode("latin-1")
