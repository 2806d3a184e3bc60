"""A collector of OpenTelemetry data: a real HTTP server that keeps what it gets, and answers as a test says."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_PROTOBUF = "application/x-protobuf"


class Answer(NamedTuple):
    """An answer of the collector."""

    status: int = 200
    kind: str = _PROTOBUF
    body: bytes = b""
    fields: tuple[tuple[str, str], ...] = ()


class Got(NamedTuple):
    """A span, a log record or a metric, with the name of its service."""

    service: str
    item: Any

    @property
    def attributes(self) -> dict[str, Any]:
        """The span's attributes."""
        return _values(self.item.attributes)


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}


class Collector:
    """Keeps the accepted requests; ``answers`` are given first, then ``usual`` ones.

    Attributes:
        requests: each request's path and fields.
    """

    def __init__(self) -> None:
        self.spans: list[Got] = []
        self.records: list[Got] = []
        self.metrics: list[Got] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answers: list[Answer] = []
        self.usual = Answer()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.changed = threading.Condition()
        self.server: ThreadingHTTPServer | None = None
        self.scheme = "http"

    @property
    def url(self) -> str:
        """The collector's base URL."""
        assert self.server is not None
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    def wait_for(self, found: Any, within_s: float = 20.0) -> Any:
        """Wait until ``found()`` is true; return it."""
        with self.changed:
            assert self.changed.wait_for(found, within_s), (self.spans, self.requests)
        return found()

    def take(self, path: str, fields: dict[str, str], data: bytes) -> Answer:
        """Take a request."""
        self.may_answer.wait()
        with self.changed:
            self.requests.append((path, fields))
            answer = self.answers.pop(0) if self.answers else self.usual
            if answer.status == 200:
                self._keep(path, data)
            self.changed.notify_all()
        return answer

    def _keep(self, path: str, data: bytes) -> None:
        if path.endswith("/traces"):
            for one in ExportTraceServiceRequest.FromString(data).resource_spans:
                service = _values(one.resource.attributes)["service.name"]
                self.spans += [Got(service, span) for scope in one.scope_spans for span in scope.spans]
        elif path.endswith("/logs"):
            for each in ExportLogsServiceRequest.FromString(data).resource_logs:
                service = _values(each.resource.attributes)["service.name"]
                self.records += [Got(service, record) for scope in each.scope_logs for record in scope.log_records]
        elif path.endswith("/metrics"):
            for every in ExportMetricsServiceRequest.FromString(data).resource_metrics:
                service = _values(every.resource.attributes)["service.name"]
                self.metrics += [Got(service, metric) for scope in every.scope_metrics for metric in scope.metrics]


@contextmanager
def collector(port: int = 0, certificate: tuple[Path, Path] | None = None) -> Iterator[Collector]:
    """A collector that listens; with this certificate and its key by HTTPS."""
    made = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            fields = {name.lower(): value for name, value in self.headers.items()}
            answer = made.take(self.path, fields, data)
            self.send_response(answer.status)
            for name, value in (("Content-Type", answer.kind), *answer.fields):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def handle(self) -> None:
            """Serve a client, which may be killed."""
            try:
                super().handle()
            except (ConnectionError, ssl.SSLError):
                self.close_connection = True

    made.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    made.server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        made.server.socket = context.wrap_socket(made.server.socket, server_side=True, do_handshake_on_connect=False)
        made.scheme = "https"
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        made.may_answer.set()
        made.server.shutdown()
        made.server.server_close()
        thread.join()
