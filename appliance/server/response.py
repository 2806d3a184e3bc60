"""``ServerHandler``: run the application, frame and write its response (PEP 3333; RFC 9112, 6 and 7).

Owns the order of a response's steps and how its content is delimited; must not know how a head is parsed or a connection is
scheduled. Runs in the thread of its request.

Theory of operation. Nothing is sent until the first content is known, so that head and content leave in one send, and so
that a failure before it can still be a 500. Content whose length is known (a list, one item, Content-Length) is sent with
it, and held to it both ways; other content is chunked to HTTP/1.1 and ends with the connection for HTTP/1.0.
"""

from __future__ import annotations

import sys
import time
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Iterable
from wsgiref.handlers import SimpleHandler
from wsgiref.headers import Headers

from .body import BodyError, LengthBody
from .exchange import Exchange
from .framing import delimit
from .filewrapper import FileWrapper, file_range
from .limits import Limits
from .refusal import Refused, answer
from .responsehead import ApplicationFault, ResponseFields, ResponseHeads
from .software import SOFTWARE
from .streams import FileWire, Reader, Writer
from .wire import Wire

if TYPE_CHECKING:
    from .handler import WSGIRequestHandler
    from .head import Head

# A file up to this size is read and sent with its head; sendfile saves nothing there.
_SMALL_FILE = 65_536
# How long an iterable is consumed for a HEAD request, whose content nobody gets.
_HEAD_ONLY_S = 1.0


class ClientGone(ConnectionAbortedError):  # noqa: N818 (wsgiref's name for it is an Aborted, too)
    """The client has left, or does not read, and the response can't be sent."""


class ServerHandler(SimpleHandler):
    """Runs one application once, as wsgiref's does, whose methods it keeps.

    Attributes:
        request_handler: the connection's handler; None when it runs without one.
        exchange: the record that it fills in.
        persistent: the connection can serve another request; final once ``run`` returned.
    """

    http_version = "1.1"
    server_software = SOFTWARE
    os_environ: ClassVar[dict[str, str]] = {}  # never the process's
    wsgi_file_wrapper = FileWrapper
    request_handler: WSGIRequestHandler | None = None
    exchange: Exchange | None = None
    persistent = False
    code = 0
    _head: Head | None = None
    _heads: ResponseHeads | None = None
    _fields: ResponseFields | None = None
    _pairs: list[tuple[str, str]] | None = None
    _view: Headers | None = None
    _line = b""
    _content = True  # the response has content to send
    _chunked = False
    _left = -1  # of a known length, what is still to be sent
    _surplus = 0
    _gone = False
    _closed = False

    def __init__(  # wsgiref's signature
        self,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        environ: dict[str, Any],
        multithread: bool = True,  # noqa: FBT001, FBT002
        multiprocess: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.base_env = environ
        self.wsgi_multithread = multithread
        self.wsgi_multiprocess = multiprocess

    # -- before the application

    def run(self, application: Any) -> None:
        """Call the application, send its response, close its iterable."""
        try:
            self.setup_environ()
            self.result = application(self.environ, self.start_response)
            self.finish_response()
        except BaseException as error:  # noqa: BLE001 (whatever it is, the client gets an answer)
            self._failed(error)

    def setup_environ(self) -> None:
        """Complete the environ with the streams and the server's side."""
        self._attach()
        environ = self.environ = self.base_env
        environ["wsgi.input"] = self.stdin
        environ["wsgi.errors"] = self.stderr
        environ["wsgi.file_wrapper"] = self.wsgi_file_wrapper
        if "wsgi.version" not in environ:  # not one of ours
            environ["wsgi.version"] = self.wsgi_version
            environ["wsgi.run_once"] = self.wsgi_run_once
            environ["wsgi.url_scheme"] = self.get_scheme()
            environ["wsgi.multithread"] = self.wsgi_multithread
            environ["wsgi.multiprocess"] = self.wsgi_multiprocess
            environ["wsgi.input_terminated"] = True
        if "SERVER_SOFTWARE" not in environ and self.server_software:
            environ["SERVER_SOFTWARE"] = self.server_software

    def _attach(self) -> None:
        """Find the connection's side of this request, or do without."""
        handler = self.request_handler
        if type(self.stdout) is Writer:
            self.stdout = self.stdout.wire
        if handler is not None:
            self._head = handler.head
            self._heads = handler.equipment.heads
            if type(self.stdin) is Reader:
                self.stdin = self.stdin.body
            if self.exchange is None:
                self.exchange = handler.new_exchange()
            return
        self._heads = ResponseHeads(self.server_software or SOFTWARE)
        length = str(self.base_env.get("CONTENT_LENGTH") or "0")
        if not isinstance(self.stdin, LengthBody):
            size = int(length) if length.isascii() and length.isdigit() else 0
            self.stdin = LengthBody(FileWire(self.stdin, None), Limits(), size)
        if not isinstance(self.stdout, Wire):
            self.stdout = FileWire(None, self.stdout)
        self.exchange = Exchange(None, str(self.base_env.get("REMOTE_ADDR", "")), 0, monotonic(), "")

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], None]:
        """PEP 3333's.

        Raises:
            ApplicationFault: the status or a header is none, or it was called before.
        """
        if exc_info:
            try:
                if self.headers_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no circle through the frame
        elif self.status is not None:
            raise ApplicationFault("start_response was called twice, the second time without exc_info (PEP 3333)")
        heads = self._heads
        if heads is None:
            raise ApplicationFault("start_response was called outside a request")
        try:
            self.code, self._line = heads.statuses[status]
        except TypeError:  # unhashable
            raise ApplicationFault(f"the status must be a str, not {status!r:.80}") from None
        self._fields = heads.fields(headers)
        self._pairs = headers
        self._view = None
        self.status = status
        return self.write

    @property
    def headers(self) -> Headers | None:  # type: ignore[override]  # wsgiref has a plain attribute
        """The response's headers, which a subclass's ``cleanup_headers`` may change; None before ``start_response``."""
        if self._view is None and self._pairs is not None:
            self._pairs = list(self._pairs)
            self._view = Headers(self._pairs)
        return self._view

    # -- the response

    def finish_response(self) -> None:
        """Send the iterable's content, then close."""
        result: Any = self.result
        kind = type(result)
        if (kind is list or kind is tuple) and not self.headers_sent:
            self._check_begun()
            self._send_all(result[0] if len(result) == 1 else _joined(result))
        elif not (self.result_is_file() and self.sendfile()):
            self._send_items(result)
        self.finish_content()
        self.close()

    def _send_items(self, result: Iterable[bytes]) -> None:
        single = False
        if not self.headers_sent:
            try:
                single = len(result) == 1  # type: ignore[arg-type]  # PEP 3333 lets a server ask
            except TypeError:
                pass
        for data in result:
            if single and data and not self.headers_sent:
                self._check_begun()
                self._send_all(data)
            else:
                self.write(data)
            if self._head_only_is_over():
                return

    def _head_only_is_over(self) -> bool:
        if self._content or not self.headers_sent or self.exchange is None:
            return False
        return monotonic() - self.exchange.started > _HEAD_ONLY_S

    def _check_begun(self) -> None:
        if self.status is None:
            raise ApplicationFault("the application gave content before it called start_response (PEP 3333)")

    def _send_all(self, data: bytes) -> None:
        """Head and the whole content, which is this."""
        if type(data) is not bytes:
            raise _no_bytes(data)
        parts = self._frame(len(data))
        if self._content and data:
            data = self._fit(data)
            parts.append(data)
            self.bytes_sent = len(data)
        self._transmit(parts)

    def write(self, data: bytes) -> None:
        """PEP 3333's: send it before returning; the head before the first content."""
        if type(data) is not bytes:
            raise _no_bytes(data)
        self._check_begun()
        if not data:
            return  # PEP 3333: the head waits for the first content that is not empty
        parts = [] if self.headers_sent else self._frame(None)
        if self._content:
            data = self._fit(data)
            if data:
                self.bytes_sent += len(data)
                if self._chunked:
                    data = b"%x\r\n%b\r\n" % (len(data), data)
                parts.append(data)
        if parts:
            self._transmit(parts)

    def _fit(self, data: bytes) -> bytes:
        """As much of it as Content-Length still allows."""
        left = self._left
        if left < 0:
            return data
        size = len(data)
        if size > left:
            self._surplus += size - left
            data = data[:left]
            size = left
        self._left = left - size
        return data

    def send_headers(self) -> None:
        """Send the head by itself."""
        self._transmit(self._frame(None))

    def cleanup_headers(self) -> None:
        """For subclasses: change ``self.headers`` before they are sent."""

    def _frame(self, size: int | None) -> list[bytes]:
        """The head, once; decides how the content, of so many bytes if that is known, is delimited."""
        self.headers_sent = True
        self.cleanup_headers()
        heads, fields, exchange, head = self._heads, self._fields, self.exchange, self._head
        if heads is None or fields is None or exchange is None:
            raise ApplicationFault("the response was sent outside a request")
        if self._view is not None:
            fields = self._fields = heads.fields(self._view._headers)  # type: ignore[attr-defined]  # noqa: SLF001 (wsgiref offers no list)
        error = getattr(self.stdin, "error", None)
        if error is not None and self.code >= 500:
            self.headers_sent = False
            raise error  # the client's fault, taken by the application for its own
        minor = 1 if head is None else head.minor
        framing, self._content, self._left = delimit(
            code=self.code,
            declared=fields.length,
            size=size,
            head_only=self.base_env.get("REQUEST_METHOD") == "HEAD",
            minor=minor,
        )
        unknown = self._content and self._left < 0
        self._chunked = unknown and minor > 0
        exchange.streaming = unknown or size is None
        if unknown and b"text/event-stream" in fields.block:
            exchange.endless = True
            if self.request_handler is not None and not self.request_handler.may_stream():
                self.headers_sent = exchange.endless = False
                raise Refused(503, "too many streams and WebSockets are open")
        persistent = head is not None and head.keep_alive and not fields.close and self._may_persist()
        if not persistent or (unknown and not self._chunked):
            persistent = False
            framing += b"Connection: close\r\n"
        elif minor == 0:
            framing += b"Connection: keep-alive\r\n"
        self.persistent = persistent
        exchange.status = self.code
        if not fields.request_id and exchange.request_id:
            framing += b"X-Request-ID: %s\r\n" % exchange.request_id.encode()
        if minor < 0:  # HTTP/0.9: the content alone
            return []
        return [self._line, fields.block, heads.origin(fields), framing, b"\r\n"]

    def _may_persist(self) -> bool:
        handler = self.request_handler
        if handler is None or not handler.equipment.persistent:
            return False
        return bool(self.stdin.ended or self.stdin.drainable(handler.equipment.limits))

    def _transmit(self, parts: list[bytes]) -> None:
        exchange = self.exchange
        try:
            self.stdout.send_parts(parts)
        except OSError as error:
            self._gone = True
            raise ClientGone(str(error)) from error
        if exchange is not None and not exchange.answered:
            exchange.answered = monotonic()

    def sendfile(self) -> bool:
        """Send a ``wsgi.file_wrapper`` from kernel to kernel; False where that can't be."""
        found = file_range(self.result.filelike)  # type: ignore[attr-defined]  # result_is_file said so
        if found is None or self.headers_sent:
            return False
        self._check_begun()
        descriptor, offset, size = found
        if size <= _SMALL_FILE or self.stdout.secure:
            if size > _SMALL_FILE:
                return False
            self._send_all(self.result.filelike.read(size))  # type: ignore[attr-defined]  # as above
            return True
        self._transmit(self._frame(size))
        if self._content:
            count = min(size, self._left) if self._left >= 0 else size
            self._surplus = size - count
            try:
                sent = self.stdout.send_file(descriptor, offset, count)
            except OSError as error:
                self._gone = True
                raise ClientGone(str(error)) from error
            self.bytes_sent += sent
            self._left -= sent
        return True

    def finish_content(self) -> None:
        """The end of the content: the head if there was none, the last chunk, and whether it was as long as promised."""
        if not self.headers_sent:
            self._check_begun()
            self._transmit(self._frame(0))
        elif self._chunked:
            self._transmit([b"0\r\n\r\n"])
        if self._surplus or self._left > 0:
            self._misjudged()

    def _misjudged(self) -> None:
        exchange = self.exchange
        if exchange is None:
            return
        promised = self.bytes_sent + max(0, self._left)
        if self._left > 0:
            self.persistent = False
            exchange.reason = f"the application gave {self.bytes_sent} of {promised} bytes of Content-Length"
            self._event("warning", "response.short", promised=promised, sent=self.bytes_sent)
        else:
            self._event("warning", "response.long", promised=promised, surplus=self._surplus)

    # -- the end, good or bad

    def close(self) -> None:
        """Finish the record, then close the iterable; once."""
        if self._closed:
            return
        self._closed = True
        exchange = self.exchange
        if exchange is not None:
            exchange.finished = monotonic()
            exchange.ended = time.time()
            exchange.body_size = self.bytes_sent
            if self.request_handler is not None:
                self.request_handler.log_exchange(exchange)
        result, self.result = self.result, None  # a generator's frame holds start_response, which holds us
        closing = getattr(result, "close", None)
        if closing is not None:
            try:
                closing()
            except Exception as error:  # noqa: BLE001 (the response is out; all that is left is to tell)
                self._report(error)

    def _failed(self, error: BaseException) -> None:
        """Whatever ended the application early; the connection goes, unless an answer can still be given."""
        exchange = self.exchange
        if exchange is None:
            raise error
        if exchange.hijacked:
            if not isinstance(error, (OSError, StopIteration)):
                self._report(error)
        elif self._gone:
            exchange.event = "request.aborted"
            exchange.reason = f"the client left after {self.bytes_sent} bytes of the response"
            self.persistent = False
        elif isinstance(error, Refused) or (
            isinstance(error, BodyError) and error is getattr(self.stdin, "error", None)
        ):
            self._refuse(error)
        else:
            try:
                self.handle_error()
            except BaseException as second:  # noqa: BLE001 (an error about an error)
                self.persistent = False
                if not self._gone:
                    self._report(second)
        self.close()
        if isinstance(error, KeyboardInterrupt):
            raise error

    def _refuse(self, error: BodyError | Refused) -> None:
        self.persistent = False
        exchange = self.exchange
        if exchange is None:
            return
        exchange.event = "request.aborted" if error.status == 400 and self.stdout.ended else "request.refused"
        exchange.reason = error.reason
        if not self.headers_sent and self._heads is not None:
            self.headers_sent = True
            exchange.status = error.status
            try:
                self._transmit([answer(error.status, error.reason, date=self._heads.date())])
            except ClientGone:
                exchange.event = "request.aborted"

    def handle_error(self) -> None:
        """Tell of the exception that is being handled, and answer with a page where that is still possible."""
        self.log_exception(sys.exc_info())
        if self.headers_sent:
            self.persistent = False
            if self.exchange is not None:
                self.exchange.reason = f"the application failed after {self.bytes_sent} bytes of the response"
            return
        close_quietly(self.result)
        self.result = self.error_output(self.environ, self.start_response)
        self.finish_response()

    def error_output(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """The page: a traceback, since this is for development."""
        from .errorpage import page_of, render  # noqa: PLC0415 (20 ms that only a failure costs)

        error = sys.exc_info()[1]
        kind, content = render(page_of(error), environ.get("HTTP_ACCEPT", ""))
        start_response(
            "500 Internal Server Error",
            [("Content-Type", kind), ("Cache-Control", "no-store")],
            (type(error), error, error.__traceback__ if error else None),
        )
        return [content]

    def log_exception(self, exc_info: Any) -> None:
        """One event, with the traceback."""
        self._report(exc_info[1])

    def _report(self, error: BaseException) -> None:
        from .errorpage import report  # noqa: PLC0415 (as above)

        found = report(error, kind="request")
        self._event(
            "error",
            "application.failed",
            error=f"{found['type']}: {found['message']}",
            file=found["file"],
            line=found["line"],
            traceback=found["text"],
        )

    def _event(self, level: str, event: str, **fields: object) -> None:
        if self.request_handler is not None and self.exchange is not None:
            fields["request_id"] = self.exchange.request_id
            self.request_handler.equipment.sink.event(level, event, fields)


def close_quietly(result: Any) -> None:
    """Close an iterable whose response is not sent; its own complaint would hide the first."""
    closing = getattr(result, "close", None)
    if closing is not None:
        try:
            closing()
        except Exception:  # noqa: BLE001, S110 (as the docstring says)
            pass


def _joined(items: Any) -> bytes:
    for item in items:
        if type(item) is not bytes:
            raise _no_bytes(item)
    return b"".join(items)


def _no_bytes(data: object) -> ApplicationFault:
    return ApplicationFault(f"content must be bytes (PEP 3333), not {type(data).__name__}")
