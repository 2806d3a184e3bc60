"""Wait for the next request's head, for a connection that no pool watches.

Runs in the thread that serves the connection, as ``socketserver`` has it.
"""

from __future__ import annotations

import select
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from ..http.refusal import HEAD_TIMEOUT, RequestRefused

if TYPE_CHECKING:
    from ..io.wire import Wire
    from .server_context import ServerContext


class WaitingHandler(Protocol):
    """The handler of a connection, as far as a wait for a head needs it: ``WSGIRequestHandler``."""

    wire: Wire
    server_context: ServerContext
    started: float


def wait_for_head(handler: WaitingHandler) -> bytes | None:
    """Return the next head, once it is whole; None if none begins in time, or the client closes.

    ``handler.started`` becomes the time at which it began.

    Raises:
        RequestRefused: a head has begun, and is not whole in time.
    """
    wire, limits = handler.wire, handler.server_context.limits
    begun = bool(wire.buffer)
    deadline = monotonic() + (limits.header_timeout_s if begun else limits.idle_timeout_s)
    try:
        while True:
            if not wire.fill():
                wire.wait(select.POLLIN, deadline - monotonic())
                continue
            if not begun:
                handler.started = monotonic()
            raw = wire.pop_head()
            if raw is not None or wire.ended:
                return raw
            if wire.buffer and not begun:
                begun = True
                deadline = handler.started + limits.header_timeout_s
    except TimeoutError:
        if wire.buffer:
            raise RequestRefused(408, HEAD_TIMEOUT) from None
    except OSError:
        wire.ended = True
    return None
