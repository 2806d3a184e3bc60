"""Take the watcher's bursts of changes, decide which are saves, and start the reload that each save needs.

A change that a worker has made itself is not a save; a change that comes again at each start is delayed. A burst of
saves becomes one call, in the loop's thread.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.protocol.record import Record, replace
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.saves.file_notes import FileNotes
from appliance.supervisor.saves.reload_loops import DELAY_S, OFTEN, ReloadLoops
from appliance.supervisor.saves.static_saves import StaticSaves
from appliance.watch.file_contents import FileState
from appliance.watch.kinds import Kind, is_static
from appliance.watch.tree import changed_ns, mark
from appliance.watch.watch_set import WatchOptions
from appliance.watch.watcher import Changes, Watcher, WorkerState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from appliance.protocol.messages import FilesReport
    from appliance.supervisor.loop import Timer
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.last_saves import LastSaves
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.saves.template_saves import TemplateSaves
    from appliance.supervisor.steps.analysis import Analysis

REPORTED_WRITES_MAX = 50  # events about files that the application writes itself
REMOVED_MOST = 100
TEMPLATES_MOST = 100  # folders
NODES_MOST = 200  # at most so many exceptions of one report
RETRY_S = 1.0  # before a watcher that could not be started is started again
_WORKER_STATES = {Phase.SERVING: WorkerState.SERVING, Phase.BROKEN: WorkerState.BROKEN}


class SaveRoutes(Record):
    """Which part takes a save.

    Attributes:
        changed: takes the changes for which a worker restarts.
        assets: takes the paths of files that browsers load.
        template_saves: takes every burst first, because a saved template may need no new worker.
        before: takes the changed files first, for which a worker may be started.
        spared: takes the changed files for which no worker is started: the application writes them, or browsers load
            them.
        noticed: is called before all others: a file has changed, and a save may follow; with the file's path, if it is
            complete. None: nothing waits for that.
        companion_starts: whether a companion that follows the code was just started: the companion may write files.
    """

    changed: Callable[[Changes], None]
    assets: Callable[[list[str]], None]
    template_saves: TemplateSaves
    before: Callable[[Mapping[str, Kind]], None] = lambda _: None
    spared: Callable[[Mapping[str, Kind]], None] = lambda _: None
    companion_starts: Callable[[], bool] = lambda: False
    noticed: Callable[[str], None] | None = None


class ReloadTrigger:
    """The saves of one project. This object is made before the parts that take saves; ``route`` names those parts.

    Args:
        runtime: the supervisor's.
        last_saves: shows on pages what was saved.
    """

    def __init__(self, runtime: Runtime, last_saves: LastSaves) -> None:
        settings = runtime.settings
        self._on = settings.reload == "on"
        self._root = f"{settings.project}/"
        self._ignored = settings.ignore
        self._loop = runtime.loop
        self._log = runtime.log
        self._saves = last_saves
        self._lifecycle = runtime.lifecycle
        self._routes: SaveRoutes | None = None
        self._static_saves = StaticSaves(self._tell_pages)
        self._how: dict[str, Any] | None = None
        self._generation = 0  # whose files are watched
        self._ready_ns = 0  # by the wall clock, as the times of files: when the newest worker was ready
        self._loops = ReloadLoops()
        self._removed: dict[str, None] = {}
        self._reported_writes: set[str] = set()  # files that a worker has written, and that the log has already named
        self._delayed: Changes | None = None  # their reload is delayed
        self._delay_timer: Timer | None = None
        self.notes = FileNotes(runtime.loop, self._files_noted)
        options = WatchOptions(
            str(settings.project), settings.watch, settings.ignore, settings.env_files, settings.watch_extra
        )
        self._watcher = Watcher(options, self)

    def route(self, routes: SaveRoutes) -> None:
        """Report saves by these routes."""
        self._routes = routes

    def start(self) -> None:
        """Report saves from now on, if the settings ask for it."""
        if not self._on:
            return
        try:
            self._watcher.start()
        except (RuntimeError, MemoryError) as error:  # no thread is free; later perhaps
            action = "Nothing, unless this repeats: it is tried again. Then raise the limit of threads and of memory."
            self._log.event("warning", "watch.failed", reason=str(error), action=action)
            self._loop.call_later(RETRY_S, self.start)

    def stop(self) -> None:
        """Report no more saves."""
        self._watcher.stop()
        self._release_delayed()

    def arriving_s(self) -> float:
        """Return how long files of a synchronisation may still come, at least; 0 if none is expected."""
        return self._watcher.arriving_s()

    def analysed(self, analysis: Analysis) -> None:
        """Watch the application's file, the plan's files, and the secrets, whose files may have any name and place."""
        file = analysis.project.target.file
        self._watcher.add_files("target", Kind.CODE, [file] if file else [])
        self._saves.loaded([file])
        self._watcher.add_files("plan", Kind.DEPENDENCIES, map(str, analysis.plan.files))
        self._watcher.add_files("secrets", Kind.ENVIRONMENT, map(str, analysis.environment.secret_files.values()))

    def loaded(self, child: Handle, report: FilesReport) -> None:
        """Watch the files that a worker has loaded: some may lie outside of the project, or be ignored by git.

        A worker that has failed has not loaded every file, so the files of the last good worker stay watched.
        """
        files: Mapping[str, Sequence[int]] = report.files
        self._saves.loaded(files if isinstance(files, dict) else ())
        if self._on and child.generation >= self._generation:
            more = report.more or child.generation == self._generation or child.ready_at is None
            self._generation = child.generation
            self._watcher.compare(_file_states(files), more=more, started=child.started)
            if child.ready_at is not None:
                self._ready_ns = time.time_ns() - int((time.monotonic() - child.ready_at) * 1e9)
                self._static_saves.serving()
            if late := self._static_saves.listed(report.listed, more=more, since=child.started):
                self._save(dict.fromkeys(late, Kind.CODE), Changes({}, time.monotonic()), ask=False)

    def _files_noted(self, child: Handle, files: Mapping[str, Sequence[int]]) -> None:
        self._saves.loaded(files)  # a template's first save has a diff too, once a page has used it
        if child.generation == self._generation:
            states = _file_states(files)
            read = {path: state for path, state in states.items() if not self._is_static(path)}
            self._watcher.compare(read, more=True, started=child.started)

    def _is_static(self, path: str) -> bool:
        """Whether browsers load this file, which a request has read: then no worker keeps its content."""
        folder, _, name = path.removeprefix(self._root[:-1]).rpartition("/")
        return is_static(folder, name[name.rfind(".") :])

    def templates(self, folders: Sequence[str]) -> None:
        """Watch the folders in which the project's frameworks look for templates."""
        self._watcher.add_template_folders([str(folder) for folder in folders[:TEMPLATES_MOST]])

    def failed(self, report: Mapping[str, Any]) -> None:
        """Watch the files in which an import has failed: the next save is likely in one of them."""
        files = [report.get("file"), *_files_of(report.get("exception"))]
        installed = ("/site-packages/", "/dist-packages/", "/lib/python3")
        own = (str(file) for file in files if file and not any(part in str(file) for part in installed))
        self._watcher.add_files("failure", Kind.CODE, [file for file in own if file.startswith("/")])

    def status(self) -> dict[str, Any] | None:
        """Return how saves are noticed, for ``appliance status``; None if the reload is off."""
        return self._how if self._on else None

    def _tell_pages(self, paths: list[str]) -> None:
        if self._routes is not None:
            self._routes.assets(paths)

    def _note(self, event: str, fields: dict[str, Any]) -> None:
        self._how = {**(self._how or {}), **fields}
        self._log.event("warning" if event == "watch.failed" else "info", event, **fields)

    # -- which changes are saves ---------------------------------------------------------------------------------------

    def _take(self, changes: Changes) -> None:
        """Report a burst of changes, without those that are not saves."""
        own = {path for path in changes.kinds if self._is_own(path, changes)}
        for path in sorted(own - self._reported_writes)[: REPORTED_WRITES_MAX - len(self._reported_writes)]:
            self._reported_writes.add(path)
            action = f"To leave the file out altogether: {self._setting(path)}"
            self._log.event("info", "reload.spared", file=path, action=action)
        saved = {path: kind for path, kind in changes.kinds.items() if path not in own}
        static = {path: self._whole(path) for path, kind in saved.items() if kind is Kind.STATIC}
        restarting = dict.fromkeys(self._static_saves.saved(static) if static else (), Kind.CODE)
        kinds = {path: kind for path, kind in saved.items() if kind is not Kind.STATIC} | restarting
        if self._routes is not None and len(kinds) < len(changes.kinds):
            self._routes.spared({path: kind for path, kind in changes.kinds.items() if path not in kinds})
        if kinds:
            self._save(kinds, changes, ask=not restarting)

    def _save(self, kinds: Mapping[str, Kind], changes: Changes, *, ask: bool) -> None:
        """Report saves that restart the worker, now or after a delay; ``ask``: the worker decides about templates."""
        self._remember_removed(kinds)
        self._saves.saved(list(kinds))
        if self._routes is not None:
            self._routes.before(kinds)
            self._routes.template_saves.take(replace(changes, kinds=kinds), self._restart, ask=ask)

    def _restart(self, changes: Changes) -> None:
        """Report saves that need a new worker; delay those of a file that changes again and again."""
        kinds = changes.kinds
        starting = changes.busy or (self._routes is not None and self._routes.companion_starts())
        starting = starting or (self._loops.counts(kinds) and self._is_older_than_worker(kinds))
        if self._delayed is not None and starting and kinds == self._delayed.kinds:
            return  # no start has caused this change: the delayed reload serves it, even if the file changes again
        reaction = self._loops.saved(kinds, time.monotonic(), starting=starting)
        path = next(iter(kinds))
        if reaction.often:
            self._log.event("info", "reload.repeated", file=path, count=OFTEN, action=self._advice(path))
        changes = Changes({**self._release_delayed(), **kinds}, changes.noticed_at)
        if reaction.delay_s:
            level = "warning" if reaction.delay_s == DELAY_S[0] else "info"
            self._log.event(level, "reload.held", file=path, after_s=reaction.delay_s, action=self._advice(path))
            self._delayed = changes
            self._delay_timer = self._loop.call_later(reaction.delay_s, self._delay_is_over)
        else:
            self._report(changes)

    def _is_older_than_worker(self, paths: Iterable[str]) -> bool:
        """Whether these files were written before the newest worker was ready: on a busy machine, events come late."""
        states = [mark(self._whole(path)) for path in paths]
        return all(state is not None and changed_ns(state) < self._ready_ns for state in states)

    def _release_delayed(self) -> Mapping[str, Kind]:
        """Delay no reload any more; return the files that it was for."""
        if self._delay_timer is not None:
            self._delay_timer.cancel()
        delayed, self._delayed, self._delay_timer = self._delayed, None, None
        return {} if delayed is None else delayed.kinds

    def _delay_is_over(self) -> None:
        delayed = self._delayed
        self._release_delayed()
        if delayed is not None:
            self._report(delayed)

    def _report(self, changes: Changes) -> None:
        if self._routes is not None:
            self._routes.changed(changes)

    def _remember_removed(self, kinds: Iterable[str]) -> None:
        for path in map(self._whole, kinds):
            self._removed.pop(path, None)
            if path.endswith(".py") and not os.path.lexists(path):
                self._removed[path] = None
        for path in list(self._removed)[:-REMOVED_MOST]:
            del self._removed[path]

    def removed_files(self) -> list[str]:
        """Return the files of modules that were removed or renamed: they may explain a failed import."""
        return list(self._removed)

    def _whole(self, path: str) -> str:
        return path if path.startswith("/") else self._root + path

    def _is_own(self, path: str, changes: Changes) -> bool:
        whole = self._whole(path)
        return self.notes.take_own_write(whole, changes.seen.get(whole, changes.noticed_at))

    def _advice(self, path: str) -> str:
        return f"If a program writes this file and the project need not reload for it, set {self._setting(path)}"

    def _setting(self, path: str) -> str:
        return f"APPLIANCE_IGNORE={','.join([*self._ignored, path])}"

    # -- called in the watcher's thread (watch.watcher.Listener) -------------------------------------------------------

    def noticed(self, path: str) -> None:
        """A save may follow: of this file, if there is a path."""
        if self._routes is not None and self._routes.noticed is not None:
            self._loop.post(partial(self._routes.noticed, path))

    def changed(self, changes: Changes) -> None:
        """Files have changed."""
        self._loop.post(partial(self._take, changes))

    def unchanged(self, seen: Mapping[str, float]) -> None:
        """Take files that were written without a change of their content."""
        self._loop.post(partial(self._use_up, seen))

    def _use_up(self, seen: Mapping[str, float]) -> None:
        for path, at in seen.items():
            self.notes.take_own_write(path, at)

    def report_event(self, event: str, fields: Mapping[str, object]) -> None:
        """Log an event of the watcher."""
        self._loop.post(partial(self._note, event, dict[str, Any](fields)))

    def worker_state(self) -> WorkerState:
        """Whether the worker serves the last reported change."""
        return _WORKER_STATES.get(self._lifecycle.state.phase, WorkerState.BUSY)


def _files_of(exception: object) -> Iterator[object]:
    """Yield the files of all frames of a reported exception and of its causes (``server.pages.report``)."""
    nodes = [exception]
    for node in nodes:
        if isinstance(node, dict) and len(nodes) <= NODES_MOST:
            yield from (frame.get("file") for frame in node.get("frames") or () if isinstance(frame, dict))
            nodes += [node.get("before"), *(node.get("members") or ())]


def _file_states(files: Mapping[str, Sequence[int]]) -> dict[str, FileState]:
    """The states of files that a worker has reported; a malformed state counts as unknown."""
    found = {}
    for path, state in files.items() if isinstance(files, dict) else ():
        if path.startswith("/") and "\0" not in path:
            found[path] = FileState.of(state)
    return found
