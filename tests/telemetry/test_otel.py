"""OpenTelemetry hears what was used and what is alarming."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from stopper.errors import SettingsError
from stopper.telemetry import TokenLedger
from stopper.telemetry.otel import OpenTelemetry

Opened = Callable[..., TokenLedger]


@pytest.fixture
def reader() -> Iterator[InMemoryMetricReader]:
    made = InMemoryMetricReader()
    yield made
    made.shutdown()


def points(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    data = reader.get_metrics_data()
    assert data is not None
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    return {metric.name: [*metric.data.data_points] for metric in metrics}


def test_usage_and_alerts(opened: Opened, reader: InMemoryMetricReader) -> None:
    telemetry = OpenTelemetry(MeterProvider([reader]).get_meter("test"))
    ledger = opened(sinks=[telemetry], watchers=[telemetry.watch])
    ledger.record_usage("Cerebras", "m", 13_000_000, 7, 250, cache_read_tokens=3)
    ledger.record_usage("cerebras", "m", 500, 500, quality="unknown")
    found = points(reader)
    tokens = {
        point.attributes["gen_ai.token.type"]: point for point in found["gen_ai.client.token.usage"]
    }
    assert (tokens["input"].sum, tokens["output"].sum) == (13_000_003, 7)
    assert tokens["input"].attributes["gen_ai.provider.name"] == "cerebras"
    assert found["gen_ai.client.operation.duration"][0].sum == 0.25
    (alert,) = found["stopper.alerts"]
    assert (alert.value, alert.attributes["stopper.level"]) == (1, "INFO")


def test_the_processs_own_meter() -> None:
    assert OpenTelemetry()


def test_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(SettingsError, match="not installed"):
        OpenTelemetry()
