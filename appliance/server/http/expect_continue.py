"""Answer ``Expect: 100-continue`` (RFC 9110, 10.1.1 and 15.2): ask a client for its body, unless that is too late.

``fields`` reads the expectation. ``client_waits`` calls this for a body that comes before its request has a thread,
the handler when the application first reads the body.
"""

from __future__ import annotations

from typing import Protocol

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Wire(Protocol):
    """A connection's wire, as far as the interim response needs it."""

    buffer: bytes

    def send(self, data: bytes) -> None:
        """Send all bytes."""


def send_continue(wire: Wire) -> None:
    """Send 100 (Continue), unless the body is on its way already.

    Raises:
        OSError: the client has gone.
    """
    if not wire.buffer:
        wire.send(_CONTINUE)
