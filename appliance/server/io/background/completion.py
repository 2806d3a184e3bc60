"""Finish the record of a response whose last bytes are sent after its application has ended.

Made in the thread of the request, called in that of the background sender. It holds neither environ nor iterable: a
thousand of these may wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ....plural import counted

if TYPE_CHECKING:
    from ..wire import Wire
    from .transfer import Outgoing


class Handler(Protocol):
    """The handler of a connection, as far as the end of a response needs it."""

    wire: Wire
    server_context: Any
    close_connection: bool

    def log_exchange(self, exchange: Any) -> None:
        """Log the record."""


class EndOfRecord:
    """Finishes a record and logs it."""

    __slots__ = ("_exchange", "_handler", "_size")

    def __init__(self, handler: Handler, exchange: Any, size: int) -> None:
        self._handler = handler
        self._exchange = exchange
        self._size = size

    def __call__(self, outgoing: Outgoing) -> None:
        """Finish: all was sent, or sending failed."""
        handler, exchange, size = self._handler, self._exchange, self._size
        exchange.finish()
        if outgoing.failure is not None:
            size = max(0, size - outgoing.unsent)
            exchange.event = "request.aborted"
            exchange.reason = how_it_ended(outgoing.failure, size)
            handler.close_connection = True
        elif outgoing.missing:
            promised, size = size, size - outgoing.missing
            exchange.reason = f"the application gave {size} of the {promised} bytes that it promised"
            handler.close_connection = True
            fields: dict[str, object] = {"promised": promised, "sent": size, "request_id": exchange.request_id}
            handler.server_context.sink.event("warning", "response.short", fields)
        exchange.body_size = size
        handler.log_exchange(exchange)


def end_when_sent(handler: Handler, exchange: Any, size: int) -> bool:
    """Finish the record of a response of so many bytes when all was sent; False if nothing is being sent.

    The sink is told that the application has ended: what is printed from now on belongs to another request.
    """
    notify = getattr(handler.server_context.sink, "begin_sending", None)  # OptionalSinkMethods
    if notify is not None:
        notify(exchange)
    return handler.wire.call_when_sent(EndOfRecord(handler, exchange, size))


def how_it_ended(error: BaseException | None, size: int) -> str:
    """Say why a response was not sent to its end, and how far it was."""
    sent = counted(size, "byte")
    if isinstance(error, TimeoutError):
        return f"{error}, {sent} into the response"
    if isinstance(error, ServerEnded):
        return f"the server ended it, after {sent} of the response"
    return f"the client left after {sent} of the response"


class ServerEnded(ConnectionAbortedError):  # noqa: N818  a reason, and not an error of ours
    """The server stops, and does not wait for the client."""
