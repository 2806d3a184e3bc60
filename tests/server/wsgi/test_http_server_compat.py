"""The attributes of a handler in ``http.server``: a subclass finds them, in the middle of a request and after it."""

from __future__ import annotations

import io
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType, SimpleNamespace
from typing import Any

from appliance.server.wsgi.access_log.exchange import Exchange
from appliance.server.wsgi.access_log.sink import NullSink
from appliance.server.wsgi.handler import WSGIRequestHandler
from appliance.server.wsgi.listener import ThreadedWSGIServer
from appliance.server.wsgi.response import ServerHandler
from tests.server.answers import answer
from tests.server.served import Client, Echo, Served, chunked, get, post

Serve = Callable[..., Served]


def test_instance_variables_are_the_request_s(serve: Serve):
    """Each documented variable describes the current request, with the fields as an email message."""
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

    run_class = ServerHandler

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if len(self.raw_requestline) > 65_536:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
            return
        if not self.parse_request():
            return
        handler = self.run_class(self.rfile, self.wfile, self.get_stderr(), self.get_environ())
        handler.request_handler = self
        handler.run(self.server.get_app())


@contextmanager
def client_of(kind: type[WSGIRequestHandler]) -> Iterator[Client]:
    """A client of a server with this handler."""
    with ExitStack() as stack:
        server = ThreadedWSGIServer(("127.0.0.1", 0), kind)
        server.set_app(answer([b"served"]))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        for end in (server.server_close, thread.join, server.shutdown):
            stack.callback(end)
        client = Client(server.socket.getsockname())
        stack.callback(client.close)
        yield client


def test_a_handler_may_read_by_itself():
    """Such a handler serves one request after another, bodies read or not, and closes after what is refused."""
    with client_of(ReadsItself) as client:
        for request in (get(), post(b"unread"), chunked(b"unread"), get()):
            response = client.ask(request)
            assert (response.body, response["Connection"]) == (b"served", None)
        assert client.ask(get("/" + "a" * 70_000)).status == 414
        assert client.rest() == b""


def test_a_handler_that_reads_by_itself_may_close():
    """A handler that sets ``close_connection`` before it runs the application announces the close in its response."""

    class Closes(ReadsItself):
        def get_environ(self) -> dict[str, Any]:
            self.close_connection = True
            return super().get_environ()

    with client_of(Closes) as client:
        assert client.ask(get() + get())["Connection"] == "close"
        assert client.rest() == b""


def test_a_run_of_a_subclass_names_its_own_software():
    """The server_software of a ServerHandler's subclass is the field Server, as with wsgiref."""
    named = type("Named", (ServerHandler,), {"server_software": "Named/1"})
    with client_of(type("RunsNamed", (ReadsItself,), {"run_class": named})) as client:
        assert [client.ask(request)["Server"] for request in (get(), post(b"read"))] == ["Named/1"] * 2


def test_a_file_of_the_first_request_has_the_next_ones_body():
    """A handler that keeps ``rfile`` from its first request gives later applications their own bodies."""

    class Keeps(ReadsItself):
        file: Any = None

        def handle_one_request(self) -> None:
            self.file = self.file or self.rfile
            self.raw_requestline = self.file.readline(65_537)
            if self.parse_request():
                run = ServerHandler(self.file, self.wfile, self.get_stderr(), self.get_environ())
                run.request_handler = self
                run.run(self.application)

        def application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
            start_response("200 OK", [])
            return [environ["wsgi.input"].read()]

    with client_of(Keeps) as client:
        assert [client.ask(post(body)).body for body in (b"one", b"two")] == [b"one", b"two"]


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


def test_files_may_be_set(serve: Serve):
    """A file that a subclass sets is what it finds there, and the server goes on with the connection."""
    seen: list[Any] = []

    class Sets(WSGIRequestHandler):
        def get_environ(self) -> dict[str, Any]:
            self.rfile, self.wfile = io.BytesIO(b"own"), "anything"
            self.headers = {"Own": "yes"}  # type: ignore[assignment]  # as one does in a test
            seen.append((self.rfile.read(), self.wfile, self.headers["Own"]))
            return super().get_environ()

    client = serve(Echo(), RequestHandlerClass=Sets).client()
    assert client.ask(post(b"abc")).body == client.ask(post(b"abc")).body == b"abc"
    assert seen == [(b"own", "anything", "yes")] * 2


class Stub(socketserver.ThreadingMixIn):
    """A stub of a socket or a server, as in the tests of projects."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Kept(io.BytesIO):
    """A file that can be read after it was closed."""

    def close(self) -> None: ...


def from_files(data: bytes, application: Any, kind: type[WSGIRequestHandler] = WSGIRequestHandler) -> bytes:
    """Return the bytes that a handler writes which is made with files, and with a stub of a server."""
    rfile, wfile = io.BytesIO(data), Kept()
    makefile: Any = lambda mode, *_: rfile if mode == "rb" else wfile  # noqa: E731  as in Django's tests
    request: Any = Stub(makefile=makefile, sendall=wfile.write)
    server: Any = Stub(base_environ={}, get_app=lambda: application)
    kind(request, ("192.168.0.2", 5), server)
    return wfile.getvalue()


def test_requests_of_a_file_are_answered_into_another():
    """Requests that stand in a file are answered into another, one after the other, bodies read or not."""
    echo = Echo()
    data = from_files(post(b"abc") + get("/next") + get("/last", "Connection: close") + get("/never"), echo)
    assert [seen["PATH_INFO"] for seen in echo.seen] == ["/", "/next", "/last"]
    assert [seen["body"] for seen in echo.seen] == [b"abc", b"", b""]
    assert echo.seen[0]["REMOTE_ADDR"] == "192.168.0.2"
    assert data.count(b"HTTP/1.1 200 OK\r\n") == 3
    unread = from_files(post(b"abc") + get("/next", "Connection: close"), answer([b"unread"]))
    assert unread.count(b"\r\n\r\nunread") == 2


def test_no_field_passes_for_another_from_files():
    """Fields with an underscore, and those of a proxy, do not reach the environ from files either."""
    echo = Echo()
    from_files(
        get("/", "A_B: bad", "A-B: good", "X-Forwarded-For: 1.1.1.1", "X-Real-IP: 1.1.1.1", version="HTTP/1.0"), echo
    )
    environ = echo.seen[0]
    assert environ["HTTP_A_B"] == "good"
    assert not [key for key in environ if "FORWARDED" in key or "REAL_IP" in key]
    assert "CONTENT_LENGTH" not in environ


def test_http_1_0_from_a_file_is_answered_whole_and_last():
    """HTTP/1.0 is answered whole, without chunks, and nothing follows."""

    def application(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"one"
        yield b"two"

    data = from_files(get(version="HTTP/1.0") + get("/never"), application)
    head, _, body = data.partition(b"\r\n\r\n")
    assert (body, b"chunked" in head, b"close" in head) == (b"onetwo", False, False)


def test_an_application_that_raises_is_answered_into_the_file():
    """An application that raises is answered with its page."""

    def application(_environ: dict[str, Any], _start_response: Any) -> Any:
        raise ZeroDivisionError

    assert from_files(get(), application).startswith(b"HTTP/1.1 500 ")


def test_a_handler_works_without_a_server():
    """Without a server, and with an address that is a text, a handler can be made and asked."""
    request: Any = Stub(makefile=lambda *_: io.BytesIO())
    handler = WSGIRequestHandler(request, "192.168.0.2", None)  # type: ignore[arg-type]  # as Django's tests do
    assert (handler.address_string(), handler.command, handler.path) == ("192.168.0.2", "", "")
    handler.log_message("GET %s %s", "A", "200")


class CountingSink(NullSink):
    """Counts the records."""

    def __init__(self) -> None:
        self.records = 0

    def exchange(self, exchange: Exchange) -> None:
        """Count the exchange."""
        self.records += 1


def test_two_threads_log_a_request_once():
    """A request has one line, also if the thread that ends streams logs it between any two lines of its own thread."""
    sink = CountingSink()
    handler: Any = WSGIRequestHandler.__new__(WSGIRequestHandler)
    handler.server_context = SimpleNamespace(sink=sink)
    code = WSGIRequestHandler.log_exchange.__code__
    lines = stop = 0
    exchange = Exchange(None, "127.0.0.1", 8000, 0.0, "request-0")

    def between(frame: FrameType, event: str, _: object) -> Any:
        nonlocal lines
        if frame.f_code is not code:
            return None
        if event == "line":
            lines += 1
            if lines == stop:
                sys.settrace(None)
                handler.log_exchange(exchange)  # the other thread
        return between

    while stop < 12:
        stop += 1
        exchange, lines, sink.records = Exchange(None, "127.0.0.1", 8000, 0.0, "request-1"), 0, 0
        before = sys.gettrace()
        sys.settrace(between)
        try:
            handler.log_exchange(exchange)
        finally:
            sys.settrace(before)
        assert sink.records == 1
