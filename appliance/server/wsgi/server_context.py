"""The objects that the connections of a server share: limits, parsers, response heads, request ids, a sink.

Made once a server, in its process; any thread reads it.
"""

from __future__ import annotations

import socketserver
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..http.fields import FieldReader
from ..http.head import HeadParser
from ..http.limits import Limits
from ..http.refusal import HostRefused
from ..http.response.response_head import ResponseHeads
from ..http.software import SOFTWARE
from ..http.trusted_proxies import TrustedProxies
from ..io.background.byte_queue import Storage
from ..io.wire import Wire
from .access_log.request_ids import RequestIds
from .access_log.sink import NullSink, Sink
from .environ import Environs

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Container

    from ..http.head import Head
    from .access_log.exchange import Exchange


class Handoff(Protocol):
    """Requests that another server answers (``pool.request_handoff.RequestHandoff``)."""

    prefix: str  # the paths for which ``applies`` is asked begin with this

    def applies(self, head: Head, /) -> bool:
        """Whether the other server answers the request with this head."""

    def take(self, connections: list[tuple[socket.socket, bytes]], peers: list[str], /) -> None:
        """Pass these connections on, with what was read of them, and the addresses that their sockets don't know."""

    def relay_application(self, raw: bytes, /, *, chunked: bool = False) -> Any:
        """Return a WSGI application that answers the request of a connection that can't be passed on."""


class RequestRules(NamedTuple):
    """The rules by which a server takes the requests that come.

    Attributes:
        allowed_hosts: whether to serve a Host; None serves all.
        proxies: the peers whose ``Forwarded`` fields are believed.
        handoff: the requests that another server answers; None: there are none.
    """

    allowed_hosts: Callable[[str], bool] | None = None
    proxies: TrustedProxies = TrustedProxies()
    handoff: Handoff | None = None


class OptionalServerMethods(Protocol):
    """The optional methods of a server, beside those of ``socketserver`` (``pool.pool.PooledWSGIServer`` has it).

    A connection's handler looks for each by its name, and works without it, as in a server of another library.
    """

    def wait_for_body(self, handler: Any, head: Head, /) -> bool:
        """Let a request wait for its body without a thread, and return True; False if it may have its thread now.

        Raises:
            RequestRefused: the body did not come, or too many requests wait for theirs.
        """

    def begin_stream(self, handler: Any, /) -> bool:
        """Give a long request a thread of its own; False if there are too many such requests."""

    def check_room_for_stream(self) -> bool:
        """Look for room for one more long request, and log its limit once; return whether there is room."""

    def release_connection(self, handler: Any, /) -> bool:
        """Let the application take a connection's socket, and forget it; False if too many are taken."""


class ServerContext:
    """Shared by all connections of one server.

    Attributes:
        limits, sink: as the server was given them.
        begin: called with each request that begins, and its head; None if the sink does not ask for it.
        allowed_hosts, proxies, handoff: the server's ``RequestRules``.
        fields, heads, ids: read request fields, write response heads, make request ids.
        base: the environ's part that is the same for all requests.
        served_hosts: those for which ``allowed_hosts`` need not be asked; what it remembers, if it remembers any.
        storage: keeps the bytes that wait for slow clients.
        multithread: another thread may run the application at the same time.
        persistent: connections may serve more than one request.
    """

    __slots__ = (
        "_base_seen",
        "allowed_hosts",
        "base",
        "begin",
        "fields",
        "handoff",
        "heads",
        "ids",
        "limits",
        "multithread",
        "persistent",
        "port",
        "proxies",
        "served_hosts",
        "sink",
        "storage",
    )  # fmt: skip

    def __init__(
        self,
        base: dict[str, Any],
        *,
        sink: Sink,
        limits: Limits,
        multithread: bool,
        persistent: bool,
        rules: RequestRules = RequestRules(),  # noqa: B008  frozen
    ) -> None:
        self.base = base
        self._base_seen: dict[str, Any] | None = None
        self.sink = sink
        self.begin: Callable[[Exchange, bytes], None] | None = getattr(sink, "begin", None)  # OptionalSinkMethods
        self.limits = limits
        self.multithread = multithread
        self.persistent = persistent
        self.allowed_hosts, self.proxies, self.handoff = rules
        self.served_hosts: Container[str | None] = getattr(self.allowed_hosts, "served", ())
        self.fields = FieldReader(limits)
        self.heads = ResponseHeads(SOFTWARE)
        self.ids = RequestIds()
        self.storage = Storage(limits.held_bytes)
        port = str(base.get("SERVER_PORT", ""))
        self.port = int(port) if port.isdigit() else 0

    def adapted(self, timeout: float | None, *, persistent: bool) -> ServerContext:
        """Return a context for a handler that has a time-out of its own, or keeps no connection."""
        made = copy(self)
        made.persistent = self.persistent and persistent
        if timeout is not None:
            names = ("header_timeout_s", "body_timeout_s", "idle_timeout_s", "send_timeout_s")
            made.limits = replace(self.limits, **{name: min(timeout, getattr(self.limits, name)) for name in names})
        return made

    def wire_of(self, sock: Any) -> Wire:
        """Return the wire of a connection that ``socketserver`` has accepted."""
        if hasattr(sock, "pending"):  # ssl has wrapped the listening socket
            from ..io.tls import TlsWire  # noqa: PLC0415  ssl is loaded then, and only then

            return TlsWire(None, sock, self.limits)
        return Wire(sock, self.limits)

    def head_parser(self, *, lenient: bool, secure: bool) -> HeadParser:
        """Return the parser of one connection's heads."""
        return HeadParser(self.fields, lenient=lenient, secure=secure, persistent=self.persistent)

    def environs(self, client_address: Any, *, secure: bool) -> Environs:
        """Return the maker of the environs of one connection's requests."""
        scheme = "https" if secure else "http"
        return Environs(self.base, client_address, scheme=scheme, multithread=self.multithread)

    def check_host(self, environ: dict[str, Any]) -> None:
        """Look at the host that a request names.

        Raises:
            HostRefused: it is not served.
        """
        host = environ.get("HTTP_HOST")
        if host is not None and self.allowed_hosts is not None and not self.allowed_hosts(host):
            raise HostRefused(host)

    def follow(self, server: Any) -> None:
        """Take over the server's ``base_environ`` if it has changed: wsgiref copies it for each connection."""
        given = getattr(server, "base_environ", None)
        if given is not None and given != self._base_seen:
            self._base_seen = dict(given)
            self.base = base_environ(server)

    @staticmethod
    def of(server: Any, make_sink: Callable[[], Sink] = NullSink) -> ServerContext:
        """Return the server's own, or a new one if there is no server, or one of another library."""
        found = getattr(server, "server_context", None)
        if isinstance(found, ServerContext):
            found.follow(server)
            return found
        threaded = isinstance(server, socketserver.ThreadingMixIn)
        made = ServerContext(
            base_environ(server),
            sink=getattr(server, "sink", None) or make_sink(),
            limits=Limits(),
            multithread=threaded,
            persistent=threaded,
        )
        if server is not None:
            server.server_context = made
        return made


def base_environ(server: Any) -> dict[str, Any]:
    """Return the server's part of an environ. A length that was not sent is left out; wsgiref has it empty."""
    base = dict(getattr(server, "base_environ", {}))
    base.pop("CONTENT_LENGTH", None)
    base.setdefault("SERVER_NAME", str(getattr(server, "server_name", "")))
    base.setdefault("SERVER_PORT", str(getattr(server, "server_port", "")))
    base.setdefault("SCRIPT_NAME", "")
    base["SERVER_SOFTWARE"] = SOFTWARE
    return base
