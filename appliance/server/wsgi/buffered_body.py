"""Receive a chunked body whole before the application runs, for frameworks that read by Content-Length alone.

The content waits in memory up to a bound, and beyond it in a file without a name. Runs in the thread of its request.

Django, Bottle, Falcon and CherryPy never look at ``wsgi.input_terminated``: without a CONTENT_LENGTH they take a
request for one without a body, and PEP 3333 has no other way to tell them. All others get the body as it comes.

Decision 9 says why.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..http.body import Body, BodyError
from ..http.limits import RECEIVE
from ..http.refusal import RequestRefused
from ..io.background.byte_queue import ByteQueue

if TYPE_CHECKING:
    from ..http.limits import Limits
    from ..io.wire import Wire
    from .server_context import ServerContext

READ_BY_LENGTH = ("django", "bottle", "falcon", "cherrypy")


def needs_length() -> bool:
    """Whether this process has loaded a framework that reads a body by its CONTENT_LENGTH alone."""
    return any(name in sys.modules for name in READ_BY_LENGTH)


class BufferedBody(Body):
    """A body that was received to its end.

    Args:
        queue: the content.

    Attributes:
        length: how many bytes the content has.
    """

    __slots__ = ("_left", "_queue", "length")

    def __init__(self, wire: Wire, limits: Limits, queue: ByteQueue) -> None:
        super().__init__(wire, limits)
        self._queue = queue
        self.length = self._left = queue.size
        self.ended = not self._left

    def _piece(self) -> bytes:
        try:
            piece = self._queue.take(RECEIVE)
        except OSError as error:
            raise RequestRefused(
                500, f"the body can't be read from the disk again: {error.strerror or error}"
            ) from None
        self._left -= len(piece)
        self.ended = not self._left
        if self.ended:
            self._queue.close()
        return piece

    def drainable(self, limits: Limits) -> bool:  # noqa: ARG002 (a body's signature)
        """Whether the rest can be skipped: all of it has come."""
        return True

    def drain(self, limits: Limits) -> bool:  # noqa: ARG002 (a body's signature)
        """Drop the unread rest of the body."""
        self.release()
        return True

    def release(self) -> None:
        """Drop the unread rest of the body, also if the connection ends."""
        self._queue.close()
        self.ended = True


def buffer_whole(wire: Wire, server_context: ServerContext, body: Body) -> BufferedBody:
    """Receive a body to its end.

    Raises:
        RequestRefused: it is malformed or incomplete, or there is no room for it.
    """
    queue = ByteQueue(server_context.storage)
    try:
        while piece := body.read(RECEIVE):
            queue.append(piece)
    except BodyError as error:
        queue.close()
        raise RequestRefused(error.status, error.reason) from None
    except OSError as error:
        queue.close()
        reason = f"there is no room for the body: {error.strerror or error} (RFC 4918, 11.5)"
        raise RequestRefused(507, reason) from None  # the storage holds it too
    return BufferedBody(wire, server_context.limits, queue)
