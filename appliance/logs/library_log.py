"""The log of the server as a library: each event is a line on ``sys.stdout``, without a supervisor.

Runs in a process that uses the server as a library.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from appliance.logs.entries import event_entry
from appliance.logs.event_logger import Destination, Entry, EventLogger, masked_entry
from appliance.logs.render.console import Console
from appliance.logs.render.json_line import json_line
from appliance.logs.render.timestamp import Timestamps
from appliance.masking import Mask

Renderer = Callable[[object, str, Entry], bytes]


class _Stamp:
    """A processor that adds the first fields of every line to an entry of the library."""

    def __init__(self) -> None:
        self._timestamps = Timestamps()

    def __call__(self, _logger: object, level: str, entry: Entry) -> Entry:
        """Return the entry, its fields in the line's order."""
        return event_entry(self._timestamps(time.time()), level, entry.pop("event"), "library", None, entry)


def _masking_text(mask: Mask, console: Console) -> Renderer:
    """Wrap a console so that secrets are masked. It counts repeats, so it must render each entry only once."""
    return lambda logger, level, entry: console(logger, level, masked_entry(mask, entry))


def _masking_json(mask: Mask) -> Renderer:
    """Return a renderer of JSON that masks secrets: few lines may hold one, and these are rendered again."""

    def render(logger: object, level: str, entry: Entry) -> bytes:
        line = json_line(logger, level, entry)
        return json_line(logger, level, masked_entry(mask, entry)) if mask.may_hold(line) else line

    return render


def library_logger() -> EventLogger:
    """Return a logger for the server as a library: JSON lines on ``sys.stdout``, or text for people on a terminal."""
    lock = threading.Lock()

    def write(line: bytes) -> None:
        stdout = sys.stdout  # it may have been replaced
        with lock:
            stdout.flush()
            if hasattr(stdout, "buffer"):  # JSON is UTF-8 (RFC 8259, 8.1), whatever the encoding of stdout is
                stdout.buffer.write(line)
            else:
                stdout.write(line.decode())
            stdout.flush()

    # A library has no __main__ that reads the environment for it.
    environment = os.environ  # noqa: TID251
    mask = Mask(environment)
    if sys.stdout.isatty():
        console = Console(colour=not environment.get("NO_COLOR"), root=str(Path.cwd()))
        renderer = _masking_text(mask, console)
    else:
        renderer = _masking_json(mask)
    return EventLogger(Destination(write), [_Stamp(), renderer], {})
