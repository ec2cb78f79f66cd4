"""Tells OpenTelemetry what was used and what is alarming, where it is installed.

Names follow the GenAI conventions (gen_ai.client.token.usage), which are still in development.
"""

from typing import Any

from stopper.core.usage import Quality
from stopper.errors import SettingsError
from stopper.telemetry.alert import Alert
from stopper.telemetry.entry import UsageEntry

__all__ = ["OpenTelemetry"]


class OpenTelemetry:
    """A sink for alerts, and with `watch` a watcher of entries.

    `meter` is the process's own by default. SettingsError where `opentelemetry` is not installed.
    What is not measured is reported under another quality, and what is unknown not as tokens.
    """

    def __init__(self, meter: Any = None) -> None:
        if meter is None:
            try:
                from opentelemetry.metrics import get_meter  # noqa: PLC0415  where there is one
            except ImportError:
                raise SettingsError(
                    "opentelemetry is not installed: pip install opentelemetry-api"
                ) from None
            meter = get_meter("stopper")
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}")
        self._seconds = meter.create_histogram("gen_ai.client.operation.duration", "s")
        self._alerts = meter.create_counter("stopper.alerts", "{alert}")

    def __call__(self, alert: Alert) -> None:
        """Count an alert."""
        self._alerts.add(
            1,
            {
                "gen_ai.provider.name": alert.provider,
                "stopper.code": alert.code,
                "stopper.level": alert.level.name,
            },
        )

    def watch(self, entry: UsageEntry) -> None:
        """Record what a call used."""
        about = {
            "gen_ai.provider.name": entry.provider,
            "gen_ai.request.model": entry.model,
            "gen_ai.operation.name": entry.operation or "chat",
            "stopper.quality": str(entry.quality),
        }
        if entry.quality is not Quality.UNKNOWN:
            read = entry.total_tokens - entry.output_tokens
            self._tokens.record(read, {**about, "gen_ai.token.type": "input"})
            self._tokens.record(entry.output_tokens, {**about, "gen_ai.token.type": "output"})
        if entry.latency_ms is not None:
            self._seconds.record(entry.latency_ms / 1000, about)
