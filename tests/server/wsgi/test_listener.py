"""``WSGIServer`` and ``ThreadedWSGIServer``: connections as ``socketserver`` hands them out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Any

import pytest

from appliance.server.http.limits import Limits
from appliance.server.wsgi.handler import WSGIRequestHandler
from appliance.server.wsgi.listener import ThreadedWSGIServer, WSGIServer
from tests.server.served import Client, get

Start = Callable[[type[WSGIServer], Any], Client]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers of a class, each with a client; they end with the test."""
    with ExitStack() as stack:

        def start(kind: type[WSGIServer], application: Any) -> Client:
            server = kind(("127.0.0.1", 0), WSGIRequestHandler)
            server.set_app(application)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            for end in (server.server_close, thread.join, server.shutdown):
                stack.callback(end)
            client = Client(server.socket.getsockname())
            stack.callback(client.close)
            return client

        yield start


def named(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answers with a header, as a usual application does."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]


def test_one_at_a_time_keeps_nobody_waiting(start: Start):
    """A server of one connection at a time closes each after its response, and says so, also to pipelining clients."""
    client = start(WSGIServer, named)
    response = client.ask(get() + get("/behind"))
    assert (response["Connection"], response.body) == ("close", b"served")
    assert client.rest() == b""


def test_a_client_that_does_not_hang_up_keeps_nobody_waiting(start: Start):
    """A client that has its answer and stays is waited for shortly, not as long as one that may still be sending."""
    first = start(WSGIServer, named)
    assert first.ask(get()).body == b"served"
    began = monotonic()
    others = [Client(first.sock.getpeername()) for _ in range(3)]
    for other in others:
        assert other.ask(get()).body == b"served"
    assert monotonic() - began < len(others) * Limits().linger_s
    for other in others:
        other.close()


def test_a_thread_a_connection_keeps_it(start: Start):
    """A server with a thread a connection serves one request after another on it."""
    client = start(ThreadedWSGIServer, named)
    for _ in range(3):
        response = client.ask(get())
        assert (response["Connection"], response.body) == (None, b"served")
