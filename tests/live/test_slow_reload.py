"""Slow clients over a reload: what is being sent is sent within the grace, what has not begun is the new worker's."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance

pytestmark = pytest.mark.whole

SIZE = 10_000_000
COUNT = 20
PAGE = """
WORD = "one"

def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/large":
        return [WORD.encode() * 3_500_000]
    return [WORD.encode() + b" %d" % len(body)]
"""
Connect = Callable[[bytes], socket.socket]


@pytest.fixture
def connect() -> Iterator[Callable[[Appliance, bytes], socket.socket]]:
    """Make connections that send something."""
    with ExitStack() as stack:

        def to(appliance: Appliance, data: bytes) -> socket.socket:
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", appliance.port), timeout=30))
            sock.sendall(data)
            return sock

        yield to


def answered(sock: socket.socket) -> bytes:
    """All until the server ends it, or until there was a word and a number."""
    data = b""
    while part := sock.recv(1 << 20):
        data += part
        if data.endswith((b" 6", b" 0")):
            break
    return data


def test_slow_readers_get_the_old_answer(
    start: Callable[..., Appliance], project: Path, connect: Callable[[Appliance, bytes], socket.socket]
):
    """A reload takes no longer for them; who reads on within the grace gets all, the others have a line each."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start(APPLIANCE_GRACE_S="3")
    appliance.wait_for("worker.ready")
    request = b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    readers = [connect(appliance, request) for _ in range(COUNT)]
    firsts = [reader.recv(1) for reader in readers]
    appliance.edit("app.py", PAGE.replace("one", "two"))
    appliance.wait_for("reload.finished")
    assert "request.aborted" not in {event["event"] for event in appliance.events}
    assert appliance.get()[1] == b"two 0"
    got = firsts[0] + answered(readers[0])
    assert got.endswith(b"one" * 3_500_000)
    aborted = [appliance.wait_for("request.aborted", within_s=20) for _ in range(COUNT - 1)]
    assert {event["url.path"] for event in aborted} == {"/large"}
    assert len({event["request_id"] for event in aborted}) == COUNT - 1
    assert appliance.get()[1] == b"two 0"


def test_slow_senders_get_the_new_answer(
    start: Callable[..., Appliance], project: Path, connect: Callable[[Appliance, bytes], socket.socket]
):
    """A request that waits for its body without a thread is served by the new worker, with all that came before."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start(APPLIANCE_THREADS="1")
    appliance.wait_for("preload.ready")  # a cold start may take a second, and then such requests get the page
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n"
    senders = [connect(appliance, head + b"abc") for _ in range(COUNT)]
    appliance.catch_up()
    appliance.edit("app.py", PAGE.replace("one", "two"))
    appliance.wait_for("reload.finished")
    for sender in senders:
        sender.sendall(b"def")
    assert {answered(sender).rpartition(b"\r\n\r\n")[2] for sender in senders} == {b"two 6"}
