"""An event that one thread waits for and any thread may set, also if gevent or eventlet patches the process.

``threading.Event`` makes a lock at each wait. gevent and eventlet replace those locks, and a thread that is not one of
theirs could then not end that wait.

If they have patched the standard library, the pool's threads are greenlets, also the thread that waits here. That
thread sleeps by their ``time.sleep``, so that all others run meanwhile.

Decision 21 says why.
"""

from __future__ import annotations

import _thread
import contextlib
import time
from time import monotonic

STEP_S = 0.005
_ALLOCATE = _thread.allocate_lock
_SLEEP = time.sleep  # noqa: TID251  not called: as it was before any project was imported


class GeventSafeEvent:
    """An event. Each wait that it ends clears it."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = _ALLOCATE()  # locked: the event is not set
        self._lock.acquire()

    def set(self) -> None:
        """Set the event."""
        with contextlib.suppress(RuntimeError):  # it is set already
            self._lock.release()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the event is set, for so long at most; clear it."""
        if time.sleep is _SLEEP:  # noqa: TID251  as above
            self._lock.acquire(timeout=-1 if seconds is None else max(0.0, seconds))
            return
        deadline = None if seconds is None else monotonic() + seconds
        while not self._lock.acquire(blocking=False) and (deadline is None or monotonic() < deadline):
            time.sleep(STEP_S)  # noqa: TID251  gevent's or eventlet's: no thread sleeps here
