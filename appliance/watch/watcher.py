"""Notice that files have changed, and report each burst of changes: the watcher's thread.

The watcher reports when a burst is over, and only files whose content has changed. ``supervisor/saves`` decides what
follows from a change. The thread sleeps until the kernel has events; in addition, a slow sweep scans everything, and
mounts without events are polled. Its reports reach the supervisor's loop by ``post``.
"""

from __future__ import annotations

import enum
import errno
import math
import os
import queue
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from appliance.pauses import nth_pause_s
from appliance.protocol.record import Record, made_default
from appliance.watch.baseline import Baseline
from appliance.watch.burst import MAX_S, Burst
from appliance.watch.event_sources import EventType, NoEvents
from appliance.watch.file_contents import FileContents
from appliance.watch.kinds import Kind
from appliance.watch.scan_schedule import Schedule
from appliance.watch.synchronisation import Synchronisation
from appliance.watch.tree import changed_ns
from appliance.watch.watch_set import WatchOptions, WatchSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from appliance.watch.file_contents import FileState
    from appliance.watch.tree import Mark

GIT_RETRY_S: Final = 0.01  # between two checks for git's lock
GIT_MAX_S: Final = 15.0
FALLBACK_S: Final = (MAX_S, 2.0, 10.0, 60.0)  # before the next scan, after none, one, ... that failed in a row
LONG_BURST_S: Final = 0.05  # a burst that lasts longer is not a single save
BATCH_PAUSE_S: Final = 0.02  # between two batches of files to read
NOTICED_MOST: Final = 3  # files of a burst that are announced before it is over: more are not a person's save


class Changes(Record):
    """One burst that is over.

    Attributes:
        kinds: the changed files: paths relative to the project, absolute ones for files elsewhere.
        noticed_at: the time of its first event, on CLOCK_MONOTONIC.
        seen: the time of each path's last event, by absolute path.
        busy: whether all of its events came while a worker was being started.
    """

    kinds: Mapping[str, Kind]
    noticed_at: float
    seen: Mapping[str, float] = made_default(default_factory=dict)
    busy: bool = False


class WorkerState(enum.Enum):
    """The state of the worker since the last reported change."""

    SERVING = "serving"  # an unchanged file is not reported
    BUSY = "busy"  # a worker may be reading files now
    BROKEN = "broken"  # saving the same content again means: try again


class Listener(Protocol):
    """Receives the reports; its methods are called in the watcher's thread."""

    def noticed(self, path: str) -> None:
        """A file has changed: a report may follow, in half a millisecond at the earliest.

        This is called for the first event of a burst, and for the first files that are complete, with their absolute
        paths. ``path`` is empty if the file may not be complete.
        """

    def changed(self, changes: Changes) -> None:
        """Files have changed."""

    def unchanged(self, seen: Mapping[str, float]) -> None:
        """Events came for these files (absolute paths, with the time), but their contents are the same."""

    def report_event(self, event: str, fields: Mapping[str, object]) -> None:
        """Log this event: ``watch.started``, ``watch.failed``."""

    def worker_state(self) -> WorkerState:
        """Return the worker's state since the last reported change."""


class Watcher:
    """Reports each burst once it is over."""

    def __init__(self, options: WatchOptions, listener: Listener) -> None:
        self._listener = listener
        self._watch_set = WatchSet(options)
        self._contents = FileContents()
        self._baseline = Baseline(self._contents, self._watch_set)
        self._burst = Burst()
        self._synchronisation = Synchronisation(options.root, self._burst)
        self.arriving_s = self._synchronisation.arriving_s
        self._schedule = Schedule()
        self._worker_states: set[WorkerState] = set()  # all states that were seen during the burst
        self._noticed: set[str] = set()  # the files of the burst that were announced
        self._found: dict[str, Mark | None] = {}  # the files of the burst that a scan has found, as they were then
        self._repeated: set[str] = set()  # reported although unchanged, since the last real change
        self._limits_reported = False
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started_ns = time.time_ns()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Start to watch.

        Raises:
            RuntimeError: no thread can be started; once one can be, it reports what was saved until then.
        """
        self._thread.start()

    def stop(self) -> None:
        """Report nothing more."""
        self._ended = True
        self._watch_set.source.wake()

    def add_files(self, added_by: str, kind: Kind, paths: Iterable[str]) -> None:
        """Watch these files too, wherever they are, and even if they are ignored; any thread may call this.

        Args:
            added_by: the caller's name: its files replace those that it added before.
            kind: their kind, unless their names have another one.
            paths: the files, absolute paths.
        """
        self._requests.put(partial(self._add_files, added_by, kind, dict.fromkeys(paths)))
        self._watch_set.source.wake()

    def compare(self, files: Mapping[str, FileState], *, more: bool, started: float = 0.0) -> None:
        """Watch the files that the worker has read, and report those that have changed since; any thread may call this.

        Args:
            files: absolute paths, each with the state in which the worker read it.
            more: they join the files of the call before, instead of replacing them.
            started: when the worker started, on CLOCK_MONOTONIC.
        """
        self._requests.put(partial(self._compare, dict(files), more=more, started=started))
        self._watch_set.source.wake()

    def add_template_folders(self, folders: Iterable[str]) -> None:
        """Watch the templates in these folders, whatever their names; any thread may call this."""
        self._requests.put(partial(self._add_template_folders, list(folders)))
        self._watch_set.source.wake()

    def _add_template_folders(self, folders: list[str]) -> None:
        new, changed = self._watch_set.add_template_folders(folders)
        self._baseline.add(new)
        for path in changed:
            self._note(path, time.monotonic(), whole=False)

    def _add_files(self, added_by: str, kind: Kind, paths: Iterable[str], *, more: bool = False) -> None:
        self._baseline.add(self._watch_set.add_files(added_by, kind, paths, more=more))

    def _compare(self, files: dict[str, FileState], *, more: bool, started: float) -> None:
        """Take a file that was saved before it was watched as saved now."""
        self._add_files("worker", Kind.CODE, files, more=more)
        for path, state in files.items():
            counts = self._watch_set.kind(path) is not None
            if counts and self._contents.note_worker_read(path, state, started=started):
                # It is complete, or more events will follow; no events follow where files are polled.
                self._note(path, time.monotonic(), whole=not self._schedule.polling)

    def _run(self) -> None:
        try:
            self._begin()
            while not self._ended:
                self._run_once()
        except Exception as error:  # noqa: BLE001  a defect of ours is reported, and must not end the reloading
            self._report_failure(f"{type(error).__name__}: {error}", "The appliance polls the files instead.")
            self._fall_back()

    def _begin(self) -> None:
        begun = time.monotonic()
        watch_set = self._watch_set
        watch_set.open()
        self._baseline.begin(watch_set.existing_files())
        files = watch_set.tree.files
        self._report_limits()
        polled = [f"{os.path.relpath(mount.point, watch_set.root)} ({mount.kind})" for mount in watch_set.polled]
        how = "events" if not polled else "polling" if isinstance(watch_set.source, NoEvents) else "events and polling"
        self._listener.report_event(
            "watch.started",
            {
                "how": how, "polled": polled, "count": len(files), "folders": len(watch_set.tree.folders),
                "duration_s": round(time.monotonic() - begun, 4),
            },
        )  # fmt: skip
        # A worker may have loaded what was saved before the watch began.
        for path, seen in files.items():
            if changed_ns(seen) >= self._started_ns:
                self._burst.add(path, time.monotonic(), whole=False)
        self._synchronisation.began(files.values(), self._started_ns, begun)
        self._schedule.begin(time.monotonic(), polls=bool(watch_set.polled))

    def _run_once(self) -> None:
        self._take_events(self._wait_timeout())
        self._take_requests()
        now = time.monotonic()
        if self._burst:
            self._synchronisation.expect_more(now)
            if now >= self._burst.due():
                self._settle(now)
        elif now >= self._baseline_due(now):
            self._baseline.read_some(now)
        self._run_due_scans(now)

    def _take_requests(self) -> None:
        while not self._requests.empty():
            self._requests.get()()

    def _take_events(self, timeout_s: float) -> bool:
        """Wait for events; return whether files may have changed."""
        noted = False
        for event in self._watch_set.source.wait(timeout_s):
            paths, scan_all = self._watch_set.handle(event)
            now = time.monotonic()  # a new folder's files may have been written until they were listed
            for path in paths:
                self._note(path, now, whole=event.event_type in {EventType.WRITTEN, EventType.DELETED})
                self._synchronisation.note(event, path, polls=self._schedule.polling)
                noted = True
            if scan_all:
                self._schedule.sweep_soon(now)
        return noted

    def _wait_timeout(self) -> float:
        now = time.monotonic()
        due = self._schedule.due()
        due = min(due, self._burst.due() if self._burst else self._baseline_due(now + BATCH_PAUSE_S))
        return max(0.0, due - now)

    def _baseline_due(self, next_batch: float) -> float:
        """Return when to read files that have not changed; where files are polled, reading them may be slow."""
        return math.inf if self._schedule.polling else self._baseline.due(next_batch)

    def _note(self, path: str, now: float, *, whole: bool) -> None:
        self._worker_states.add(self._listener.worker_state())
        is_first = not self._burst
        if whole and path not in self._noticed and len(self._noticed) < NOTICED_MOST:
            self._noticed.add(path)
            self._listener.noticed(path)
        elif is_first:
            self._listener.noticed("")
        if is_first:  # no save is slower: this thread would only wait now
            self._synchronisation.burst_begins()
        self._burst.add(path, now, whole=whole)

    def _run_due_scans(self, now: float) -> None:
        """Run the scans that are due."""
        schedule, watch_set = self._schedule, self._watch_set
        found: set[str] = set()
        if schedule.sweep_due(now):
            with schedule.sweeping(now):
                found |= watch_set.sweep()
            if not os.path.isdir(watch_set.root):
                schedule.sweep_again(now)
        self._report_limits()
        schedule.set_polling(polls=bool(watch_set.polled))
        if schedule.poll_due(now):
            with schedule.polling_all(now):
                found |= watch_set.poll()
        elif schedule.recent_due(now):
            found |= schedule.check_recent(now, watch_set.has_changed)
        for path in found:
            self._found[path] = watch_set.refresh(path)
            self._note(path, time.monotonic(), whole=False)  # it may have been written during the scan

    def _report_limits(self) -> None:
        error = self._watch_set.exhausted
        if error is None or self._limits_reported:
            return
        self._limits_reported = True
        limit = "watch" if error.errno == errno.ENOSPC else "instance"
        self._report_failure(
            f"inotify has no {limit} left ({error.strerror})",
            "The appliance polls the files instead. To get events, run on the host: "
            "sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024.",
        )

    # -- decisions -----------------------------------------------------------------------------------------------------

    def _settle(self, now: float) -> None:
        """Report the burst, unless there is a reason to wait."""
        burst, watch_set = self._burst, self._watch_set
        if now - burst.first < GIT_MAX_S and watch_set.ignores.git_was_busy(time.time() - (now - burst.first)):
            burst.postpone(now, GIT_RETRY_S)
            return
        if self._synchronisation.follow_unpackers(now):
            return
        # This thread may have been slow, and git or an editor may have written more meanwhile.
        if self._take_events(0.0) and time.monotonic() < burst.due():
            return
        now = time.monotonic()
        paths = burst.paths()
        marks = {path: watch_set.refresh(path) for path in paths}
        if self._wait_for_growing(marks, now):
            return
        # Some editors delete or truncate a file before they write it: wait once for each such file.
        doubts = [path for path, seen in marks.items() if not (seen and seen.size) and self._contents.had_content(path)]
        if burst.wait_for_all(doubts, now) or self._synchronisation.postpone_if_unfinished(marks, now):
            return
        busy = self._worker_states == {WorkerState.BUSY}
        self._worker_states.add(self._listener.worker_state())
        kinds = {
            path: kind for path in paths if (kind := watch_set.kind(path)) and self._note_change(path, marks[path], now)
        }
        seen = burst.seen
        changes = Changes({self._relative(path): kind for path, kind in kinds.items()}, burst.first, seen, busy)
        self._synchronisation.burst_ended()
        burst.clear()
        self._noticed.clear()
        self._found.clear()
        self._worker_states.clear()
        if unchanged := {path: seen[path] for path in paths if path not in kinds}:
            self._listener.unchanged(unchanged)
        if changes.kinds and not self._ended:
            for path in kinds:
                self._schedule.add_recent(path)
            self._listener.changed(changes)

    def _wait_for_growing(self, marks: Mapping[str, Mark | None], now: float) -> bool:
        """Wait longer for files that are written to since a scan has found them; return whether there are any."""
        growing = {path: marks[path] for path, seen in self._found.items() if marks[path] != seen}
        if not growing or now - self._burst.first > MAX_S:
            return False
        self._found |= growing
        for path in growing:
            self._burst.add(path, now, whole=False)
        return True

    def _note_change(self, path: str, seen: Mark | None, now: float) -> bool:
        if self._contents.note_content(path, seen):
            self._repeated.clear()
            return True
        if self._worker_states == {WorkerState.BROKEN}:
            return seen is not None
        if (
            WorkerState.BUSY in self._worker_states
            and now - self._burst.first > LONG_BURST_S
            and path not in self._repeated
        ):
            # The file may have had another content for a moment, which the starting worker has read. It is reported
            # only once: otherwise a project that writes the same file at each import would restart forever.
            self._repeated.add(path)
            return seen is not None
        return False

    def _relative(self, path: str) -> str:
        return path.removeprefix(self._watch_set.root + "/")

    # -- failures ------------------------------------------------------------------------------------------------------

    def _report_failure(self, reason: str, action: str) -> None:
        self._listener.report_event("watch.failed", {"reason": reason, "action": action})

    def _fall_back(self) -> None:
        """Scan everything at intervals, without the rest of the machinery; a scan that fails is tried again."""
        pause, failures = threading.Event(), 0
        while not self._ended:
            pause.wait(nth_pause_s(FALLBACK_S, failures + 1))
            try:
                self._scan_all()
                failures = 0
            except Exception as error:  # noqa: BLE001  perhaps the one that ended the machinery
                failures += 1
                if failures == 1:
                    self._report_failure(f"{type(error).__name__}: {error}", "The files are polled again later.")

    def _scan_all(self) -> None:
        watch_set = self._watch_set
        self._take_requests()
        kinds = {path: kind for path in watch_set.tree.scan(watch_set.root) if (kind := watch_set.kind(path))}
        if kinds:
            self._listener.changed(
                Changes({self._relative(path): kind for path, kind in kinds.items()}, time.monotonic())
            )
