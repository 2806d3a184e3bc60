"""The trace that a request belongs to (W3C Trace Context): its ids, and whether its spans are exported.

A worker decides them when a request begins, and hands them on: to the log, to the exporter, and to the services that
the request calls. Both sides import it, so it needs the standard library alone, and Python 3.10.
"""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
DEFAULT_SAMPLER = "parentbased_always_on"
SAMPLED = 1  # the flag
ORIGIN_MAX = 198  # bytes: a valid X-Request-ID has 128
STATE_MAX = 512  # characters: vendors should hand on at least so many (3.3.1.5)
# 3.2: version 00 has exactly four parts; a later one may have more after them.
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]")
_MEMBERS_MAX = 32
_STEP = 0x9E3779B97F4A7C15  # odd, so that the first 2**64 children are different


class Parent(NamedTuple):
    """The span that a ``traceparent`` field names."""

    trace_id: str
    span_id: str
    flags: int


class Trace(NamedTuple):
    """The span of one request, and the trace that it belongs to. Ids in lower-case hexadecimal.

    Attributes:
        parent_span_id: of the caller's span; "" for the first span of a trace.
        flags: ``SAMPLED``, or 0: no span of this request is exported.
        state: ``tracestate``, as the caller sent it; "" if it sent none, or one that is not valid.
    """

    trace_id: str
    span_id: str
    parent_span_id: str = ""
    flags: int = SAMPLED
    state: str = ""

    @property
    def sampled(self) -> bool:
        """Whether the spans of this request are exported."""
        return self.flags & SAMPLED == SAMPLED

    def origin(self, request_id: str) -> str:
        """Return a text that names a request and its span: ``read_origin`` reads it."""
        return f"{request_id} {self.trace_id} {self.span_id} {self.flags:02x} {self.parent_span_id}"

    def child_span_id(self, number: int) -> str:
        """Return the id of this span's child with this number: different from those of other children and spans."""
        return f"{(int(self.span_id, 16) + number * _STEP) % 2**64 or 1:016x}"

    def traceparent(self, span_id: str = "") -> str:
        """Return the field that names a span of this trace: this one, or a child of it."""
        return f"00-{self.trace_id}-{span_id or self.span_id}-{self.flags & SAMPLED:02x}"


class SpanIds:
    """Makes ids: of its own random numbers, since a project may have seeded the usual ones."""

    def __init__(self) -> None:
        from random import Random  # noqa: PLC0415  a worker that traces nothing does not pay for it

        self._random = Random(os.urandom(32))  # noqa: S311  ids have to be different, not secret

    def span_id(self) -> str:
        """Return a new id of a span."""
        return f"{self._random.getrandbits(64) or 1:016x}"

    def trace_id(self) -> str:
        """Return a new id of a trace."""
        return f"{self._random.getrandbits(128) or 1:032x}"


class Sampler(NamedTuple):
    """Which traces are exported: OTEL_TRACES_SAMPLER and its argument.

    Attributes:
        name: one of ``SAMPLERS``.
        ratio: of the traces, for the samplers that have one.
    """

    name: str = DEFAULT_SAMPLER
    ratio: float = 1.0

    def samples(self, trace_id: str, parent: Parent | None) -> bool:
        """Whether the spans of a request are exported."""
        kind = self.name
        if kind.startswith("parentbased_"):
            if parent is not None:
                return parent.flags & SAMPLED == SAMPLED
            kind = kind[len("parentbased_") :]
        if kind == "traceidratio":  # the last 8 bytes, as OpenTelemetry's SDK for Python does
            return int(trace_id[16:], 16) < round(self.ratio * 2**64)
        return kind == "always_on"


def parent_of(traceparent: str) -> Parent | None:
    """Read a ``traceparent`` field; None if it is not valid."""
    match = _PARENT.fullmatch(traceparent)
    if match is None or (match[1] == "00" and match[5]):
        return None
    return Parent(match[2], match[3], int(match[4], 16))


def read_origin(origin: str) -> tuple[str, list[Any] | None]:
    """Return a request's id, and the first values of its ``Trace`` if it has one."""
    request_id, *ids = origin.split(" ")
    if len(ids) != 4:
        return request_id, None
    trace_id, span_id, flags, parent = ids
    return request_id, [trace_id, span_id, parent, int(flags, 16)]


def state_of(tracestate: str) -> str:
    """Return a ``tracestate`` field to hand on; "" if it is not valid (3.3)."""
    if not tracestate or len(tracestate) > STATE_MAX:
        return ""
    members = [member.strip(" \t") for member in tracestate.split(",")]
    named = [member for member in members if member]
    keys = {member.partition("=")[0] for member in named}
    valid = len(named) <= _MEMBERS_MAX and len(keys) == len(named) and all(map(_MEMBER.fullmatch, named))
    return ",".join(named) if valid else ""
