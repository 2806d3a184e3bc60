"""Files that are polled, in places of their own: each save is reported once, and nothing else."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from appliance.watch import mounts, scan_schedule, watcher
from appliance.watch.file_contents import FileState
from appliance.watch.kinds import Kind
from appliance.watch.tree import Mark
from appliance.watch.watch_set import WatchSet
from appliance.watch.watcher import WorkerState
from tests.watch.watching import Watch, save


def test_a_save_outside_the_project_is_reported_once(
    watch: Watch, watch_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A saved file elsewhere, which a worker has loaded, does not change again each time that recent files are read."""
    monkeypatch.setattr(scan_schedule, "POLL_S", (0.5, 3.0))  # as with many files: the recent ones are read in between
    (tmp_path / "lib.py").write_text("one", encoding="utf-8")
    watching = watch(how="poll")
    watching.watcher.add_files("worker", Kind.CODE, [str(tmp_path / "lib.py")])
    assert watching.changes_before() == []
    save(tmp_path / "lib.py", "two")
    assert watching.changes() == {str(tmp_path / "lib.py"): Kind.CODE}
    watching.state = WorkerState.BROKEN  # each change of a file counts, also one without another content
    assert watching.changes_before() == []


@pytest.mark.parametrize("poll_s", [0.1, 0.5])
def test_a_folder_in_the_place_of_a_file_is_reported_once(
    watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch, poll_s: float
):
    """A file that a folder replaces has gone, once; what is in the folder is watched."""
    monkeypatch.setattr(scan_schedule, "POLL_S", (poll_s, 3.0))
    watching = watch(how="poll")
    (watch_set / "app.py").unlink()
    (watch_set / "app.py").mkdir()
    assert watching.changes() == {"app.py": Kind.CODE}
    watching.state = WorkerState.BROKEN
    assert watching.changes_before() == []
    save(watch_set / "app.py/inner.py", "one")
    assert watching.changes() == {"app.py/inner.py": Kind.CODE}


@pytest.mark.parametrize("kind", ["ext4", "virtiofs"])
def test_a_save_of_a_mounted_file_is_reported(
    watch: Watch, watch_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
):
    """A save of a file that is mounted into the project is reported at once, on any file system."""
    # A hard link is like such a mount: a write through its other name is not reported for the project's folder.
    (tmp_path / "outside.py").write_text("one", encoding="utf-8")
    (watch_set / "mounted.py").hardlink_to(tmp_path / "outside.py")
    table = tmp_path / "mountinfo"
    table.write_text(
        f"1 0 8:1 / / rw - ext4 x rw\n2 1 8:1 /x {watch_set}/mounted.py rw - {kind} x rw\n", encoding="utf-8"
    )
    monkeypatch.setattr(mounts, "MOUNTINFO", table)
    monkeypatch.setattr(scan_schedule, "SWEEP_S", (600.0, 600.0))
    watching = watch()
    assert watching.changes_before() == []
    (tmp_path / "outside.py").write_text("another", encoding="utf-8")
    assert watching.changes() == {"mounted.py": Kind.CODE}
    assert watching.changes_before() == []


def test_a_polled_file_that_grows_is_reported_when_it_is_complete(
    watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file that a poll has found is not reported while each look at it finds more."""
    watching = watch(how="poll")
    refresh = WatchSet.refresh
    parts = ["a", "b", "c"]

    def growing(watched: WatchSet, path: str) -> Mark | None:
        seen = refresh(watched, path)
        if parts:
            with (watch_set / "app.py").open("a", encoding="utf-8") as file:
                file.write(parts.pop())
        return seen

    monkeypatch.setattr(WatchSet, "refresh", growing)
    monkeypatch.setattr(watcher, "MAX_S", 60.0)
    save(watch_set / "app.py", "x")
    assert watching.changes() == {"app.py": Kind.CODE}
    assert parts == []
    assert watching.changes_before() == []


@pytest.mark.parametrize(("how", "is_complete"), [("events", True), ("poll", False)])
def test_a_change_that_a_worker_has_not_read_may_go_on_where_files_are_polled(
    watch: Watch, watch_set: Path, how: str, is_complete: bool
):
    """A file that a worker has read otherwise counts as complete only where an event reports its end."""
    watching = watch(how=how)
    file = watch_set / "app.py"
    watching.watcher.compare({str(file): FileState(None)}, more=True)
    assert watching.changes() == {"app.py": Kind.CODE}
    assert watching.noticed_files == [str(file) if is_complete else ""]


def test_a_folder_for_which_no_watch_is_left_is_polled_at_once(
    watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch
):
    """If the kernel's watches are used up after the start, the files are polled from then on, and one event says so."""
    monkeypatch.setattr(scan_schedule, "SWEEP_S", (600.0, 600.0))
    watching = watch()

    def add(folder: str, *, partial: bool) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)

    monkeypatch.setattr(watching.source, "add", add)
    (watch_set / "late").mkdir()
    assert "max_user_watches" in str(watching.event("watch.failed")["action"])
    save(watch_set / "late/module.py", "one")
    assert watching.changes() == {"late/module.py": Kind.CODE}
