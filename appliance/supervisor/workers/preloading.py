"""The preloader: when one is made, what is in it, and the worker that it has forked ahead.

Owns the preloader's process, its spare worker and the list of modules. Knows nothing of when a worker is needed. Where
anything is in doubt there is no preloader, and workers are started cold. Runs in the supervisor's loop.

Theory of operation. A worker tells what it has loaded: one that was started cold as soon as it is ready, another one
when it is quiet or, at the latest, when it ends. From that list a preloader is made, which watches itself
(``worker/preload/preload_probe``). What it finds unsafe is left out, and another one is made, until nothing is found;
only then is it forked from. It forks one worker ahead, which waits for its start: a reload pays for no fork. The list
is kept for the next start, which then goes through the preloader at once. Other packages, another interpreter or
another environment are another list, and another preloader. When one is made is ``preload_demand``'s to say; a save
never puts it off.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.errors import StartError
from appliance.protocol.channel import Fork, Preload
from appliance.supervisor.processes import handles
from appliance.supervisor.workers import preload_cache
from appliance.supervisor.workers.preload_demand import ENDED_S, REPLACED_S, PreloadDemand

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.config.settings import Settings
    from appliance.logs.setup import Log
    from appliance.protocol.channel import ForkMismatch, ModulesReport, Preloaded
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.steps.analysis import Analysis

LATER_S = 60.0  # at most, before a preloader that could not be started is tried again
MAKE_S = 120.0  # for all imports of one preloader
SPARE_S = 0.05  # after a worker is ready: its first requests come first
ROUNDS = 8  # of leaving out; three are usual
REMAKES = 3  # of a preloader that ends by itself
LASTING_S = 60.0  # one that has lasted so long did not end for what it had imported


class Preloading:
    """At most one preloader that is forked from, and one that is being made."""

    def __init__(self, loop: Loop, children: Children, settings: Settings, log: Log) -> None:
        self._loop = loop
        self._children = children
        self._settings = settings
        self._log = log
        self._off = _why_off(settings)
        self._analysis: Analysis | None = None  # what the list, and the preloader, are of
        self._file: Path | None = None
        self._kept = preload_cache.PreloadCache()
        self._demand = PreloadDemand()
        self._made: Handle | None = None
        self._making: Handle | None = None
        self._copy: Handle | None = None  # of that one: begins the next round, should this one find something
        self._spare: Handle | None = None
        self._note = -1  # names the module that the one being made runs
        self._count = 0  # of its modules
        self._rounds = 0
        self._remakes = 0
        self._misses = 0  # starts of a preloader that failed, in a row
        self._timer: Timer | None = None

    def fork(self, generation: int, analysis: Analysis) -> Handle | None:
        """A worker that waits for its start; None where it has to be started cold."""
        if self._off:
            return None
        self._attend(analysis)
        if self._kept.refused or not self._kept.modules:
            return None
        if self._kept.proven and self._made is None and self._making is None:
            self._make()
        child = self._spare or self._ask()
        self._spare = None
        if child is None:
            return None
        child.role, child.generation, child.started = "worker", generation, time.monotonic()
        return child

    def ready(self) -> None:
        """A worker serves: there is time to fork another one ahead."""
        self._loop.call_later(SPARE_S, self._fork_ahead)

    def wants_list(self, analysis: Analysis) -> bool:
        """Whether nothing is known of what this project loads, so that any worker's list is welcome."""
        if self._off:
            return False
        self._attend(analysis)
        return not self._kept.modules and not self._kept.refused

    def learned(self, message: ModulesReport, analysis: Analysis) -> None:
        """A worker has told what it has loaded."""
        if self._off:
            return
        self._attend(analysis)
        if message.patched:
            self.refuse(message.patched)
            return
        if self._kept.learn(message.modules, message.others) or not self._demand.wanted:
            self._demand.renewed()
        if self._demand.pause_s == REPLACED_S:
            self._demand.pause_s = 0.0  # that start is over
        self._save()
        self._go_on()

    def preloaded(self, child: Handle, message: Preloaded) -> None:
        """A preloader is done."""
        if child is not self._making:
            return
        self._making = None
        self._forget_note()
        if child.deadline is not None:
            child.deadline.cancel()
        if not message.refused and not message.found:
            self._take(child, message.import_s)
            return
        self._demand.failed()
        self._children.kill(child)
        if message.refused and not self._kept.proven:
            self.refuse(message.refused)
        else:
            self._leave_out(message.found)

    def unfit(self, message: ForkMismatch) -> None:
        """What was preloaded does not fit what the project does."""
        if message.modules:
            self._tell(self._kept.leave(dict.fromkeys(message.modules, message.why)))
            self._demand.renewed()
        elif not message.stale:
            return  # a doubt: a cold start decides
        self._save()
        self._discard()
        self._demand.pause_s = REPLACED_S
        self._go_on()

    def refuse(self, why: str) -> None:
        """Preload nothing, until the environment or the appliance is another one."""
        if self._kept.refused != why:
            self._kept.refused = why
            self._log.event("warning", "preload.refused", reason=why)
        self._save()
        self._discard()

    def ended(self, child: Handle) -> None:
        """A preloader or a spare has gone."""
        if child is self._spare:
            self._spare = None
        elif child is self._copy:
            self._copy = None
        elif child is self._making:
            self._making = None
            self._demand.failed()
            module = self._forget_note()
            if not child.pid:
                self._go_on()  # there was no copy: another one is started
            elif module:
                late = f"does not end within {MAKE_S:g} s"
                self._leave_out({module: late if child.ending else f"ends the interpreter ({child.how()})"})
            else:
                self.refuse(f"the preloader ended ({child.how()})")
        elif child is self._made:
            self._made = None
            self._demand.made, self._demand.pause_s = None, ENDED_S
            self._log.event("warning", "preload.ended", how=child.how())
            lasted = child.ready_at is not None and time.monotonic() - child.ready_at > LASTING_S
            self._remakes = 1 if lasted else self._remakes + 1
            if self._remakes > REMAKES:
                self.refuse(f"the preloader ended ({child.how()}) again and again")
            else:
                self._go_on()

    def close(self) -> None:
        """Nothing is forked any more."""
        self._off = "the appliance stops"
        self._discard()

    def status(self) -> dict[str, Any]:
        """For ``appliance status``."""
        why = self._off or self._kept.refused
        state = "off" if why else "ready" if self._made else "making" if self._making else "none"
        return {
            "state": state,
            "why": why or None,
            "pid": self._made.pid if self._made else None,
            "modules": self._kept.preloaded if self._made else 0,
            "left_out": self._kept.left,
        }

    # -- one list ------------------------------------------------------------------------------------------------------

    def _attend(self, analysis: Analysis) -> None:
        """From now on it is this project in this environment."""
        known = self._analysis
        self._analysis = analysis
        file = preload_cache.place(self._settings.cache, analysis.plan, self._settings.project)
        if known is not None and file == self._file and known.variables == analysis.variables:
            return
        self._discard()
        self._file = file
        self._kept = preload_cache.load(file)
        self._kept.refused = ""
        self._rounds = self._remakes = 0
        self._demand.forget()
        if self._kept.modules:
            self._demand.renewed()
            self._demand.pause_s = REPLACED_S  # where the list is proven, ``fork`` makes one at once
            self._go_on()

    def _save(self) -> None:
        if self._file is not None:
            preload_cache.save(self._file, self._kept)

    def _tell(self, found: dict[str, str]) -> None:
        for module, why in found.items():
            self._log.event(
                "debug" if why.startswith("imports ") else "info", "preload.skipped", module=module, reason=why
            )

    # -- the process ---------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Make the next one when it is due; whatever has happened."""
        delay_s = None if self._off or self._kept.refused else self._demand.delay_s()
        if delay_s is None:
            return
        due = time.monotonic() + delay_s
        if self._timer is not None and self._timer.due > due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:  # one that is set stays: what comes again and again puts nothing off
            self._timer = self._loop.call_later(delay_s, self._due)

    def _due(self) -> None:
        self._timer = None
        self._make()

    def _make(self) -> None:
        if self._analysis is None or self._off or self._kept.refused or self._making is not None:
            return
        known, analysis = self._kept, self._analysis
        try:
            self._note = os.memfd_create("appliance-preload")
            child = self._take_copy() or self._children.add(
                handles.spawn_side(
                    "preloader", 0, analysis.plan.python, environment=analysis.variables, folder=self._settings.project
                )
            )
        except (StartError, OSError) as error:
            self._forget_note()
            self._not_made(error)
            return
        self._making = child
        self._demand.begun()
        child.deadline = self._loop.call_later(MAKE_S, partial(self._children.kill, child))
        search_path = analysis.project.target.search_path
        request = Preload(
            root=str(self._settings.project),
            search_path=[str(folder) for folder in search_path],
            modules=[name for name in known.modules if name not in known.left],
            left=list(known.left),
            others=known.others,
            proven=known.proven,
        )
        self._count = len(request.modules)
        theirs = [] if known.proven else self._expect_copy()
        self._children.send(child, request, [self._note, *theirs])
        for descriptor in theirs:
            os.close(descriptor)

    def _expect_copy(self) -> list[int]:
        """The descriptors of a copy of the one that is being made: it begins the next round."""
        try:
            copy, theirs = handles.prepare_forked("preloader")
        except StartError:
            return []  # no descriptor is left: another one is started
        self._copy = self._children.add(copy)
        return theirs

    def _not_made(self, error: Exception) -> None:
        """It could not be started: later perhaps. Until then every start is a cold one."""
        self._misses += 1
        if self._misses == 1:
            self._log.event("warning", "preload.ended", how=str(error))
        self._demand.pause_s = min(2.0**self._misses, LATER_S)
        self._go_on()

    def _take(self, child: Handle, import_s: float) -> None:
        old, self._made = self._made, child
        child.ready_at = time.monotonic()
        if old is not None:
            self._end_spare()
            self._children.kill(old)
        self._end_copy()
        self._rounds = self._misses = 0
        self._demand.done()
        self._kept.proven = self._demand.is_newest
        self._save()
        left = len(self._kept.left)
        self._log.event("info", "preload.ready", pid=child.pid, modules=self._count, left_out=left, import_s=import_s)
        self.ready()
        self._go_on()

    def _leave_out(self, found: dict[str, str]) -> None:
        """Another one, without these."""
        self._tell(self._kept.leave(found))
        self._demand.renewed()
        self._save()
        self._rounds += 1
        if self._rounds > ROUNDS:
            self.refuse("what is unsafe to preload differs each time")
        else:
            self._go_on()

    def _ask(self) -> Handle | None:
        """Have a worker forked. It is there when it says hello; should it never be, its channel says so."""
        # One that is being made for the first time may take seconds, and find something unsafe: nobody waits for it.
        parent = self._made or (self._making if self._kept.proven else None)
        if parent is None:
            return None
        try:
            child, theirs = handles.prepare_forked("spare")
        except StartError:
            return None  # a cold start says why, where it fails too
        asked = self._children.send(parent, Fork(), theirs)
        for descriptor in theirs:
            os.close(descriptor)
        self._children.add(child)
        if not asked:
            self._children.kill(child)
            return None
        return child

    def _fork_ahead(self) -> None:
        if self._made is not None and self._spare is None:
            self._spare = self._ask()

    def _take_copy(self) -> Handle | None:
        copy, self._copy = self._copy, None
        return copy

    def _end_copy(self) -> None:
        copy = self._take_copy()
        if copy is not None:
            self._children.kill(copy)

    def _end_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            self._children.kill(spare)

    def _discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end_spare()
        self._end_copy()
        processes = (self._made, self._making)
        self._made = self._making = None
        self._demand.lost()
        self._forget_note()
        for child in processes:
            if child is not None:
                self._children.kill(child)

    def _forget_note(self) -> str:
        """The module that ran last in the preloader that was being made."""
        if self._note < 0:
            return ""
        name = os.pread(self._note, 4096, 0).partition(b"\n")[0].decode("utf-8", "replace")
        os.close(self._note)
        self._note = -1
        return name


def _why_off(settings: Settings) -> str:
    if settings.preload == "off":
        return "APPLIANCE_PRELOAD is off"
    if settings.reload == "off":
        return "APPLIANCE_RELOAD is off"
    return "" if sys.platform == "linux" else "it needs Linux"
