"""The event that the watchdog waits for; with gevent see the live tests."""

from __future__ import annotations

import pytest

from appliance.server.io import gevent_safe_event
from appliance.server.io.gevent_safe_event import GeventSafeEvent


class Lock:
    """A lock that no thread waits for: an ``acquire`` that would wait notes its time-out, and returns."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._is_locked = False

    def acquire(self, timeout: float = -1.0) -> None:
        """As the lock's."""
        if self._is_locked:
            self.waits.append(timeout)
        self._is_locked = True

    def release(self) -> None:
        """As the lock's."""
        if not self._is_locked:
            raise RuntimeError("release unlocked lock")
        self._is_locked = False


def test_a_wait_clears_the_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that is set ends one wait, however often it was set; the next wait lasts for its time."""
    lock = Lock()
    monkeypatch.setattr(gevent_safe_event, "_ALLOCATE", lambda: lock)
    event = GeventSafeEvent()
    event.set()
    event.set()
    event.wait(60)
    assert lock.waits == []
    event.wait(5)
    event.wait(-1.0)
    event.wait()
    assert lock.waits == [5, 0.0, -1]
