"""Read ``traceparent``, the field of W3C Trace Context. Pure."""

from __future__ import annotations

import re

# W3C Trace Context, 3.2: version 00 has exactly four parts; a later one may have more behind them.
_TRACE = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


def trace_of(traceparent: str) -> tuple[str | None, str | None]:
    """Return the trace id and the parent's span id of a ``traceparent`` field; None for each if it is not valid."""
    match = _TRACE.fullmatch(traceparent)
    if match is None or (match[1] == "00" and match[4]):
        return None, None
    return match[2], match[3]
