"""``ServerHandler``: how what an application answers is framed and sent."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import pytest

from appliance.server.wsgi.access_log.exchange import current
from appliance.server.wsgi.response import ServerHandler
from tests.server.answers import Answer, answer
from tests.server.served import GET, Served, get

Serve = Callable[..., Served]
START = tuple[str, list[tuple[str, str]]]


def test_a_list_has_its_length(serve: Serve):
    """Content that is all there is sent with its Content-Length (RFC 9110, 8.6), a list of many items too."""
    for items in ([b"one"], [b"o", b"ne"], [], [b"", b"one", b""]):
        response = serve(answer(items)).ask()
        assert response.body == b"".join(items)
        assert response["Content-Length"] == str(len(b"".join(items)))
        assert response["Transfer-Encoding"] is None


def test_an_iterable_of_one_item_has_its_length(serve: Serve):
    """PEP 3333 lets a server take the length of an iterable that says it has one item."""

    class One(Answer):
        def __len__(self) -> int:
            return 1

    response = serve(One([b"one"])).ask()
    assert (response["Content-Length"], response.body) == ("3", b"one")


@pytest.mark.parametrize("length", [" 3", "3 ", "\t3\t"])
def test_white_space_around_a_length_does_not_count(serve: Serve, length: str):
    """A Content-Length that an application has copied with its white space is the number (RFC 9110, 5.5)."""
    response = serve(answer([b"one"], headers=[("Content-Length", length)])).ask()
    assert (response.status, response["Content-Length"], response.body) == (200, "3", b"one")


@pytest.mark.parametrize("error", [TypeError, AttributeError, NotImplementedError])
def test_an_iterable_need_not_know_its_length(serve: Serve, error: type[Exception]):
    """If ``len()`` of a wrapper raises, the response has no known length, as in wsgiref."""

    class Wrapper(Answer):
        def __len__(self) -> int:
            raise error

    assert serve(Wrapper([b"o", b"ne"]).__call__).ask().body == b"one"


def test_an_iterable_is_held_to_the_one_item_that_it_promised(serve: Serve):
    """Items after the announced one are not sent: they would be read as the next response (RFC 9112, 6.3)."""

    class One(Answer):
        def __len__(self) -> int:
            return 1

    application = One([b"one", b"more"])
    served = serve(application)
    client = served.client()
    for _ in range(2):
        response = client.ask()
        assert (response["Content-Length"], response.body) == ("3", b"one")
    assert served.sink.wait_for("response.long")["surplus"] == 4
    assert application.closed >= 1


def test_unknown_length_is_chunked(serve: Serve):
    """Content of unknown length is chunked, an item a chunk, and the connection stays (RFC 9112, 7.1)."""
    client = serve(Answer([b"a", b"", b"bc"])).client()
    response = client.ask()
    assert (response["Transfer-Encoding"], response.chunks) == ("chunked", [b"a", b"bc"])
    assert client.ask().status == 200


def test_unknown_length_ends_an_old_connection(serve: Serve):
    """HTTP/1.0 knows no chunks: content of unknown length ends with the connection (RFC 9112, 6.3)."""
    client = serve(Answer([b"a", b"bc"])).client()
    response = client.ask(get(version="HTTP/1.0") + GET)
    assert (response["Transfer-Encoding"], response["Connection"], response.body) == (None, "close", b"abc")


def test_each_item_is_sent_at_once(serve: Serve):
    """A streamed item is sent before the next is asked for (PEP 3333, Buffering and Streaming)."""
    arrived = threading.Event()

    def items() -> Iterator[bytes]:
        yield b"first"
        assert arrived.wait(10)
        yield b"second"

    client = serve(Answer(items())).client().send(GET)
    assert b"first" in client.sock.recv(65_536)
    arrived.set()
    assert b"second" in client.sock.recv(65_536)


def test_a_generator_may_start_late(serve: Serve):
    """A generator calls start_response with its first iteration, and its head waits for content (PEP 3333)."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("201 Created", [])
        yield b""
        yield b"late"

    response = serve(application).ask()
    assert (response.status, response.body) == (201, b"late")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_some_statuses_have_no_content(serve: Serve, status: str):
    """204 and 304 have neither content nor a length of nothing (RFC 9110, 8.6, 15.3.5, 15.4.5)."""
    client = serve(answer([b"surplus"], status)).client()
    response = client.ask()
    assert (response["Content-Length"], response["Transfer-Encoding"]) == (None, None)
    assert client.ask().status == int(status[:3])


def test_304_may_tell_the_length_of_its_200(serve: Serve):
    """A 304 keeps the Content-Length that the application gives, which is that of the 200 (RFC 9110, 8.6)."""
    client = serve(answer([], "304 Not Modified", [("Content-Length", "1234")])).client()
    assert client.ask()["Content-Length"] == "1234"
    assert client.ask().status == 304


def test_204_never_has_a_length(serve: Serve):
    """A server must not send Content-Length in a 204 (RFC 9110, 8.6)."""
    assert serve(answer([], "204 No Content", [("Content-Length", "0")])).ask()["Content-Length"] is None


def test_205_has_no_content(serve: Serve):
    """A 205 has no content, and says so (RFC 9110, 15.3.6)."""
    client = serve(answer([b"surplus"], "205 Reset Content")).client()
    response = client.ask()
    assert (response["Content-Length"], response.body) == ("0", b"")


def test_head_has_the_head_of_get(serve: Serve):
    """HEAD is answered without content, with the length that GET would have had (RFC 9110, 9.3.2)."""
    client = serve(answer([b"content"])).client()
    assert client.ask(get(method="HEAD"))["Content-Length"] == "7"
    assert client.ask(GET).body == b"content"


def test_an_empty_answer_to_head_has_no_content_length(serve: Serve):
    """An empty answer to HEAD says nothing of what GET would send, so no Content-Length of 0 is made up."""
    assert serve(answer([])).ask(get(method="HEAD"))["Content-Length"] is None
    assert serve(answer([], headers=[("Content-Length", "5")])).ask(get(method="HEAD"))["Content-Length"] == "5"


def test_head_does_not_wait_for_an_endless_stream(serve: Serve):
    """HEAD of an endless stream ends, though nobody ends the stream."""
    response = serve(Answer(iter(lambda: b"more", None))).ask(get(method="HEAD"))
    assert response.status == 200


def test_surplus_content_is_not_sent(serve: Serve):
    """No more than Content-Length is ever sent: it would be read as the next response (RFC 9112, 6.3)."""
    for application in (
        answer([b"12345"], headers=[("Content-Length", "3")]),
        Answer([b"12", b"345"], headers=[("Content-Length", "3")]),
    ):
        served = serve(application)
        client = served.client()
        assert client.ask().body == b"123"
        assert client.ask().body == b"123"
        assert served.sink.wait_for("response.long")["surplus"] == 2


def test_no_more_is_asked_for_than_was_promised(serve: Serve):
    """An iterable that goes on beyond its Content-Length is left, and closed (PEP 3333, Content-Length)."""
    endless = Answer(repeat(b"12"), headers=[("Content-Length", "3")])
    client = serve(endless).client()
    assert client.ask().body == b"121"
    assert client.ask().body == b"121"
    assert endless.closed >= 1


def test_a_short_body_closes_the_connection(serve: Serve):
    """Less than Content-Length is an incomplete message: the connection closes, and it is logged (RFC 9112, 8)."""
    for application in (
        answer([b"123"], headers=[("Content-Length", "5")]),
        Answer([b"1", b"23"], headers=[("Content-Length", "5")]),
        answer([], headers=[("Content-Length", "5")]),
    ):
        served = serve(application)
        client = served.client().send(GET + GET)
        assert client.response()["Content-Length"] == "5"
        assert client.rest() == b""
        assert served.sink.wait_for("response.short")["promised"] == 5
        assert "promised" in served.sink.record()["reason"]


def test_an_application_may_close_the_connection(serve: Serve):
    """Connection: close from the application is honoured, and sent once."""
    client = serve(answer([b"x"], headers=[("Connection", "close")])).client()
    assert client.ask()["Connection"] == "close"
    assert client.rest() == b""


def test_headers_are_what_they_were_when_the_response_began(serve: Serve):
    """A list of headers, or of name and value, that the application keeps and changes is read again each time."""
    pair, headers = ["X-Count", "0"], [("X-A", "a")]

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        pair[1] = str(int(pair[1]) + 1)
        headers[:] = [("X-A", "a"), pair]  # type: ignore[list-item]  # as sloppy applications do
        start_response("200 OK", headers)
        headers.append(("X-Late", "b"))
        return [b""]

    client = serve(application).client()
    answers = [client.ask() for _ in range(3)]
    assert [(response["X-Count"], response["X-Late"]) for response in answers] == [
        ("1", None),
        ("2", None),
        ("3", None),
    ]


def test_tabs_and_latin_1_are_legal_values(serve: Serve):
    """A field's value may hold tabs and Latin-1 letters (RFC 9110, 5.5)."""
    assert serve(answer([], headers=[("A", "b\tc \u00e9")])).ask()["A"] == "b\tc \u00e9"


def test_the_server_adds_what_is_missing(serve: Serve):
    """Date, Server and X-Request-ID are the application's where it gave them, else the server's, once each."""
    response = serve(answer([])).ask()
    assert all(response[name] for name in ("Date", "Server", "X-Request-ID"))
    given = [("date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("SERVER", "mine"), ("x-request-id", "own")]
    response = serve(answer([], headers=given)).ask()
    assert [response[name] for name, _ in given] == [value for _, value in given]
    assert serve(answer([], headers=given[:1])).ask()["Server"]
    assert serve(answer([], headers=given[1:2])).ask()["Date"]


def test_a_request_id_is_taken_over_if_it_is_valid(serve: Serve):
    """A client's X-Request-ID names the request, but not with whatever characters it likes."""
    served = serve(answer([]))
    assert served.ask(get("/", "X-Request-ID: abc-1.2_3"))["X-Request-ID"] == "abc-1.2_3"
    for insane in ("a b", "a;b", "x" * 129, '"', "\u00e9"):
        assert served.ask(get("/", f"X-Request-ID: {insane}"))["X-Request-ID"] != insane


def test_a_trace_is_recorded_if_it_is_valid(serve: Serve):
    """A traceparent is read as W3C Trace Context has it; anything else is none."""
    served = serve(answer([]))
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    valid = [f"00-{trace}-{span}-01", f"01-{trace}-{span}-01-more"]
    zero = [f"00-{'0' * 32}-{span}-01", f"00-{trace}-{'0' * 16}-01"]
    values = [
        *valid,
        *zero,
        f"00-{trace}-{span}-01-more",
        f"ff-{trace}-{span}-01",
        f"00-{trace.upper()}-{span}-01",
    ]
    for number, value in enumerate(values):
        served.ask(get("/", f"traceparent: {value}"))
        served.sink.record(number)  # another thread may be faster with the next
    assert [record["trace"] for record in served.sink.records] == [[trace, span]] * 2 + [None] * 5


def test_write_sends_at_once(serve: Serve):
    """PEP 3333's write() sends before it returns, and what is returned comes behind."""
    arrived = threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"first ")
        assert arrived.wait(10)
        return [b"second"]

    client = serve(application).client().send(GET)
    assert b"first " in client.sock.recv(65_536)
    arrived.set()
    assert b"second" in client.sock.recv(65_536)


def test_large_content_arrives_whole(serve: Serve):
    """Content larger than any buffer arrives whole, in one piece or in many."""
    content = bytes(range(256)) * 40_000
    assert serve(answer([content])).ask().body == content
    assert serve(Answer([content[:9], content[9:]])).ask().body == content


def test_each_request_has_a_context_of_its_own(serve: Serve):
    """The current exchange is found by a context variable; nothing that a request sets is seen by the next."""
    seen: list[str | None] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        exchange = current.get()
        seen.append(exchange.request_id if exchange else None)
        assert environ["appliance.request_id"] == seen[-1]
        start_response("200 OK", [])
        return []

    served = serve(application)
    first, second = served.ask(), served.ask()
    assert seen == [first["X-Request-ID"], second["X-Request-ID"]]
    assert current.get() is None


def test_a_server_handler_runs_without_a_connection():
    """As wsgiref's, it serves plain file objects: input bounded by CONTENT_LENGTH, output a whole response."""
    environ = {"REQUEST_METHOD": "POST", "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": "3"}
    out = io.BytesIO()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("A", "b")])
        return [environ["wsgi.input"].read()]

    ServerHandler(io.BytesIO(b"abcdef"), out, io.StringIO(), environ).run(application)
    head, _, body = out.getvalue().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nA: b\r\n")
    assert body == b"abc"
