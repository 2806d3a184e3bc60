"""Run the preloader: learn what the project imports, have a process import that, and fork workers from it.

Decides nothing over time. Each thing that happens becomes an event of ``preload_states``, and the actions of that table
are performed here. If anything is in doubt, there is no preloader, and workers are started cold. Runs in the
supervisor's loop.

Theory of operation. Each worker reports the modules that it has loaded. A worker that was started cold reports as soon
as it is ready. A forked worker reports when it is idle, or at its end at the latest. Another process imports the
reported modules, and watches itself meanwhile (``worker/preload/preload_probe``). Modules that it finds unsafe are left
out, and another round begins. Workers are forked only after a round that finds nothing unsafe. One worker is forked
ahead, and waits for its start: a reload pays for no fork. The list of modules is kept for the next start of the
appliance, which then imports them at once. Other packages, another interpreter or another environment have another
list, and another preloader.

Decision 14 says why.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from appliance import state_table
from appliance.errors import StartError
from appliance.protocol.start.first_messages import Preload
from appliance.supervisor.preloading import preload_cache, preload_states
from appliance.supervisor.preloading import preload_events as events
from appliance.supervisor.preloading.preload_states import Phase, PreloadRole
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_forks import request_fork
from appliance.supervisor.processes.child_restarts import LASTED_S
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.steps.analysis import require_analysis

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.config.settings import Settings
    from appliance.logs.log import Log
    from appliance.protocol.messages import ForkMismatch, ModulesReport, Preloaded
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.steps.analysis import Analysis

ROUND_S = 120.0  # for all imports of one round
SPARE_S = 0.05  # after a worker is ready: its first requests come first
_NAMES_MAX = 10  # modules that a line names


class Follower(Protocol):
    """A part that forks from the preloader too."""

    def serves_next_save(self) -> bool:
        """Whether a snapshot will probably serve the next save, so that the preloader needs no spare."""

    def preloader_ready(self) -> None:
        """There is a preloader, or another one."""

    def preloader_ended(self) -> None:
        """There is no preloader for now; processes that were forked from it can still be used."""

    def preloader_discarded(self) -> None:
        """The modules of the preloader, and of processes that were forked from it, may be out of date."""


class Preloading:
    """At most one preloader that workers are forked from, and one that imports the next list."""

    def __init__(self, loop: Loop, children: Children, settings: Settings, log: Log) -> None:
        self._loop = loop
        self._children = children
        self._settings = settings
        self._log = log
        off = why_off(settings)
        self._state = preload_states.State(Phase.OFF if off else Phase.UNKNOWN, off)
        self._performers = self._actions()
        self._processes: dict[PreloadRole, Handle] = {}
        self._analysis: Analysis | None = None  # the list and the preloader belong to it
        self._file: Path | None = None
        self._saved: tuple[Path, bytes] | None = None  # what is there
        self._cache = preload_cache.PreloadCache()
        self._note: int | None = None  # a file in memory: the process of the round names the module that it runs
        self._count = 0  # the number of modules of the round
        self._timer: Timer | None = None
        self._follower: Follower | None = None

    def follow(self, follower: Follower) -> None:
        """Tell this part the events of the preloader."""
        self._follower = follower

    def _actions(self) -> dict[type[events.Action], Callable[[Any], None]]:
        return {
            events.Schedule: self._schedule,
            events.StartRound: self._start_round,
            events.EndRound: lambda _: self._end(PreloadRole.IMPORTING),
            events.Promote: self._promote,
            events.ForkAhead: self._fork_ahead,
            events.Exclude: self._exclude,
            events.Save: self._save,
            events.Discard: self._discard,
            events.ReportRefused: lambda action: self._log.event("warning", "preload.refused", reason=action.reason),
            events.ReportEnded: lambda action: self._log.event("warning", "preload.ended", how=action.how),
        }

    def _on(self, event: events.Event) -> None:
        self._state, actions = preload_states.step(self._state, event)
        state_table.perform(self._performers, actions)

    # -- what the workers need, and report -----------------------------------------------------------------------------

    def follow_analysis(self, analysis: Analysis) -> None:
        """Use this analysis from now on, and the modules that are known of its environment."""
        if self._state.phase is not Phase.OFF:
            self._follow(analysis)

    def fork(self, generation: int, analysis: Analysis) -> Handle | None:
        """Return a worker that waits for its start message; None if the worker must be started cold."""
        if self._state.phase is Phase.OFF:
            return None
        self._follow(analysis)
        if not self._cache.modules:
            return None
        self._on(events.WorkerRequested())
        source = preload_states.fork_source(self._state)
        if source is PreloadRole.SPARE:
            child = self._processes.pop(source, None)
            self._on(events.SpareGone())
        else:
            child = self._fork(source) if source is not None else None
        if child is not None:
            child.assign(generation)
        return child

    def fork_snapshot(self) -> Handle | None:
        """Return a fork for a snapshot, which waits for its first message; the spare stays. None without a fork."""
        return self._fork(PreloadRole.READY, Role.SNAPSHOT) if PreloadRole.READY in self._processes else None

    def why_cold(self) -> str:
        """Return why a worker can't be forked."""
        return self._state.reason or "no preloader is ready yet"

    def ready(self) -> None:
        """A worker serves: there is time to fork another one ahead."""
        self._loop.call_later(SPARE_S, partial(self._on, events.SpareDue()))

    def needs_module_list(self) -> bool:
        """Whether this project's modules are unknown, so that the list of any worker is welcome."""
        return not self._cache.modules and self._state.phase not in {Phase.OFF, Phase.REFUSED}

    def modules_reported(self, message: ModulesReport, analysis: Analysis) -> None:
        """A worker has reported its modules."""
        if self._state.phase is Phase.OFF:
            return
        self._follow(analysis)
        if message.patched:
            self._on(events.PreloadRefused(message.patched))
        else:
            self._on(events.ListReported(self._cache.update(message.modules, message.others)))

    def fork_mismatch(self, message: ForkMismatch) -> None:
        """The preloaded modules do not fit the project."""
        self._on(events.ForkMismatched(dict.fromkeys(message.modules, message.why), stale=message.stale))

    def refuse(self, why: str) -> None:
        """Preload nothing, until the environment or the appliance is another one."""
        self._on(events.PreloadRefused(why))

    def close(self) -> None:
        """Fork nothing any more."""
        self._on(events.StopRequested("the appliance stops"))

    def status(self) -> dict[str, Any]:
        """Return the part of ``appliance status`` about preloading."""
        state, ready = self._state, self._processes.get(PreloadRole.READY)
        importing = state.phase is Phase.IMPORTING
        return {
            "state": "off" if state.reason else "ready" if ready else "making" if importing else "none",
            "why": state.reason or None,
            "pid": ready.pid if ready else None,
            "modules": self._cache.preloaded_count if ready else 0,
            "left_out": self._cache.left,
        }

    # -- what the processes do -----------------------------------------------------------------------------------------

    def preloaded(self, child: Handle, message: Preloaded) -> None:
        """Note that the process of a round has finished."""
        if child is not self._processes.get(PreloadRole.IMPORTING):
            return
        self._read_note()
        if child.deadline is not None:
            child.deadline.cancel()
        self._on(events.RoundFinished(message.found, message.refused, message.import_s))

    def ended(self, child: Handle) -> None:
        """Note that one of the preloading processes has ended."""
        process = next((process for process, each in self._processes.items() if each is child), None)
        if process is None:
            return
        del self._processes[process]
        match process:
            case PreloadRole.SPARE:
                self._on(events.SpareGone())
            case PreloadRole.COPY:
                pass  # the next round starts a process
            case PreloadRole.IMPORTING:
                module, how = self._read_note(), child.how()
                why = f"does not end within {ROUND_S:g} s" if child.ending else f"ends the interpreter ({how})"
                self._on(events.RoundEnded(forked=bool(child.pid), how=how, found={module: why} if module else {}))
            case PreloadRole.READY:
                lasted = child.ready_at is not None and time.monotonic() - child.ready_at > LASTED_S
                if self._follower is not None:
                    self._follower.preloader_ended()
                self._on(events.PreloaderEnded(child.how(), lasted))

    # -- the list ------------------------------------------------------------------------------------------------------

    def _follow(self, analysis: Analysis) -> None:
        """Use this analysis from now on; load another list if the environment is another one."""
        known = self._analysis
        if analysis is known:  # most saves leave it as it is
            return
        self._analysis = analysis
        file = preload_cache.place(self._settings.cache, analysis.plan, self._settings.project)
        if known is not None and file == self._file and known.variables == analysis.variables:
            return
        self._file = file
        self._cache = preload_cache.load(file)
        self._on(events.ListLoaded(known=bool(self._cache.modules), proven=self._cache.proven))

    def _save(self, _action: events.Save) -> None:
        state = self._state
        self._cache.judge(proven=state.proven, refused=state.reason if state.phase is Phase.REFUSED else "")
        content = preload_cache.encoded(self._cache)
        if self._file is not None and content and (self._file, content) != self._saved:
            self._saved = (self._file, content)
            preload_cache.save(*self._saved)

    def _exclude(self, action: events.Exclude) -> None:
        for level, names, reason in _grouped(self._cache.exclude(action.found)):
            more: dict[str, Any] = {"count": len(names), "names": names[:_NAMES_MAX]} if len(names) > 1 else {}
            self._log.event(level, "preload.skipped", module=names[0], reason=reason, **more)

    # -- the rounds ----------------------------------------------------------------------------------------------------

    def _schedule(self, action: events.Schedule) -> None:
        due = time.monotonic() + action.after_s
        if self._timer is not None and self._timer.due > due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:  # a timer that is set stays: events that repeat must not delay the round
            self._timer = self._loop.call_later(action.after_s, self._due)

    def _due(self) -> None:
        self._timer = None
        self._on(events.RoundDue())

    def _start_round(self, _action: events.StartRound) -> None:
        analysis = require_analysis(self._analysis, "a round begins")
        try:
            note = self._note = os.memfd_create("appliance-preload")
            child = self._processes.pop(PreloadRole.COPY, None) or self._spawn(analysis)
        except (StartError, OSError) as error:
            self._read_note()
            self._on(events.RoundNotStarted(str(error)))
            return
        self._processes[PreloadRole.IMPORTING] = child
        child.set_timer(self._loop.call_later(ROUND_S, partial(self._children.kill, child)))
        theirs = [] if self._state.proven else self._expect_copy()
        request = self._request(analysis)
        self._count = len(request.modules)
        self._on(events.RoundStarted())
        try:
            self._children.send(child, request, [note, *theirs])
        except OSError:  # the message has to wait, and no descriptor is free for that: the round ends with its process
            self._children.kill(child)
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def _spawn(self, analysis: Analysis) -> Handle:
        return self._children.add(
            child_starts.spawn_side(
                Role.PRELOADER, 0, analysis.plan.python, environment=analysis.variables, folder=self._settings.project
            )
        )

    def _request(self, analysis: Analysis) -> Preload:
        known = self._cache
        return Preload(
            root=str(self._settings.project),
            search_path=[str(folder) for folder in analysis.project.target.search_path],
            modules=[name for name in known.modules if name not in known.left],
            left=list(known.left),
            others=known.others,
            proven=self._state.proven,
        )

    def _expect_copy(self) -> list[int]:
        """Expect a copy of the process that imports, for the next round; return the copy's descriptors."""
        try:
            copy, theirs = child_starts.prepare_forked(Role.PRELOADER)
        except StartError:
            return []  # no descriptor is left: the next round starts a process
        self._processes[PreloadRole.COPY] = self._children.add(copy)
        return theirs

    def _promote(self, action: events.Promote) -> None:
        if PreloadRole.READY in self._processes:
            self._end(PreloadRole.SPARE)
            self._end(PreloadRole.READY)
        self._end(PreloadRole.COPY)
        child = self._processes[PreloadRole.READY] = self._processes.pop(PreloadRole.IMPORTING)
        child.became_ready()
        self._log.event(
            "info", "preload.ready", pid=child.pid, modules=self._count, left_out=len(self._cache.left),
            import_s=action.import_s,
        )  # fmt: skip
        if self._follower is not None:
            self._follower.preloader_ready()
        self.ready()

    # -- the processes -------------------------------------------------------------------------------------------------

    def end_spare(self) -> None:
        """End the worker that is forked ahead: the next save needs none."""
        if PreloadRole.SPARE in self._processes:
            self._end(PreloadRole.SPARE)
            self._on(events.SpareGone())

    def _fork_ahead(self, _action: events.ForkAhead) -> None:
        if self._follower is not None and self._follower.serves_next_save():
            return
        child = self._fork(PreloadRole.READY)
        if child is not None:
            self._processes[PreloadRole.SPARE] = child
            self._on(events.SpareForked())

    def _fork(self, source: PreloadRole, role: Role = Role.SPARE) -> Handle | None:
        return request_fork(self._children, self._processes[source], role)

    def _end(self, process: PreloadRole) -> None:
        child = self._processes.pop(process, None)
        if child is not None:
            self._children.kill(child)

    def _discard(self, _action: events.Discard) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._read_note()
        for process in (PreloadRole.SPARE, PreloadRole.COPY, PreloadRole.READY, PreloadRole.IMPORTING):
            self._end(process)
        if self._follower is not None:
            self._follower.preloader_discarded()

    def _read_note(self) -> str:
        """Return the module that ran last in the process of the round, and close the note."""
        if self._note is None:
            return ""
        name = os.pread(self._note, 4096, 0).partition(b"\n")[0].decode("utf-8", "replace")
        os.close(self._note)
        self._note = None
        return name


def _grouped(left: Mapping[str, str]) -> list[tuple[str, list[str], str]]:
    """Return level, modules and reason of each line about modules that are left out: hundreds may import one."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, why in left.items():
        key = ("debug", "") if why.startswith("imports ") else ("info", why)
        groups.setdefault(key, []).append(name)
    return [
        (level, names, why or (left[names[0]] if len(names) == 1 else "they import modules that are left out"))
        for (level, why), names in groups.items()
    ]


def why_off(settings: Settings) -> str:
    """Return the setting, or the other reason, that forbids a preloader; empty if nothing forbids it."""
    if settings.preload == "off":
        return "APPLIANCE_PRELOAD is off"
    if settings.reload == "off":
        return "APPLIANCE_RELOAD is off"
    return "" if sys.platform == "linux" else "it needs Linux"
