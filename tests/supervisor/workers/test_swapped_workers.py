"""Workers from a snapshot of the project, under the lifecycle's own table, with processes that only remember."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.protocol.messages import Failed, ForkMismatch, Ready
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes.child_forks import FORK_ANSWER_S
from appliance.supervisor.workers.worker_events import Source
from tests.supervisor.workers_project import Project

SWAPPED = Ready(import_s=0.004, application="app:app", how="swapped")


@pytest.fixture
def project() -> Project:
    """A project that serves, and has a snapshot and a preloader."""
    made = Project()
    made.serve()
    made.snapshots.forks = made.preloader.forks = True
    return made


def finished(project: Project) -> list[tuple[str, str | None]]:
    """How each reload was made, and why not in a faster way."""
    return [(each["how"], each.get("reason")) for each in project.timelines]


def test_a_worker_from_the_snapshot_serves(project: Project):
    """A save takes a fork of the snapshot, and tells it which files to swap; once it is ready it serves."""
    project.save()
    assert project.newest.source is Source.SNAPSHOT
    assert project.swaps == [["/workspace/app.py"]]
    project.workers.ready(project.newest, SWAPPED)
    project.loop.advance(5.0)
    assert project.accepting == [project.newest]
    assert finished(project) == [("swapped", None)]
    assert ("worker_ready",) in project.snapshots.told


@pytest.mark.parametrize("what", ["declines", "ends", "was never forked", "fails", "does not fit", "does not answer"])
def test_a_worker_from_the_preloader_follows(project: Project, what: str):
    """After any end of a fork of the snapshot before it serves, a worker from the preloader serves the save."""
    project.snapshots.born = what != "was never forked"
    project.save()
    child = project.newest
    told: dict[str, Any] = {
        "declines": lambda: project.workers.source_declined(child, "another signature", "/workspace/app.py"),
        "ends": lambda: project.children.end(child, -9),
        "was never forked": lambda: project.children.end(child, None),
        "fails": lambda: project.workers.import_failed(child, Failed({"message": "no attribute"})),
        "does not fit": lambda: project.workers.fork_mismatch(child, ForkMismatch("another json", [], stale=True)),
        "does not answer": lambda: project.loop.advance(FORK_ANSWER_S),
    }
    told[what]()
    assert project.newest is not child
    assert project.newest.source is Source.PRELOADER
    assert (project.pages, project.preloader.refused) == ([], [])
    project.serve()
    assert project.state.phase is Phase.SERVING
    ((how, reason),) = finished(project)
    assert how == "forked"
    assert reason
    assert not any(level == "error" for level, _, _ in project.log.events)


def test_a_later_save_ends_a_swap(project: Project):
    """A fork of the snapshot that a newer save has superseded is ended; its late message changes nothing."""
    project.save()
    late = project.newest
    project.save()
    assert late.ending
    project.workers.source_declined(late, "another signature", "")
    assert project.newest.source is Source.SNAPSHOT
    project.workers.ready(project.newest, SWAPPED)
    project.loop.advance(5.0)
    assert finished(project) == [("swapped", None)]


def test_a_swap_that_differs_is_replaced(project: Project):
    """The worker that was swapped is replaced by one that is not, and the log says why it was reloaded."""
    project.save()
    project.workers.ready(project.newest, SWAPPED)
    project.loop.advance(5.0)
    project.snapshots.forks = False
    project.workers.replace()
    project.serve()
    assert finished(project) == [("swapped", None), ("forked", "no snapshot")]
    assert project.log.named("reload.started")[-1] == {"reason": "a swap differs from an import"}


def test_a_crash_of_a_swapped_worker_is_reported_as_any_other(project: Project):
    """A worker from the snapshot that serves and crashes is reported as any other."""
    project.save()
    project.workers.ready(project.newest, SWAPPED)
    project.loop.advance(5.0)
    project.children.end(project.newest, -11)
    assert ("worker_gone",) in project.snapshots.told
    assert project.log.named("worker.exited")[-1]["how"] == "killed by SIGSEGV"


RESUMED = Ready(import_s=0.05, application="app:app", how="checkpoint")


def test_a_checkpoint_follows_a_declined_swap(project: Project):
    """A save that can't be swapped is served from a checkpoint, and the log says why it was not swapped."""
    project.snapshots.checkpoints.forks = True
    project.save()
    project.workers.source_declined(project.newest, "another signature", "/workspace/app.py")
    assert project.newest.source is Source.CHECKPOINT
    project.workers.ready(project.newest, RESUMED)
    project.loop.advance(5.0)
    assert finished(project) == [("checkpoint", "another signature")]
    assert ("declined", Source.SNAPSHOT, "another signature", "/workspace/app.py") in project.snapshots.told


def test_a_checkpoint_serves_at_once_without_a_snapshot(project: Project):
    """Without a snapshot the checkpoint serves at once; its worker may take long, once it has said hello."""
    project.snapshots.forks, project.snapshots.checkpoints.forks = False, True
    project.save()
    project.loop.advance(10 * FORK_ANSWER_S)
    project.workers.ready(project.newest, RESUMED)
    assert finished(project) == [("checkpoint", "no snapshot")]


@pytest.mark.parametrize("what", ["ends", "was never forked", "does not fit", "does not answer"])
def test_the_preloader_follows_a_checkpoint(project: Project, what: str):
    """After any end of a fork of a checkpoint before it serves, a worker from the preloader serves the save."""
    project.snapshots.forks, project.snapshots.checkpoints.forks = False, True
    project.snapshots.checkpoints.born = what not in {"was never forked", "does not answer"}
    project.save()
    child = project.newest
    told: dict[str, Any] = {
        "ends": lambda: project.children.end(child, -9),
        "was never forked": lambda: project.children.end(child, None),
        "does not fit": lambda: project.workers.fork_mismatch(child, ForkMismatch("another json", [], stale=True)),
        "does not answer": lambda: project.loop.advance(FORK_ANSWER_S),
    }
    told[what]()
    assert (project.newest is child, project.newest.source) == (False, Source.PRELOADER)
    assert len(project.snapshots.checkpoints.lost) == 1
    project.serve()
    ((how, reason),) = finished(project)
    assert (how, reason) == ("forked", project.snapshots.checkpoints.lost[0])
    assert not any(level == "error" for level, _, _ in project.log.events)


def test_a_mistake_is_shown_at_once(project: Project):
    """An import that fails in a fork of a checkpoint fails in any other worker too: the failure is shown."""
    project.snapshots.forks, project.snapshots.checkpoints.forks = False, True
    project.save()
    project.workers.import_failed(project.newest, Failed({"message": "invalid syntax"}))
    assert project.state.phase is Phase.BROKEN
    assert project.snapshots.checkpoints.lost == []
