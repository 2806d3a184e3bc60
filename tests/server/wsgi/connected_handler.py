"""A connection's handler without a server around it: requests go in at the client's end, and are served by hand."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from appliance.server.http.limits import Limits
from appliance.server.io.wire import Wire
from appliance.server.wsgi.handler import WSGIRequestHandler
from appliance.server.wsgi.server_context import ServerContext
from tests.server.served import Recorder


class Connected:
    """A connection, its handler, and its client.

    Attributes:
        handler: serves one request a call of ``serve``.
        server: has the application, and the optional methods that a test gives it.
        sink: gets records and events.
    """

    def __init__(
        self, application: Callable[..., Any], handler_class: type[WSGIRequestHandler] = WSGIRequestHandler
    ) -> None:
        self.sock, self.client = socket.socketpair()
        self.client.setblocking(False)  # a request has been served when the client looks
        self.sink = Recorder()
        self.server = SimpleNamespace(get_app=lambda: application)
        limits = Limits()
        context = ServerContext({}, sink=self.sink, limits=limits, multithread=True, persistent=True)
        self.handler = handler_class.of_connection(Wire(self.sock, limits), ("192.0.2.7", 5), self.server, context)

    def send(self, data: bytes) -> None:
        """The client sends these bytes."""
        self.client.sendall(data)

    def serve(self, data: bytes = b"") -> bytes:
        """Serve a request; return what its client has received."""
        self.send(data)
        self.handler.handle_one_request()
        return self.received()

    def received(self) -> bytes:
        """Return the bytes that the client has received."""
        try:
            return self.client.recv(1_000_000)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Close both ends."""
        self.sock.close()
        self.client.close()
