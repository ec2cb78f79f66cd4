"""What is told when a limit is being used up, or spending is unusual."""

from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from stopper.telemetry.anomaly import Anomaly
from stopper.telemetry.entry import UsageEntry
from stopper.telemetry.levels import AlertLevel

__all__ = ["Alert", "Sink", "Watcher", "anomaly_alert", "level_alert"]


class Alert(Struct, frozen=True):
    """`code` is `burn.` with the level, or `burn.anomaly`; `reason` says it in words."""

    code: str
    level: AlertLevel
    provider: str
    at: datetime
    used_tokens: int
    daily_limit: int
    reason: str
    action: str

    def as_json(self) -> dict[str, Any]:
        """Plain values, the level by its name."""
        return {
            **{name: getattr(self, name) for name in self.__struct_fields__},
            "level": self.level.name,
            "at": self.at.isoformat(),
        }


class Sink(Protocol):
    """Takes alerts: a function will do. It is called by whoever records, so it must be quick."""

    def __call__(self, alert: Alert, /) -> object:
        """Take an alert."""


class Watcher(Protocol):
    """Sees every entry that this process records."""

    def __call__(self, entry: UsageEntry, /) -> object:
        """See an entry."""


def level_alert(level: AlertLevel, provider: str, at: datetime, used: int, limit: int) -> Alert:
    """A threshold was crossed."""
    return Alert(
        f"burn.{level.name.lower()}",
        level,
        provider,
        at,
        used,
        limit,
        f"{provider} has used {used:,} of {limit:,} tokens today ({used / limit:.0%})",
        level.action,
    )


def anomaly_alert(found: Anomaly, provider: str, at: datetime, used: int, limit: int) -> Alert:
    """Spending became unusual."""
    return Alert(
        "burn.anomaly",
        AlertLevel.WARNING,
        provider,
        at,
        used,
        limit,
        f"{provider}: {found.reason}",
        "Look for a loop, or for somebody else who uses this key",
    )
