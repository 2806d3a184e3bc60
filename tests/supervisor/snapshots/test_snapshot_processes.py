"""The processes of snapshots: how they end, and when a spare copies memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from appliance.protocol.snapshot_messages import GetReady
from appliance.supervisor.processes.child_forks import FORK_ANSWER_S
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.snapshots.known_snapshots import SnapshotRole
from appliance.supervisor.snapshots.snapshot_processes import LATER_S
from appliance.supervisor.snapshots.snapshot_runner import CALM_S
from tests.supervisor.snapshots.snapshots_project import SnapshotsProject


def asked(project: SnapshotsProject) -> list[Handle]:
    """The processes that were asked to get ready."""
    return [child for child, message in project.children.sent if isinstance(message, GetReady)]


def test_a_process_is_stopped_before_it_is_killed(project: SnapshotsProject):
    """A process that a save ends is stopped at once, and killed when the save has been answered."""
    project.saved("app.py")
    project.passes()
    child = project.process(SnapshotRole.NEXT)
    assert child is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as process:
        child.pid = process.pid
        project.changes("app.py")
        assert child.ending
        assert child in project.children.alive
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        project.loop.advance(LATER_S)
        assert child not in project.children.alive
        process.kill()


@pytest.mark.parametrize("stops", ["before", "after"])
def test_a_stop_waits_for_no_process(project: SnapshotsProject, stops: str):
    """When the appliance stops, what was stopped is killed at once, and so is what ends then."""
    project.saved("app.py")
    project.passes()
    if stops == "after":
        project.changes("app.py")
    project.snapshots.close()
    assert [child for child in project.children.alive if child.role is not Role.WORKER] == []


def test_a_spare_gets_ready_once(project: SnapshotsProject):
    """A spare that is forked after a save gets ready at once; a file event asks it only if it has not."""
    spare = project.process(SnapshotRole.SPARE)
    assert asked(project) == [spare]
    project.snapshots.noticed("")
    assert asked(project) == [spare]


def test_a_spare_learns_which_files_a_save_will_change(project: SnapshotsProject):
    """A spare compiles ahead the modules that have changed before, and a module that is being saved."""
    project.saved("app.py")
    project.passes(0.5)
    project.snapshots.noticed(str(project.root / "shop/views.py"))
    project.snapshots.noticed(str(project.root / "page.html"))
    changed = [message.changed for _, message in project.children.sent if isinstance(message, GetReady)]
    assert changed == [[], [str(project.root / "app.py")], [str(project.root / "shop/views.py")]]


def test_a_calm_spare_gives_its_memory_back(project: SnapshotsProject):
    """When nothing was saved for long, a spare that has copied nothing takes its place; a file event asks that one."""
    old = project.process(SnapshotRole.SPARE)
    project.passes(CALM_S + 1.0)
    spare = project.process(SnapshotRole.SPARE)
    assert spare not in {None, old}
    assert asked(project) == [old]
    project.snapshots.noticed("")
    assert asked(project) == [old, spare]
    assert project.saved("app.py") == (True, ["app.py"], "")


def test_the_snapshot_forks_the_worker_where_no_spare_can_be_forked(project: SnapshotsProject):
    """If no descriptor is free when the spare is replaced, the next worker is forked from the snapshot itself."""
    project.descriptors = False
    project.passes(CALM_S + 1.0)
    assert project.process(SnapshotRole.SPARE) is None
    project.descriptors = True
    assert project.saved("app.py")[0]


def test_a_fresh_spare_that_does_not_answer_ends_the_snapshot(project: SnapshotsProject):
    """The spare that takes the place of a calm one has to say hello as every other: else no save waits for it."""
    project.loop.advance(CALM_S)
    spare = project.process(SnapshotRole.SPARE)
    assert spare is not None
    assert not spare.pid
    project.loop.advance(FORK_ANSWER_S + LATER_S)
    assert project.process(SnapshotRole.SNAPSHOT) is None
    assert project.snapshots.fork_snapshot(2)[0] is None


def test_the_preloader_keeps_its_spare_where_swaps_are_declined(project: SnapshotsProject):
    """The preloader needs no spare beside a snapshot, except after a declined save that no checkpoint would serve."""
    assert not project.preloader_spare
    project.preloader_spare = True
    project.declined("app.py")
    assert not project.snapshots.serves_next_save()
    project.passes()
    project.imports()
    project.passes(0.1)
    assert SnapshotRole.SPARE in project.living
    assert (project.preloader_spare, project.snapshots.serves_next_save()) == (True, False)
    project.saved("app.py")
    assert project.snapshots.serves_next_save()
    project.passes(0.1)
    assert not project.preloader_spare


def test_a_checkpoint_needs_no_spare_of_the_preloader(project: SnapshotsProject):
    """After a declined save, a checkpoint before its file will serve the next such save: the preloader's spare ends."""
    project.declined("app.py")
    project.preloader_spare = True
    project.passes()
    project.reaches("app.py")
    project.imports()
    project.passes(0.1)
    assert (project.preloader_spare, project.snapshots.serves_next_save()) == (False, True)
