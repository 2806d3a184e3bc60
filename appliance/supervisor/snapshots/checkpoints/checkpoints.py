"""Run the checkpoints of the project's import: keep the paused processes, fork workers from them, and end them.

Decides nothing over time. Each thing that happens becomes an event of ``checkpoint_states``, and the actions of that
table are performed here. If anything is in doubt, workers are forked from the preloader. Runs in the supervisor's loop.

Decision 64 says why.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.supervisor.processes.child_forks import request_fork
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.snapshots.checkpoints import checkpoint_events as events
from appliance.supervisor.snapshots.checkpoints import checkpoint_states
from appliance.supervisor.snapshots.checkpoints.checkpoint_spare import CheckpointSpare
from appliance.watch.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from appliance.protocol.snapshot_messages import CheckpointReached
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime

_is_file = os.path.isfile  # a save waits for it, and a Path would take three times as long
PENDING_S = 1.0  # for a fork that was asked for, before the process that makes it is ended


class Checkpoints:
    """The checkpoints of one project.

    Args:
        runtime: the supervisor's.
        go_on: called with a new checkpoint: the import must go on in a fork of it.
        is_on: whether there are any.
    """

    def __init__(self, runtime: Runtime, go_on: Callable[[Handle], None], *, is_on: bool) -> None:
        self._loop = runtime.loop
        self._children = runtime.children
        self._log = runtime.log
        self._root = f"{runtime.settings.project}/"
        self._go_on = go_on
        self._state = checkpoint_states.State(off=not is_on)
        self._processes: dict[int, Handle] = {}
        self._changed: dict[int, dict[str, None]] = {}  # the files that have changed since the import of each began
        self._forks: dict[int, Handle] = {}  # the last one of each
        self._spare = CheckpointSpare(runtime.children, lambda number: self._fork(number, Role.SPARE))
        self._last = 0  # number
        self._given: tuple[Handle | None, int] = None, 0  # the last worker, and its checkpoint
        self._known: set[str] = set()  # files that processes have read: such a file is not new when it changes
        self._closed = False
        self._performers: dict[type[events.Action], Callable[[Any], None]] = {
            events.GoOn: lambda action: self._go_on(self._processes[action.number]),
            events.End: lambda action: self._end(action.number),
            events.ReportReady: self._report_ready,
            events.ReportEnded: lambda action: self._log.event(
                "debug", "checkpoint.ended", file=self._name(action.path), how=action.how
            ),
        }

    def _on(self, event: events.Event) -> None:
        self._state, actions = checkpoint_states.step(self._state, event)
        state_table.perform(self._performers, actions)

    # -- what has changed ----------------------------------------------------------------------------------------------

    def read(self, files: Mapping[str, Sequence[int]]) -> None:
        """Take the files that a process has read; files without a mark are those that it has looked for."""
        self._known.update(path for path, mark in files.items() if mark)

    def changed(self, kinds: Mapping[str, Kind]) -> None:
        """Take files that have changed, by absolute path."""
        self._note(kinds)
        self._on(events.FilesChanged(tuple(kinds), all(self._is_modified(path, kind) for path, kind in kinds.items())))
        # A file that exists now is known: its next change does not count as a new file. A removed file is forgotten.
        self._known.difference_update(kinds)
        self._known.update(path for path in kinds if _is_file(path))

    def _is_modified(self, path: str, kind: Kind) -> bool:
        return kind is Kind.CODE and path.endswith(".py") and path in self._known and _is_file(path)

    def written(self, paths: Iterable[str]) -> None:
        """Take changed files for which no worker is started: an import may have read them, or may find a new module."""
        written = tuple(paths)
        self._note(written)
        self._on(events.FilesChanged(written, all(path in self._known for path in written if path.endswith(".py"))))

    def _note(self, paths: Iterable[str]) -> None:
        for changed in self._changed.values():
            changed.update(dict.fromkeys(paths))

    def discard(self) -> None:
        """The changed files are not known, or more than files of the project has changed."""
        self._on(events.Discarded())

    def import_needed(self, paths: Iterable[str]) -> None:
        """A save of these files can't be served by a swap."""
        self._on(events.ImportNeeded(tuple(path for path in paths if path.endswith(".py") and _is_file(path))))

    def preloader_ready(self) -> None:
        """There is another preloader."""
        self._on(events.PreloaderReady())

    # -- the workers ---------------------------------------------------------------------------------------------------

    def fork(self, generation: int) -> tuple[Handle | None, list[str]]:
        """Return a worker that waits for its start message, and the files that have changed since its import began.

        Returns:
            The worker; None if none may be forked from a checkpoint.
        """
        number = checkpoint_states.fork_source(self._state)
        child = (self._spare.take(number) or self._fork(number, Role.SPARE)) if number else None
        if child is not None:
            self._given = child, number
            child.assign(generation)
        return child, list(self._changed.get(number, ()))

    def fork_ahead(self) -> None:
        """Have a fork wait for the next save, if a checkpoint will probably serve it."""
        self._spare.prepare(checkpoint_states.spare_source(self._state))

    def worker_wanted(self) -> None:
        """Files were saved for which a worker is started."""
        self._on(events.WorkerWanted())

    def worker_started(self, worker: Handle, *, swapping: bool) -> None:
        """A worker has its start message."""
        given, number = self._given
        self._on(events.WorkerStarted(swapping, number if given is worker else 0))

    def worker_ready(self) -> None:
        """The newest worker serves."""
        self._on(events.WorkerReady())

    def worker_gone(self) -> None:
        """The newest worker has failed or ended."""
        self._on(events.WorkerGone())

    def worker_lost(self, how: str) -> None:
        """The newest worker, from a checkpoint, has ended, or did not answer, before it was ready."""
        self._on(events.WorkerLost(how))

    # -- the imports ---------------------------------------------------------------------------------------------------

    def import_source(self) -> Handle | None:
        """Return the checkpoint that an import may go on from."""
        return self._processes.get(checkpoint_states.import_source(self._state))

    def files_before(self) -> tuple[str, ...]:
        """Return the files before which an import from the preloader pauses."""
        return checkpoint_states.files_before(self._state)

    def fork_import(self, checkpoint: Handle) -> Handle | None:
        """Return a fork of a checkpoint, for the rest of the import; None if there is none."""
        return self._fork(self._number(checkpoint), Role.SNAPSHOT)

    def import_started(self, before: Iterable[str] = (), source: Handle | None = None) -> None:
        """A process imports the project ahead: it pauses before these files, or goes on from this checkpoint."""
        self._on(events.ImportStarted(tuple(before), self._number(source)))

    def reached(
        self, child: Handle, message: CheckpointReached, read: frozenset[str], changed: Iterable[str] = ()
    ) -> None:
        """Keep the process that has paused before this file as a checkpoint; ``read``: the files that it has read.

        ``changed``: the files that have changed since the import was started.
        """
        self._last += 1
        self._processes[self._last] = child
        self._changed[self._last] = dict.fromkeys(changed)
        self._on(events.Reached(self._last, message.path, read, message.cpu_s))

    def import_over(self, cpu_s: float = 0.0) -> None:
        """The project's import is over, with success or not; ``cpu_s``: see ``ImportOver``."""
        self._on(events.ImportOver(cpu_s))

    def import_ended(self) -> None:
        """The process that imported the project was killed."""
        self._on(events.ImportEnded())

    def resume(self) -> None:
        """Send SIGCONT to each checkpoint that was stopped while it imported."""
        for checkpoint in self._state.coming:
            self._signal(checkpoint.number)

    # -- the processes -------------------------------------------------------------------------------------------------

    def ended(self, child: Handle) -> None:
        """Note that a process has ended; it may be a checkpoint."""
        self._spare.ended(child)
        if number := self._number(child):
            self._spare.end(number)
            del self._processes[number], self._changed[number]
            self._forks.pop(number, None)
            self._on(events.CheckpointEnded(number, child.how()))

    def close(self) -> None:
        """End every checkpoint, and make no others."""
        self._closed = True
        self._on(events.StopRequested())

    def note_memory(self, why: str) -> None:
        """Keep no checkpoint while memory is short; ``why``: how little is left, or empty."""
        if why and not self._state.short:
            self._on(events.MemoryShort(why))
        elif self._state.short and not why:
            self._on(events.MemoryFree())

    @property
    def are_there(self) -> bool:
        """Whether any checkpoint is kept."""
        return bool(self._state.kept)

    def status(self) -> list[dict[str, Any]]:
        """Return the part of ``appliance status`` about checkpoints: those that are kept."""
        return [{"file": self._name(each.path), "pid": self._processes[each.number].pid} for each in self._state.kept]

    def resumable(self) -> list[str]:
        """Return the modules, as the watcher names them, for whose saves a checkpoint would give the worker."""
        modules = sorted(path for path in self._known if path.endswith(".py"))
        right = [path for path in modules if any(path not in each.read for each in self._state.kept)]
        return [self._name(path) for path in right if _is_file(path)]

    def _name(self, path: str) -> str:
        return path.removeprefix(self._root)

    def _number(self, child: Handle | None) -> int:
        return next((number for number, each in self._processes.items() if each is child), 0)

    def _signal(self, number: int) -> None:
        if (checkpoint := self._processes.get(number)) is not None:
            checkpoint.signal_group(signal.SIGCONT)

    def _fork(self, number: int, role: Role) -> Handle | None:
        checkpoint = self._processes.get(number)
        if checkpoint is None:
            return None
        self._signal(number)  # it may have been stopped while it imported
        child = request_fork(self._children, checkpoint, role)
        if child is not None:
            self._forks[number] = child
        return child

    def _end(self, number: int) -> None:
        self._spare.end(number)
        checkpoint, fork = self._processes.pop(number), self._forks.pop(number, None)
        del self._changed[number]
        if fork is None or fork.pid or fork.ending or self._closed:
            self._children.kill(checkpoint)
        else:
            self._loop.call_later(PENDING_S, partial(self._children.kill, checkpoint))

    def _report_ready(self, action: events.ReportReady) -> None:
        pid = self._processes[action.number].pid
        self._log.event("debug", "checkpoint.ready", file=self._name(action.path), pid=pid)
