"""A handler without a connection: it was given an object with ``makefile``, or files, as in tests of a project.

It does what ``http.server``, wsgiref and Django's handler do then, by the standard library's own code. No byte of it
comes from a network, so nothing can be smuggled, and a test that holds a handler to the documentation of
``http.server`` finds what it expects. Runs in the thread that makes the handler.

The request is read from ``rfile``, the response goes to ``wfile``; both may be set at any time. Without a server there
is not an application: then a subclass's own ``do_GET`` answers, as in ``http.server``.
"""

from __future__ import annotations

import contextlib
import socket
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from wsgiref import simple_server

from ..http.fields import cgi_name, is_forwarded
from .access_log.sink import NullSink
from .http_server_compat import HttpServerHandler
from .response import ServerHandler
from .server_context import ServerContext

if TYPE_CHECKING:
    from .access_log.sink import Sink

_LINE_MAX = 65_536


def is_socket(request: Any) -> bool:
    """Whether the object can be received from and waited for."""
    try:
        return isinstance(request.fileno(), int) and all(
            map(callable, (request.recv, request.send, request.settimeout))
        )
    except (AttributeError, OSError, TypeError, ValueError):
        return False


class SocketlessHandler(HttpServerHandler):
    """The part of ``WSGIRequestHandler`` that needs no socket."""

    _address = ""

    def make_sink(self) -> Sink:
        """Return the sink for a handler whose server has none."""
        return NullSink()

    def _set_up_files(self) -> None:
        self._set_up_context()
        super().setup()

    def _set_up_context(self) -> None:
        self.server_context = ServerContext.of(self.server, self.make_sink)
        address: Any = self.client_address
        self._address = str(address[0] if isinstance(address, tuple) and address else address or "")

    @property
    def _is_alone(self) -> bool:
        server: Any = self.server
        return server is None

    def _finish_files(self) -> None:
        super().finish()

    def _end_files(self) -> None:
        """Half-close what may be a connection after all, as Django does."""
        with contextlib.suppress(AttributeError, OSError):
            self.connection.shutdown(socket.SHUT_WR)

    def _serve_from_files(self) -> None:
        """Serve one request as Django's handler does, or as ``http.server`` does."""
        if self._is_alone:
            BaseHTTPRequestHandler.handle_one_request(self)
            return
        self.raw_requestline = self.rfile.readline(_LINE_MAX + 1)
        if len(self.raw_requestline) > _LINE_MAX:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
            return
        if not self.parse_request():
            return
        run = ServerHandler(self.rfile, self.wfile, self.get_stderr(), self.get_environ())
        run.request_handler = self  # type: ignore[assignment]  # it is one
        server: Any = self.server
        run.run(server.get_app())

    def _environ_of_files(self) -> dict[str, Any]:
        """Return wsgiref's environ, without fields that could be mistaken for others, and without a proxy's."""
        for name in list(self.headers):
            if "_" in name or is_forwarded(cgi_name(name)):
                del self.headers[name]
        environ: dict[str, Any] = simple_server.WSGIRequestHandler.get_environ(self)
        if not environ.get("CONTENT_LENGTH"):
            environ.pop("CONTENT_LENGTH", None)
        environ["appliance.request_id"] = self.server_context.ids.of(environ)
        return environ
