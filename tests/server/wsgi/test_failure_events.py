"""``ServerHandler``: an application that breaks the rules, or fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.server.wsgi import application_run
from tests.server.answers import Answer, answer
from tests.server.served import GET, Served, get, post

Serve = Callable[..., Served]
START = tuple[str, list[tuple[str, str]]]


BAD = {
    "status type": (b"200 OK", []),
    "status form": ("200", []),
    "status letters": ("2xx OK", []),
    "status 1xx": ("100 Continue", []),
    "status control": ("200 OK\r\nX: y", []),
    "status charset": ("200 \u20ac", []),
    "status unhashable": ([], []),
    "headers type": ("200 OK", (("A", "b"),)),
    "headers pair": ("200 OK", [("A", "b", "c")]),
    "headers not pairs": ("200 OK", ["A: b"]),
    "headers of two letters": ("200 OK", ["Ab"]),
    "name type": ("200 OK", [(b"A", "b")]),
    "name empty": ("200 OK", [("", "b")]),
    "name colon": ("200 OK", [("A:", "b")]),
    "name space": ("200 OK", [("A ", "b")]),
    "value type": ("200 OK", [("A", 5)]),
    "value bytes": ("200 OK", [("A", b"b")]),
    "value CRLF": ("200 OK", [("A", "b\r\nSet-Cookie: c=d")]),
    "value LF": ("200 OK", [("A", "b\nC: d")]),
    "value CR": ("200 OK", [("A", "b\rC: d")]),
    "value NUL": ("200 OK", [("A", "b\0")]),
    "value DEL": ("200 OK", [("A", "b\x7f")]),
    "value charset": ("200 OK", [("A", "\u20ac")]),
    "length form": ("200 OK", [("Content-Length", "+5")]),
    "length type": ("200 OK", [("Content-Length", 5)]),
    "length bytes": ("200 OK", [("Content-Length", b"7")]),
    "length twice": ("200 OK", [("Content-Length", "5"), ("Content-Length", "6")]),
    "hop by hop": ("200 OK", [("Transfer-Encoding", "chunked")]),
    "hop by hop too": ("200 OK", [("Keep-Alive", "timeout=5")]),
    "upgrade": ("200 OK", [("Upgrade", "h2c")]),
    "connection": ("200 OK", [("Connection", "Upgrade")]),
}


@pytest.mark.parametrize("start", BAD.values(), ids=BAD.keys())
def test_what_is_not_a_response_is_refused(serve: Serve, start: START):
    """A malformed status or header is the application's failure: 500, nothing of it on the wire (PEP 3333)."""
    served = serve(answer([b"content"], *start))
    response = served.ask()
    assert response.status == 500
    assert response["Set-Cookie"] is None
    assert served.sink.wait_for("application.failed")["request_id"] == response["X-Request-ID"]


@pytest.mark.parametrize("value", [7, None, b"7"])
def test_a_length_of_another_type_is_named(serve: Serve, value: Any):
    """The failure says which header's value must be a str, also of a header that the server reads itself."""
    served = serve(answer([b"content"], headers=[("Content-Length", value)]))
    served.ask()
    error = str(served.sink.wait_for("application.failed")["error"])
    assert "must be str" in error
    assert f"('Content-Length', {value!r})" in error


def test_hop_by_hop_headers_are_named(serve: Serve):
    """The failure names the header that is the server's (PEP 3333)."""
    served = serve(answer([b""], headers=[("Keep-Alive", "5")]))
    served.ask()
    assert "Keep-Alive" in str(served.sink.wait_for("application.failed")["error"])


def test_a_failure_before_the_response_is_a_page(serve: Serve):
    """An exception is a 500 with its traceback in the client's format, one event, one record; the connection stays."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise LookupError("<nowhere>")

    served = serve(application)
    client = served.client()
    page = client.ask(get("/", "Accept: text/html"))
    assert (page.status, page["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert b"LookupError: &lt;nowhere&gt;" in page.body
    assert b"<nowhere>" not in page.body
    assert client.ask(get("/", "Accept: application/json"))["Content-Type"] == "application/problem+json"
    assert b"LookupError: <nowhere>" in client.ask().body
    reported = served.sink.wait_for("application.failed")
    assert reported["error"] == "LookupError: <nowhere>"
    assert reported["file"] == __file__
    assert "application" in str(reported["traceback"])
    assert "server/wsgi/response.py" not in str(reported["traceback"])
    assert (served.sink.record()["status"], served.sink.record()["event"]) == (500, "request.finished")


def test_a_failure_may_replace_a_response_that_was_not_sent(serve: Serve):
    """start_response with exc_info replaces what was not sent, and raises what was (PEP 3333)."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("A", "b")])
        try:
            int("no number")
        except ValueError:
            start_response("500 Oops", [("C", "d")], exc_info=sys.exc_info())  # by name, as wsgiref lets it
        return [b"replaced"]

    response = serve(application).ask()
    assert (response.status, response["A"], response["C"], response.body) == (500, None, "d", b"replaced")


def test_start_response_may_not_be_called_twice(serve: Serve):
    """The second call without exc_info is a failure (PEP 3333)."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    assert serve(application).ask().status == 500


@pytest.mark.parametrize("items", [["text"], [5], [None], [b"a", "b"], "text"])
def test_content_must_be_bytes(serve: Serve, items: Any):
    """Content that is not bytes is a failure, in a list or not (PEP 3333)."""
    assert serve(answer(items)).ask().status == 500


def test_an_application_must_start_its_response(serve: Serve):
    """Content without start_response is a failure, and so is a response without content (PEP 3333)."""
    for items in ([b"content"], []):

        def application(environ: dict[str, Any], start_response: Any, items: list[bytes] = items) -> list[bytes]:
            return items

        served = serve(application)
        assert served.ask().status == 500
        assert "start_response" in str(served.sink.wait_for("application.failed")["error"])


def test_a_failure_within_the_content_cuts_it_off(serve: Serve):
    """A generator that fails mid-way leaves an incomplete message, never a complete one; it is logged (RFC 9112, 8)."""

    def items() -> Iterator[bytes]:
        yield b"part"
        raise LookupError("mid-way")

    served = serve(Answer(items()))
    data = served.client().send(GET).rest()
    assert data.endswith(b"4\r\npart\r\n")
    assert served.sink.wait_for("application.failed")
    assert "after 4 bytes" in served.sink.record()["reason"]


def test_exit_in_an_application_is_a_failure(serve: Serve):
    """sys.exit in an application ends its request, not the server."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise SystemExit(3)

    served = serve(application)
    assert served.ask().status == 500
    assert served.ask().status == 500


def test_the_iterable_is_closed_once(serve: Serve):
    """close() is called exactly once: after success, after a failure, for HEAD, for a client that left (PEP 3333)."""

    def failing() -> Iterator[bytes]:
        yield b"part"
        raise LookupError("mid-way")

    for items, request in (([b"a"], GET), (failing(), GET), ([b"a", b"b"], get(method="HEAD")), (["text"], GET)):
        application = Answer(items)
        served = serve(application)
        served.client().send(request).half_close().rest()
        served.sink.record()
        assert application.was_closed.wait(10)
        assert application.closed == 1


def test_a_failing_close_is_reported(serve: Serve):
    """An exception in close() comes too late for the response, and is an event."""

    class Closing(Answer):
        def close(self) -> None:
            raise LookupError("in close")

    served = serve(Closing([b"a"]))
    assert served.ask().body == b"a"
    assert served.sink.wait_for("application.failed")["error"] == "LookupError: in close"


def test_a_client_that_leaves_is_recorded(serve: Serve):
    """A client that leaves within the response is an aborted request, with how far it was."""
    left = threading.Event()

    def items() -> Iterator[bytes]:
        yield b"part"
        assert left.wait(10)
        while True:
            yield b"x" * 65_536

    application = Answer(items())
    served = serve(application)
    client = served.client().send(GET)
    assert client.sock.recv(65_536)
    client.close()
    left.set()
    record = served.sink.record()
    assert (record["event"], record["status"]) == ("request.aborted", 200)
    assert "the client left after" in record["reason"]
    assert served.sink.events == []


def test_the_body_s_fault_is_not_the_application_s(serve: Serve):
    """A body that is malformed, or cut off, is a 400, though the application lets the error become its own 500."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            environ["wsgi.input"].read()
        except OSError:
            start_response("500 Internal Server Error", [])
            return [b"my fault"]
        raise AssertionError

    served = serve(application)
    request = get("/", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n"
    assert served.ask(request).status == 400
    assert served.client().send(post(b"abc")[:-1]).half_close().response().status == 400
    served.sink.record(1)
    assert served.sink.events == []
    assert [record["event"] for record in served.sink.records] == ["request.refused", "request.aborted"]


def test_checks_hold_without_asserts():
    """Control characters in headers are refused under python -O too."""
    program = (
        "from appliance.server.http.response.response_head import ResponseHeads\n"
        "heads = ResponseHeads('x')\n"
        "for check in (lambda: heads.fields([('A', 'b\\nC: d')]), lambda: heads.statuses['200 OK\\r']):\n"
        "    try: check()\n"
        "    except AssertionError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-O", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\nrefused\n"


def test_a_failure_without_words_is_a_page_too(serve: Serve):
    """An exception whose own ``str()`` fails is logged and answered as any other."""

    class Wordless(Exception):  # noqa: N818  it is named for what it lacks
        def __str__(self) -> str:
            raise RuntimeError

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise Wordless

    client = (served := serve(application)).client()
    assert [client.ask().status, client.ask().status] == [500, 500]
    assert "Wordless" in str(served.sink.wait_for("application.failed")["error"])


def test_a_failing_page_is_answered_plainly(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    """A client gets a status if the answer to a failure fails too (RFC 9110, 15.6.1)."""

    def fail(*args: object) -> tuple[list[tuple[str, str]], bytes]:
        raise RuntimeError("no page")

    monkeypatch.setattr(application_run, "failure_page", fail)
    client = serve(answer([b""], status=b"bad")).client()
    response = client.ask(GET + GET)
    assert (response.status, response["Connection"], client.rest()) == (500, "close", b"")


def test_nothing_is_written_after_a_response(serve: Serve):
    """Bytes written after the end of a response are refused: they would be the next response (RFC 9112, 6.3)."""
    writes: list[Any] = []

    class Late(Answer):
        def close(self) -> None:
            writes[-1](b"late")

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if writes:
            with pytest.raises(AssertionError, match="ended"):
                writes[-1](b"late")
        writes.append(start_response("200 OK", []))
        return Late([b"a", b"b"])

    client = (served := serve(application)).client()
    assert [client.ask().body, client.ask().body] == [b"ab", b"ab"]
    assert "ended" in str(served.sink.wait_for("application.failed")["error"])
