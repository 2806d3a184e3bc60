"""A server whose sockets may fail, as the fixture ``faults`` plans it, and an application that asks for everything."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from appliance.server.pool.pool import PooledWSGIServer
from tests.faults.injections import Faults
from tests.server.served import Recorder, Served

Serve = Callable[..., Served]
LARGE = bytes(range(256)) * 40_000  # 10 MB


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
    """An application that sends and receives any content."""
    path, source = environ["PATH_INFO"], environ["wsgi.input"]
    body = source.read(int(environ["CONTENT_LENGTH"])) if environ.get("CONTENT_LENGTH") else source.read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/large":
        return [LARGE]
    if path == "/stream":
        return (LARGE[at : at + 100_000] for at in range(0, len(LARGE), 100_000))
    return [b"%d" % len(body) if body else path.encode()]


@pytest.fixture
def serve(faults: Faults) -> Iterator[Serve]:
    """Start servers over sockets that may fail; they end with the test."""
    with ExitStack() as stack:

        def start(app: Any = application, **options: Any) -> Served:
            return FaultyServed(app, stack, faults, **options)

        yield start
