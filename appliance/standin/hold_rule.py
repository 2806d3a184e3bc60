"""Decide when a connection that waits for a worker is answered with the supervisor's page."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from appliance.protocol.channel import Channel
    from appliance.protocol.page_messages import SetStandInPage

_QUEUED_WITHIN_S = 0.003  # accepted so early, it had queued; if one comes later, it waits one second more
_READ_MESSAGE_S = 0.02  # for the control thread to read a message


class HoldRule:
    """Decides when a connection is answered; those that queued before the stand-in ran count from the wait's start.

    No connection is answered while a message of the supervisor is unread, or read but not handled yet: a client that
    has seen in the log that a worker serves must not get the old page.
    """

    def __init__(self, message: SetStandInPage, channel: Channel, handling: threading.Event) -> None:
        self._unread = select.poll()  # the server calls this under its lock: never twice at a time
        self._unread.register(channel.fileno(), select.POLLIN)
        self._handling = handling
        self._wait_s = message.wait_s
        self._since = message.since
        self._opened = time.monotonic()

    def answer_at(self, accepted_at: float) -> float:
        """Return when to answer a connection that was accepted at this time; both in seconds of CLOCK_MONOTONIC."""
        if self._handling.is_set() or self._unread.poll(0):
            return time.monotonic() + _READ_MESSAGE_S
        queued = accepted_at - self._opened < _QUEUED_WITHIN_S
        return (self._since if queued else accepted_at) + self._wait_s
