"""Turn a request head that only ``http.server`` accepts into a strict one, for handlers whose ``lenient`` is true.

``http.server`` documents that it accepts three deviations: lines that end in LF alone, runs of white space in the
request line, and HTTP/0.9. All three have been used to smuggle requests past a stricter reader, so this code runs only
if a handler asks for it. The result goes to the strict reader.
"""

from __future__ import annotations

import re

# A blank line after at least one line; or, for HTTP/0.9, a first line with only a method and a target.
_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_OLD = re.compile(rb"[ \t]*GET[ \t]+([^ \t\r\n]+)[ \t]*\r?\n")


def take_head(buffer: bytes) -> tuple[bytes, bytes] | None:
    """Return the buffer's first head, made strict and without its blank line, and the rest; None if incomplete.

    The head of an HTTP/0.9 request is its request line alone, without a version.
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
