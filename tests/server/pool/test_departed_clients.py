"""Clients that left before a thread was free: only the requests of half-closed connections are run."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

import pytest

from appliance.server.pool.tables.connection_states import BUSY, PROBED
from appliance.server.wsgi.handler import WSGIRequestHandler
from tests.server.answers import Gate
from tests.server.served import PATIENCE_S, Client, Served, get, post
from tests.server.slow import until, until_late

Serve = Callable[..., Served]
REASON = "the client left before its request began"


class Seen(Gate):
    """A gate that remembers the paths."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.paths.append(environ["PATH_INFO"])
        return super().__call__(environ, start_response)


def occupied(serve: Serve, threads: int = 2, **options: Any) -> tuple[Served, Seen, list[Client]]:
    """A server whose threads are all at work."""
    seen = Seen()
    served = serve(seen, threads=threads, **options)
    blocked = [served.client().send(get("/wait")) for _ in range(threads)]
    for _ in blocked:
        assert seen.entered.acquire(timeout=PATIENCE_S)
    until_late(served)
    return served, seen, blocked


def reset(client: Client) -> None:
    """Close with RST."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


def close_all(connections: list[tuple[socket.socket, bytes]]) -> None:
    """Nobody else serves them."""
    for connection, _ in connections:
        connection.close()


@pytest.mark.parametrize("leave", [Client.close, reset])
@pytest.mark.parametrize("request_", [get("/gone", "X-Request-ID: theirs"), post(b"abc", path="/gone")])
def test_departed_requests_are_not_run(serve: Serve, leave: Callable[[Client], None], request_: bytes):
    """Each of twenty that closed while all threads were busy has one line, and the application sees none."""
    served, seen, blocked = occupied(serve)
    for _ in range(20):
        leave(served.client().send(request_))
    seen.opened.set()
    for client in blocked:
        assert client.response().body == b"done"
    records = served.sink.wait(
        lambda: len(served.sink.records) >= 22 and [each for each in served.sink.records if each["path"] == "/gone"]
    )
    assert [(each["event"], each["status"], each["reason"]) for each in records] == [
        ("request.aborted", None, REASON)
    ] * 20
    assert records[0]["request_id"] == "theirs" or records[0]["method"] == "POST"
    assert "/gone" not in seen.paths
    assert served.ask(get("/next")).body == b"done"
    assert len(served.sink.records) <= 23


def test_requests_of_departed_clients_on_kept_connections_are_not_run(serve: Serve):
    """A client that leaves a connection on which it was served before is treated the same."""
    seen = Seen()
    served = serve(seen, threads=1)
    kept = [served.client() for _ in range(5)]
    for client in kept:
        assert client.ask(get("/first")).body == b"done"
    blocked = served.client().send(get("/wait"))
    assert seen.entered.acquire(timeout=PATIENCE_S)
    until_late(served)
    for client in kept:
        client.send(get("/gone")).close()
    seen.opened.set()
    assert blocked.response().body == b"done"
    served.sink.wait(lambda: len(served.sink.records) == 11)
    assert "/gone" not in seen.paths


def test_the_rest_of_a_pipeline_is_not_run(serve: Serve):
    """Requests after one whose client has left are not run, and have one line."""
    seen = Seen()
    served = serve(seen)
    client = served.client().send(get("/wait") + get("/behind") + get("/last"))
    assert seen.entered.acquire(timeout=PATIENCE_S)
    until(served, lambda: (leader := served.leader()) is not None and not leader.busy)
    (connection,) = served.connections(BUSY)
    reset(client)
    poller = select.poll()
    poller.register(connection.wire.sock, 0)  # errors are always told
    assert poller.poll(PATIENCE_S * 1000)
    seen.opened.set()
    served.sink.wait(lambda: [each for each in served.sink.records if each["event"] == "request.aborted"])
    assert served.ask(get("/next")).body == b"done"
    assert seen.paths == ["/wait", "/next"]


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_a_client_that_closed_its_half_is_served(serve: Serve, version: str):
    """A client that closed its own half while all threads were busy gets its whole answer (RFC 9112, 9.6)."""
    served, seen, blocked = occupied(serve)
    halves = [served.client().send(get(f"/{number}", version=version)).half_close() for number in range(6)]
    seen.opened.set()
    for client in blocked:
        assert client.response().body == b"done"
    for client in halves:
        response = client.response()
        assert (response.status, response.body, response.line) == (200, b"done", "HTTP/1.1 200 OK")
        assert client.rest() == b""
    served.sink.wait(lambda: len(served.sink.records) == 8)
    assert {each["event"] for each in served.sink.records} == {"request.finished"}


@pytest.mark.parametrize("path", ["/chunked", "/large", "/boom", "/file", "/refused"])
def test_every_kind_of_answer_is_whole(serve: Serve, path: str, tmp_path: Any):
    """An answer of which the first bytes were sent before it was known is not broken by that."""
    large = b"x" * 300_000
    (tmp_path / "file").write_bytes(large)
    gate = Gate()

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/wait":
            return gate(environ, start_response)
        if environ["PATH_INFO"] == "/boom":
            raise LookupError("asked to")
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/file":
            return environ["wsgi.file_wrapper"]((tmp_path / "file").open("rb"))
        return iter([b"x"] * 300) if environ["PATH_INFO"] == "/chunked" else [large]

    served = serve(application, threads=1)
    blocked = served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=PATIENCE_S)
    request = get(path) if path != "/refused" else b"GET /refused HTTP/1.1\r\n\r\n"
    client = served.client().send(request).half_close()
    until(served, lambda: served.leader() is None)
    gate.opened.set()
    assert blocked.response().status == 200
    response = client.response()
    status, body = {"/boom": (500, None), "/refused": (400, None), "/chunked": (200, b"x" * 300)}.get(
        path, (200, large)
    )
    assert response.status == status
    assert body is None or response.body == body


def test_a_drain_passes_or_answers_a_probed_client(serve: Serve):
    """A connection whose client may have left is answered, whatever becomes of its server."""
    served, seen, blocked = occupied(serve, threads=1)
    half = served.client().send(get("/half")).half_close()
    seen.opened.set()
    assert blocked[0].response().body == b"done"
    until(served, lambda: served.connections(PROBED) or len(served.sink.records) == 2)
    served.server.drain(close_all)
    assert half.response().body == b"done"
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()


def test_a_handler_class_of_ones_own_has_the_line(serve: Serve):
    """A handler that overrides log_request gets the line of a request that was not run."""
    lines: list[tuple[str, str]] = []

    class Logging(WSGIRequestHandler):
        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            lines.append((str(code), self.requestline))

    served, seen, blocked = occupied(serve, RequestHandlerClass=Logging)
    served.client().send(get("/gone")).close()
    seen.opened.set()
    for client in blocked:
        assert client.response().body == b"done"
    until(served, lambda: ("-", "GET /gone HTTP/1.1") in lines)


def test_what_is_not_a_request_has_a_line_too(serve: Serve):
    """Bytes that are not a request, from a client that has left, are logged as they came."""
    served, seen, _ = occupied(serve)
    served.client().send(b"NO REQUEST\r\n\r\n").close()
    seen.opened.set()
    record = served.sink.wait(lambda: [each for each in served.sink.records if each["event"] == "request.aborted"])[0]
    assert record["reason"] == REASON


def test_taken_connections_are_looked_at_twice(serve: Serve):
    """A connection that waited elsewhere, and whose client has left, is not run here."""
    served = serve(seen := Seen())
    assert [served.ask().body for _ in range(2)] == [b"done"] * 2
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        client = socket.create_connection(elsewhere.getsockname())
        theirs, _ = elsewhere.accept()
        client.close()
        served.server.take([(theirs, get("/gone"))])
    record = served.sink.wait(lambda: [each for each in served.sink.records if each["path"] == "/gone"])[0]
    assert (record["event"], record["reason"]) == ("request.aborted", REASON)
    assert seen.paths == ["/", "/"]
