"""What ``http.server`` documents of a handler: there for a subclass, in the middle of a request and after it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from appliance.server.handler import WSGIRequestHandler
from appliance.server.listener import ThreadedWSGIServer
from appliance.server.response import ServerHandler
from tests.server.answers import answer
from tests.server.served import Client, Echo, Served, chunked, get, post

Serve = Callable[..., Served]


def test_instance_variables_are_the_request_s(serve: Serve):
    """Each documented variable tells of the request that is served, the fields as an email message."""
    seen: list[dict[str, Any]] = []

    class Curious(WSGIRequestHandler):
        def get_environ(self) -> dict[str, Any]:
            names = (
                "command",
                "path",
                "request_version",
                "requestline",
                "headers",
                "client_address",
                "close_connection",
            )
            seen.append({name: getattr(self, name) for name in names})
            return super().get_environ()

    client = serve(Echo(), RequestHandlerClass=Curious).client()
    client.ask(post(b"abc", "A: b", "a: c", path="/%41?b"))
    client.ask(get("/second", version="HTTP/1.0"))
    first, second = seen
    assert (first["command"], first["path"], first["request_version"]) == ("POST", "/%41?b", "HTTP/1.1")
    assert first["requestline"] == "POST /%41?b HTTP/1.1"
    assert first["headers"].get_all("A") == ["b", "c"]
    assert (first["headers"]["content-length"], first["headers"].get("X")) == ("3", None)
    assert first["client_address"] == client.sock.getsockname()
    assert (second["path"], second["request_version"], second["headers"]["Host"]) == (
        "/second",
        "HTTP/1.0",
        "localhost",
    )


def test_as_many_fields_as_are_served_are_there(serve: Serve):
    """The message has every field of a request that is served, also more than http.client reads."""
    seen: list[int] = []

    class Counting(WSGIRequestHandler):
        def get_environ(self) -> dict[str, Any]:
            seen.append(len(self.headers))
            return super().get_environ()

    assert serve(Echo(), RequestHandlerClass=Counting).ask(get("/", *(f"A{i}: b" for i in range(120)))).status == 200
    assert seen == [121]


def test_files_are_the_connection_s(serve: Serve):
    """The file rfile begins with the body of the request, and what is written to wfile is sent at once."""

    class Raw(WSGIRequestHandler):
        def get_environ(self) -> dict[str, Any]:
            line = self.rfile.readline()
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nX-Line: %b\r\n\r\n" % line.strip())
            return super().get_environ()

    client = serve(Echo(), RequestHandlerClass=Raw).client().send(post(b"line\nrest"))
    assert client.response()["X-Line"] == "line"


class ReadsItself(WSGIRequestHandler):
    """Reads the request line and runs the application itself, as Django's handler does."""

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if len(self.raw_requestline) > 65_536:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
            return
        if not self.parse_request():
            return
        handler = ServerHandler(self.rfile, self.wfile, self.get_stderr(), self.get_environ())
        handler.request_handler = self
        handler.run(self.server.get_app())


def test_a_handler_may_read_by_itself(serve: Serve):
    """Such a handler serves one request after another, bodies read or not, and closes after what is refused."""
    with ExitStack() as stack:
        server = ThreadedWSGIServer(("127.0.0.1", 0), ReadsItself)
        server.set_app(answer([b"served"]))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        for end in (server.server_close, thread.join, server.shutdown):
            stack.callback(end)
        client = Client(server.socket.getsockname())
        stack.callback(client.close)
        for request in (get(), post(b"unread"), chunked(b"unread"), get()):
            response = client.ask(request)
            assert (response.body, response["Connection"]) == (b"served", None)
        assert client.ask(get("/" + "a" * 70_000)).status == 414
        assert client.rest() == b""


def test_a_path_may_be_rewritten(serve: Serve):
    """A path that is set is the request's: its environ and record are made of it."""

    class Rewrites(WSGIRequestHandler):
        def get_environ(self) -> dict[str, Any]:
            self.path = "/new" + self.path
            self.command = "TOLD"
            assert self.command == "TOLD"
            return super().get_environ()

    served = serve(echo := Echo(), RequestHandlerClass=Rewrites)
    client = served.client()
    assert client.ask(get("/%41?b")).body == client.ask(get("/%41?b")).body == b"/new/A"
    assert [each["QUERY_STRING"] for each in echo.seen] == ["b", "b"]
