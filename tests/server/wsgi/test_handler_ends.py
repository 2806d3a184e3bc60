"""The end of a request that the application does not answer: refused, given back, or left by its client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.server.http.head import Head
from appliance.server.wsgi.handler import WSGIRequestHandler
from tests.server.answers import answer
from tests.server.served import GET, get
from tests.server.wsgi.connected_handler import Connected

POST = get("/", "Content-Length: 5", method="POST")
Connecting = Callable[..., Connected]


@pytest.fixture
def connect() -> Iterator[Connecting]:
    """Make connections, which end with the test."""
    made: list[Connected] = []

    def begin(handler_class: type[WSGIRequestHandler] = WSGIRequestHandler) -> Connected:
        made.append(Connected(answer([b"served"]), handler_class))
        return made[-1]

    yield begin
    for each in made:
        each.close()


def test_a_request_that_waits_for_its_body_gives_its_head_back(connect: Connecting):
    """If the server lets a request wait for its body, nothing is answered, and its head is served later."""
    connected = connect()
    asked: list[str] = []

    def wait_for_body(_handler: object, head: Head) -> bool:
        asked.append(head.method)
        return len(asked) == 1

    connected.server.wait_for_body = wait_for_body
    assert connected.serve(POST) == b""
    assert connected.handler.close_connection is False
    raw = connected.handler.take_unserved_head()
    assert (asked, raw) == (["POST"], POST[:-4])
    assert connected.handler.take_unserved_head() is None
    connected.handler.begin_request(raw, 1.0, None)
    assert connected.serve(b"abcde").endswith(b"\r\n\r\nserved")


def test_a_subclass_answers_refusals_itself(connect: Connecting):
    """A handler with a ``send_error`` of its own gets each refusal with its reason, and the connection ends."""
    errors: list[tuple[object, ...]] = []

    class Errors(WSGIRequestHandler):
        def send_error(self, *args: Any) -> None:
            errors.append(args)

    connected = connect(Errors)
    assert connected.serve(b"GET / HTTP/1.1\r\n\r\n") == b""
    ((status, message, reason),) = errors
    assert (status, message) == (400, None)
    assert "Host" in str(reason)
    assert connected.handler.close_connection is True


@pytest.mark.parametrize(("head", "path"), [(GET[:-4], "/"), (b"GET /x", None)])
def test_a_request_whose_client_has_left_is_only_logged(connect: Connecting, head: bytes, path: str | None):
    """A client that leaves before a thread is free has a record, whatever it has sent, and no application runs."""
    connected = connect()
    connected.handler.close_connection = False
    connected.handler.report_departed(head, 5.0)
    assert connected.handler.close_connection is True
    assert connected.handler.exchange is not None
    assert (connected.handler.started, connected.handler.exchange.started) == (5.0, 5.0)
    record = connected.sink.record()
    assert (record["event"], record["reason"]) == ("request.aborted", "the client left before its request began")
    assert record["path"] == path
    assert (connected.handler.head is None) == (path is None)
    assert connected.received() == b""


def test_a_long_request_asks_the_server_for_a_thread(connect: Connecting):
    """A server may refuse a thread for a long time; one of another library has nothing to refuse."""
    connected = connect()
    assert connected.handler.begin_stream() is True
    connected.server.begin_stream = lambda handler: [] if handler is connected.handler else [1]
    assert connected.handler.begin_stream() is False


@pytest.mark.parametrize(
    ("rest", "taken", "closes"),
    [
        (b"Host: localhost\r\n\r\n", True, False),
        (b"Host: localhost\r\nConnection: close\r\n\r\n", True, True),
        (b"\r\n", False, True),
        (None, False, True),
    ],
    ids=["kept", "closed", "refused", "gone"],
)
def test_a_subclass_may_read_the_request_line_itself(
    connect: Connecting, rest: bytes | None, taken: bool, closes: bool
):
    """``parse_request`` reads the rest of a head, and says whether there is a request and whether it is the last."""
    connected = connect()
    connected.handler.raw_requestline = b"" if rest is None else b"GET /x HTTP/1.1\r\n"
    connected.send(rest or b"")
    if rest is None:
        connected.client.shutdown(1)
    assert connected.handler.parse_request() is taken
    assert connected.handler.close_connection is closes
    assert connected.received().startswith(b"HTTP/1.1 400 " if rest == b"\r\n" else b"")


def test_each_connection_ends_unless_its_request_says_otherwise(connect: Connecting):
    """A subclass that serves requests itself finds the connection about to end, as in ``http.server``."""
    found: list[bool] = []

    class Own(WSGIRequestHandler):
        def handle_one_request(self) -> None:
            found.append(self.close_connection)

    connected = connect(Own)
    connected.handler.close_connection = False
    connected.client.close()
    connected.handler.handle()
    assert found == [True]
