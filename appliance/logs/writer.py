"""The thread that writes lines to a descriptor: the one place of the supervisor that may block on stdout.

Owns the queue, its bound, and what becomes of lines that can't be written. Knows nothing of what a line says. Runs in
the supervisor.

Theory of operation. ``write`` never blocks and never refuses. Once the queue holds ``bound`` bytes, ``full`` is true,
and stays so until it has fallen to half: the supervisor then stops reading from its children, whose own writes block
in turn, so that the project slows down and no line is lost.

A descriptor that fails (a full disk, a pipe without a reader) is tried again, ever more slowly, for as long as it
lasts. Nobody waits for it meanwhile: what is beyond the bound is dropped and counted, and the count is the first line
that is written behind those that were kept. A stop drops what can't be written within its time; what was lost is then
told on stderr.

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

from appliance.logs.render.json_line import json_line
from appliance.logs.render.timestamp import Timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_MS = 50  # how often a thread that waits for room looks whether it is to end
_PAUSE_S = (0.05, 0.2, 1.0)  # after the n-th failure in a row; then the last of them
_STDERR = 2


class Writer:
    """Writes whole lines, in order, from a thread of its own. ``write`` may be called from any thread.

    Where no thread can be started, whoever writes a line writes what can be written without waiting.
    """

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
        self._failures = 0  # in a row
        self._reason = ""
        self._missed = 0  # lines that were dropped since it began to fail
        self._lost = 0  # lines that were dropped, ever
        self._thread: threading.Thread | None = None
        with self._condition:
            self._start()

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
            if self._failures and self._size + len(line) > self._bound:
                self._missed += line.count(b"\n")
                return
            self._queue.append(line)
            self._size += len(line)
            if self._size >= self._bound and not self._failures:
                self._full = True
            if self._thread is None:
                self._start()
            self._condition.notify()
        if self._thread is None:
            self._write_at_once()

    def close(self, within_s: float = 0.3) -> int:
        """Write what is queued, for so long; then drop the rest. Returns how many lines were lost, ever."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        if self._thread is None:
            self._write_at_once()
        else:
            self._thread.join(within_s)
            self._over = True
            self._thread.join(2 * _LOOK_MS / 1000)  # it is a daemon, should a terminal hold it in a write for longer
        with self._condition:
            self._drop()
            lost = self._lost
        if lost:
            self._tell(lost)
        return lost

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):  # a limit of processes; at the next line perhaps
            return
        self._thread = thread

    def _run(self) -> None:
        while self._next():
            size, failure = len(self._current), ""
            try:
                self._send(wait=True)
            except OSError as error:
                failure = error.strerror or str(error)
            self._note(failure)
            self._made_room(size - len(self._current))
            if failure and self._pause():
                return

    def _next(self) -> bool:
        """Have something to write; False if there is to be nothing more."""
        with self._condition:
            if not self._current:
                while not (self._queue or self._closing or self._over):
                    self._condition.wait()
                if self._over or not self._queue:
                    return False
                self._current = memoryview(self._take())
            return not self._over

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
        while self._current and not self._over:
            if not ready.poll(_LOOK_MS if wait else 0):
                if not wait:
                    return
                continue
            try:
                written = os.write(self._descriptor, self._current[: _whole_lines(self._current)])
            except BlockingIOError:  # somebody who shares stdout made it non-blocking, and was faster
                if not wait:
                    return
                continue
            self._current = self._current[written:]

    def _write_at_once(self) -> None:
        """Without a thread: as much as can be written without waiting."""
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
            self._full = False  # nobody would tell of room

    def _note(self, failure: str) -> None:
        """It could not be written, and what is left of it is kept; or, with an empty text, it was written."""
        with self._condition:
            if failure:
                self._failures += 1
                self._reason = failure
                return
            self._failures = 0
            missed, self._missed = self._missed, 0
            if missed:
                self._lost += missed
                line = self._lost_line(missed)
                self._queue.append(line)
                self._size += len(line)

    def _pause(self) -> bool:
        """Wait before it is tried again; whether there is to be no other try."""
        with self._condition:
            if self._closing or self._over:
                return True
            seconds = _PAUSE_S[min(self._failures, len(_PAUSE_S)) - 1]
            self._condition.wait_for(lambda: self._closing or self._over, seconds)
            return False

    def _made_room(self, size: int) -> None:
        with self._condition:
            self._size -= size
            room = self._full and (self._over or bool(self._failures) or self._size <= self._bound // 2)
            if room:
                self._full = False
        if room and self.on_room is not None:
            self.on_room()

    def _drop(self) -> None:
        self._over = True
        self._lost += self._missed + sum(bytes(lines).count(b"\n") for lines in (self._current, *self._queue))
        self._missed = 0
        self._current = memoryview(b"")
        self._queue.clear()

    def _tell(self, lost: int) -> None:
        # As JSON: engines show both streams as one, and their readers expect a line to parse. It may be the same pipe,
        # which nobody reads.
        with contextlib.suppress(OSError):
            ready = select.poll()
            ready.register(self._stderr, select.POLLOUT)
            if ready.poll(_LOOK_MS):
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
            },
        )


def _whole_lines(data: memoryview) -> int:
    if len(data) <= select.PIPE_BUF:
        return len(data)
    end = bytes(data[: select.PIPE_BUF]).rfind(b"\n") + 1
    return end or select.PIPE_BUF
