"""Clients that are slow, or stop: how long a running appliance waits for each, and how it answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.live.live_appliance import Appliance

LIMIT_S = 1.0
SLACK_S = 4.0  # the server looks once a second; the rest is for machines that are busy
ECHO = """
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body or b"nothing"]
"""
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: slow\r\nConnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: slow\r\n"


@pytest.fixture
def appliance(start: Callable[..., Appliance], project) -> Appliance:
    """One that waits for a second."""
    (project / "app.py").write_text(ECHO, encoding="utf-8")
    limits = {f"APPLIANCE_{name}_TIMEOUT_S": str(LIMIT_S) for name in ("HEADER", "BODY", "IDLE")}
    appliance = start(**limits)
    appliance.wait_for("worker.ready")
    return appliance


@pytest.fixture
def client(appliance: Appliance) -> Iterator[socket.socket]:
    """A connection."""
    with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as sock:
        yield sock


def rest(sock: socket.socket) -> bytes:
    """All until the server ends it."""
    answer = b""
    while part := sock.recv(65_536):
        answer += part
    return answer


def test_a_head_that_comes_byte_by_byte_is_served(appliance: Appliance, client: socket.socket):
    """A head that comes in time is served, in however many pieces."""
    for byte in HEAD:
        client.sendall(bytes([byte]))
        threading.Event().wait(0.002)
    assert rest(client).startswith(b"HTTP/1.1 200 OK")
    assert appliance.wait_for("request.finished")["request_id"] == "slow"


@pytest.mark.whole
@pytest.mark.parametrize(
    ("sent", "named"),
    [
        (HEAD[:-1], False),
        (POST + b"Content-Length: 10\r\n\r\nabc", True),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", True),
    ],
    ids=["head", "length", "chunked"],
)
def test_a_client_that_stops_is_answered(appliance: Appliance, client: socket.socket, sent: bytes, *, named: bool):
    """A head or a body that stops coming is answered with 408 when its time is up, not before, and has one line."""
    began = time.monotonic()
    client.sendall(sent)
    answer = rest(client)
    assert LIMIT_S * 0.9 < time.monotonic() - began < LIMIT_S + SLACK_S
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nConnection: close\r\n" in answer
    refused = appliance.wait_for("request.refused")
    assert refused["http.response.status_code"] == 408
    assert (refused["request_id"] == "slow") is named
    assert appliance.get()[1] == b"nothing"


def test_a_head_that_trickles_beyond_its_time_is_refused(appliance: Appliance, client: socket.socket):
    """A head that goes on for longer than its time is refused, though a byte comes again and again."""
    over = threading.Event()

    def trickle() -> None:
        try:
            client.sendall(HEAD[:-2])
            while not over.wait(0.1):
                client.sendall(b"X: y\r\n")
        except OSError:
            pass  # the server has ended it

    thread = threading.Thread(target=trickle)
    began = time.monotonic()
    thread.start()
    answer = client.recv(65_536)
    over.set()
    thread.join()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < LIMIT_S + SLACK_S


def test_idle_connections_end_without_an_answer(appliance: Appliance, client: socket.socket):
    """A connection on which nothing is said ends after a while, without an answer or a line."""
    assert rest(client) == b""
    appliance.stop()
    assert not [event for event in appliance.events if event["event"].startswith(("request.", "client."))]
