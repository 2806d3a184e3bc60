"""The pair as a library: Django's names, signatures and defaults, and JSON lines by itself."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from wsgiref import simple_server

import pytest
from django.core.servers import basehttp as theirs

from appliance import basehttp as ours

PROGRAM = """
from wsgiref import simple_server
from appliance import basehttp
class OfWsgiref(simple_server.WSGIServer):
    def __init__(self, *args, ipv6=False):
        super().__init__(*args)
class Quiet(basehttp.WSGIRequestHandler):
    def log_message(self, form, *args):
        print("mine:", form %% args, flush=True)
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]
%s
basehttp.run("127.0.0.1", 0, application, threading=True, on_bind=lambda port: print(port, flush=True)%s)
"""


@pytest.fixture
def program(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process that serves with the library, and prints its port; a parameter adds to its statements."""
    source = PROGRAM % getattr(request, "param", ("", ""))
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def line_of_a_request(program: subprocess.Popen[str]) -> str:
    """The line that a request leaves."""
    assert program.stdout is not None
    port = int(program.stdout.readline())
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/here?x=1")
        assert connection.getresponse().read() == b"served"
    return program.stdout.readline()


@pytest.mark.parametrize("program", [("", ""), ("", ", server_cls=OfWsgiref")], indirect=True)
def test_the_library_logs_each_request_by_itself(program: subprocess.Popen[str]):
    """Each request leaves one JSON line through structlog, without a supervisor, also with another library's server."""
    event = json.loads(line_of_a_request(program))
    assert (event["event"], event["url.path"], event["http.response.status_code"]) == ("request.finished", "/here", 200)


@pytest.mark.parametrize("program", [("basehttp.WSGIRequestHandler = Quiet", "")], indirect=True)
def test_run_takes_the_handler_of_its_module(program: subprocess.Popen[str]):
    """A class that a program puts in the place of WSGIRequestHandler serves, as with Django's module."""
    assert line_of_a_request(program) == 'mine: "GET /here?x=1 HTTP/1.1" 200 6\n'


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    """A function's parameters by name, without those that collect what is left."""
    found = inspect.signature(function).parameters
    return {name: each for name, each in found.items() if each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}}


def test_our_module_has_every_public_name_of_djangos():
    """All that Django's module defines, ours has, under the same names."""
    hers = {name for name, each in vars(theirs).items() if getattr(each, "__module__", "") == theirs.__name__}
    assert hers <= set(ours.__all__)
    assert set(theirs.__all__) <= set(ours.__all__)


FUNCTIONS = ["run", "is_broken_pipe_error", "get_internal_wsgi_application"]
CLASSES = ["WSGIServer", "ThreadedWSGIServer", "WSGIRequestHandler", "ServerHandler"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_are_those_of_django(name: str):
    """Our signature takes Django's parameters, by the same names, in the same order, with the same defaults."""
    hers, mine = parameters(getattr(theirs, name)), parameters(getattr(ours, name))
    assert list(mine) == list(hers)
    for each in hers.values():
        assert inspect.isclass(each.default) or mine[each.name].default == each.default


@pytest.mark.parametrize("name", CLASSES)
def test_each_method_of_django_is_here(name: str):
    """Each method of Django's class is one of ours, and takes the same."""
    hers, mine = getattr(theirs, name), getattr(ours, name)
    for method in (each for each, value in vars(hers).items() if inspect.isfunction(value)):
        wanted, taken = parameters(getattr(hers, method)), parameters(getattr(mine, method))
        assert list(taken)[: len(wanted)] == list(wanted), method
        assert {key: taken[key].default for key in wanted} == {key: each.default for key, each in wanted.items()}


@pytest.mark.parametrize("name", CLASSES)
def test_each_public_name_of_django_is_here(name: str):
    """Each public name that Django's class has, inherited ones too, ours has; with the same value where it is plain."""
    hers, mine = getattr(theirs, name), getattr(ours, name)
    assert [each for each in dir(hers) if not each.startswith("_") and not hasattr(mine, each)] == []
    for attribute in (each for each in vars(hers) if not each.startswith("__")):
        value = getattr(hers, attribute)
        if isinstance(value, str | int | bool) and attribute != "server_version":
            assert getattr(mine, attribute) == value


def test_bases_are_wsgirefs_classes():
    """The library's classes are subclasses of wsgiref's, as Django's are."""
    assert issubclass(ours.WSGIServer, simple_server.WSGIServer)
    assert issubclass(ours.ThreadedWSGIServer, ours.WSGIServer)
    assert issubclass(ours.WSGIRequestHandler, simple_server.WSGIRequestHandler)
    assert issubclass(ours.ServerHandler, simple_server.ServerHandler)
    assert (ours.WSGIServer.request_queue_size, ours.WSGIServer.allow_reuse_address) == (10, True)
    assert ours.WSGIRequestHandler.protocol_version == "HTTP/1.1"


def test_overridden_log_gets_every_line():
    """A subclass that overrides log_message gets the line of each request."""
    lines: list[str] = []
    logged = threading.Event()

    class Quiet(ours.WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
            lines.append(format % args)
            logged.set()

    def application(environ, start_response):
        start_response("204 No Content", [])
        return []

    server = ours.ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with contextlib.closing(HTTPConnection("127.0.0.1", server.server_port, timeout=10)) as connection:
        connection.request("GET", "/seen")
        assert connection.getresponse().status == 204
    assert logged.wait(10)  # the line is written when the response is out
    server.shutdown()
    thread.join()
    server.server_close()
    assert len(lines) == 1
    assert "GET /seen HTTP/1.1" in lines[0]


def listed(kind: str) -> set[str]:
    """The names in this row of the table of docs/library.md."""
    text = (Path(__file__).parents[1] / "docs" / "library.md").read_text("utf-8")
    row = next(line for line in text.splitlines() if line.startswith(f"| {kind} |"))
    return set(re.findall(r"`(\w+)`", row))


def hooked(called: set[str]) -> type[ours.ServerHandler]:
    """A subclass whose methods of wsgiref note that they are called."""

    def noting(name: str) -> Any:
        def method(self: Any, *args: Any) -> Any:
            called.add(name)
            return getattr(super(hooks, self), name)(*args)

        return method

    hooks = type("Hooks", (ours.ServerHandler,), {name: noting(name) for name in METHODS})
    return hooks


METHODS = {name for name, _ in inspect.getmembers(simple_server.ServerHandler, inspect.isfunction)} - {"__init__"}


def of_a_list(_environ: dict[str, Any], start_response: Any) -> Any:
    """Answer with a list."""
    start_response("200 OK", [])
    return [b"x"]


def of_parts(_environ: dict[str, Any], start_response: Any) -> Any:
    """Answer with an iterator."""
    start_response("200 OK", [])
    return iter([b"x", b"y"])


def of_a_file(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer with a file."""
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"x"))


def failing(_environ: dict[str, Any], _start_response: Any) -> Any:
    """Raise."""
    raise ValueError


def answered(handler: type[ours.ServerHandler], application: Any) -> bytes:
    """The bytes that a handler of this class sends for the application."""
    environ = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1"}
    handler(io.BytesIO(), out := io.BytesIO(), io.StringIO(), environ).run(application)
    return out.getvalue()


def test_the_hooks_that_are_called_are_listed():
    """docs/library.md lists each method of wsgiref's handler as called or as not called, as it is."""
    called: set[str] = set()
    for application in (of_a_list, of_parts, of_a_file, failing):
        answered(hooked(called), application)
    assert (called, METHODS - called) == (listed("called"), listed("not called"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("os_environ", {"SERVER_SOFTWARE": "x"}),
        ("origin_server", False),
        ("http_version", "1.0"),
        ("headers_class", dict),
        ("error_status", "503 x"),
        ("error_headers", [("X-Error", "1")]),
        ("error_body", b"sorry"),
        ("traceback_limit", 0),
    ],
)
def test_the_attributes_that_are_not_read_are_listed(name: str, value: object):
    """docs/library.md lists the attributes of wsgiref's handler that change nothing."""
    assert name in listed("not read")
    assert hasattr(simple_server.ServerHandler, name)
    changed = type("Changed", (ours.ServerHandler,), {name: value})
    for application in (of_a_list, failing):
        expected, found = (
            re.sub(rb"Date: [^\r]*", b"", answered(each, application)) for each in (ours.ServerHandler, changed)
        )
        assert found == expected


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("wsgi_run_once", "wsgi.run_once"),
        ("wsgi_version", "wsgi.version"),
        ("server_software", "SERVER_SOFTWARE"),
        ("wsgi_file_wrapper", "wsgi.file_wrapper"),
    ],
)
def test_the_attributes_that_are_read_are_listed(name: str, key: str):
    """docs/library.md lists the attributes of wsgiref's handler that the environ has."""
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        seen.update(environ)
        return of_a_list(environ, start_response)

    assert name in listed("read")
    answered(type("Changed", (ours.ServerHandler,), {name: "mine"}), application)
    assert seen[key] == "mine"
