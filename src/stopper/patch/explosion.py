"""Files that grow or shrink out of all proportion, as no edit does by intent."""

import os
from collections.abc import Mapping
from typing import Final

from stopper.errors import SettingsError

__all__ = ["DEFAULT_MAX_INCREASE", "detect_syntax_explosion", "grows", "max_increase", "shrinks"]

DEFAULT_MAX_INCREASE: Final = 10.0
SMALL_BYTES: Final = 1024
"""A file that is smaller counts as this large: a stub may become a module."""

SHRUNK: Final = 4
_VARIABLE: Final = "STOPPER_MAX_SIZE_INCREASE"


def detect_syntax_explosion(
    original_size: int, new_size: int, most: float | None = None
) -> tuple[bool, str]:
    """Whether a file of so many bytes becomes more than `most` times as large, and in words.

    Ten times by default, or what STOPPER_MAX_SIZE_INCREASE says. A new file has no proportion.
    """
    if original_size < 0 or new_size < 0:
        raise ValueError("a size is no less than 0")
    limit = max_increase() if most is None else most
    if not original_size or new_size <= original_size * limit:
        return False, ""
    return True, f"File size increased by {new_size / original_size:.4g}x"


def grows(original: bytes | None, new: bytes, most: float) -> str:
    """The same for contents, in words or empty; small files may grow to a sensible size."""
    if not original:
        return ""
    small = max(len(original), SMALL_BYTES)
    if not detect_syntax_explosion(small, len(new), most)[0]:
        return ""
    return detect_syntax_explosion(len(original), len(new), most)[1]


def shrinks(original: bytes | None, new: bytes) -> str:
    """A warning where at most a quarter is left of a file that is not small."""
    if not original or len(original) < SMALL_BYTES or len(new) * SHRUNK > len(original):
        return ""
    return f"only {len(new)} of {len(original)} bytes are left"


def max_increase(environ: Mapping[str, str] = os.environ) -> float:
    """What the environment says, or ten times; SettingsError where that does not read."""
    text = environ.get(_VARIABLE, "")
    try:
        value = float(text) if text else DEFAULT_MAX_INCREASE
    except ValueError:
        value = 0.0
    if not value >= 1:
        raise SettingsError(f"{_VARIABLE}: is no number from 1 up; mend or unset it")
    return value
