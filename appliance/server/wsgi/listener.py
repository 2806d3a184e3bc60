"""``WSGIServer``, ``ThreadedWSGIServer`` and ``run``: accept connections as ``socketserver`` does.

They have Django's constructor arguments and defaults, and are for use as a library; the appliance's worker runs the
pool. Runs in the process that uses it.
"""

from __future__ import annotations

import socket
import socketserver
import sys
from typing import TYPE_CHECKING, Any
from wsgiref import simple_server

from ..http.limits import Limits
from ..http.refusal import HandshakeFailed
from ..pages.tracebacks import describe
from .access_log.sink import NullSink, Sink
from .handler import WSGIRequestHandler
from .server_context import ServerContext, base_environ

if TYPE_CHECKING:
    from collections.abc import Callable


class WSGIServer(simple_server.WSGIServer):
    """wsgiref's server: one connection at a time.

    Args:
        args, options: ``socketserver.TCPServer``'s.
        ipv6: bind an IPv6 socket.
        allow_reuse_address: bind an address whose last connections linger.
    """

    request_queue_size = 10
    allow_reuse_address = True
    sink: Sink = NullSink()
    limits = Limits()
    _server_context: ServerContext | None = None

    def __init__(self, *args: Any, ipv6: bool = False, allow_reuse_address: bool = True, **options: Any) -> None:
        if ipv6:
            self.address_family = socket.AF_INET6
        self.allow_reuse_address = allow_reuse_address
        super().__init__(*args, **options)

    def server_bind(self) -> None:
        """Bind, without asking the DNS for this machine's name, as http.server does, which can block."""
        socketserver.TCPServer.server_bind(self)
        self.take_address()

    def take_address(self) -> None:
        """Take the server's name and port from the address of its socket."""
        address: Any = self.server_address
        host, port = address[:2] if isinstance(address, tuple) else ("", 0)
        # A server that listens everywhere has no name of its own; an environ with 0.0.0.0 would make URLs that lead
        # nowhere.
        self.server_name = "localhost" if host in {"", "0.0.0.0", "::"} else str(host)
        self.server_port = int(port)
        self.setup_environ()

    @property
    def server_context(self) -> ServerContext:
        """The objects that the handlers of all connections share."""
        if self._server_context is None:
            threaded = isinstance(self, socketserver.ThreadingMixIn)
            self._server_context = ServerContext(
                base_environ(self),
                sink=self.sink,
                limits=self.limits,
                multithread=threaded,
                # One connection at a time: a second client would wait for the first one's idle time-out.
                persistent=threaded,
            )
        return self._server_context

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (socketserver's signature)
        """Log the exception of a connection with its traceback; a client that went away is only noted."""
        if is_broken_pipe_error():
            self.sink.event("info", "client.left", {"message": f"Broken pipe from {client_address}"})
            return
        address = client_address[0] if isinstance(client_address, tuple) else str(client_address)
        reason = handshake_failure()
        if reason:
            self.sink.event("warning", "handshake.failed", {"client.address": address, "reason": reason})
            return
        error = sys.exc_info()[1]
        text = "" if error is None else describe(error).text()
        self.sink.event("error", "connection.failed", {"client.address": address, "traceback": text})


class ThreadedWSGIServer(socketserver.ThreadingMixIn, WSGIServer):
    """wsgiref's server with a thread for each connection.

    Args:
        connections_override: alias to database connection, to be Django's in each request's thread.
    """

    daemon_threads = True

    def __init__(self, *args: Any, connections_override: dict[str, Any] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.connections_override = connections_override

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in its thread."""
        if self.connections_override:
            connections = django_connections()
            for alias, connection in self.connections_override.items():
                connections[alias] = connection
        super().process_request_thread(request, client_address)

    def _close_connections(self) -> None:
        """Close this thread's database connections; a method, so that tests can replace it."""
        connections = django_connections()
        if connections is not None:
            connections.close_all()

    def close_request(self, request: Any) -> None:
        """Close a connection, and what its thread opened."""
        self._close_connections()
        super().close_request(request)


def django_connections() -> Any:
    """Return Django's database connections if this process has Django with settings; it is never imported for this."""
    conf = sys.modules.get("django.conf")
    if conf is None or not conf.settings.configured:
        return None
    return getattr(sys.modules.get("django.db"), "connections", None)


def is_broken_pipe_error() -> bool:
    """Whether the exception that is being handled says that a client went away."""
    return isinstance(sys.exc_info()[1], (BrokenPipeError, ConnectionResetError, ConnectionAbortedError))


def handshake_failure() -> str:
    """Why the TLS handshake failed, if the exception that is being handled says so; else ""."""
    error = sys.exc_info()[1]
    cause = error if isinstance(error, HandshakeFailed) else getattr(error, "__cause__", None)
    return str(cause) if isinstance(cause, HandshakeFailed) else ""


def run(  # noqa: PLR0917  Django's signature
    addr: str,
    port: int,
    wsgi_handler: Any,
    ipv6: bool = False,  # noqa: FBT001, FBT002 (Django's signature)
    threading: bool = False,  # noqa: FBT001, FBT002 (as above)
    on_bind: Callable[[int], None] | None = None,
    server_cls: type[simple_server.WSGIServer] = WSGIServer,
    handler_class: type[WSGIRequestHandler] = WSGIRequestHandler,
) -> None:
    """Serve an application until the process ends.

    Args:
        addr: the address to bind.
        port: the port; 0 for any.
        wsgi_handler: the application.
        ipv6: whether ``addr`` is an IPv6 address.
        threading: a thread for each connection.
        on_bind: called with the port that was bound.
        server_cls: the class of the server.
        handler_class: the class of its handlers.
    """
    if threading:
        server_cls = type("WSGIServer", (socketserver.ThreadingMixIn, server_cls), {})
    options: dict[str, Any] = {"ipv6": ipv6}
    server: Any = server_cls((addr, port), handler_class, **options)
    if on_bind is not None:
        on_bind(server.server_port)
    if threading:
        # A thread that is kept alive by an idle browser must not keep the process alive.
        server.daemon_threads = True
    server.set_app(wsgi_handler)
    server.serve_forever()
