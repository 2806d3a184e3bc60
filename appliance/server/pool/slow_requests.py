"""Log a request that takes too long: once, while it runs, with the stack of its thread.

Runs in the watchdog's thread, once a second at most.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ... import OWN_FOLDER
from ..pages.tracebacks import stack_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from ..wsgi.access_log.sink import Sink
    from .thread_pool import PoolThread


class SlowRequests:
    """Logs slow requests. ``after_s`` of 0 means never."""

    def __init__(self, sink: Sink, after_s: float) -> None:
        self._sink = sink
        self._after_s = after_s
        self._logged: dict[PoolThread, float] = {}  # when the request began that was logged for a thread

    def check(self, pool_threads: Iterable[PoolThread], now: float) -> None:
        """Log each request that has become too slow, unless a debugger may have stopped it."""
        if not self._after_s:
            return
        slow = [
            pool_thread for pool_thread in pool_threads if pool_thread.busy and now - pool_thread.since > self._after_s
        ]
        for gone in self._logged.keys() - set(slow):
            del self._logged[gone]
        for pool_thread in slow:
            if self._logged.get(pool_thread) != pool_thread.since and not _excused(pool_thread) and not _debugged():
                self._logged[pool_thread] = pool_thread.since
                self._log(pool_thread, now)

    def _log(self, pool_thread: PoolThread, now: float) -> None:
        exchange = pool_thread.exchange
        if exchange is None or exchange.head is None:
            return
        fields: dict[str, object] = {
            "http.request.method": exchange.head.method,
            "url.path": exchange.head.path,
            "running_s": round(now - pool_thread.since, 3),
            "request_id": exchange.request_id,
            "traceback": exchange.stack() if exchange.stack is not None else _where(pool_thread.thread),
        }
        self._sink.event("warning", "request.slow", fields)


def _where(thread: int) -> str:
    """Return the stack of a thread, without the server's own frames around the application."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001  documented; for debuggers and such
    if frame is None:
        return ""
    stack: list[FrameType] = []
    while frame is not None:
        stack.append(frame)
        frame = frame.f_back
    stack.reverse()
    theirs = [each for each in stack if not each.f_code.co_filename.startswith(OWN_FOLDER)]
    first = next((place for place, each in enumerate(stack) if each.f_code.co_filename.startswith(OWN_FOLDER)), 0)
    return stack_text(theirs[first:] or stack)


def _excused(pool_thread: PoolThread) -> bool:
    """Whether the request may take as long as it likes: it streams, waits for its client, or gets no log line."""
    exchange = pool_thread.exchange
    if exchange is None or exchange.logged:
        return True
    return exchange.streaming or exchange.hijacked or bool(pool_thread.waiting_since)


def _debugged() -> bool:
    """Whether a debugger is attached. The module is looked up, since the project may have started debugpy itself."""
    debugpy = sys.modules.get("debugpy")
    try:
        return debugpy is not None and bool(debugpy.is_client_connected())
    except Exception:  # noqa: BLE001  a debugger that is not yet up, or another module of that name
        return False
