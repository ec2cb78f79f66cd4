"""Cuts a text to a number of tokens, and says in it how much is gone."""

from collections.abc import Callable
from typing import Final

__all__ = ["clip"]

_STEPS: Final = 24
"""Halvings of the length; enough for any text that is tokenized."""


def clip(text: str, tokens: int, count: Callable[[str], int], *, head: bool) -> str | None:
    """`text` with at most so many tokens, cut from its head or else from its tail.

    None where not even the mark fits that says what is gone.
    """
    if count(text) <= tokens:
        return text
    low, high = 0, len(text)
    best: str | None = None
    for _ in range(_STEPS):
        if low > high:
            break
        middle = (low + high) // 2
        candidate = _cut(text, middle, head=head)
        if count(candidate) <= tokens:
            best, low = candidate, middle + 1
        else:
            high = middle - 1
    return best


def _cut(text: str, kept: int, *, head: bool) -> str:
    mark = f"[... {len(text) - kept:,} characters omitted ...]"
    if not kept:
        return mark
    return f"{mark}\n{text[-kept:]}" if head else f"{text[:kept]}\n{mark}"
