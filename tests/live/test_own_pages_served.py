"""The pages below /__appliance__/, answered by a real appliance: beside a worker, without one, and over HTTPS."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import make_certificate
from tests.live.live_appliance import HELLO, Appliance

Starting = Callable[..., Appliance]
PAGE = """
import os
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html"), ("X-Process", str(os.getpid()))])
    return [b"<!doctype html><html><head></head><body>one</body></html>"]
"""
TAG = b'<script src="/__appliance__/client.js" data-generation="'


@pytest.fixture
def serving(start: Starting, project: Path) -> Appliance:
    """An appliance that serves a page."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    return appliance


class Stream:
    """An open page's event stream."""

    def __init__(self, appliance: Appliance) -> None:
        self.connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
        self.connection.request("GET", "/__appliance__/events")
        self.response = self.connection.getresponse()
        assert self.response.status == 200

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        name = ""
        for line in self.response:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)

    def until(self, wanted: Callable[[str, Any], bool]) -> Any:
        """The data of the next event that is wanted."""
        return next(data for name, data in self if wanted(name, data))


@pytest.fixture
def stream(serving: Appliance) -> Iterator[Stream]:
    """An open page of the appliance that serves."""
    opened = Stream(serving)
    yield opened
    opened.connection.close()


def navigation(appliance: Appliance, **fields: str) -> bytes:
    """The page, as a browser that navigates to it gets it."""
    return appliance.get("/", **{"Sec-Fetch-Dest": "document", "Host": f"localhost:{appliance.port}", **fields})[1]


def test_one_connection_serves_the_project_and_the_appliance(serving: Appliance):
    """Requests for the project and for the appliance alternate on one kept connection, each answered by its process."""
    with contextlib.closing(HTTPConnection("127.0.0.1", serving.port, timeout=30)) as connection:
        sockets = set()
        for path in ("/", "/__appliance__/", "/", "/__appliance__/client.js", "/__appliance__/events.js", "/"):
            connection.request("GET", path)
            response = connection.getresponse()
            assert (response.status, bool(response.getheader("X-Process"))) == (200, path == "/")
            response.read()
            assert connection.sock is not None
            sockets.add(connection.sock.getsockname())
    assert len(sockets) == 1


def test_a_target_may_be_a_whole_url(serving: Appliance):
    """The absolute form of a request's target (RFC 9112, 3.2.2) asks for the same page; another spelling does not."""
    host = f"localhost:{serving.port}"
    response, body = serving.get(f"http://{host}/__appliance__/client.js", Host=host)
    assert (response.status, b"pageValue" in body) == (200, True)
    assert serving.get(f"http://{host}/%5F_appliance__/client.js", Host=host)[0].getheader("X-Process")


def test_the_appliances_own_requests_have_no_lines_in_the_log(serving: Appliance):
    """Requests of an open page to the appliance have no line in the log."""
    serving.get("/__appliance__/client.js")
    serving.get("/__appliance__/nothing")
    serving.catch_up()
    assert [each for each in serving.events if str(each.get("url.path", "")).startswith("/__appliance__")] == []


def test_an_open_page_follows_the_code(serving: Appliance, stream: Stream):
    """A page hears of what serves, of a newer generation, of an error and of its correction."""
    state = stream.until(lambda name, _: name == "state")
    assert (state["generation"], state["page"]) == (1, None)
    serving.edit("app.py", PAGE.replace("one", "two"))
    assert stream.until(lambda _, data: data["generation"] > 1)["page"] is None
    assert b"two" in navigation(serving)
    serving.edit("app.py", "import os\ndef (")
    page = stream.until(lambda _, data: data["page"])["page"]
    assert "SyntaxError" in page["title"]
    assert page["place"].endswith("app.py:2")
    serving.edit("app.py", PAGE)
    assert stream.until(lambda _, data: data["generation"])["page"] is None


def test_a_saved_style_is_published_and_nothing_restarts(serving: Appliance, stream: Stream, project: Path):
    """A style below static/ reaches the open pages; the generation stays."""
    (project / "static").mkdir()
    (project / "static" / "site.css").write_text("a {}", encoding="utf-8")
    assert stream.until(lambda name, _: name == "assets")["paths"] == ["static/site.css"]
    serving.catch_up()
    assert not any(event["event"] == "reload.started" for event in serving.events)


def test_a_stream_holds_up_no_reload_and_no_stop(serving: Appliance, stream: Stream):
    """The stream is held by a process that outlives workers: a reload drains at once, and so does the stop."""
    stream.until(lambda name, _: name == "state")
    for word in ("two", "three"):
        serving.edit("app.py", PAGE.replace("one", word))
        serving.wait_for("reload.finished", within_s=8)  # GRACE_S is 10
    serving.process.terminate()
    assert serving.process.wait(8) == 0


def test_a_stand_in_that_was_killed_comes_back(serving: Appliance, stream: Stream):
    """The project is served without it; the next page starts another one, and the browser connects again by itself."""
    stream.until(lambda name, _: name == "state")
    status = json.loads(serving.command("status", "--json").stdout)
    pid = next(child["pid"] for child in status["processes"] if child["role"] == "standin")
    os.kill(pid, signal.SIGKILL)
    serving.wait_for("standin.ended")
    assert b"one" in navigation(serving)
    while serving.get("/__appliance__/")[0].status != 200:
        continue
    with contextlib.closing(Stream(serving).connection):
        pass


def test_only_documents_that_a_browser_navigates_to_get_the_script(serving: Appliance):
    """A navigation on this machine gets it; a fetch, a HEAD, curl and another host get the project's bytes."""
    assert TAG + b'1"' in navigation(serving)
    plain = serving.get("/")[1]
    assert TAG not in plain
    for fields in (
        {"Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Host": f"127.0.0.1.nip.io:{serving.port}"},
    ):
        assert navigation(serving, **fields) == plain or serving.get("/", **fields)[0].status == 403


@pytest.mark.parametrize("settings", [{"APPLIANCE_BROWSER_RELOAD": "off"}, {"APPLIANCE_RELOAD": "off"}])
def test_documents_get_no_script_without_live_reload(start: Starting, project: Path, settings: dict[str, str]):
    """Without live reload, and without reload, documents are the project's own; the pages are still there."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start(**settings)
    appliance.wait_for("worker.ready")
    assert TAG not in navigation(appliance)
    assert appliance.get("/__appliance__/")[0].status == 200


def test_pages_off_is_off(start: Starting, project: Path):
    """APPLIANCE_PAGES=off: the path is the project's, no script goes in, and no token is made public."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start(APPLIANCE_PAGES="off")
    appliance.wait_for("worker.ready")
    response, body = appliance.get("/__appliance__/client.js")
    assert (response.getheader("X-Process") is not None, TAG in body) == (True, False)
    assert TAG not in navigation(appliance)
    assert not any(event["event"] == "pages.started" for event in appliance.events)


def test_while_nothing_serves_the_pages_do(start: Starting, project: Path):
    """A project that can't be imported has the page of its failure, and the appliance's own pages beside it."""
    (project / "app.py").write_text("def (", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.failed")
    assert appliance.get("/")[0].status == 500
    assert appliance.get("/__appliance__/client.js")[0].status == 200


@pytest.mark.parametrize("host", ["evil.test", "app:8000", "192.168.1.5"])
def test_a_rebound_host_gets_no_page(serving: Appliance, host: str):
    """A name that another site has pointed here is refused, whether the project serves it or not."""
    response, body = serving.get("/__appliance__/client.js", Host=host)
    assert response.status == 403
    assert b"pageValue" not in body


def test_a_proxy_that_is_not_trusted_opens_nothing(serving: Appliance):
    """A request that a tunnel forwards comes from this machine, for somebody else, and is refused."""
    for field in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Real-IP"):
        assert serving.get("/__appliance__/", **{field: "for=203.0.113.7"})[0].status == 403


def test_the_event_stream_arrives_over_https(start: Starting, project: Path):
    """The keys of the connection stay with the worker, which relays: the stream arrives."""
    make_certificate(project)
    (project / "app.py").write_text(HELLO.format(word="one"), encoding="utf-8")
    appliance = start(APPLIANCE_TLS_CERT="localhost.pem", APPLIANCE_TLS_KEY="localhost-key.pem")
    appliance.wait_for("worker.ready")
    context = ssl.create_default_context(cafile=str(project / "localhost.pem"))
    plain = socket.create_connection(("127.0.0.1", appliance.port), timeout=30)
    with context.wrap_socket(plain, server_hostname="localhost") as secure:
        secure.sendall(f"GET /__appliance__/events HTTP/1.1\r\nHost: localhost:{appliance.port}\r\n\r\n".encode())
        received = b""
        while b'"generation": 1' not in received:
            received += secure.recv(65_536)
    assert received.startswith(b"HTTP/1.1 200")
