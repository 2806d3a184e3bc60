"""Stop the project's schedulers, which would otherwise never end.

Has a list of known schedulers, and how to stop each. Runs in a thread of a worker that drains: the next worker's
scheduler already runs, and the same job must not run twice.

A stopped scheduler starts no more jobs; a running job goes on to its end.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

Stop = Callable[[Any], object]


def stop() -> list[str]:
    """Stop each running scheduler; return the names of their classes."""
    kinds = {kind: stopper for module, name, stopper in _SCHEDULERS if (kind := _kind(module, name)) is not None}
    stopped: list[str] = []
    if kinds:
        every = tuple(kinds)
        # Check the type, not the object: a framework's proxies would run code of the project.
        for found in [each for each in gc.get_objects() if issubclass(type(each), every)]:
            stopper = next(stopper for kind, stopper in kinds.items() if issubclass(type(found), kind))
            if _stops(found, stopper):
                stopped.append(type(found).__name__)
    # A timer of a subclass usually repeats itself; a plain ``Timer`` is a single job that will still come.
    timers = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    own = [timer for timer in timers if type(timer) is not threading.Timer]
    return stopped + [type(timer).__name__ for timer in own if _stops(timer, _cancel)]


def _kind(module: str, name: str) -> type | None:
    kind = getattr(sys.modules.get(module), name, None)
    return kind if isinstance(kind, type) else None


def _stops(scheduler: Any, stopper: Stop) -> bool:
    try:
        return stopper(scheduler) is not False
    except Exception:  # noqa: BLE001  it may be half initialised, or already stopped
        return False


def _apscheduler(scheduler: Any) -> object:
    return scheduler.shutdown(wait=False) if scheduler.running else False


def _schedule(scheduler: Any) -> object:
    return scheduler.clear() if scheduler.jobs else False


def _sched(scheduler: Any) -> None:
    # A running action would otherwise schedule itself again.
    scheduler.enterabs = lambda *_, **__: None
    for event in scheduler.queue:
        scheduler.cancel(event)


def _cancel(timer: Any) -> object:
    return timer.cancel()


def _stop(scheduler: Any) -> object:
    return scheduler.stop()


_SCHEDULERS: tuple[tuple[str, str, Stop], ...] = (
    ("apscheduler.schedulers.base", "BaseScheduler", _apscheduler),
    ("apscheduler._schedulers.sync", "Scheduler", _stop),  # version 4
    ("schedule", "Scheduler", _schedule),
    ("sched", "scheduler", _sched),
    ("timeloop.app", "Timeloop", _stop),
)
