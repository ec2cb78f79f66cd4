"""How often actions may be done: a bound on each kind within any stretch of time."""

import re
from collections import deque
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from stopper.policy.decision import ActionType

__all__ = ["MAX_RATE", "Rate", "Rates", "parse_rate"]

MAX_RATE: Final = 100_000
"""No limit is higher, since every action within it is remembered."""

_NS: Final = 1_000_000_000
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE: Final = re.compile(r"([0-9]{1,6})/(second|minute|hour|day)")


class Rate(Struct, frozen=True):
    """At most `most` actions in any stretch of `every_ns` nanoseconds."""

    most: int
    every_ns: int


def parse_rate(text: str) -> Rate:
    """Read `10/minute`; also per second, hour and day. ValueError says what is allowed."""
    parts = _RATE.fullmatch(text)
    if parts is None or int(parts[1]) > MAX_RATE:
        raise ValueError(
            f"{text!r} is no rate: write a number up to {MAX_RATE} and /second, /minute, /hour or "
            "/day, such as 10/minute"
        )
    return Rate(int(parts[1]), _SECONDS[parts[2]] * _NS)


class Rates:
    """Counts actions by their kind; a kind without a rate is not limited.

    Not for several threads at once, and its times must never go back.
    """

    def __init__(self, rates: Mapping[ActionType, Rate]) -> None:
        self._rates = dict(rates)
        self._done: dict[ActionType, deque[int]] = {kind: deque() for kind in rates}

    def admit(self, kind: ActionType, now_ns: int) -> bool:
        """Whether one more may be done now; if so it is counted."""
        rate = self._rates.get(kind)
        if rate is None:
            return True
        done = self._done[kind]
        while done and now_ns - done[0] >= rate.every_ns:
            done.popleft()
        if len(done) >= rate.most:
            return False
        done.append(now_ns)
        return True
