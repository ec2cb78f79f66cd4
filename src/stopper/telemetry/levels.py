"""How far a day's limit is used, in four levels, and what each asks of an agent."""

from enum import IntEnum
from typing import Final

__all__ = ["CROSSINGS", "AlertLevel", "crossed", "level_at"]


class AlertLevel(IntEnum):
    """How urgent it is; ordered. `INFO` is normal operation, and an alert once half is used."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2
    FALLBACK = 3

    @property
    def action(self) -> str:
        """What an agent should do."""
        return _ACTIONS[self]


CROSSINGS: Final = (
    (50, AlertLevel.INFO),
    (70, AlertLevel.WARNING),
    (90, AlertLevel.CRITICAL),
    (95, AlertLevel.FALLBACK),
)
"""The percentages of a limit at which an alert is raised."""

_ACTIONS: Final = {
    AlertLevel.INFO: "Normal operation",
    AlertLevel.WARNING: "Reduce context, prefer cached",
    AlertLevel.CRITICAL: "Minimal context only",
    AlertLevel.FALLBACK: "Review-only mode, no generation",
}


def level_at(used: int, limit: int) -> AlertLevel:
    """The level when so much of a limit is used; all of a limit of nothing is."""
    reached = [level for percent, level in CROSSINGS if used * 100 >= percent * limit]
    return reached[-1] if reached else AlertLevel.INFO


def crossed(before: int, after: int, limit: int) -> AlertLevel | None:
    """The highest level whose threshold lies between the two, if there is one."""
    found = [level for percent, level in CROSSINGS if before * 100 < percent * limit <= after * 100]
    return found[-1] if found else None
