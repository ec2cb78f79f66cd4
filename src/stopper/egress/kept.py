"""What the bodies of a plane that are held back may take together."""

from typing import Final

__all__ = ["MAX_KEPT_BYTES", "Kept", "Share"]

MAX_KEPT_BYTES: Final = 512 * 2**20
"""Of all requests of a plane, decoded or not."""


class Kept:
    """The sum of all shares, in bytes."""

    def __init__(self) -> None:
        self.size = 0


class Share:
    """What one request holds."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._size = 0

    def grow(self, size: int) -> bool:
        """Hold so much more; False where that is too much for all together."""
        self._size += size
        self._kept.size += size
        return self._kept.size <= MAX_KEPT_BYTES

    def forget(self) -> None:
        """Hold nothing any more."""
        self._kept.size -= self._size
        self._size = 0
