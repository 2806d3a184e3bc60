"""Schedulers of the project's that would go on for ever: each is told to stop, where it can be told.

Owns the list of those that are known, and how each is told. Knows nothing of why. Runs in a thread of a worker that
drains: the next worker's scheduler runs already, and the same job must not run twice.

What is told is that nothing begins any more; a job that runs is left to its end.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

Stop = Callable[[Any], object]


def stop() -> list[str]:
    """Stop each that runs; the names of their kinds."""
    kinds = {kind: told for module, name, told in _KNOWN if (kind := _kind(module, name)) is not None}
    stopped: list[str] = []
    if kinds:
        every = tuple(kinds)
        # The type is asked, not the object: proxies of a framework run code of the project's when they are asked.
        for found in [each for each in gc.get_objects() if issubclass(type(each), every)]:
            told = next(told for kind, told in kinds.items() if issubclass(type(found), kind))
            if _is_told(found, told):
                stopped.append(type(found).__name__)
    # A timer of a class of its own runs again and again, by the usual recipe; a plain one is a job that will come.
    timers = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    own = [timer for timer in timers if type(timer) is not threading.Timer]
    return stopped + [type(timer).__name__ for timer in own if _is_told(timer, _cancel)]


def _kind(module: str, name: str) -> type | None:
    kind = getattr(sys.modules.get(module), name, None)
    return kind if isinstance(kind, type) else None


def _is_told(scheduler: Any, told: Stop) -> bool:
    try:
        return told(scheduler) is not False
    except Exception:  # noqa: BLE001  it may be half made, or stopped by somebody else
        return False


def _apscheduler(scheduler: Any) -> object:
    return scheduler.shutdown(wait=False) if scheduler.running else False


def _schedule(scheduler: Any) -> object:
    return scheduler.clear() if scheduler.jobs else False


def _sched(scheduler: Any) -> None:
    # An action that runs now would enter itself once more.
    scheduler.enterabs = lambda *_, **__: None
    for event in scheduler.queue:
        scheduler.cancel(event)


def _cancel(timer: Any) -> object:
    return timer.cancel()


def _stop(scheduler: Any) -> object:
    return scheduler.stop()


_KNOWN: tuple[tuple[str, str, Stop], ...] = (
    ("apscheduler.schedulers.base", "BaseScheduler", _apscheduler),
    ("apscheduler._schedulers.sync", "Scheduler", _stop),  # version 4
    ("schedule", "Scheduler", _schedule),
    ("sched", "scheduler", _sched),
    ("timeloop.app", "Timeloop", _stop),
)
