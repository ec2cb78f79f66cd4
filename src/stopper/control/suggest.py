"""What somebody who mistyped a name may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "listed"]

MAX_LISTED = 12
"""How many names an error lists before it only counts the rest."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question with a leading space that names the nearest known word; empty where none is."""
    near = get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def listed(names: Iterable[str]) -> str:
    """Names for a sentence, in order, with a bound."""
    every = sorted(set(names))
    more = len(every) - MAX_LISTED
    text = ", ".join(every[:MAX_LISTED])
    return f"{text} and {more} more" if more > 0 else text
