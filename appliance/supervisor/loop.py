"""The supervisor's event loop: one thread for descriptors, timers, and calls from other threads.

The loop holds the selector, and knows nothing of the functions that it calls. These functions must not block. If one
raises an exception, ``on_error`` gets it, and the loop goes on: neither the loop nor the port ends. After an exception
the descriptor is usually still ready, and its function would be called again in each round. So the descriptor is
paused, longer each time.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import select
import selectors
import socket
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Protocol

from appliance.pauses import nth_pause_s

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAUSES_S = (0.05, 0.2, 1.0, 5.0)
FULL_S = 0.5  # before a connection is accepted, if no descriptor was free


class HasFileno(Protocol):
    """An object that a selector can wait for."""

    def fileno(self) -> int:
        """Return the descriptor."""


class Timer:
    """A call that is due at a time of CLOCK_MONOTONIC, unless ``cancel`` comes first."""

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Never make the call."""
        self._call = None

    def fire(self) -> None:
        """Make the call, unless it was cancelled."""
        call, self._call = self._call, None
        if call is not None:
            call()


class Loop:
    """Runs until ``stop``.

    Args:
        pauses_s: the pause of a descriptor after the n-th failure in a row of its call; the last pause is repeated.

    Attributes:
        on_error: gets each exception of a call; with None, the exception ends the loop.
    """

    def __init__(
        self, on_error: Callable[[Exception], None] | None = None, pauses_s: Sequence[float] = PAUSES_S
    ) -> None:
        self.on_error = on_error
        self._pauses_s = pauses_s
        self._selector: selectors.BaseSelector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._posted: deque[Callable[[], None]] = deque()
        self._woken, self.wake_descriptor = socket.socketpair()
        self._woken.setblocking(False)  # noqa: FBT003  the standard library's own signature
        self.wake_descriptor.setblocking(False)  # noqa: FBT003  as above
        self._selector.register(self._woken, selectors.EVENT_READ, self._clear_wakeups)
        self._failures: dict[int, int] = {}  # by descriptor: how often in a row its call has raised
        self._paused: dict[int, Timer] = {}
        self._running = False

    def watch(
        self, descriptor: HasFileno | int, call: Callable[[], object], *, read: bool = True, write: bool = False
    ) -> None:
        """Call when ``descriptor`` can be read; with ``write``, when it can be written too."""
        self._forget(descriptor)
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        try:
            self._selector.modify(descriptor, events, call)
        except KeyError:
            self._selector.register(descriptor, events, call)

    def unwatch(self, descriptor: HasFileno | int) -> None:
        """Stop calling for this descriptor; call this before it is closed."""
        self._forget(descriptor)
        try:
            self._selector.unregister(descriptor)
        except (KeyError, ValueError):
            return

    def accept(self, listener: socket.socket) -> socket.socket | None:
        """Accept a connection, which does not block; None if the client has gone, or no descriptor is free.

        Without a descriptor the connection waits: the listener stays readable, and is ignored for a moment.
        """
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError:
            self.pause(listener, FULL_S)
            return None
        connection.setblocking(False)  # noqa: FBT003  the standard library's own signature
        return connection

    def pause(self, descriptor: HasFileno | int, after_s: float) -> None:
        """Ignore this descriptor for a time: it is ready, and nothing can be done about it now."""
        try:
            key = self._selector.get_key(descriptor)
        except (KeyError, ValueError):
            return
        self._selector.unregister(descriptor)
        self._paused[key.fd] = self.call_later(after_s, partial(self._end_pause, key))

    def call_later(self, after_s: float, call: Callable[[], None]) -> Timer:
        """Call after this many seconds."""
        timer = Timer(time.monotonic() + after_s, call)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def post(self, call: Callable[[], None]) -> None:
        """Call soon; any thread may post."""
        self._posted.append(call)
        self.wake()

    def wake(self) -> None:
        """Make the selector return; any thread and any signal handler may call this."""
        with contextlib.suppress(OSError):  # the buffer is full of wake-ups; or the loop has ended, and is closed
            self.wake_descriptor.send(b"\0")

    def run(self) -> None:
        """Run until ``stop``."""
        self._running = True
        while self._running:
            for key, _ in self._select():
                if key.fd in self._selector.get_map():  # an earlier call of this round may have unwatched it
                    self._call_for(key)
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                self.guarded(heapq.heappop(self._timers)[2].fire)
            while self._posted:
                self.guarded(self._posted.popleft())

    def stop(self) -> None:
        """Return from ``run`` after this round."""
        self._running = False
        self.wake()

    def close(self) -> None:
        """Close the loop's descriptors, once it has ended. Not in PID 1: a signal may come until its process ends."""
        for each in (self._woken, self.wake_descriptor, self._selector):
            each.close()

    def guarded(self, call: Callable[[], object]) -> bool:
        """Make a call, and return whether it did not raise; ``on_error`` gets its exception."""
        try:
            call()
        except Exception as error:
            if self.on_error is None:
                raise
            self.on_error(error)
            return False
        return True

    def _call_for(self, key: selectors.SelectorKey) -> None:
        if self.guarded(key.data):
            if self._failures:
                self._failures.pop(key.fd, None)
            return
        times = self._failures[key.fd] = self._failures.get(key.fd, 0) + 1
        with contextlib.suppress(Exception):  # the pause itself may be what fails
            self.pause(key.fd, nth_pause_s(self._pauses_s, times))

    def _end_pause(self, key: selectors.SelectorKey) -> None:
        self._paused.pop(key.fd, None)
        with contextlib.suppress(ValueError, OSError):  # the descriptor was closed meanwhile
            self._selector.register(key.fileobj, key.events, key.data)

    def _forget(self, descriptor: HasFileno | int) -> None:
        if not (self._paused or self._failures):
            return
        number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        self._failures.pop(number, None)
        if (timer := self._paused.pop(number, None)) is not None:
            timer.cancel()

    def _select(self) -> list[tuple[selectors.SelectorKey, int]]:
        try:
            return self._selector.select(self._timeout())
        except Exception as error:
            if self.on_error is None:
                raise
            self.on_error(error)
            self._replace_selector()
            return []

    def _replace_selector(self) -> None:
        """Make a new selector that watches the same descriptors; wait a moment first, because this may fail too."""
        select.select([self._woken], [], [], self._pauses_s[0])
        with contextlib.suppress(OSError):
            new = selectors.DefaultSelector()
            for key in list(self._selector.get_map().values()):
                with contextlib.suppress(OSError, ValueError):  # a descriptor that was closed
                    new.register(key.fileobj, key.events, key.data)
            old, self._selector = self._selector, new
            old.close()

    def _timeout(self) -> float | None:
        if self._posted:
            return 0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _clear_wakeups(self) -> None:
        try:
            while self._woken.recv(4096):
                continue
        except BlockingIOError:
            return
