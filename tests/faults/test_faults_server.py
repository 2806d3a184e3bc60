"""The server when the system refuses it a thread, a descriptor, a connection, to receive or to send: once, always."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from typing import Any

import pytest

from tests.faults import faulty_sockets
from tests.faults.faulty_sockets import LARGE, Serve
from tests.faults.injections import NO_DESCRIPTOR, NO_THREAD, Faults
from tests.server.answers import Gate
from tests.server.served import GET, get

serve = faulty_sockets.serve  # a fixture
NO_ACCEPT = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]  # until there is room again
NO_CONNECTION = [errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.EHOSTUNREACH]  # the one that was next
RECEIVE = [errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENOMEM, errno.ENOBUFS, errno.EBADF]
SEND = [errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.ENOBUFS, errno.ENOMEM, errno.EBADF]


# -- threads


@pytest.mark.usefixtures("thread_faults")
def test_one_thread_serves_all_requests_if_no_other_can_start(serve: Serve, faults: Faults):
    """If no other thread can start, requests are served one after another by the only one, with one event."""
    faults.plan("request", NO_THREAD)
    served = serve()
    assert [served.ask(get(f"/{number}")).body for number in range(5)] == [b"/%d" % number for number in range(5)]
    client = served.client()
    assert [client.ask().status for _ in range(5)] == [200] * 5
    assert served.sink.wait_for("thread.failed")["reason"] == "can't start new thread"
    assert [event for _, event, _ in served.sink.events] == ["thread.failed"]


@pytest.mark.usefixtures("thread_faults")
def test_threads_are_started_as_soon_as_they_can_be(serve: Serve, faults: Faults):
    """As soon as threads can be had there are as many as there should be."""
    faults.plan("request", NO_THREAD)
    gate = Gate()
    served = serve(gate)
    assert served.ask().body == b"done"
    faults.end("request")
    blocked = [served.client().send(get("/wait")) for _ in range(3)]
    for _ in blocked:
        assert gate.entered.acquire(timeout=10)
    assert served.ask().body == b"done"
    gate.opened.set()
    assert [client.response().body for client in blocked] == [b"done"] * 3
    assert len([event for _, event, _ in served.sink.events if event == "thread.failed"]) == 1


@pytest.mark.usefixtures("thread_faults")
@pytest.mark.parametrize("times", [1, 3, -1])
def test_the_next_request_is_served_though_the_only_thread_is_blocked(serve: Serve, faults: Faults, times: int):
    """No thread can be started while the only one works: the next request is still served."""
    gate = Gate()
    served = serve(gate)
    assert served.ask().body == b"done"
    faults.plan("request", NO_THREAD, times)
    blocked = served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    assert faults.failed.acquire(timeout=10)
    assert [served.ask().body for _ in range(3)] == [b"done"] * 3
    gate.opened.set()
    assert blocked.response().body == b"done"
    assert served.ask().body == b"done"


@pytest.mark.usefixtures("thread_faults")
def test_a_server_without_threads_drains(serve: Serve, faults: Faults):
    """A server that has no thread of its own drains, and passes its connections on."""
    faults.plan("request", NO_THREAD)
    served = serve()
    client = served.client()
    assert client.ask().status == 200
    passed: list[Any] = []
    served.server.drain(passed.extend)
    served.thread.join(10)
    assert not served.thread.is_alive()
    assert len(passed) == 1
    for sock, _ in passed:
        sock.close()


@pytest.mark.usefixtures("thread_faults")
@pytest.mark.parametrize("times", [1, -1])
def test_slow_readers_get_responses_without_a_background_thread(serve: Serve, faults: Faults, times: int):
    """A slow reader gets its response though nothing can be sent in the background; others are answered beside it."""
    faults.plan("transfers", NO_THREAD, times)
    served = serve()
    slow = served.client().send(get("/large"))
    assert faults.failed.acquire(timeout=10)
    assert served.ask().status == 200
    assert slow.response().body == LARGE


@pytest.mark.usefixtures("thread_faults")
def test_slow_bodies_are_received_without_a_background_thread(serve: Serve, faults: Faults):
    """Bodies that can't be received in the background are received by threads."""
    faults.plan("transfers", NO_THREAD)
    served = serve(threads=2)
    slow = [served.client().send(get("/", "Content-Length: 3", method="POST") + b"a") for _ in range(6)]
    assert faults.failed.acquire(timeout=10)
    assert served.ask().status == 200
    assert [client.send(b"bc").response().body for client in slow] == [b"3"] * 6


# -- connections


@pytest.mark.parametrize(
    ("number", "times"), [*((number, 1) for number in NO_ACCEPT + NO_CONNECTION), (errno.EMFILE, 3)]
)
def test_a_failed_accept_is_tried_again(serve: Serve, faults: Faults, number: int, times: int):
    """A connection that can't be accepted is accepted later, and a lasting failure is reported once."""
    served = serve()
    kept = served.client()
    assert kept.ask().status == 200
    faults.plan("accept", OSError(number, os.strerror(number)), times)
    assert served.ask().status == 200
    assert kept.ask().status == 200
    reported = [event for _, event, _ in served.sink.events]
    assert reported == (["accept.failed"] if number in NO_ACCEPT else [])


@pytest.mark.parametrize("number", RECEIVE)
@pytest.mark.parametrize("sent", [GET, get("/", "Content-Length: 3", method="POST") + b"abc", b"GET / HTT"])
def test_a_failed_receive_ends_one_connection(serve: Serve, faults: Faults, number: int, sent: bytes):
    """The connection ends, and nothing else does."""
    served = serve()
    kept = served.client()
    assert kept.ask().status == 200
    faults.plan("recv", OSError(number, os.strerror(number)), 1)
    client = served.client().send(sent)
    assert faults.failed.acquire(timeout=10)
    with contextlib.suppress(ConnectionResetError):
        client.rest()
    assert kept.ask().status == 200
    assert served.ask().status == 200


def test_receiving_fails_in_a_body(serve: Serve, faults: Faults):
    """A body that can't be received ends its request with a line that says so."""
    served = serve()
    client = served.client().send(get("/", "Content-Length: 3", method="POST") + b"a")
    served.sink.wait(lambda: served.server.busy)
    faults.plan("recv", OSError(errno.ETIMEDOUT, "timed out"), 1)
    client.send(b"b")
    assert served.sink.record()["event"] in {"request.aborted", "request.refused"}
    assert served.ask().status == 200


@pytest.mark.parametrize("number", SEND)
@pytest.mark.parametrize("path", ["/", "/large", "/stream"])
def test_a_failed_send_aborts_one_request(serve: Serve, faults: Faults, number: int, path: str):
    """The request is aborted, with one line; the next one is answered."""
    served = serve()
    faults.plan("send", OSError(number, os.strerror(number)), 1)
    client = served.client().send(get(path))
    record = served.sink.record()
    assert (record["event"], record["path"], record["body_size"]) == ("request.aborted", path, 0)
    client.close()
    assert served.ask().status == 200
    assert served.sink.record(1)["status"] == 200
    assert len(served.sink.records) == 2


@pytest.mark.parametrize("path", ["/large", "/stream"])
def test_sending_fails_in_the_background(serve: Serve, faults: Faults, path: str):
    """A client that is lost while its response is sent in the background is logged, with how much it had received."""
    served = serve()
    client = served.client().send(get(path))
    served.sink.wait(lambda: served.sends_in_background() and not served.server.busy)
    faults.plan("send", OSError(errno.EHOSTUNREACH, "no route"), 1)
    with contextlib.suppress(ConnectionResetError):  # the server's reset may come first
        while not faults.failed.acquire(blocking=False):
            client.sock.recv(1_000_000)
    record = served.sink.record()
    assert (record["event"], record["status"]) == ("request.aborted", 200)
    assert 0 < record["body_size"] < len(LARGE)
    assert f"after {record['body_size']} bytes" in record["reason"]
    served.sink.wait(lambda: not served.sends_in_background())
    assert served.ask().status == 200


# -- descriptors and the kernel's lists


@pytest.mark.parametrize("times", [1, 3])
def test_the_kernel_takes_no_descriptor(serve: Serve, faults: Faults, monkeypatch: pytest.MonkeyPatch, times: int):
    """A connection that can't be waited for is closed, after its answer or before; the next one is served."""
    served = serve()
    register, registered = served.server.parts.poller.register, threading.Semaphore(0)

    def faulty(descriptor: int, **options: Any) -> None:
        faults.meet("register")
        register(descriptor, **options)
        registered.release()

    monkeypatch.setattr(served.server.parts.poller, "register", faulty)
    assert served.ask().status == 200
    assert registered.acquire(timeout=10)  # the connection is idle
    faults.plan("register", OSError(errno.ENOSPC, "no space"), times)
    for _ in range(times):
        client = served.client().send(GET)
        with contextlib.suppress(ConnectionResetError):
            assert client.rest()[:12] in {b"", b"HTTP/1.1 200"}
    assert served.ask().status == 200


@pytest.mark.usefixtures("descriptor_faults")
def test_the_background_has_no_descriptor(serve: Serve, faults: Faults):
    """A slow reader gets its response though there is no descriptor for the background's own list."""
    served = serve()
    faults.plan("epoll", NO_DESCRIPTOR)
    slow = served.client().send(get("/large"))
    assert faults.failed.acquire(timeout=10)
    assert served.ask().status == 200
    assert slow.response().body == LARGE
