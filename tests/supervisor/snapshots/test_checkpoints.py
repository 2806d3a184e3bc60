"""Checkpoints of a project's import, with fake processes: which save is served from where."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from appliance.protocol.messages import FilesReport
from appliance.protocol.snapshot_messages import CheckpointReached
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.snapshots.checkpoints.checkpoints import PENDING_S
from appliance.supervisor.snapshots.known_snapshots import SnapshotRole
from appliance.supervisor.snapshots.snapshot_memory import MEMORY_S
from appliance.supervisor.workers.worker_events import Source
from appliance.watch.kinds import Kind
from tests.supervisor.snapshots.snapshots_project import SnapshotsProject


def test_a_declined_save_brings_a_checkpoint(project: SnapshotsProject):
    """The import after it pauses before that file; what has paused stays, and a fork of it becomes the snapshot."""
    assert project.pauses == [()]
    project.has_checkpoint()
    assert project.pauses[1:] == [("shop/views.py",)]
    assert (project.checkpoints, project.living) == (["shop/views.py"], [SnapshotRole.SNAPSHOT, SnapshotRole.SPARE])
    assert project.continued == project.paused()
    (ready,) = project.log.named("checkpoint.ready")
    assert ready == {"file": "shop/views.py", "pid": project.paused()[0].pid}


def test_functions_alone_make_no_checkpoint(project: SnapshotsProject):
    """As long as every save is swapped no import pauses."""
    for _ in range(5):
        assert project.saved("shop/views.py")[0]
        project.passes()
        project.imports()
        project.verifies()
    assert (project.checkpoints, set(project.pauses)) == ([], {()})


def test_the_next_declined_save_is_served(chain: SnapshotsProject):
    """Each further save of that file is served by a fork of the checkpoint, and the next snapshot goes on from it."""
    for _ in range(3):
        assert chain.declined("shop/views.py") is not None
        assert chain.told == [str(chain.root / "shop/views.py")]
        chain.passes(1.5)
        chain.imports()
        chain.passes(0.1)
        assert chain.living == [SnapshotRole.SNAPSHOT, SnapshotRole.SPARE]
    assert len(chain.pauses) == 2
    assert chain.continued == chain.paused() * 4


def test_a_swap_is_not_tried_without_hope(chain: SnapshotsProject):
    """A save after a declined one is swapped where only bodies of functions differ; else the checkpoint serves it."""
    views = chain.root / "shop/views.py"
    for text, swaps in (
        ("A = 2\ndef f():\n    return 1\n", False),
        ("A = 2\ndef f():\n    return 2\n", True),
        ("A = 3\ndef f():\n    return 2\n", True),  # nobody has declined the last one
    ):
        views.write_text(text, encoding="utf-8")
        swapped, _, why = chain.saved("shop/views.py")
        assert (swapped, bool(why)) == (swaps, not swaps)
        assert swapped or why.startswith("more than functions has changed, as at the save before: a class")
        chain.passes()
        chain.imports()
        chain.verifies()
        chain.passes(0.1)


def test_saves_without_a_snapshot_count_too(chain: SnapshotsProject):
    """A save is compared with the save before it, also if there was no snapshot at that time."""
    views = chain.root / "shop/views.py"
    for number in (2, 3):
        views.write_text(f"A = {number}\ndef f():\n    return 1\n", encoding="utf-8")
        assert chain.declined("shop/views.py") is not None
    chain.passes(1.5)
    chain.imports()
    chain.passes(0.1)
    views.write_text("A = 3\ndef f():\n    return 2\n", encoding="utf-8")
    assert chain.saved("shop/views.py")[0]


def test_a_save_before_the_checkpoint_ends_it(chain: SnapshotsProject):
    """A save of a file that comes before the checkpoint ends it, and is served from the preloader."""
    assert chain.declined("app.py") is None
    assert (chain.checkpoints, chain.paused()) == ([], [])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("extra.py", Kind.CODE), ("gone.py", Kind.CODE), ("notes.toml", Kind.CODE), ("page.html", Kind.ASSET)],
)
def test_other_changes_end_it(chain: SnapshotsProject, name: str, kind: Kind):
    """A new file, a removed one, and other files than modules: what was imported before is not used any more."""
    if name in {"extra.py", "page.html"}:
        (chain.root / name).write_text("", encoding="utf-8")
    chain.changes(name, kind=kind)
    assert chain.paused() == []


def test_a_module_that_comes_back_is_a_new_one(chain: SnapshotsProject):
    """A module that was removed is a new one when it comes back; one that was new is none at its next save."""
    views = chain.root / "shop/views.py"
    views.unlink()
    chain.changes("shop/views.py")
    assert chain.paused() == []
    views.write_text("", encoding="utf-8")
    chain.declined("shop/views.py")
    chain.passes(2.5)
    assert chain.pauses[-1] == ("shop/views.py",)
    chain.reaches("shop/views.py", "app.py")
    chain.imports()
    assert chain.declined("shop/views.py") is not None


def test_files_that_the_application_writes_end_checkpoints_that_read_them(chain: SnapshotsProject):
    """A file that the application writes ends a checkpoint that has read it, or that could find a new module."""
    chain.snapshots.written({"uploads/a.png": Kind.STATIC, "shop/views.py": Kind.CODE})
    assert chain.checkpoints == ["shop/views.py"]
    chain.snapshots.written({"generated.py": Kind.CODE})
    assert chain.checkpoints == []


@pytest.mark.parametrize("what", ["preloader", "drop", "another project", "stop"])
def test_other_packages_and_asked_reloads_end_every_checkpoint(chain: SnapshotsProject, what: str):
    """Other packages, another project, a reload that was asked for, and the stop end what was imported."""
    if what == "preloader":
        chain.snapshots.preloader_discarded()
    elif what == "drop":
        chain.snapshots.drop("somebody has asked for a reload")
    elif what == "stop":
        chain.snapshots.close()
    else:
        other = type(chain.analysis)(differs=lambda _: True, before_start="")
        chain.snapshots.follow(other)
    assert (
        chain.paused(),
        [child for child in chain.children.alive if child.role is Role.SNAPSHOT and not child.ending],
    ) == ([], [])


def test_a_refused_project_has_checkpoints(make):
    """A project that starts a thread after the checkpoint has no snapshot, but its saves go on from there."""
    project = make()
    project.begins()
    project.snapshots.checkpoints.read({str(project.root / "shop/views.py"): [1, 2, 3, 4, 5]})
    project.passes(0.1)
    project.imports(refused="shop.views starts a thread")
    assert project.declined("shop/views.py") is None
    project.passes(3.0)
    project.reaches("shop/views.py", "app.py")
    project.imports(refused="shop.views starts a thread")
    assert (project.checkpoints, project.living) == (["shop/views.py"], [])
    assert project.declined("shop/views.py") is not None


def test_a_checkpoint_outlives_a_failed_import(chain: SnapshotsProject):
    """A mistake in the file that is edited leaves the checkpoint: the corrected file is served from there."""
    assert chain.declined("shop/views.py") is not None
    chain.snapshots.worker_gone()
    assert chain.declined("shop/views.py") is not None
    chain.passes(1.5)
    child = chain.process(SnapshotRole.NEXT)
    assert child is not None
    chain.runner.failed(child, "its import fails: invalid syntax")
    assert chain.checkpoints == ["shop/views.py"]


def test_a_checkpoint_that_loses_a_worker_is_not_used(chain: SnapshotsProject):
    """A checkpoint whose worker ends before it is ready is not used, nor made again if the preloader's serves."""
    assert chain.declined("shop/views.py") is not None
    chain.changes("shop/views.py")
    chain.snapshots.worker_wanted()
    child, _ = chain.snapshots.checkpoints.fork(9)
    assert child is not None
    chain.snapshots.worker_started(child, Source.CHECKPOINT)
    chain.snapshots.drop_source(Source.CHECKPOINT, "a fork of it has ended (killed by SIGSEGV)")
    assert chain.resumes() is None
    assert chain.log.named("checkpoint.ended") == [
        {"file": "shop/views.py", "how": "a fork of it has ended (killed by SIGSEGV)"}
    ]
    chain.passes(1.5)
    assert chain.pauses[-1] == ()


def test_a_checkpoint_that_declines_is_dropped(chain: SnapshotsProject):
    """A checkpoint whose worker declines the save is not used again, and the reload's reason says that it declined."""
    assert chain.declined("shop/views.py") is not None
    chain.changes("shop/views.py")
    chain.snapshots.worker_wanted()
    forked, reason = chain.snapshots.fork(9, Source.CHECKPOINT, "a class has changed")
    assert forked is not None
    assert (forked.source, reason) == (Source.CHECKPOINT, "a class has changed")
    chain.snapshots.worker_started(forked.child, forked.source)
    assert chain.snapshots.declined(Source.CHECKPOINT, "no such file", "") == "a fork of it has declined"
    assert chain.log.named("checkpoint.ended") == [{"file": "shop/views.py", "how": "a fork of it has declined"}]
    assert chain.snapshots.fork(10, Source.CHECKPOINT, "") == (None, "")


def test_a_killed_checkpoint_is_one_event(chain: SnapshotsProject):
    """A checkpoint that the kernel kills is one event for debugging; the preloader serves."""
    (child,) = chain.paused()
    chain.children.end(child, -9)
    (ended,) = chain.log.named("checkpoint.ended")
    assert ended["how"] == "killed by SIGKILL"
    assert chain.declined("shop/views.py") is None


def test_checkpoints_end_while_memory_is_short(chain: SnapshotsProject):
    """While memory is short checkpoints end, soon also without a save, and none is made."""
    chain.shortage = "12 MiB of memory is left"
    chain.passes(MEMORY_S)
    assert chain.paused() == []
    assert chain.log.named("checkpoint.ended")[0]["how"] == "12 MiB of memory is left"
    assert chain.declined("shop/views.py") is None
    pauses = list(chain.pauses)
    chain.passes(2.5)
    assert chain.pauses == pauses
    chain.shortage = ""
    chain.declined("shop/views.py")
    chain.passes(5.0)
    assert chain.pauses == [*pauses, ("shop/views.py",)]


def test_a_save_is_served_from_the_preloader_if_no_checkpoint_can_fork(project: SnapshotsProject):
    """If a checkpoint can't be forked, the import ends and is tried again; the preloader serves a save."""
    project.snapshots.checkpoints.read({str(project.root / "shop/views.py"): [1, 2, 3, 4, 5]})
    project.declined("shop/views.py")
    project.passes(1.5)
    project.descriptors = False
    project.reaches("shop/views.py")
    assert (project.living, project.paused()) == ([], [])
    assert project.log.named("snapshot.ended") == [{"how": "no process could be forked"}]


def test_a_fork_that_was_asked_for_comes_first(project: SnapshotsProject):
    """A checkpoint that is of no use is ended once its fork is there, or has had its time."""
    project.snapshots.checkpoints.read({str(project.root / "shop/views.py"): [1, 2, 3, 4, 5]})
    project.declined("shop/views.py")
    project.passes(1.5)
    project.changes("app.py")
    child = project.reaches("shop/views.py", "app.py")
    assert child in project.children.alive
    project.imports()
    assert child in project.children.alive
    project.loop.advance(PENDING_S)
    assert child not in project.children.alive


def test_a_stopped_checkpoint_goes_on(make, monkeypatch: pytest.MonkeyPatch):
    """One that was stopped in the moment in which it paused goes on when it is to fork."""
    project = make(processors=1.0)
    project.begins()
    project.passes(0.1)
    child = project.process(SnapshotRole.NEXT)
    assert child is not None
    signals: list[signal.Signals] = []
    monkeypatch.setattr(child, "signal_group", signals.append)
    project.snapshots.worker_started(project.worker, Source.PRELOADER)
    project.reaches("shop/views.py", "app.py")
    project.snapshots.worker_ready()
    assert signals == [signal.SIGSTOP, signal.SIGCONT, signal.SIGCONT]


def test_a_module_that_the_checkpoint_has_not_read_is_imported_from_there(chain: SnapshotsProject):
    """A module that the checkpoint has not read is imported from there; one that nobody knows is not."""
    assert chain.snapshots.checkpoints.resumable() == ["shop/views.py"]
    (chain.root / "shop/views.py").unlink()
    assert chain.snapshots.checkpoints.resumable() == []


def test_reports_of_others_mean_nothing(chain: SnapshotsProject):
    """A pause that somebody else reports, and a malformed report of files, change nothing."""
    before = chain.snapshots.status()
    chain.runner.reached(chain.worker, CheckpointReached(str(chain.root / "app.py")))
    files: dict[str, list[int]] = {str(Path("/missing.py")): []}
    chain.runner.read(chain.worker, FilesReport(files))
    assert chain.snapshots.status() == before
