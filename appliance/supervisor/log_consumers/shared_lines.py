"""Share the last lines of the log with the recorder, and wake it when there are more. Runs in the supervisor's loop.

Nothing waits for the recorder, and lines can be written while no recorder runs: they are in shared memory
(``desk.line_ring``). A byte in a pipe tells the recorder that there are new lines; the pipe's end tells it that no more
will come.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from appliance.desk.line_ring import LineWriter
from appliance.supervisor.log_consumers.line_pipe import COLLECT_S

if TYPE_CHECKING:
    from appliance.supervisor.loop import Loop


class SharedLines:
    """The lines, and the supervisor's end of the pipe, which may be opened again and again.

    Args:
        loop: the supervisor's.

    Attributes:
        descriptor: the memory.

    Raises:
        OSError: there is no such memory.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._writer = LineWriter()
        self.descriptor = self._writer.descriptor
        self._pipe = -1
        self._wakes = False
        self._due = 0  # lines that were written before the pipe was closed

    def open(self) -> int:
        """Open a pipe, and return its end for the recorder, which the caller closes.

        Raises:
            OSError: no descriptor is left.
        """
        read, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        self.wake()
        return read

    def close(self) -> None:
        """Close the pipe: the recorder stores the unread lines, and ends."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
            self._due = self._writer.lines

    def write(self, data: bytes, requests: int = 0) -> None:
        """Take whole lines, of which so many are requests."""
        self._writer.write(data, requests)
        if not self._wakes and self._pipe >= 0:
            self._wakes = True
            self._writer.reuse()
            self._loop.call_later(COLLECT_S, self.wake)

    def wake(self) -> None:
        """Tell the recorder that there are lines."""
        self._wakes = False
        if self._pipe >= 0:
            with contextlib.suppress(OSError):  # it was told often enough; or it has ended, which comes as an event
                os.write(self._pipe, b"\0")

    def not_stored(self) -> int:
        """Return how many of the lines before the close the recorder has not stored."""
        return max(0, self._due - self._writer.stored)

    def free(self) -> None:
        """Free the memory: nobody will read it."""
        self.close()
        self._writer.close()
