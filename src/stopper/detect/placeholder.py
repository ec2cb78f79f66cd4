"""Whether a value is what documentation writes where a secret would stand."""

import re
from collections.abc import Collection
from typing import Final

__all__ = ["is_placeholder"]

_MIN_BODY: Final = 6
_MAX_BODY: Final = 512
_LONG: Final = 20
_FEW: Final = 10
"""A short text that repeats itself has no more characters than that."""

_HARDLY_ANY: Final = 3
_MAX_PERIOD: Final = 9
_SHARE: Final = 4
_SHARE_OF_LONG: Final = 3
"""What is left besides words, rows and repetitions is at most one part of so many."""

_WORDS: Final = (
    "account access actual admin anthropic api app auth aws bar baz bearer bot change changeme "
    "client code config credential data demo dev doc docs documentation dummy enter env example "
    "fake fill fixme foo for from generated github gitlab goes google hash here hidden insert "
    "invalid it just key live long masked me mock my none not null only openai own pass passwd "
    "password phrase placeholder please private prod production project put qux qwerty random "
    "real redacted removed replace sample secret service slack some string stripe stub test "
    "testing text that the this todo token tutorial unique use user username valid value var "
    "variable with your"
)


def _longest(words: Collection[str]) -> str:
    """A pattern of the longest of these words, by their letters: a list is tried word by word."""
    tails: dict[str, set[str]] = {}
    for word in words:
        if word:
            tails.setdefault(word[0], set()).add(word[1:])
    ways = [letter + _longest(rest) for letter, rest in sorted(tails.items())]
    if not ways:
        return ""
    return f"(?:{'|'.join(ways)})" + ("?" if "" in words else "")


_WORD: Final = re.compile(_longest(set(_WORDS.split())).encode())
_SEPARATORS: Final = b"-_./:=+@~ "
_BASES: Final = b"acgt"
"""What stretches of genes are written in, however long: four letters that no generator keeps to."""

_ROW: Final = re.compile(rb"(.)\1{7,}")
_STEPS: Final = frozenset(
    [(left, left + step) for left in range(0x21, 0x7F) for step in (-1, 0, 1)]
    + [(ord("9"), ord("0")), (ord("0"), ord("9")), (ord("z"), ord("a"))]
)


def is_placeholder(body: bytes) -> bool:
    """Whether `body`, a secret without its prefix, is words, one character, or counts up or down.

    What a generator draws is none: of a million random tokens not one reads like this.
    """
    if not _MIN_BODY <= len(body) <= _MAX_BODY:
        return False
    shown = body.lower().translate(None, _SEPARATORS)
    if not shown.translate(None, _BASES):
        return True
    row = _ROW.search(shown)
    if row and (row.end() - row.start()) * _SHARE_OF_LONG >= len(shown) * 2:
        return True  # whatever was joined to it
    rest = _WORD.sub(b"", shown)
    variety = len(set(rest))
    if variety > _HARDLY_ANY and rest == shown and len(shown) < _LONG:
        return False  # too short to tell a row from chance
    if shown.isdigit():
        return _is_ordered(rest, 1, most=1)
    periods = _MAX_PERIOD if variety <= _FEW else 2
    share = _SHARE if len(shown) < _LONG else _SHARE_OF_LONG
    return _is_ordered(rest, periods, most=len(shown) // share)


def _is_ordered(text: bytes, periods: int, *, most: int) -> bool:
    """Whether all but `most` characters repeat or continue what stands a few places before."""
    return len(text) <= most or any(
        len(text) - sum(map(_STEPS.__contains__, zip(text, text[lag:], strict=False))) <= most
        for lag in range(1, periods + 1)
    )
