"""``WSGIRequestHandler``: serve one connection, request by request.

Each request takes this way: receive a head, decide who answers, run the application, keep the connection or close it.
The pool calls the handler once a request, ``socketserver`` once a connection. Runs in the thread that serves the
connection.

Kept from ``http.server`` and Django: the names, the documented instance variables, the hooks for subclasses. Left out:
the readers' buffers, ``email`` for each head (five times the cost of all the rest), leniency (see ``lenient``).
Decision 67 says why this is one class.
"""

from __future__ import annotations

import contextlib
from contextvars import Context
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any
from wsgiref.util import guess_scheme

from ..http.body import EMPTY, Body, Empty
from ..http.refusal import Deferred, RequestRefused
from ..http.software import SOFTWARE
from .access_log.exchange import Exchange, current
from .body_choice import body_of, with_length
from .environ import host_of
from .head_wait import wait_for_head
from .http_server_compat import HttpServerHandler
from .response import ServerHandler
from .server_context import Handoff, ServerContext
from .server_responses import answer_options, log_departed, refuse
from .socketless import environ_of_files, half_close, is_socket, serve_from_files
from .upgrades import check_upgrade, end_upgrade, offer_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http.head import Head, HeadParser
    from ..io.wire import Wire
    from .environ import Environs
    from .upgrades import RawSocket

HURRY_S = 0.1


class WSGIRequestHandler(HttpServerHandler):
    """Serves one connection.

    Attributes:
        client_address, command, path, request_version, requestline, headers, rfile, wfile, close_connection, server: as
            ``http.server`` documents them; ``headers`` is made when it is asked for.
        lenient: accept what ``http.server`` documents that it accepts: lines that end in LF alone, runs of white space
            in the request line, HTTP/0.9. Each has let requests be smuggled.
        wire, server_context: the connection's bytes; what its server's connections share.
        socketless: it has no connection, but files (``socketless``).
        head, exchange: the current request's, or the last one's.
        sends_continue: the client that expects 100 (Continue) gets it when the application asks for the body.
        handoff_target: the server that answers the request which was read; the pool passes the connection on.
        started: when the current request began (CLOCK_MONOTONIC).
    """

    protocol_version = "HTTP/1.1"
    server_version = SOFTWARE
    lenient = False

    # Initial values are class attributes. No __init__ could set them: socketserver.BaseRequestHandler's own __init__
    # serves the whole connection before it returns, and of_connection calls no __init__.
    server: Any
    client_address: Any
    server_context: ServerContext
    wire: Wire  # unset while ``socketless``
    socketless = True  # until ``begin``
    close_connection = True
    head: Head | None = None
    exchange: Exchange | None = None
    started = 0.0
    sends_continue = False
    hijacked: RawSocket | None = None
    handoff_target: Handoff | None = None
    raw_requestline = b""
    _address = ""
    _parser: HeadParser
    _environs: Environs
    _raw = b""  # the current request's head
    _body: Body | Empty = EMPTY
    _pending_head: bytes | None = None  # the head of the next request, or of one that goes back unanswered
    _refusal: RequestRefused | None = None  # of the next request
    _relay_application: Any = None  # answers this request instead of the server's application

    # -- the connection

    def setup(self) -> None:
        """Set up the connection, or the files if the request is not a socket."""
        server_context = ServerContext.of(self.server, self.make_sink)
        if self.server is None or not is_socket(self.request):
            self.server_context = server_context
            self._address = host_of(self.client_address)
            super().setup()
            return
        persistent = self.protocol_version >= "HTTP/1.1"  # http.server's switch for it, and socketserver's time-out
        if self.timeout is not None or not persistent:
            server_context = server_context.adapted(self.timeout, persistent=persistent)
        self.connection = self.request
        self.begin(server_context, server_context.wire_of(self.request))
        self.find_hooks()
        if type(self).get_environ is not WSGIRequestHandler.get_environ:
            # Set in the instance: for a handler that makes no environ of its own, there is nothing to do or to ask.
            self.get_environ = partial(self._completed, self.get_environ)  # type: ignore[method-assign]

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

    def begin(self, server_context: ServerContext, wire: Wire) -> None:
        """Serve this wire; ``server`` and ``client_address`` are set."""
        self.server_context = server_context
        self.wire = wire
        self.socketless = False
        if self.lenient:
            wire.loosen()
        self._parser = server_context.head_parser(lenient=self.lenient, secure=wire.secure)
        self._take_client()

    def _take_client(self) -> None:
        self._address = host_of(self.client_address)
        self._environs = self.server_context.environs(self.client_address, secure=self.wire.secure)

    def handle(self) -> None:
        """Serve requests until one is the last."""
        if not self.socketless and host_of(self.client_address) != self._address:
            self._take_client()  # a subclass has set it, by the PROXY protocol or for a Unix socket
        self.close_connection = True
        self.handle_one_request()
        while not self.close_connection:
            self.handle_one_request()
        if self.socketless:
            half_close(self)
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
            super().finish()

    # -- one request

    def begin_request(self, raw: bytes | None, started: float, refusal: RequestRefused | None) -> None:
        """Take the head of the next request, which the pool has found, or the reason why it is refused."""
        self._pending_head = raw
        self.started = started
        if refusal is not None:
            self._refusal = refusal

    def handle_one_request(self) -> None:
        """Read a head and run the application; ``close_connection`` says whether another request may follow."""
        self.close_connection = True
        if self.socketless:
            serve_from_files(self)
            return
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
                server_context.check_host(environ)
            if (fields.upgrade or fields.chunked or head.path == "*") and self._answer_or_prepare(head, environ):
                return
        except RequestRefused as refusal:
            self._answer_refusal(refusal)
            return
        # Each request has a context of its own, as in a thread of its own: the next must not see what this one sets.
        persistent = Context().run(self._run, head, environ)
        if self.hijacked is not None and end_upgrade(self):
            return
        if not (persistent and self._body.ended):  # for most requests there is nothing to do, and no call
            self.response_ended(persistent=persistent)

    # -- receive a head

    def _next_head(self) -> Head | None:
        """Return the head that the pool has read, or wait for the next one; None if the client has stopped sending."""
        raw = self._pending_head
        if raw is not None:
            self._pending_head = None
        else:
            self.head = self.exchange = None
            self._body = EMPTY
            self._raw = b""
            if self._refusal is not None:
                refusal, self._refusal = self._refusal, None
                raise refusal
            self.started = monotonic()
            raw = self.wire.pop_head() or wait_for_head(self)
            if raw is None:
                return None
        self._raw = raw
        self.head = None  # this one may be refused
        self.head = head = self._parser.parse(raw)
        fields = head.fields
        if fields.expects:
            self.sends_continue = False
            if not self.handle_expect_100():
                return None
        self._body = body_of(self, head) if fields.length or fields.chunked else EMPTY
        return head

    # -- decide who answers

    def get_environ(self) -> dict[str, Any]:
        """Return the request's environ, without its streams."""
        head = self.head
        if head is None:
            if self.socketless:
                return environ_of_files(self)
            raise RuntimeError("there is no request")
        environ = self._environs.make(head)
        if head.fields.forwarded is not None:
            self.server_context.proxies.apply(environ, head.fields.forwarded)
        environ["appliance.request_id"] = self.server_context.ids.of(head.values)
        return environ

    def _completed(self, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a subclass's environ, with its scheme by HTTPS, as wsgiref decides it, and with the request's id."""
        environ = make()
        if guess_scheme(environ) == "https":
            environ["wsgi.url_scheme"] = "https"
        if "appliance.request_id" not in environ and self.head is not None:
            environ["appliance.request_id"] = self.server_context.ids.of(self.head.values)
        return environ

    def _hand_off(self, handoff: Handoff, head: Head) -> bool:
        """Leave a request to another server, if it is one of that server's; False if it is not, or must be relayed."""
        if not handoff.applies(head):
            return False
        if self.wire.movable:
            self._pending_head, self.handoff_target, self.close_connection = self._raw, handoff, False
            return True
        self._relay_application = handoff.relay_application(self._raw, chunked=head.fields.chunked)
        return False

    def take_unserved_head(self) -> bytes | None:
        """Return the head of the request that was not answered: its body has not come, or another server answers it."""
        raw, self._pending_head = self._pending_head, None
        return raw

    def _answer_or_prepare(self, head: Head, environ: dict[str, Any]) -> bool:
        """Answer ``*``, and return True; prepare what else is rare: an upgrade, a chunked body."""
        if head.fields.upgrade:
            check_upgrade(self.server, head)
        if head.path == "*":
            answer_options(self, head, self._body)
            return True
        if head.fields.chunked and isinstance(self._body, Body):
            self.exchange = None  # the last request's was answered, and this one's 100 (Continue) is still to be sent
            self._body = with_length(self, self._body, environ)
        return False

    def _answer_refusal(self, refusal: RequestRefused) -> None:
        """Answer, and close; or give the head back, if the request is served once its body has come."""
        if isinstance(refusal, Deferred):
            self._pending_head, self.close_connection = self._raw, False
        elif type(self).send_error is WSGIRequestHandler.send_error:
            refuse(self, refusal)
        else:
            self.close_connection = True
            self.send_error(refusal.status, None, refusal.reason)

    def report_departed(self, raw: bytes, started: float) -> None:
        """Log a request whose client left before a thread was free for it; its application is not run."""
        self.close_connection = True
        self.started = started
        self._raw, self.head = raw, None
        with contextlib.suppress(RequestRefused):
            self.head = self._parser.parse(raw)
        log_departed(self)

    # -- run the application

    def _run(self, head: Head, environ: dict[str, Any]) -> bool:
        """Run the application; return whether its response lets another request follow."""
        server_context = self.server_context
        self.exchange = exchange = Exchange(
            head, self._address, server_context.port, self.started, environ["appliance.request_id"]
        )
        current.set(exchange)
        relay, self._relay_application = self._relay_application, None
        if relay is not None:
            exchange.logged = True  # an own page's request gets no line, as on a connection that can move
        elif server_context.begin is not None:
            server_context.begin(exchange, self._raw)
        run = ServerHandler(self._body, self.wire, self.get_stderr(), environ)
        run.request_handler = self
        run.exchange = exchange
        application = relay or self.server.get_app()
        if head.fields.upgrade:
            application = offer_socket(self, exchange, environ, application)
        run.run(application)
        return run.persistent

    def begin_stream(self) -> bool:
        """Take a thread for a long time; False if too many requests have one."""
        begin = getattr(self.server, "begin_stream", None)  # OptionalServerMethods
        return begin is None or bool(begin(self))

    # -- keep the connection, or close it

    @property
    def is_clean(self) -> bool:
        """Whether closing at once resets nothing: the client asked for the close, and has sent all it announced."""
        return self._owes_nothing and self.head is not None and not self.head.fields.keep_alive

    @property
    def _owes_nothing(self) -> bool:
        """Whether all that the client announced has come."""
        return self.head is not None and self.hijacked is None and bool(self._body.ended) and not self.wire.buffer

    # -- what subclasses may use or replace

    def parse_request(self) -> bool:
        """Parse the rest of the head, for a subclass that reads the request line itself into ``raw_requestline``."""
        if self.socketless:
            self.started = monotonic()
            return super().parse_request()
        self.wire.push(self.raw_requestline)
        try:
            head = self._next_head()
        except RequestRefused as refusal:
            self._answer_refusal(refusal)
            return False
        self._show_body()
        self.close_connection = head is None or not head.fields.keep_alive
        return head is not None

    def response_ended(self, *, persistent: bool) -> None:
        """Note whether another request may follow; also for a subclass that runs a ``ServerHandler`` itself."""
        if not (persistent and (self._body.ended or self._body.drain(self.server_context.limits))):
            self.close_connection = True
            self._body.release()

    def handle_expect_100(self) -> bool:
        """Whether the body may come; a subclass that returns False has answered. 100 is sent when the body is read."""
        if self.socketless:
            return super().handle_expect_100()
        self.sends_continue = True
        return True
