"""Turn a line of the log into a log record of OpenTelemetry. Secrets are masked in it already."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.trace import TraceFlags

from appliance.telemetry.request_spans import nanoseconds

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_SEVERITIES = MappingProxyType(
    {
        "debug": SeverityNumber.DEBUG,
        "info": SeverityNumber.INFO,
        "warning": SeverityNumber.WARN,
        "error": SeverityNumber.ERROR,
        "critical": SeverityNumber.FATAL,
    }
)
_BODIES = ("text", "message", "error", "found", "reason")  # the first of them is the body
_LEFT_OUT = frozenset({"timestamp", "level", "event", "trace_id", "span_id", "trace_flags", "trace_state"})
# The names of the semantic conventions, where they have one.
_NAMES = MappingProxyType(
    {
        "file": "code.file.path",
        "line": "code.line.number",
        "function": "code.function.name",
        "pid": "process.pid",
        "thread": "thread.name",
        "stream": "log.iostream",
        "traceback": "exception.stacktrace",
        "request_id": "appliance.request_id",
        "generation": "appliance.generation",
        "role": "appliance.role",
    }
)
_INTEGER_MAX = 2**63


class LogRecords:
    """Makes OpenTelemetry's log records from lines of the log."""

    def __init__(self, resource: Resource, scope: InstrumentationScope) -> None:
        self._resource = resource
        self._scope = scope

    def of(self, line: dict[str, Any]) -> ReadableLogRecord:
        """Return the record of this line.

        Raises:
            ValueError, KeyError, TypeError: the line is not of the log.
        """
        moment, event = nanoseconds(line["timestamp"]), line["event"]
        body = next((name for name in _BODIES if isinstance(line.get(name), str)), "")
        record = LogRecord(
            timestamp=moment,
            observed_timestamp=moment,
            severity_text=line["level"].upper(),
            severity_number=_SEVERITIES[line["level"]],
            body=line[body] if body else _request(line) or event,
            attributes={
                _NAMES.get(name, name): _exportable(value)
                for name, value in line.items()
                if name not in _LEFT_OUT and name != body and value is not None
            },
            event_name=event,
        )
        if "trace_id" in line and "span_id" in line:
            record.trace_id, record.span_id = int(line["trace_id"], 16), int(line["span_id"], 16)
            record.trace_flags = TraceFlags(int(line.get("trace_flags", "0"), 16))
        return ReadableLogRecord(record, self._resource, self._scope)


def _request(line: dict[str, Any]) -> str:
    parts = (line.get(name) for name in ("http.request.method", "url.path", "http.response.status_code"))
    return " ".join(str(part) for part in parts if part is not None)


def _exportable(value: Any) -> Any:
    """Return a value that OTLP can hold: integers have 64 bits there."""
    if isinstance(value, int) and not isinstance(value, bool) and not -_INTEGER_MAX <= value < _INTEGER_MAX:
        return str(value)
    if isinstance(value, dict):
        return {str(name): _exportable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_exportable(each) for each in value]
    return value
