"""A flag that one thread waits for and any may raise.

Owns the wait; must not know who waits. ``threading.Event`` would do, but for gevent and eventlet: they replace the
locks that it makes at each wait, and a thread of ours, which is none of theirs, could then not end that wait.

Where they have patched the standard library, the threads of a pool are greenlets of theirs, as those of any server
would be, and so is whoever waits here: it sleeps by their ``time.sleep``, so that all the others run meanwhile.
"""

from __future__ import annotations

import _thread
import contextlib
import time
from time import monotonic

_STEP_S = 0.005
_ALLOCATE = _thread.allocate_lock
_SLEEP = time.sleep  # noqa: TID251  not called: as it was before any project was imported


class GeventSafeEvent:
    """Lowered at first, and after each wait that it has ended."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = _ALLOCATE()  # locked: the flag is lowered
        self._lock.acquire()

    def set(self) -> None:
        """Raise it."""
        with contextlib.suppress(RuntimeError):  # it is raised already
            self._lock.release()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it is raised, at most so long; lower it."""
        if time.sleep is _SLEEP:  # noqa: TID251  as above
            self._lock.acquire(timeout=-1 if seconds is None else max(0.0, seconds))
            return
        deadline = None if seconds is None else monotonic() + seconds
        while not self._lock.acquire(blocking=False) and (deadline is None or monotonic() < deadline):
            time.sleep(_STEP_S)  # noqa: TID251  theirs: nobody's thread sleeps here
