"""The access record: what one request and its response were, as the worker sends it and the supervisor logs it.

A record travels as a list, ``["access", *values]``: that costs half as much to encode as a dict. This module alone
knows the order of the values; everybody else uses the fields by name. Both sides import it, so it needs the standard
library alone, and Python 3.10.

Making a record costs every request 0.3 µs, reading one costs the supervisor as much. So both write their assignments
out: a call of the constructor takes three times as long, since it matches 17 names.

Decision 38 says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENTS = frozenset({"request.finished", "request.refused", "request.aborted", "websocket.closed"})
ACCESS = "access"  # the kind of a record, and the first value of its list
new = object.__new__  # a record without any field yet


@dataclass(slots=True)
class AccessRecord:
    """One request and its response. None: absent, or unknown.

    Times are whole microseconds: JSON spends 0.5 µs on the digits of each float, more than on all else of a record.

    Attributes:
        event: one of ``EVENTS``.
        ended_us: since the epoch.
        duration_us: from the first byte of the head to the last of the response.
        first_byte_us: to the first byte of the response; None without a response.
        method: as sent, Latin-1; None where the head could not be read.
        path: as sent, percent-encoding intact.
        query: as sent, without the question mark.
        version: "1.1".
        status: of the response; None without one.
        body_size: bytes of the response's content that were sent.
        client_address, server_port: the connection's.
        user_agent: the field's value.
        request_id: the client's own, or the server's.
        trace: the ids of the trace and of the caller's span, from a valid ``traceparent`` (W3C Trace Context); where
            requests are traced, the values of a ``Trace``.
        route: the framework's own pattern, where a framework tells it.
        reason: why the request was refused; who aborted it, and after how many bytes.
    """

    event: str = "request.finished"
    ended_us: int = 0
    duration_us: int | None = None
    first_byte_us: int | None = None
    method: str | None = None
    path: str | None = None
    query: str | None = None
    version: str | None = None
    status: int | None = None
    body_size: int | None = None
    client_address: str | None = None
    server_port: int | None = None
    user_agent: str | None = None
    request_id: str | None = None
    trace: list[Any] | None = None
    route: str | None = None
    reason: str | None = None

    def to_wire(self) -> list[Any]:
        """Return the list that is sent."""
        return [
            ACCESS, self.event, self.ended_us, self.duration_us, self.first_byte_us, self.method, self.path,
            self.query, self.version, self.status, self.body_size, self.client_address, self.server_port,
            self.user_agent, self.request_id, self.trace, self.route, self.reason,
        ]  # fmt: skip

    @staticmethod
    def from_wire(values: Sequence[Any]) -> AccessRecord:
        """Read a list that was sent. The types of its values are the reader's to check.

        Raises:
            ValueError, TypeError: the list is not an access record.
        """
        record = new(AccessRecord)
        (
            kind, record.event, record.ended_us, record.duration_us, record.first_byte_us, record.method, record.path,
            record.query, record.version, record.status, record.body_size, record.client_address, record.server_port,
            record.user_agent, record.request_id, record.trace, record.route, record.reason,
        ) = values  # fmt: skip
        if kind != ACCESS:
            raise ValueError(f"no access record: {kind!r:.80}")
        return record
