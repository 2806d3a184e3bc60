"""A project whose preloader, and its rounds, are fake processes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from appliance.protocol.messages import ModulesReport, Preloaded
from appliance.supervisor.preloading.preload_states import PreloadRole
from appliance.supervisor.preloading.preloading import Preloading
from appliance.supervisor.processes.handles import Handle
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle, no_process

LISTS = (["json", "flask"], ["json", "flask", "jinja2"], ["json", "flask", "sqlalchemy", "jinja2"])


class Project:
    """One project, its preloader, and what may happen to them."""

    def __init__(self, cache: Path) -> None:
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), FakeLog()
        configured: Any = SimpleNamespace(preload="on", reload="on", cache=cache, project=Path("/project"))
        parts: Any = (self.loop, self.children, configured, self.log)
        self.preloading = Preloading(*parts)
        self.children.ended = self.preloading.ended
        plan = SimpleNamespace(python=Path("/python"), interpreter="3.13", fingerprint="f")
        target = SimpleNamespace(search_path=["/project"])
        project = SimpleNamespace(target=target)
        self.analysis: Any = SimpleNamespace(plan=plan, project=project, variables={})
        self.generation = 0
        self.spawned: list[tuple[object, ...]] = []
        self.not_startable = self.not_forkable = False

    def learns(self, number: int = 0) -> None:
        """A worker tells its list."""
        self.preloading.modules_reported(ModulesReport(LISTS[number % len(LISTS)], ["app"]), self.analysis)

    def saved(self) -> bool:
        """A save starts a worker; whether it is forked."""
        self.generation += 1
        return self.preloading.fork(self.generation, self.analysis) is not None

    @property
    def making(self) -> Handle | None:
        """The preloader that imports now."""
        return self.process(PreloadRole.IMPORTING)

    def process(self, process: PreloadRole) -> Handle | None:
        """One of its processes."""
        return self.preloading._processes.get(process)

    def spawn(self, role: str, *args: object, **options: object) -> Handle:
        """As the supervisor's start of a process."""
        if self.not_startable:
            raise no_process()
        self.spawned.append((role, *args, options))
        return handle(role)

    def unborn(self, role: str) -> tuple[Handle, list[int]]:
        """As the supervisor's, except for the descriptors: a copy that is sent its list is there."""
        if self.not_forkable:
            raise no_process()
        return handle(role, forked=True, pid=0), []

    def answers(self, found: dict[str, str]) -> None:
        """The preloader that imports is done."""
        if self.making is not None:
            self.making.pid = self.making.pid or 1_000_000_000
            self.preloading.preloaded(self.making, Preloaded(found=found, refused="", import_s=0.1))

    def ends(self, child: Handle | None) -> None:
        """A process ends by itself."""
        if child is not None:
            self.children.end(child)

    def pass_time(self) -> None:
        """Everything that is scheduled happens, except for the end of what takes too long."""
        self.loop.advance(2.5)

    def comes_to_rest(self) -> None:
        """Nothing more happens, but what was begun is done."""
        for _ in range(4):
            self.pass_time()
            self.answers({})
