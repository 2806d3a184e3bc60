"""The pair for use as a library, under the names of ``django.core.servers.basehttp``.

    from appliance.basehttp import run
    run("127.0.0.1", 8000, application, threading=True)

Owns nothing but the joint: the server of ``appliance.server``, whose records go through structlog as JSON lines (for
people, where stdout is a terminal). Without supervisor and container; in the process that imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.logs.render import access
from appliance.logs.setup import library_logger
from appliance.server.wsgi import handler, listener
from appliance.server.wsgi.listener import is_broken_pipe_error
from appliance.server.wsgi.response import ServerHandler

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref import simple_server

    from appliance.server.wsgi.exchange import Exchange

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
    """A server's sink (``appliance.server.wsgi.exchange.Sink``) that logs at once."""

    def __init__(self) -> None:
        self._logger = library_logger()

    def exchange(self, exchange: Exchange) -> None:
        """One request and its response have ended."""
        level, event, fields = access.event(exchange.record())
        getattr(self._logger, level)(event, **fields)

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Something else happened."""
        getattr(self._logger, level)(event, **fields)

    def flush(self) -> None:
        """Nothing waits here."""


class WSGIRequestHandler(handler.WSGIRequestHandler):
    """Serves one connection, or what stands for one; see ``appliance.server.wsgi.handler``."""

    def make_sink(self) -> LogSink:
        """For a server that is none of ours, or none at all."""
        return LogSink()


class WSGIServer(listener.WSGIServer):
    """One connection at a time; see ``appliance.server.wsgi.listener``."""

    def __init__(self, *args: Any, ipv6: bool = False, allow_reuse_address: bool = True, **options: Any) -> None:
        self.sink = LogSink()
        super().__init__(*args, ipv6=ipv6, allow_reuse_address=allow_reuse_address, **options)


class ThreadedWSGIServer(listener.ThreadedWSGIServer, WSGIServer):
    """A thread a connection; see ``appliance.server.wsgi.listener``."""


def run(  # noqa: PLR0917  Django's signature
    addr: str,
    port: int,
    wsgi_handler: Any,
    ipv6: bool = False,  # noqa: FBT001, FBT002  as above
    threading: bool = False,  # noqa: FBT001, FBT002  as above
    on_bind: Callable[[int], None] | None = None,
    server_cls: type[simple_server.WSGIServer] = WSGIServer,
) -> None:
    """Serve an application for ever; see ``appliance.server.wsgi.listener.run``."""
    listener.run(addr, port, wsgi_handler, ipv6, threading, on_bind, server_cls)


def get_internal_wsgi_application() -> Any:
    """Django's application: what its setting WSGI_APPLICATION names, else the default.

    Raises:
        ImproperlyConfigured: of Django's, where it can't be imported.
    """
    from django.conf import settings  # noqa: PLC0415  who calls this has Django; we do not
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
