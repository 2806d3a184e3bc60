"""The exporter's loop: read lines of the log from a pipe and parts of spans from a socket, and fill the outboxes.

Theory of operation. This thread reads and converts; each outbox sends from a thread of its own. So nothing that a
collector does stops the reading, and what the outboxes do not hold is lost and counted, never waited for.

Decision 56 says why.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from appliance import DISTRIBUTION, __version__
from appliance.protocol.access_record import EVENTS
from appliance.protocol.request_details import unpack
from appliance.protocol.traces import Sampler
from appliance.telemetry.child_spans import ChildSpans
from appliance.telemetry.collector_session import CollectorSession
from appliance.telemetry.delivery import DeliveryReports
from appliance.telemetry.durations import Durations
from appliance.telemetry.log_records import LogRecords
from appliance.telemetry.outbox import Outbox
from appliance.telemetry.request_spans import RequestSpans

if TYPE_CHECKING:
    import socket

    from appliance.protocol.start.first_messages import ExportLines
    from appliance.telemetry.delivery import Report

FINISH_S = 0.7  # to send what is left, at the stop
_CHUNK = 1 << 20
_MESSAGES_AT_ONCE = 1000
_UNFINISHED_MAX = 16 * 1024 * 1024
_LEFT_TO_PROJECT = "telemetry.left"
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)


class Exporter:
    """Exports the log's lines and the workers' messages.

    Args:
        message: what is exported, and where from.
        report: logs an event: level, name, fields.
        finish_s: how long it may send, after the end of the pipe, what is left.
    """

    def __init__(self, message: ExportLines, report: Report, finish_s: float = FINISH_S) -> None:
        self._report = report
        self._finish_s = finish_s
        resource = Resource.create(
            {
                **message.attributes,
                "service.instance.id": secrets.token_hex(8),
                "telemetry.distro.name": DISTRIBUTION,
                "telemetry.distro.version": __version__,
            }
        )
        scope = InstrumentationScope(DISTRIBUTION, __version__)
        self._left: set[object] = set()  # generations that trace themselves
        self._boxes: list[Outbox | Durations] = []
        self._children = ChildSpans(resource, scope, message.redact)
        self._children.mask(message.secrets)  # a worker's message may come before any line
        self._durations: Durations | None = None
        self._spans: tuple[RequestSpans, Outbox] | None = None
        self._records: tuple[LogRecords, Outbox] | None = None
        if "traces" in message.signals:
            requests = RequestSpans(resource, scope, Sampler(**message.sampler), message.scheme)
            self._spans = requests, self._outbox(OTLPSpanExporter, "traces", "spans")
        if "logs" in message.signals:
            self._records = LogRecords(resource, scope), self._outbox(OTLPLogExporter, "logs", "log records")
        if "metrics" in message.signals:
            self._durations = Durations(resource, __version__, message.scheme, report)
            self._boxes.append(self._durations)
        self._begun = b""  # a line whose end has not come yet

    def _outbox(self, kind: Any, signal: str, what: str) -> Outbox:
        # The exporter reads the variables of the protocol itself, its URL too.
        session = CollectorSession(signal)
        exporter = kind(session=session)
        session.name_url(exporter._endpoint)  # noqa: SLF001  it has no other name for it
        box = Outbox(exporter.export, exporter.shutdown, session, DeliveryReports(what, session.url, self._report))
        self._boxes.append(box)
        return box

    def run(self, pipe: int, messages: socket.socket | None = None) -> None:
        """Export the lines of the pipe until its end, and the messages of the socket."""
        ready = select.poll()
        ready.register(pipe, select.POLLIN)
        if messages is not None:
            messages.setblocking(False)  # noqa: FBT003  the standard library's own signature
            ready.register(messages, select.POLLIN)
        while True:
            found = {descriptor for descriptor, _ in ready.poll()}
            if pipe in found:  # first: a line may name a secret of the messages
                data = os.read(pipe, _CHUNK)
                if not data:
                    break
                self.take(data)
            if messages is not None and messages.fileno() in found:
                self._take_messages(messages)
        if messages is not None:
            self._take_messages(messages)
        self.finish()

    def finish(self) -> None:
        """Send the kept data, for a moment; report what is lost."""
        until = monotonic() + self._finish_s
        for box in self._boxes:
            box.end_soon()
        for box in self._boxes:
            box.finish(until)

    def take(self, data: bytes) -> None:
        """Take bytes that were read from the pipe."""
        *lines, self._begun = (self._begun + data).split(b"\n")
        if len(self._begun) > _UNFINISHED_MAX:
            self._begun = b""
        spans: list[Any] = []
        records: list[Any] = []
        for each in filter(None, lines):
            with contextlib.suppress(*_UNREADABLE):  # the end of a line whose beginning another exporter had
                line = _loads(each)
                if self._take_control_line(line):
                    continue
                if self._records is not None:
                    records.append(self._records[0].of(line))
                if line["event"] in EVENTS and line.get("generation") not in self._left:
                    spans += self._take_request(line)
        if self._spans is not None:
            self._spans[1].add(spans)
        if self._records is not None:
            self._records[1].add(records)

    def _take_request(self, line: dict[str, Any]) -> list[Any]:
        """Count a request, and return its span."""
        if self._durations is not None:
            self._durations.request(line)
        span = None if self._spans is None else self._spans[0].of(line)
        return [] if span is None else [span]

    def _take_control_line(self, line: dict[str, Any]) -> bool:
        """Take a line for this process: the secrets to mask, or the note that a generation traces itself.

        Return whether the line is not one of the log.
        """
        if "secrets" in line and "event" not in line:
            self._children.mask([str(each) for each in line["secrets"]])
            return True
        if line["event"] == _LEFT_TO_PROJECT:
            self._left.add(line.get("generation"))
        return False

    def _take_messages(self, messages: socket.socket) -> None:
        for _ in range(_MESSAGES_AT_ONCE):
            try:
                message = messages.recv(_CHUNK)
            except OSError:
                return
            if not message:
                return
            self.take_message(message)

    def take_message(self, message: bytes) -> None:
        """Take a worker's report about one request."""
        with contextlib.suppress(Exception):  # the project has the socket too, and may write anything
            steps = self._children.of(unpack(message).info)
            if self._durations is not None:
                for step in steps:
                    self._durations.count(step.metric, step.seconds, step.attributes)
            if self._spans is not None:
                self._spans[1].add([step.span for step in steps])


def _loads(line: bytes) -> Any:
    """Parse a line, also one that orjson refuses: a secret may have lone surrogates.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)
