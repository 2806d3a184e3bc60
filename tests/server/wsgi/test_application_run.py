"""``ApplicationRun``: how a run ends that does not go well, without a connection, or with one that is only there."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.http.body import BodyError
from appliance.server.http.refusal import NO_CLIENT, RequestRefused
from appliance.server.wsgi import application_run
from appliance.server.wsgi.application_run import ClientGone
from appliance.server.wsgi.response import ServerHandler
from appliance.server.wsgi.streams import FileWire
from tests.server.answers import answer
from tests.server.served import GET
from tests.server.wsgi.connected_handler import Connected


class Gone(io.BytesIO):
    """The file of a client that has left."""

    def write(self, data: Any) -> int:
        """As a file's."""
        raise BrokenPipeError("the client has left")


class Left(FileWire):
    """A connection whose client has left, or is too slow; the kernel has taken nothing of so many bytes."""

    def __init__(self, unsent: int, error: OSError | None = None) -> None:
        super().__init__(None, None)
        self.unsent = unsent
        self.error = error or BrokenPipeError("the client has left")

    def send(self, data: bytes) -> None:
        """As a wire's."""
        raise self.error


class Sink:
    """A sink with both of its optional methods."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, object]]] = []
        self.needs: list[object] = []

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        """As a sink's."""
        self.events.append((level, event, fields))

    def page_context(self) -> dict[str, Any]:
        """As a sink's."""
        return {"known": "more"}

    def offer(self, needs: object) -> list[dict[str, Any]]:
        """As a sink's."""
        self.needs.append(needs)
        return [{"id": "one"}]


def made(out: io.BytesIO | FileWire | None = None, **environ: str) -> ServerHandler:
    """A run without a connection."""
    given = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1", **environ}
    return ServerHandler(io.BytesIO(), io.BytesIO() if out is None else out, io.StringIO(), given)


def connected(sink: object) -> ServerHandler:
    """A run whose connection only has this sink."""
    run = made()
    handler: Any = SimpleNamespace(server_context=SimpleNamespace(sink=sink))
    run.request_handler = handler
    exchange: Any = SimpleNamespace(request_id="abc")
    run.exchange = exchange
    return run


def raising(error: BaseException) -> Callable[..., Any]:
    """An application, or a part of one, that fails."""

    def application(*_: Any, **__: Any) -> Any:
        raise error

    return application


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_refusal_in_the_application_is_answered_plainly(method: str):
    """A refusal that comes while the application runs is its response, with its reason, and closes the connection."""
    run = made(out := io.BytesIO(), REQUEST_METHOD=method)
    run.persistent = True
    run.run(raising(RequestRefused(413, "the body is too large")))
    head, _, content = out.getvalue().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert content == (b"" if method == "HEAD" else b"413 Content Too Large: the body is too large\n")
    assert run.exchange is not None
    assert (run.exchange.event, run.exchange.status) == ("request.refused", 413)
    assert (run.exchange.reason, run.headers_sent, run.persistent) == ("the body is too large", True, False)


def test_a_refusal_that_no_client_reads_is_an_abort():
    """If the client has left before the answer of a refusal, the record says so."""
    run = made(Gone())
    run.run(raising(RequestRefused(413, "the body is too large")))
    assert run.exchange is not None
    assert (run.exchange.event, run.exchange.status) == ("request.aborted", 413)


@pytest.mark.parametrize(("unsent", "sent"), [(2, "1 byte"), (4, "0 bytes")])
def test_a_client_that_leaves_ends_the_application(unsent: int, sent: str):
    """The application gets the reason as an exception; its failure's page is not sent to a client that has left."""
    caught: list[ClientGone] = []

    def writes(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        try:
            write(b"abc")
        except ClientGone as error:
            caught.append(error)
            raise
        return []

    run = made(Left(unsent))
    run.persistent = True
    run.run(writes)
    assert [str(each) for each in caught] == ["the client has left"]
    assert run.exchange is not None
    assert (run.exchange.event, run.persistent) == ("request.aborted", False)
    assert run.exchange.reason == f"the client left after {sent} of the response"


def test_a_page_that_no_client_reads_is_an_abort():
    """If the application fails, and the client has left before the page, the record says both."""
    run = made(Gone())
    run.persistent = True
    run.run(raising(LookupError("in the application")))
    assert run.exchange is not None
    assert (run.exchange.event, run.exchange.reason, run.persistent) == ("request.aborted", NO_CLIENT, False)


def test_a_page_that_fails_too_is_replaced_by_a_line(monkeypatch: pytest.MonkeyPatch):
    """If even the page of a failure can't be made, the client gets one line, and both failures are logged."""
    logged: list[tuple[object, object]] = []
    second = MemoryError()
    monkeypatch.setattr(application_run, "failure_page", raising(second))
    monkeypatch.setattr(application_run, "log_failure", lambda run, error: logged.append((run, error)))
    run = made(out := io.BytesIO())
    run.persistent = True
    first = LookupError("in the application")
    run.run(raising(first))
    assert out.getvalue().endswith(b"the application failed, and its error's page did too\n")
    assert logged == [(run, first), (run, second)]
    assert run.persistent is False


def test_a_failure_after_the_head_closes_the_connection():
    """A failure in the middle of a response ends the connection: the client must see that the content is cut off."""

    def items(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "9")])
        yield b"abc"
        raise LookupError("in the application")

    run = made()
    run.run(items)
    assert run.persistent is False
    assert run.exchange is not None
    assert run.exchange.reason == "the application failed after 3 bytes of the response"


@pytest.mark.parametrize(("environ", "accept"), [({"HTTP_ACCEPT": "text/html"}, "text/html"), ({}, "")])
def test_a_page_is_of_the_kind_that_the_client_accepts(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], accept: str
):
    """The page of a failure is chosen by the request's Accept field, if there is one."""
    asked: list[str] = []

    def page(_run: object, _error: object, kind: str) -> tuple[list[tuple[str, str]], bytes]:
        asked.append(kind)
        return [], b"page"

    monkeypatch.setattr(application_run, "failure_page", page)
    run = made(out := io.BytesIO(), **environ)
    run.run(raising(LookupError("in the application")))
    assert asked == [accept]
    assert out.getvalue().endswith(b"\r\n\r\npage")


def test_an_event_of_a_run_has_its_request():
    """An event goes to the server's sink with the request's id; without a connection there is no sink to take it."""
    run = connected(sink := Sink())
    run.log_event("warning", "response.long", surplus=3)
    assert sink.events == [("warning", "response.long", {"surplus": 3, "request_id": "abc"})]
    run.exchange = None
    run.log_event("warning", "response.long", surplus=3)
    made().log_event("warning", "response.long", surplus=3)
    alone = made()
    alone.run(answer([b"x"]))
    alone.log_event("warning", "response.long", surplus=3)
    assert len(sink.events) == 1


def test_a_sink_may_know_more_for_a_page():
    """A sink's facts are on the page of a failure, and remedies are offered for its needs, if the sink has these."""
    run = connected(sink := Sink())
    assert run.page_context() == {"known": "more"}
    assert (run.offer({"module": "flask"}), run.offer(None)) == ([{"id": "one"}], [])
    assert sink.needs == [{"module": "flask"}]
    for other in (connected(object()), made()):
        assert (other.page_context(), other.offer({"module": "flask"})) == ({}, [])


def test_the_reason_of_a_slow_client_is_its_time():
    """A response that a client does not take in time has the reason of the send that has failed."""
    run = made(Left(0, TimeoutError("the client does not read")))
    run.run(answer([b"abc"]))
    assert run.exchange is not None
    assert (run.exchange.event, run.exchange.reason) == (
        "request.aborted",
        "the client does not read, 3 bytes into the response",
    )


def test_only_the_requests_own_body_refuses_it():
    """An error of another request's body, which the application raises, is a failure of the application."""
    run = made(out := io.BytesIO())
    run.run(raising(BodyError(413, "of another request")))
    assert out.getvalue().startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize(
    ("error", "logs"), [(LookupError(), True), (OSError(), False), (StopIteration(), False), (SystemExit(), False)]
)
def test_a_failure_after_a_hijack_is_only_logged(monkeypatch: pytest.MonkeyPatch, error: BaseException, logs: bool):
    """If the application has taken the socket, nothing is sent; its failure is logged, and its usual ends are not."""
    logged: list[tuple[object, object]] = []
    monkeypatch.setattr(application_run, "log_failure", lambda *args: logged.append(args))
    run = made(out := io.BytesIO())

    def hijacks(*_: object) -> list[bytes]:
        assert run.exchange is not None
        run.exchange.hijacked = True
        raise error

    run.run(hijacks)
    assert out.getvalue() == b""
    assert logged == ([(run, error)] if logs else [])


def in_parts(_environ: dict[str, Any], start_response: Any) -> Any:
    """An application whose content comes in two parts."""
    start_response("200 OK", [])
    yield b"ab"
    yield b"c"


def test_the_record_of_a_stream_has_its_first_byte_and_its_end():
    """A streamed response is recorded once, with its size, its duration, and the time of its first byte alone."""
    connected = Connected(in_parts)
    connected.serve(GET)
    exchange = connected.handler.exchange
    assert exchange is not None
    assert exchange.started <= exchange.answered < exchange.finished
    (record,) = connected.sink.records
    assert (record["body_size"], record["status"]) == (3, 200)
    answered = exchange.answered
    assert record["first_byte_us"] == int((answered - exchange.started) * 1_000_000)
    connected.close()


@pytest.mark.parametrize(
    ("background", "sending", "logs"), [(False, True, True), (True, True, False), (True, False, True)]
)
def test_a_record_is_written_when_all_is_sent(
    monkeypatch: pytest.MonkeyPatch, background: bool, sending: bool, logs: bool
):
    """A response whose rest is sent in the background has its record from there, unless nothing is left to send."""
    asked: list[tuple[object, ...]] = []

    def end_when_sent(*args: object) -> bool:
        asked.append(args)
        return sending

    monkeypatch.setattr(application_run, "end_when_sent", end_when_sent)
    connected = Connected(in_parts)
    outgoing: Any = SimpleNamespace()
    connected.handler.wire.outgoing = outgoing if background else None
    connected.serve(GET)
    assert asked == ([(connected.handler, connected.handler.exchange, 3)] if background else [])
    assert len(connected.sink.records) == logs
    connected.close()
