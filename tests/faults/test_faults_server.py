"""The server when the system refuses it something, once or always: a thread, a descriptor, the disk, the network."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import socket
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from appliance.server import received
from appliance.server.limits import Limits
from appliance.server.lot import PARKED
from appliance.server.pool import PooledWSGIServer
from tests.server.answers import Gate
from tests.server.served import GET, Client, Recorder, Served, chunked, get

Serve = Callable[..., Served]
LARGE = bytes(range(256)) * 40_000  # 10 MB
NO_ACCEPT = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]  # until there is room again
NO_CONNECTION = [errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.EHOSTUNREACH]  # the one that was next
RECEIVE = [errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENOMEM, errno.ENOBUFS, errno.EBADF]
SEND = [errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.ENOBUFS, errno.ENOMEM, errno.EBADF]
DISK = [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES]


class Faults:
    """What is to fail: by the call's name, how often (-1: always), and with what."""

    def __init__(self) -> None:
        self._planned: dict[str, tuple[int, Exception]] = {}
        self.failed = threading.Semaphore(0)

    def plan(self, call: str, error: Exception, times: int = -1) -> None:
        """Fail so often from now on."""
        self._planned[call] = (times, error)

    def end(self, call: str) -> None:
        """Fail no more."""
        self._planned.pop(call, None)

    def meet(self, call: str) -> None:
        """The call is made."""
        times, error = self._planned.get(call, (0, OSError()))
        if times:
            self._planned[call] = (times - 1, error)
            self.failed.release()
            raise error


class FaultySocket(socket.socket):
    """A connection whose calls may fail."""

    faults: Faults

    def recv(self, *arguments: Any) -> bytes:
        self.faults.meet("recv")
        return super().recv(*arguments)

    def send(self, *arguments: Any) -> int:
        self.faults.meet("send")
        return super().send(*arguments)

    def sendmsg(self, *arguments: Any) -> int:
        self.faults.meet("send")
        return super().sendmsg(*arguments)


class FaultyListener(socket.socket):
    """A listening socket whose connections may fail, or not come."""

    faults: Faults

    def accept(self) -> tuple[socket.socket, Any]:
        self.faults.meet("accept")
        descriptor, address = self._accept()  # type: ignore[attr-defined]  # socket.socket's own
        return type("Socket", (FaultySocket,), {"faults": self.faults})(fileno=descriptor), address


class FaultyServed(Served):
    """A server over such sockets."""

    def __init__(self, application: Any, stack: ExitStack, faults: Faults, **options: Any) -> None:
        listener = type("Listener", (FaultyListener,), {"faults": faults})()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        self.address = listener.getsockname()
        self.sink = Recorder()
        self._stack = stack
        self.server = PooledWSGIServer(listener, application, sink=self.sink, **options)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        stack.callback(listener.close)
        stack.callback(self.thread.join, 10)
        stack.callback(self.server.stop)


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Whatever can be sent and received."""
    path, source = environ["PATH_INFO"], environ["wsgi.input"]
    body = source.read(int(environ["CONTENT_LENGTH"])) if environ.get("CONTENT_LENGTH") else source.read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/large":
        return [LARGE]
    if path == "/stream":
        return (LARGE[at : at + 100_000] for at in range(0, len(LARGE), 100_000))
    return [b"%d" % len(body) if body else path.encode()]


@pytest.fixture
def faults() -> Faults:
    """Nothing fails yet."""
    return Faults()


@pytest.fixture
def serve(faults: Faults) -> Iterator[Serve]:
    """Start servers over sockets that may fail; they end with the test."""
    with ExitStack() as stack:

        def start(app: Any = application, **options: Any) -> Served:
            return FaultyServed(app, stack, faults, **options)

        yield start


@pytest.fixture
def threads(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a thread of the server's may fail, by its name."""
    start = threading.Thread.start

    def faulty(thread: threading.Thread) -> None:
        faults.meet(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", faulty)


@pytest.fixture
def disk(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of the disk's may fail."""
    for name in ("open", "pwrite", "fstatvfs", "dup", "ftruncate"):
        call = getattr(os, name)

        def faulty(*arguments: Any, _call: Any = call, _name: str = name, **options: Any) -> Any:
            if threading.current_thread().name in {"request", "transfers"}:
                faults.meet(_name)
            return _call(*arguments, **options)

        monkeypatch.setattr(os, name, faulty)


NO_THREAD = RuntimeError("can't start new thread")


# -- threads


@pytest.mark.usefixtures("threads")
def test_no_thread_ever(serve: Serve, faults: Faults):
    """Where no thread can be had, requests are served one after another by the one that there is, with one event."""
    faults.plan("request", NO_THREAD)
    served = serve()
    assert [served.ask(get(f"/{number}")).body for number in range(5)] == [b"/%d" % number for number in range(5)]
    client = served.client()
    assert [client.ask().status for _ in range(5)] == [200] * 5
    assert served.sink.told("thread.failed")["reason"] == "can't start new thread"
    assert [event for _, event, _ in served.sink.events] == ["thread.failed"]


@pytest.mark.usefixtures("threads")
def test_no_thread_for_a_while(serve: Serve, faults: Faults):
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


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("times", [1, 3, -1])
def test_no_thread_beside_one_that_is_blocked(serve: Serve, faults: Faults, times: int):
    """A thread that can't be had while the only one is at work: the next request is served all the same."""
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


@pytest.mark.usefixtures("threads")
def test_a_drain_without_threads(serve: Serve, faults: Faults):
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


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("times", [1, -1])
def test_no_thread_for_slow_readers(serve: Serve, faults: Faults, times: int):
    """A slow reader gets its response though nothing can be sent in the background; others are answered beside it."""
    faults.plan("transfers", NO_THREAD, times)
    served = serve()
    slow = served.client().send(get("/large"))
    assert faults.failed.acquire(timeout=10)
    assert served.ask().status == 200
    assert slow.response().body == LARGE


@pytest.mark.usefixtures("threads")
def test_no_thread_for_slow_bodies(serve: Serve, faults: Faults):
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
def test_accept_fails(serve: Serve, faults: Faults, number: int, times: int):
    """A connection that can't be accepted is accepted later, and what is lasting is told once."""
    served = serve()
    kept = served.client()
    assert kept.ask().status == 200
    faults.plan("accept", OSError(number, os.strerror(number)), times)
    assert served.ask().status == 200
    assert kept.ask().status == 200
    told = [event for _, event, _ in served.sink.events]
    assert told == (["accept.failed"] if number in NO_ACCEPT else [])


@pytest.mark.parametrize("number", RECEIVE)
@pytest.mark.parametrize("sent", [GET, get("/", "Content-Length: 3", method="POST") + b"abc", b"GET / HTT"])
def test_receiving_fails(serve: Serve, faults: Faults, number: int, sent: bytes):
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
def test_sending_fails(serve: Serve, faults: Faults, number: int, path: str):
    """The request is aborted, with one line; the next one is answered."""
    served = serve()
    faults.plan("send", OSError(number, os.strerror(number)), 1)
    client = served.client().send(get(path))
    record = served.sink.record()
    assert (record["event"], record["path"], record["body_size"]) == ("request.aborted", path, 0)
    client.close()
    assert served.ask().status == 200
    assert len(served.sink.records) == 2 or served.sink.record(1)["status"] == 200


@pytest.mark.parametrize("path", ["/large", "/stream"])
def test_sending_fails_in_the_background(serve: Serve, faults: Faults, path: str):
    """A client that is lost while its response is sent in the background is told of, with how far it was."""
    served = serve()
    client = served.client().send(get(path))
    served.sink.wait(lambda: served.server._background.busy and not served.server.busy)
    faults.plan("send", OSError(errno.EHOSTUNREACH, "no route"), 1)
    while not faults.failed.acquire(blocking=False):
        client.sock.recv(1_000_000)
    record = served.sink.record()
    assert (record["event"], record["status"]) == ("request.aborted", 200)
    assert 0 < record["body_size"] < len(LARGE)
    assert f"after {record['body_size']} bytes" in record["reason"]
    served.sink.wait(lambda: not served.server._background.busy)
    assert served.ask().status == 200


# -- descriptors and the kernel's lists


@pytest.mark.parametrize("times", [1, 3])
def test_the_kernel_takes_no_descriptor(serve: Serve, faults: Faults, monkeypatch: pytest.MonkeyPatch, times: int):
    """A connection that can't be waited for is closed, after its answer or before; the next one is served."""
    served = serve()
    assert served.ask().status == 200
    while not served.server._lot.in_state(PARKED):
        served.thread.join(0.001)
    register = served.server._poller.register

    def faulty(descriptor: int, **options: Any) -> None:
        faults.meet("register")
        register(descriptor, **options)

    monkeypatch.setattr(served.server._poller, "register", faulty)
    faults.plan("register", OSError(errno.ENOSPC, "no space"), times)
    for _ in range(times):
        client = served.client().send(GET)
        with contextlib.suppress(ConnectionResetError):
            assert client.rest()[:12] in {b"", b"HTTP/1.1 200"}
    assert served.ask().status == 200


def test_the_background_has_no_descriptor(serve: Serve, monkeypatch: pytest.MonkeyPatch, faults: Faults):
    """A slow reader gets its response though there is no descriptor for the background's own list."""
    served = serve()
    epoll = select.epoll

    def faulty(*arguments: Any) -> Any:
        faults.meet("epoll")
        return epoll(*arguments)

    monkeypatch.setattr(select, "epoll", faulty)
    faults.plan("epoll", OSError(errno.EMFILE, "too many"))
    slow = served.client().send(get("/large"))
    assert faults.failed.acquire(timeout=10)
    assert served.ask().status == 200
    assert slow.response().body == LARGE


# -- the disk


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize(("call", "times"), [("open", -1), ("pwrite", 1), ("pwrite", -1)])
@pytest.mark.parametrize("number", DISK)
def test_no_room_for_a_body(
    serve: Serve, faults: Faults, monkeypatch: pytest.MonkeyPatch, call: str, number: int, times: int
):
    """A chunked body that finds no room on the disk is answered with 507, with its line and one event."""
    monkeypatch.setattr(received, "_READ_BY_LENGTH", ("django",))
    monkeypatch.setitem(sys.modules, "django", types.ModuleType("django"))
    served = serve(limits=Limits(held_bytes=100_000))
    faults.plan(call, OSError(number, os.strerror(number)), times)
    client = served.client()
    sending = threading.Thread(target=_send, args=(client, chunked(*[LARGE[:200_000]] * 10)))
    sending.start()
    response = client.response()
    sending.join(10)
    assert (response.status, response["Connection"]) == (507, "close")
    assert os.strerror(number).encode() in response.body
    record = served.sink.record()
    assert (record["event"], record["status"], record["request_id"]) == (
        "request.refused",
        507,
        response["X-Request-ID"],
    )
    assert served.sink.told("spool.failed")["action"]
    assert served.ask(chunked(b"abc")).body == b"3"
    faults.end(call)
    assert served.ask(chunked(*[LARGE[:200_000]] * 10)).body == b"2000000"


def _send(client: Client, data: bytes) -> None:
    try:
        client.send(data)
    except OSError:
        return  # it was refused in the midst


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize(("call", "times"), [("open", -1), ("pwrite", 1), ("pwrite", -1), ("fstatvfs", 1)])
@pytest.mark.parametrize("path", ["/large", "/stream"])
def test_no_room_for_a_response(serve: Serve, faults: Faults, call: str, times: int, path: str):
    """A slow reader gets all of its response though it can't be put on the disk, and others are answered beside it."""
    served = serve(limits=Limits(held_bytes=100_000))
    faults.plan(call, OSError(errno.ENOSPC, "No space left on device"), times)
    slow = served.client().send(get(path))
    assert faults.failed.acquire(timeout=10)
    assert served.ask().status == 200
    assert slow.response().body == LARGE
    assert served.sink.told("spool.failed")["reason"]
    record = next(each for each in served.sink.records if each["path"] == path) if times > 0 else None
    assert record is None or (record["event"], record["body_size"]) == ("request.finished", len(LARGE))


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("times", [1, -1])
def test_no_room_for_bodies_that_wait(serve: Serve, faults: Faults, times: int):
    """Slow bodies that find no room wait for a thread; every one is served."""
    served = serve(threads=2, limits=Limits(held_bytes=1000))
    faults.plan("pwrite", OSError(errno.ENOSPC, "No space left on device"), times)
    part, rest = LARGE[:50_000], LARGE[:10]
    head = get("/", f"Content-Length: {len(part) + len(rest)}", method="POST")
    slow = [served.client().send(head + part) for _ in range(8)]
    served.sink.wait(lambda: served.server._background.busy)
    assert [client.send(rest).response().body for client in slow] == [b"50010"] * 8
    assert served.ask().status == 200


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("times", [1, -1])
def test_no_descriptor_for_a_file(serve: Serve, faults: Faults, tmp_path: Any, times: int):
    """A file that is sent to a slow reader is sent by its thread where no second descriptor can be had."""
    file = tmp_path / "file"
    file.write_bytes(LARGE)

    def send_file(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/file":
            return environ["wsgi.file_wrapper"](io.FileIO(file))
        return [b"plain"]

    served = serve(send_file)
    faults.plan("dup", OSError(errno.EMFILE, "Too many open files"), times)
    slow = served.client().send(get("/file"))
    assert faults.failed.acquire(timeout=10)
    assert served.ask().body == b"plain"
    assert slow.response().body == LARGE
