"""What reasons and records may show of words that an agent chose."""

import re
from typing import Any, Final

from stopper.detect.needs import NEEDS
from stopper.detect.secrets import scan_token_patterns

__all__ = ["shown", "shown_in"]

_MARK: Final = "[...]"
_MAX_DEPTH: Final = 4
# Shorter ones are told from words too seldom.
_LONG = re.compile(r"[A-Za-z0-9+/_=~-]{16,}")


def shown(text: str) -> str:
    """`text` with a mark in the place of what looks like a key: a name may be one, or a host."""
    if not _LONG.search(text):
        return text
    plain = _LONG.sub(_unless_random, text)
    found = scan_token_patterns(plain)
    while found:
        plain = plain[: found.start] + _MARK + plain[found.end :]
        found = scan_token_patterns(plain)
    return plain


def shown_in(value: Any, depth: int = 0) -> Any:
    """The same in all texts of plain data, as deep as guards tell anything."""
    if isinstance(value, str):
        return shown(value)
    if depth < _MAX_DEPTH and type(value) is dict:
        return {name: shown_in(item, depth + 1) for name, item in value.items()}
    if depth < _MAX_DEPTH and type(value) in (list, tuple):
        return type(value)(shown_in(item, depth + 1) for item in value)
    return value


def _unless_random(found: re.Match[str]) -> str:
    return _MARK if NEEDS["random"](found[0].encode()) else found[0]
