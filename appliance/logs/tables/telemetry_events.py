"""The events of the export to OpenTelemetry."""

from __future__ import annotations

from types import MappingProxyType

from appliance.logs.tables.event_type import CHILD, Event

TELEMETRY_EVENTS = MappingProxyType(
    {
        "telemetry.started": Event(
            "info",
            "Requests, lines of the log and durations are sent to an OpenTelemetry collector: its endpoint is set.",
            ("url", "names"),
        ),
        "telemetry.misconfigured": Event(
            "warning",
            "A variable of OpenTelemetry has a value without an effect.",
            ("key", "found", "expected", "action"),
        ),
        "telemetry.left": Event(
            "info",
            "The project traces its requests itself, so the appliance exports no spans of this worker.",
            ("reason",),
            CHILD,
        ),
        "telemetry.delayed": Event(
            "warning",
            "The collector accepts no data now; data is kept, up to a limit, and sent later. Logged once until then.",
            ("what", "url", "reason", "action"),
            CHILD,
        ),
        "telemetry.lost": Event(
            "warning",
            "Data was lost: the collector has refused it, or there was too much to keep. Logged at the first loss, "
            "then with the remaining count when data is sent again, or at the stop.",
            ("what", "url", "count", "reason", "action"),
            frozenset({"supervisor", "worker"}),
            action="Give the collector more room, or send less (OTEL_TRACES_SAMPLER).",
        ),
        "telemetry.sent": Event(
            "info",
            "Data is sent again; the count is what was lost in between.",
            ("what", "url", "count"),
            CHILD,
        ),
        "telemetry.failed": Event(
            "warning",
            "The exporter has ended, and is started again. What it had not sent is lost.",
            ("reason", "action"),
            action="If it happens again, report it with this line; without the endpoint's variable it is not started.",
        ),
    }
)
