"""Choose the kind of a request's body, refuse one that is announced too large (413), or wait until it has come.

``http.body`` and ``http.chunked`` are the kinds. Runs in the thread of the request.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ..http.body import Body, LengthBody
from ..http.chunked import ChunkedBody
from ..http.expect_continue import send_continue
from ..http.refusal import Deferred, RequestRefused, too_large
from .buffered_body import buffer_whole, needs_length

if TYPE_CHECKING:
    from ..http.head import Head
    from ..io.wire import Wire
    from .access_log.exchange import Exchange
    from .server_context import ServerContext


class BodyHandler(Protocol):
    """The handler of a connection, as far as a request's body needs it: ``WSGIRequestHandler``."""

    server: Any
    server_context: ServerContext
    wire: Wire
    exchange: Exchange | None
    sends_continue: bool


def body_of(handler: BodyHandler, head: Head) -> Body:
    """Return the body that a head announces; it sends 100 (Continue) when it is read, if the client waits for it.

    Raises:
        RequestRefused: it is too large.
        Deferred: the request is served once it has come.
    """
    wire, limits, fields = handler.wire, handler.server_context.limits, head.fields
    if 0 < limits.max_body_bytes < fields.length:
        raise RequestRefused(413, too_large(limits.max_body_bytes))
    wait = getattr(handler.server, "wait_for_body", None)  # OptionalServerMethods
    if wait is not None and wait(handler, head):
        raise Deferred
    # 100 was sent already if the request has waited for its body.
    sends_continue = fields.expects and handler.sends_continue and wire.early is None
    send_100 = partial(_send_continue, handler) if sends_continue else None
    if fields.chunked:
        return ChunkedBody(wire, limits, send_100)
    return LengthBody(wire, limits, fields.length, send_100)


def _send_continue(handler: BodyHandler) -> None:
    """Send 100 (Continue), unless the body or the final response is on its way."""
    if handler.exchange is None or not handler.exchange.status:
        send_continue(handler.wire)


def with_length(handler: BodyHandler, body: Body, environ: dict[str, Any]) -> Body:
    """Receive the body to its end and put its length into the environ, if a framework needs that.

    Raises:
        RequestRefused: it is malformed or incomplete, or there is no room for it.
    """
    if not isinstance(body, ChunkedBody) or not needs_length():
        return body
    received = buffer_whole(handler.wire, handler.server_context, body)
    environ["CONTENT_LENGTH"] = str(received.length)
    return received
