"""Whether letters follow each other as they do in words and in the names of code."""

import re
from itertools import pairwise
from typing import Final

__all__ = ["PARTS", "is_unreadable"]

_MIN_PAIRS: Final = 8
_RARE: Final = 4
"""At least one pair of so many is rare, where the case changes as well."""

_MIN_ALIKE: Final = 11
_HALF: Final = 2
"""And where it does not, one of so many, of more: other languages have pairs of their own."""

_SHORT: Final = 4
"""Words of a name in camel case have more letters than that, on the average."""

# What stands behind each letter in 95 of 100 pairs of the names in code and in its documentation.
_FOLLOWERS: Final = (
    "a bcdfgiklmnprstuvwxyz", "b aeijlorsuy", "c acehikloprstuy", "d abdeilorsu",
    "e abcdefgilmnopqrstvwxy", "f aefilnorstu", "g aehilnorsu", "h aeiortu",
    "i abcdefglmnoprstvxz", "j e", "k aeis", "l adeilostuy", "m abceilmopsu",
    "n acdefgiklnopstuv", "o abcdfgiklmnoprstuvw", "p acehiloprstuy", "q u",
    "r abcdefgiklmnoprstuvy", "s acehiklmopstuy", "t acefhilmoprstuy", "u abcdefgilmnprst",
    "v aeio", "w aeinors", "x ceimpst", "y lmnpst", "z aeiou",
)  # fmt: skip
_COMMON: Final = frozenset(
    (ord(row[0]), ord(letter)) for row in _FOLLOWERS for letter in row.partition(" ")[2]
)
_LETTERS = re.compile(rb"[A-Za-z]+")
PARTS: Final = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""The words that a name in camel case is made of."""


def is_unreadable(value: bytes) -> bool:
    """Whether nobody would have named anything so: nine of ten drawn at random of both cases.

    Of the names of ten letters and more in code it is one of four hundred, and some of those are
    no names either. Fewer than nine letters in a row never are.
    """
    rows = _LETTERS.findall(value)
    letters = sum(map(len, rows))
    pairs = letters - len(rows)
    if pairs < _MIN_PAIRS:
        return False
    rare = pairs - sum(map(_COMMON.__contains__, pairwise(value.lower())))
    if pairs >= _MIN_ALIKE and rare * _HALF >= pairs:
        return True
    return rare * _RARE >= pairs and len(PARTS.findall(value)) * _SHORT >= letters
