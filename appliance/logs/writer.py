"""The thread that writes lines to a descriptor: the one place of the supervisor that may block on stdout.

Owns the queue, its bound, and what becomes of lines that can't be written. Knows nothing of what a line says. Runs in
the supervisor.

Theory of operation. ``write`` never blocks and never refuses. Once the queue holds ``bound`` bytes, ``full`` is true,
and stays so until it has fallen to half: the supervisor then stops reading from its children, whose own writes block
in turn, so that the project slows down and no line is lost. Only a stop, or a stdout that nobody reads any more,
drops lines; they are counted, and the count is written to stderr.

A descriptor that can take more takes PIPE_BUF bytes without blocking (poll(2), pipe(7)), so that many are written at
once, cut at the end of a line. A bigger write would be fewer calls, but one that blocks half-way can neither be ended
nor say how far it came.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from appliance.logs.jsonline import json_line
from appliance.logs.timestamp import Timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_MS = 50  # how often a thread that waits for room looks whether it is to end
_STDERR = 2


class Writer:
    """Writes whole lines, in order, from a thread of its own. ``write`` may be called from any thread."""

    def __init__(self, descriptor: int, *, bound: int, stderr: int = _STDERR) -> None:
        self._descriptor = descriptor
        self._bound = bound
        self._stderr = stderr
        self.on_room: Callable[[], None] | None = None  # called from the writer's thread when ``full`` ends
        self._condition = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._size = 0  # bytes that are queued or being written
        self._current = memoryview(b"")  # what is left of the write that is under way
        self._full = False
        self._closing = False
        self._over = False  # nothing is written any more; lines are counted
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether those who make lines should wait."""
        return self._full

    def write(self, line: bytes) -> None:
        """Queue one line, or several whole ones, each with its newline."""
        with self._condition:
            if self._over:
                self._lost += line.count(b"\n")
                return
            self._queue.append(line)
            self._size += len(line)
            if self._size >= self._bound:
                self._full = True
            self._condition.notify()

    def close(self, within_s: float = 0.3) -> int:
        """Write what is queued, for so long; then drop the rest. Returns how many lines were lost, ever."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join(within_s)
        self._over = True
        self._thread.join(2 * _LOOK_MS / 1000)  # it is a daemon, should a terminal hold it in a write for longer
        with self._condition:
            self._drop()
            lost = self._lost
        if lost:
            self._tell(lost)
        return lost

    def _run(self) -> None:
        while True:
            with self._condition:
                while not (self._queue or self._closing or self._over):
                    self._condition.wait()
                if self._over or not self._queue:
                    return
                batch = self._take()
                self._current = memoryview(batch)
            try:
                self._send()
            except OSError:  # EPIPE, or a terminal or file that is gone: no later write can do better
                with self._condition:
                    self._drop()
            self._made_room(len(batch))

    def _take(self) -> bytes:
        lines = [self._queue.popleft()]
        size = len(lines[0])
        while self._queue and size + len(self._queue[0]) <= select.PIPE_BUF:
            size += len(self._queue[0])
            lines.append(self._queue.popleft())
        return b"".join(lines)

    def _send(self) -> None:
        ready = select.poll()
        ready.register(self._descriptor, select.POLLOUT)
        while self._current and not self._over:
            if not ready.poll(_LOOK_MS):
                continue
            try:
                written = os.write(self._descriptor, self._current[: _whole_lines(self._current)])
            except BlockingIOError:  # somebody who shares stdout made it non-blocking, and was faster
                continue
            self._current = self._current[written:]

    def _made_room(self, size: int) -> None:
        with self._condition:
            self._size -= size
            room = self._full and (self._over or self._size <= self._bound // 2)
            if room:
                self._full = False
        if room and self.on_room is not None:
            self.on_room()

    def _drop(self) -> None:
        self._over = True
        self._lost += sum(bytes(lines).count(b"\n") for lines in (self._current, *self._queue))
        self._current = memoryview(b"")
        self._queue.clear()

    def _tell(self, lost: int) -> None:
        # As JSON: engines show both streams as one, and their readers expect a line to parse.
        line = json_line(
            None,
            "error",
            {
                "timestamp": Timestamps()(time.time()),
                "level": "error",
                "event": "records.lost",
                "role": "supervisor",
                "count": lost,
                "reason": "stdout took no more lines",
            },
        )
        with contextlib.suppress(OSError):
            os.write(self._stderr, line)


def _whole_lines(data: memoryview) -> int:
    if len(data) <= select.PIPE_BUF:
        return len(data)
    end = bytes(data[: select.PIPE_BUF]).rfind(b"\n") + 1
    return end or select.PIPE_BUF
