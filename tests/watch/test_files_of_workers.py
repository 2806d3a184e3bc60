"""Files that a worker was made from, or looked for, and when they are watched."""

from __future__ import annotations

import os
import time
from pathlib import Path
from zlib import crc32

import pytest

from appliance.watch import watcher as watcher_module
from appliance.watch.file_contents import FileState
from appliance.watch.kinds import Kind
from appliance.watch.tree import mark
from appliance.watch.watch_set import WatchSet
from appliance.watch.watcher import WorkerState
from tests.watch.watching import Looked, Watch, age, save


def as_it_is(path: Path) -> FileState:
    """A module as a worker meets it now."""
    return FileState(mark(str(path)), crc32(path.read_bytes()))


@pytest.fixture
def hidden(watch_set: Path) -> Path:
    """A module that git ignores, in a folder that it ignores."""
    (watch_set / "private").mkdir()
    (watch_set / ".gitignore").write_text("private/\nlocal.py\n", encoding="utf-8")
    for name in ("private/keys.py", "local.py"):
        (watch_set / name).write_text("one", encoding="utf-8")
    age(watch_set)
    return watch_set


@pytest.mark.parametrize("name", ["private/keys.py", "local.py", "../beside/lib.py"])
def test_what_was_met_is_watched(watch: Watch, hidden: Path, tmp_path: Path, name: str):
    """A file that a worker was made from is watched, even if git ignores it, until the next one is made from others."""
    (tmp_path / "beside").mkdir()
    file = Path(os.path.normpath(hidden / name))
    file.write_text("one", encoding="utf-8")
    watching = watch()
    watching.watcher.compare({str(file): as_it_is(file)}, more=False)
    assert watching.changes_before() == []
    save(file, "two")
    assert watching.changes() == {str(file).removeprefix(f"{hidden}/"): Kind.CODE}
    watching.watcher.compare({str(hidden / "app.py"): as_it_is(hidden / "app.py")}, more=False)
    assert watching.changes_before() == []
    save(file, "three")
    assert watching.changes_before() == []


@pytest.mark.parametrize("name", ["local.py", "private/keys.py"])
@pytest.mark.parametrize("was_read", [False, True])
@pytest.mark.parametrize("how", ["saved", "in one tick", "made", "removed"])
def test_a_save_before_the_watch_is_reported_at_once(
    watch: Watch, hidden: Path, looked: Looked, how: str, name: str, *, was_read: bool
):
    """A save that came after a worker has read the file, and before anybody watched it, is reported at once.

    Whether the watcher has read the file in the background, before or since, makes no difference.
    """
    file = hidden / name
    watching = watch()
    if was_read:
        looked(watching, True)
    met = FileState(None) if how == "made" else as_it_is(file)
    if how == "saved":
        save(file, "two")
    elif how == "in one tick":
        file.write_text("two", encoding="utf-8")
        met = FileState(mark(str(file)), met.checksum)
    elif how == "removed":
        file.unlink()
    watching.watcher.compare({str(file): met}, more=True)
    assert watching.changes() == {name: Kind.CODE}
    watching.watcher.compare({str(file): met}, more=True)
    assert watching.changes_before() == []


@pytest.mark.parametrize("how", ["half", "missing"])
def test_a_worker_that_has_read_half_of_a_repeated_save_is_replaced_once(watch: Watch, watch_set: Path, how: str):
    """If the same text is written once more while a worker reads the file, the worker is replaced, once."""
    file = watch_set / "app.py"
    watching = watch()
    save(file, "two")
    assert watching.changes() == {"app.py": Kind.CODE}
    started = time.monotonic()
    met = FileState(mark(str(file)), crc32(b"t")) if how == "half" else FileState(None)
    save(file, "two")
    assert watching.changes_before() == []
    watching.watcher.compare({str(file): met}, more=True, started=started)
    assert watching.changes() == {"app.py": Kind.CODE}
    for worker_started in (started, time.monotonic()):
        watching.watcher.compare({str(file): met}, more=True, started=worker_started)
    assert watching.changes_before() == []


@pytest.mark.parametrize("how", ["half", "missing"])
def test_the_rest_of_a_repeated_save_is_a_change(watch: Watch, watch_set: Path, how: str):
    """If a worker reports half of a file that was reported whole before, the rest is a change when it is written."""
    file = watch_set / "app.py"
    watching = watch()
    save(file, "two")
    assert watching.changes() == {"app.py": Kind.CODE}
    started = time.monotonic()
    if how == "missing":
        file.rename(watch_set / "aside")
        watching.watcher.compare({str(file): FileState(None)}, more=True, started=started)
        watching.look()
        (watch_set / "aside").rename(file)
    else:
        with file.open("w", encoding="utf-8") as writer:
            writer.write("t")
            writer.flush()
            watching.watcher.compare({str(file): as_it_is(file)}, more=True, started=started)
            watching.look()
            writer.write("wo")
    assert watching.changes() == {"app.py": Kind.CODE}
    assert watching.changes_before() == []


def test_a_late_report_of_an_older_worker_changes_nothing(
    watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch
):
    """A worker reports late what it has read; a save that was reported since is not reported again, however slow."""
    monkeypatch.setattr(watcher_module, "LONG_BURST_S", -1.0)  # as on a machine that is too busy
    file = watch_set / "app.py"
    watching = watch()
    met = as_it_is(file)
    save(file, "two")
    assert watching.changes() == {"app.py": Kind.CODE}
    watching.state = WorkerState.BUSY
    watching.watcher.compare({str(file): met}, more=True)
    assert watching.changes_before() == []
    save(file, "three")
    watching.watcher.compare({str(file): met}, more=True)
    assert watching.changes() == {"app.py": Kind.CODE}


@pytest.mark.parametrize("name", ["local.py", "private/keys.py"])
def test_a_touch_before_the_watch_is_not_told(watch: Watch, hidden: Path, looked: Looked, name: str):
    """A file that was only touched after a worker has read it is not reported."""
    file = hidden / name
    watching = watch()
    looked(watching, True)
    met = as_it_is(file)
    file.touch()
    watching.watcher.compare({str(file): met}, more=True)
    assert watching.changes_before() == []


def test_a_missing_file_is_reported_once_it_is_made(watch: Watch, hidden: Path):
    """A file that was looked for is reported once it is made, and so is one in a folder that is still to be made."""
    (hidden / ".gitignore").write_text("private/\nlater/\nabsent.py\n", encoding="utf-8")
    watching = watch()
    names = ("absent.py", "private/absent.py", "later/__init__.py")
    watching.watcher.compare({str(hidden / name): FileState(None) for name in names}, more=False)
    assert watching.changes_before() == []
    (hidden / "later").mkdir()
    for name in names:
        save(hidden / name, "x")
        assert watching.changes() == {name: Kind.CODE}
    (hidden / "later").rename(hidden / "aside")
    assert "later/__init__.py" in watching.changes()
    (hidden / "aside").rename(hidden / "later")
    assert "later/__init__.py" in watching.changes()


def test_a_file_that_the_user_ignores_is_left_out(watch: Watch, hidden: Path):
    """A file that APPLIANCE_IGNORE names, or a folder of its, is left out though a worker was made from it."""
    watching = watch(ignore=["local.py", "private"])
    files = [hidden / "local.py", hidden / "private/keys.py"]
    watching.watcher.compare({str(file): as_it_is(file) for file in files}, more=False)
    for file in files:
        save(file, "two")
    assert watching.changes_before() == []


@pytest.mark.parametrize("how", ["events", "poll"])
def test_a_file_that_only_a_listing_found_is_seen_after_its_note(
    watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch, how: str
):
    """A file that only a listing has found is seen after that: a worker that wrote it meanwhile had noted it before."""
    made = watch_set / "made"
    noted: list[float] = []
    enter = WatchSet._enter

    def entered_slowly(self: WatchSet, folder: str) -> None:
        if folder == str(made) and not noted:
            noted.append(time.monotonic())
            (made / "page.py").write_text("one", encoding="utf-8")
        enter(self, folder)

    monkeypatch.setattr(WatchSet, "_enter", entered_slowly)
    watching = watch(how=how)
    made.mkdir()
    burst = watching.burst()
    assert dict(burst.kinds) == {"made/page.py": Kind.CODE}
    assert burst.seen[str(made / "page.py")] >= noted[0]


@pytest.mark.parametrize("name", ["made/", "\ud800/lib.py", "\0/lib.py"], ids=ascii)
def test_no_name_of_a_file_ends_the_watch(watch: Watch, watch_set: Path, name: str):
    """A path that no file can have, or that names a folder, is passed over; the others are watched."""
    watching = watch(how="poll")
    watching.watcher.add_files("failure", Kind.CODE, [f"{watch_set}/{name}"])
    assert watching.changes_before() == []
    (watch_set / "made").mkdir()
    watching.changes_before()
    save(watch_set / "app.py", "two")
    assert watching.changes() == {"app.py": Kind.CODE}
    assert [event for event, _ in watching.seen] == ["watch.started"]
    assert watching.events.empty()
