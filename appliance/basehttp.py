"""The server as a library, under the names of ``django.core.servers.basehttp``.

    from appliance.basehttp import run
    run("127.0.0.1", 8000, application, threading=True)

Connects the server of ``appliance.server`` to structlog, which writes its records as JSON lines (in a readable form if
stdout is a terminal). Runs without supervisor and container, in the process that imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.logs.library_log import library_logger
from appliance.logs.render import access
from appliance.server.wsgi import handler, listener
from appliance.server.wsgi.listener import is_broken_pipe_error
from appliance.server.wsgi.response import ServerHandler

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref import simple_server

    from appliance.server.wsgi.access_log.exchange import Exchange

__all__ = [
    "ServerHandler",
    "ThreadedWSGIServer",
    "WSGIRequestHandler",
    "WSGIServer",
    "get_internal_wsgi_application",
    "is_broken_pipe_error",
    "run",
]


class LogSink:
    """A server's sink (``appliance.server.wsgi.access_log.sink.Sink``) that logs at once."""

    def __init__(self) -> None:
        self._logger = library_logger()

    def exchange(self, exchange: Exchange) -> None:
        """Log a request that has ended."""
        level, event, fields = access.event(exchange.record())
        getattr(self._logger, level)(event, **fields)

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Log any other event."""
        getattr(self._logger, level)(event, **fields)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""


class WSGIRequestHandler(handler.WSGIRequestHandler):
    """Serves one connection, or an object that stands for one; see ``appliance.server.wsgi.handler``."""

    def make_sink(self) -> LogSink:
        """Return a sink for a server that has none: another class's, or no server."""
        return LogSink()


class WSGIServer(listener.WSGIServer):
    """Serves one connection at a time; see ``appliance.server.wsgi.listener``."""

    def __init__(self, *args: Any, ipv6: bool = False, allow_reuse_address: bool = True, **options: Any) -> None:
        self.sink = LogSink()
        super().__init__(*args, ipv6=ipv6, allow_reuse_address=allow_reuse_address, **options)


class ThreadedWSGIServer(listener.ThreadedWSGIServer, WSGIServer):
    """Serves each connection in a thread; see ``appliance.server.wsgi.listener``."""


def run(  # noqa: PLR0917  Django's signature
    addr: str,
    port: int,
    wsgi_handler: Any,
    ipv6: bool = False,  # noqa: FBT001, FBT002  as above
    threading: bool = False,  # noqa: FBT001, FBT002  as above
    on_bind: Callable[[int], None] | None = None,
    server_cls: type[simple_server.WSGIServer] = WSGIServer,
) -> None:
    """Serve an application forever; see ``appliance.server.wsgi.listener.run``."""
    # Looked up now: a program may have put a class of its own in its place, as with Django's module.
    listener.run(addr, port, wsgi_handler, ipv6, threading, on_bind, server_cls, WSGIRequestHandler)


def get_internal_wsgi_application() -> Any:
    """Return Django's application: the one that its setting WSGI_APPLICATION names, or the default.

    Raises:
        ImproperlyConfigured: Django's error, if the application can't be imported.
    """
    from django.conf import settings  # noqa: PLC0415  callers have Django; we do not
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415  as above
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415  as above
    from django.utils.module_loading import import_string  # noqa: PLC0415  as above

    path = getattr(settings, "WSGI_APPLICATION", None)
    if path is None:
        return get_wsgi_application()
    try:
        return import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"WSGI application '{path}' could not be loaded; {error}") from error
