"""The recorder: a process of ours that reads lines of the log from a pipe, and stores them.

Theory of operation. Lines are stored once none has come for ``QUIET_S``, and under steady load at most for a small part
of the time (``_DUTY``): a load test measures the server, not the recorder. What is left of it is stored after
``SILENCE_S``. What fails here never reaches the project: a
database that can't be written is reported once, and tried again after ``RETRY_S``.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from typing import TYPE_CHECKING

from appliance.desk.backlog import Backlog
from appliance.desk.intake import detail_row, rows, secrets_of
from appliance.desk.redaction import Redaction
from appliance.desk.replay.raw_requests import RawRequests
from appliance.desk.store import Limits, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from appliance.desk.detail_reader import Detail, DetailReader
    from appliance.desk.intake import Rows

    Report = Callable[[str, str, dict[str, object]], object]

QUIET_S = 0.02  # less than the supervisor collects lines for: under load too, such pauses come
SILENCE_S = 0.1  # the load has ended
RETRY_S = 30.0
_DUTY = 1 / 100  # of one processor, while lines come without a pause
_AHEAD_S = 5.0  # of this many seconds the share may be used up at once: it is much for a person's requests
_LATEST_S = 0.25  # lines are stored after this, unless the last ones took long
_BACKLOG_BYTES = 32 * 1024 * 1024
_CHUNK = 1 << 20
_DETAILS_BYTES = 16 * 1024 * 1024  # of those that wait; beyond it the oldest are left out
_SLICE = 1000  # lines of one transaction: more at once take more memory, and are no faster


class Pace:
    """Decides when what has come is stored. Times are of ``time.monotonic``, in seconds."""

    def __init__(self) -> None:
        self._heard = 0.0
        self._spent_until = 0.0  # up to which time the share of a processor is used up

    def waits(self, now: float, oldest: float, *, comes: bool) -> bool:
        """Return whether to wait for more; ``oldest``: when the first of what is not stored came."""
        if comes:
            self._heard = now
        too_much = now < self._spent_until - _AHEAD_S
        return now - self._heard < SILENCE_S and (too_much or (comes and now < oldest + _LATEST_S))

    def stored(self, now: float, took: float) -> None:
        """Note that storing took so much of a processor."""
        self._spent_until = max(self._spent_until, now) + took / _DUTY


class Recorder:
    """Stores what comes.

    Args:
        path: of the database.
        run: names this run of the appliance.
        report: logs an event: level, name, fields.
        names: parameters whose values are secret.

    Attributes:
        raw: the last requests as they were received.
        redaction: masks what is secret, as far as is known now.
    """

    def __init__(
        self, path: Path, run: str, report: Report, names: Sequence[str] = (), limits: Limits | None = None
    ) -> None:
        self._path = path
        self._run = run
        self._report = report
        self._limits = limits or Limits()
        self._backlog = Backlog(self._limits.requests, _BACKLOG_BYTES)
        self._details: deque[Detail] = deque()
        self._details_bytes = 0
        self.raw = RawRequests()
        self._names = names
        self.redaction = Redaction(names)
        self._pace = Pace()
        self._store: Store | None = None
        self._failing = False
        self._next_try = 0.0

    def run(self, pipe: int, details: DetailReader | None = None) -> None:
        """Store what comes through the pipe until its end, and the details of requests that a reader has taken."""
        ready = select.poll()
        ready.register(pipe, select.POLLIN)
        if details is not None:
            ready.register(details.wake, select.POLLIN)
        oldest = 0.0
        while True:
            waits = not (self._backlog or self._details)
            found = {descriptor for descriptor, _ in ready.poll(None if waits else QUIET_S * 1000)}
            if waits:
                oldest = time.monotonic()
            if details is not None and details.wake in found:
                self._keep(details.take())
            if pipe in found:
                data = os.read(pipe, _CHUNK)
                if not data:
                    if details is not None:
                        self._keep(details.take())
                    self.flush()
                    return
                self._backlog.add(data)
            now = time.monotonic()
            if self._pace.waits(now, oldest, comes=bool(found)):
                continue
            began = time.thread_time()
            self.flush()
            self._pace.stored(now, time.thread_time() - began)

    def _keep(self, details: Iterable[Detail]) -> None:
        """Keep details until they are stored: the last of them, as many as fit."""
        for each in details:
            self._details.append(each)
            self._details_bytes += len(each[0])
            while self._details_bytes > _DETAILS_BYTES:
                self._details_bytes -= len(self._details.popleft()[0])

    def flush(self) -> None:
        """Store what has come."""
        lines = self._backlog.take()
        messages, self._details, self._details_bytes = self._details, deque(), 0
        for line in lines:
            if (values := secrets_of(line)) is not None:
                self.redaction = Redaction(self._names, values)
        if not (lines or messages) or (self._failing and time.monotonic() < self._next_try):
            return
        details = (detail_row(message, self._run, self.redaction, replay_of) for message, replay_of in messages)
        try:
            self._open()
            for begin in range(0, len(lines) or 1, _SLICE):
                found = rows(lines[begin : begin + _SLICE], self._run)
                # All details come with the first slice: a list shows a request with its queries as soon as it has it.
                found.details.extend(filter(None, details))
                self._add(found)
        except Exception as error:  # noqa: BLE001  no disk, a lock, what SQLite can't hold: the recorder reads on
            self._failed(error)
        else:
            self._failing = False

    def _open(self) -> None:
        """Open the database, if it is not open, or was removed."""
        if self._store is not None and not self._path.exists():  # the cache was emptied
            self._close()
        if self._store is None:
            self._store = Store(self._path, self._limits)
            if self._store.replaced:
                self._report("info", "desk.replaced", {"path": str(self._path), "reason": self._store.replaced})

    def _add(self, found: Rows) -> None:
        if self._store is not None and any(found):
            self._store.add(found)

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _failed(self, error: Exception) -> None:
        self._close()
        self._next_try = time.monotonic() + RETRY_S
        if not self._failing:
            self._failing = True
            self._report("warning", "desk.failed", {"path": str(self._path), "reason": f"{error}"})
