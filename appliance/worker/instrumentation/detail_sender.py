"""Decide which requests are recorded with their details, and send them to the recorder and the exporter.

Theory of operation. At most a hundred requests a second are recorded with details. That is more than a person makes, so
all requests of a person are recorded. In a flood of requests, only ten a second are recorded. A request that is left
out costs one comparison, and the next message says how many were left out. If the spans of a request are exported, its
queries and calls are noted too: a called service gets the id of the call's span. Nothing waits for the recorder or the
exporter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .details import Details
from .fitted_details import fitted
from .message_socket import MessageSocket
from .process_memory import ProcessMemory

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...server.wsgi.access_log.exchange import Exchange
    from .details import AddFields

EACH_S = 0.01  # a hundred a second, in the long run
BURST_S = 3.0  # and 300 at once
FLOOD_EACH_S = 0.1
FLOOD = 1000  # requests a second: nobody looks at each of so many
_FLOOD_S = 1.0  # of the burst; if more are used up, it counts as a flood
_FINISH_S = 0.2


def _nothing() -> None:
    """Do nothing."""


class DetailSender:
    """Sends details through the worker's ends of the sockets.

    Args:
        descriptor: the end of the recorder's; this object owns it. -1: there is no recorder.
        begin: what else is called when a request begins.
        spans: the end of the exporter's; as above.

    Attributes:
        on_end: called after each request that was recorded.
        add_fields: returns the fields of a response, given the application's.
    """

    def __init__(self, descriptor: int, begin: Callable[[Exchange, bytes], None], *, spans: int = -1) -> None:
        self.on_end: Callable[[], None] = _nothing
        self.add_fields: AddFields | None = None
        self._recorder = MessageSocket(descriptor) if descriptor >= 0 else None
        self._exporter = MessageSocket(spans) if spans >= 0 else None
        self._begin = begin
        self._memory = ProcessMemory()
        # The time up to which requests have used the allowed number, and the time from which they may use more.
        self._used_until = 0.0
        self._closed_until = 0.0 if self._recorder is not None else float("inf")
        self._began = 0.0  # when the present burst began
        self._last = 0.0  # when a request was recorded
        self._left_out = 0  # requests since then

    def begin(self, exchange: Exchange, head: bytes) -> None:
        """Record a request that begins, unless there were too many."""
        self._begin(exchange, head)
        if exchange.started >= self._closed_until:
            exchange.details = self._details(exchange.started, head)
        else:
            self._left_out += 1
            if self._exporter is not None and exchange.trace is not None and exchange.trace.sampled:
                exchange.details = Details(head, whole=False)

    def _details(self, started: float, head: bytes) -> Details:
        details = Details(head, self.add_fields, self._memory.now())
        details.left_out, self._left_out = self._left_out, 0
        used_s = self._used_until - started
        if used_s <= 0:
            self._began = started
        flood = details.left_out > FLOOD * (started - self._last) or (
            used_s > _FLOOD_S and used_s / EACH_S > FLOOD * (started - self._began)
        )
        self._last = started
        self._used_until = max(self._used_until, started) + (FLOOD_EACH_S if flood else EACH_S)
        self._closed_until = self._used_until - BURST_S
        return details

    def end(self, exchange: Exchange) -> bool:
        """Send the recorded details of a request that has ended; return whether there are few such requests."""
        details = exchange.details
        exchange.details = None
        if not isinstance(details, Details):
            return False
        if self._recorder is not None and details.whole:
            self._recorder.send(self._message(details, exchange))
        if self._exporter is not None and (message := details.spans_of(exchange)) is not None:
            self._exporter.send(message.pack())
        self.on_end()
        return details.whole and not details.left_out

    def _message(self, details: Details, exchange: Exchange) -> bytes:
        found = details.of(exchange)
        if details.memory is not None:
            (before, peak_before), (after, peak_after) = details.memory, self._memory.now()
            found.info["memory"] = [before, after, peak_before, peak_after]
        return fitted(found)

    def flush(self) -> None:
        """Send the waiting messages, as far as they are taken."""
        for each in filter(None, (self._recorder, self._exporter)):
            each.flush()

    def finish(self) -> None:
        """Send the waiting messages: this process ends, and there is a moment left."""
        for each in filter(None, (self._recorder, self._exporter)):
            each.finish(_FINISH_S)

    def close(self) -> None:
        """Close the sockets."""
        for each in filter(None, (self._recorder, self._exporter)):
            each.close()
        self._memory.close()

    def leave(self) -> None:
        """Stop: this is a process that the project has forked."""
        for each in filter(None, (self._recorder, self._exporter)):
            each.leave()
        self._exporter = None
        self._closed_until = float("inf")
