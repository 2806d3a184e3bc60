"""``WSGIRequestHandler``: serve one connection, request by request: head, environ, application, next.

``server_responses`` is what the server answers without the application. Called once a request by the pool, or once a
connection by ``socketserver``. Runs in the thread that serves the connection.

Kept from ``http.server`` and Django: the names, the documented instance variables, the hooks for subclasses. Left out:
the readers' buffers, ``email`` for each head (five times the cost of all the rest), leniency (see ``lenient``).
"""

from __future__ import annotations

import select
import sys
from contextvars import Context
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..http.body import EMPTY, Body
from ..http.expect_continue import send_continue
from ..http.head import HeadParser
from ..http.refusal import HEAD_TIMEOUT, TOO_MANY_STREAMS, Deferred, HostRefused, RequestRefused
from ..http.software import SOFTWARE
from ..io.wire import Wire
from .access_log.exchange import Exchange, current
from .body_choice import body_of, with_length
from .environ import Environs
from .raw_socket import RawSocket
from .response import ServerHandler
from .server_context import Handoff, ServerContext
from .server_responses import ServerResponses
from .socketless import is_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http.head import Head

HURRY_S = 0.1
_LOG_HOOKS = ("log_message", "log_request", "log_error")
_HOOKS = (*_LOG_HOOKS, "address_string", "send_error", "handle_expect_100")


class WSGIRequestHandler(ServerResponses):
    """Serves one connection.

    Attributes:
        client_address, command, path, request_version, requestline, headers, rfile, wfile, close_connection, server: as
            ``http.server`` documents them; ``headers`` is made when it is asked for.
        lenient: accept what ``http.server`` documents that it accepts: lines that end in LF alone, runs of white space
            in the request line, HTTP/0.9. Each has let requests be smuggled.
        wire, server_context: the connection's bytes; what its server's connections share.
        head, exchange: the current request's, or the last one's.
        handoff_target: the server that answers the request which was read; the pool passes the connection on.
        started: when the current request began (CLOCK_MONOTONIC).
    """

    protocol_version = "HTTP/1.1"
    server_version = SOFTWARE
    lenient = False
    _answers_errors = _answers_expectations = False  # a subclass has a send_error, a handle_expect_100 of its own

    # Initial values are class attributes, here and in the base classes. No __init__ could set them: socketserver's
    # serves the whole connection before it returns, and of_connection calls none.
    server: Any
    client_address: Any
    server_context: ServerContext
    hijacked: RawSocket | None = None
    handoff_target: Handoff | None = None
    _pending_head: bytes | None = None  # the head of the next request, or of one that goes back unanswered
    _relay_application: Any = None  # answers this request instead of the server's application
    _refusal: RequestRefused | None = None  # of the next request
    close_connection = True
    raw_requestline = b""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = {name for name in _HOOKS if getattr(cls, name) is not getattr(WSGIRequestHandler, name)}
        cls._logs_itself = not own.isdisjoint(_LOG_HOOKS)
        cls._names_clients = "address_string" in own
        cls._answers_errors = "send_error" in own
        cls._answers_expectations = "handle_expect_100" in own

    # -- the connection

    def setup(self) -> None:
        """Set up the connection, or the files if the request is not a socket."""
        if self.server is None or not is_socket(self.request):
            self._set_up_files()
            return
        server_context = ServerContext.of(self.server, self.make_sink)
        persistent = self.protocol_version >= "HTTP/1.1"  # http.server's switch for it, and socketserver's time-out
        if self.timeout is not None or not persistent:
            server_context = server_context.adapted(self.timeout, persistent=persistent)
        self.connection = self.request
        if hasattr(self.request, "pending"):  # accepted from a listening socket that ssl has wrapped
            from ..io.tls import TlsWire  # noqa: PLC0415  ssl is loaded then, and only then

            self.begin(server_context, TlsWire(None, self.request, server_context.limits))
        else:
            self.begin(server_context, Wire(self.request, server_context.limits))

    @classmethod
    def of_connection(
        cls, wire: Wire, client_address: Any, server: Any, server_context: ServerContext
    ) -> WSGIRequestHandler:
        """Make the handler of a connection that the pool serves, one request at a time.

        ``socketserver`` would serve the whole connection in the constructor.
        """
        handler = cls.__new__(cls)
        handler.request = handler.connection = wire.sock
        handler.client_address = client_address
        handler.server = server
        handler.begin(server_context, wire)
        return handler

    def begin_request(self, raw: bytes | None, started: float, refusal: RequestRefused | None) -> None:
        """Take the head of the next request, which the pool has found, or the reason why it is refused."""
        self._pending_head = raw
        self.started = started
        if refusal is not None:
            self._refusal = refusal

    def take_unserved_head(self) -> bytes | None:
        """Return the head of the request that was not answered: its body has not come, or another server answers it."""
        raw, self._pending_head = self._pending_head, None
        return raw

    def end_connection(self) -> None:
        """Let no other request follow: serving one has failed."""
        self.close_connection = True

    def begin(self, server_context: ServerContext, wire: Wire) -> None:
        """Serve this wire; ``server`` and ``client_address`` are set."""
        self.server_context = server_context
        self.wire = wire
        self.socketless = False
        if self.lenient:
            wire.loosen()
        self._address = self.client_address[0] if self.client_address else ""
        self._parser = HeadParser(
            server_context.fields, lenient=self.lenient, secure=wire.secure, persistent=server_context.persistent
        )
        self._environs = Environs(
            server_context.base,
            self.client_address,
            scheme="https" if wire.secure else "http",
            multithread=server_context.multithread,
        )

    def handle(self) -> None:
        """Serve requests until one is the last."""
        self.close_connection = True
        self.handle_one_request()
        while not self.close_connection:
            self.handle_one_request()
        if self.socketless:
            self._end_files()
        elif self.is_clean:
            self.wire.end()
        elif self.hijacked is None:
            # A server without keep-alive serves one connection at a time: it lingers only briefly for a client that has
            # its answer. Later bytes of this client are not served: the answer said ``Connection: close``.
            hurries = self._owes_nothing and not self.server_context.persistent
            self.wire.linger(HURRY_S if hurries else self.server_context.limits.linger_s)

    def finish(self) -> None:
        """End the files; a connection has nothing buffered."""
        if self.socketless:
            self._finish_files()

    # -- one request

    def handle_one_request(self) -> None:
        """Read a head and run the application; ``close_connection`` says whether another request may follow."""
        self.close_connection = True
        try:
            head = self._next_head()
            if head is None:
                return
            fields = head.fields
            self.close_connection = not fields.keep_alive  # documented, and a hook may say otherwise
            environ = self.get_environ()
            server_context = self.server_context
            # Both checks run for every request: they call a function of ours only if there is something to do.
            handoff, allowed = server_context.handoff, server_context.allowed_hosts
            if handoff is not None and head.path.startswith(handoff.prefix) and self._hand_off(handoff, head):
                return
            if allowed is not None and environ.get("HTTP_HOST") not in server_context.served_hosts:
                _check_host(allowed, environ)
            if (fields.upgrade or fields.chunked or head.path == "*") and self._answer_or_prepare(head, environ):
                return
        except RequestRefused as refusal:
            self._answer_refusal(refusal)
            return
        body, wire = self._body, self.wire
        run = ServerHandler(body, wire, self.get_stderr(), environ)
        run.request_handler = self
        run.exchange = self.exchange = exchange = Exchange(
            head, self._address, server_context.port, self.started, environ["appliance.request_id"]
        )
        if server_context.begin is not None:
            server_context.begin(exchange, self._raw)
        if fields.upgrade:
            environ["werkzeug.socket"] = self.hijacked = RawSocket(wire, exchange, self.take_socket)
        # Each request has a context of its own, as in a thread of its own: the next must not see what this one sets.
        Context().run(self._run, run, exchange)
        if self.hijacked is not None and self._end_hijacked(exchange):
            return
        if not (run.persistent and (body.ended or body.drain(server_context.limits))):
            self.close_connection = True

    def _hand_off(self, handoff: Handoff, head: Head) -> bool:
        """Leave a request to another server, if it is one of that server's; False if it is not, or must be relayed."""
        if not handoff.applies(head):
            return False
        if self.wire.movable:
            self._pending_head, self.handoff_target, self.close_connection = self._raw, handoff, False
            return True
        self._relay_application = handoff.relay_application(self._raw)
        return False

    def _end_hijacked(self, exchange: Exchange) -> bool:
        """End the connection after its upgrade, if the application has taken the socket; False if it has not."""
        hijacked = self.hijacked
        if hijacked is None or not exchange.hijacked:
            self.hijacked = None
            return False
        self.close_connection = True
        hijacked.finish()
        return True

    def _run(self, run: ServerHandler, exchange: Exchange) -> None:
        current.set(exchange)
        application, self._relay_application = self._relay_application or self.server.get_app(), None
        run.run(application if self.hijacked is None else self.hijacked.offered_to(application))

    def _next_head(self) -> Head | None:
        """Return the head that the pool has read, or wait for the next one; None if the client has stopped sending."""
        raw = self._pending_head
        if raw is not None:
            self._pending_head = None
        else:
            self.head = self.exchange = None
            self._body = EMPTY
            self._raw = b""
            if self.socketless:
                self._serve_from_files()
                return None
            if self._refusal is not None:
                refusal, self._refusal = self._refusal, None
                raise refusal
            self.started = monotonic()
            raw = self.wire.pop_head() or self.wait_for_head()
            if raw is None:
                return None
        self._raw = raw
        self.head = None  # this one may be refused
        self.head = head = self._parser.parse(raw)
        if self._answers_expectations and head.fields.expects:
            self._sends_continue = False
            if not self.handle_expect_100():
                return None
        fields = head.fields
        self._body = self._body_of(head) if fields.length or fields.chunked else EMPTY
        if self._reader is not None:
            self._reader.body = self._body
        return head

    def _body_of(self, head: Head) -> Body:
        sends_continue = head.fields.expects and (self._sends_continue or not self._answers_expectations)
        return body_of(self, head, self._send_continue if sends_continue else None)

    def _answer_refusal(self, refusal: RequestRefused) -> None:
        if isinstance(refusal, Deferred):
            self._pending_head, self.close_connection = self._raw, False
            return
        self.close_connection = True
        if self._answers_errors:
            self.send_error(refusal.status, None, refusal.reason)
        else:
            self._refuse(refusal)

    def wait_for_head(self) -> bytes | None:
        """Return the next head, once it is whole; None if none begins in time, or the client closes.

        Raises:
            RequestRefused: a head has begun, and is not whole in time.
        """
        wire, limits = self.wire, self.server_context.limits
        begun = bool(wire.buffer)
        deadline = monotonic() + (limits.header_timeout_s if begun else limits.idle_timeout_s)
        try:
            while True:
                if not wire.fill():
                    wire.wait(select.POLLIN, deadline - monotonic())
                    continue
                if not begun:
                    self.started = monotonic()
                raw = wire.pop_head()
                if raw is not None or wire.ended:
                    return raw
                if wire.buffer and not begun:
                    begun = True
                    deadline = self.started + limits.header_timeout_s
        except TimeoutError:
            if wire.buffer:
                raise RequestRefused(408, HEAD_TIMEOUT) from None
        except OSError:
            wire.ended = True
        return None

    def _answer_or_prepare(self, head: Head, environ: dict[str, Any]) -> bool:
        """Answer ``*``, and return True; prepare what else is rare: an upgrade, a chunked body."""
        # Few clients that offer another protocol (h2c: curl and Java's client do with every request) need it.
        if head.fields.upgrade and "websocket" in head.values["HTTP_UPGRADE"].lower():
            may_stream = getattr(self.server, "may_stream", None)
            if may_stream is not None and not may_stream():
                raise RequestRefused(503, TOO_MANY_STREAMS)
        if head.path == "*":
            self._answer_options(head)
            return True
        if head.fields.chunked and isinstance(self._body, Body):
            self.exchange = None  # the last request's was answered, and this one's 100 (Continue) is still to be sent
            self._body = with_length(self, self._body, environ)
        return False

    def _send_continue(self) -> None:
        """Send 100 (Continue), unless the body or the final response is on its way."""
        if self.exchange is None or not self.exchange.status:
            send_continue(self.wire)

    def take_socket(self) -> bool:
        """Let the application take the socket, which the pool then forgets; False if too many are taken."""
        release = getattr(self.server, "release_connection", None)
        return release is None or bool(release(self))

    def begin_stream(self) -> bool:
        """Take a thread for a long time; False if too many requests have one."""
        begin = getattr(self.server, "begin_stream", None)
        return begin is None or bool(begin(self))

    @property
    def is_clean(self) -> bool:
        """Whether closing at once resets nothing: the client asked for the close, and has sent all it announced."""
        return self._owes_nothing and self.head is not None and not self.head.fields.keep_alive

    @property
    def _owes_nothing(self) -> bool:
        """Whether all that the client announced has come."""
        return self.head is not None and self.hijacked is None and bool(self._body.ended) and not self.wire.buffer

    # -- what subclasses may use or replace

    def get_environ(self) -> dict[str, Any]:
        """Return the request's environ, without its streams."""
        head = self.head
        if head is None:
            if self.socketless:
                return self._environ_of_files()
            raise RuntimeError("there is no request")
        environ = self._environs.make(head)
        if head.fields.forwarded is not None:
            self.server_context.proxies.apply(environ, head.fields.forwarded)
        environ["appliance.request_id"] = self.server_context.ids.of(head.values)
        return environ

    def get_stderr(self) -> Any:
        """Return the file that ``wsgi.errors`` is."""
        return sys.stderr

    def address_string(self) -> str:
        """Return the client's address; its name is not looked up."""
        return str(self._address)

    def parse_request(self) -> bool:
        """Parse the rest of the head, for a subclass that reads the request line itself into ``raw_requestline``."""
        if self.socketless:
            return super().parse_request()
        self.close_connection = True
        self.wire.push(self.raw_requestline)
        try:
            head = self._next_head()
        except RequestRefused as refusal:
            self._answer_refusal(refusal)
            return False
        self.close_connection = head is None or not head.fields.keep_alive
        return head is not None

    def response_ended(self, *, persistent: bool) -> None:
        """Note whether another request may follow, for a subclass that runs a ``ServerHandler`` itself."""
        if not (persistent and (self._body.ended or self._body.drain(self.server_context.limits))):
            self.close_connection = True


def _check_host(allowed: Callable[[str], bool], environ: dict[str, Any]) -> None:
    """Refuse a request for a host that is not served."""
    host = environ.get("HTTP_HOST")
    if host is not None and not allowed(host):
        raise HostRefused(host)
