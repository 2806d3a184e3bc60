"""The thread that writes lines to a descriptor: the only place in the supervisor that may block on stdout.

This module has the queue and its limit, and counts lines that can't be written. It does not know what a line means.
Runs in the supervisor.

Theory of operation. ``write`` never blocks and never refuses. Once the queue holds ``bound`` bytes, ``full`` is true,
and stays true until the queue has shrunk to half: the supervisor then stops reading from its children, whose own writes
then block, so that the project slows down and no line is lost.

If a descriptor fails (a full disk, a pipe without a reader), the writer tries again, more and more slowly, as long as
the failure lasts. Nothing waits meanwhile: lines beyond the limit are dropped and counted, and the count is the first
line that is written after the queued ones. A stop drops what can't be written in its time; the number of lost lines is
then written to stderr.

A descriptor that is ready takes PIPE_BUF bytes without blocking (poll(2), pipe(7)), so that many are written at once,
up to the end of a line. A bigger write would need fewer calls, but a write that blocks half-way can neither be ended
nor report how much it has written.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from appliance.logs.events import EVENTS
from appliance.logs.render.json_line import json_line
from appliance.logs.render.timestamp import Timestamps
from appliance.pauses import nth_pause_s

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_MS = 50  # how often a thread that waits for room checks whether it must end
_PAUSES_S = (0.05, 0.2, 1.0)  # after the n-th failure in a row; then always the last of them
_STDERR = 2


class Writer:
    """Writes whole lines, in order, from a thread of its own. Any thread may call ``write``.

    If no thread can be started, each caller writes what can be written without waiting.
    """

    def __init__(self, descriptor: int, *, bound: int, stderr: int = _STDERR) -> None:
        self._descriptor = descriptor
        self._bound = bound
        self._stderr = stderr
        self._on_room: Callable[[], None] | None = None  # (``attach``)
        self._condition = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._size = 0  # bytes that are queued or being written
        self._current = memoryview(b"")  # the rest of the current write
        self._full = False
        self._closing = False
        self._stopped = False  # nothing is written any more; lines are counted
        self._failures = 0  # in a row
        self._reason = ""
        self._dropped = 0  # lines dropped since the descriptor began to fail
        self._lost = 0  # lines dropped in all
        self._thread: threading.Thread | None = None
        with self._condition:
            self._start()

    def attach(self, on_room: Callable[[], None]) -> None:
        """Call a function from the writer's thread whenever ``full`` becomes false; without one, nothing is called."""
        self._on_room = on_room

    @property
    def full(self) -> bool:
        """Whether the makers of lines should wait."""
        return self._full

    def write(self, line: bytes) -> None:
        """Queue one line, or several, each with its newline."""
        with self._condition:
            if self._stopped:
                self._lost += line.count(b"\n")
                return
            if self._failures and self._size + len(line) > self._bound:
                self._dropped += line.count(b"\n")
                return
            self._queue.append(line)
            self._size += len(line)
            if self._size >= self._bound and not self._failures:
                self._full = True
            if self._thread is None:
                self._start()
            self._condition.notify()
        if self._thread is None:
            self._write_without_thread()

    def close(self, within_s: float = 0.3) -> int:
        """Write the queued lines, for this time; then drop the rest. Return how many lines were lost in all."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        if self._thread is None:
            self._write_without_thread()
        else:
            self._thread.join(within_s)
            self._stopped = True
            self._thread.join(2 * _POLL_MS / 1000)  # a daemon thread: a terminal may block its write for longer
        with self._condition:
            self._drop()
            lost = self._lost
        if lost:
            self._report_lost(lost)
        return lost

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):  # a limit of processes; try again at the next line
            return
        self._thread = thread

    def _run(self) -> None:
        while self._next():
            size, failure = len(self._current), ""
            try:
                self._send(wait=True)
            except OSError as error:
                failure = error.strerror or str(error)
            self._record_result(failure)
            self._made_room(size - len(self._current))
            if failure and self._pause():
                return

    def _next(self) -> bool:
        """Wait until there is something to write; return False at the end."""
        with self._condition:
            if not self._current:
                while not (self._queue or self._closing or self._stopped):
                    self._condition.wait()
                if self._stopped or not self._queue:
                    return False
                self._current = memoryview(self._take())
            return not self._stopped

    def _take(self) -> bytes:
        lines = [self._queue.popleft()]
        size = len(lines[0])
        while self._queue and size + len(self._queue[0]) <= select.PIPE_BUF:
            size += len(self._queue[0])
            lines.append(self._queue.popleft())
        return b"".join(lines)

    def _send(self, *, wait: bool) -> None:
        ready = select.poll()
        ready.register(self._descriptor, select.POLLOUT)
        while self._current and not self._stopped:
            if not ready.poll(_POLL_MS if wait else 0):
                if not wait:
                    return
                continue
            try:
                written = os.write(self._descriptor, self._current[: _whole_lines(self._current)])
            except BlockingIOError:  # another process that shares stdout made it non-blocking, and wrote first
                if not wait:
                    return
                continue
            self._current = self._current[written:]

    def _write_without_thread(self) -> None:
        """Write as many lines as possible without waiting, in the caller's thread."""
        with self._condition, contextlib.suppress(OSError):
            while self._current or self._queue:
                if not self._current:
                    self._current = memoryview(self._take())
                size = len(self._current)
                try:
                    self._send(wait=False)
                finally:
                    self._size -= size - len(self._current)
                if self._current:
                    break
            self._full = False  # without the thread, nothing would call on_room

    def _record_result(self, failure: str) -> None:
        """Note that a write failed (its rest is kept) or, with an empty text, that it succeeded."""
        with self._condition:
            if failure:
                self._failures += 1
                self._reason = failure
                return
            self._failures = 0
            dropped, self._dropped = self._dropped, 0
            if dropped:
                self._lost += dropped
                line = self._lost_line(dropped)
                self._queue.append(line)
                self._size += len(line)

    def _pause(self) -> bool:
        """Wait before the next try; return whether there must be none."""
        with self._condition:
            if self._closing or self._stopped:
                return True
            seconds = nth_pause_s(_PAUSES_S, self._failures)
            self._condition.wait_for(lambda: self._closing or self._stopped, seconds)
            return False

    def _made_room(self, size: int) -> None:
        with self._condition:
            self._size -= size
            room = self._full and (self._stopped or bool(self._failures) or self._size <= self._bound // 2)
            if room:
                self._full = False
        if room and self._on_room is not None:
            self._on_room()

    def _drop(self) -> None:
        self._stopped = True
        self._lost += self._dropped + sum(bytes(lines).count(b"\n") for lines in (self._current, *self._queue))
        self._dropped = 0
        self._current = memoryview(b"")
        self._queue.clear()

    def _report_lost(self, lost: int) -> None:
        # As JSON: container engines merge both streams, and log readers parse each line. It may be the same pipe,
        # which nobody reads.
        with contextlib.suppress(OSError):
            ready = select.poll()
            ready.register(self._stderr, select.POLLOUT)
            if ready.poll(_POLL_MS):
                os.write(self._stderr, self._lost_line(lost))

    def _lost_line(self, lost: int) -> bytes:
        return json_line(
            None,
            "error",
            {
                "timestamp": Timestamps()(time.time()),
                "level": "error",
                "event": "records.lost",
                "role": "supervisor",
                "count": lost,
                "reason": f"stdout took no more lines ({self._reason})"
                if self._reason
                else "stdout took no more lines",
                "action": EVENTS["records.lost"].action,
            },
        )


def _whole_lines(data: memoryview) -> int:
    if len(data) <= select.PIPE_BUF:
        return len(data)
    end = bytes(data[: select.PIPE_BUF]).rfind(b"\n") + 1
    return end or select.PIPE_BUF
