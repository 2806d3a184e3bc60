"""The parts of a request that has no connection: a ``ServerHandler`` given plain file objects, as wsgiref's may be.

Owns those stand-ins; must not know the response. Runs in the thread of its request.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from ..http.body import Body, Empty, LengthBody
from ..http.limits import Limits
from ..io.wire import Wire
from .exchange import Exchange
from .streams import FileWire

if TYPE_CHECKING:
    from collections.abc import Mapping


def detached_parts(stdin: Any, stdout: Any, environ: Mapping[str, Any]) -> tuple[Body | Empty, Wire, Exchange]:
    """A body of as many bytes as CONTENT_LENGTH says, a wire to write to, a record that nobody reads."""
    length = str(environ.get("CONTENT_LENGTH") or "0")
    size = int(length) if length.isascii() and length.isdigit() else 0
    if isinstance(stdin, Body | Empty):
        body = stdin
    else:
        body = LengthBody(FileWire(stdin, None), Limits(), size) if size else Empty()
    wire = stdout if isinstance(stdout, Wire) else FileWire(None, stdout)
    return body, wire, Exchange(None, str(environ.get("REMOTE_ADDR", "")), 0, monotonic(), "")
