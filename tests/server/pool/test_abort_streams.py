"""The server ends a response without an end: it is closed, and recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from appliance.server.pool.abort_streams import abort_endless, is_endless
from tests.server.answers import Gate
from tests.server.served import Served, get

Serve = Callable[..., Served]


def test_an_event_stream_is_ended(serve: Serve):
    """A stream of events is cut off, and its record says that the server did it, and when."""
    sent, opened = threading.Event(), threading.Event()

    def app(_: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        yield b"data: x\n\n"
        sent.set()
        assert opened.wait(10)

    served = serve(app)
    client = served.client().send(get("/events"))
    assert sent.wait(10)
    before = time.time()
    abort_endless(served.threads())
    record = served.sink.record()
    assert client.rest().endswith(b"data: x\n\n\r\n")  # without the last chunk
    assert (record["path"], record["reason"]) == ("/events", "the server ended it")
    assert 0 < record["duration_us"] < 10_000_000
    assert before - 1 < record["ended_us"] / 1e6 < time.time() + 1
    abort_endless(served.threads())  # once more ends nothing more
    opened.set()
    served.sink.wait(lambda: not any(each.busy for each in served.threads()))
    assert len(served.sink.records) == 1


def test_a_taken_socket_is_ended(serve: Serve):
    """A WebSocket of the application's is ended with a close frame, "service restart" (1012), and recorded."""
    taken, opened = threading.Event(), threading.Event()

    def app(environ: dict[str, Any], _: Any) -> list[bytes]:
        sock = environ["werkzeug.socket"]
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        taken.set()
        assert opened.wait(10)
        return []

    served = serve(app)
    client = served.client().send(get("/socket", "Upgrade: websocket", "Connection: Upgrade"))
    assert taken.wait(10)
    (thread,) = [each for each in served.threads() if each.busy]
    assert is_endless(thread)
    abort_endless(served.threads())
    assert served.sink.record()["reason"] == "the server ended it"
    assert client.rest() == b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + b"\x88\x02\x03\xf4"
    opened.set()


def test_a_request_that_ends_by_itself_is_not_ended(serve: Serve):
    """A request that waits, or has not begun, is none of those that go on without an end."""
    gate = Gate()
    served = serve(gate)
    client = served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    assert not any(map(is_endless, served.threads()))
    abort_endless(served.threads())
    gate.opened.set()
    assert client.response().body == b"done"
    assert served.sink.record()["reason"] is None
