"""Decide which checkpoints of the project's import are made, used and dropped: a pure table.

A checkpoint is a process that has imported the project up to a file that is edited often, and nothing of that file. If
a save of the file needs an import, a fork of the checkpoint serves the save: it imports the file and what follows. The
import of the next snapshot makes the checkpoints. Before each such file the importing process stops and becomes a
checkpoint, and a fork of it continues the import. So a snapshot and its checkpoints are a chain, in the order of the
import. ``checkpoints`` performs the actions. No process, no clock.

Two rules hold in every order of events. No worker is forked from a checkpoint if a file that the checkpoint has read
has changed since its import began, or if a file was added or removed. Never more than MOST checkpoints are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from appliance import state_table
from appliance.protocol.record import Record, replace
from appliance.supervisor.snapshots.checkpoints.checkpoint_events import (
    Action,
    CheckpointEnded,
    Discarded,
    End,
    Event,
    FilesChanged,
    GoOn,
    ImportEnded,
    ImportNeeded,
    ImportOver,
    ImportStarted,
    MemoryFree,
    MemoryShort,
    PreloaderReady,
    Reached,
    ReportEnded,
    ReportReady,
    StopRequested,
    WorkerGone,
    WorkerLost,
    WorkerReady,
    WorkerStarted,
    WorkerWanted,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 3
WORTH_S = 0.02  # CPU time of an import up to a checkpoint: a fork of the checkpoint costs as much
SHARE = 0.25  # of the whole import: a fork imports the rest more slowly, because it copies the memory that it writes to
UNUSED = 20  # saves in a row that were swapped: after these the checkpoints are not worth their memory


class Checkpoint(NamedTuple):
    """One checkpoint.

    Attributes:
        path: the file before which it has paused.
        read: the files that it has read or looked for.
        right: none of the read files has changed since the import began, and no file was added or removed.
        cpu_s: CPU time of the import until then.
    """

    number: int
    path: str
    read: frozenset[str]
    right: bool = True
    cpu_s: float = 0.0


class State(Record):
    """The known facts about the checkpoints.

    Attributes:
        off: there are none, by a setting or because the appliance stops.
        short: why there is little memory; empty if there is enough.
        files: those whose saves needed an import, the newest first.
        useless: files whose checkpoints have failed although an import succeeds, or save too little of an import.
        kept: the checkpoints that workers may be forked from, in the order of the import.
        planned: the files before which the import of the kept checkpoints was told to pause.
        importing: a process imports the project ahead.
        before: the files before which it pauses.
        base: the kept checkpoint that it goes on from; 0: it comes from the preloader.
        coming: the checkpoints that this import has made.
        changed: the files that have changed since this import began.
        spoiled: files were added or removed since this import began.
        wanted: files were saved for which no worker from a checkpoint has been started yet.
        used: the checkpoint that the newest worker comes from; 0: none.
        suspect: the file whose checkpoint has failed, until another worker for the same save is ready.
        swapping: the newest worker was forked from a snapshot.
        swaps: how many saves in a row were served by swaps.
    """

    off: bool = False
    short: str = ""
    files: tuple[str, ...] = ()
    useless: frozenset[str] = frozenset()
    kept: tuple[Checkpoint, ...] = ()
    planned: frozenset[str] = frozenset()
    importing: bool = False
    before: tuple[str, ...] = ()
    base: int = 0
    coming: tuple[Checkpoint, ...] = ()
    changed: frozenset[str] = frozenset()
    spoiled: bool = False
    wanted: bool = False
    used: int = 0
    suspect: str = ""
    swapping: bool = False
    swaps: int = 0


# -- what it is asked for ----------------------------------------------------------------------------------------------


def fork_source(state: State) -> int:
    """Return the checkpoint from which the next worker is forked; 0 if there is none."""
    return state.kept[-1].number if state.wanted and state.kept else 0


def spare_source(state: State) -> int:
    """Return the checkpoint that will probably serve the next save, because it has served the last one; 0: none."""
    return state.used if state.kept and state.kept[-1].number == state.used else 0


def import_source(state: State) -> int:
    """Return the checkpoint from which the next import goes on; 0: the import must come from the preloader."""
    return state.kept[-1].number if state.kept and state.planned.issuperset(state.files) else 0


def files_before(state: State) -> tuple[str, ...]:
    """Return the files before which an import from the preloader pauses."""
    return () if state.short else state.files


# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def _ends(checkpoints: tuple[Checkpoint, ...]) -> tuple[Action, ...]:
    return tuple(End(each.number) for each in checkpoints)


def _keep(state: State, right: Callable[[Checkpoint], bool]) -> Step:
    """Drop the checkpoints that are wrong. Those of the running import stay until it ends: a fork of them imports."""
    kept = tuple(each for each in state.kept if right(each))
    coming = tuple(each._replace(right=each.right and right(each)) for each in state.coming)
    gone = tuple(each for each in state.kept if each not in kept)
    return replace(state, kept=kept, coming=coming), _ends(gone)


def _files_changed(state: State, event: FilesChanged) -> Step:
    paths = frozenset(event.paths)
    state = replace(state, changed=state.changed | paths, spoiled=state.spoiled or not event.modified)
    return _keep(state, lambda each: event.modified and each.read.isdisjoint(paths))


def _import_needed(state: State, event: ImportNeeded) -> Step:
    files = dict.fromkeys([*event.paths, *state.files])
    known = tuple(path for path in files if path not in state.useless)[:MOST]
    return replace(state, files=known, swaps=0), ()


def _discard(state: State, _event: Event) -> Step:
    """Drop all checkpoints; remember the files that were edited, for the next import."""
    state = replace(state, spoiled=True, wanted=False, suspect="")
    return _keep(state, lambda _: False)


def _started(state: State, event: WorkerStarted) -> Step:
    # After a declined swap, another worker is started for the same save.
    wanted = state.wanted and event.swapping
    return replace(state, wanted=wanted, used=event.number, swapping=event.swapping), ()


def _ready(state: State, _event: WorkerReady) -> Step:
    useless = state.useless | {state.suspect} if state.suspect else state.useless
    swaps = state.swaps + 1 if state.swapping else 0
    files = tuple(path for path in state.files if path not in useless)
    state = replace(state, wanted=False, swaps=swaps, useless=useless, suspect="", files=files)
    if swaps < UNUSED:
        return state, ()
    return _keep(replace(state, files=(), planned=frozenset(), swaps=0), lambda _: False)


def _lost(state: State, event: WorkerLost) -> Step:
    checkpoint = next((each for each in state.kept if each.number == state.used), None)
    if checkpoint is None:
        return state, ()
    state, ended = _keep(replace(state, suspect=checkpoint.path, used=0), lambda each: each is not checkpoint)
    return state, (*ended, ReportEnded(checkpoint.path, event.how))


def _import_started(state: State, event: ImportStarted) -> Step:
    before = tuple(event.before)
    state, ended = _import_ended(state)
    return replace(state, importing=True, before=before, base=event.number), ended


def _import_ended(state: State, _event: Event | None = None) -> Step:
    ended = _ends(state.coming)
    nothing = frozenset[str]()
    state = replace(state, importing=False, before=(), base=0, coming=(), changed=nothing, spoiled=False)
    return state, ended


def _reached(state: State, event: Reached) -> Step:
    if not state.importing:
        return state, (End(event.number),)
    right = not (state.spoiled or state.short) and event.read.isdisjoint(state.changed)
    checkpoint = Checkpoint(event.number, event.path, event.read, right, event.cpu_s)
    return replace(state, coming=(*state.coming, checkpoint)), (GoOn(event.number),)


def _over(state: State, event: ImportOver) -> Step:
    """Keep the checkpoint from which the import went on, and those before it; replace the others by the new ones.

    Without such a checkpoint, the new ones replace all; if there are no new ones, all stay.
    """
    if not state.importing:
        return state, ()
    early = {each.path for each in state.coming if event.cpu_s and each.cpu_s < max(WORTH_S, SHARE * event.cpu_s)}
    right = tuple(each for each in state.coming if each.right and each.path not in early)
    useless = state.useless | early
    state = replace(state, useless=useless, files=tuple(path for path in state.files if path not in useless))
    numbers = [each.number for each in state.kept]
    if state.base:
        first = state.kept[: numbers.index(state.base) + 1] if state.base in numbers else state.kept
        kept, planned = (*first, *right), state.planned
    else:
        kept, planned = right or state.kept, frozenset(state.before) if state.before else state.planned
    gone = tuple(each for each in (*state.kept, *state.coming) if each not in kept)
    state = replace(state, kept=kept, planned=frozenset() if state.spoiled else planned, coming=())
    ready = tuple(ReportReady(each.number, each.path) for each in right)
    return _import_ended(state)[0], (*_ends(gone), *ready)


def _checkpoint_ended(state: State, event: CheckpointEnded) -> Step:
    ended = next((each for each in (*state.kept, *state.coming) if each.number == event.number), None)
    if ended is None:
        return state, ()
    kept, coming = (tuple(each for each in chain if each is not ended) for chain in (state.kept, state.coming))
    return replace(state, kept=kept, coming=coming), (ReportEnded(ended.path, event.how),)


def _short(state: State, event: MemoryShort) -> Step:
    reports = tuple(ReportEnded(each.path, event.why) for each in state.kept)
    state, ended = _keep(replace(state, short=event.why), lambda _: False)
    return state, (*ended, *reports)


def _stop(state: State, _event: StopRequested) -> Step:
    return State(off=True), _ends((*state.kept, *state.coming))


ROWS: dict[type[Event], Row] = {
    FilesChanged: _files_changed,
    ImportNeeded: _import_needed,
    Discarded: _discard,
    PreloaderReady: lambda state, _: (replace(state, planned=frozenset()), ()),
    WorkerWanted: lambda state, _: (replace(state, wanted=True, suspect=""), ()),
    WorkerStarted: _started,
    WorkerReady: _ready,
    WorkerGone: lambda state, _: (replace(state, wanted=False, suspect="", used=0), ()),
    WorkerLost: _lost,
    ImportStarted: _import_started,
    Reached: _reached,
    ImportOver: _over,
    ImportEnded: _import_ended,
    CheckpointEnded: _checkpoint_ended,
    MemoryShort: _short,
    MemoryFree: lambda state, _: (replace(state, short=""), ()),
    StopRequested: _stop,
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return (state, ()) if state.off else state_table.step_of(ROWS, state, event)
