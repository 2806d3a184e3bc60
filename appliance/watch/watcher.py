"""The thread that tells of saves.

Owns the thread, and the decision that something has changed: a burst that is over, files that hold something else than
before. Knows nothing of what a change leads to. It sleeps until the kernel has news; behind that, a slow sweep looks at
everything, and mounts without news are polled. News reach the supervisor's loop by ``post``.
"""

from __future__ import annotations

import enum
import errno
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from appliance.watch.burst import LONGEST_S, Burst
from appliance.watch.event_sources import Silence, What
from appliance.watch.file_contents import FileContents
from appliance.watch.kinds import Kind
from appliance.watch.rounds import Rounds
from appliance.watch.watch_set import Terms, WatchSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from appliance.watch.file_contents import Met
    from appliance.watch.tree import Mark

GIT_S: Final = 0.01  # between two looks for git's lock
GIT_LONGEST_S: Final = 15.0
LONG_S: Final = 0.05  # a burst that lasts longer is no single save
PORTION: Final = 50  # files that are read between two looks for news
PAUSE_S: Final = 0.02


@dataclass(frozen=True)
class Changes:
    """One settled burst.

    Attributes:
        kinds: what has changed: paths relative to the project, whole ones for what is elsewhere.
        noticed_at: when the first news of it came, on CLOCK_MONOTONIC.
        seen: when the last news of each path came, by whole paths.
        busy: whether all of its news came while a worker was being started.
    """

    kinds: Mapping[str, Kind]
    noticed_at: float
    seen: Mapping[str, float] = field(default_factory=dict)
    busy: bool = False


class Mood(enum.Enum):
    """What became of what was last told."""

    SERVING = "serving"  # an unchanged file is no news
    BUSY = "busy"  # a worker may be reading files now
    BROKEN = "broken"  # who saves the same once more wants another try


class Listener(Protocol):
    """Who is told; called in the watcher's thread."""

    def changed(self, changes: Changes) -> None:
        """Files have changed."""

    def unchanged(self, seen: Mapping[str, float]) -> None:
        """Something has happened to these files, whole paths, and when; they hold what they held."""

    def watching(self, event: str, fields: Mapping[str, object]) -> None:
        """An event for the log: ``watch.started``, ``watch.failed``."""

    def mood(self) -> Mood:
        """What became of what was last told."""


class Watcher:
    """Tells of each settled burst."""

    def __init__(self, terms: Terms, listener: Listener) -> None:
        self._listener = listener
        self._watch_set = WatchSet(terms)
        self._contents = FileContents()
        self._burst = Burst()
        self._rounds = Rounds()
        self._moods: set[Mood] = set()  # through the burst
        self._repeated: set[str] = set()  # told though they were unchanged, since the last change
        self._unread: list[str] = []
        self._asked: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started_ns = time.time_ns()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Watch from now on.

        Raises:
            RuntimeError: no thread can be started; what is saved until one can be is told of then.
        """
        self._thread.start()

    def stop(self) -> None:
        """Tell of nothing more."""
        self._ended = True
        self._watch_set.source.wake()

    def also(self, who: str, kind: Kind, paths: Iterable[str]) -> None:
        """These files count too, wherever they are and whoever ignores them; from any thread.

        Args:
            who: who says so: what is named replaces what the same one has named before.
            kind: as what they count, unless their names say more.
            paths: the files, whole paths.
        """
        self._asked.put(partial(self._name, who, kind, dict.fromkeys(paths)))
        self._watch_set.source.wake()

    def met(self, files: Mapping[str, Met], *, more: bool) -> None:
        """The worker was made from these files; what they are now may be something else already. From any thread.

        Args:
            files: whole paths, each with the state in which it was met.
            more: they come to those that were named before, and do not replace them.
        """
        self._asked.put(partial(self._compare, dict(files), more))
        self._watch_set.source.wake()

    def look_for_templates_in(self, folders: Iterable[str]) -> None:
        """A framework looks for templates in these folders, whatever they are called; from any thread."""
        self._asked.put(partial(self._look_for_templates_in, list(folders)))
        self._watch_set.source.wake()

    def _look_for_templates_in(self, folders: list[str]) -> None:
        new, changed = self._watch_set.look_for_templates_in(folders)
        self._contents.there(new)
        self._unread += new
        for path in changed:
            self._note(path, time.monotonic(), whole=False)

    def _name(self, who: str, kind: Kind, paths: Iterable[str], *, more: bool = False) -> None:
        new = self._watch_set.name(who, kind, paths, more=more)
        self._contents.there(new)
        self._unread += new

    def _compare(self, files: dict[str, Met], more: bool) -> None:  # noqa: FBT001  one call
        """Take a file that was saved before it was watched for saved now."""
        self._name("worker", Kind.CODE, files, more=more)
        now = time.monotonic()
        for path, met in files.items():
            if self._watch_set.kind(path) is not None and met.differs(path):
                self._note(path, now, whole=True)  # it is, or news of it will follow

    def _run(self) -> None:
        try:
            self._begin()
            while not self._ended:
                self._turn()
        except Exception as error:  # noqa: BLE001  a defect of ours must be told, and must not end the reloading
            self._failed(f"{type(error).__name__}: {error}", "It looks at the files again and again instead.")
            self._fall_back()

    def _begin(self) -> None:
        begun = time.monotonic()
        watch_set = self._watch_set
        watch_set.open()
        self._unread = watch_set.there()
        self._contents.there(self._unread)
        files = watch_set.tree.files
        self._tell_limits()
        polled = [f"{os.path.relpath(mount.point, watch_set.root)} ({mount.kind})" for mount in watch_set.mute]
        how = "events" if not polled else "polling" if isinstance(watch_set.source, Silence) else "events and polling"
        self._listener.watching(
            "watch.started",
            {
                "how": how, "polled": polled, "count": len(files), "folders": len(watch_set.tree.folders),
                "duration_s": round(time.monotonic() - begun, 4),
            },
        )  # fmt: skip
        # A worker may have loaded what was saved before the watch was there.
        for path, seen in files.items():
            if seen.mtime_ns >= self._started_ns:
                self._burst.add(path, time.monotonic(), whole=False)
        self._rounds.begin(time.monotonic(), polls=bool(watch_set.mute))

    def _turn(self) -> None:
        for news in self._watch_set.source.wait(self._patience()):
            now = time.monotonic()
            paths, look = self._watch_set.take(news)
            for path in paths:
                self._note(path, now, whole=news.what in {What.WRITTEN, What.GONE})
            if look:
                self._rounds.hurry(now)
        while not self._asked.empty():
            self._asked.get()()
        now = time.monotonic()
        if self._burst:
            if now >= self._burst.due():
                self._settle(now)
        elif self._unread and not self._rounds.polling:
            self._learn()
        self._look(now)

    def _patience(self) -> float:
        now = time.monotonic()
        due = self._rounds.due()
        if self._burst:
            due = min(due, self._burst.due())
        elif self._unread:
            due = min(due, now + PAUSE_S)
        return max(0.0, due - now)

    def _note(self, path: str, now: float, *, whole: bool) -> None:
        self._moods.add(self._listener.mood())
        self._burst.add(path, now, whole=whole)

    def _look(self, now: float) -> None:
        """The rounds that are due."""
        rounds, watch_set = self._rounds, self._watch_set
        found: set[str] = set()
        if rounds.sweep_due(now):
            with rounds.sweeping(now):
                found |= watch_set.sweep()
            self._tell_limits()
            rounds.polling = bool(watch_set.mute)
            if not os.path.isdir(watch_set.root):
                rounds.again(now)
        if rounds.poll_due(now):
            with rounds.polling_all(now):
                found |= watch_set.poll()
        elif rounds.glance_due(now):
            found |= rounds.glance(now, watch_set.tree.files)
        for path in found:
            self._note(path, now, whole=False)

    def _tell_limits(self) -> None:
        error = self._watch_set.exhausted
        if error is None or self._rounds.told_limits:
            return
        self._rounds.told_limits = True
        what = "watch" if error.errno == errno.ENOSPC else "instance"
        self._failed(
            f"inotify has no {what} left ({error.strerror})",
            "It looks at the files again and again instead. To have events: "
            "sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024, on the host.",
        )

    # -- deciding ------------------------------------------------------------------------------------------------------

    def _settle(self, now: float) -> None:
        """Tell of the burst, unless there is a reason to wait."""
        burst, watch_set = self._burst, self._watch_set
        if now - burst.first < GIT_LONGEST_S and watch_set.git_busy(time.time() - (now - burst.first)):
            burst.hold(now, GIT_S)
            return
        paths = burst.paths()
        marks = {path: watch_set.check(path) for path in paths}
        # Gone or empty, and was neither: each of these is waited for once.
        doubts = [path for path, seen in marks.items() if not (seen and seen.size) and self._contents.was_full(path)]
        if sum(burst.doubt(path, now) for path in doubts):
            return
        busy = self._moods == {Mood.BUSY}
        self._moods.add(self._listener.mood())
        kinds = {
            path: kind for path in paths if (kind := watch_set.kind(path)) and self._is_news(path, marks[path], now)
        }
        seen = burst.seen
        changes = Changes({self._shown(path): kind for path, kind in kinds.items()}, burst.first, seen, busy)
        burst.over()
        self._moods.clear()
        if unchanged := {path: seen[path] for path in paths if path not in kinds}:
            self._listener.unchanged(unchanged)
        if changes.kinds and not self._ended:
            for path in kinds:
                self._rounds.remember(path)
            self._listener.changed(changes)

    def _is_news(self, path: str, seen: Mark | None, now: float) -> bool:
        if self._contents.changed(path, seen):
            self._repeated.clear()
            return True
        if self._moods == {Mood.BROKEN}:
            return seen is not None
        if Mood.BUSY in self._moods and now - self._burst.first > LONG_S and path not in self._repeated:
            # It was something else in between, and the worker that starts may have read that. Once: a project that
            # writes the same file at each import must not restart for ever.
            self._repeated.add(path)
            return seen is not None
        return False

    def _shown(self, path: str) -> str:
        return path.removeprefix(self._watch_set.root + "/")

    def _learn(self) -> None:
        """Read a few files that nothing has happened to."""
        for path in self._unread[-PORTION:]:
            if (seen := self._watch_set.seen(path)) is not None:
                self._contents.learn(path, seen)
        del self._unread[-PORTION:]

    # -- what must not happen ------------------------------------------------------------------------------------------

    def _failed(self, reason: str, action: str) -> None:
        self._listener.watching("watch.failed", {"reason": reason, "action": action})

    def _fall_back(self) -> None:
        """A plain look at everything, every second."""
        watch_set = self._watch_set
        pause = threading.Event()
        while not self._ended:
            pause.wait(LONGEST_S)
            kinds = {path: kind for path in watch_set.tree.look(watch_set.root) if (kind := watch_set.kind(path))}
            if kinds:
                self._listener.changed(
                    Changes({self._shown(path): kind for path, kind in kinds.items()}, time.monotonic())
                )
