"""The spans at an OpenTelemetry collector, of three services that call each other, with reloads and deaths."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.collectors import Answer, Collector, Got, collector
from tests.live.live_appliance import Appliance
from tests.thorough import THOROUGH

Starting = Callable[..., Appliance]
SERVICES = ("first", "second", "third")
REQUESTS, RELOADS, CLIENTS = (10_000, 100, 4) if THOROUGH else (150, 3, 3)
PAGE = """
import json, os, urllib.request
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
from django.db import connection
word = "one"

def app(environ, start_response):
    path, port = environ["PATH_INFO"], os.environ.get("NEXT_PORT")
    print("served", path)
    if port and os.environ["OTEL_SERVICE_NAME"] == "first":
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}?token=secret", timeout=30).read()
    elif port:
        import requests
        requests.get(f"http://127.0.0.1:{port}{path}", timeout=30)
    else:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE name = 'a value'")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"word": word}).encode()]
"""


@pytest.fixture
def collecting() -> Iterator[Collector]:
    """A collector that listens."""
    with collector() as made:
        yield made


def settings_of(collecting: Collector, service: str = "shop", **more: str) -> dict[str, str]:
    """Return the settings of a service that exports to this collector."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collecting.url,
        "OTEL_SERVICE_NAME": service,
        "APPLIANCE_INSTALL": "off",
        "APPLIANCE_PYTHON": sys.executable,
        "APPLIANCE_LOG_LEVEL": "info",
        **more,
    }


def served(appliance: Appliance) -> Appliance:
    """The appliance, once it serves and its exporter runs."""
    appliance.wait_for("worker.ready")
    return appliance


class Progress:
    """How many requests were answered, and which failed."""

    def __init__(self) -> None:
        self.answered = 0
        self.failed: list[str] = []
        self.changed = threading.Condition()

    def add(self, number: int, status: int) -> None:
        """Count an answer."""
        with self.changed:
            self.answered += 1
            if status != 200:
                self.failed.append(f"{number}: {status}")
            self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        """Wait until so many were answered."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.answered >= count, 120), self.failed


def ask(port: int, numbers: range, progress: Progress) -> None:
    """Send requests one after the other, every second of them in a trace of the client."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for number in numbers:
        fields = {"traceparent": f"00-{number + 1:032x}-{number + 1:016x}-01"} if number % 2 else {}
        connection.request("GET", f"/{number}", headers=fields)
        response = connection.getresponse()
        response.read()
        progress.add(number, response.status)
    connection.close()


@pytest.mark.waits
@pytest.mark.timeout(1800)
def test_no_span_is_lost_or_doubled_over_three_services(
    start: Starting, tmp_path: Path, project: Path, collecting: Collector
):
    """Each request is one span in each service, each call and query one, and each is the child of what caused it."""
    appliances: list[Appliance] = []
    for service in reversed(SERVICES):
        folder = tmp_path / service
        folder.mkdir()
        (folder / "app.py").write_text(PAGE, encoding="utf-8")
        more = {"NEXT_PORT": str(appliances[-1].port)} if appliances else {}
        appliances.append(served(start(folder, **settings_of(collecting, service, **more))))
    progress = Progress()
    shares = [range(each, REQUESTS, CLIENTS) for each in range(CLIENTS)]
    clients = [threading.Thread(target=ask, args=(appliances[-1].port, share, progress)) for share in shares]
    for client in clients:
        client.start()
    for number in range(RELOADS):
        progress.wait_for(number * REQUESTS // RELOADS)
        saved = appliances[number % 3]
        saved.edit("app.py", PAGE.replace('"one"', f'"{number}"'))
        saved.wait_for("reload.finished")
    for client in clients:
        client.join()
    assert progress.failed == []
    for appliance in reversed(appliances):
        assert appliance.stop() == 0
        assert [each for each in appliance.events if each["event"].startswith(("telemetry.lost", "records."))] == []
    check_traces(collecting)
    assert len({(got.service, got.attributes.get("appliance.generation")) for got in collecting.spans}) > RELOADS
    counted = [
        point.count for got in collecting.metrics if got.item.name.startswith("http.server") for point in points(got)
    ]
    assert sum(counted) >= 3 * REQUESTS


def points(got: Got) -> Any:
    """The numbers of a histogram."""
    return got.item.histogram.data_points


def check_traces(collecting: Collector) -> None:
    """Compare the spans of all requests with what was asked."""
    ids = Counter(got.item.span_id for got in collecting.spans)
    assert [each for each, count in ids.items() if count > 1] == []
    traces: defaultdict[bytes, list[Got]] = defaultdict(list)
    for got in collecting.spans:
        if "db.query.text" not in got.attributes or got.item.name == "SELECT sqlite_master":
            traces[got.item.trace_id].append(got)  # else it is what Django asks of each new connection
    assert len(traces) == REQUESTS
    records = {
        (got.service, got.item.body.string_value, got.item.trace_id, got.item.span_id)
        for got in collecting.records
        if got.item.event_name == "output"
    }
    numbers = set()
    for trace, spans in traces.items():
        servers = {got.service: got for got in spans if got.item.kind == got.item.SPAN_KIND_SERVER}
        calls = {got.service: got for got in spans if got.item.kind == got.item.SPAN_KIND_CLIENT}
        assert (len(spans), set(servers), set(calls)) == (6, set(SERVICES), set(SERVICES)), (trace, spans)
        query = calls["third"]
        assert (query.item.name, query.item.parent_span_id) == ("SELECT sqlite_master", servers["third"].item.span_id)
        assert query.attributes["db.query.text"] == "SELECT name FROM sqlite_master WHERE name = ?"
        first, second, third = (servers[name].item for name in SERVICES)
        number = int(servers["first"].attributes["url.path"][1:])
        numbers.add(number)
        assert int.from_bytes(first.parent_span_id) == (number + 1 if number % 2 else 0)
        assert number % 2 == 0 or int.from_bytes(trace) == number + 1
        for parent, call, child in ((first, calls["first"].item, second), (second, calls["second"].item, third)):
            assert (call.parent_span_id, child.parent_span_id) == (parent.span_id, call.span_id)
            assert parent.start_time_unix_nano <= call.start_time_unix_nano
            assert call.end_time_unix_nano <= parent.end_time_unix_nano
        for name, got in servers.items():
            assert (name, f"served /{number}", trace, got.item.span_id) in records
    assert numbers == set(range(REQUESTS))


def test_a_request_has_the_names_of_the_conventions(start: Starting, project: Path, collecting: Collector):
    """A span has its attributes, its failure and no secret; what the request printed and raised belongs to it."""
    (project / "app.py").write_text(
        "def app(environ, start_response):\n    print('before')\n    raise ValueError('wrong')\n", encoding="utf-8"
    )
    appliance = served(start(**settings_of(collecting, APPLIANCE_RECORD="off", APPLIANCE_ACCESS_LOG="off")))
    appliance.get("/page?token=secret&n=1", traceparent=f"00-{'a' * 32}-{'b' * 16}-01", tracestate="x=1")
    got = collecting.wait_for(lambda: collecting.spans)[0]
    span = got.item
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("GET", "a" * 32, "b" * 16)
    assert (span.trace_state, span.status.code) == ("x=1", span.status.STATUS_CODE_ERROR)
    assert got.attributes | {"appliance.request_id": "", "client.address": ""} == {
        "http.request.method": "GET", "http.response.status_code": 500, "url.path": "/page", "url.scheme": "http",
        "url.query": "token=REDACTED&n=1", "error.type": "500", "server.port": appliance.port,
        "network.protocol.version": "1.1", "http.response.body.size": got.attributes["http.response.body.size"],
        "appliance.generation": 1, "appliance.role": "worker", "appliance.request_id": "", "client.address": "",
    }  # fmt: skip
    names = {"output", "application.failed", "request.finished"}
    records = collecting.wait_for(lambda: found if len(found := of_span(collecting, span)) == 3 else None)
    assert {record.item.event_name for record in records} == names
    failed = next(record for record in records if record.item.event_name == "application.failed")
    assert (failed.item.body.string_value, failed.item.severity_text) == ("ValueError: wrong", "ERROR")
    assert "ValueError: wrong" in failed.attributes["exception.stacktrace"]
    appliance.stop()
    duration = next(got.item for got in collecting.metrics if got.item.name == "http.server.request.duration")
    (point,) = duration.histogram.data_points
    assert (duration.unit, point.count, point.explicit_bounds[0]) == ("s", 1, 0.005)


def of_span(collecting: Collector, span: Any) -> list[Got]:
    """The log records of this span."""
    return [got for got in collecting.records if got.item.span_id == span.span_id]


@pytest.mark.whole
def test_a_collector_that_comes_late_loses_nothing(start: Starting, project: Path):
    """Requests go on without a collector; one event reports it, one that it is back, and nothing was lost."""
    with collector() as gone:
        port = int(gone.url.rpartition(":")[2])
        settings = settings_of(gone, OTEL_EXPORTER_OTLP_TIMEOUT="1", OTEL_METRICS_EXPORTER="none")
    appliance = served(start(**settings))
    for number in range(20):
        assert appliance.get(f"/{number}")[0].status == 200
    delayed = {appliance.wait_for("telemetry.delayed")["what"] for _ in range(2)}
    assert delayed == {"spans", "log records"}
    told = next(each for each in appliance.events if each["event"] == "telemetry.delayed")
    assert "refused" in told["reason"]
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in told["action"]
    with collector(port) as late:
        late.wait_for(lambda: len(late.spans) == 20)
        assert {appliance.wait_for("telemetry.sent")["count"] for _ in range(2)} == {0}
        assert sorted(int(got.attributes["url.path"][1:]) for got in late.spans) == list(range(20))
        assert appliance.stop() == 0
    assert [each for each in appliance.events if each["event"] == "telemetry.lost"] == []


@pytest.mark.whole
def test_a_stop_waits_for_no_collector(start: Starting, project: Path, collecting: Collector):
    """A collector that answers nothing holds up neither requests nor the stop; the loss is counted."""
    appliance = served(start(**settings_of(collecting)))
    collecting.wait_for(lambda: collecting.records)
    collecting.may_answer.clear()
    for number in range(5):
        assert appliance.get(f"/{number}")[0].status == 200
    appliance.catch_up()
    assert appliance.stop() == 0
    lost = {each["what"]: each["count"] for each in appliance.events if each["event"] == "telemetry.lost"}
    assert lost["spans"] == 6, appliance.events
    stopping = next(each for each in appliance.events if each["event"] == "appliance.stopping")
    stopped = next(each for each in appliance.events if each["event"] == "appliance.stopped")
    assert seconds(stopped) - seconds(stopping) < 2


@pytest.mark.whole
@pytest.mark.parametrize("requests", [0, 3])
def test_an_early_stop_loses_nothing_silently(start: Starting, project: Path, collecting: Collector, requests: int):
    """Whenever the stop comes, even before the exporter runs, lost spans are reported."""
    appliance = served(start(**settings_of(collecting)))
    for number in range(requests):
        appliance.get(f"/{number}")
    if requests:
        appliance.wait_for("preload.ready")
    assert appliance.stop() == 0
    told = [each for each in appliance.events if each["event"] in {"telemetry.lost", "telemetry.failed"}]
    assert told or len(collecting.spans) == requests


def seconds(event: dict[str, Any]) -> float:
    """The second of its minute."""
    return float(event["timestamp"][-10:-1]) + 60 * int(event["timestamp"][14:16])


@pytest.mark.whole
def test_a_wrong_address_says_what_to_do(start: Starting, project: Path, collecting: Collector):
    """A server of another kind refuses everything: one event names the variable."""
    collecting.usual = Answer(404, "text/html", b"<h1>nothing here</h1>")
    appliance = served(start(**settings_of(collecting)))
    appliance.get("/")
    lost = appliance.wait_for("telemetry.lost", what="spans")
    assert (lost["reason"], lost["count"]) == ("404 Not Found", 1)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in lost["action"]
    assert appliance.stop() == 0


@pytest.mark.whole
def test_an_exporter_that_is_killed_is_started_again(start: Starting, project: Path, collecting: Collector):
    """Spans after the exporter's end are exported, once."""
    appliance = served(start(**settings_of(collecting)))
    appliance.get("/before")
    collecting.wait_for(lambda: len(collecting.spans) == 1)
    os.kill(child(appliance, "appliance.telemetry"), signal.SIGKILL)
    assert "SIGKILL" in appliance.wait_for("telemetry.failed")["reason"]
    for number in range(10):
        appliance.get(f"/after/{number}")
    collecting.wait_for(lambda: len(collecting.spans) == 11)
    assert appliance.stop() == 0
    assert len(collecting.spans) == 11


DIES = """
import os, signal

def app(environ, start_response):
    print("before the end")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.whole
def test_a_request_whose_worker_dies_is_a_span(start: Starting, project: Path, collecting: Collector):
    """The span has the ids that its lines have had, and its parent; it has failed."""
    (project / "app.py").write_text(DIES, encoding="utf-8")
    appliance = served(start(**settings_of(collecting)))
    with contextlib.suppress(ConnectionError, HTTPException):
        appliance.get("/", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    (got,) = collecting.wait_for(lambda: collecting.spans)
    assert (got.item.trace_id.hex(), got.item.parent_span_id.hex()) == ("a" * 32, "b" * 16)
    assert (got.attributes["error.type"], got.item.status.code) == ("aborted", got.item.status.STATUS_CODE_ERROR)
    records = collecting.wait_for(lambda: found if len(found := of_span(collecting, got.item)) == 2 else None)
    assert {each.item.event_name: each.item.body.string_value for each in records}["output"] == "before the end"


def child(appliance: Appliance, module: str) -> int:
    """The process of the appliance that runs this module."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            command = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if parent == appliance.process.pid and module in command:
            return int(process.name)
    raise AssertionError(f"{module} does not run")


def test_without_an_endpoint_nothing_is_started(start: Starting, project: Path):
    """No process, no ids: the log has the caller's trace alone."""
    appliance = served(start())
    appliance.get("/", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    line = appliance.wait_for("request.finished")
    assert (line["trace_id"], line["span_id"]) == ("a" * 32, "b" * 16)
    assert "trace_flags" not in line
    with pytest.raises(AssertionError):
        child(appliance, "appliance.telemetry")


OWN = """
import urllib.request
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer("shop")

def app(environ, start_response):
    port = environ["QUERY_STRING"]
    with tracer.start_as_current_span("own") as span:
        fields = {}
        inject(fields)
        for path, given in (("/own", fields), ("/plain", {})):
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", b"x", given)).read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{span.get_span_context().span_id:016x}".encode()]
"""


def test_a_project_that_traces_itself_keeps_its_own_spans(start: Starting, project: Path, collecting: Collector):
    """A project that traces itself keeps its spans and its calls' fields; the log's lines are exported as before."""
    (project / "app.py").write_text(OWN, encoding="utf-8")
    appliance = served(start(**settings_of(collecting)))
    with collector() as other:  # the service that is called: it answers every POST
        port = other.url.rpartition(":")[2]
        span = appliance.get(f"/?{port}", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")[1].decode()
        own, plain = (fields for path, fields in other.requests if path in {"/own", "/plain"})
    assert own["traceparent"].split("-")[2] == span
    assert "traceparent" not in plain
    appliance.wait_for("telemetry.left")
    line = appliance.wait_for("request.finished")
    assert "trace_flags" not in line
    assert appliance.stop() == 0
    assert collecting.spans == []
    assert [got for got in collecting.records if got.item.event_name == "request.finished"]
