"""What ``http.server`` documents that it accepts, made strict: for handlers whose ``lenient`` is true.

Owns the three leniencies: lines that end in LF alone, runs of white space in the request line, HTTP/0.9. Each has let
requests be smuggled past a stricter reader, so nothing here runs unless it is asked for. Must not know what a head
means: it hands a strict one on. Runs in the thread that looks at the connection.
"""

from __future__ import annotations

import re

# A blank line behind at least one line; or, for HTTP/0.9, a first line of a method and a target alone.
_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_OLD = re.compile(rb"[ \t]*GET[ \t]+([^ \t\r\n]+)[ \t]*\r?\n")


def take_head(buffer: bytes) -> tuple[bytes, bytes] | None:
    """The first head in the buffer, made strict and without its blank line, and what is behind it; None if none ends.

    The head of an HTTP/0.9 request is its line alone, and has no version.
    """
    buffer = buffer.lstrip(b"\r\n")
    old = _OLD.match(buffer)
    if old is not None:
        return b"GET " + old[1], buffer[old.end() :]
    end = _END.search(buffer)
    if end is None:
        return None
    first, *lines = _LINE_END.split(buffer[: end.start()])
    return b"\r\n".join([b" ".join(first.split()), *lines]), buffer[end.end() :]
