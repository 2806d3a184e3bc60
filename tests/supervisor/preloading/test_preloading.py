"""The preloader's rounds, with fake processes: no order of what happens leaves a known project without one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.protocol.messages import Fork, ForkMismatch, ModulesReport
from appliance.protocol.start.first_messages import Preload
from appliance.supervisor.preloading import preload_cache
from appliance.supervisor.preloading.preload_events import Schedule
from appliance.supervisor.preloading.preload_states import PreloadRole
from appliance.supervisor.preloading.preloading import Preloading
from appliance.supervisor.processes.child_roles import Role
from tests.supervisor.fakes import no_process
from tests.supervisor.preloading.preloading_project import Project

HAPPENINGS: dict[str, Callable[[Project], object]] = {
    "learns": lambda project: project.learns(),
    "learns more": lambda project: project.learns(1),
    "learns most": lambda project: project.learns(2),
    "save": lambda project: project.saved(),
    "done": lambda project: project.answers({}),
    "unsafe": lambda project: project.answers({"flask": "starts a thread"}),
    "mismatch": lambda project: project.preloading.fork_mismatch(ForkMismatch("a variable", ["jinja2"], stale=False)),
    "stale": lambda project: project.preloading.fork_mismatch(ForkMismatch("installed anew", [], stale=True)),
    "doubt": lambda project: project.preloading.fork_mismatch(ForkMismatch("raised", [], stale=False)),
    "time": lambda project: project.pass_time(),
    "made ends": lambda project: project.ends(project.process(PreloadRole.READY)),
    "spare ends": lambda project: project.ends(project.process(PreloadRole.SPARE)),
    "copy ends": lambda project: project.ends(project.process(PreloadRole.COPY)),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(happenings=st.lists(st.sampled_from(sorted(HAPPENINGS)), max_size=30))
def test_after_any_order_the_next_save_is_forked(
    processes, tmp_path_factory: pytest.TempPathFactory, happenings: list[str]
):
    """After any events in any order, the next save is forked once no more follow, if a list was learned."""
    project = processes(Project(tmp_path_factory.mktemp("cache")))
    ended = 0
    for each in happenings:
        ended += each == "made ends" and project.process(PreloadRole.READY) is not None
        HAPPENINGS[each](project)
    project.learns()
    project.comes_to_rest()
    if ended <= 3:  # one that ends again and again is given up
        assert project.saved()
    project.preloading.close()
    assert [child for child in project.children.alive if child.role is Role.PRELOADER] == []


@given(st.lists(st.sampled_from(["save", "learns", "learns more"]), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_save_delays_the_making(processes, tmp_path_factory: pytest.TempPathFactory, happenings: list[str]):
    """A preloader being made continues through any number of saves, and of lists that say the same or more."""
    project = processes(Project(tmp_path_factory.mktemp("cache")))
    project.learns()
    project.pass_time()
    begun = project.making
    assert begun is not None
    for each in happenings:
        HAPPENINGS[each](project)
    assert project.making is begun
    project.answers({})
    assert project.saved()
    project.preloading.close()


def test_the_next_round_goes_on_in_a_copy(processes, tmp_path: Path):
    """A module that is unsafe is left out by a copy of the process that has found it, without another start."""
    project = processes(Project(tmp_path))
    project.learns()
    project.pass_time()
    copy = project.process(PreloadRole.COPY)
    project.answers({"flask": "starts a thread"})
    project.pass_time()
    assert project.making is copy
    requests = [message for child, message in project.children.sent if isinstance(message, Preload)]
    assert [each.modules for each in requests] == [["json", "flask"], ["json"]]
    project.answers({})
    assert project.saved()
    assert any(isinstance(message, Fork) for _, message in project.children.sent)
    project.preloading.close()


def test_the_next_round_starts_as_the_first_without_a_copy(processes, tmp_path: Path):
    """If no copy could be made, the next round is started as the first was."""
    project = processes(Project(tmp_path))
    project.learns()
    project.pass_time()
    project.answers({"flask": "starts a thread"})
    project.pass_time()
    copy = project.making
    assert copy is not None
    copy.pid = 0
    project.ends(copy)
    project.comes_to_rest()
    assert project.saved()
    project.preloading.close()


def test_workers_are_asked_for_modules_until_a_list_is_known(processes, tmp_path: Path):
    """A list is wanted from any worker until one is known."""
    project = processes(Project(tmp_path))
    assert project.preloading.needs_module_list()
    project.learns()
    assert not project.preloading.needs_module_list()
    project.preloading.close()


def test_a_kept_list_asks_no_worker_for_modules(processes, tmp_path: Path):
    """No list is wanted from a worker if an earlier run has kept one for the analysis that is followed."""
    earlier = processes(Project(tmp_path))
    earlier.learns()
    earlier.comes_to_rest()
    earlier.preloading.close()
    project = processes(Project(tmp_path))
    assert project.preloading.needs_module_list()
    project.preloading.follow_analysis(project.analysis)
    assert not project.preloading.needs_module_list()
    project.preloading.close()


def test_another_environment_has_another_preloader(processes, tmp_path: Path):
    """A preloader of another environment is ended, and nothing is forked from it."""
    project = processes(Project(tmp_path))
    project.learns()
    project.comes_to_rest()
    old = project.process(PreloadRole.READY)
    assert old is not None
    project.analysis = SimpleNamespace(**{**vars(project.analysis), "variables": {"DEBUG": "1"}})
    assert project.saved(), "its list is proven, and is imported at once"
    assert project.making is not None
    assert old not in project.children.alive


def test_a_kept_list_is_imported_at_once(processes, tmp_path: Path):
    """A list that an earlier run has proven is imported when the first worker is wanted, which is forked from it."""
    earlier = processes(Project(tmp_path))
    earlier.learns()
    earlier.comes_to_rest()
    earlier.preloading.close()
    project = processes(Project(tmp_path))
    assert project.saved()
    assert project.preloading.status()["state"] == "making"
    (request,) = [message for _, message in project.children.sent if isinstance(message, Preload)]
    assert (request.modules, request.proven) == (["json", "flask"], True)


def test_nothing_is_preloaded_after_a_refusal(processes, tmp_path: Path):
    """A change of the standard library refuses preloading, once, with its reason; every start is cold then."""
    project = processes(Project(tmp_path))
    project.learns()
    project.comes_to_rest()
    for _ in range(2):
        project.preloading.modules_reported(ModulesReport(["json"], [], patched="sitecustomize"), project.analysis)
    assert not project.saved()
    assert project.children.alive == []
    assert project.log.named("preload.refused") == [{"reason": "sitecustomize"}]
    assert project.preloading.status()["why"] == "sitecustomize"
    assert not project.preloading.needs_module_list()


def test_a_round_that_takes_too_long_leaves_its_module_out(processes, tmp_path: Path):
    """A process that does not end its imports is ended, and the module that it was at is left out."""
    project = processes(Project(tmp_path))
    project.learns()
    project.pass_time()
    os.pwrite(project.children.passed[-1][0], b"flask\n", 0)
    project.loop.advance(120.0)
    assert project.log.named("preload.skipped") == [{"module": "flask", "reason": "does not end within 120 s"}]
    project.comes_to_rest()
    assert project.preloading.status()["left_out"] == {"flask": "does not end within 120 s"}
    assert project.saved()
    project.preloading.close()


def test_workers_start_cold_if_no_preloader_can_be_started(processes, tmp_path: Path):
    """If no process can be started, workers are started cold, one event says so, and it is tried again later."""
    project = processes(Project(tmp_path))
    project.not_startable = True
    project.learns()
    project.loop.advance(10.0)
    assert not project.saved()
    assert project.log.named("preload.ended") == [{"how": str(no_process())}]
    project.not_startable = False
    project.loop.advance(60.0)
    project.answers({})
    assert project.saved()
    project.preloading.close()


def test_workers_start_cold_if_no_descriptor_is_left(processes, tmp_path: Path):
    """If no descriptor is left for a forked worker or for a copy, the start is a cold one."""
    project = processes(Project(tmp_path))
    project.not_forkable = True
    project.learns()
    project.comes_to_rest()
    assert project.process(PreloadRole.COPY) is None
    assert not project.saved()
    project.not_forkable = False
    assert project.saved()
    project.preloading.close()


def test_a_worker_is_forked_ahead_once_the_last_one_serves(processes, tmp_path: Path):
    """A worker is forked ahead once the last one serves; a save takes it, and another one follows."""
    project = processes(Project(tmp_path))
    project.learns()
    project.comes_to_rest()
    spare = project.process(PreloadRole.SPARE)
    assert spare is not None
    worker = project.preloading.fork(7, project.analysis)
    assert worker is spare
    assert (spare.role, spare.generation) == ("worker", 7)
    project.preloading.ready()
    project.pass_time()
    assert project.process(PreloadRole.SPARE) not in {None, spare}
    project.preloading.close()


def test_no_worker_is_forked_ahead_beside_a_snapshot(processes, tmp_path: Path):
    """If a snapshot serves the next save, the preloader's own spare ends, and none follows."""
    project = processes(Project(tmp_path))
    waits: list[bool] = []
    follower: Any = SimpleNamespace(serves_next_save=lambda: bool(waits), preloader_ready=int, preloader_discarded=int)
    project.preloading.follow(follower)
    project.learns()
    project.comes_to_rest()
    assert project.process(PreloadRole.SPARE) is not None
    waits.append(True)
    project.preloading.end_spare()
    project.preloading.ready()
    project.pass_time()
    assert project.process(PreloadRole.SPARE) is None
    assert project.saved()
    waits.clear()
    project.preloading.ready()
    project.pass_time()
    assert project.process(PreloadRole.SPARE) is not None
    project.preloading.close()


def test_an_equal_list_is_written_once(processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each worker reports its modules, also while the next save is served: what is there is not written again."""
    project = processes(Project(tmp_path))
    project.learns()
    project.comes_to_rest()
    written: list[object] = []
    monkeypatch.setattr(preload_cache, "save", lambda *saved: written.append(saved))
    project.learns()
    assert written == []
    project.learns(1)
    assert len(written) == 1
    project.preloading.close()


@pytest.mark.parametrize("setting", ["preload", "reload"])
def test_preloading_can_be_off(tmp_path: Path, setting: str):
    """If a setting is off, nothing is learned, kept or started, and the status names the setting."""
    project = Project(tmp_path)
    off: Any = SimpleNamespace(**{"preload": "on", "reload": "on", setting: "off"})
    parts: Any = (project.loop, project.children, off, project.log)
    project.preloading = Preloading(*parts)
    project.learns()
    assert not project.saved()
    assert not project.preloading.needs_module_list()
    assert project.preloading.status()["why"] == f"APPLIANCE_{setting.upper()} is off"
    assert list(tmp_path.iterdir()) == []


def test_the_earlier_time_counts(tmp_path: Path):
    """A round that is due sooner than the one that is scheduled moves it; one that is due later delays nothing."""
    project = Project(tmp_path)
    project.loop.now = time.monotonic()
    for after_s in (2.0, 0.3, 5.0):
        project.preloading._schedule(Schedule(after_s))
    due = project.preloading._timer.due if project.preloading._timer else 0.0
    assert due - time.monotonic() < 1.0
