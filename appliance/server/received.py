"""A chunked body that is received whole before the application runs, for frameworks that read by Content-Length alone.

Owns the question who needs that, and where the content waits: in memory up to a bound, in a file without a name beyond.
Must not know the response. Runs in the thread of its request.

Django, Bottle, Falcon and CherryPy never look at ``wsgi.input_terminated``: without a CONTENT_LENGTH they take a
request for one without a body. PEP 3333 has no other way to tell them. Everybody else gets the body as it comes.
"""

from __future__ import annotations

import io
import sys
from typing import IO, TYPE_CHECKING

from .body import Body
from .wire import RECEIVE, Wire

if TYPE_CHECKING:
    from .limits import Limits

_READ_BY_LENGTH = ("django", "bottle", "falcon", "cherrypy")
_IN_MEMORY = 1_048_576


def needs_length() -> bool:
    """Whether this process has loaded a framework that reads a body by its CONTENT_LENGTH alone."""
    return any(name in sys.modules for name in _READ_BY_LENGTH)


class ReceivedBody(Body):
    """A body that is there as a whole.

    Attributes:
        length: of its content.
    """

    __slots__ = ("_file", "_left", "length")

    def __init__(self, wire: Wire, limits: Limits, body: Body) -> None:
        """Receive another body to its end.

        Raises:
            BodyError: it has none.
        """
        super().__init__(wire, limits)
        self._file: IO[bytes] = io.BytesIO()
        while piece := body.read(RECEIVE):
            if self._file.tell() > _IN_MEMORY and isinstance(self._file, io.BytesIO):
                self._file = _to_disk(self._file)
            self._file.write(piece)
        self.length = self._left = self._file.tell()
        self._file.seek(0)
        self.ended = not self._left

    def _piece(self) -> bytes:
        piece = self._file.read(RECEIVE)
        self._left -= len(piece)
        self.ended = not self._left
        if self.ended:
            self._file.close()
        return piece

    def drainable(self, limits: Limits) -> bool:  # noqa: ARG002 (a body's signature)
        """Nothing of it is still to come."""
        return True

    def drain(self, limits: Limits) -> bool:  # noqa: ARG002 (a body's signature)
        """Let what was not read go."""
        self._file.close()
        self.ended = True
        return True


def _to_disk(memory: io.BytesIO) -> IO[bytes]:
    from tempfile import TemporaryFile  # noqa: PLC0415  3 ms that small bodies do not need

    file = TemporaryFile()  # noqa: SIM115  it lives as long as the request
    file.write(memory.getbuffer())
    return file
