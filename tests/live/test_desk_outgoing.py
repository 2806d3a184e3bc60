"""The outgoing calls of a request, with real releases of the libraries: each once, with the line that made it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.live.desk_client import details_of
from tests.live.live_appliance import Appliance
from tests.live.test_desk import recorded
from tests.releases import environment
from tests.thorough import THOROUGH

Starting = Callable[..., Appliance]
PROJECT = """
{imports}

def app(environ, start_response):
    base = "http://user:pw@127.0.0.1:" + environ["QUERY_STRING"]
    found = []
    for url in (base + "/ok?token=abc&n=1", "http://127.0.0.1:1/refused"):
        try:
            found.append(str({call}))  # the line
        except Exception as error:
            found.append(type(error).__name__)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(found).encode()]
"""
STANDARD = """
def app(environ, start_response):
    import asyncio, http.client, urllib.request
    port = environ["QUERY_STRING"]
    status = urllib.request.urlopen("http://127.0.0.1:" + port + "/moved", timeout=9).status
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=9)
    connection.request("POST", "/own", b"x", {"Traceparent": "of-the-project"})
    connection.getresponse().read()
    connection.putrequest("GET", "/dropped")
    connection.endheaders()
    connection.close()
    for number in range(120):
        connection.request("GET", "/many")
        connection.getresponse().read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(status).encode()]
"""
MODES = """
import contextvars, os, threading, urllib.request

def get(port, path):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20).status

def parts(port):
    for number in range(3):
        get(port, f"/part-{number}")
        yield b"x"

def app(environ, start_response):
    port, _, mode = environ["QUERY_STRING"].partition("&")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if mode == "body":
        return parts(port)
    if mode == "thread":
        for target in (contextvars.copy_context().run, lambda call, *given: call(*given)):
            thread = threading.Thread(target=target, args=(get, port, "/in-thread"))
            thread.start()
            thread.join()
    elif mode == "fork":
        if not (child := os.fork()):
            get(port, "/child")
            os._exit(0)
        os.waitpid(child, 0)
    get(port, f"/{mode}")
    return [b"done"]
"""
REQUESTS = ("import requests", "requests.get(url, timeout=9).status_code")
HTTPX = ("import httpx", "httpx.get(url).status_code")
HTTPX_ASYNC = (
    """
import asyncio, httpx

async def get(url):
    async with httpx.AsyncClient() as client:
        return await client.get(url)  # the line""",
    "asyncio.run(get(url)).status_code",
)
RELEASES = [
    ("3.13", ["requests==2.32.5", "urllib3==2.5.0"], REQUESTS),
    ("3.10", ["httpx==0.21.0"], HTTPX_ASYNC),
    ("3.10", ["requests==2.20.0", "urllib3==1.23"], REQUESTS),
    ("3.13", ["httpx==0.28.1"], HTTPX),
]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def service() -> Iterator[tuple[int, list[tuple[str, dict[str, str]]]]]:
    """Another service: its port, and the requests that it got."""
    got: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(302 if self.path == "/moved" else 203)
            self.send_header("Location", "/there")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815  the standard library's own name

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever).start()
    yield server.server_port, got
    server.shutdown()
    server.server_close()


def of_request(appliance: Appliance, path: str, **fields: str) -> tuple[bytes, dict[str, Any]]:
    """Send a request; return the answer, and its details as they are recorded."""
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    connection.request("GET", path, headers=fields)
    answer = connection.getresponse().read()
    connection.close()
    with recorded(appliance) as requests:
        number = next(each["id"] for each in requests if f"{each['path']}?{each['query']}" == path)
    details = details_of(appliance, number)
    return answer, details


@pytest.mark.whole
@pytest.mark.parametrize(("python", "pins", "library"), RELEASES if THOROUGH else RELEASES[:2])
def test_each_call_of_a_library_counts_once(
    start: Starting, project: Path, service: Any, python: str, pins: list[str], library: tuple[str, str]
):
    """A call has its status or its failure, its line, and no secret; the trace of the request is handed on."""
    text = PROJECT.format(imports=library[0], call=library[1])
    found = environment(python, *pins, project=text)
    (project / "app.py").write_text(text, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=str(found / "bin" / "python"))
    appliance.wait_for("worker.ready")
    port, got = service
    answer, details = of_request(appliance, f"/?{port}", traceparent=TRACE, tracestate="a=1")
    assert answer.startswith(b"203 ")
    ok, refused = details["outgoing"]
    assert (ok["method"], ok["status"], ok["error"]) == ("GET", 203, None)
    assert ok["url"] == f"http://127.0.0.1:{port}/ok?token=********&n=1"
    line = next(number for number, each in enumerate(text.split("\n"), 1) if "# the line" in each)
    assert ok["place"] == f"{project / 'app.py'}:{line}"
    assert 0 < ok["duration_s"] < 9
    assert refused["status"] is None
    assert "efused" in refused["error"] or "ConnectError" in refused["error"]
    ((path, fields),) = got
    assert path == "/ok?token=abc&n=1"
    assert (fields["traceparent"], fields["tracestate"]) == (TRACE, "a=1")
    assert not [each for each in appliance.events if each["event"] == "hook.dropped"]


def test_calls_of_the_standard_library_are_noted(start: Starting, project: Path, service: Any):
    """Modules that the request itself imports are hooked; redirects are calls of their own; a hundred are kept."""
    (project / "app.py").write_text(STANDARD, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    port, got = service
    answer, details = of_request(appliance, f"/?{port}", traceparent=TRACE)
    assert answer == b"203"
    calls = details["outgoing"]
    told = [(each["method"], each["url"].rpartition("/")[2], each["status"]) for each in calls]
    first = [("GET", "moved", 302), ("GET", "there", 203), ("POST", "own", 203), ("GET", "dropped", None)]
    assert told == first + [("GET", "many", 203)] * 96
    assert details["outgoing_left_out"] == 24
    assert [fields.get("traceparent") for path, fields in got if path == "/own"] == ["of-the-project"]
    assert {fields.get("traceparent") for path, fields in got if path == "/many"} == {TRACE}
    whole = appliance.command("requests", "1").stdout
    assert "Outgoing: 124" in whole
    page = appliance.get("/__appliance__/requests/1/outgoing", Accept="text/html")[1]
    assert b"The first 100 are shown." in page
    assert not [each for each in appliance.events if each["event"] == "hook.dropped"]


def test_without_a_trace_nothing_is_sent_on(start: Starting, project: Path, service: Any):
    """A request whose trace is not valid adds no field to its calls; Server-Timing counts the calls for a browser."""
    (project / "app.py").write_text(STANDARD, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    port, got = service
    for number, trace in enumerate((TRACE.upper(), "00-1-2-3")):
        appliance.get(f"/{number}?{port}", traceparent=trace, tracestate="a=1")
    assert {fields.get("traceparent") for _, fields in got} == {None, "of-the-project"}
    assert not [fields for _, fields in got if "tracestate" in fields]
    field = appliance.get(f"/?{port}", **{"Sec-Fetch-Mode": "navigate"})[0].headers["Server-Timing"]
    assert re.fullmatch(r'queue;dur=[\d.]+, app;dur=[\d.]+, outgoing;dur=[\d.]+;desc="124 calls"', field)
    assert appliance.get(f"/?{port}")[0].headers["Server-Timing"] is None


def test_a_call_belongs_to_its_request(start: Starting, project: Path, service: Any):
    """Calls while the body is sent and in a thread with the context count; those of a forked process do not."""
    (project / "app.py").write_text(MODES, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    port, got = service
    expected = {"body": ["part-0", "part-1", "part-2"], "thread": ["in-thread", "thread"], "fork": ["fork"]}
    for mode, names in expected.items():
        _, details = of_request(appliance, f"/?{port}&{mode}")
        assert [each["url"].rpartition("/")[2] for each in details["outgoing"]] == names
    assert len([path for path, _ in got if path in {"/in-thread", "/child"}]) == 3
    threads = [threading.Thread(target=appliance.get, args=(f"/?{port}&of-{number}",)) for number in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    seen = 0
    with recorded(appliance, after=len(expected)) as requests:
        while seen < len(threads):
            request = next(requests)
            (call,) = details_of(appliance, request["id"])["outgoing"]
            assert call["url"].rpartition("/")[2] == request["query"].rpartition("&")[2]
            seen += 1
