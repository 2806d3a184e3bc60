"""``ServerHandler``: frame and send a response (PEP 3333; RFC 9112, 6 and 7).

``application_run`` does what comes before and after a response. Runs in the thread of its request.

Theory of operation. Nothing is sent until the first content is known, so that head and content leave in one send, and
so that a failure before it can still be a 500. Content whose length is known (a list, one item, Content-Length) is sent
with its length, and must have neither less nor more; other content is chunked to HTTP/1.1 and ends with the connection
for HTTP/1.0.
"""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Any
from wsgiref.headers import Headers

from ..http.body import EMPTY
from ..http.head import PROTOCOLS
from ..http.refusal import TOO_MANY_STREAMS, RequestRefused
from ..http.response.content import check_result, is_single, join_items, not_bytes
from ..http.response.file_wrapper import file_range
from ..http.response.response_framing import delimit
from ..http.response.response_head import ApplicationFault, ResponseFields
from .application_run import JOIN, ApplicationRun
from .failure_events import log_wrong_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..http.body import Body, Empty
    from .access_log.exchange import Exchange

# Up to this size a file is read and sent with its head: sendfile saves nothing there, and costs a call.
_SMALL = 65_536
# Statuses whose responses may be plain: with content, and no failure whose cause must be found.
_PLAIN = frozenset(range(200, 500)) - {204, 205, 304}
# How long an iterable is consumed for a HEAD request, whose content is not sent.
_HEAD_ONLY_S = 1.0
_MINORS = {protocol: minor for minor, protocol in PROTOCOLS.items()}  # of a request whose head another library has read


class ServerHandler(ApplicationRun):
    """Runs one application once, as wsgiref's class does, whose methods it keeps.

    Attributes:
        request_handler: the connection's handler; None when it runs without one.
        exchange: the record that it fills in.
        persistent: the connection can serve another request; final once ``run`` returned.
    """

    # Class attributes for ApplicationRun's reason.
    status: str | None = None
    code = 0
    _fields: ResponseFields
    _view: Headers | None = None
    _line = b""
    _content = True  # the response has content to send
    _chunked = False
    _left = -1  # bytes of a known length that are still to be sent; else -1
    _surplus = 0
    _hooked = False  # this is a subclass, which may change the headers: no response of it is plain

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._hooked = True

    # -- status and headers

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Take status and headers (PEP 3333).

        Raises:
            ApplicationFault: one of them is malformed, or it was called before.
        """
        if exc_info:
            try:
                if self.headers_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # break the reference cycle with the frame
            self._view = None
        elif self.status is not None:
            raise ApplicationFault("start_response was called twice, the second time without exc_info (PEP 3333)")
        heads = self._heads
        try:
            self.code, self._line = heads.statuses[status]
        except TypeError:  # unhashable
            raise ApplicationFault(f"the status must be a str, not {status!r:.80}") from None
        exchange = self.exchange
        if exchange is not None and exchange.details is not None:
            headers = exchange.details.fields(exchange, headers)
        self._fields = heads.fields(headers)
        self.status = status
        return self.write

    @property
    def headers(self) -> Headers | None:
        """The response's headers, which a subclass's ``cleanup_headers`` may change; None before ``start_response``."""
        if self._view is None and self.status is not None:
            self._view = Headers(list(self._fields.pairs))
        return self._view

    # -- the content

    def finish_response(self) -> None:
        """Send the iterable's content, then close."""
        if self.exchange is not None and self.exchange.hijacked:
            self.close()  # what the application returns after that is not sent
            return
        result: Any = self.result
        kind = type(result)
        if (kind is list or kind is tuple) and not self.headers_sent:
            self._send_all(result[0] if len(result) == 1 else join_items(result))
        elif not (kind is self.wsgi_file_wrapper and self.sendfile()):
            self._send_items(result)
        if not self.headers_sent or self._chunked or self._surplus or self._left > 0:
            self.finish_content()
        self.close()

    def _send_all(self, data: bytes) -> None:
        """Send the head and the whole content."""
        if type(data) is not bytes:
            raise not_bytes(data)
        if self._is_plain(len(data)):
            self._send_plain(data)
            return
        parts = self._frame(len(data))
        if self._content:
            if self._left != len(data):
                data = self._fit(data)
            else:
                self._left = 0
            self.bytes_sent = len(data)
            parts.append(data)
        self._transmit(parts, len(data))

    def _is_plain(self, size: int) -> bool:
        """Whether the response is so usual that its head needs no decisions."""
        handler = self.request_handler
        exchange = self.exchange
        if exchange is None or handler is None or handler.close_connection or self._hooked or self.code not in _PLAIN:
            return False
        head = exchange.head
        if head is None or not head.plain or self.stdin is not EMPTY or self._view is not None:
            return False
        fields = self._fields
        return fields.plain and (fields.length == size or fields.length < 0) and size <= JOIN

    def _send_plain(self, data: bytes) -> None:
        wall = time()
        exchange = self.exchange
        if exchange is None:
            raise _too_early()
        size = len(data)
        head = self._heads.plain(self._line, self._fields, size, int(wall))
        self.headers_sent = self.persistent = True
        exchange.status = self.code
        if exchange.details is not None:
            exchange.details.sent((head, exchange.request_id.encode(), b"\r\n\r\n", data))
        try:
            self.stdout.send(b"%b%b\r\n\r\n%b" % (head, exchange.request_id.encode(), data))
        except OSError as error:
            raise self._client_gone(error) from error
        self.bytes_sent = size
        exchange.answered = exchange.finished = monotonic()  # as Exchange.finish, without a call and a second clock
        exchange.ended = wall

    def _send_items(self, result: Iterable[bytes]) -> None:
        check_result(result)
        single = is_single(result)
        for data in result:
            if single and data and not self.headers_sent:
                self._send_all(data)
                self._left = max(self._left, 0)  # one item is the whole content, and Content-Length was sent
            else:
                self.write(data)
            # PEP 3333: stop iterating once Content-Length bytes are sent. One more item shows that it was too small.
            if self._surplus or (self.headers_sent and not self._content and self._head_only_is_over()):
                return

    def _head_only_is_over(self) -> bool:
        return self.exchange is not None and monotonic() - self.exchange.started > _HEAD_ONLY_S

    def sendfile(self) -> bool:
        """Send a ``wsgi.file_wrapper`` from kernel to kernel; False if that can't be."""
        filelike = self.result.filelike
        found = file_range(filelike)
        if found is None or self.headers_sent:
            return False
        descriptor, offset, size = found
        if size <= _SMALL:
            self._send_all(filelike.read(size))
            return True
        if not self.stdout.sends_files:
            return False
        self._transmit(self._frame(size), 0)
        if self._content:
            count = min(size, self._left)
            self._surplus = size - count
            try:
                sent = self.stdout.send_file(descriptor, offset, count)
            except OSError as error:
                raise self._client_gone(error) from error
            self.bytes_sent = sent
            self._left -= sent
        return True

    def write(self, data: bytes) -> None:
        """Send content before returning; the head before the first content (PEP 3333)."""
        if type(data) is not bytes:
            raise not_bytes(data)
        if self.status is None:
            raise _too_early()
        if self._closed:
            raise ApplicationFault("the application wrote after its response had ended")
        if not data:
            return  # PEP 3333: the head waits for the first content that is not empty
        parts = [] if self.headers_sent else self._frame(None)
        if self._content:
            data = self._fit(data)
            if data:
                self.bytes_sent += len(data)
                if self._chunked:
                    parts += [b"%x\r\n" % len(data), data, b"\r\n"]
                else:
                    parts.append(data)
        if parts:
            self._transmit(parts, len(data))

    def _fit(self, data: bytes) -> bytes:
        """Return as much of the data as Content-Length still allows."""
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

    def finish_content(self) -> None:
        """Send the head if there was no content, then the last chunk; log content of another length than announced."""
        if not self.headers_sent:
            self._transmit(self._frame(0), 0)
        elif self._chunked:
            self._transmit([b"0\r\n\r\n"], 0)
        if self._surplus or self._left > 0:
            self.persistent = self.persistent and self._left <= 0
            log_wrong_length(self, left=self._left, surplus=self._surplus)

    # -- the head of a response that is not plain

    def send_headers(self) -> None:
        """Send the head by itself."""
        self._transmit(self._frame(None), 0)

    def cleanup_headers(self) -> None:
        """Do nothing: subclasses may change ``self.headers`` here before they are sent."""

    def _frame(self, size: int | None) -> list[bytes]:
        """Return the head's parts, and decide how content of so many bytes, if that is known, is delimited."""
        exchange, heads = self.exchange, self._heads
        if self.status is None or exchange is None:
            raise _too_early()
        self.cleanup_headers()
        head = exchange.head
        fields = self._fields if self._view is None else self._changed_fields(self._view)
        code, body = self.code, self.stdin
        if code >= 500 and body.error is not None:
            raise body.error  # the client's fault, for which the application has answered 500
        minor = _MINORS.get(self.base_env.get("SERVER_PROTOCOL", ""), 1) if head is None else head.minor
        head_only = self.base_env.get("REQUEST_METHOD") == "HEAD"
        framing, self._content, self._left = delimit(code, fields.length, size, minor, head_only)
        persistent = (head is None or head.fields.keep_alive) and not fields.close and self._may_persist(body)
        if size is None:
            exchange.streaming = True
            exchange.length = self._left
            if self._content and self._left < 0:
                self._chunked = minor > 0
                persistent = persistent and self._chunked
                self._begin_stream(exchange, fields)
        if not persistent and head is None and minor < 1:
            pass  # it closes without the field: a handler that has only files may expect none
        elif not persistent:
            framing += b"Connection: close\r\n"
        elif minor == 0:
            framing += b"Connection: keep-alive\r\n"
        if exchange.request_id and not fields.request_id:
            framing += b"X-Request-ID: %b\r\n" % exchange.request_id.encode()
        self.persistent = persistent
        self.headers_sent = True
        exchange.status = code
        if minor < 0:  # HTTP/0.9: the content alone
            return []
        date_and_server = heads.date_and_server(fields) if fields.date or fields.server else heads.date()
        return [self._line, fields.block, date_and_server, framing, b"\r\n"]

    def _changed_fields(self, view: Headers) -> ResponseFields:
        """Read the headers again after a subclass may have changed them."""
        self._fields = self._heads.fields(view.items())
        return self._fields

    def _may_persist(self, body: Body | Empty) -> bool:
        handler = self.request_handler
        if handler is None or handler.close_connection or not handler.server_context.persistent:
            return False
        return bool(body.ended or body.drainable(handler.server_context.limits))

    def _begin_stream(self, exchange: Exchange, fields: ResponseFields) -> None:
        """Give an event stream a thread of its own: it does not end by itself."""
        if b"text/event-stream" in fields.block:
            if self.request_handler is not None and not self.request_handler.begin_stream():
                raise RequestRefused(503, TOO_MANY_STREAMS)
            exchange.endless = True


def _too_early() -> ApplicationFault:
    return ApplicationFault("the application did not call start_response before its content (PEP 3333)")
