"""The preloader's rounds, with processes that are none: no order of what happens leaves a known project without one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.protocol.channel import Fork, ForkMismatch, Message, ModulesReport, Preload, Preloaded
from appliance.supervisor.loop import Timer
from appliance.supervisor.processes import handles
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.workers.preloading import Preloading

LISTS = (["json", "flask"], ["json", "flask", "jinja2"], ["json", "flask", "sqlalchemy", "jinja2"])


class Clock:
    """A loop whose timers fire when the test says."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, after_s: float, call: Callable[[], None]) -> Timer:
        """As the loop's."""
        self.timers.append(Timer(after_s, call))
        return self.timers[-1]

    def fire(self) -> None:
        """Everything that is due by now or later, but for the ends of what takes too long."""
        due, self.timers = [each for each in self.timers if each.due < 60], []
        for timer in due:
            timer.fire()


class Processes:
    """Children that only remember."""

    def __init__(self) -> None:
        self.alive: list[Handle] = []
        self.sent: list[tuple[Handle, Message]] = []
        self.gone: Callable[[Handle], None] = lambda _: None

    def add(self, child: Handle) -> Handle:
        """As the supervisor's."""
        self.alive.append(child)
        return child

    def send(self, child: Handle, message: Message, _descriptors: Sequence[int] = ()) -> bool:
        """As the supervisor's."""
        if isinstance(message, Preload):
            child.pid = child.pid or 1
        self.sent.append((child, message))
        return child in self.alive

    def kill(self, child: Handle) -> None:
        """As the supervisor's; its end is told."""
        child.ending = True
        self.end(child)

    def end(self, child: Handle) -> None:
        """It has gone, by itself perhaps."""
        if child in self.alive:
            self.alive.remove(child)
            child.returncode = -9
            self.gone(child)


class Project:
    """One project, its preloader, and what may happen to them."""

    def __init__(self, cache: Path) -> None:
        pids = itertools.count(2)
        self.clock, self.processes = Clock(), Processes()
        configured: Any = SimpleNamespace(preload="on", reload="on", cache=cache, project=Path("/project"))
        log: Any = SimpleNamespace(event=lambda *_, **__: None)
        clock, processes = self.clock, self.processes
        self.preloading = Preloading(clock, processes, configured, log)  # type: ignore[arg-type]  # as above
        self.processes.gone = self.preloading.ended
        self.spawn = lambda role, *_, **__: Handle(role, 0, next(pids), {})
        self.unborn: Callable[[str], tuple[Handle, list[int]]] = lambda role: (Handle(role, 0, 0, {}), [])
        plan = SimpleNamespace(python=Path("/python"), interpreter="3.13", fingerprint="f")
        target = SimpleNamespace(search_path=["/project"])
        project = SimpleNamespace(target=target)
        self.analysis: Any = SimpleNamespace(plan=plan, project=project, variables={})
        self.generation = 0

    def learns(self, number: int = 0) -> None:
        """A worker tells its list."""
        self.preloading.learned(ModulesReport(LISTS[number % len(LISTS)], ["app"]), self.analysis)

    def saved(self) -> bool:
        """A save starts a worker; whether it is forked."""
        self.generation += 1
        return self.preloading.fork(self.generation, self.analysis) is not None

    @property
    def making(self) -> Handle | None:
        """The preloader that imports now."""
        return self.preloading._making

    def answers(self, found: dict[str, str]) -> None:
        """The preloader that imports is done."""
        if self.making is not None:
            self.preloading.preloaded(self.making, Preloaded(found=found, refused="", import_s=0.1))

    def ends(self, child: Handle | None) -> None:
        """A process ends by itself."""
        if child is not None:
            self.processes.end(child)

    def comes_to_rest(self) -> None:
        """Nothing more happens, but what was begun is done."""
        for _ in range(4):
            self.clock.fire()
            self.answers({})


HAPPENINGS: dict[str, Callable[[Project], object]] = {
    "learns": lambda project: project.learns(),
    "learns more": lambda project: project.learns(1),
    "learns most": lambda project: project.learns(2),
    "save": lambda project: project.saved(),
    "done": lambda project: project.answers({}),
    "unsafe": lambda project: project.answers({"flask": "starts a thread"}),
    "unfit": lambda project: project.preloading.unfit(ForkMismatch("a variable", ["jinja2"], stale=False)),
    "stale": lambda project: project.preloading.unfit(ForkMismatch("installed anew", [], stale=True)),
    "doubt": lambda project: project.preloading.unfit(ForkMismatch("raised", [], stale=False)),
    "time": lambda project: project.clock.fire(),
    "made ends": lambda project: project.ends(project.preloading._made),
    "spare ends": lambda project: project.ends(project.preloading._spare),
    "copy ends": lambda project: project.ends(project.preloading._copy),
}


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Project], Project]:
    """Let its starts be its own."""

    def begin(project: Project) -> Project:
        monkeypatch.setattr(handles, "spawn_side", project.spawn)
        monkeypatch.setattr(handles, "prepare_forked", project.unborn)
        return project

    return begin


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(happenings=st.lists(st.sampled_from(sorted(HAPPENINGS)), max_size=30))
def test_any_order(processes, tmp_path_factory: pytest.TempPathFactory, happenings: list[str]):
    """Whatever happens in whatever order: once nothing more does, the next save is forked, if anything was learned."""
    project = processes(Project(tmp_path_factory.mktemp("cache")))
    ended = 0
    for each in happenings:
        ended += each == "made ends" and project.preloading._made is not None
        HAPPENINGS[each](project)
    project.learns()
    project.comes_to_rest()
    if ended <= 3:  # one that ends again and again is given up
        assert project.saved()
    project.preloading.close()
    assert [child for child in project.processes.alive if child.role == "preloader"] == []


@given(st.lists(st.sampled_from(["save", "learns", "learns more"]), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_save_puts_it_off(processes, tmp_path_factory: pytest.TempPathFactory, happenings: list[str]):
    """What is being made goes on through any number of saves, and of lists that say the same or more."""
    project = processes(Project(tmp_path_factory.mktemp("cache")))
    project.learns()
    project.clock.fire()
    begun = project.making
    assert begun is not None
    for each in happenings:
        HAPPENINGS[each](project)
    assert project.making is begun
    project.answers({})
    assert project.saved()
    project.preloading.close()


def test_the_next_round_goes_on_in_a_copy(processes, tmp_path: Path):
    """What was found unsafe is left out by a copy of the process that has found it, without another start."""
    project = processes(Project(tmp_path))
    project.learns()
    project.clock.fire()
    copy = project.preloading._copy
    project.answers({"flask": "starts a thread"})
    project.clock.fire()
    assert project.making is copy
    requests = [message for child, message in project.processes.sent if isinstance(message, Preload)]
    assert [each.modules for each in requests] == [["json", "flask"], ["json"]]
    project.answers({})
    assert project.saved()
    assert any(isinstance(message, Fork) for _, message in project.processes.sent)
    project.preloading.close()


def test_a_copy_that_is_not_there(processes, tmp_path: Path):
    """Where no copy could be made the next round is started as the first was."""
    project = processes(Project(tmp_path))
    project.learns()
    project.clock.fire()
    project.answers({"flask": "starts a thread"})
    project.clock.fire()
    copy = project.making
    assert copy is not None
    copy.pid = 0
    project.ends(copy)
    project.comes_to_rest()
    assert project.saved()
    project.preloading.close()


def test_the_wanted_list(processes, tmp_path: Path):
    """A list is wanted from any worker until one is known."""
    project = processes(Project(tmp_path))
    assert project.preloading.wants_list(project.analysis)
    project.learns()
    assert not project.preloading.wants_list(project.analysis)
    project.preloading.close()
