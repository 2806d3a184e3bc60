"""Choose the kind of a request's body, and whether the request waits until it has come.

``http.body`` and ``http.chunked`` are the kinds. Runs in the thread of the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..http.body import Body, LengthBody
from ..http.chunked import ChunkedBody
from ..http.refusal import Deferred, RequestRefused, too_large
from .buffered_body import buffer_whole, needs_length

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http.head import Head
    from ..io.wire import Wire
    from .server_context import ServerContext


class BodyHandler(Protocol):
    """The handler of a connection, as far as a request's body needs it: ``WSGIRequestHandler``."""

    server: Any
    server_context: ServerContext
    wire: Wire


def body_of(handler: BodyHandler, head: Head, send_continue: Callable[[], None] | None) -> Body:
    """Return the body that a head announces.

    Args:
        handler: the connection's.
        head: the request's.
        send_continue: sends 100 (Continue), if the client waits for it.

    Raises:
        RequestRefused: it is too large.
        Deferred: the request is served once it has come.
    """
    wire, limits, fields = handler.wire, handler.server_context.limits, head.fields
    if 0 < limits.max_body_bytes < fields.length:
        raise RequestRefused(413, too_large(limits.max_body_bytes))
    wait = getattr(handler.server, "wait_for_body", None)
    if wait is not None and wait(handler, head):
        raise Deferred
    if wire.early is not None:
        send_continue = None  # it was sent when the request began to wait
    if fields.chunked:
        return ChunkedBody(wire, limits, send_continue)
    return LengthBody(wire, limits, fields.length, send_continue)


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
