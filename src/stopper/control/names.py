"""Names for bottles that nobody named: easy to say, and free."""

import secrets
from collections.abc import Container
from typing import Final

__all__ = ["fresh_name"]

_COLOURS: Final = (
    "amber",
    "azure",
    "coral",
    "ivory",
    "jade",
    "lilac",
    "ochre",
    "olive",
    "rose",
    "teal",
)
_ANIMALS: Final = (
    "crane",
    "finch",
    "fox",
    "hare",
    "ibis",
    "lynx",
    "otter",
    "stoat",
    "tern",
    "wren",
)
_TRIES: Final = 20


def fresh_name(taken: Container[str]) -> str:
    """A name such as `amber-fox` that is not in `taken`; with a number where those run out."""
    for _ in range(_TRIES):
        name = f"{secrets.choice(_COLOURS)}-{secrets.choice(_ANIMALS)}"
        if name not in taken:
            return name
    return f"{secrets.choice(_COLOURS)}-{secrets.choice(_ANIMALS)}-{secrets.token_hex(3)}"
