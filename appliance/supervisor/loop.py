"""The supervisor's one thread: descriptors, timers, and calls from other threads.

Owns the selector and the wake-up. Knows nothing of what it calls. Nothing that is called here may block.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class HasFileno(Protocol):
    """What a selector can wait for."""

    def fileno(self) -> int:
        """The descriptor."""


class Timer:
    """A call that is due at a time of CLOCK_MONOTONIC; ``cancel`` makes it none."""

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Never call it."""
        self._call = None

    def fire(self) -> None:
        """Call it, unless it was cancelled."""
        call, self._call = self._call, None
        if call is not None:
            call()


class Loop:
    """Runs until ``stop``."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._posted: deque[Callable[[], None]] = deque()
        self._woken, self.wake_descriptor = socket.socketpair()
        self._woken.setblocking(False)  # noqa: FBT003  the standard library's own signature
        self.wake_descriptor.setblocking(False)  # noqa: FBT003  as above
        self._selector.register(self._woken, selectors.EVENT_READ, self._rouse)
        self._running = False

    def watch(
        self, descriptor: HasFileno | int, call: Callable[[], object], *, read: bool = True, write: bool = False
    ) -> None:
        """Call when ``descriptor`` can be read; with ``write``, when it can be written too."""
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        try:
            self._selector.modify(descriptor, events, call)
        except KeyError:
            self._selector.register(descriptor, events, call)

    def unwatch(self, descriptor: HasFileno | int) -> None:
        """Call for it no more; before it is closed."""
        try:
            self._selector.unregister(descriptor)
        except (KeyError, ValueError):
            return

    def call_later(self, after_s: float, call: Callable[[], None]) -> Timer:
        """Call after that many seconds."""
        timer = Timer(time.monotonic() + after_s, call)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def post(self, call: Callable[[], None]) -> None:
        """Call soon; from any thread."""
        self._posted.append(call)
        self.wake()

    def wake(self) -> None:
        """Make the selector return; from any thread, and from signal handlers."""
        try:
            self.wake_descriptor.send(b"\0")
        except BlockingIOError:
            return  # it is full of wake-ups already

    def run(self) -> None:
        """Until ``stop``."""
        self._running = True
        while self._running:
            for key, _ in self._selector.select(self._patience()):
                if key.fd in self._selector.get_map():  # an earlier call of this round may have unwatched it
                    key.data()
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2].fire()
            while self._posted:
                self._posted.popleft()()

    def stop(self) -> None:
        """Return from ``run`` after this round."""
        self._running = False
        self.wake()

    def _patience(self) -> float | None:
        if self._posted:
            return 0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _rouse(self) -> None:
        try:
            while self._woken.recv(4096):
                continue
        except BlockingIOError:
            return
