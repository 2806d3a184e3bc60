"""The methods of ``http.server`` that a subclass may set or replace: each has its effect."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from unittest import mock
from wsgiref import simple_server

import pytest

from appliance.server.wsgi.handler import WSGIRequestHandler
from appliance.server.wsgi.listener import ThreadedWSGIServer
from tests.server.answers import answer
from tests.server.served import PATIENCE_S, Client, Echo, Recorder, Served, get, post

Serve = Callable[..., Served]
BAD = b"BAD\r\n\r\n"


@contextmanager
def running(handler: type[WSGIRequestHandler], application: Any) -> Iterator[ThreadedWSGIServer]:
    """The server with a thread a connection."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), handler)
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def listening(handler: type[WSGIRequestHandler]) -> Iterator[Client]:
    """A client of it."""
    with running(handler, answer([b"served"])) as server, closing(Client(server.socket.getsockname())) as client:
        yield client


def test_a_base_environ_that_changes_is_followed():
    """An environ begins as a copy of what the server's ``base_environ`` is, not of what it was."""
    echo = Echo()
    with running(WSGIRequestHandler, echo) as server:
        for value in ("one", "two"):
            server.base_environ["PROJECT_KEY"] = value
            with closing(Client(server.socket.getsockname())) as client:
                client.ask()
    assert [environ["PROJECT_KEY"] for environ in echo.seen] == ["one", "two"]
    assert "CONTENT_LENGTH" not in echo.seen[1]


def variables_alone(handler: WSGIRequestHandler) -> dict[str, Any]:
    """A new environ, of the request's variables."""
    made = WSGIRequestHandler.get_environ(handler)
    return {key: value for key, value in made.items() if key.isupper()}


@pytest.mark.parametrize("make", [simple_server.WSGIRequestHandler.get_environ, variables_alone])
def test_a_subclass_may_make_the_environ_itself(make: Any):
    """An environ without our own keys is served: wsgiref's, or one that the subclass has made."""
    echo = Echo()
    makes = type("Makes", (WSGIRequestHandler,), {"get_environ": make})
    with running(makes, echo) as server, closing(Client(server.socket.getsockname())) as client:
        responses = [client.ask(get("/a")), client.ask(post(b"b"))]
    assert [response.body for response in responses] == [b"/a", b"b"]
    assert [environ["appliance.request_id"] for environ in echo.seen] == [each["X-Request-ID"] for each in responses]
    assert echo.seen[0]["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize("make", [WSGIRequestHandler.get_environ, simple_server.WSGIRequestHandler.get_environ])
def test_https_in_a_subclass_s_environ_is_the_scheme(make: Any):
    """A subclass that adds HTTPS, as one behind a proxy does, has https for its scheme, as with wsgiref."""
    echo = Echo()
    secure = type("Secure", (WSGIRequestHandler,), {"get_environ": lambda self: {**make(self), "HTTPS": "on"}})
    with running(secure, echo) as server, closing(Client(server.socket.getsockname())) as client:
        client.ask()
    assert echo.seen[0]["wsgi.url_scheme"] == "https"


def test_protocol_version_is_the_switch_for_persistence():
    """A handler of HTTP/1.0 serves one request a connection, and says so."""

    class Old(WSGIRequestHandler):
        protocol_version = "HTTP/1.0"

    with listening(Old) as client:
        response = client.ask(get() + get())
        assert (response.body, response["Connection"], client.rest()) == (b"served", "close", b"")


def test_a_time_out_of_the_handler_s_own_ends_idle_connections():
    """The attribute ``timeout`` bounds how long a client may be silent."""

    class Impatient(WSGIRequestHandler):
        timeout = 0.01

    with listening(Impatient) as client:
        assert client.ask().body == b"served"
        assert client.rest() == b""


@pytest.mark.parametrize("hook", ["get_environ", "log_request"])
def test_close_connection_may_be_set_within_a_request(serve: Serve, hook: str):
    """Set true before the request is over, it closes the connection; told beforehand, the response says so."""

    def close(self: Any, *args: Any) -> Any:
        assert self.close_connection is False
        self.close_connection = True
        return getattr(WSGIRequestHandler, hook)(self, *args)

    client = serve(RequestHandlerClass=type("Closes", (WSGIRequestHandler,), {hook: close})).client()
    response = client.ask(get() + get())
    assert response["Connection"] == ("close" if hook == "get_environ" else None)
    assert client.rest() == b""


def test_a_method_of_the_log_may_be_replaced_in_the_class():
    """A log_message that is set in the class itself, as programs and tests do it, gets the lines; also for a while."""
    lines: queue.Queue[str] = queue.Queue()
    patched = type("Patched", (WSGIRequestHandler,), {})
    with running(patched, answer([b"served"])) as server:
        with mock.patch.object(patched, "log_message", lambda _, form, *args: lines.put(form % args)):
            with closing(Client(server.socket.getsockname())) as client:
                client.ask(get("/patched"))
            assert '"GET /patched HTTP/1.1" 200' in lines.get(timeout=PATIENCE_S)
        with closing(Client(server.socket.getsockname())) as client:
            client.ask(get("/usual", "Connection: close"))
            assert client.rest() == b""
    assert lines.empty()


def test_a_client_is_named_by_the_handler(serve: Serve):
    """The record of a request has the address that ``address_string`` returns."""

    class Named(WSGIRequestHandler):
        def address_string(self) -> str:
            return "somebody"

    served = serve(RequestHandlerClass=Named)
    served.ask()
    assert served.sink.record()["client_address"] == "somebody"


@pytest.mark.parametrize("method", ["setup", "handle"])
def test_a_client_address_may_be_set(method: str):
    """The client_address that a subclass sets at a connection's beginning is in the environ, and in the record."""

    def behind_a_proxy(self: WSGIRequestHandler) -> None:
        if method == "setup":
            WSGIRequestHandler.setup(self)
        self.client_address = ("192.0.2.7", 7)
        if method == "handle":
            WSGIRequestHandler.handle(self)

    echo = Echo()
    behind = type("Behind", (WSGIRequestHandler,), {method: behind_a_proxy})
    with running(behind, echo) as server:
        server.sink = recorder = Recorder()
        with closing(Client(server.socket.getsockname())) as client:
            client.ask()
        assert recorder.record()["client_address"] == "192.0.2.7"
    assert (echo.seen[0]["REMOTE_ADDR"], echo.seen[0]["REMOTE_PORT"]) == ("192.0.2.7", "7")


def test_a_message_is_the_reason_phrase():
    """The message given to ``send_error`` is the reason phrase, if it can be one (RFC 9112, 4)."""

    class Refuses(WSGIRequestHandler):
        def get_environ(self) -> dict[str, Any]:
            raise AssertionError("it was refused before")

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if self.parse_request():
                self.send_error(404, self.path[1:].replace("~", "\r\nX-Injected: 1\r\n"), "explained")

    for path, line in (("/Nowhere", "HTTP/1.1 404 Nowhere"), ("/a~b", "HTTP/1.1 404 Not Found"), ("/", None)):
        with listening(Refuses) as client:
            response = client.ask(get(path))
            assert response.line == (line or "HTTP/1.1 404 Not Found")
            assert (b"explained" in response.body, response["X-Injected"]) == (True, None)
            assert client.rest() == b""


def test_errors_have_the_form_that_a_subclass_gives_them(serve: Serve):
    """``error_message_format`` and ``error_content_type`` make the page of a refused request."""

    class Formal(WSGIRequestHandler):
        error_message_format = "%(code)d|%(message)s|%(explain)s"
        error_content_type = "text/x"

    response = serve(RequestHandlerClass=Formal).ask(BAD)
    code, message, explain = response.body.split(b"|")
    assert (code, message, response["Content-Type"]) == (b"400", b"Bad Request", "text/x")
    assert b"RFC 9112" in explain


def test_a_subclass_s_errors_are_asked_for(serve: Serve):
    """A replaced ``send_error`` is called for what the server refuses, and the connection closes."""
    seen: list[int] = []

    class Counts(WSGIRequestHandler):
        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
            seen.append(code)
            super().send_error(code, message, explain)

    client = serve(RequestHandlerClass=Counts).client()
    assert client.ask(BAD + get()).status == 400
    assert client.rest() == b""
    assert seen == [400]


def test_an_error_without_words_is_logged_with_its_phrase():
    """``log_error`` gets the status's phrase if there is no other message."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    class Says(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's signature
            lines.put(format % args)

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            self.send_error(403)

    with listening(Says) as client:
        assert client.ask().body == b"403 Forbidden\n"
        assert lines.get(timeout=30) == "code 403, message Forbidden"  # logged behind the answer
    assert lines.empty()


def test_an_expectation_may_be_answered_by_a_subclass(serve: Serve):
    """``handle_expect_100`` may refuse a body before it is sent (RFC 9110, 10.1.1), or let it come."""

    class Chooses(WSGIRequestHandler):
        def handle_expect_100(self) -> bool:
            if self.path == "/no":
                self.send_error(417, "Not You")
                return False
            return super().handle_expect_100()

    served = serve(RequestHandlerClass=Chooses)
    head = post(b"12345", "Expect: 100-continue", path="/yes").removesuffix(b"12345")
    client = served.client()
    assert client.ask(head).status == 100
    assert client.ask(b"12345").status == 200
    client = served.client()
    assert client.ask(head.replace(b"/yes", b"/no")).line == "HTTP/1.1 417 Not You"
    assert client.rest() == b""
