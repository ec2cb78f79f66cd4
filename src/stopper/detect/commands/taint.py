"""Text that is only known at run time: one character stands for it and says whence it comes."""

import re

__all__ = [
    "ENCODED",
    "MADE",
    "REMOTE",
    "SECRET",
    "UNKNOWN",
    "blend",
    "is_literal",
    "show",
    "taints",
    "unmark",
]

UNKNOWN = "\x00"
REMOTE = "\x01"
"""Text that came over the network."""
SECRET = "\x02"  # noqa: S105  a mark, no secret
"""Text that holds, or may hold, a credential."""
ENCODED = "\x03"
"""Local data made fit to be smuggled: encoded, compressed, or a fact about this machine."""

MADE = "/tmp/tmp.made"  # noqa: S108  a name, nothing is made there
"""What `mktemp` prints, as far as anyone can tell."""

_MARKS = re.compile("[\x00-\x03]")


def is_literal(text: str) -> bool:
    """Whether the whole text is known."""
    return _MARKS.search(text) is None


def show(text: str) -> str:
    """A text as a person may see it."""
    return _MARKS.sub("…", text)


def unmark(text: str, sign: str = "") -> str:
    """A text without its marks, or with a sign for each."""
    return _MARKS.sub(sign, text)


def taints(text: str) -> frozenset[str]:
    """The marks in a text."""
    return frozenset(_MARKS.findall(text))


def blend(*texts: str) -> str:
    """What a program may print that read these texts and did something to them."""
    marks = taints("".join(texts))
    for mark in (SECRET, REMOTE, ENCODED):
        if mark in marks:
            return mark
    return UNKNOWN
