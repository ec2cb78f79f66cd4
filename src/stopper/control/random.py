"""Which values look as if a generator had made them, whatever they are called."""

import re
from typing import Final

from stopper.detect.needs import NEEDS

__all__ = ["looks_random"]

_ITEM: Final = re.compile(rb"[,;]")
_VISIBLE: Final = re.compile(rb"[!-~]+")
_ORDINARY: Final = re.compile(
    rb".*://|--?[A-Za-z][A-Za-z-]*[:=]|[A-Z][a-z]{2,}/|[a-z]{2,3}_[A-Z]{2}(?:[.@]|\Z)|v?\d+\.\d",
    re.DOTALL,
)
"""How begin: a URL, whose password is looked for by itself, an option of a command, a time zone, a
locale and a version."""

_SIGN: Final = re.compile(rb"[!#$%^&*?~]")
"""What passwords have, and names, versions and addresses do not."""

_WORD: Final = re.compile(rb"(?<![A-Za-z0-9])[A-Za-z][a-z]{3,}(?![A-Za-z0-9])")
_HEX: Final = re.compile(
    rb"[0-9a-f]{16,}|[0-9A-F]{16,}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
)
_GROUP: Final = re.compile(rb"[A-Za-z0-9+]{8,}")
_DIGIT: Final = re.compile(rb"[0-9]")
_MOST_WORDS: Final = 3
"""One character of so many may stand in words."""


def looks_random(value: str) -> bool:
    """Whether it is no path, word, URL, number, version, or name of anything; items are asked each.

    A text with blanks in it is none either: those that are secret are called so.
    """
    data = value.encode("utf-8", "surrogatepass")
    if not _VISIBLE.fullmatch(data) or _ORDINARY.match(data):
        return False
    return any(map(_is_random, _ITEM.split(data)))


def _is_random(data: bytes) -> bool:
    if not (NEEDS["random"](data) and NEEDS["unassigned"](data)):
        return False
    if _HEX.search(data) or not _DIGIT.search(data):
        return True
    if NEEDS["strong"](data):
        return bool(_SIGN.search(data)) or _in_words(data) * _MOST_WORDS < len(data)
    groups = _GROUP.findall(data) if NEEDS["mixed"](data) else ()
    return any(NEEDS["mixed"](group) and NEEDS["key"](group) for group in groups)


def _in_words(data: bytes) -> int:
    return sum(map(len, _WORD.findall(data)))
