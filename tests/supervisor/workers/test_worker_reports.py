"""The reports about workers to the log, the pages and the lifecycle: each event with its level and its fields."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.messages import Failed, ForkMismatch, ModulesReport, Ready, ReportModules
from appliance.supervisor import lifecycle_events
from appliance.supervisor.workers import worker_events
from appliance.supervisor.workers import workers as module
from appliance.supervisor.workers.crash_loops import LOOP_DEATHS
from appliance.supervisor.workers.reload_timeline import Save
from appliance.supervisor.workers.worker_failures import OUTPUT_LINES
from tests.supervisor.workers_project import READY, Project

DUMP = 'Current thread 0x0001 (most recent call first):\n  File "/workspace/app.py", line 3 in load'


@pytest.fixture
def project() -> Project:
    """A project whose first worker imports."""
    return Project()


def logged(project: Project, name: str) -> list[tuple[str, dict[str, Any]]]:
    """The level and the fields of each event of this name."""
    return [(level, fields) for level, event, fields in project.log.events if event == name]


def last(project: Project, kind: type[lifecycle_events.Event]) -> Any:
    """The newest event of this kind that the lifecycle was told."""
    return [event for event in project.received if isinstance(event, kind)][-1]


@pytest.mark.parametrize("forked", [False, True])
def test_a_start_is_logged_for_debugging(project: Project, forked: bool):
    """The start of a worker is a line for debugging: its generation, its process, and how it was started."""
    project.preloader.forks = forked
    project.save()
    level, fields = logged(project, "worker.started")[-1]
    assert (level, fields) == ("debug", {"generation": 2, "pid": project.newest.pid, "forked": forked})


def test_a_ready_worker_is_logged(project: Project, clock: list[float]):
    """The line of a ready worker says which process serves which application, in which Python, when and where."""
    worker = project.newest
    worker.started, worker.python = clock[0] - 1.23456, "3.13.1"
    project.serve()
    assert logged(project, "worker.ready") == [
        (
            "info",
            {
                "generation": 1, "pid": worker.pid, "python": "3.13.1", "application": "app:app",
                "import_s": 0.1, "total_s": 1.2346, "url": "http://localhost:8000",
            },
        )
    ]  # fmt: skip
    assert project.preloader.readies == 1


def test_the_line_of_a_ready_worker_has_no_url_if_none_leads_there():
    """If no URL leads to the appliance, the line of a ready worker has none."""
    project = Project(url=None)
    project.serve()
    assert "url" not in logged(project, "worker.ready")[0][1]


def test_a_reload_is_logged_once(project: Project, clock: list[float]):
    """The worker that serves a save is logged with the reload's timeline; the next worker without a save is not."""
    project.serve()
    project.workers.saved(clock[0] - 0.5)
    clock[0] += 2.0
    project.on_event(lifecycle_events.CodeChanged())
    project.serve()
    timeline = {
        "duration_s": 2.0,
        "how": "cold",
        "forked": False,
        "reason": "no preloader",
        "seen_s": 0.5,
        "import_s": 0.1,
    }
    assert logged(project, "reload.finished") == [("info", {"generation": 2, **timeline})]
    assert (project.reloads, project.timelines) == ([2], [timeline])
    project.on_event(lifecycle_events.CodeChanged())
    project.serve()
    assert project.reloads == [2]


def test_a_reload_by_a_signal_has_no_time_since_a_save(project: Project):
    """A reload without a file event has no time since one; that the import began before the save counts as at once."""
    project.serve()
    project.save()
    project.workers.ready(project.newest, Ready(import_s=0.1, application="app:app", began=1.0))
    project.loop.advance(module.LEAVING_S)
    ((_, fields),) = logged(project, "reload.finished")
    assert "seen_s" not in fields
    assert fields["start_s"] == 0.0


@pytest.mark.parametrize(
    ("status", "ready_s", "requests", "served"),
    [(-11, None, False, False), (-11, 0.5, False, False), (3, 0.5, True, True), (3, 1.5, False, True)],
)
def test_a_death_is_reported_with_its_requests(
    project: Project, clock: list[float], status: int, ready_s: float | None, requests: bool, served: bool
):
    """A death is an error, and not a failed start if the worker was ready for a second or has had a request."""
    worker = project.newest
    if ready_s is not None:
        project.serve()
        clock[0] += ready_s
    worker.served = requests
    project.workers.output_line("the last words")
    project.children.end(worker, status)
    how = worker.how()
    assert logged(project, "worker.exited") == [("error", {"generation": 1, "pid": worker.pid, "how": how})]
    death = last(project, lifecycle_events.WorkerDied)
    assert (death.generation, death.served) == (1, served)
    assert death.page["title"] == f"The worker ended: {how}"
    assert death.page["details"] == "the last words"
    while_it = "served" if ready_s is not None else "imported"
    assert death.page["lead"] == f"It ended while it {while_it} the project."


def test_the_last_lines_are_those_of_this_worker(project: Project):
    """The page of a death has the end of the output since the worker's start, and none of what came before."""
    project.workers.output_line("of the first worker")
    project.save()
    for number in range(OUTPUT_LINES + 1):
        project.workers.output_line(str(number))
    project.children.end(project.newest, 1)
    details = last(project, lifecycle_events.WorkerDied).page["details"]
    assert details.split("\n") == [str(number) for number in range(1, OUTPUT_LINES + 1)]


def test_a_death_has_the_place_in_the_project(project: Project):
    """A dump in the last output becomes the place of the failure, if that is a file of the project."""
    for line in DUMP.split("\n"):
        project.workers.output_line(line)
    project.children.end(project.newest, -11)
    page = last(project, lifecycle_events.WorkerDied).page
    assert (page["file"], page["line"]) == ("/workspace/app.py", 3)


def test_an_expected_end_is_for_debugging(project: Project):
    """The end of a worker that was asked to end, or that has said why, is a line for debugging and no death."""
    old = project.serve()
    project.save()
    project.children.end(old)
    assert logged(project, "worker.exited") == [("debug", {"generation": 1, "pid": old.pid, "how": "exit status 0"})]
    assert not any(isinstance(event, lifecycle_events.WorkerDied) for event in project.received)


def test_a_loop_of_deaths_is_an_error(project: Project):
    """Workers that die one after another are one error, with the fields of the loop."""
    for _ in range(LOOP_DEATHS):
        project.children.end(project.newest, 3)
        project.loop.advance(60.0)
    ((level, fields),) = logged(project, "worker.looping")
    assert (level, fields["how"], fields["count"]) == ("error", "exit status 3", LOOP_DEATHS)


def test_a_failed_import_is_logged_with_its_place(project: Project):
    """An import that raised is one error with what the report says of it, and the page is made of the whole report."""
    report = {
        "message": "no module named flask", "type": "ModuleNotFoundError", "text": "Traceback ...",
        "file": "/workspace/app.py", "line": 3, "action": "Install it.", "exception": {"frames": []},
    }  # fmt: skip
    project.workers.import_failed(project.newest, Failed(report))
    assert logged(project, "worker.failed") == [
        (
            "error",
            {
                "role": "worker", "generation": 1, "traceback": "Traceback ...", "file": "/workspace/app.py", "line": 3,
                "type": "ModuleNotFoundError", "message": "no module named flask", "action": "Install it.",
            },
        )
    ]  # fmt: skip
    failed = last(project, lifecycle_events.WorkerFailed)
    assert failed.generation == 1
    assert {**failed.page, **report} == failed.page


def test_a_report_without_a_traceback_is_logged_with_an_empty_one(project: Project):
    """A report that has no traceback is logged with an empty one."""
    project.workers.import_failed(project.newest, Failed({"message": "no"}))
    assert logged(project, "worker.failed")[0][1]["traceback"] == ""


def test_an_import_that_hangs_is_logged(project: Project):
    """An import that takes too long is one error, and its page shows the last output and where the import stands."""
    project.stacks = DUMP
    project.workers.output_line("connecting to the database")
    project.loop.advance(60.0)
    failed = last(project, lifecycle_events.WorkerFailed)
    ((level, fields),) = logged(project, "worker.failed")
    assert level == "error"
    assert fields == {"generation": 1, "error": failed.page["title"], "action": failed.page["action"]}
    assert failed.generation == 1
    assert failed.page["title"] == "The project was not imported within 60 s"
    assert failed.page["details"] == f"connecting to the database\n{DUMP}"
    assert (failed.page["file"], failed.page["line"]) == ("/workspace/app.py", 3)


def test_a_fork_that_does_not_fit_is_logged(project: Project):
    """Why a forked worker does not fit the project is a line of the log, also of one that a save has replaced."""
    project.preloader.forks = True
    project.save()
    forked = project.newest
    project.workers.fork_mismatch(forked, ForkMismatch("a variable", ["jinja2"], stale=False))
    started = project.children.alive[-1]
    project.workers.fork_mismatch(forked, ForkMismatch("another", [], stale=False))
    assert project.newest is started
    assert logged(project, "preload.unfit") == [
        ("info", {"generation": 2, "reason": "a variable"}), ("info", {"generation": 2, "reason": "another"}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("modules", "stale", "refused"), [([], False, True), (["json"], False, False), ([], True, False)]
)
def test_only_a_fork_without_a_known_reason_is_in_doubt(
    project: Project, modules: list[str], stale: bool, refused: bool
):
    """Preloading is given up only where nothing that can be left out explains the mismatch, and a cold start works."""
    project.preloader.forks = True
    project.save()
    project.workers.fork_mismatch(project.newest, ForkMismatch("it raised", modules, stale=stale))
    project.serve()
    assert bool(project.preloader.refused) is refused


def test_a_wait_for_an_address_is_logged(project: Project):
    """The log says that a worker waits for the address that an old one holds."""
    project.serve()
    project.save()
    in_use = f"[Errno {errno.EADDRINUSE}] {os.strerror(errno.EADDRINUSE)}"
    project.workers.import_failed(project.newest, Failed({"message": in_use}))
    assert logged(project, "worker.waiting") == [("info", {"generation": 2})]
    assert project.newest.reported


def test_the_error_of_a_start_is_handed_on(project: Project):
    """Why a worker could not be started is handed on as it is, for the page."""
    project.not_startable = True
    project.save()
    assert [str(error) for error in project.errors] == ["no process"]


def test_a_start_needs_a_project(project: Project):
    """A worker's start before the project is known is refused by an error."""
    project.workers._analysis = None
    project.workers._start(worker_events.Start(1, 1))
    assert "before the project is known" in str(project.errors[-1])


def test_a_drained_worker_has_the_grace(project: Project):
    """A worker that drains has the grace for its requests and its streams, and none is cut off in a debugger."""
    project.serve()
    project.save()
    (options,) = project.children.options
    assert options["streams_s"] == 10.0
    no_timeout: Any = options["no_timeout"]
    project.no_timeout = True
    assert no_timeout(project.newest)


def test_a_kill_ends_the_whole_generation(project: Project):
    """All workers of a generation are ended at once, and those of others are left alone."""
    old = project.serve()
    project.save()
    second = project.newest
    project.workers.kill(2)
    assert project.children.alive == [old]
    assert second.returncode == -9


def test_no_report_is_asked_of_a_worker_that_ends(project: Project):
    """A worker is asked for its modules again a while after it is ready, quietly, and not once it drains."""
    project.serve()
    project.loop.advance(module.REPORT_MODULES_S[0])
    first = [message.quiet for _, message in project.children.sent if isinstance(message, ReportModules)]
    assert first == [False, True]
    project.newest.ending = True
    project.loop.advance(module.REPORT_MODULES_S[1])
    assert len(project.children.messages(ReportModules)) == 2


def test_a_forked_worker_is_not_asked_at_once(project: Project):
    """A forked worker, whose modules are known, is asked only once its requests have imported more."""
    project.preloader.forks = True
    project.save()
    project.workers.ready(project.newest, READY)
    assert project.children.messages(ReportModules) == []
    project.loop.advance(module.REPORT_MODULES_S[0])
    assert project.children.messages(ReportModules) == [project.newest]


@pytest.mark.parametrize("other", [{"plan": "another"}, {"variables": {"DEBUG": "1"}}, {}])
def test_a_list_is_learned_for_the_same_environment(project: Project, other: dict[str, Any]):
    """A worker's modules are learned if the newest analysis has the same environment and variables."""
    worker = project.serve()
    project.analysis = SimpleNamespace(**{"plan": "plan", "variables": {}, **other})
    project.save()
    project.workers.modules_reported(worker, ModulesReport(["json"], []))
    assert len(project.preloader.lists) == (0 if other else 1)


def test_a_worker_of_no_analysis_teaches_nothing(project: Project):
    """The modules of a worker whose analysis is not known are not learned."""
    worker = project.serve()
    worker.analysis = None
    project.workers.modules_reported(worker, ModulesReport(["json"], []))
    assert project.preloader.lists == []


def test_a_worker_of_another_analysis_is_not_asked(project: Project):
    """A superseded worker reports its modules only if they are those of the newest analysis; else it ends at once."""
    project.preloader.wanted = True
    first = project.newest
    project.analysis = SimpleNamespace(plan="plan", variables={})
    project.workers._analysis = project.analysis
    project.save()
    assert first not in project.children.alive


def test_the_import_watch_ends_with_the_import(project: Project):
    """A worker that serves is not ended by the time-out of its import, however late its requests are."""
    worker = project.serve()
    project.loop.advance(1000.0)
    assert worker in project.children.alive
    assert logged(project, "worker.failed") == []


def test_a_reload_has_its_timeline():
    """A reload's log line has its whole time since the save, and its parts in seconds, as far as each is known."""
    child: Any = SimpleNamespace(ready_at=103.12344, is_forked=True)
    message: Any = SimpleNamespace(began=101.50004, import_s=0.25, how="")
    whole = {"duration_s": 3.1234, "how": "forked", "forked": True, "seen_s": 0.1235, "start_s": 1.5, "import_s": 0.25}
    assert Save(100.0, 0.12346).timeline(child, message) == whole
    message.began, child.ready_at = 99.0, None  # it began before the save
    assert Save(100.0, None).timeline(child, message) == {
        "duration_s": 0.0, "how": "forked", "forked": True, "start_s": 0.0, "import_s": 0.25,
    }  # fmt: skip
    child.is_forked = False
    assert Save(100.0, None).timeline(child, message, "no preloader")["reason"] == "no preloader"
    message.how = "swapped"
    assert Save(100.0, None).timeline(child, message, "late") == {
        "duration_s": 0.0, "how": "swapped", "forked": False, "start_s": 0.0, "import_s": 0.25,
    }  # fmt: skip
    message.began = 0.0
    assert "start_s" not in Save(100.0, None).timeline(child, message)
