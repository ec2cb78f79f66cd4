"""What was used, how fast it goes, and who is told."""

from stopper.telemetry.alert import Alert, Sink, Watcher
from stopper.telemetry.anomaly import Anomaly
from stopper.telemetry.burn import BurnRate
from stopper.telemetry.entry import UsageEntry
from stopper.telemetry.forecast import Forecast
from stopper.telemetry.ledger import (
    CEREBRAS_DAILY_LIMIT,
    DEFAULT_DAILY_LIMIT,
    LEDGER_PATH,
    TokenLedger,
)
from stopper.telemetry.levels import AlertLevel
from stopper.telemetry.otel import OpenTelemetry
from stopper.telemetry.webhook import Webhook, verify_webhook

__all__ = [
    "CEREBRAS_DAILY_LIMIT",
    "DEFAULT_DAILY_LIMIT",
    "LEDGER_PATH",
    "Alert",
    "AlertLevel",
    "Anomaly",
    "BurnRate",
    "Forecast",
    "OpenTelemetry",
    "Sink",
    "TokenLedger",
    "UsageEntry",
    "Watcher",
    "Webhook",
    "verify_webhook",
]
