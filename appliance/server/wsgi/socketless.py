"""Serve a handler that has no connection: it was given an object with ``makefile``, or files, as in tests of a project.

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
from .response import ServerHandler

if TYPE_CHECKING:
    from .http_server_compat import HttpServerHandler

_LINE_MAX = 65_536


def is_socket(request: Any) -> bool:
    """Whether the object can be received from and waited for."""
    try:
        return isinstance(request.fileno(), int) and all(
            map(callable, (request.recv, request.send, request.settimeout))
        )
    except (AttributeError, OSError, TypeError, ValueError):
        return False


def serve_from_files(handler: HttpServerHandler) -> None:
    """Serve one request as Django's handler does, or as ``http.server`` does."""
    server: Any = handler.server
    if server is None:
        BaseHTTPRequestHandler.handle_one_request(handler)
        return
    handler.raw_requestline = handler.rfile.readline(_LINE_MAX + 1)
    if len(handler.raw_requestline) > _LINE_MAX:
        handler.requestline = handler.request_version = handler.command = ""
        handler.send_error(414)
        return
    if not handler.parse_request():
        return
    run = ServerHandler(handler.rfile, handler.wfile, handler.get_stderr(), handler.get_environ())
    run.request_handler = handler  # type: ignore[assignment]  # it is one
    run.run(server.get_app())


def environ_of_files(handler: HttpServerHandler) -> dict[str, Any]:
    """Return wsgiref's environ, without fields that could be mistaken for others, and without a proxy's."""
    for name in list(handler.headers):
        if "_" in name or is_forwarded(cgi_name(name)):
            del handler.headers[name]
    environ: dict[str, Any] = simple_server.WSGIRequestHandler.get_environ(handler)
    if not environ.get("CONTENT_LENGTH"):
        environ.pop("CONTENT_LENGTH", None)
    environ["appliance.request_id"] = handler.server_context.ids.of(environ)
    return environ


def half_close(handler: HttpServerHandler) -> None:
    """Half-close what may be a connection after all, as Django does."""
    with contextlib.suppress(AttributeError, OSError):
        handler.connection.shutdown(socket.SHUT_WR)
