"""The worker's sink: collects records and events in batches, and sends them to the supervisor.

The server calls it from any thread. Runs in every worker and stand-in.
"""

from __future__ import annotations

import threading
from collections import deque
from time import time
from typing import TYPE_CHECKING, Any

from ..protocol.channel import Channel, ChannelError
from ..protocol.messages import Records
from ..protocol.page_messages import RemediesFound
from ..protocol.remedy_kinds import all_checked, remedies_of
from ..server.wsgi.access_log.exchange import current
from .instrumentation.detail_sender import DetailSender
from .instrumentation.tracing import Tracing
from .message_bounds import limited
from .preload.fork_guard import EndingQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.inflight import InFlight
    from ..protocol.start.first_messages import Start
    from ..server.wsgi.access_log.exchange import Exchange
    from .instrumentation.details import AddFields
    from .stdio.stdio import Stdio

BATCH = 64  # beyond this a batch costs no less a record
BATCH_BYTES = 1024 * 1024  # usual ones have 20 KB; each record of a bigger one is bounded, and sent alone


class RecordSink:
    """Batches records, and sends a batch when the server is about to wait.

    Args:
        details: the recorder's socket, for the details of requests; -1 without one.
        spans: the exporter's, for the queries and calls of requests; -1 without one.
        broken: called when nothing can be sent any more.
        page_context: returns what an error page shows in addition to the exception.
    """

    def __init__(
        self,
        channel: Channel,
        stdio: Stdio | None = None,
        in_flight: InFlight | None = None,
        start: Start | None = None,
        *,
        details: int = -1,
        spans: int = -1,
        broken: Callable[[ChannelError], None] = lambda _: None,
        page_context: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._channel = channel
        self._in_flight = in_flight
        self._details: DetailSender | None = None
        self.begin: Callable[[Exchange, bytes], None] | None = None
        if in_flight is not None:
            self.begin = in_flight.begin
            if start is not None and (tracing := start.options["tracing"]) is not None:
                self.begin = Tracing(tracing, self.begin, self.event).begin
            if details >= 0 or spans >= 0:
                self._details = DetailSender(details, self.begin, spans=spans)
                self.begin = self._details.begin
        self.waits = None if in_flight is None else in_flight.set_waiting
        self._begin_sending = None if in_flight is None else in_flight.begin_sending
        self._stdio = stdio
        self._incomplete = ({}, {}) if stdio is None else stdio.incomplete
        self._records: deque[list[Any]] = deque()  # its append and popleft are atomic: no lock in a request's path
        self._sending = threading.Lock()
        self._broken = broken
        self.page_context = page_context
        pages = start is not None and start.options["pages"] is not None
        self._scope = str(start.generation) if start is not None and pages else ""  # of the ids of remedies

    def exchange(self, exchange: Exchange) -> None:
        """Add the record of a request that has ended."""
        if self._stdio is not None and (self._incomplete[0] or self._incomplete[1]):
            self._stdio.request_ended(exchange.origin)
        most = BATCH
        if exchange.details is not None and self._details is not None and self._details.end(exchange):
            most = 1  # few requests a second have details: their lines are sent at once, because this process may die
        record = exchange.record().to_wire()
        if self._in_flight is not None:
            # This must come first: another thread may send the record at once, and this process may end before the next
            # line. If a request still seemed to run after its record was sent, the log would get a second line for it.
            self._in_flight.end(exchange)
        self._records.append(record)
        if len(self._records) >= most:
            self.flush()

    def after_details(self, call: Callable[[], None]) -> None:
        """Call this after each request that is recorded with its details; never if none is."""
        if self._details is not None:
            self._details.on_end = call

    def add_fields(self, add: AddFields) -> None:
        """Let this function add to the fields of the responses that are recorded."""
        if self._details is not None:
            self._details.add_fields = add

    def begin_sending(self, exchange: Exchange) -> None:
        """Note that a request's application has ended, while its response is still being sent."""
        if self._stdio is not None:
            self._stdio.request_ended(exchange.origin)
        if self._begin_sending is not None:
            self._begin_sending(exchange)

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Add another event, and send it at once."""
        exchange = current.get()
        if exchange is not None and exchange.trace is not None and "request_id" in fields:
            fields = {**fields, "trace_id": exchange.trace.trace_id, "span_id": exchange.trace.span_id}
        self._records.append(["event", time(), level, event, fields])
        self.flush()

    def finish(self) -> None:
        """Send everything: this process ends."""
        self.flush()
        if self._details is not None:
            self._details.finish()

    def offer(self, needs: object) -> list[dict[str, Any]]:
        """Report possible remedies of a failed request to the supervisor; return those that its page can show."""
        found = all_checked(needs) if self._scope else []
        if not found:
            return []
        try:
            self._channel.send(RemediesFound(needs=list(found)))
        except ChannelError:
            return []
        return remedies_of(self._scope, found)

    def leave(self) -> None:
        """Stop: this is a process that the project has forked, and the channel is its parent's."""
        self._records = EndingQueue()
        self._sending = threading.Lock()  # another thread may have held it
        if self._in_flight is not None:
            self._in_flight.leave()
        if self._details is not None:
            self._details.leave()

    def flush(self) -> None:
        """Send the queued records. A supervisor that has gone is not an error: this process ends for that reason."""
        if not self._records:
            return
        with self._sending:
            batch = [self._records.popleft() for _ in range(len(self._records))]
            if batch:
                self._send(batch)

    def _send(self, batch: list[list[Any]]) -> None:
        try:
            self._channel.send(Records(batch=batch), most=BATCH_BYTES)
        except ChannelError as error:
            self._broken(error)
        except Exception:  # noqa: BLE001  too much, or what JSON can't hold: a record is nobody's failed request
            for record in batch:
                try:
                    self._channel.send(Records(batch=[limited(record)]))
                except ChannelError:
                    return
