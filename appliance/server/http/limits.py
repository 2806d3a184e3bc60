"""The limits of a server, in bytes and seconds."""

from __future__ import annotations

from dataclasses import dataclass

from ...protocol.inflight import MAX_STREAMS, MAX_TRANSFERS

RECEIVE = 65_536  # bytes that one read asks of a socket
SIZE_LINE_MAX = 4096  # bytes of a chunk's size line, with its extensions


@dataclass(frozen=True)
class Limits:
    """The limits of one server, in seconds and bytes."""

    header_timeout_s: float = 30.0  # from the first byte of a head to its last
    body_timeout_s: float = 60.0  # all waits for a body's bytes together (see TransferBudget)
    idle_timeout_s: float = 75.0  # an idle connection closes after this time
    send_timeout_s: float = 60.0  # a client may leave its response unread for this time
    linger_s: float = 2.0  # a client may still send for this time: a reset would destroy the response
    max_line_bytes: int = 65_536  # the request line, as in http.server; beyond: 414
    max_header_bytes: int = 65_536  # all fields together; beyond: 431
    max_fields: int = 128  # number of fields; beyond: 431
    max_body_bytes: int = 0  # beyond: 413; 0: no limit
    max_trailer_bytes: int = 16_384  # all trailer fields of a chunked body together
    max_extension_bytes: int = 16_384  # all chunk extensions of a body together
    drain_s: float = 2.0  # an unread body is drained for at most this time
    drain_bytes: int = 1_048_576  # and this many bytes; else the connection closes
    max_streams: int = MAX_STREAMS  # raw and long-streaming requests, each with its own thread
    stream_after_s: float = 1.0  # after this time a streaming or waiting request counts as a stream
    slow_request_s: float = 0.0  # report a running request and its stack after this time; 0: never
    max_transfers: int = MAX_TRANSFERS  # slow clients that are served without a thread
    ahead_bytes: int = 16_777_216  # a stream of unknown length may be this far ahead of its client
    spool_bytes: int = 1_073_741_824  # bodies and responses of known length are buffered up to this size
    held_bytes: int = 16_777_216  # of all that is buffered, so much is in memory; the rest is on disk
    stuck_after_s: float = 0.005  # after this time a serving thread counts as busy, and another one accepts
