"""Names of several words in one: `deleteBucket`."""

from typing import Final

from stopper.detect.lazy import lazy

__all__ = ["unhump"]

_HUMP: Final = lazy(r"(?<=[a-z])(?=[A-Z])")


def unhump(name: str, sign: str = "-") -> str:
    """The name in small letters, with a sign between its words."""
    return name if name.islower() else _HUMP.sub(sign, name).lower()
