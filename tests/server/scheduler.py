"""A scheduler under which the threads of a server run one at a time, in an order that a seed decides.

``Scheduler.patch`` gives the modules of the pool locks, threads, events, a clock and a poller whose every use is a
point at which another thread may go on. So a test meets the interleavings that a real machine meets once in a million
requests, and the same seed meets them again. The sockets and the kernel's poll are real: on one machine a byte that
was sent to a UNIX socket can be received at once.

Time stands still while any thread can go on. If none can, the clock jumps to the first time-out. (``hurry``: now and
then it does so earlier, as if all threads had been slow.)

Decision 40 says why.
"""

from __future__ import annotations

import random
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.io import outbound, poller, send_progress, wire
from appliance.server.io.background import background_sender, byte_queue, transfer
from appliance.server.pool import connections, pool, pool_parts, serving_loop, thread_pool, watchdog
from appliance.server.wsgi import handler, response
from appliance.server.wsgi.access_log import exchange

POINTS_MAX = 20_000
CLOCKS: tuple[Any, ...] = (
    background_sender, send_progress, outbound, transfer, wire, connections, pool, serving_loop, thread_pool, watchdog,
    exchange, handler, response,
)  # fmt: skip


class StuckError(AssertionError):
    """No thread can continue, and no time-out is due; or they never end."""


class Cancelled(BaseException):
    """Ends a thread that is left over."""


class Task:
    """One thread of the test."""

    def __init__(self, scheduler: Scheduler, call: Callable[[], object], name: str) -> None:
        self.name = name
        self.error: BaseException | None = None
        self.alive = True
        self.condition: Callable[[], bool] | None = None
        self.deadline: float | None = None
        self.go = threading.Lock()
        self.go.acquire()
        self._scheduler = scheduler
        self._call = call
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.go.acquire()
        try:
            if not self._scheduler.cancelled:
                self._call()
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001  the driver raises it
            self.error = error
        finally:
            self.alive = False
            self._scheduler.back.release()

    def can_go_on(self) -> bool:
        return self.condition is None or self.condition()


class Scheduler:
    """Runs tasks, one at a time.

    Args:
        seed: of the choices.
        often: how likely it is that another thread goes on at a point where the same one could.
        hurry: how likely it is that a time-out comes though a thread could go on.
        preempt_at: the one point at which another thread goes on, for runs that are preempted once.
        refuse: how likely it is that a thread can't be started.
    """

    def __init__(
        self,
        seed: int,
        *,
        often: float = 0.5,
        hurry: float = 0.0,
        preempt_at: int | None = None,
        refuse: float = 0.0,
    ) -> None:
        self.chance = random.Random(seed)
        self.now = 1000.0
        self.points = 0
        self.jumped = 0.0  # seconds for which nobody could go on
        self.cancelled = False
        self.back = threading.Lock()
        self.back.acquire()
        self.tasks: list[Task] = []
        self._often = often
        self._hurry = hurry
        self._preempt_at = preempt_at
        self.refuse = refuse
        self._current: Task | None = None
        self._last: Task | None = None

    # -- in a task

    def point(self) -> None:
        """Another thread may go on here."""
        self.wait(None)

    def wait(self, condition: Callable[[], bool] | None, seconds: float | None = None) -> None:
        """Go on once the condition holds, or after so long, and when the scheduler chooses."""
        task = self._current
        if task is None or task.thread is not threading.current_thread():
            assert condition is None or condition(), "the driver itself can't wait"
            return
        if self.cancelled:
            raise Cancelled
        task.condition = condition
        task.deadline = None if seconds is None else self.now + seconds
        self.back.release()
        task.go.acquire()
        task.condition = task.deadline = None
        if self.cancelled:
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Go on after so long."""
        until = self.now + seconds
        self.wait(lambda: self.now >= until, seconds)

    def monotonic(self) -> float:
        """The clock; each look at it is a point."""
        self.point()
        return self.now

    def is_ready(self, sock: Any, events: int, seconds: float | None) -> bool:
        """As ``send_progress.is_ready``."""
        kernel = select.poll()
        kernel.register(sock, events)
        self.wait(lambda: bool(kernel.poll(0)), seconds)
        return bool(kernel.poll(0))

    # -- the driver

    def start(self, call: Callable[[], object], name: str) -> Task:
        """Make a task, which goes on when it is chosen."""
        task = Task(self, call, name)
        self.tasks.append(task)
        return task

    def run(self, wanted: list[Task]) -> None:
        """Go on until these have ended.

        Raises:
            StuckError: they never will.
        """
        while any(task.alive for task in wanted):
            self._step()
        for task in self.tasks:
            if task.error is not None:
                raise AssertionError(f"{task.name} failed") from task.error

    def _step(self) -> None:
        self.points += 1
        alive = [task for task in self.tasks if task.alive]
        able = [task for task in alive if task.can_go_on()]
        timed = [task for task in alive if task.deadline is not None]
        if self.points > POINTS_MAX or not (able or timed):
            raise StuckError(f"after {self.points} points: {[task.name for task in alive]}")
        if not able or (timed and self.chance.random() < self._hurry):
            task = min(timed, key=lambda each: each.deadline or 0.0)
            later = max(self.now, task.deadline or 0.0)
            if not able:
                self.jumped += later - self.now
            self.now = later
        else:
            task = self._choice(able)
        self._current = task
        task.go.release()
        self.back.acquire()
        self._current = None

    def _choice(self, able: list[Task]) -> Task:
        others = [task for task in able if task is not self._last]
        once = self._preempt_at is not None
        switch = self.points == self._preempt_at if once else self.chance.random() < self._often
        if self._last in able and not (switch and others):
            return self._last
        self._last = others[0] if once and not switch else self.chance.choice(others)
        return self._last

    def end(self) -> None:
        """End the tasks that are left."""
        self.cancelled = True
        for task in self.tasks:
            while task.alive:
                self._current = task
                task.go.release()
                self.back.acquire()
                task.thread.join()

    def threading(self) -> SimpleNamespace:
        """Return the names that a module uses instead of those of ``threading``."""
        return SimpleNamespace(
            Lock=lambda: Lock(self),
            Event=lambda: Event(self),
            BoundedSemaphore=lambda number: Semaphore(self, number),
            Thread=lambda **options: Thread(self, **options),
            get_ident=threading.get_ident,
            current_thread=threading.current_thread,
        )

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the pool's modules use this scheduler's locks, threads, events, clock and poller."""
        for module in (background_sender, byte_queue, transfer, pool, thread_pool):
            monkeypatch.setattr(module, "threading", self.threading())
        for module in CLOCKS:
            monkeypatch.setattr(module, "monotonic", self.monotonic)
        monkeypatch.setattr(outbound, "is_ready", self.is_ready)
        monkeypatch.setattr(pool_parts, "GeventSafeEvent", lambda: Flag(self))
        monkeypatch.setattr(pool, "Poller", lambda: Poller(self))
        monkeypatch.setattr(background_sender, "Poller", lambda: Poller(self))


class Lock:
    """As ``threading.Lock``."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._locked = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if blocking:
            self._scheduler.wait(lambda: not self._locked, None if timeout < 0 else timeout)
        if self._locked:
            return False
        self._locked = True
        return True

    def release(self) -> None:
        if not self._locked:
            raise RuntimeError("release unlocked lock")
        self._locked = False
        with suppress(Cancelled):
            self._scheduler.point()

    def locked(self) -> bool:
        return self._locked

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Event:
    """As ``threading.Event``."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_set = False

    def set(self) -> None:
        self._is_set = True
        self._scheduler.point()

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        self._scheduler.wait(lambda: self._is_set, timeout)
        return self._is_set


class Semaphore:
    """As ``threading.BoundedSemaphore``."""

    def __init__(self, scheduler: Scheduler, number: int) -> None:
        self._scheduler = scheduler
        self._left = self._most = number

    def __enter__(self) -> None:
        self._scheduler.wait(lambda: self._left > 0)
        self._left -= 1

    def __exit__(self, *_: object) -> None:
        self._left += 1
        assert self._left <= self._most
        with suppress(Cancelled):
            self._scheduler.point()


class Flag(Event):
    """As ``GeventSafeEvent``: a wait lowers it."""

    def wait(self, seconds: float | None = None) -> bool:
        found = super().wait(seconds)
        self._is_set = False
        return found


class Thread:
    """As ``threading.Thread``."""

    def __init__(
        self, scheduler: Scheduler, *, target: Any, args: tuple[Any, ...] = (), name: str, daemon: bool
    ) -> None:
        assert daemon
        self._start = lambda: scheduler.start(lambda: target(*args), name)
        self._scheduler = scheduler

    def start(self) -> None:
        if self._scheduler.refuse and self._scheduler.chance.random() < self._scheduler.refuse:
            raise RuntimeError("can't start new thread")
        self._start()
        self._scheduler.point()


class Poller(poller.Poller):
    """The real one, whose wait is the scheduler's."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._one_waits = False

    def _wait(self, seconds: float | None) -> list[int]:
        epoll = self._epoll
        assert epoll is not None
        assert not self._one_waits, "two threads wait for the same poller: two lead"
        self._one_waits = True
        try:
            self._scheduler.wait(lambda: bool(select.select([epoll], [], [], 0)[0]), seconds)
            return super()._wait(0)
        finally:
            self._one_waits = False

    def wake(self) -> None:
        self._scheduler.point()
        super().wake()
