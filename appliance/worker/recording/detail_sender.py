"""Decide which requests are recorded with their details, and send them to the recorder.

Theory of operation. A person's requests are all recorded; under a load test only as many a second as cost next to
nothing: beside these a request costs one comparison. Nothing waits for the recorder: what its socket does not take is
kept, up to a limit, and sent with what comes next.
"""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from typing import TYPE_CHECKING

from .details import Details

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...server.wsgi.recording.exchange import Exchange
    from .details import AddFields

EACH_S = 0.01  # a hundred a second, in the long run
BURST_S = 3.0  # and 300 at once
_KEPT_BYTES = 4 * 1024 * 1024
_LOST = (BlockingIOError, InterruptedError)


def _nothing() -> None:
    """Do nothing."""


class DetailSender:
    """Sends details through the worker's end of the socket.

    Args:
        descriptor: that end; this object owns it.
        begin: what else is called when a request begins.

    Attributes:
        on_end: called after each request that was recorded.
        add_fields: returns the fields of a response, given the application's.
    """

    def __init__(self, descriptor: int, begin: Callable[[Exchange, bytes], None]) -> None:
        self.on_end: Callable[[], None] = _nothing
        self.add_fields: AddFields | None = None
        self._socket = socket.socket(fileno=descriptor)
        self._begin = begin
        self._next = 0.0  # up to which time requests have used what is allowed
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0

    def begin(self, exchange: Exchange, head: bytes) -> None:
        """Record a request that begins, unless there were too many."""
        self._begin(exchange, head)
        ahead = self._next - exchange.started
        if ahead < BURST_S:
            self._next = (self._next if ahead > 0 else exchange.started) + EACH_S
            exchange.details = Details(head, self.add_fields)

    def end(self, exchange: Exchange) -> None:
        """Send what was recorded of a request that has ended."""
        details = exchange.details
        exchange.details = None
        if not isinstance(details, Details):
            return
        message = details.of(exchange).pack()
        if self._kept_bytes + len(message) <= _KEPT_BYTES:
            self._kept.append(message)
            self._kept_bytes += len(message)
        self.flush()
        self.on_end()

    def flush(self) -> None:
        """Send what waits, as far as it is taken."""
        with contextlib.suppress(IndexError):  # another thread has taken the last one
            while self._kept:
                message = self._kept.popleft()
                self._kept_bytes -= len(message)
                try:
                    self._socket.send(message, socket.MSG_DONTWAIT)
                except _LOST:
                    self._kept.appendleft(message)
                    self._kept_bytes += len(message)
                    return
                except OSError:  # too large for the socket, or nobody reads: the access record tells of it anyway
                    return

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def leave(self) -> None:
        """Stop: this is a process that the project has forked."""
        self._kept.clear()
        self._next = float("inf")
