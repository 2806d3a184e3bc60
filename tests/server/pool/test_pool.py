"""The pooled server: connections, threads, and its own life."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from appliance.server.http.limits import Limits
from tests.server.answers import Gate
from tests.server.served import GET, Client, Echo, Served, get, post

Serve = Callable[..., Served]


def test_serves_a_request(serve: Serve):
    """A request is answered, and its record says what happened."""
    served = serve()
    response = served.ask(get("/a%20b?c=d", "User-Agent: probe"))
    assert (response.status, response.body) == (200, b"/a b")
    record = served.sink.record()
    assert record["event"] == "request.finished"
    assert (record["method"], record["path"], record["query"]) == ("GET", "/a%20b", "c=d")
    assert (record["status"], record["body_size"], record["version"]) == (200, 4, "1.1")
    assert (record["client_address"], record["user_agent"]) == ("127.0.0.1", "probe")
    assert record["server_port"] == served.address[1]
    assert 0 <= record["first_byte_us"] <= record["duration_us"]
    assert record["request_id"] == response["X-Request-ID"]


def test_serves_pipelined_requests_in_order(serve: Serve):
    """Requests that arrive together are answered in their order (RFC 9112, 9.3.2)."""
    client = serve().client().send(b"".join(get(f"/{number}") for number in range(20)))
    assert [client.response().body for _ in range(20)] == [b"/%d" % number for number in range(20)]


def test_pipelined_requests_let_other_clients_in(serve: Serve):
    """A client that sends many requests at once keeps nobody waiting for all of them."""
    seen: list[str] = []
    begun, opened = threading.Event(), threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["PATH_INFO"])
        begun.set()
        assert opened.wait(10)
        start_response("200 OK", [])
        return [b""]

    served = serve(app, threads=1)
    greedy = served.client().send(b"".join(get(f"/{number}") for number in range(50)))
    assert begun.wait(10)
    other = served.client().send(get("/other"))
    opened.set()
    assert other.response().status == 200
    assert [greedy.response().status for _ in range(50)] == [200] * 50
    assert seen.index("/other") < 5


def test_one_blocked_request_does_not_block_another(serve: Serve):
    """While one request waits, others are answered, each in a thread that is free."""
    gate = Gate()
    served = serve(gate)
    blocked = served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    assert served.ask().body == b"done"
    gate.opened.set()
    assert blocked.response().body == b"done"


def test_no_more_requests_run_at_once_than_threads(serve: Serve):
    """With all threads at work, a request waits for one of them, and is answered.

    That it does not run beside them is asserted in virtual time: see ``test_interleavings``.
    """
    gate = Gate()
    served = serve(gate, threads=2)
    blocked = [served.client().send(get("/wait")) for _ in range(2)]
    for _ in blocked:
        assert gate.entered.acquire(timeout=10)
    third = served.client().send(get("/wait"))
    gate.opened.set()
    assert [client.response().status for client in [*blocked, third]] == [200, 200, 200]


def test_one_thread_is_always_the_same(serve: Serve):
    """With threads=1 the application never changes threads."""
    gate = Gate()
    gate.opened.set()
    served = serve(gate, threads=1)
    for _ in range(5):
        assert served.ask(get("/wait")).status == 200
    assert len(set(gate.threads)) == 1
    assert gate.threads[0] != threading.get_ident()


def test_a_thousand_idle_connections_cost_no_thread(serve: Serve):
    """Idle connections are parked: a thousand of them beside a working one need no thread each."""
    others = threading.active_count()  # threads of earlier tests may be ending
    served = serve()
    idle = [socket.create_connection(served.address) for _ in range(1000)]
    try:
        before = threading.active_count()
        assert before < others + 15
        assert served.ask().status == 200
        assert threading.active_count() <= before + 1
    finally:
        for connection in idle:
            connection.close()


def test_a_slow_head_occupies_no_thread(serve: Serve):
    """Connections that sent half a head are parked, more of them than there are threads."""
    served = serve(threads=1)
    slow = [served.client().send(b"GET / HTTP/1.1\r\nHo") for _ in range(4)]
    assert served.ask().status == 200
    assert slow[0].send(b"st: localhost\r\n\r\n").response().status == 200


def test_a_head_that_does_not_come_is_408(serve: Serve):
    """A head that was begun must be ended in time (RFC 9110, 15.5.9); the refusal is recorded."""
    served = serve(limits=Limits(header_timeout_s=0.05))
    client = served.client().send(b"GET / HTTP/1.1\r\n")
    response = client.response()
    assert response.status == 408
    assert client.rest() == b""
    record = served.sink.record()
    assert (record["event"], record["request_id"]) == ("request.refused", response["X-Request-ID"])
    assert record["duration_us"] >= 50_000  # from the first byte of the head


def test_an_idle_connection_is_closed_silently(serve: Serve):
    """Between requests a connection may be idle for so long; then it ends, and that is not logged."""
    served = serve(limits=Limits(idle_timeout_s=0.05))
    client = served.client()
    assert client.ask().status == 200
    assert client.rest() == b""
    assert len(served.sink.records) == 1
    assert served.sink.events == []


def test_a_client_may_close_its_half(serve: Serve):
    """A client that sent its request and then its FIN gets the whole response (RFC 9112, 9.6)."""
    client = serve().client().send(GET).half_close()
    assert client.response().status == 200
    assert client.rest() == b""


def test_records_are_flushed_before_the_server_waits(serve: Serve):
    """A sink's records are flushed soon after a request, though no other follows."""
    served = serve()
    assert served.ask().status == 200
    served.sink.record()
    before = served.sink.flushes
    assert served.ask().status == 200
    served.sink.wait(lambda: served.sink.flushes > before)


def test_busy_counts_what_is_in_flight(serve: Serve):
    """``busy`` is the number of requests that an application has."""
    gate = Gate()
    served = serve(gate)
    assert served.server.busy == 0
    client = served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    assert served.server.busy == 1
    gate.opened.set()
    client.response()


def test_connections_that_ask_for_it_are_closed(serve: Serve):
    """Connection: close ends the connection after the response, which says so (RFC 9112, 9.6)."""
    client = serve().client()
    response = client.ask(get("/", "Connection: close"))
    assert response["Connection"] == "close"
    assert client.rest() == b""


def test_clients_that_reset_do_no_harm(serve: Serve):
    """A client that resets its connection, before or within a request, leaves the server as it was."""
    served = serve()
    for data in (b"", b"GET / HTT", post(b"abc")[:-1]):
        client = served.client().send(data)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    assert served.ask().status == 200


def test_unix_sockets_are_served_too(tmp_path: Any):
    """A listening socket need not be TCP."""
    from appliance.server.pool.pool import PooledWSGIServer  # noqa: PLC0415
    from tests.server.served import Recorder  # noqa: PLC0415

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    listener.listen()
    server = PooledWSGIServer(listener, Echo(), sink=Recorder())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    sock.connect(str(tmp_path / "socket"))
    client = Client.of(sock)
    assert client.ask().status == 200
    client.close()
    server.stop()
    thread.join(10)
    listener.close()


class BrokenHold:
    """Fails for the first connection it is asked about."""

    def __init__(self) -> None:
        self.asked = 0

    def answer_at(self, accepted_at: float, _: socket.socket) -> float:
        self.asked += 1
        if self.asked == 1:
            raise RecursionError("asked too often")
        return accepted_at


def test_survives_a_connection_that_cannot_be_looked_at(serve: Serve):
    """A connection that can't be looked at is closed and logged with its traceback; the thread goes on."""
    served = serve(threads=1)
    served.server.hold = BrokenHold()
    assert served.client().rest() == b""
    assert "RecursionError: asked too often" in str(served.sink.wait_for("connection.failed")["traceback"])
    assert served.sink.wait_for("connection.failed")["client.address"] == "127.0.0.1"
    assert [served.ask().status for _ in range(2)] == [200, 200]
    assert [event for _, event, _ in served.sink.events] == ["connection.failed"]


def test_survives_an_application_that_interrupts(serve: Serve):
    """KeyboardInterrupt in a thread of the pool ends the request's connection, not the thread."""

    def interrupt(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/stop":
            raise KeyboardInterrupt
        start_response("200 OK", [])
        return [b"done"]

    served = serve(interrupt, threads=1)
    assert served.ask(get("/stop")).status == 500
    assert served.ask().body == b"done"
    assert "connection.failed" not in [event for _, event, _ in served.sink.events]  # application.failed tells it
