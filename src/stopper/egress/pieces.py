"""Marks for known values that are cut over the fields of a body, in each of the fields."""

from collections.abc import Callable, Iterable

from stopper.detect.fields import Field
from stopper.detect.finding import Finding
from stopper.detect.jsontext import Edit, marked, merged
from stopper.detect.known import KnownValues
from stopper.detect.redact import mark_name
from stopper.egress.spread import rows

__all__ = ["without_pieces"]


def without_pieces(
    body: bytes, known: KnownValues, leaks: Callable[[list[Finding]], list[Finding]]
) -> bytes | None:
    """The body with a mark for each piece of what `leaks`; JSON stays JSON.

    Half of a value would be found by itself, and what is left of it then would not. None where a
    field is written otherwise than what it says, so that no mark can be put into it.
    """
    edits: list[Edit] = []
    for row in rows(body):
        for one in leaks(known.scan(b"".join(field.text for field in row))):
            places = _places(body, row, one.start, one.end)
            if places is None:
                return None
            mark = f"[REDACTED:{mark_name(one)}]"
            edits += [Edit(start, end, mark) for start, end in places]
    if not edits:
        return body
    cuts = merged(sorted(edits, key=lambda one: (one.start, one.end)))
    return marked(body.decode("latin-1"), cuts).encode("latin-1")


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
