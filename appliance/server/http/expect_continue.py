"""Answer ``Expect: 100-continue`` (RFC 9110, 10.1.1 and 15.2): ask a client for its body, unless that is too late.

``fields`` calls ``check_expectation``. ``threadless_waits`` calls ``send_continue`` for a body that is received before
its request has a thread; the handler calls ``send_continue`` when the application first reads the body.
"""

from __future__ import annotations

from typing import Protocol

from .field_grammar import elements
from .refusal import RequestRefused

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Wire(Protocol):
    """A connection's wire, as far as the interim response needs it."""

    buffer: bytes

    def send(self, data: bytes) -> None:
        """Send all bytes."""


def check_expectation(value: str) -> None:
    """Check the value of a field Expect.

    Raises:
        RequestRefused: the client expects something else than 100 (Continue).
    """
    if not elements(value) <= {"100-continue"}:
        raise RequestRefused(417, "the only supported expectation is 100-continue (RFC 9110, 10.1.1)")


def send_continue(wire: Wire) -> None:
    """Send 100 (Continue), unless the body is on its way already.

    Raises:
        OSError: the client has gone.
    """
    if not wire.buffer:
        wire.send(_CONTINUE)
