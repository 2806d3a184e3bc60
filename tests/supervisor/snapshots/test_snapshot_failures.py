"""Snapshots that fail, with fake processes: whatever ends, hangs or is missing, saves are served as without any."""

from __future__ import annotations

import signal

import pytest

from appliance.supervisor.processes.child_forks import FORK_ANSWER_S
from appliance.supervisor.snapshots.known_snapshots import SnapshotRole
from appliance.supervisor.snapshots.snapshot_memory import MEMORY_S
from appliance.supervisor.snapshots.verification import COMPARE_S
from appliance.supervisor.workers.worker_events import Source
from tests.supervisor.snapshots.snapshots_project import STATE, SnapshotsProject

OTHER = {**STATE, "app": "another"}


@pytest.mark.parametrize("what", ["verifier refuses", "verifier ends", "verifier hangs", "no descriptor"])
def test_the_import_becomes_the_snapshot_if_a_comparison_fails(project: SnapshotsProject, what: str):
    """If a comparison fails, the import becomes the snapshot, and the reason is logged."""
    project.saved("app.py")
    project.passes()
    project.descriptors = what != "no descriptor"
    project.imports()
    verifier = project.process(SnapshotRole.VERIFIER)
    if what == "verifier refuses":
        project.verifies(refused="the import had no fingerprint")
    elif what == "verifier ends":
        assert verifier is not None
        project.children.end(verifier, -9)
    elif what == "verifier hangs":
        project.loop.advance(COMPARE_S)
    assert len(project.log.named("snapshot.unverified")) == 1
    assert project.process(SnapshotRole.SNAPSHOT) is not None
    assert project.living[-1] in {SnapshotRole.SNAPSHOT, SnapshotRole.SPARE}


def test_the_worker_is_replaced_if_the_second_import_fails(project: SnapshotsProject):
    """Without a second import nobody knows what the difference means: the worker is replaced, without blame."""
    project.saved("app.py")
    project.passes()
    project.imports()
    project.verifies(OTHER)
    project.imports(refused="it starts a thread")
    project.loop.advance()
    assert (project.replaced, project.snapshots.status()["off"]) == (1, [])
    assert project.log.named("reload.mismatch") == []


def test_a_hanging_import_is_ended(make):
    """An import without an end is killed after BOOT_TIMEOUT_S, and tried again after a pause."""
    project = make()
    project.begins()
    project.passes(0.1)
    first = project.process(SnapshotRole.NEXT)
    project.loop.advance(60.0)
    assert first is not None
    assert first.ending
    assert project.log.named("snapshot.ended") == [{"how": "it has taken too long"}]
    project.loop.advance(5.0)
    assert project.process(SnapshotRole.NEXT) not in {None, first}


def test_a_worker_has_the_only_processor_to_itself(make, monkeypatch: pytest.MonkeyPatch):
    """With one processor the snapshot's import stands still while a worker is started; its time begins again then."""
    project = make(processors=1.5)
    project.begins()
    project.passes(0.1)
    child = project.process(SnapshotRole.NEXT)
    assert child is not None
    signals: list[signal.Signals] = []
    monkeypatch.setattr(child, "signal_group", signals.append)
    project.loop.advance(50.0)
    project.changes("app.py")
    project.snapshots.worker_started(project.worker, Source.PRELOADER)
    assert signals == [signal.SIGSTOP]
    project.snapshots.worker_ready()
    assert signals == [signal.SIGSTOP, signal.SIGCONT]
    project.loop.advance(50.0)
    assert not child.ending


def test_a_snapshot_that_answers_nothing_is_ended(make):
    """A snapshot that is stopped forks nothing: it is ended before a save waits for it."""
    project = make()
    project.begins()
    project.passes(0.1)
    project.imports()
    snapshot, spare = project.process(SnapshotRole.SNAPSHOT), project.process(SnapshotRole.SPARE)
    assert spare is not None
    assert spare.pid == 0
    project.loop.advance(FORK_ANSWER_S)
    assert snapshot is not None
    assert snapshot.ending
    assert project.log.named("snapshot.ended") == [{"how": "it does not answer"}]
    assert project.saved() == (False, [], "the snapshot of the project has failed: it does not answer")


def test_little_memory_ends_the_snapshot(project: SnapshotsProject):
    """While memory is short there is no snapshot, and none is imported; one event says so, and it comes back."""
    project.shortage = "12 MiB of memory is left"
    project.passes(MEMORY_S)
    assert project.living == []
    assert project.saved() == (False, [], "the snapshot of the project has failed: 12 MiB of memory is left")
    project.passes(60.0)
    assert project.living == []
    assert project.log.named("snapshot.ended") == [{"how": "12 MiB of memory is left"}]
    project.shortage = ""
    for _ in range(35):
        project.passes(10.0)
        project.imports()
    assert project.living == [SnapshotRole.SNAPSHOT, SnapshotRole.SPARE]


def test_little_memory_ends_an_import(make):
    """Memory that runs short while the project is imported ends the import."""
    project = make()
    project.begins()
    project.passes(0.1)
    assert project.living == [SnapshotRole.NEXT]
    project.shortage = "12 MiB of memory is left"
    project.passes(MEMORY_S)
    assert project.living == []


def test_a_killed_spare_costs_nothing_but_a_fork(project: SnapshotsProject):
    """A killed spare costs nothing but a fork: the next save asks the snapshot itself, or the next spare."""
    spare = project.process(SnapshotRole.SPARE)
    assert spare is not None
    project.children.end(spare, -9)
    assert project.saved()[0]
    project.passes()
    assert SnapshotRole.SPARE in project.living


def test_no_descriptor_is_free(make):
    """Without descriptors there is no snapshot and no swap; later there is."""
    project = make()
    project.descriptors = False
    project.begins()
    project.passes(0.1)
    assert project.living == []
    project.descriptors = True
    project.passes(3.0)
    project.imports()
    project.descriptors = False
    spare = project.process(SnapshotRole.SPARE)
    assert spare is not None
    project.children.end(spare)
    assert project.saved() == (False, [], "no process could be forked")
    project.forkable = False


def test_an_older_python_has_no_snapshot(make):
    """In Python 3.11 nothing is imported ahead, and the reason is logged once."""
    project = make()
    project.worker.python = "3.11.2"
    project.begins()
    project.passes()
    assert project.living == []
    why = "swaps need Python 3.12 or newer; the project has 3.11.2"
    assert project.log.named("snapshot.refused") == [{"reason": why}]
    assert project.saved() == (False, [], why)
    project.passes(4.0)
    assert [level for level, name, _ in project.log.events if name == "snapshot.refused"] == ["info", "debug"]


def test_an_import_that_raises_gives_no_snapshot(make):
    """An import that fails gives no snapshot; the next save is served as without snapshots, and gives another try."""
    project = make()
    project.begins()
    project.passes(0.1)
    child = project.process(SnapshotRole.NEXT)
    project.runner.failed(child, "its import fails: no module named flask")
    assert project.living == []
    assert project.saved()[2] == "its import fails: no module named flask"
    project.passes()
    assert SnapshotRole.NEXT in project.living


def test_a_stop_ends_the_import_and_begins_no_other(make):
    """The stop ends what imports, and nothing is imported after it."""
    project = make()
    project.begins()
    project.passes(0.1)
    project.snapshots.close()
    project.passes(400.0)
    assert (project.living, project.children.alive) == ([], [])
