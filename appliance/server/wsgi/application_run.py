"""Run an application once (PEP 3333): set up its streams, end its record, close its iterable, answer its exceptions.

``response`` makes the response of a run that goes well. Runs in the thread of its request.
"""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol
from wsgiref import simple_server

from ...plural import counted
from ..http.body import EMPTY, BodyError
from ..http.refusal import NO_CLIENT, RequestRefused, answer
from ..http.response.file_wrapper import FileWrapper
from ..http.response.response_head import ResponseHeads
from ..http.software import SOFTWARE
from ..io.background.completion import end_when_sent, how_it_ended
from .failure_events import close_quietly, failure_page, log_failure
from .streams import Reader, Writer, standalone_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..io.wire import Wire
    from .access_log.exchange import Exchange
    from .server_context import ServerContext


# Up to this size head and content are joined: one copy is cheaper than a second buffer for the kernel.
JOIN = 16_384
_NO_FAILURE: tuple[BaseException | None, dict[str, Any]] = (None, {})


class ClientGone(ConnectionAbortedError):  # noqa: N818  wsgiref's name for it is an Aborted, too
    """The client has left, or does not read, so that the response can't be sent."""


class RequestHandler(Protocol):
    """The handler of a connection, as far as a run of the application needs it: ``WSGIRequestHandler``."""

    wire: Wire
    server_context: ServerContext
    exchange: Exchange | None
    socketless: bool
    close_connection: bool

    def new_exchange(self) -> Exchange:
        """Begin the current request's record."""

    def begin_stream(self) -> bool:
        """Take a thread for a long time; False if too many requests have one."""

    def response_ended(self, *, persistent: bool) -> None:
        """Note whether another request may follow on this connection."""

    def log_exchange(self, exchange: Exchange) -> None:
        """Write the record of a request that has ended."""


class ApplicationRun(simple_server.ServerHandler):
    """The part of ``ServerHandler`` around the response; its public attributes are documented there."""

    http_version = "1.1"
    server_software = SOFTWARE
    os_environ: dict[str, str] = {}  # noqa: RUF012  wsgiref's name; never the process's environment, never written
    wsgi_file_wrapper = FileWrapper
    # The initial values are class attributes, here and in ServerHandler, as in wsgiref: to set them for each request
    # costs 0.4 µs of its 8 µs.
    request_handler: RequestHandler | None = None
    exchange: Exchange | None = None
    persistent = False
    environ: dict[str, Any]
    bytes_sent: int = 0
    headers_sent: bool = False
    failure: tuple[BaseException | None, dict[str, Any]] = _NO_FAILURE  # an exception, and its report
    _heads: ResponseHeads
    _gone = False  # the client has left, or does not read
    _closed = False
    _attached = False  # a subclass of the handler runs it, or there is no connection

    def __init__(
        self,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        environ: dict[str, Any],
        multithread: bool = True,  # noqa: FBT001, FBT002  wsgiref's signature
        multiprocess: bool = False,  # noqa: FBT001, FBT002  as above
    ) -> None:
        self.stdin: Any = stdin
        self.stdout: Any = stdout
        self.stderr = stderr
        self.base_env = environ
        self.wsgi_multithread = multithread
        self.wsgi_multiprocess = multiprocess

    # -- the run, and its streams

    def run(self, application: Any) -> None:
        """Call the application, send its response, close its iterable."""
        try:
            self.setup_environ()
            self.result = application(self.environ, self.start_response)
            self.finish_response()
        except BaseException as error:  # noqa: BLE001  whatever it is, the client gets an answer
            self._failed(error)

    def setup_environ(self) -> None:
        """Complete the environ: the streams, and the keys that a subclass's ``get_environ`` has left out."""
        handler = self.request_handler
        exchange = self.exchange
        if handler is not None and exchange is not None:
            self._heads = handler.server_context.heads
            if exchange.details is not None and self.stdin is not EMPTY:
                self.stdin.copy = exchange.details.received
        else:
            self._attach(handler)
        environ: dict[str, Any] = self.base_env  # type: ignore[assignment]  # see environ
        self.environ = environ
        environ["wsgi.input"] = self.stdin
        environ["wsgi.errors"] = self.stderr
        if "wsgi.file_wrapper" not in environ:
            environ["wsgi.file_wrapper"] = self.wsgi_file_wrapper
            environ["wsgi.version"] = self.wsgi_version
            environ["wsgi.run_once"] = self.wsgi_run_once
            environ["wsgi.url_scheme"] = self.get_scheme()
            environ["wsgi.multithread"] = self.wsgi_multithread
            environ["wsgi.multiprocess"] = self.wsgi_multiprocess
            environ["wsgi.input_terminated"] = True
            environ.setdefault("SERVER_SOFTWARE", self.server_software or SOFTWARE)

    def _attach(self, handler: RequestHandler | None) -> None:
        """Find the parts of a run that a subclass made with ``rfile`` and ``wfile``, or that has no connection."""
        if isinstance(self.stdout, Writer):
            self.stdout = self.stdout.wire
        if isinstance(self.stdin, Reader):
            self.stdin = self.stdin.body
        if handler is None or handler.socketless:
            self.stdin, self.stdout, self.exchange = standalone_parts(self.stdin, self.stdout, self.base_env)
        software = self.server_software or SOFTWARE
        if handler is None or software != SOFTWARE:  # of a subclass
            self._heads = ResponseHeads(software)
        else:
            self._heads = handler.server_context.heads
        if handler is not None:
            self.exchange = handler.new_exchange()
            self._attached = True

    def _transmit(self, parts: list[bytes], size: int) -> None:
        """Send parts of the response, with so many bytes of content.

        Raises:
            ClientGone: they can't be sent.
        """
        exchange = self.exchange
        if exchange is not None and exchange.details is not None:
            exchange.details.sent(parts)
        try:
            if size <= JOIN:
                self.stdout.send(b"".join(parts))
            else:
                self.stdout.send_parts(parts)
        except OSError as error:
            raise self._client_gone(error) from error
        if exchange is not None and not exchange.answered:
            exchange.answered = monotonic()

    def _client_gone(self, error: OSError) -> ClientGone:
        """Note that nothing more can be sent, and return the exception that ends the application."""
        self._gone = True
        return ClientGone(str(error))

    # -- the end

    def close(self) -> None:
        """Finish the record, then close the iterable; once."""
        if not self._closed:
            self._closed = True
            self._close()
        self.failure = _NO_FAILURE  # its traceback refers to this object

    def _close(self) -> None:
        exchange = self.exchange
        if exchange is not None:
            if not exchange.finished:
                exchange.finish()
            exchange.body_size = self.bytes_sent
            handler = self.request_handler
            if handler is not None:
                if self.stdout.outgoing is None or self._gone or not end_when_sent(handler, exchange, self.bytes_sent):
                    handler.log_exchange(exchange)
                if self._attached:
                    if handler.socketless and not self.stdin.ended:  # the next request follows the body
                        self.persistent = self.stdin.drain(handler.server_context.limits) and self.persistent
                    handler.response_ended(persistent=self.persistent)
        result: Any = self.result
        self.result = None  # a generator's frame refers to start_response, and that to this object
        if type(result) is not list and (closing := getattr(result, "close", None)) is not None:
            try:
                closing()
            except Exception as error:  # noqa: BLE001  the response is sent: the error can only be logged
                log_failure(self, error)

    # -- exceptions

    def _failed(self, error: BaseException) -> None:
        """Handle an exception that ended the application: answer, or close the connection if that is too late."""
        exchange = self.exchange
        if exchange is None:
            raise error
        if exchange.hijacked:
            if not isinstance(error, (OSError, StopIteration, SystemExit)):
                log_failure(self, error)
        elif self._gone:
            self.bytes_sent = max(0, self.bytes_sent - self.stdout.unsent)
            exchange.event = "request.aborted"
            exchange.reason = how_it_ended(error.__cause__, self.bytes_sent)
            self.persistent = False
        elif isinstance(error, RequestRefused) or (isinstance(error, BodyError) and error is self.stdin.error):
            self._refuse(exchange, error)
        else:
            self._answer_failure()
        self.close()
        if isinstance(error, KeyboardInterrupt):
            raise error

    def _refuse(self, exchange: Exchange, error: BodyError | RequestRefused) -> None:
        self.persistent = False
        exchange.event = "request.aborted" if error.status == 400 and self.stdout.ended else "request.refused"
        exchange.reason = error.reason
        self._answer_plainly(exchange, error.status, error.reason)

    def _answer_plainly(self, exchange: Exchange, status: int, reason: str) -> None:
        """Answer without the application, if nothing was sent yet."""
        if not self.headers_sent:
            self.headers_sent = True
            exchange.status = status
            content = self.base_env.get("REQUEST_METHOD") != "HEAD"
            date, request_id = self._heads.date(), exchange.request_id
            data = answer(status, reason, date=date, request_id=request_id, content=content)
            try:
                self._transmit([data], 0)
            except ClientGone:
                exchange.event = "request.aborted"

    def _answer_failure(self) -> None:
        try:
            self.handle_error()
        except BaseException as second:  # noqa: BLE001  an error while another one is handled
            self.persistent = False
            if self._gone and self.exchange is not None:
                self.exchange.event = "request.aborted"
                self.exchange.reason = NO_CLIENT
            elif not self._gone:
                if self.exchange is not None:
                    self._answer_plainly(self.exchange, 500, "the application failed, and its error's page did too")
                log_failure(self, second)

    def handle_error(self) -> None:
        """Log the exception that is being handled, and answer with a page if nothing was sent yet."""
        self.log_exception(sys.exc_info())
        if self.headers_sent:
            self.persistent = False
            if self.exchange is not None:
                sent = counted(self.bytes_sent, "byte")
                self.exchange.reason = f"the application failed after {sent} of the response"
            return
        close_quietly(self.result)
        self.result = self.error_output(self.environ, self.start_response)
        self.finish_response()

    def error_output(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """Return the error page: it has a traceback, since this is a development server."""
        error = sys.exc_info()[1]
        headers, content = failure_page(self, error, environ.get("HTTP_ACCEPT", ""))
        start_response("500 Internal Server Error", headers, (type(error), error, None))
        return [content]

    def log_exception(self, exc_info: Any) -> None:
        """Log one event, with the traceback."""
        log_failure(self, exc_info[1])

    def log_event(self, level: str, event: str, **fields: object) -> None:
        """Put an event of this request into the server's sink."""
        if self.request_handler is not None and self.exchange is not None:
            fields["request_id"] = self.exchange.request_id
            self.request_handler.server_context.sink.event(level, event, fields)

    def page_context(self) -> dict[str, Any]:
        """Return further facts for the page of an exception: as many as the server's sink knows.

        ``OptionalSinkMethods`` has this method and the next.
        """
        handler = self.request_handler
        known = getattr(handler.server_context.sink, "page_context", dict) if handler is not None else dict
        return dict(known())

    def offer(self, needs: object) -> list[dict[str, Any]]:
        """Offer remedies for the failure of this request; return those that its page can show."""
        sink = self.request_handler.server_context.sink if self.request_handler is not None else None
        offer: Callable[[object], list[dict[str, Any]]] | None = getattr(sink, "offer", None)
        return offer(needs) if needs and offer is not None else []
