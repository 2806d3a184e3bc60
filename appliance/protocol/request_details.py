"""A request's details, from a worker to the recorder: its head and body, and the response's start, as on the wire.

One message of a SOCK_SEQPACKET socket for each request: many workers may write to one socket, and messages stay whole.
Both sides import it.
"""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

BODY_MAX = 64 * 1024  # bytes of a request's body
RESPONSE_MAX = 16 * 1024  # bytes of a response, with its head
QUERIES_MAX = 1000  # of one request
QUERY_MAX = 4000  # characters of a query
TEXTS_MAX = 64 * 1024  # characters of all different queries and places of one request
# The kinds of queries, and a flag: a driver has put values into the text.
EXECUTE, MANY, SCRIPT, PROCEDURE, TRANSACTION = range(5)
INLINED = 8
CALLS_MAX = 100  # outgoing calls of one request
CALLS_TEXT_MAX = 32 * 1024  # characters of their URLs and places
URL_MAX = 500  # characters
ERROR_MAX = 200
MAILS_MAX = 20  # of one request
MAIL_ROOM = 64 * 1024  # bytes of all of them in the message
MAIL_TEXT_MAX = 16 * 1024  # characters of a mail's text, and of its HTML
MAIL_LINE_MAX = 200  # characters of an address, a subject, a name
MAIL_ADDRESSES_MAX = 20
MAIL_ATTACHMENTS_MAX = 20
TEMPLATES_MAX = 100  # different ones of one request
TEMPLATE_NAME_MAX = 100  # characters
CACHES_MAX = 10
_SIZES = struct.Struct("!4I")
# Looked up before any code of the project runs: a project may replace ``json.dumps``.
_ENCODE, _DECODE = json.JSONEncoder().encode, json.loads


class NotedQuery(NamedTuple):
    """One query of a request, in numbers. Workers make plain lists of them, which cost less.

    Attributes:
        text, place, parameters, error: indices of ``texts``: the query, the line of the project, the types of the
            parameters, the exception.
        began_us: from the beginning of the request.
        reported_rows, fetched_rows: as the driver reports, and as the project has fetched; -1: not known.
        kind: ``EXECUTE`` and so on, and perhaps ``INLINED``.
    """

    text: int
    place: int
    began_us: int
    took_us: int
    reported_rows: int
    fetched_rows: int
    parameters: int
    error: int
    kind: int


TOOK, FETCHED, KIND = (NotedQuery._fields.index(name) for name in ("took_us", "fetched_rows", "kind"))


class RequestDetails(NamedTuple):
    """One request.

    Attributes:
        info: JSON values by name, see below.
        head: the request's head, as it was received.
        body: what the application has read of its body.
        response: the response, as it was sent.

    The names of ``info``:

    - ``request_id`` and ``ended_us``: they name its access record. For the exporter it has ``trace`` (a ``Trace``) and
      ``started_us`` instead, and no bytes.
    - ``queue_us``: the time from its first byte until a thread ran it.
    - ``body_cut``, ``response_cut``: how many bytes were left out.
    - ``queries``: a ``NotedQuery`` for each.
    - ``texts``: the texts of the queries, each once. ``queries_left_out``: how many were beyond the limits.
    - ``effects``: what else the request did. ``calls``: an object for each outgoing call, without ``took_us`` if it had
      not ended. ``mails``: the same for mail. ``calls_left_out``, ``mails_left_out``: how many were beyond the limits.
      ``templates``: engine, name, number, microseconds of each. ``caches``: name, hits, misses, writes, microseconds.
      ``memory``: resident bytes at the beginning and the end, then their peak at the beginning and the end.
    - ``left_out``: how many requests since the last message have none.
    """

    info: dict[str, Any]
    head: bytes
    body: bytes
    response: bytes

    def pack(self) -> bytes:
        """Return the message."""
        info = _ENCODE(self.info).encode()
        sizes = _SIZES.pack(len(info), len(self.head), len(self.body), len(self.response))
        return b"".join((sizes, info, self.head, self.body, self.response))


def encoded_size(value: object) -> int:
    """Return how many bytes of a message a value takes."""
    return len(_ENCODE(value))


def unpack(message: bytes) -> RequestDetails:
    """Read a message.

    Raises:
        ValueError: it is not one.
    """
    if len(message) < _SIZES.size:
        raise ValueError("a message without its sizes")
    sizes = _SIZES.unpack_from(message)
    if len(message) != _SIZES.size + sum(sizes):
        raise ValueError(f"a message of {len(message)} bytes, whose parts have {sum(sizes)}")
    parts, at = [], _SIZES.size
    for size in sizes:
        parts.append(message[at : at + size])
        at += size
    info = _DECODE(parts[0])
    if not isinstance(info, dict):
        raise ValueError("info is not an object")  # noqa: TRY004  one kind of error for a wrong message
    return RequestDetails(info, *parts[1:])
