"""What guards ask the world for: time, keys and locks; the only file here that may."""

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

__all__ = ["Clock", "fresh_key", "lock", "monotonic_ns", "wall_ms"]

Clock = Callable[[], int]
"""Asked for the time: nanoseconds of no particular beginning, or milliseconds since 1970."""

_KEY_BYTES = 32


def monotonic_ns() -> int:
    """Nanoseconds that only ever grow; for durations."""
    return time.monotonic_ns()


def wall_ms() -> int:
    """Milliseconds since 1970, UTC; for what has a date."""
    return time.time_ns() // 1_000_000


def fresh_key() -> bytes:
    """Thirty-two bytes that nobody can guess."""
    return secrets.token_bytes(_KEY_BYTES)


def lock() -> AbstractContextManager[bool]:
    """A lock for the state of one guard, which threads may share."""
    return threading.Lock()
