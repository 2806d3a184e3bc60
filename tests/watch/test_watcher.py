"""The reports of the watcher: which files, and how many times."""

from __future__ import annotations

import errno
import math
import os
import queue
import subprocess
import time
from pathlib import Path

import pytest

from appliance.watch import baseline, file_contents
from appliance.watch import watch_set as watch_set_module
from appliance.watch import watcher as watcher_module
from appliance.watch.baseline import Baseline
from appliance.watch.ignores import Ignores
from appliance.watch.inotify import Inotify
from appliance.watch.kinds import Kind
from appliance.watch.mounts import Mounts
from appliance.watch.tree import Tree
from appliance.watch.watcher import NOTICED_MOST, WorkerState
from tests.faults.injections import FewDescriptors, few_descriptors
from tests.supervisor.processes.child_descriptors import open_descriptors
from tests.watch.watching import Looked, Watch, age, save

__all__ = ["few_descriptors"]

COMMITTER = "committer a <a@b> 0 +0000\n"


def git(folder: Path, *argv: str, **more: str) -> None:
    """git, without anybody's settings."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", "-c", "core.fsync=none", *argv],
        cwd=folder, check=True, capture_output=True, text=True, timeout=60, env=environment, input=more.get("input"),
    )  # fmt: skip


def test_the_way_of_watching_is_reported(watch: Watch):
    """The beginning is one event, which says how saves are noticed, of how many files."""
    assert {key: value for key, value in watch().begun.items() if key != "duration_s"} == {
        "how": "events", "polled": [], "count": 4, "folders": 2,
    }  # fmt: skip


def test_an_unchanged_file_is_not_reported(watch: Watch, watch_set: Path, looked: Looked):
    """A touch, the same text again, and there and back again are not reported, once the files have been read."""
    age(watch_set)
    watching = watch()
    looked(watching, True)
    (watch_set / "app.py").touch()
    save(watch_set / "app.py", (watch_set / "app.py").read_text(encoding="utf-8"))
    text = (watch_set / "shop/views.py").read_text(encoding="utf-8")
    with watching.as_one():
        save(watch_set / "shop/views.py", "other")
        save(watch_set / "shop/views.py", text)
    (watch_set / "shop/views.py").chmod(0o600)
    assert watching.changes_before() == []


def test_a_young_file_is_read_later(watch: Watch, watch_set: Path, looked: Looked, monkeypatch: pytest.MonkeyPatch):
    """Files saved just before the watch began are read once they are older: then a touch is not a change."""
    age(watch_set)
    monkeypatch.setattr(baseline, "YOUNG_NS", 1_000_000)  # the time between two looks
    monkeypatch.setattr(file_contents, "YOUNG_NS", 1 << 62)
    watching = watch()
    looked(watching, False)
    monkeypatch.setattr(file_contents, "YOUNG_NS", 2_000_000_000)
    looked(watching, True)
    (watch_set / "app.py").touch()
    assert watching.changes_before() == []


def test_polled_files_are_not_read(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    """If everything is polled, no file is read in the background, and the watcher does not wake up for it."""
    read: list[float] = []
    monkeypatch.setattr(Baseline, "read_some", lambda _, now: read.append(now))
    watching = watch(how="poll")
    assert watching.changes_before("one.py") == watching.changes_before("two.py") == []
    assert read == []


def test_an_unchanged_file_is_reported_while_all_is_broken(
    watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch
):
    """Saving the same content again, while nothing is served, tries again."""
    monkeypatch.setattr(watcher_module, "LONG_BURST_S", math.inf)  # a slow machine makes no long burst of one save
    watching = watch()
    save(watch_set / "app.py", "x")
    watching.burst()
    watching.state = WorkerState.BROKEN
    save(watch_set / "app.py", "x")
    assert watching.changes() == {"app.py": Kind.CODE}
    watching.state = WorkerState.BUSY
    save(watch_set / "app.py", "x")
    assert watching.changes_before() == []


def test_files_that_git_ignores_are_not_told(watch: Watch, watch_set: Path):
    """Ignored files and folders are not told; the files of variables are, and files that were named."""
    (watch_set / "generated").mkdir()
    (watch_set / ".gitignore").write_text(".env\ngenerated/\n*_local.py\n", encoding="utf-8")
    for name in ("generated/loaded.py", "generated/other.py", "settings_local.py"):
        (watch_set / name).write_text("one", encoding="utf-8")
    watching = watch()
    assert watching.begun["folders"] == 2
    save(watch_set / "generated/loaded.py", "two")
    save(watch_set / "settings_local.py", "two")
    save(watch_set / ".env", "A=1")
    assert watching.changes() == {".env": Kind.ENVIRONMENT}
    watching.watcher.add_files(
        "worker", Kind.CODE, [str(watch_set / "generated/loaded.py"), str(watch_set / "settings_local.py")]
    )
    assert watching.changes_before() == []
    save(watch_set / "generated/other.py", "three")
    save(watch_set / "generated/loaded.py", "three")
    assert watching.changes() == {"generated/loaded.py": Kind.CODE}
    save(watch_set / "settings_local.py", "three")
    assert watching.changes() == {"settings_local.py": Kind.CODE}


def test_an_edited_gitignore_counts_from_then_on(watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch):
    """A .gitignore that is edited counts from then on, and is not reported itself."""
    watching = watch()
    sweep = watch_set_module.WatchSet.sweep
    is_watched: queue.SimpleQueue[bool] = queue.SimpleQueue()  # after each sweep, whether shop/ is looked at

    def observed(watched: watch_set_module.WatchSet) -> set[str]:
        changed = sweep(watched)
        is_watched.put(str(watch_set / "shop") in watched.tree.folders)
        return changed

    monkeypatch.setattr(watch_set_module.WatchSet, "sweep", observed)
    (watch_set / ".gitignore").write_text("shop/\n", encoding="utf-8")
    while is_watched.get(timeout=10):
        pass
    save(watch_set / "shop/views.py", "two")
    assert watching.changes_before() == []
    (watch_set / ".gitignore").unlink()
    while not is_watched.get(timeout=10):
        pass
    save(watch_set / "shop/views.py", "three")
    assert "shop/views.py" in watching.changes_before()


def test_what_is_never_watched_costs_nothing(watch: Watch, watch_set: Path):
    """Environments, by whatever name, caches and packages are not entered; nor is one that is made later."""
    for name in ("node_modules/a/b", "env/lib", "__pycache__", ".git/objects"):
        (watch_set / name).mkdir(parents=True)
    (watch_set / "env/pyvenv.cfg").touch()
    watching = watch()
    assert watching.begun["folders"] == 2
    (watch_set / "later/lib").mkdir(parents=True)
    (watch_set / "later/pyvenv.cfg").touch()
    (watch_set / "later/lib/module.py").write_text("x", encoding="utf-8")
    (watch_set / "conda/lib").mkdir(parents=True)
    watching.look()
    (watch_set / "conda/conda-meta").mkdir()
    (watch_set / "conda/lib/module.py").write_text("x", encoding="utf-8")
    assert watching.changes_before() == []
    assert not [path for path in watching.watcher._watch_set.tree.folders if "later" in path or "conda" in path]


def test_work_trees_in_the_project_are_left_out(watch: Watch, watch_set: Path):
    """Other work trees of the repository are not watched: neither one that exists, nor one that is added later."""

    def add(name: str) -> Path:
        tree = watch_set / ".claude/worktrees" / name
        (tree / "shop").mkdir(parents=True)
        (tree / ".git").write_text(f"gitdir: /home/me/shop/.git/worktrees/{name}\n", encoding="utf-8")
        save(tree / "shop/views.py", "one")
        save(tree / "requirements.txt", "one")
        return tree

    before = add("before")
    watching = watch()
    add("later")
    save(before / "shop/views.py", "two")
    assert watching.changes_before() == []


def test_files_outside_the_project_are_watched(watch: Watch, watch_set: Path, tmp_path: Path):
    """Extra folders, files and patterns are watched too, and reported by their whole paths."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/lib.py").write_text("one", encoding="utf-8")
    (tmp_path / "rates.csv").write_text("one", encoding="utf-8")
    watching = watch(extra=["../shared", str(tmp_path / "rates.csv"), "*.yaml"])
    save(tmp_path / "shared/lib.py", "two")
    assert watching.changes() == {str(tmp_path / "shared/lib.py"): Kind.CODE}
    save(tmp_path / "rates.csv", "two")
    assert watching.changes() == {str(tmp_path / "rates.csv"): Kind.CODE}
    save(watch_set / "site.yaml", "two")
    assert watching.changes() == {"site.yaml": Kind.CODE}


def test_files_of_the_plan_are_watched_anywhere(watch: Watch, tmp_path: Path):
    """A file that the plan has read counts wherever it is; what the same one names next takes its place."""
    for name in ("one", "two"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    watching = watch()
    watching.watcher.add_files("plan", Kind.DEPENDENCIES, [str(tmp_path / "one")])
    assert watching.changes_before() == []
    save(tmp_path / "one", "y")
    assert watching.changes() == {str(tmp_path / "one"): Kind.DEPENDENCIES}
    watching.watcher.add_files("plan", Kind.DEPENDENCIES, [str(tmp_path / "two")])
    assert watching.changes_before() == []
    save(tmp_path / "one", "z")
    save(tmp_path / "two", "z")
    assert watching.changes() == {str(tmp_path / "two"): Kind.DEPENDENCIES}


def test_pages_count_once_their_folder_is_reported(watch: Watch, watch_set: Path):
    """Pages count once a framework has reported its template folders; what is there already is not reported."""
    (watch_set / "pages").mkdir()
    (watch_set / "pages/page.html").write_text("one", encoding="utf-8")
    age(watch_set)
    watching = watch()
    save(watch_set / "pages/page.html", "two")
    (watch_set / "report.html").write_text("a report", encoding="utf-8")
    assert watching.changes_before() == []
    watching.watcher.add_template_folders([str(watch_set / "pages"), str(watch_set / "nowhere")])
    watching.watcher.add_template_folders([str(watch_set / "pages")])
    watching.watcher._schedule.sweep_soon(time.monotonic())
    assert watching.changes_before() == []
    save(watch_set / "pages/page.html", "three")
    assert watching.changes() == {"pages/page.html": Kind.ASSET}
    (watch_set / "pages/new.html").write_text("new", encoding="utf-8")
    assert watching.changes() == {"pages/new.html": Kind.ASSET}


def test_a_burst_is_noticed_once(watch: Watch, watch_set: Path):
    """The first files of a burst are announced while it lasts, each once, and the others are not."""
    names = ["app.py", "shop/views.py", "shop/__init__.py", ".env"]
    assert len(names) > NOTICED_MOST
    watching = watch()
    watching.noticed_files.clear()
    for _ in range(2):
        with watching.as_one():
            for name in [names[0], *names]:
                save(watch_set / name, f"x = {time.monotonic_ns()}\n")
        assert sorted(watching.changes()) == sorted(names)
    assert watching.noticed_files == [str(watch_set / name) for name in names[:NOTICED_MOST]] * 2


def test_a_file_that_may_not_be_complete_is_announced_without_its_path(watch: Watch, watch_set: Path):
    """While a program still writes a file, its path is not announced: it is announced when the file is closed."""
    watching = watch()
    watching.noticed_files.clear()
    with (watch_set / "new.py").open("w", encoding="utf-8") as file:
        file.write("x = 2\n")
        file.flush()
        watching.look()
        assert watching.noticed_files == [""]
    assert watching.changes() == {"new.py": Kind.CODE}
    assert watching.noticed_files == ["", str(watch_set / "new.py")]


def test_a_branch_switch_is_one_burst(watch: Watch, watch_set: Path):
    """A checkout that brings 2,000 files is reported once, when it is whole."""
    git(watch_set, "init", "-q")
    files = "".join(f"M 100644 inline shop/m{number}.py\ndata 2\n1\n" for number in range(2000))
    for branch, content in (("main", "M 100644 inline note\ndata 2\n1\n"), ("other", files)):
        git(watch_set, "fast-import", "--quiet", input=f"commit refs/heads/{branch}\n{COMMITTER}data 0\n\n{content}\n")
    git(watch_set, "checkout", "-qf", "main", "--")
    watching = watch()
    git(watch_set, "checkout", "-q", "other", "--")
    assert len(watching.changes()) == 2000
    assert watching.changes_before() == []


def test_a_burst_ends_with_an_empty_queue(watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch):
    """Files that git wrote while the watcher was slow belong to the burst, although git has finished."""
    rest = [watch_set / "shop/views.py"]

    def busy(_: Ignores, __: float) -> bool:
        while rest:
            save(rest.pop(), "two")
        return False

    monkeypatch.setattr(Ignores, "git_was_busy", busy)
    watching = watch()
    save(watch_set / "app.py", "two")
    assert watching.changes() == {"app.py": Kind.CODE, "shop/views.py": Kind.CODE}


def test_a_save_while_the_watch_began_is_reported(watch: Watch, watch_set: Path):
    """A file saved after the start and before the first look is reported."""
    future = time.time() + 5
    os.utime(watch_set / "app.py", (future, future))
    assert watch().changes() == {"app.py": Kind.CODE}


class Scarce(Inotify):
    """A kernel that has one watch left."""

    def add(self, folder: str, *, partial: bool) -> None:
        """The second fails."""
        if self._watches:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)
        super().add(folder, partial=partial)


class Exhausted(Inotify):
    """A kernel that has no instance left."""

    def __init__(self) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("kernel", [Scarce, Exhausted])
def test_everything_is_polled_at_the_kernels_limits(
    watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch, kernel: type
):
    """If the kernel has no watch or no instance left, everything is polled, and one event says so."""
    monkeypatch.setattr(watch_set_module, "Inotify", kernel)
    watching = watch()
    assert watching.begun["polled"]
    save(watch_set / "shop/views.py", "two")
    assert watching.changes() == {"shop/views.py": Kind.CODE}
    watching.watcher._schedule.sweep_soon(time.monotonic())
    assert watching.changes_before() == []
    assert [event for event, _ in watching.seen if event == "watch.failed"] == ["watch.failed"]


def test_a_source_without_all_its_descriptors_keeps_none(few_descriptors: FewDescriptors):
    """If only some of the descriptors are free that the events need, none of them stays open."""
    before = open_descriptors()
    for free in (0, 1, 2):
        with few_descriptors(free), pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
            Inotify()
    assert open_descriptors() == before


def test_limits_are_reported(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    """The event on the kernel's limits names the limit, and what to set."""
    monkeypatch.setattr(watch_set_module, "Inotify", Scarce)
    watching = watch()
    fields = dict(watching.seen)["watch.failed"]
    assert "inotify" in str(fields["reason"])
    assert "max_user_watches" in str(fields["action"])


def test_a_mute_mount_is_polled(watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch):
    """A mount below the project that has no events is polled; the rest uses events."""
    table = f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {watch_set}/shop rw - nfs4 server:/x rw\n"
    monkeypatch.setattr(Mounts, "read", lambda: Mounts(table.encode()))
    watching = watch()
    assert (watching.begun["how"], watching.begun["polled"]) == ("events and polling", ["shop (nfs4)"])
    watching.source.drop(str(watch_set / "shop"))
    save(watch_set / "shop/views.py", "two")
    assert watching.changes() == {"shop/views.py": Kind.CODE}
    save(watch_set / "app.py", "two")
    assert watching.changes() == {"app.py": Kind.CODE}


def test_the_sweep_finds_what_no_event_told(watch: Watch, watch_set: Path):
    """A change without an event is found by the sweep."""
    watching = watch()
    watching.source.drop(str(watch_set / "shop"))
    save(watch_set / "shop/views.py", "two")
    watching.watcher._schedule._sweep = 0.0
    watching.source.wake()
    assert watching.changes() == {"shop/views.py": Kind.CODE}


def test_a_defect_is_reported_and_polled_around(watch: Watch, watch_set: Path):
    """A watcher that fails says so once, and finds saves by a look at all files from time to time."""
    watching = watch()
    watching.fail()
    failed = watching.event("watch.failed")
    assert failed["reason"] == "RuntimeError: a defect"
    assert "polls" in str(failed["action"])
    save(watch_set / "app.py", "two")
    assert watching.changes() == {"app.py": Kind.CODE}


def test_a_poll_that_fails_is_tried_again(watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch):
    """If a look at all files fails too, this is reported once, and the files are looked at again."""
    monkeypatch.setattr(watcher_module, "FALLBACK_S", (0.01,))
    watching = watch()
    failing, scan = [True] * 3, Tree.scan

    def fail_first(tree: Tree, top: str) -> set[str]:
        if failing:
            failing.pop()
            raise OSError("no memory")
        return scan(tree, top)

    monkeypatch.setattr(Tree, "scan", fail_first)
    watching.fail()
    save(watch_set / "app.py", "two")
    failed = [watching.event("watch.failed")["reason"] for _ in range(2)]
    assert failed == ["RuntimeError: a defect", "OSError: no memory"]
    assert watching.changes() == {"app.py": Kind.CODE}
