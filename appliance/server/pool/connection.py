"""One connection of the pool: its handler, its bytes, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tables import connection_states as states

if TYPE_CHECKING:
    from ..http.refusal import RequestRefused
    from ..io.background.transfer import Incoming
    from ..io.wire import Wire
    from ..wsgi.handler import WSGIRequestHandler

_BLANK_LINE = b"\r\n\r\n"  # ends a head


class Connection:
    """One connection of the pool.

    Attributes:
        handler, wire: its handler and its bytes.
        state: one of ``connection_states``.
        descriptor: the socket's.
        registered: the poller watches it. This may be so while a thread serves it: that saves two system calls.
        accepted_at: CLOCK_MONOTONIC.
        deadline: when its state has lasted too long.
        begun_at: when the first bytes of a head had come (CLOCK_MONOTONIC); 0.0 without any.
        raw: the head that was read, of a request that no thread serves yet; None without any.
        refusal: why its next request is refused, if no head could be read.
        may_have_left: its client had time to leave before a thread looked at it.
        gone: its client has left.
        incoming: its request's body, while that is received in the background.
    """

    __slots__ = (
        "__dict__", "accepted_at", "begun_at", "deadline", "descriptor", "handler", "raw", "registered", "state",
        "wire",
    )  # fmt: skip

    # Class attributes and not slots: the usual values cost no assignment.
    may_have_left = gone = False
    incoming: Incoming | None = None
    refusal: RequestRefused | None = None

    def __init__(
        self, handler: WSGIRequestHandler, wire: Wire, accepted_at: float, *, may_have_left: bool = False
    ) -> None:
        self.handler = handler
        self.wire = wire
        self.accepted_at = accepted_at
        self.deadline = 0.0
        self.begun_at = 0.0
        self.raw: bytes | None = None
        self.descriptor = wire.sock.fileno()
        self.registered = False
        self.state: int = states.READY
        if may_have_left:
            self.may_have_left = True

    def unread(self, body: bytes = b"") -> bytes:
        """Return the bytes of its request for another server: the head that was read, and what follows it.

        ``body``: what was received of the body in the background.
        """
        return (self.raw or b"") + _BLANK_LINE + self.wire.buffer + body
