"""Decide when an image of the project is made, forked from, verified and dropped: a pure table.

An image has imported the project ahead of the next save, and serves nothing. A save inside functions is served by a
fork of it, in which the bodies of these functions are swapped. The image itself stays what it was: each further save is
swapped from it too. When no more saves come, another process imports the project: the NEXT image. It shows whether the
swaps gave the same state as an import. It takes the place of the IMAGE if many files have changed since; otherwise the
IMAGE stays, because the worker that serves shares its memory. Whatever is in doubt drops the IMAGE, and the worker is
forked from the preloader, as without images. ``images`` performs the actions. No process, no clock.

However events are ordered: while a worker serves and there is a preloader, there is a verified image, or something
imports, or the next import is scheduled, or the import was refused and nothing was saved since.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, replace

from appliance import state_table
from appliance.supervisor.images.image_events import (
    Action,
    Compare,
    Compared,
    EndImage,
    EndImport,
    Event,
    FilesChanged,
    ForkAhead,
    ImageEnded,
    ImportDue,
    Imported,
    ImportNotStarted,
    ImportStarted,
    NextEnded,
    NotCompared,
    Pause,
    PreloaderEnded,
    PreloaderGone,
    PreloaderReady,
    ProjectChanged,
    Promote,
    Repeat,
    ReplaceWorker,
    ReportEnded,
    ReportMismatch,
    ReportRefused,
    ReportUnverified,
    ReportVerified,
    Resume,
    Schedule,
    SpareDue,
    SpareForked,
    SpareGone,
    StartImport,
    StopRequested,
    SwapDeclined,
    SwapFailed,
    WorkerGone,
    WorkerReady,
    WorkerStarted,
    WorkerWanted,
)

FIRST_S = 0.05  # the first requests of the first worker come before the first image
QUIET_S = 1.0  # without a save, before the project is imported again
LATEST_S = 2.0  # while there is no image: the longest wait for a moment without a save
DOUBLINGS = 4  # of that wait: a series of saves that no image can serve does not start an import for each
LATER_S = 300.0  # the longest wait after an image has failed
NOT_READY = "no image of the project is ready yet"
FAILED = "the image of the project has failed: "
NOT_SAVED = "this start is for no save"
OTHER_PACKAGES = "the packages were loaded again since the image was made"
REPLACED = "the worker before it differed from an import of the same files"


class Phase(enum.Enum):
    """What is under way beside the IMAGE."""

    WAITING = "waiting"  # nothing
    IMPORTING = "importing"  # the NEXT image imports the project
    COMPARING = "comparing"  # it is compared with what the VERIFIER has swapped
    REPEATING = "repeating"  # they differ: the same files are imported AGAIN
    OFF = "off"  # by a setting, or the appliance stops


class Process(enum.Enum):
    """The processes that a table's action or a performer may mean."""

    IMAGE = "image"  # workers are forked from it
    SPARE = "spare"  # a fork of the IMAGE, made ahead
    NEXT = "next"  # imports the project, to become the IMAGE
    VERIFIER = "verifier"  # a fork of the IMAGE, which swaps what workers have swapped
    AGAIN = "again"  # imports the same files as NEXT


@dataclass(frozen=True)
class State:
    """What is known of the images, and of the newest worker.

    Attributes:
        reason: why the next worker is not forked from an image.
        refusal: why the last import can't be forked from; empty once one could.
        refused: it was the newest import, and no file has changed since.
        preloader: there is one.
        alone: as ``WorkerStarted.alone``, of the newest worker.
        serving: the newest worker serves.
        starting: it has its start message, and is not ready.
        wanted: files were saved for which no worker has been started yet.
        image: there is an IMAGE, and every change since its import may be swapped.
        spare: its SPARE is there.
        made: there was an image before.
        moved: the IMAGE comes from an earlier preloader, with which nobody else shares memory any more.
        next_moved: so does the NEXT image.
        swapping: the newest worker was forked from the IMAGE.
        declines: how many swaps in a row were declined.
        unverified: it serves, and its state has not been compared with an import.
        misses: how many images in a row have failed.
    """

    phase: Phase = Phase.WAITING
    reason: str = NOT_READY
    refusal: str = ""
    refused: bool = False
    preloader: bool = False
    alone: bool = False
    serving: bool = False
    starting: bool = False
    wanted: bool = False
    image: bool = False
    spare: bool = False
    made: bool = False
    moved: bool = False
    next_moved: bool = False
    swapping: bool = False
    declines: int = 0
    unverified: bool = False
    misses: int = 0


# -- the table ---------------------------------------------------------------------------------------------------------

Step = state_table.Step[State, Action]
Row = state_table.Row[State, Action]


def delay_s(state: State) -> float | None:
    """Return the seconds without a save until the next import begins; None if none is due."""
    # While there is no image, no save may keep it away: saves that are slower than their rhythm leave no other moment.
    has_time = state.serving or (state.starting and not state.image and not state.alone)
    waits = state.phase is Phase.WAITING and has_time and state.preloader and not state.refused
    if not waits or (state.image and not state.unverified and not state.moved):
        return None
    first = not (state.made or state.misses)
    return max(FIRST_S if first else QUIET_S, min(2.0**state.misses, LATER_S) if state.misses else 0.0)


def latest_s(state: State) -> float:
    """Return the seconds after which the next import begins although saves come."""
    latest = LATEST_S * 2.0 ** min(state.declines, DOUBLINGS)
    return math.inf if state.image else max(delay_s(state) or 0.0, latest)


def fork_source(state: State) -> Process | None:
    """Return the process that gives the next worker; None if it is not to be from an image."""
    if not (state.image and state.wanted):
        return None
    return Process.SPARE if state.spare else Process.IMAGE


def why_not(state: State) -> str:
    """Return why the next worker is not forked from an image."""
    if state.image and state.phase is not Phase.OFF:
        return "" if state.wanted else state.reason or NOT_SAVED
    return state.reason


def _wait(state: State, *actions: Action) -> Step:
    """Begin the next import when it is due, whatever has happened."""
    after_s = delay_s(state)
    return state, actions if after_s is None else (*actions, Schedule(after_s, latest_s(state)))


def _end_import(state: State) -> Step:
    if state.phase is Phase.WAITING:
        return state, ()
    return replace(state, phase=Phase.WAITING), (EndImport(),)


def _end_image(state: State, reason: str) -> Step:
    actions = (EndImage(),) if state.image else ()
    return replace(state, image=False, spare=False, moved=False, reason=reason), actions


def _miss(state: State, how: str) -> Step:
    """Count an image that has failed; the first in a row is reported."""
    state = replace(state, misses=state.misses + 1)
    return state, (ReportEnded(how),) if state.misses == 1 else ()


def _drop(state: State, reason: str) -> Step:
    """End everything, because of what has become known of the project."""
    state, ended = _end_import(state)
    state, dropped = _end_image(state, reason)
    return _wait(state, *ended, *dropped)


def _project_changed(state: State, _event: ProjectChanged) -> Step:
    state = replace(_drop(state, NOT_READY)[0], serving=False, starting=False, refusal="", refused=False)
    return state, (EndImport(), EndImage())


def _preloader_ready(state: State, _event: PreloaderReady) -> Step:
    return _wait(replace(state, preloader=True, moved=state.image, next_moved=state.phase is not Phase.WAITING))


def _preloader_gone(state: State, _event: PreloaderGone) -> Step:
    return _drop(replace(state, preloader=False), "the packages are loaded again")


def _files_changed(state: State, event: FilesChanged) -> Step:
    state = replace(state, refused=False)
    if event.objection:
        return _drop(state, event.objection)
    # What imports beside an IMAGE must have read the same files as the worker, with which it is compared.
    state, ended = _end_import(state) if state.image else (state, ())
    return _wait(state, *ended)


def _worker_started(state: State, event: WorkerStarted) -> Step:
    resumed = _if_alone(state, Resume())
    state = replace(
        state, serving=False, starting=True, wanted=False, swapping=event.swapping, alone=event.alone,
        unverified=False, reason="" if state.image else state.refusal or NOT_READY,
    )  # fmt: skip
    return _end_import(state) if state.image else _wait(state, *(_if_alone(state, Pause()) or resumed))


def _if_alone(state: State, action: Action) -> tuple[Action, ...]:
    return (action,) if state.phase is Phase.IMPORTING and state.alone else ()


def _worker_ready(state: State, _event: WorkerReady) -> Step:
    declines = 0 if state.swapping else state.declines
    state = replace(state, serving=True, starting=False, unverified=state.swapping, declines=declines)
    return _wait(state, *_if_alone(state, Resume()))


def _worker_gone(state: State, _event: WorkerGone) -> Step:
    state = replace(state, serving=False, starting=False, swapping=False, unverified=False)
    if state.phase is Phase.IMPORTING and not state.image:
        return state, _if_alone(state, Resume())
    return _end_import(state)


def _swap_declined(state: State, event: SwapDeclined) -> Step:
    return _drop(replace(state, swapping=False, declines=state.declines + 1), event.reason)


def _swap_failed(state: State, event: SwapFailed) -> Step:
    state, reported = _miss(replace(state, swapping=False), event.how)
    state, actions = _drop(state, FAILED + event.how)
    return state, (*reported, *actions)


def _fork_ahead(state: State, _event: SpareDue) -> Step:
    return state, (ForkAhead(),) if state.image and not state.spare else ()


def _due(state: State, _event: ImportDue) -> Step:
    return state, () if delay_s(state) is None else (StartImport(),)


def _not_started(state: State, event: ImportNotStarted) -> Step:
    state, reported = _miss(state, event.how)
    return _wait(state, *reported)


def _promote(state: State, *before: Action) -> Step:
    state = replace(
        state, phase=Phase.WAITING, image=True, spare=False, made=True, unverified=False, misses=0,
        moved=state.next_moved, next_moved=False, reason="", refusal="", refused=False,
    )  # fmt: skip
    return _wait(state, *before, Promote(), *([ForkAhead()] if state.serving else []))


def _imported(state: State, event: Imported) -> Step:
    if event.refused:
        state, actions = _drop(replace(state, refusal=event.refused, refused=True), event.refused)
        return replace(state, misses=state.misses + 1), (*actions, ReportRefused(event.refused))
    if not state.unverified:
        return _promote(state)
    if state.image:
        return replace(state, phase=Phase.COMPARING), (Compare(),)
    return _promote(state, ReportUnverified("the image that it came from has ended"))


def _next_ended(state: State, event: NextEnded) -> Step:
    state, ended = _end_import(state)
    state, reported = _miss(state, event.how)
    return _wait(state if state.image else replace(state, reason=FAILED + event.how), *ended, *reported)


def _image_ended(state: State, event: ImageEnded) -> Step:
    if not state.image:
        return state, ()
    state, reported = _miss(state, event.how)
    state, dropped = _end_image(state, FAILED + event.how)
    if state.phase is Phase.COMPARING:
        return _promote(state, *reported, *dropped, ReportUnverified("the image that it came from has ended"))
    return _wait(state, *reported, *dropped)


def _verified(state: State, event: Compared) -> Step:
    if event.keep and state.image and not state.moved:
        return replace(state, phase=Phase.WAITING, unverified=False, misses=0), (EndImport(), ReportVerified())
    return _promote(state, ReportVerified())


def _compared(state: State, event: Compared) -> Step:
    if not event.differences:
        return _verified(state, event)
    if state.moved:  # another preloader has loaded other modules: that may be the difference, and two imports share it
        return _replace(state, ReportUnverified(OTHER_PACKAGES))
    return replace(state, phase=Phase.REPEATING), (Repeat(),)


def _replace(state: State, report: Action) -> Step:
    """Have a worker from the preloader serve; the NEXT image is as good as an import, which it is."""
    state, actions = _promote(replace(state, serving=False), report)
    return replace(state, reason=REPLACED), (*actions, ReplaceWorker())


def _repeated(state: State, event: Compared) -> Step:
    if not event.differences:
        return _verified(state, event)
    return _replace(state, ReportMismatch(event.differences))


def _stop(state: State, event: StopRequested) -> Step:
    off = replace(state, phase=Phase.OFF, reason=event.reason, image=False, spare=False, wanted=False)
    return off, (EndImport(), EndImage())


# What may happen in every phase but the last.
_ALWAYS: dict[type[Event], Row] = {
    ProjectChanged: _project_changed,
    PreloaderReady: _preloader_ready,
    PreloaderEnded: lambda state, _: (replace(state, preloader=False), ()),
    PreloaderGone: _preloader_gone,
    FilesChanged: _files_changed,
    WorkerWanted: lambda state, _: (replace(state, wanted=True), ()),
    WorkerStarted: _worker_started,
    WorkerReady: _worker_ready,
    WorkerGone: _worker_gone,
    SwapDeclined: _swap_declined,
    SwapFailed: _swap_failed,
    SpareDue: _fork_ahead,
    SpareForked: lambda state, _: (replace(state, spare=state.image), ()),
    SpareGone: lambda state, _: (replace(state, spare=False), ()),
    ImageEnded: _image_ended,
    StopRequested: _stop,
}

EVENTS: tuple[type[Event], ...] = (
    ProjectChanged, PreloaderReady, PreloaderEnded, PreloaderGone, FilesChanged, WorkerWanted, WorkerStarted,
    WorkerReady, WorkerGone, SwapDeclined, SwapFailed, SpareDue, SpareForked, SpareGone, ImportDue, ImportStarted,
    ImportNotStarted, Imported, NextEnded, Compared, NotCompared, ImageEnded, StopRequested,
)  # fmt: skip

ROWS: dict[Phase, dict[type[Event], Row]] = {
    Phase.WAITING: {
        **_ALWAYS,
        ImportDue: _due,
        ImportStarted: lambda state, _: (replace(state, phase=Phase.IMPORTING, next_moved=False), ()),
        ImportNotStarted: _not_started,
    },
    Phase.IMPORTING: {**_ALWAYS, Imported: _imported, NextEnded: _next_ended},
    Phase.COMPARING: {
        **_ALWAYS,
        Compared: _compared,
        NotCompared: lambda state, event: _promote(state, ReportUnverified(event.why)),
        NextEnded: _next_ended,
    },
    Phase.REPEATING: {
        **_ALWAYS,
        Compared: _repeated,
        NotCompared: lambda state, event: _replace(state, ReportUnverified(event.why)),
        NextEnded: _next_ended,
    },
    Phase.OFF: {},
}


def step(state: State, event: Event) -> Step:
    """Return the next state and the actions to perform."""
    return state_table.step_of(ROWS[state.phase], state, event)
