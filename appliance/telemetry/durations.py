"""Count durations in histograms, and send them from time to time: OpenTelemetry's metrics for HTTP and databases."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from appliance import DISTRIBUTION
from appliance.telemetry.collector_session import CollectorSession
from appliance.telemetry.delivery import DeliveryReports
from appliance.telemetry.request_spans import error_type

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram
    from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
    from opentelemetry.sdk.resources import Resource

    from appliance.telemetry.delivery import Report

REQUESTS = "http.server.request.duration"
# The boundaries of the semantic conventions.
_HTTP = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_DATABASE = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
_HISTOGRAMS = {
    REQUESTS: ("Duration of HTTP server requests.", _HTTP),
    "http.client.request.duration": ("Duration of HTTP client requests.", _HTTP),
    "db.client.operation.duration": ("Duration of database client operations.", _DATABASE),
}
_COUNTED = ("http.request.method", "http.response.status_code", "http.route", "network.protocol.version")


class _Exporter(OTLPMetricExporter):
    """The SDK's exporter, which reports what becomes of each export."""

    def __init__(self, report: Report) -> None:
        self._noting = CollectorSession("metrics")
        super().__init__(session=self._noting)
        self._noting.name_url(self._endpoint)
        self.delivery = DeliveryReports("metrics", self._endpoint, report)
        self.ending = False

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **more: Any
    ) -> MetricExportResult:
        """Export the metrics; totals that fail are sent with the next ones."""
        result = super().export(metrics_data, timeout_millis, **more)
        outcome = self._noting.outcome
        if outcome.taken and not outcome.rejected:
            self.delivery.arrived()
        elif outcome.temporary and not self.ending:
            self.delivery.delayed(outcome)
        else:
            self.delivery.lost(outcome.rejected or _points(metrics_data), outcome.reason, outcome.action)
        return result


class Durations:
    """The histograms, and what sends them.

    Args:
        scheme: of the URLs of requests.
        report: logs an event: level, name, fields.
    """

    def __init__(self, resource: Resource, version: str, scheme: str, report: Report) -> None:
        self._exporter = _Exporter(report)
        self._provider = MeterProvider(
            [PeriodicExportingMetricReader(self._exporter)], resource, shutdown_on_exit=False
        )
        meter = self._provider.get_meter(DISTRIBUTION, version)
        self._histograms: dict[str, Histogram] = {
            name: meter.create_histogram(name, "s", text, explicit_bucket_boundaries_advisory=boundaries)
            for name, (text, boundaries) in _HISTOGRAMS.items()
        }
        self._scheme = scheme
        self._last = threading.Thread(target=self._provider.shutdown, name="metrics", daemon=True)

    def request(self, line: dict[str, Any]) -> None:
        """Count a request's line of the log."""
        if line.get("duration_s") is None or line["event"] == "websocket.closed":
            return
        attributes = {name: line[name] for name in _COUNTED if name in line}
        attributes["url.scheme"] = self._scheme
        if error := error_type(line):
            attributes["error.type"] = error
        self.count(REQUESTS, line["duration_s"], attributes)

    def count(self, metric: str, seconds: float, attributes: dict[str, Any]) -> None:
        """Count a duration."""
        self._histograms[metric].record(seconds, attributes)

    def end_soon(self) -> None:
        """Send the last totals at once: this process ends."""
        self._exporter.ending = True
        self._last.start()

    def finish(self, until: float) -> None:
        """Wait for the last export until this time (CLOCK_MONOTONIC)."""
        self._last.join(max(0.0, until - monotonic()))
        self._exporter.delivery.finish()


def _points(data: MetricsData) -> int:
    """Return how many numbers there are."""
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
