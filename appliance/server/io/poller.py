"""Wait until descriptors are readable or writable: epoll, or what the platform has.

Made in the process that uses it, after any fork: an inherited epoll is shared, and to unregister in the child would
remove the parent's listener. Any thread may register; one waits.
"""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import threading


class Poller:
    """Level-triggered: a descriptor that stays readable is reported by each wait.

    Attributes:
        woken: the last wait ended because of ``wake``.
    """

    def __init__(self) -> None:
        self._woken_end, self._wake_end = os.pipe()
        os.set_blocking(self._wake_end, False)
        os.set_blocking(self._woken_end, False)
        # selectors costs 1 µs an event more, for keys that are not needed here.
        try:
            self._epoll = select.epoll() if hasattr(select, "epoll") else None
            self._selector = None if self._epoll is not None else selectors.DefaultSelector()
        except OSError:  # the pipe had the last descriptors; who asked goes on without a poller
            os.close(self._woken_end)
            os.close(self._wake_end)
            raise
        self.woken = False
        self._waiting = False
        self._closing = False
        self._closed = threading.Lock()
        self.register(self._woken_end)

    def fileno(self) -> int:
        """Return the descriptor that it waits with."""
        return self._epoll.fileno() if self._epoll is not None else self._woken_end

    @property
    def closed(self) -> bool:
        """Whether its descriptors are closed, or about to be."""
        return self._closed.locked()

    def register(self, descriptor: int, *, writable: bool = False) -> None:
        """Report the descriptor when it is readable, or else when it is writable; in either case when it is broken."""
        if self._closing:
            return
        if self._epoll is not None:
            self._epoll.register(descriptor, select.EPOLLOUT if writable else select.EPOLLIN)
        elif self._selector is not None:
            self._selector.register(descriptor, selectors.EVENT_WRITE if writable else selectors.EVENT_READ)

    def register_broken(self, descriptor: int) -> bool:
        """Report the descriptor only when it is broken; False where the platform can't."""
        if self._closing or self._epoll is None:
            return False
        self._epoll.register(descriptor, 0)
        return True

    def unregister(self, descriptor: int) -> None:
        """Stop reporting the descriptor. Needed before another process gets it, or it is reported here without end."""
        try:
            if self._epoll is not None:
                self._epoll.unregister(descriptor)
            elif self._selector is not None:
                self._selector.unregister(descriptor)
        except (OSError, KeyError, ValueError):
            pass

    def wait(self, seconds: float | None = None) -> list[int]:
        """Wait until descriptors are ready, or ``wake`` is called, for so long at most; return those that are ready."""
        self._waiting = True
        try:
            return [] if self._closing else self._wait(seconds)
        finally:
            self._waiting = False
            if self._closing:
                self._close()

    def _wait(self, seconds: float | None) -> list[int]:
        if self._epoll is not None:
            found = [descriptor for descriptor, _ in self._epoll.poll(seconds)]
        elif self._selector is not None:
            found = [key.fd for key, _ in self._selector.select(seconds)]
        else:
            found = []
        self.woken = self._woken_end in found
        if self.woken:
            found.remove(self._woken_end)
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken_end, 4096)
        return found

    def wake(self) -> None:
        """End this wait, or the next one."""
        if self._closing:
            return  # the descriptor may belong to another file by now
        # If the pipe is full, the thread wakes anyway; if the application has closed it, the wait fails anyway.
        with contextlib.suppress(OSError):
            os.write(self._wake_end, b"\0")

    def close(self) -> None:
        """Close the poller's own descriptors; a thread that waits does it at the end of its wait."""
        self.wake()
        self._closing = True
        if not self._waiting:
            self._close()

    def _close(self) -> None:
        if not self._closed.acquire(blocking=False):
            return
        for each in (self._epoll, self._selector):
            if each is not None:
                with contextlib.suppress(OSError):  # the application has closed it
                    each.close()
        for end in (self._wake_end, self._woken_end):
            with contextlib.suppress(OSError):  # the application has closed it
                os.close(end)
