"""What a server puts up with: the bounds in bytes and seconds, in one frozen place.

Knows nothing of where the numbers come from. Read by every other module of the server, in its process.
"""

from __future__ import annotations

from dataclasses import dataclass

RECEIVE = 65_536  # bytes that are asked of a socket at once


@dataclass(frozen=True)
class Limits:
    """Bounds of one server; seconds and bytes."""

    header_timeout_s: float = 30.0  # from the first byte of a head to its last
    body_timeout_s: float = 60.0  # how long a body may keep us waiting, all its silences together (see wire.Patience)
    idle_timeout_s: float = 75.0  # between two requests
    send_timeout_s: float = 60.0  # how long a client may refuse to read
    linger_s: float = 2.0  # how long a closing connection may still send, so that the answer is not reset away
    max_line_bytes: int = 65_536  # the request line, as http.server's; beyond: 414
    max_header_bytes: int = 65_536  # the fields together; beyond: 431
    max_fields: int = 128  # their number; beyond: 431
    max_body_bytes: int = 0  # beyond: 413; 0: no bound
    max_trailer_bytes: int = 16_384  # of a chunked body
    max_extension_bytes: int = 16_384  # all chunk extensions of a body together
    drain_s: float = 2.0  # an unread body is read to its end within these two,
    drain_bytes: int = 1_048_576  # or the connection closes
    max_streams: int = 256  # hijacked and long-streaming requests, each with a thread of its own
    stream_after_s: float = 1.0  # when a streaming or waiting request is one of those
    slow_request_s: float = 0.0  # when a request that still runs is told of, with where it stands; 0: never
    max_transfers: int = 4096  # slow clients whose responses and bodies are sent and received without a thread
    ahead_bytes: int = 16_777_216  # a stream of unknown length may be so far ahead of its client
    spool_bytes: int = 1_073_741_824  # and one of known length, and a body, may wait for as long as it is no longer
    held_bytes: int = 16_777_216  # what of all that is held in memory; the rest is on the disk
    stuck_after_s: float = 0.005  # when the thread that serves and accepts is taken to be at work, and another accepts
