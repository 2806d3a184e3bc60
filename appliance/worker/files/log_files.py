"""Let the project open its log files during the import of a snapshot, as long as it writes nothing into them.

Runs in the snapshot. Many projects have a ``logging.FileHandler``, which opens its file at once, to append to it. If
the file exists, opening it changes nothing outside of the process. At the end of the import the file is closed, as if
the handler had ``delay``. Each fork opens the file when it writes its first line: so the forks share no descriptor, and
no fork keeps a rotated file open.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class LogFiles:
    """The log files that were opened; ``writes`` is called before a line is written, and must not return."""

    def __init__(self, writes: Callable[[str], object]) -> None:
        self._writes = writes
        self._handlers: Any = None  # the class, once it is observed
        self._emit: Any = None
        self.names: set[str] = set()

    def begin(self) -> None:
        """Observe writes to the project's log files, once ``logging`` is loaded."""
        logging: Any = sys.modules.get("logging")
        handlers = getattr(logging, "FileHandler", None)
        if handlers is None or self._handlers is not None:
            return
        self._handlers, self._emit = handlers, handlers.emit

        def emit(handler: Any, record: Any) -> None:
            self._writes(f"writes into the log file {handler.baseFilename}")
            self._emit(handler, record)

        handlers.emit = emit

    def allow_open(self, frame: FrameType, arguments: tuple[Any, ...]) -> bool:
        """Allow an ``open`` by a handler of ``logging`` for a file that exists, and note the file.

        Return False for any other ``open``. The arguments are those of the audit event.
        """
        path, _, flags = arguments
        if self._handlers is None or frame.f_code is not self._handlers._open.__code__:  # noqa: SLF001  logging's own
            return False
        if not flags & os.O_APPEND or flags & os.O_TRUNC or not os.path.isfile(path):
            return False
        self.names.add(os.path.realpath(path))
        return True

    def end(self) -> None:
        """Close the files: a handler opens its file again with its next line."""
        if self._handlers is None:
            return
        self._handlers.emit = self._emit
        logging: Any = sys.modules["logging"]
        for reference in list(logging._handlerList):  # noqa: SLF001  the only list of them
            handler = reference()
            stream = getattr(handler, "stream", None)
            if not isinstance(handler, self._handlers) or stream is None:
                continue
            if os.path.realpath(handler.baseFilename) in self.names:
                handler.stream = None
                stream.close()
