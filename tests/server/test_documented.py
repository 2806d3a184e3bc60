"""What ``http.server`` documents of a handler: there for a subclass, in the middle of a request and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance.server.handler import WSGIRequestHandler
from tests.server.served import Echo, Served, get, post

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
