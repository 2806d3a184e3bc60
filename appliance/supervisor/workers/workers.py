"""The workers, one a generation: how one is started, waited for, ended, and what its end means.

Owns the worker that serves or is to serve, and its last words. Decides nothing over time: what happens to a worker
becomes an event of ``lifecycle``. Runs in the supervisor's loop.
"""

from __future__ import annotations

import errno
import time
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.errors import StartError
from appliance.protocol.channel import ReportModules, ServeUnfinishedImport, StartAccepting
from appliance.supervisor import lifecycle
from appliance.supervisor.reporting import status_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.config.settings import Settings
    from appliance.logs.setup import Log
    from appliance.protocol.channel import Failed, ForkMismatch, ModulesReport, Ready
    from appliance.supervisor.failures import Failures
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.reporting.stack_dumps import StackDumps
    from appliance.supervisor.reporting.status_report import StatusReport
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.supervisor.workers.preloading import Preloading
    from appliance.supervisor.workers.retiring_workers import RetiringWorkers

SETTLED_S = 1.0  # a worker that was ready for so long was no failed start, even if nobody asked it for anything
LOOP_DEATHS = 5  # deaths of workers, each within LOOP_S after the one before: that is no accident
LOOP_S = 10.0
QUIET_S = (1.0, 15.0)  # after a worker is ready: what is no hurry waits so long; requests import more
LEAVING_S = 1.0  # for a worker to leave the listening socket; one that can't in that time answers nothing either
LOOK_S = 0.7  # of an import, before it is asked whether it ever ends; and from then on
OVERTAKEN_S = 0.25  # for a worker that a save has overtaken to tell what it has loaded
LAST_WORDS = 60  # lines of a worker's output that a page about its death shows
_ADDRESS_IN_USE = f"[Errno {errno.EADDRINUSE}]"


@dataclass(frozen=True)
class Save:
    """A save that was told ``at`` (CLOCK_MONOTONIC), ``seen_s`` after its first news; None where a signal asked."""

    at: float
    seen_s: float | None

    def timeline(self, child: Handle, message: Ready) -> dict[str, Any]:
        """The reload's parts, in seconds; the whole begins when it was seen."""
        total = (child.ready_at or self.at) - self.at
        parts: dict[str, Any] = {"duration_s": round(total, 4), "forked": child.is_forked}
        if self.seen_s is not None:
            parts["seen_s"] = round(self.seen_s, 4)
        if message.began:
            parts["start_s"] = round(max(0.0, message.began - self.at), 4)
        return {**parts, "import_s": message.import_s}


class Workers:
    """Starts workers and ends them; at most one is the current."""

    def __init__(
        self,
        loop: Loop,
        children: Children,
        spawner: Spawner,
        preloading: Preloading,
        settings: Settings,
        *,
        url: str,
        log: Log,
        status_report: StatusReport,
        on_event: Callable[[lifecycle.Event], None],
        failures: Failures,
        retiring: RetiringWorkers,
        stands_still: Callable[[Handle], bool],
        stacks: StackDumps,
    ) -> None:
        self._loop = loop
        self._children = children
        self._spawner = spawner
        self._preloading = preloading
        self._settings = settings
        self._url = url
        self._log = log
        self._status_report = status_report
        self._on_event = on_event
        self._failures = failures
        self._retiring = retiring
        self._stands_still = stands_still
        self._stacks = stacks
        self._boot_timer: Timer | None = None
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self._save: Save | None = None  # the one that the next ready worker serves
        self._taken: Handle | None = None  # found an address taken, by the old worker perhaps
        self._tried = 0  # the generation that has been started again for that
        self._analysis: Analysis | None = None  # of the last start
        self._asked: Handle | None = None  # overtaken, and asked for its list
        self._going: Handle | None = None  # still accepts, perhaps, though it was told to drain
        self._next: tuple[Handle, Ready] | None = None  # ready, and waits for that one
        self._doubt = ""  # why the next start is a cold one, which shows whether a forked worker failed for its fork
        self._deaths: list[tuple[float, str]] = []  # when, and how, of the last ones
        self._told_loop = False
        self.current: Handle | None = None

    @property
    def waits(self) -> bool:
        """Whether the next worker waits for an address that an old one holds."""
        return self._taken is not None

    def changed(self, noticed_at: float | None = None) -> None:
        """A save was told: what is ready next has served it. ``noticed_at``: its first news, on CLOCK_MONOTONIC."""
        now = time.monotonic()
        self._doubt = ""  # it is of the code before
        self._save = Save(now, None if noticed_at is None else now - noticed_at)

    def boot(self, generation: int, analysis: Analysis) -> None:
        """Start this generation of the project: forked, where that may be."""
        self._analysis = analysis
        self._taken = None
        self._start(generation, analysis, cold=bool(self._doubt))

    def _start(self, generation: int, analysis: Analysis, *, cold: bool) -> None:
        self._last_words.clear()
        if self._boot_timer is not None:
            self._boot_timer.cancel()
        forked = None if cold else self._preloading.fork(generation, analysis)
        try:
            child = self._spawner.initialise(forked, analysis) if forked else self._spawner.worker(generation, analysis)
        except StartError as error:
            self._failures.performing(lifecycle.Boot(generation), error)
            return
        self.current = child
        child.analysis = analysis
        self._boot_timer = self._loop.call_later(self._settings.boot_timeout_s, partial(self._timed_out, child))
        self._loop.call_later(LOOK_S, partial(self._look, child))
        self._log.event("debug", "worker.started", generation=generation, pid=child.pid, forked=forked is not None)

    def retire(self, generation: int) -> None:
        """Let it finish what it has, and end; at once, while it is importing: what it imports is old already."""
        worker = self._living(generation)
        if worker is not None and worker.ready_at is None:
            self._overtake(worker)
        elif worker is not None:
            grace_s = self._settings.grace_s
            self._children.retire(worker, grace_s, stands_still=self._stands_still, streams_s=grace_s)
            self._going = worker
            self._loop.call_later(LEAVING_S, partial(self.left, worker))

    def left(self, worker: Handle) -> None:
        """It accepts no more: from now on no answer is older than one that somebody has seen."""
        if worker is not self._going:
            return
        self._going = None
        ready, self._next = self._next, None
        if ready is not None:
            self.ready(*ready)

    def _overtake(self, worker: Handle) -> None:
        """End it while it imports; should nothing be known yet of what the project loads, hear that first."""
        analysis = worker.analysis
        known = analysis is None or analysis is not self._analysis or not self._preloading.wants_list(analysis)
        asked = self._asked is not None and self._asked in self._children.living()  # one at a time: it needs the CPU
        if known or asked or not self._ask_for_list(worker):
            self._children.kill(worker)
            return
        self._asked = worker
        worker.ending = True
        self._loop.call_later(OVERTAKEN_S, partial(self._children.kill, worker))

    def kill(self, generation: int) -> None:
        """End it now."""
        if (worker := self._living(generation)) is not None:
            self._children.kill(worker)

    def said(self, line: str) -> None:
        """A child of the project's side wrote a line."""
        self._last_words.append(line)

    def ready(self, child: Handle, message: Ready) -> None:
        """It has imported the application, and accepts when it is told to: not once it has been overtaken."""
        if child.ending:
            return
        if self._going is not None:
            self._next = child, message
            return
        self._children.send(child, StartAccepting())
        if not child.is_forked:
            self._ask_for_list(child)
        child.ready_at = time.monotonic()
        if child is self.current and self._boot_timer is not None:
            self._boot_timer.cancel()
        total_s = round(child.ready_at - child.started, 4)
        # First the deed, then the word: who reads the line and asks must not meet the stand-in any more.
        self._on_event(lifecycle.WorkerReady(child.generation))
        self._log.event(
            "info", "worker.ready", generation=child.generation, pid=child.pid, python=child.python,
            application=message.application, import_s=message.import_s, total_s=total_s, url=self._url,
        )  # fmt: skip
        for after_s in QUIET_S:
            self._loop.call_later(after_s, partial(self._learn, child))
        if not child.is_forked and self._doubt:
            self._preloading.refuse(self._doubt)
        self._doubt = ""
        self._preloading.ready()
        if self._save is not None:
            timeline = self._save.timeline(child, message)
            self._log.event("info", "reload.finished", generation=child.generation, **timeline)
            self._status_report.reloaded(child.generation, timeline)
            self._save = None

    def learned(self, child: Handle, message: ModulesReport) -> None:
        """It tells what it has loaded."""
        known, analysis = child.analysis, self._analysis
        if child.ending and child.ready_at is None:
            self._children.kill(child)
        if known is None or analysis is None:
            return
        if known is analysis or (known.plan, known.variables) == (analysis.plan, analysis.variables):
            self._preloading.learned(message, analysis)

    def unfit(self, child: Handle, message: ForkMismatch) -> None:
        """What it was forked with does not fit the project: another one starts cold, and nobody sees more of it."""
        child.reported = True
        self._log.event("info", "preload.unfit", generation=child.generation, reason=message.why)
        self._preloading.unfit(message)
        if not message.modules and not message.stale:
            self._doubt = message.why
        self._start_cold(child)

    def failed(self, child: Handle, message: Failed) -> None:
        """Its import of the application raised."""
        child.reported = True
        if child.ending:
            return  # a save has overtaken it
        self._doubt = ""
        if _ADDRESS_IN_USE in str(message.report.get("message", "")) and self._waits_for_the_old(child):
            return
        report = {
            key: value for key, value in message.report.items() if key in {"file", "line", "type", "message", "action"}
        }
        self._log.event(
            "error", "worker.failed", role="worker", generation=child.generation,
            traceback=message.report.get("text", ""), **report,
        )  # fmt: skip
        self._on_event(lifecycle.WorkerFailed(child.generation, status_pages.of_report(message.report)))

    def ended(self, child: Handle) -> None:
        """Its process has gone."""
        if self._next is not None and self._next[0] is child:
            self._next = None
        self.left(child)
        if not child.pid and not child.ending:
            self._start_cold(child)
            return
        if child.is_forked and child.ready_at is None and not (child.ending or child.reported):
            self._doubt = f"a worker ended while it imported the project ({child.how()})"
        elif child.ready_at is None and not child.is_forked:
            self._doubt = ""  # a cold one fails too: it was not the fork
        if child is self.current:
            self.current = None
        self._try_again()
        level = "debug" if child.ending or child.reported else "error"
        self._log.event(level, "worker.exited", generation=child.generation, pid=child.pid, how=child.how())
        if child.ending or child.reported:
            return
        serving = child.ready_at is not None
        self._loops(child)
        page = status_pages.of_death(child.how(), list(self._last_words), serving=serving)
        settled = child.ready_at is not None and time.monotonic() - child.ready_at > SETTLED_S
        self._on_event(lifecycle.WorkerDied(child.generation, page, served=settled or child.served))

    def _loops(self, child: Handle) -> None:
        """One event for many deaths in a short time, with what they have in common: their cause."""
        now = time.monotonic()
        recent = [(at, how) for at, how in self._deaths if now - at < LOOP_S]
        if not recent:
            self._told_loop = False
        self._deaths = [*recent[1 - LOOP_DEATHS :], (now, child.how())]
        if len(self._deaths) < LOOP_DEATHS or self._told_loop:
            return
        self._told_loop = True
        how = Counter(how for _, how in self._deaths).most_common(1)[0][0]
        self._log.event(
            "error", "worker.looping", count=len(self._deaths), duration_s=round(now - self._deaths[0][0], 1), how=how,
            action="It is started again each time. The lines before this one tell what each has done last.",
        )  # fmt: skip

    def _start_cold(self, forked: Handle) -> None:
        if forked is self.current and self._analysis is not None and not forked.ending:
            self._start(forked.generation, self._analysis, cold=True)

    def _look(self, child: Handle) -> None:
        """Ask whether its import ever ends, as long as it goes on."""
        if child.ready_at is None and not child.ending and self._children.send(child, ServeUnfinishedImport()):
            self._loop.call_later(LOOK_S, partial(self._look, child))

    def _learn(self, child: Handle) -> None:
        if not child.ending:
            self._children.send(child, ReportModules())

    def _ask_for_list(self, child: Handle) -> bool:
        """Have it tell what it has loaded: at once, for the next save may come at any time."""
        return self._children.send(child, ReportModules(quiet=False))

    def is_doubtful(self, child: Handle, message: Failed) -> bool:
        """Whether another look at the project may explain this failure; not that of an address that is taken."""
        taken = _ADDRESS_IN_USE in str(message.report.get("message", ""))
        return child is self.current and not child.ending and not taken

    def _waits_for_the_old(self, child: Handle) -> bool:
        """Whether the address that it wanted may be the old worker's still: once that has gone it is tried again."""
        if self._tried == child.generation or child is not self.current:
            return False
        self._taken = child
        self._log.event("info", "worker.waiting", generation=child.generation)
        self._retiring.hurry()
        self._try_again()
        return True

    def _try_again(self) -> None:
        failed, analysis = self._taken, self._analysis
        if failed is None or analysis is None:
            return
        if not any(each.role == "worker" and each is not failed for each in self._children.living()):
            self._taken, self._tried = None, failed.generation
            self._start(failed.generation, analysis, cold=False)

    def _living(self, generation: int) -> Handle | None:
        if self.current is not None and self.current.generation == generation:
            return self.current  # one that did not fit may still be ending
        return next(
            (each for each in self._children.living() if each.role == "worker" and each.generation == generation), None
        )

    def _timed_out(self, child: Handle) -> None:
        if self._stands_still(child):
            self._boot_timer = self._loop.call_later(1.0, partial(self._timed_out, child))
        elif child.ready_at is None and not child.ending:
            self._stacks.ask(child, partial(self._hung, child))

    def _hung(self, child: Handle, stacks: str) -> None:
        if child.ready_at is None and not child.ending:
            page = status_pages.of_timeout(self._settings.boot_timeout_s, list(self._last_words), stacks)
            self._log.event(
                "error", "worker.failed", generation=child.generation, error=page["title"], action=page["action"]
            )
            self._on_event(lifecycle.WorkerFailed(child.generation, page))
