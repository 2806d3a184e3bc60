"""The life of workers, with fake processes: each is started, replaced, retried and reported in process."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.protocol.messages import Failed, ForkMismatch, ModulesReport, ReportModules, ServeUnfinishedImport
from appliance.supervisor import lifecycle, lifecycle_events
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.workers import workers as module
from appliance.supervisor.workers.crash_loops import LOOP_DEATHS
from tests.supervisor.workers_project import READY, Project

BROKEN = Failed({"message": "no module named flask", "type": "ModuleNotFoundError", "text": "Traceback"})
IN_USE = Failed({"message": "[Errno 98] Address already in use", "type": "OSError", "text": "Traceback"})
MISMATCH = ForkMismatch("a variable", ["jinja2"], stale=False)
DOUBT = ForkMismatch("it raised", [], stale=False)


class Fails:
    """A function that has a defect."""

    def __init__(self) -> None:
        self.error = RuntimeError("a defect")

    def __call__(self, *_: object) -> None:
        """Fail."""
        raise self.error


@pytest.fixture
def project() -> Project:
    """A project whose first worker imports."""
    return Project()


def test_a_worker_accepts_once_it_is_imported(project: Project):
    """A worker may accept when it has imported the application, and the lifecycle knows before the log does."""
    phases: list[Phase] = []
    project.log.on_event = lambda: phases.append(project.state.phase)
    worker = project.serve()
    assert project.accepting == [worker]
    assert phases == [Phase.SERVING]
    assert project.log.named("worker.ready")[0]["application"] == "app:app"


def test_a_cold_worker_is_asked_for_its_modules_at_once(project: Project):
    """A cold worker reports its modules when it is ready, and again when its requests have imported more."""
    worker = project.serve()
    asked = [message.quiet for child, message in project.children.sent if isinstance(message, ReportModules)]
    assert asked == [False, True]
    project.loop.advance(max(module.REPORT_MODULES_S))
    assert project.children.messages(ReportModules) == [worker] * 3
    project.workers.modules_reported(worker, ModulesReport(["json"], []))
    assert [each.modules for each in project.preloader.lists] == [["json"]]


def test_the_list_of_another_environment_is_not_learned(project: Project):
    """The modules of a worker of an older environment are not learned for this one."""
    worker = project.serve()
    project.analysis = SimpleNamespace(plan="another", variables={})
    project.save()
    project.workers.modules_reported(worker, ModulesReport(["json"], []))
    assert project.preloader.lists == []


def test_a_save_is_served_by_the_next_worker(project: Project):
    """A save drains the old worker, and the next one accepts when that has left the socket; the log says how long."""
    old = project.serve()
    project.save()
    assert project.children.retired == [(old, 10.0)]
    project.workers.ready(project.newest, READY)
    assert project.accepting == []
    project.workers.stopped_accepting(old)
    assert project.accepting == [project.newest]
    assert project.log.named("reload.finished")[0]["generation"] == 2
    assert project.reloads == [2]


def test_an_old_worker_that_never_leaves_delays_the_next_by_a_second(project: Project):
    """An old worker that does not say that it has left the socket holds the next one up for a second."""
    project.serve()
    project.save()
    project.workers.ready(project.newest, READY)
    project.loop.advance(module.LEAVING_S)
    assert project.accepting == [project.newest]


def test_the_next_worker_accepts_when_the_old_one_dies(project: Project):
    """An old worker that ends has left the socket."""
    old = project.serve()
    project.save()
    project.workers.ready(project.newest, READY)
    project.children.end(old)
    assert project.accepting == [project.newest]


def test_an_old_worker_that_cannot_be_asked_is_ended(project: Project):
    """An old worker that can't be asked to drain is ended, and the next one does not wait for it."""
    old = project.serve()
    project.children.unretirable = error = OSError(errno.ENOBUFS, "No buffer space available")
    project.save()
    assert (old in project.children.alive, project.errors) == (False, [error])
    project.children.end(old)
    project.workers.ready(project.newest, READY)
    assert project.accepting == [project.newest]


def test_an_old_worker_drains_though_the_start_of_the_next_fails(project: Project):
    """If the next worker can't be started, for whatever reason, the old one drains: it would serve old code forever."""
    old = project.serve()
    snapshots: Any = project.snapshots
    snapshots.worker_started = fails = Fails()
    project.save()
    assert (project.children.retired, project.errors) == ([(old, 10.0)], [fails.error])
    assert project.state.phase is Phase.BROKEN


def test_a_superseded_worker_is_ended(project: Project):
    """A worker that imports code which a save has replaced is killed, and its death is not a crash."""
    first = project.newest
    project.save()
    assert first not in project.children.alive
    assert project.log.events[-2][:2] == ("debug", "worker.exited")
    project.workers.ready(first, READY)
    assert project.accepting == []


def test_a_superseded_worker_reports_its_modules_first(project: Project):
    """If the project's modules are not known, a superseded worker reports them, and has a moment for that."""
    project.preloader.wanted = True
    first = project.newest
    project.save()
    assert first in project.children.alive
    second = project.newest
    project.save()
    assert second not in project.children.alive, "one at a time"
    project.loop.advance(module.SUPERSEDED_S)
    assert first not in project.children.alive


def test_a_superseded_worker_ends_after_its_report(project: Project):
    """A superseded worker ends as soon as it has reported its modules."""
    project.preloader.wanted = True
    first = project.newest
    project.save()
    project.workers.modules_reported(first, ModulesReport(["json"], []))
    assert first not in project.children.alive
    assert len(project.preloader.lists) == 1


def test_each_superseded_worker_reports_once_the_last_has_ended(project: Project):
    """One superseded worker at a time reports its modules: the next one does, once the last has ended."""
    project.preloader.wanted = True
    project.save()
    project.loop.advance(module.SUPERSEDED_S)
    second = project.newest
    project.save()
    assert second in project.children.alive


def test_a_report_ends_no_worker_that_has_requests(project: Project):
    """A worker that reports its modules goes on with its requests while it drains, and with its import."""
    project.workers.modules_reported(project.newest, ModulesReport(["json"], []))
    old = project.serve()
    project.save()
    project.workers.modules_reported(old, ModulesReport(["json"], []))
    assert project.children.alive == [old, project.newest]


def test_a_cold_worker_follows_a_fork_that_does_not_fit(project: Project):
    """A forked worker that does not fit is replaced by a cold one of the same generation, without a page."""
    project.preloader.forks = True
    project.save()
    forked = project.newest
    project.workers.fork_mismatch(forked, MISMATCH)
    assert not project.newest.is_forked
    assert project.newest.generation == forked.generation
    project.children.end(forked)
    project.serve()
    assert (project.preloader.mismatches, project.preloader.refused, project.pages) == ([MISMATCH], [], [])
    assert [level for level, name, _ in project.log.events if name == "worker.exited"] == ["debug", "debug"]


def test_nothing_is_preloaded_if_only_the_cold_start_works(project: Project):
    """If only the cold start works, nothing is preloaded any longer, with the reason."""
    project.preloader.forks = True
    project.save()
    project.workers.fork_mismatch(project.newest, DOUBT)
    project.serve()
    assert project.preloader.refused == ["it raised"]


def test_preloading_goes_on_if_the_cold_start_fails_too(project: Project):
    """If the cold start fails as well, the failure is reported, and preloading goes on."""
    project.preloader.forks = True
    project.save()
    project.workers.fork_mismatch(project.newest, DOUBT)
    project.workers.import_failed(project.newest, BROKEN)
    assert project.state.phase is Phase.BROKEN
    assert project.log.named("worker.failed")[0]["message"] == "no module named flask"
    project.save()
    assert project.newest.is_forked
    assert project.preloader.refused == []


def test_a_cold_worker_follows_a_forked_one_that_dies(project: Project):
    """A forked worker that dies at import is followed by a cold one; if that serves, nothing is preloaded any more."""
    project.preloader.forks = True
    project.save()
    project.children.end(project.newest, -11)
    project.loop.advance(lifecycle.BACKOFF_S[0])
    assert not project.newest.is_forked
    project.serve()
    assert len(project.preloader.refused) == 1
    assert "SIGSEGV" in project.preloader.refused[0]


def test_a_worker_is_started_cold_if_nothing_is_forked(project: Project):
    """If the preloader forks nothing, the worker is started cold, without an event of a death."""
    project.preloader.forks, project.preloader.born = True, False
    project.save()
    unborn = project.newest
    project.children.end(unborn, None)
    assert not project.newest.is_forked
    assert project.log.named("worker.exited") == project.log.named("worker.exited")[:1]
    assert project.serve() is project.newest


def test_a_worker_waits_for_an_address_that_the_old_one_holds(project: Project):
    """A worker whose address is in use waits until the old one has gone, which is hurried, and is started once more."""
    old = project.serve()
    project.save()
    failed = project.newest
    project.workers.import_failed(failed, IN_USE)
    project.children.end(failed, 1)
    assert (project.hurried, project.workers.awaits_address, project.pages) == (1, True, [])
    project.children.end(old)
    assert not project.workers.awaits_address
    assert project.newest.generation == failed.generation
    project.workers.import_failed(project.newest, IN_USE)
    assert project.state.phase is Phase.BROKEN


def test_an_address_that_somebody_else_holds_is_tried_once_more(project: Project):
    """Without an old worker the import is tried once more at once, and then reported."""
    project.workers.import_failed(project.newest, IN_USE)
    assert project.pages == []
    project.workers.import_failed(project.newest, IN_USE)
    assert project.state.phase is Phase.BROKEN


def test_a_generation_that_waits_and_is_given_up(project: Project):
    """A worker that waits for an address is forgotten by a change of the project: the next generation serves alone."""
    old = project.serve()
    project.save()
    failed = project.newest
    project.workers.import_failed(failed, IN_USE)
    project.children.end(failed, 1)
    project.on_event(lifecycle_events.ProjectChanged())
    project.children.end(old)
    assert project.children.alive == [], "nothing is started before the project is known"
    project.loop.advance()
    assert [child.generation for child in project.children.alive] == [3]


def test_no_worker_is_started_while_the_appliance_stops(project: Project):
    """A worker that waits for an address is not started by the end of the old one, when that end is the stop's."""
    old = project.serve()
    project.save()
    project.workers.import_failed(project.newest, IN_USE)
    project.children.end(project.newest, 1)
    project.workers.close()
    project.children.end(old)
    assert project.children.alive == []


def test_a_worker_without_a_process_is_reported_and_a_save_starts_one(project: Project):
    """A worker that has no process is reported; the next save starts one."""
    project.not_startable = True
    project.save()
    assert project.state.phase is Phase.BROKEN
    project.not_startable = False
    project.save()
    assert project.serve() in project.accepting


def test_a_cold_start_that_fails_after_a_fork_is_reported(project: Project):
    """If a forked worker does not fit, and no cold one can be started, the failure is reported."""
    project.preloader.forks = True
    project.save()
    project.not_startable = True
    project.workers.fork_mismatch(project.newest, MISMATCH)
    assert (project.state.phase, project.pages) == (Phase.BROKEN, [{"title": "not started"}])


def test_a_death_while_serving_is_reported_and_followed_by_a_start(project: Project):
    """A worker that dies is reported with its last output, and is started again."""
    worker = project.serve()
    project.workers.output_line("Segmentation fault")
    worker.served = True
    project.children.end(worker, -11)
    assert ("error", "worker.exited") in {event[:2] for event in project.log.events}
    project.loop.advance(lifecycle.BACKOFF_S[0])
    assert project.newest.generation == 2
    assert project.serve() in project.accepting


def test_deaths_in_a_row_are_one_event(project: Project):
    """Many deaths in a short time are reported once, with how most of them ended."""
    for _ in range(LOOP_DEATHS + 2):
        project.children.end(project.newest, -9)
        project.loop.advance(max(lifecycle.BACKOFF_S))
    (looping,) = project.log.named("worker.looping")
    assert (looping["count"], looping["how"]) == (LOOP_DEATHS, "killed by SIGKILL")


def test_an_import_that_never_ends_is_reported_and_killed(project: Project):
    """A worker that imports for too long is reported and killed; one that a debugger holds is not."""
    worker = project.newest
    project.no_timeout = True
    project.loop.advance(100.0)
    assert project.pages == []
    assert set(project.children.messages(ServeUnfinishedImport)) == {worker}
    project.no_timeout = False
    project.loop.advance(1.0)
    assert (project.state.phase, project.children.alive) == (Phase.BROKEN, [])


def test_only_the_newest_imports_failure_may_be_outdated(project: Project):
    """The failure of the newest import may be outdated; that of an address in use, or of a superseded worker, not."""
    worker = project.newest
    assert project.workers.may_be_outdated(worker, BROKEN)
    assert not project.workers.may_be_outdated(worker, IN_USE)
    project.save()
    assert not project.workers.may_be_outdated(worker, BROKEN)
    project.preloader.forks = True
    project.save()
    forked = project.newest
    project.workers.fork_mismatch(forked, MISMATCH)
    assert not project.workers.may_be_outdated(forked, BROKEN)
    assert not project.workers.may_be_outdated(project.serve(), BROKEN)


HAPPENINGS = {
    "save": Project.save,
    "project changes": lambda project: project.on_event(lifecycle_events.ProjectChanged()),
    "ready": lambda project: project.workers.current and project.workers.ready(project.workers.current, READY),
    "fails": lambda project: project.workers.current and project.workers.import_failed(project.workers.current, BROKEN),
    "in use": lambda project: (
        project.workers.current and project.workers.import_failed(project.workers.current, IN_USE)
    ),
    "mismatch": lambda project: (
        project.workers.current and project.workers.fork_mismatch(project.workers.current, DOUBT)
    ),
    "dies": lambda project: project.workers.current and project.children.end(project.workers.current, -11),
    "oldest ends": lambda project: project.children.alive and project.children.end(project.children.alive[0], 1),
    "time": lambda project: project.loop.advance(0.3),
    "more time": lambda project: project.loop.advance(5.0),
    "forks": lambda project: setattr(project.preloader, "forks", not project.preloader.forks),
    "no process": lambda project: setattr(project, "not_startable", not project.not_startable),
}


@settings(max_examples=300)
@given(st.lists(st.sampled_from(sorted(HAPPENINGS)), max_size=25))
def test_after_any_order_a_save_brings_the_project_up(happenings: list[str]):
    """After any events in any order, one worker accepts at most, and a save brings the project up."""
    project = Project()
    for each in happenings:
        HAPPENINGS[each](project)
        assert len(project.accepting) <= 1
        importing = [child for child in project.children.alive if not (child.ending or child.reported)]
        assert {child.generation for child in importing} <= {project.state.generation}, "one is left behind"
    project.not_startable = False
    project.loop.advance(100.0)
    project.save()
    project.loop.advance(1.0)
    project.serve()
    assert project.state.phase is Phase.SERVING
    assert project.accepting == [project.newest]
    assert project.newest.generation == project.state.generation
