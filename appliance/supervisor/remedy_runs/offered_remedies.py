"""Keep the remedies that pages may show, and decide which of them is run when a person presses a button.

Theory of operation. A worker, or an error of ours, names needs (``protocol.remedy_kinds``). If a need fits its row
there, a remedy is made of it here, in a thread that reads the project's files. The remedy gets an id, and the stand-in
gets the text that pages show. A browser posts only the id. A remedy is run only if its id is known here, and only while
the generation and the job for which it was made are the newest: after a save, the buttons of older pages no longer
work. A page also sends a digest of the text that it showed. If the remedy has become another command or another change
since then, it is shown again, and not run. Runs in the supervisor's loop.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.conventions import CONTAINER_MARKS
from appliance.errors import ApplianceError
from appliance.protocol.page_messages import CancelRemedy, RemediesFound, RemedyProgress, RunRemedy, SetRemedies
from appliance.protocol.record import Record
from appliance.protocol.remedy_kinds import all_checked, remedy_id
from appliance.remedies.remedy import ProjectFacts
from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.remedy_runs.remedy_run import RemedyRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.protocol.record import Message
    from appliance.protocol.remedy_kinds import Need
    from appliance.remedies.remedy import Remedy
    from appliance.supervisor.lifecycle_events import Page
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.steps.analysis import Analysis

KEPT = 20  # remedies: those of the last failures
LINES = 200  # of a run's output
FRESH_S = 2.0  # between two readings of the files of a project that fails a thousand times a second
MAKING_MOST = 4  # threads at a time that make remedies; beyond that, pages have no button
SAVED_S = 1.0  # for the watcher to notice what a remedy has saved
_SENDERS: dict[type[Message], Role] = {
    RemediesFound: Role.WORKER, RunRemedy: Role.STANDIN, CancelRemedy: Role.STANDIN,
}  # fmt: skip
_STALE = "the code has changed since this page was made: load it again"
_UNKNOWN = "no such remedy is known: load the page again"
_DIFFERS = "what it would do has changed since it was shown: look at it again"


class _Entry(Record):
    remedy: Remedy
    facts: ProjectFacts
    moment: tuple[int, int]  # the generation and the job that it was made for
    scope: str
    need: Need


class OfferedRemedies:
    """The remedies of one project.

    Args:
        runtime: the supervisor's.
        spawner: starts the stand-in.
    """

    def __init__(self, runtime: Runtime, spawner: Spawner) -> None:
        self._loop = runtime.loop
        self._children = runtime.children
        self._log = runtime.log
        self._settings = runtime.settings
        self._process = runtime.process
        self._lifecycle = runtime.lifecycle
        self._spawner = spawner
        self._analysis: Analysis | None = None  # the newest one
        self._known: OrderedDict[str, _Entry] = OrderedDict()
        self._asked: dict[str, float] = {}  # ids, and when their making began
        self._making = 0  # threads
        self._run = RemedyRun(
            runtime.loop, runtime.children, runtime.log, runtime.process,
            offered=self._known.keys, show=self._show_progress, succeeded=self._done, failed=self._make_again,
        )  # fmt: skip
        self.runs: OrderedDict[str, dict[str, Any]] = OrderedDict()  # state, lines and reason of the last runs, by id
        self.output = self._run.output
        self.ended = self._run.ended

    def handlers(self) -> dict[type[Any], Callable[[Handle, Any, list[int]], object]]:
        """Return the function for each message."""
        return {
            RemediesFound: lambda child, message, _: self._found(child, message),
            RunRemedy: lambda _, message, __: self.press(message),
            CancelRemedy: lambda _, message, __: self.cancel(message.remedy),
        }

    def admits(self, child: Handle, message: Message) -> bool:
        """Whether this child may send this message: only a stand-in presses, and only a worker finds."""
        return child.role is _SENDERS.get(type(message), child.role)

    def analysed(self, analysis: Analysis) -> None:
        """Take a new analysis: a remedy depends on what the project is."""
        self._analysis = analysis

    # -- what may help -------------------------------------------------------------------------------------------------

    def _found(self, child: Handle, message: RemediesFound) -> None:
        if child.generation == self._lifecycle.state.generation:
            self._make(str(child.generation), all_checked(message.needs), lambda _: None)

    def without_needs(self, page: Page, show: Callable[[Page], None]) -> Page:
        """Return the page without its needs; ``show`` it again when the remedies are made."""
        needs = all_checked(page.get("remedies"))
        page = {key: value for key, value in page.items() if key != "remedies"}
        if needs and self._settings.pages == "on":
            moment = self._moment()
            self._make(f"page-{moment[0]}-{moment[1]}", needs, partial(self._with_remedies, page, show))
        return page

    def _with_remedies(self, page: Page, show: Callable[[Page], None], remedies: list[Remedy]) -> None:
        if remedies and self._lifecycle.state.phase is Phase.BROKEN:
            show({**page, "remedies": self._log.masked([each.page() for each in remedies])})

    def _make(self, scope: str, needs: list[Need], made: Callable[[list[Remedy]], None]) -> None:
        """Make remedies in a thread, which reads the project's files; make none again that were just made."""
        now = time.monotonic()
        ids = [remedy_id(scope, need) for need in needs]
        if all(now - self._asked.get(each, -FRESH_S) < FRESH_S for each in ids):
            made([self._known[each].remedy for each in ids if each in self._known])
            return
        self._asked = {each: at for each, at in self._asked.items() if now - at < FRESH_S} | dict.fromkeys(ids, now)
        self._start_making(scope, needs, made)

    def _start_making(self, scope: str, needs: list[Need], made: Callable[[list[Remedy]], None]) -> None:
        if self._making >= MAKING_MOST:
            return  # each request fails in another way: the page has no button, and still says what to do
        facts, moment = self._facts(), self._moment()

        def run() -> None:
            found: list[_Entry] = []
            try:
                remedies = [(need, _made(facts, scope, need)) for need in needs]
                found += [_Entry(remedy, facts, moment, scope, need) for need, remedy in remedies if remedy is not None]
            finally:
                self._loop.post(partial(self._add, found, moment, made))

        self._making += 1
        try:
            threading.Thread(target=run, name="remedies", daemon=True).start()
        except (RuntimeError, MemoryError):
            self._making -= 1  # no thread is free: as above

    def _add(self, found: list[_Entry], moment: tuple[int, int], made: Callable[[list[Remedy]], None]) -> None:
        self._making -= 1
        if moment != self._moment():
            return
        for entry in found:
            self._known.pop(entry.remedy.id, None)
            self._known[entry.remedy.id] = entry
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self._send(self._message())
        made([entry.remedy for entry in found])

    def _make_again(self, remedy: str) -> None:
        """Show the present form of a change that could not be made: its file may have been saved since."""
        entry = self._known.get(remedy)
        if entry is not None and entry.remedy.proposal.edit is not None and entry.moment == self._moment():
            self._known.pop(remedy)  # making it again brings it back, if it still fits the files
            self._start_making(entry.scope, [entry.need], lambda _: None)

    def _facts(self) -> ProjectFacts:
        analysis, settings = self._analysis, self._settings
        values = dict(analysis.environment.values if analysis else self._process)
        for field in ("python", "app", "asgi", "before_start"):  # a flag counts as well
            value = getattr(settings, field)
            if value and (analysis is None or settings.origins.get(field) == "flag"):
                values[f"APPLIANCE_{field.upper()}"] = value
        return ProjectFacts(
            root=settings.project,
            values=values,
            variables=analysis.variables if analysis else self._process,
            target=analysis.project.target if analysis else None,
            plan=analysis.plan if analysis else None,
            env_file=".env" if ".env" in settings.env_files or not settings.env_files else settings.env_files[-1],
            cache=settings.cache,
            contained="APPLIANCE_IMAGE" in self._process or any(Path(mark).exists() for mark in CONTAINER_MARKS),
        )

    def _moment(self) -> tuple[int, int]:
        state = self._lifecycle.state
        return state.generation, state.job

    # -- what a person asks for ----------------------------------------------------------------------------------------

    def offers(self) -> list[dict[str, Any]]:
        """Return the pages' view of each remedy that may be run now."""
        return [self._page(entry) for entry in self._known.values() if entry.moment == self._moment()]

    def cancel(self, remedy: str) -> None:
        """End a remedy, if it runs."""
        self._run.cancel(remedy)

    def press(self, message: RunRemedy) -> None:
        """Run a remedy, unless there is a reason against it; ``runs`` reports its progress."""
        entry = self._known.get(message.remedy)
        offer = (entry.remedy, entry.facts) if entry is not None else None
        self._run.press(message.remedy, offer, self._refusal(entry, message.shown))

    def _refusal(self, entry: _Entry | None, shown: str) -> str:
        """Return why this may not be run now; empty if it may."""
        if self._lifecycle.state.phase in {Phase.STOPPING, Phase.STOPPED}:
            return "the appliance stops"
        if entry is None:
            return _UNKNOWN
        if entry.moment != self._moment():
            return _STALE
        if entry.remedy.proposal.advice:
            return "this is for you to run"
        return "" if shown == self._page(entry)["shown"] else _DIFFERS

    def _done(self, remedy: Remedy) -> None:
        """Serve the project again: the watcher notices the files that a remedy saves, but not what a command does."""
        moment = self._moment()
        wait_s = SAVED_S if remedy.proposal.edit and self._settings.reload == "on" else 0.0
        self._loop.call_later(wait_s, partial(self._reload, moment))

    def _reload(self, moment: tuple[int, int]) -> None:
        if moment == self._moment():
            self._log.event("info", "reload.started", reason="a remedy was run")
            self._lifecycle.on_event(lifecycle_events.ProjectChanged())

    # -- what the pages show -------------------------------------------------------------------------------------------

    def start_standin(self) -> Handle:
        """Start a stand-in, and tell it what its pages may show."""
        standin = self._spawner.standin(self._lifecycle.state.generation)
        if self._known:
            self._children.send(standin, self._message())
        return standin

    def _message(self) -> SetRemedies:
        return SetRemedies(remedies=[self._page(entry) for entry in self._known.values()])

    def _page(self, entry: _Entry) -> dict[str, Any]:
        """Return a remedy as pages show it, without secrets, and the digest of this form, which a press sends back."""
        page: dict[str, Any] = self._log.masked(entry.remedy.page())
        text = json.dumps(page, sort_keys=True)
        return {**page, "shown": hashlib.sha256(text.encode()).hexdigest()[:32]}

    def _show_progress(self, remedy: str, state: str, lines: list[str], reason: str) -> None:
        run = self.runs.setdefault(remedy, {"state": "", "lines": [], "reason": ""})
        earlier = [] if state == "running" and not lines else run["lines"]
        run.update(state=state, reason=reason, lines=[*earlier, *lines][-LINES:])
        self.runs.move_to_end(remedy)
        while len(self.runs) > KEPT:
            self.runs.popitem(last=False)
        self._send(RemedyProgress(remedy=remedy, state=state, lines=lines, reason=reason))

    def _send(self, message: SetRemedies | RemedyProgress) -> None:
        for child in self._children.living():
            if child.role is Role.STANDIN and not child.ending:
                self._children.send(child, message)

    def close(self) -> None:
        """End the running remedy: the appliance stops."""
        self._run.cancel(self._run.running)


def _made(facts: ProjectFacts, scope: str, need: Need) -> Remedy | None:
    try:
        from appliance.remedies.make_remedy import make  # noqa: PLC0415  it costs 20 ms, and a start needs it if it fails

        return make(facts, scope, need)
    except (OSError, ValueError, RecursionError, ApplianceError):
        return None  # the project can't be read, or a file has a format error: there is only the advice
