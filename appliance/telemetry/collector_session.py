"""Send to a collector by HTTP, and note its answer: the SDK's exporters report only success or failure."""

from __future__ import annotations

import contextlib
import re
import time
from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

if TYPE_CHECKING:
    from collections.abc import Callable

_LATER = frozenset({429, 502, 503, 504})  # OTLP: these may be sent again
_TOO_LARGE = 413
_SHOWN = 200  # characters
_LONGEST_WAIT_S = 300.0
_NUMBER = re.compile(r"^\[Errno -?\d+\] ")
_REJECTED: dict[str, Callable[[bytes], tuple[int, str]]] = {
    "traces": lambda data: _partial(ExportTraceServiceResponse, data, "rejected_spans"),
    "logs": lambda data: _partial(ExportLogsServiceResponse, data, "rejected_log_records"),
    "metrics": lambda data: _partial(ExportMetricsServiceResponse, data, "rejected_data_points"),
}
_READ_ITS_LOG = "Read the collector's own log: it says why it refuses this data."


class Outcome(NamedTuple):
    """The outcome of one request to the collector.

    Attributes:
        taken: the collector has taken the data.
        reason: why not.
        action: what to do about it.
        temporary: the same data may be sent again later.
        too_large: less data at once may be taken.
        retry_after_s: what the collector asked for.
        rejected: how much of the data it has taken and thrown away.
    """

    taken: bool
    reason: str = ""
    action: str = ""
    temporary: bool = False
    too_large: bool = False
    retry_after_s: float = 0.0
    rejected: int = 0


class CollectorSession(requests.Session):
    """A session that notes the last outcome.

    Args:
        signal: "traces", "logs" or "metrics".

    Attributes:
        url: of the collector, for this signal.
        outcome: of the last request.
    """

    def __init__(self, signal: str) -> None:
        super().__init__()
        self._signal = signal
        self.url = ""
        self.outcome = Outcome(taken=False)

    def name_url(self, url: str) -> None:
        """Note the URL of the collector, for the advice."""
        self.url = url

    def request(self, *given: Any, **named: Any) -> requests.Response:
        """Send a request; note what became of it."""
        if named.get("timeout") == 0:  # the SDK has used all of its time for the tries before, whose outcome counts
            raise requests.exceptions.Timeout("no time is left")
        if isinstance(self.verify, str):  # OTEL_EXPORTER_OTLP_CERTIFICATE; else requests prefers REQUESTS_CA_BUNDLE
            named["verify"] = self.verify
        try:
            response = super().request(*given, **named)
            content = response.content
        except requests.exceptions.SSLError as error:
            self.outcome = self._failed(error)
            # The SDK retries an SSLError, since it takes it for a failed connection; this one it does not retry.
            raise requests.exceptions.InvalidURL(self.outcome.reason) from error
        except Exception as error:
            self.outcome = self._failed(error)
            raise
        self.outcome = self._answered(response, content)
        return response

    def _failed(self, error: Exception) -> Outcome:
        reason = _innermost(error)
        if isinstance(error, requests.exceptions.SSLError):
            return Outcome(
                taken=False, reason=reason,
                action="Name the file of the collector's certificate authority in OTEL_EXPORTER_OTLP_CERTIFICATE, or "
                "use the scheme that the collector speaks.",
            )  # fmt: skip
        temporary = isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.Timeout))
        return Outcome(
            taken=False, reason=reason, temporary=temporary,
            action=f"Start the collector, or correct {self._variable}: in a container, localhost is the container "
            "itself; the usual port for HTTP is 4318, and 4317 is that of gRPC.",
        )  # fmt: skip

    def _answered(self, response: requests.Response, content: bytes) -> Outcome:
        status = response.status_code
        reason = f"{status} {response.reason or ''}".strip()
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if 200 <= status < 300 and kind != "text/html":
            rejected, why = _REJECTED[self._signal](content) if kind == "application/x-protobuf" else (0, "")
            return Outcome(taken=True, reason=why, rejected=rejected, action=_READ_ITS_LOG)
        if status in _LATER:
            return Outcome(
                taken=False, reason=reason, temporary=True, retry_after_s=_seconds(response.headers.get("retry-after")),
                action="Wait: it is sent again. If it lasts, give the collector more room, or send less "
                "(OTEL_TRACES_SAMPLER).",
            )  # fmt: skip
        if status in {401, 403}:
            action = "Check the credentials in OTEL_EXPORTER_OTLP_HEADERS."
        elif status < 400 or status in {404, 405, 415}:
            reason += f" with {kind}" if status < 300 else ""
            action = (
                f"Correct {self._variable}: what answers there takes no OTLP over HTTP. A collector's usual base URL "
                "is http://collector:4318."
            )
        else:
            action = _READ_ITS_LOG
        return Outcome(taken=False, reason=reason, action=action, too_large=status == _TOO_LARGE)

    @property
    def _variable(self) -> str:
        return f"OTEL_EXPORTER_OTLP_ENDPOINT ({self.url})"


def _partial(kind: Any, data: bytes, name: str) -> tuple[int, str]:
    """Return how much a collector has rejected, and why."""
    with contextlib.suppress(Exception):  # what answers may send anything
        found = kind.FromString(data).partial_success
        return max(0, getattr(found, name)), str(found.error_message)[:_SHOWN]
    return 0, ""


def _seconds(retry_after: str | None) -> float:
    """Return how long to wait by a Retry-After: seconds, or a date (RFC 9110, 10.2.3); 0 if it is neither."""
    try:
        seconds = float(retry_after or 0)
    except ValueError:
        date = parsedate_tz(retry_after)
        seconds = mktime_tz(date) - time.time() if date is not None else 0.0
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)


def _innermost(error: BaseException) -> str:
    """Return the system's message: requests and urllib3 put it into each other's exceptions."""
    seen: BaseException = error
    for _ in range(10):
        inner = getattr(seen, "reason", None) or next(
            (each for each in seen.args if isinstance(each, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            break
        seen = inner
    text = getattr(seen, "strerror", None) or str(seen).rpartition(": ")[2] or type(seen).__name__
    return _NUMBER.sub("", str(text))[:_SHOWN]
