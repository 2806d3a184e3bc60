"""Make the ids of requests, or take those of clients: ``X-Request-ID``, and W3C Trace Context's ``traceparent``.

Runs in the thread of the request.
"""

from __future__ import annotations

import os
import re
from itertools import count

from ....protocol.traces import parent_of

_VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestIds:
    """Makes ids of requests: unique, and cheap (0.1 µs; 16 random bytes in hex are 1.2)."""

    def __init__(self) -> None:
        self._prefix = os.urandom(8).hex() + "-"  # made after the fork, so that no two processes share it
        self._count = count(1)

    def of(self, fields: dict[str, str]) -> str:
        """Return the client's own ``X-Request-ID`` if it is well-formed, else a new one."""
        given = fields.get("HTTP_X_REQUEST_ID")
        if given is not None and _VALID_ID.fullmatch(given) is not None:
            return given
        return self.new()

    def new(self) -> str:
        """Return an id that was not used before."""
        return self._prefix + str(next(self._count))


def trace_of(traceparent: str) -> tuple[str | None, str | None]:
    """Return the trace id and the parent's span id of a ``traceparent`` field; None for each if it is not valid."""
    parent = parent_of(traceparent)
    return (None, None) if parent is None else (parent.trace_id, parent.span_id)
