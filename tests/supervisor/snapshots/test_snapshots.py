"""The snapshots of a project, with fake processes: rhythms of saves, and comparisons."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.protocol.messages import FilesReport
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.snapshots.known_snapshots import LATEST_S, NOT_READY, NOT_SAVED, SnapshotRole
from appliance.supervisor.snapshots.snapshot_runner import KEPT_FILES
from appliance.supervisor.snapshots.snapshot_states import REPLACED
from appliance.supervisor.workers.worker_events import Source
from appliance.watch.kinds import Kind
from tests.supervisor.snapshots.snapshots_project import STATE, SnapshotsProject

OTHER = {**STATE, "app": "another"}


def test_saves_come_from_one_snapshot(project: SnapshotsProject):
    """Each save takes all files that have changed since the snapshot; a worker that serves has the next one forked."""
    assert project.saved("app.py") == (True, ["app.py"], "")
    assert project.saved("shop/views.py") == (True, ["app.py", "shop/views.py"], "")
    project.passes(0.1)
    assert project.living == [SnapshotRole.SNAPSHOT, SnapshotRole.SPARE]
    assert project.saved("app.py") == (True, ["app.py", "shop/views.py"], "")


def test_a_quiet_moment_brings_the_next_snapshot(project: SnapshotsProject):
    """A second after the last swap the project is imported; an equal state leaves the snapshot, which goes on."""
    project.saved("app.py")
    before = project.process(SnapshotRole.SNAPSHOT)
    project.passes()
    project.imports()
    project.verifies()
    assert project.verified == [[str(project.root / "app.py")], []]
    assert project.process(SnapshotRole.SNAPSHOT) is before
    assert project.living == [SnapshotRole.SNAPSHOT, SnapshotRole.SPARE]
    assert len(project.log.named("reload.verified")) == 1
    assert project.saved("shop/views.py") == (True, ["app.py", "shop/views.py"], "")


def test_many_changed_files_make_another_snapshot(project: SnapshotsProject):
    """If many files have changed since its import, the snapshot is replaced by the one it was compared with."""
    names = [f"module_{number}.py" for number in range(KEPT_FILES + 1)]
    for name in names:
        (project.root / name).write_text("", encoding="utf-8")
    project.saved(*names)
    before = project.process(SnapshotRole.SNAPSHOT)
    project.passes()
    project.imports()
    project.verifies()
    assert project.process(SnapshotRole.SNAPSHOT) is not before
    assert project.saved("shop/views.py") == (True, ["shop/views.py"], "")


def test_an_equal_fork_says_nothing(project: SnapshotsProject):
    """No mismatch is logged for what differs between two imports as well, now or at the next comparison."""
    project.saved("app.py")
    project.passes()
    project.imports()
    project.verifies(OTHER)
    assert project.living == [SnapshotRole.SNAPSHOT, SnapshotRole.SPARE, SnapshotRole.NEXT, SnapshotRole.AGAIN]
    project.imports(state={**STATE, "app": "a third one"})
    assert project.log.named("reload.mismatch") == []
    project.saved("app.py")
    project.passes()
    project.imports()
    project.verifies(OTHER)
    assert project.living == [SnapshotRole.SNAPSHOT, SnapshotRole.SPARE]


def test_a_mismatch_turns_swaps_of_these_files_off(project: SnapshotsProject):
    """The event names what differs; a worker from the preloader is started, and these files are no longer swapped."""
    project.saved("shop/views.py")
    project.passes()
    project.imports()
    project.verifies(OTHER)
    project.imports()
    told = {"generation": 0, "files": ["shop/views.py"], "names": ["app"]}
    assert project.log.named("reload.mismatch") == [told]
    project.loop.advance()
    assert project.replaced == 1
    assert project.snapshots.fork_snapshot(2) == (None, [], REPLACED)
    project.serves()
    off = "are off: one of them differed from an import"
    assert project.saved("shop/views.py") == (False, [], f"swaps of shop/views.py {off}")
    project.passes()
    project.imports()
    assert project.saved("app.py")[2] == f"swaps of app.py {off}"
    assert project.snapshots.status()["off"] == ["shop/views.py", "app"]


@pytest.mark.parametrize("name", ["app.py", "shop/views.py"])
@pytest.mark.parametrize("again", [False, True])
def test_a_change_that_is_not_reported_yet_counts_as_none(project: SnapshotsProject, name: str, again: bool):
    """While git writes its files, the watcher waits; an import that has read such a file says nothing about a swap."""
    project.ends(SnapshotRole.SNAPSHOT)
    project.passes()
    project.reads_now("app.py", "shop/views.py")
    project.imports()
    project.saved("app.py")
    project.passes()
    project.reads_now("app.py", "shop/views.py")
    project.imports()
    if again:
        project.verifies(OTHER)
    (project.root / name).write_text("saved", encoding="utf-8")
    if again:
        project.imports()
    else:
        project.verifies(OTHER)
    assert project.log.named("reload.mismatch") == []
    assert project.snapshots.status()["off"] == []
    assert SnapshotRole.AGAIN not in project.living


def test_saves_every_twentieth_of_a_second_are_all_swapped(project: SnapshotsProject):
    """Saves that come fast are all swapped; nothing is imported meanwhile, and one import follows the last of them."""
    for _ in range(40):
        assert project.saved("app.py") == (True, ["app.py"], "")
        project.passes(0.05)
        assert SnapshotRole.NEXT not in project.living
    project.passes()
    assert SnapshotRole.NEXT in project.living


def test_saves_before_the_first_snapshot_are_forked(make):
    """Saves that come while the first snapshot imports are forked, and the snapshot then serves them by swaps."""
    project = make()
    project.begins()
    for _ in range(5):
        assert project.saved("app.py") == (False, [], NOT_READY)
        project.passes(0.3)
    assert len([child for child in project.children.alive if child.role is Role.SNAPSHOT]) == 1
    project.imports()
    assert project.saved("shop/views.py") == (True, ["app.py", "shop/views.py"], "")


def test_a_snapshot_is_imported_though_changes_never_stop(make):
    """While nothing can be swapped, a snapshot is imported at the latest after LATEST_S, however fast saves come."""
    project = make()
    project.has_snapshot()
    project.saved("notes.toml")
    snapshots = {id(child) for child in project.children.alive if child.role is Role.SNAPSHOT and not child.ending}
    waited = 0.0
    while SnapshotRole.NEXT not in project.living and waited < 2 * LATEST_S:
        project.serves()
        project.passes(0.3)
        waited += 0.3
    assert not snapshots
    assert SnapshotRole.NEXT in project.living


@pytest.mark.parametrize(
    ("names", "kind", "why"),
    [
        (["app.py", "notes.toml"], Kind.CODE, "notes.toml has changed, which is not a module of the project"),
        (["pyproject.toml"], Kind.DEPENDENCIES, "pyproject.toml has changed, which is not a module of the project"),
        ([".env"], Kind.ENVIRONMENT, ".env has changed, which is not a module of the project"),
        (["page.html"], Kind.ASSET, "page.html was removed"),
        (["gone.py"], Kind.CODE, "gone.py was removed"),
        (["setup.py"], Kind.DEPENDENCIES, "setup.py has changed, which is not a module of the project"),
    ],
)
def test_other_files_than_modules_are_not_swapped(project: SnapshotsProject, names: list[str], kind: Kind, why: str):
    """A change of anything else than a module that is still there is served from the preloader."""
    assert project.saved(*names, kind=kind) == (False, [], why)
    assert project.living == []


def test_a_saved_template_is_tried(project: SnapshotsProject):
    """A template may be served from the snapshot: the fork knows whether its import has read it."""
    (project.root / "page.html").write_text("", encoding="utf-8")
    assert project.saved("page.html", kind=Kind.ASSET) == (True, ["page.html"], "")


def test_a_blocked_module_is_not_tried(make):
    """A module that the snapshot can't swap is served from the preloader at once, for the snapshot's reason."""
    project = make()
    project.begins()
    project.passes(0.1)
    project.imports(**{"shop.views": "its source was read"})
    assert project.saved("shop/views.py") == (False, [], "shop.views: its source was read")


def test_a_reload_that_was_asked_for_swaps_nothing(project: SnapshotsProject):
    """A key or a signal asks for a start without a swap: nobody knows what has changed."""
    project.snapshots.drop("somebody has asked for a reload")
    project.snapshots.worker_wanted()
    assert project.snapshots.fork_snapshot(2) == (None, [], "somebody has asked for a reload")


def test_data_that_the_import_has_read_drops_the_snapshot(make):
    """A file that the application writes itself drops a snapshot whose import has read it, and no other."""
    project = make()
    project.begins()
    project.passes(0.1)
    project.reads("app.py", "data.json")
    project.imports()
    project.snapshots.written({"uploads/picture.png": Kind.STATIC})
    assert project.living[:1] == [SnapshotRole.SNAPSHOT]
    project.snapshots.written({"data.json": Kind.CODE})
    assert project.living == []


@pytest.mark.parametrize(
    "other",
    [
        SimpleNamespace(differs=lambda _: True, before_start=""),
        SimpleNamespace(differs=lambda _: False, before_start="migrate"),
    ],
)
def test_other_variables_drop_the_snapshot(project: SnapshotsProject, other: Any):
    """Another analysis ends the snapshot if workers differ by it, or other commands run before them."""
    same: Any = SimpleNamespace(differs=lambda _: False, before_start="")
    project.snapshots.follow(same)
    assert SnapshotRole.SNAPSHOT in project.living
    project.snapshots.follow(other)
    assert project.living == []


@pytest.mark.parametrize("setting", ["swap", "preload", "reload"])
def test_a_setting_turns_snapshots_off(make, setting: str):
    """Without swaps, a preloader or reloads there are no snapshots, and the status says why."""
    project = make(**{setting: "off"})
    project.has_snapshot()
    assert project.living == []
    assert (project.snapshots.is_on, project.saved()[2]) == (False, f"APPLIANCE_{setting.upper()} is off")
    assert project.snapshots.status()["state"] == "off"


@pytest.mark.parametrize("setting", ["auto", "on"])
def test_a_small_project_has_a_snapshot_too(make, setting: str):
    """A project that is imported in no measurable time has a snapshot: a swap of one file is faster than a fork."""
    project = make(swap=setting)
    project.begins()
    project.passes(0.1)
    project.imports(cpu_s=0.0)
    assert project.saved("app.py") == (True, ["app.py"], "")


def test_the_status_says_whether_there_is_a_snapshot(make):
    """The status says whether there is a snapshot, and why not."""
    project = make()
    assert project.snapshots.status()["why"] == NOT_READY
    project.begins()
    project.passes(0.1)
    assert project.snapshots.status()["state"] == "making"
    project.imports(**{"shop.views": "its source was read"})
    status = project.snapshots.status()
    assert (status["state"], status["modules"], status["why"]) == ("ready", 2, None)
    assert status["blocked"] == {"shop.views": "its source was read"}
    assert project.snapshots.fork_snapshot(3) == (None, [], NOT_SAVED)


HAPPENINGS: dict[str, Callable[[SnapshotsProject], object]] = {
    "save": lambda project: project.saved("app.py"),
    "save another": lambda project: project.saved("shop/views.py"),
    "declined": lambda project: project.declined("shop/views.py"),
    "paused": lambda project: project.pauses_before("app.py", "shop/views.py"),
    "little memory": lambda project: setattr(project, "shortage", "" if project.shortage else "little is left"),
    "save data": lambda project: project.saved("notes.toml"),
    "a moment": lambda project: project.passes(0.1),
    "a quiet time": lambda project: project.passes(),
    "imported": lambda project: project.imports(),
    "imported otherwise": lambda project: project.imports(state=OTHER),
    "refused": lambda project: project.imports(refused="it starts a thread"),
    "same": lambda project: project.verifies(),
    "differs": lambda project: project.verifies(OTHER),
    "preloader": lambda project: project.snapshots.preloader_ready(),
    "no preloader": lambda project: project.snapshots.preloader_discarded(),
    "failed": lambda project: project.snapshots.drop_source(Source.SNAPSHOT, "killed"),
    "crash": lambda project: project.snapshots.worker_gone(),
    **{f"{each.value} ends": partial(SnapshotsProject.ends, process=each) for each in SnapshotRole},
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.lists(st.sampled_from(sorted(HAPPENINGS)), max_size=30))
def test_any_order_leaves_one_of_each(make, happenings: list[str]):
    """After any events in any order, no process is forgotten, one imports at a time, and a snapshot comes back."""
    project = make()
    project.begins()
    for each in happenings:
        HAPPENINGS[each](project)
        held = [*(project.process(process) for process in project.living), *project.paused()]
        assert [
            child
            for child in project.children.alive
            if child.role is Role.SNAPSHOT and not child.ending and child not in held
        ] == []
    project.shortage = ""
    project.snapshots.preloader_ready()
    project.saved("notes.toml")
    for _ in range(35):
        project.passes(10.0)
        project.imports()
        project.verifies()
        project.imports()
    assert SnapshotRole.SNAPSHOT in project.living
    project.snapshots.close()
    assert [child for child in project.children.alive if child.role is Role.SNAPSHOT] == []


def test_the_files_of_a_snapshot_are_reported_once(project: SnapshotsProject):
    """The first fork's report is completed with what its snapshot has read; a later fork adds to that."""
    project.ends(SnapshotRole.SNAPSHOT)
    project.passes()
    project.reads("app.py", "shop/views.py")
    project.imports()
    new, mark = str(project.root / "app.py"), [9, 9, 9, 9, 9]
    report = FilesReport({new: mark}, more=True)
    first, second = (project.snapshots.files_reported(project.worker, report) for _ in range(2))
    assert first.files == {new: mark, str(project.root / "shop/views.py"): [1, 2, 3, 4, 5]}
    assert (first.more, second.more) == (False, True)
    assert second.files == {new: mark}
