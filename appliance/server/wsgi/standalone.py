"""The parts of a ``ServerHandler`` that was given plain file objects, as wsgiref's may be."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from ..http.body import Body, Empty, LengthBody
from ..http.limits import Limits
from ..io.wire import Wire
from .access_log.exchange import Exchange
from .streams import FileWire

if TYPE_CHECKING:
    from collections.abc import Mapping


def standalone_parts(stdin: Any, stdout: Any, environ: Mapping[str, Any]) -> tuple[Body | Empty, Wire, Exchange]:
    """Return a body of as many bytes as CONTENT_LENGTH says, a wire to write to, and a record that is not logged."""
    length = str(environ.get("CONTENT_LENGTH") or "0")
    size = int(length) if length.isascii() and length.isdigit() else 0
    if isinstance(stdin, Body | Empty):
        body = stdin
    else:
        body = LengthBody(FileWire(stdin, None), Limits(), size) if size else Empty()
    wire = stdout if isinstance(stdout, Wire) else FileWire(None, stdout)
    return body, wire, Exchange(None, str(environ.get("REMOTE_ADDR", "")), 0, monotonic(), "")
