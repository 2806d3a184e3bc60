"""The recorder: a process of ours that stores the lines of the log, which the supervisor writes into memory.

Theory of operation. A line stays in that memory (``line_ring``) until a transaction has stored it, together with how
far that was: a recorder that is slow, is killed, or can't write for a while, loses no line and doubles none.
``store_schedule`` decides when lines are stored. No failure of the recorder reaches the project: a database that can't
be written is reported once, and tried again after ``RETRY_S``.

Decision 44 says why.
"""

from __future__ import annotations

import os
import select
import sqlite3
import time
from collections import deque
from typing import TYPE_CHECKING

from appliance.desk.database import is_damaged, remove
from appliance.desk.line_ring import State
from appliance.desk.redaction import Redaction
from appliance.desk.replay.raw_requests import RawRequests
from appliance.desk.store import Limits, Store
from appliance.desk.store_schedule import QUIET_S, SILENCE_S, StoreSchedule
from appliance.desk.table_rows import detail_row, rows, slices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from appliance.desk.detail_reader import Detail, DetailReader
    from appliance.desk.line_ring import LineReader, Unread
    from appliance.desk.table_rows import Row

    Report = Callable[[str, str, dict[str, object]], object]

RETRY_S = 30.0
_CHUNK = 1 << 16
_DETAILS_BYTES = 16 * 1024 * 1024  # of those that wait; beyond it the oldest are left out
_NOTHING = State()


class Recorder:
    """Stores lines and details.

    Args:
        path: of the database.
        run: names this run of the appliance.
        lines: the lines to store.
        report: logs an event: level, name, fields.
        redaction: masks what is secret, as far as is known now; another one may be set at any time.

    Attributes:
        raw: the last requests as they were received.
        failure: why nothing is stored at present; "" while all is well.
    """

    def __init__(
        self, path: Path, run: str, lines: LineReader, report: Report, *,
        redaction: Redaction | None = None, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self._path = path
        self._run = run
        self._lines = lines
        self._report = report
        self._limits = limits or Limits()
        self._details: deque[Detail] = deque()
        self._details_bytes = 0
        self.raw = RawRequests()
        self.redaction = redaction or Redaction()
        self._schedule = StoreSchedule()
        self._oldest = self._heard = 0.0  # when the first and the last of what is not stored came
        self._seen = _NOTHING
        self._store: Store | None = None
        self._failing = False
        self.failure = ""
        self._next_try = 0.0

    def run(self, wake: int, details: DetailReader | None = None) -> None:
        """Store lines, and the details of requests that a reader has taken, until the end of the pipe ``wake``.

        A byte comes through the pipe when there are more lines. The newest lines are left for ``flush``.
        """
        ready = select.poll()
        sources = [wake] if details is None else [wake, details.wake]
        timeout_s: float | None = 0.0
        while True:
            for each in sources:  # while the share is used up, neither wakes this process; the pipe's end does
                ready.register(each, 0 if timeout_s == SILENCE_S else select.POLLIN)
            found = dict(ready.poll(None if timeout_s is None else timeout_s * 1000))
            ended = bool(found.get(wake, 0) & select.POLLHUP)
            if wake in found and not ended:
                ended = not os.read(wake, _CHUNK)
            if details is not None and (ended or details.wake in found or timeout_s is not None):
                self._keep(details.take())
            if ended:
                return
            timeout_s = self._step(time.monotonic(), comes=bool(details and details.wake in found))

    def _step(self, now: float, *, comes: bool) -> float | None:
        """Store unread lines, if it is time; return after how many seconds to look again: None if there are none."""
        unread = self._lines.unread()
        if not (unread.lines or self._details):
            return None
        if self._seen is _NOTHING:
            self._oldest = now
        if comes or unread != self._seen:
            self._heard = now
        self._seen = unread
        if self._failing and now < self._next_try:
            return SILENCE_S
        flood, full = unread.requests >= self._limits.requests, unread.end > self._lines.size // 2
        if self._schedule.should_wait(now, self._oldest, self._heard, flood=flood, full=full):
            return SILENCE_S if self._schedule.is_spent(now) else QUIET_S
        began = time.thread_time()
        self.flush()
        self._schedule.stored(now, time.thread_time() - began)
        return QUIET_S if self._failing else None

    def _keep(self, details: Iterable[Detail]) -> None:
        """Keep details until they are stored: the last of them, as many as fit."""
        for each in details:
            self._details.append(each)
            self._details_bytes += len(each[0])
            while self._details_bytes > _DETAILS_BYTES:
                self._details_bytes -= len(self._details.popleft()[0])

    def flush(self) -> None:
        """Store all unread lines and details."""
        self._seen = _NOTHING
        if not (self._lines.unread().lines or self._details):
            return
        try:
            self._store_unread()
        except Exception as error:  # noqa: BLE001  no disk, a lock: nothing is forgotten, and the recorder reads on
            self._failed(error)
        else:
            self._failing, self.failure = False, ""

    def _store_unread(self) -> None:
        try:
            self._read_and_add()
        except sqlite3.DatabaseError as error:
            if not is_damaged(error):
                raise
            self._close()  # a page of it is damaged, which was not seen when it was opened
            remove(self._path)
            self._tell_replaced(str(error))
            self._read_and_add()

    def _read_and_add(self) -> None:
        self._opened()
        unread = self._lines.read()
        store = self._opened()  # lines that were read must not go into a file that was removed
        found = (detail_row(message, self._run, self.redaction, replay_of) for message, replay_of in self._details)
        self._add(store, unread, [each for each in found if each is not None])

    def _opened(self) -> Store:
        """Open the database, if it is not open, or was removed."""
        if self._store is not None and not self._path.exists():  # the cache was emptied
            self._close()
        if self._store is None:
            self._store = Store(self._path, self._limits)
            if self._store.replaced:
                self._tell_replaced(self._store.replaced)
            self._lines.resume(self._store.position(self._run))
        return self._store

    def _add(self, store: Store, unread: Unread, details: list[Row]) -> None:
        """Store all that was read: details with the first lines, so that a list shows a request with its queries."""
        position, lines, requests = unread.begin, unread.left_out, 0
        for each in slices(unread.data, self._limits.requests):
            found = rows(each.lines, self._run)
            found.details.extend(details)
            position += each.size
            store.add(found, (self._run, position))
            self._lines.stored(position, lines + each.total, len(found.requests) + each.removed)
            requests += len(found.requests) + each.removed
            if details:
                self._details.clear()
                self._details_bytes, details = 0, []
            store.shrink()  # when it is known what is stored: if this fails, nothing is stored twice
            lines = 0
        if unread.left_out:
            self._tell_left_out(unread, requests)
        self._lines.finished(unread)

    def _tell_left_out(self, unread: Unread, requests: int) -> None:
        """Report lines that were overwritten, except those that the database would not have kept either."""
        lost = min(unread.left_out, max(0, unread.requests - requests))
        others = unread.left_out - lost
        if requests >= self._limits.requests:
            lost = 0
        if lost + others:
            self._report("info", "desk.incomplete", {"count": lost + others})

    def _tell_replaced(self, reason: str) -> None:
        self._report("info", "desk.replaced", {"path": str(self._path), "reason": reason})

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _failed(self, error: Exception) -> None:
        self._close()
        self._next_try = time.monotonic() + RETRY_S
        self.failure = str(error) or type(error).__name__
        if not self._failing:
            self._failing = True
            self._report("warning", "desk.failed", {"path": str(self._path), "reason": f"{error}"})
